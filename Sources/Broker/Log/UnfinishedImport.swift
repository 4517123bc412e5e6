// UnfinishedImport.swift: the mark of a folder whose log is only a part of what is to be imported.
//
// A file beside the log, which is durable before the first imported command is written and goes when
// the last one is durable. Nothing starts from a folder that has it (Recovery.readManifest). That
// works where the data folder is a mount point, too, which could not be renamed into its place.

enum UnfinishedImport {
  static let name = "IMPORTING"

  /// Marks the folder, whose log has no commands.
  static func begin(in folder: Folder) throws(DiskError) {
    let file = try folder.open(name, for: .replacing)
    defer { folder.close(file) }
    try folder.sync(file)
    try folder.sync()
  }

  /// Takes the mark off the folder, whose log is whole and durable.
  static func end(in folder: Folder) throws(DiskError) {
    try folder.remove(name)
    try folder.sync()
  }

  /// Empties a marked folder of its log; one without the mark, or that is not there, is left alone.
  static func remove(from folder: Folder, processID: Int32) throws(LogError) {
    guard let found = try? folder.list(), found.contains(name) else { return }
    let lock = try FolderLock(folder, processID: processID)
    try onDisk { () throws(DiskError) in
      let names = try folder.list()
      guard names.contains(name) else { return }
      for file in names where FoundLog.isOfLog(file) { try folder.remove(file) }
      try folder.sync()  // Before the mark goes: no part of the log may outlive it.
      try end(in: folder)
    }
    _ = consume lock
  }
}
