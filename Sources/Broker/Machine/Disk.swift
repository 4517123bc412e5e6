// Disk.swift: the one door between the append-only log and the machine's files.
//
// Every file call of the log goes through `Disk`: the real one is Machine's `PosixDisk`; a
// simulated one loses, tears and fails what it is told to. A `Disk` makes each call once and
// reports what came of it; `Folder` is what the log uses, and it rides out interrupted calls. Paths
// are text, for people chose them; contents are bytes.

import RESP

/// File calls as the log needs them, each made once.
///
/// Thread safety: calls on different files may come from different threads, and `sync` of a file
/// may run beside a `write` to it.
protocol Disk: AnyObject, Sendable {
  /// Creates one folder, whose parent exists. An existing one is an error, `.exists`.
  func makeFolder(_ path: String) throws(DiskError)
  /// The names of the entries of a folder, in no order, without `.` and `..`.
  func list(_ path: String) throws(DiskError) -> [String]
  /// Makes the entries of a folder durable: files created, renamed and removed in it.
  func syncFolder(_ path: String) throws(DiskError)
  /// Replaces `target`, if there is one, in one step.
  func rename(_ path: String, to target: String) throws(DiskError)
  /// Removes a file or an empty folder.
  func remove(_ path: String) throws(DiskError)

  func open(_ path: String, for use: DiskUse) throws(DiskError) -> DiskFile
  func close(_ file: DiskFile)
  func size(_ file: DiskFile) throws(DiskError) -> Int
  /// Appends up to `size` bytes from `offset` on to `buffer`. Zero means the end of the file.
  func read(
    _ file: DiskFile, at offset: Int, upTo size: Int, into buffer: inout ByteBuffer
  ) throws(DiskError) -> Int
  /// Writes `pieces` one after the other from `offset` on.
  ///
  /// - Returns: the bytes written, which may be fewer than there are.
  func write(_ file: DiskFile, _ pieces: [ByteView], at offset: Int) throws(DiskError) -> Int
  /// Makes the contents and the size of a file durable; an error when the file has been removed.
  func sync(_ file: DiskFile) throws(DiskError)
  func truncate(_ file: DiskFile, to size: Int) throws(DiskError)
  /// Sets space aside for `size` bytes from `offset` on, without changing the file's size.
  func reserve(_ file: DiskFile, from offset: Int, size: Int) throws(DiskError)
  /// Has the system begin to write to the disk what was written from `offset` on, and waits for
  /// nothing. Only a help: it makes nothing durable.
  func startWriteback(_ file: DiskFile, from offset: Int)
  /// Has the system read a file ahead of who is about to read all of it. Only a help.
  func startReading(_ file: DiskFile)
  /// Has the system give back the memory in which it keeps what of the file is durable: nobody will
  /// read it soon. Only a help.
  func forgetContents(_ file: DiskFile)
  /// Takes the file's lock, which ends with `close` or with the process.
  ///
  /// - Returns: false when another process has it.
  func lock(_ file: DiskFile) throws(DiskError) -> Bool
}

/// An open file of a disk.
struct DiskFile: Sendable {
  let number: Int32
  let path: String
}

/// What a file is opened for.
enum DiskUse: Sendable {
  case reading
  /// Reading and writing a file that exists.
  case writing
  /// Reading and writing, beginning with no bytes whether or not there is such a file.
  case replacing
  /// Locking: the file is created when there is none and its bytes are left as they are.
  case locking
}

/// A file call that did not do what it was asked.
struct DiskError: Error, CustomStringConvertible {
  enum Call: String {
    case makeFolder = "mkdir"
    case list, rename, remove, open, size, read, write, truncate, reserve, lock
    case sync = "fdatasync"
    case syncFolder = "fsync"
  }

  /// The system's number of the error; those the log tells apart are named here.
  let code: Int32
  let call: Call
  let path: String
  /// The system's words for `code`.
  let reason: String

  var description: String { "\(call.rawValue) \(path): \(reason)" }

  static let missing: Int32 = 2  // ENOENT
  static let interrupted: Int32 = 4  // EINTR
  static let inputOutput: Int32 = 5  // EIO
  static let outOfMemory: Int32 = 12  // ENOMEM
  static let noAccess: Int32 = 13  // EACCES
  static let exists: Int32 = 17  // EEXIST
  static let tooManyFiles: Int32 = 23  // ENFILE
  static let tooManyFilesHere: Int32 = 24  // EMFILE
  static let notEmpty: Int32 = 39  // ENOTEMPTY
  static let fileTooLarge: Int32 = 27  // EFBIG
  static let noSpace: Int32 = 28  // ENOSPC
  static let overQuota: Int32 = 122  // EDQUOT

  var isInterrupted: Bool { code == Self.interrupted }
  var isMissing: Bool { code == Self.missing }
  /// Space is lacking, and may come back: on the disk, for the user, or for one file (`ulimit -f`).
  var isFull: Bool {
    code == Self.noSpace || code == Self.overQuota || code == Self.fileTooLarge
  }
  /// A later try may succeed. Never true of a sync: what it could not write is gone.
  var isPassing: Bool {
    guard call != .sync, call != .syncFolder else { return false }
    switch code {
    case Self.outOfMemory, Self.tooManyFiles, Self.tooManyFilesHere: return true
    default: return isFull
    }
  }
}

