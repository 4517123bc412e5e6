// LogError.swift: why a log cannot be opened or cannot go on, in words for the person on call.

/// What keeps a log from being opened, read or written. Each description is one line.
enum LogError: Error, CustomStringConvertible {
  case disk(DiskError)
  /// Another server has the folder; `owner` is what it wrote into the lock file.
  case locked(folder: String, owner: String)
  /// The folder holds files of a log but no manifest that says which.
  case noManifest(folder: String, file: String)
  case badManifest(path: String, reason: String)
  /// A listed file is not there.
  case missingFile(path: String)
  /// A file is not what its name and the manifest say.
  case foreignFile(path: String, reason: String)
  /// The folder's log is only a part of what was to be imported.
  case unfinishedImport(folder: String)
  case damage(LogDamage)
  /// Commits could not be written before the server stopped, since the disk is full.
  case full(path: String)

  var description: String {
    switch self {
    case .disk(let error): "\(error)"
    case .locked(let folder, let owner):
      "another server has the data folder \(folder)"
        + (owner.isEmpty ? "" : " (process \(owner))") + ": one server per folder"
    case .noManifest(let folder, let file):
      "\(folder) holds \(file) but no \(Manifest.name): the log is incomplete, and starting would "
        + "lose what is in it; put the \(Manifest.name) back or choose another folder"
    case .badManifest(let path, let reason):
      "\(path) \(reason): put it back from a copy or choose another folder"
    case .missingFile(let path):
      "\(path) is missing, though the \(Manifest.name) beside it lists it: put it back from a copy "
        + "or choose another folder"
    case .foreignFile(let path, let reason):
      "\(path) \(reason): put the right file back or move this one out of the folder"
    case .unfinishedImport(let folder):
      "\(folder) holds an import that was cut short: run --import again, which begins anew, or "
        + "choose another folder"
    case .damage(let damage): "\(damage)"
    case .full(let path): "\(path): no space left for what clients still waited for"
    }
  }
}

/// Makes file calls whose errors end what the log was about to do.
func onDisk<T>(_ calls: () throws(DiskError) -> T) throws(LogError) -> T {
  do { return try calls() } catch { throw .disk(error) }
}

/// Where a log has lost something that was durable once.
struct LogDamage: Error, CustomStringConvertible {
  /// The path of the segment.
  let path: String
  /// Where in the file the first bytes are that cannot be believed.
  let offset: Int
  /// The first command that cannot be read.
  let sequence: UInt64
  let reason: String

  var description: String {
    let folder = Folder.parent(of: path)
    return "\(path) is damaged at offset \(offset), from command \(sequence) on: \(reason). "
      + "Nothing was changed; martlet-server --check-log \(folder) shows the extent, and "
      + "--export \(folder) writes out the commands before it"
  }
}

/// Why the commands of a frame could not be applied.
struct ReplayError: Error {
  let reason: String
}
