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
  /// The folder holds the files of two logs: a repair of it has begun and not ended.
  case unfinishedRepair(folder: String)
  /// What a repair would keep cannot be applied.
  case unusable(folder: String, reason: String)
  /// Commits could not be written before the server stopped, since the disk is full.
  case full(path: String)

  var description: String { summary + advice }

  /// What is wrong, without what to do about it.
  var summary: String {
    switch self {
    case .disk(let error): "\(error)"
    case .locked(let folder, let owner):
      "another server has the data folder \(folder)"
        + (owner.isEmpty ? "" : " (process \(owner))") + ": one server per folder"
    case .noManifest(let folder, let file):
      "\(folder) holds \(file) but no \(Manifest.name): the log is incomplete"
    case .badManifest(let path, let reason): "\(path) \(reason)"
    case .missingFile(let path):
      "\(path) is missing, though the \(Manifest.name) beside it lists it"
    case .foreignFile(let path, let reason): "\(path) \(reason)"
    case .unfinishedImport(let folder): "\(folder) holds an import that was cut short"
    case .damage(let damage): "\(damage)"
    case .unfinishedRepair(let folder): "a repair of \(folder) has begun and not ended"
    case .unusable(let folder, let reason):
      "what is good of the log in \(folder) cannot be applied: \(reason). Nothing was changed"
    case .full(let path): "\(path): no space left for what was still to be written"
    }
  }

  private var advice: String {
    func repair(_ folder: String) -> String {
      "martlet-server --repair \(folder) keeps what can be kept"
    }
    switch self {
    case .noManifest(let folder, _): return "; put it back from a copy, or \(repair(folder))"
    case .badManifest(let path, _), .missingFile(let path):
      return "; put it back from a copy, or \(repair(Folder.parent(of: path)))"
    case .foreignFile(let path, _):
      return "; put the right file back or move this one out of the folder, or "
        + repair(Folder.parent(of: path))
    case .damage(let damage):
      let folder = Folder.parent(of: damage.path)
      return ". Nothing was changed; martlet-server --check-log \(folder) shows the extent, "
        + "--repair \(folder) keeps what is before it and sets the rest aside"
    case .unfinishedImport:
      return ": run --import again, which begins anew, or choose another folder"
    case .unfinishedRepair(let folder):
      return ": martlet-server --repair \(folder) ends it"
    case .disk, .locked, .full, .unusable: return ""
    }
  }
}

/// Makes file calls whose errors end what the log was about to do.
func onDisk<T>(_ calls: () throws(DiskError) -> T) throws(LogError) -> T {
  do { return try calls() } catch { throw .disk(error) }
}

/// Where a log has lost something that was durable once.
struct LogDamage: Error, CustomStringConvertible {
  /// The path of the segment or the checkpoint.
  let path: String
  /// Where in the file the first bytes are that cannot be believed.
  let offset: Int
  /// The first command that cannot be read.
  let sequence: UInt64
  let reason: String

  var description: String {
    "\(path) is damaged at offset \(offset), from command \(sequence) on: \(reason)"
  }
}

/// Why the commands of a frame could not be applied.
struct ReplayError: Error {
  let reason: String
}