/// A folder of a disk: its files by name, with interrupted calls made again.
struct Folder: Sendable {
  let disk: any Disk
  let path: String

  func path(of name: String) -> String { "\(path)/\(name)" }

  private func steadily<T>(_ call: () throws(DiskError) -> T) throws(DiskError) -> T {
    while true {
      do { return try call() } catch {
        guard error.isInterrupted else { throw error }
      }
    }
  }

  // MARK: The folder

  /// A folder in this one.
  func folder(_ name: String) -> Folder { Folder(disk: disk, path: path(of: name)) }

  /// Creates the folder with those above it where they are missing, each made durable in its
  /// parent.
  func make() throws(DiskError) {
    var missing: [String] = []
    var next = path
    while true {
      do {
        _ = try Folder(disk: disk, path: next).list()
        break
      } catch {
        let parent = Self.parent(of: next)
        guard error.isMissing, parent != next else { throw error }
        missing.append(next)
        next = parent
      }
    }
    // Who made the one that is there may have been killed before its parent was synced.
    do { try Folder(disk: disk, path: Self.parent(of: next)).sync() } catch {
      guard error.code == DiskError.noAccess else { throw error }
    }
    while let folder = missing.popLast() {
      do {
        try steadily { () throws(DiskError) in try disk.makeFolder(folder) }
      } catch {
        guard error.code == DiskError.exists else { throw error }
      }
      try Folder(disk: disk, path: Self.parent(of: folder)).sync()
    }
  }

  static func parent(of path: String) -> String {
    var parts = path.utf8[...]
    while parts.count > 1, parts.last == UInt8(ascii: "/") { parts.removeLast() }
    guard let slash = parts.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    let parent = String(parts[..<slash]) ?? "."
    return parent.isEmpty ? "/" : parent
  }

  func list() throws(DiskError) -> [String] {
    try steadily { () throws(DiskError) in try disk.list(path) }
  }

  func sync() throws(DiskError) {
    try steadily { () throws(DiskError) in try disk.syncFolder(path) }
  }

  func rename(_ name: String, to target: String) throws(DiskError) {
    let from = path(of: name), to = path(of: target)
    try steadily { () throws(DiskError) in try disk.rename(from, to: to) }
  }

  func remove(_ name: String) throws(DiskError) {
    let path = path(of: name)
    try steadily { () throws(DiskError) in try disk.remove(path) }
  }

  // MARK: Files

  func open(_ name: String, for use: DiskUse) throws(DiskError) -> DiskFile {
    let path = path(of: name)
    return try steadily { () throws(DiskError) in try disk.open(path, for: use) }
  }

  func close(_ file: DiskFile) { disk.close(file) }

  func size(_ file: DiskFile) throws(DiskError) -> Int {
    try steadily { () throws(DiskError) in try disk.size(file) }
  }

  func read(
    _ file: DiskFile, at offset: Int, upTo size: Int, into buffer: inout ByteBuffer
  ) throws(DiskError) -> Int {
    while true {
      do {
        return try disk.read(file, at: offset, upTo: size, into: &buffer)
      } catch {
        guard error.isInterrupted else { throw error }
      }
    }
  }

  /// Appends `size` bytes from `offset` on to `buffer`, which is empty; fewer where the file ends
  /// before. Memory grows with the bytes that are there.
  func readAll(
    _ file: DiskFile, _ size: Int, at offset: Int, into buffer: inout ByteBuffer
  ) throws(DiskError) {
    while buffer.count < size {
      let step = min(size - buffer.count, 1 << 20)
      guard try read(file, at: offset + buffer.count, upTo: step, into: &buffer) > 0 else { return }
    }
  }

  /// Writes some of `pieces`; at least one byte where there are any.
  func write(_ file: DiskFile, _ pieces: [ByteView], at offset: Int) throws(DiskError) -> Int {
    try steadily { () throws(DiskError) in try disk.write(file, pieces, at: offset) }
  }

  /// Writes all of `bytes`; some may have been written when it throws.
  func writeAll(_ file: DiskFile, _ bytes: ByteView, at offset: Int) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      let size = try write(file, [bytes[done..<bytes.count]], at: offset + done)
      guard size > 0 else { throw .wroteNothing(file) }
      done += size
    }
  }

  func sync(_ file: DiskFile) throws(DiskError) {
    try steadily { () throws(DiskError) in try disk.sync(file) }
  }

  func truncate(_ file: DiskFile, to size: Int) throws(DiskError) {
    try steadily { () throws(DiskError) in try disk.truncate(file, to: size) }
  }

  func reserve(_ file: DiskFile, from offset: Int, size: Int) throws(DiskError) {
    try steadily { () throws(DiskError) in try disk.reserve(file, from: offset, size: size) }
  }

  func startWriteback(_ file: DiskFile, from offset: Int) {
    disk.startWriteback(file, from: offset)
  }

  func startReading(_ file: DiskFile) { disk.startReading(file) }

  func forgetContents(_ file: DiskFile) { disk.forgetContents(file) }

  func lock(_ file: DiskFile) throws(DiskError) -> Bool {
    try steadily { () throws(DiskError) in try disk.lock(file) }
  }
}

extension DiskError {
  /// A write that neither wrote nor failed: trying again for ever would be worse.
  static func wroteNothing(_ file: DiskFile) -> DiskError {
    DiskError(code: inputOutput, call: .write, path: file.path, reason: "nothing was written")
  }
}
