// ImportError.swift: why a foreign file cannot be taken in, in words for the person who moves.

/// What ends an import. Each description is one line; nothing of the import is left in the folder.
enum ImportError: Error, CustomStringConvertible {
  case disk(DiskError)
  /// The log of the data folder can't be opened or written.
  case log(LogError)
  /// A file, from `offset` on, is not what it should be, or holds what can't be taken.
  case content(path: String, offset: Int, reason: String)
  /// What was given names no files to read.
  case source(path: String, reason: String)
  /// The folder has data already.
  case hasData(folder: String)

  var description: String {
    switch self {
    case .disk(let error): "\(error)"
    case .log(let error): "\(error)"
    case .content(let path, let offset, let reason):
      "\(path) at offset \(offset): \(reason); nothing was imported"
    case .source(let path, let reason): "\(path) \(reason); nothing was imported"
    case .hasData(let folder):
      "\(folder) has data already, and an import takes an empty folder: choose another one with "
        + "--dir; nothing was touched"
    }
  }
}
