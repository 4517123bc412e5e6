// TextFile.swift: small whole files: options, users, process number, and the log people read.
//
// The append-only log is not written here: that has its own disk with its own promises.

import Glibc
import RESP

enum TextFile {
  /// The whole of a file.
  ///
  /// - Throws: EFBIG when it has more than `sizeMax` bytes.
  static func read(_ path: String, sizeMax: Int = 64 << 20) throws(SystemError) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .last(path) }
    defer { _ = close(file) }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe piece.withUnsafeMutableBytes { piece in
        uninterrupted { unsafe Glibc.read(file, piece.baseAddress, piece.count) }
      }
      guard count >= 0 else { throw .last(path) }
      if count == 0 { return content }
      content += piece[..<count]
      guard content.count <= sizeMax else { throw SystemError(call: path, code: EFBIG) }
    }
  }

  /// Puts `content` in the place of a file: after a crash it is the old one or the new one.
  ///
  /// A new file can be read by its owner alone, for it may hold passwords; an old one's mode is kept.
  static func replace(_ path: String, with content: [UInt8]) throws(SystemError) {
    let temporary = "\(path).tmp-\(getpid())"
    var status = stat()
    let mode = unsafe stat(path, &status) == 0 ? status.st_mode & 0o777 : 0o600
    let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard file >= 0 else { throw .last(temporary) }
    do throws(SystemError) {
      defer { _ = close(file) }
      try write(content, to: file, temporary)
      guard fsync(file) == 0 else { throw SystemError.last(temporary) }
    } catch {
      _ = unsafe unlink(temporary)
      throw error
    }
    guard unsafe rename(temporary, path) == 0 else {
      let error = SystemError.last(path)
      _ = unsafe unlink(temporary)
      throw error
    }
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last(folder) }
    defer { _ = close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .last(folder) }
  }

  /// Writes the number of this process, for service managers.
  static func writeProcessID(to path: String) throws(SystemError) {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .last(path) }
    defer { _ = close(file) }
    try write(Array("\(getpid())\n".utf8), to: file, path)
  }

  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  static func remove(_ path: String) { _ = unsafe unlink(path) }

  fileprivate static func write(
    _ content: [UInt8], to file: Int32, _ path: String
  ) throws(SystemError) {
    var rest = content[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { bytes in
        uninterrupted { unsafe Glibc.write(file, bytes.baseAddress, bytes.count) }
      }
      guard count > 0 else { throw .last(path) }
      rest = rest.dropFirst(count)
    }
  }
}

/// Where lines for people go: standard error, or the end of a file.
///
/// A line is one write, so lines of several threads never mix. The file is opened for each line, as
/// Redis does, so that a rotated file is let go of at once.
///
/// Thread safety: `write` by any thread at any time.
struct LineOutput: Sendable {
  /// Nil is standard error.
  let path: String?

  static let standardError = LineOutput()

  private init() { path = nil }

  /// - Throws: when the file can't be opened now.
  init(path: String) throws(SystemError) {
    self.path = path
    let file = try open()
    _ = close(file)
  }

  /// Appends `line` and a line break. When that fails there is nobody to tell.
  func write(_ line: String) {
    let bytes = Array(line.utf8) + [0x0A]
    guard path != nil else {
      try? TextFile.write(bytes, to: 2, "standard error")
      return
    }
    guard let file = try? open() else { return }
    defer { _ = close(file) }
    try? TextFile.write(bytes, to: file, path ?? "")
  }

  private func open() throws(SystemError) -> Int32 {
    let path = path ?? "/dev/stderr"
    let file = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .last(path) }
    return file
  }
}

/// Where exports go.
enum StandardOutput {
  /// Writes all of `bytes`.
  ///
  /// - Returns: the error, or nil when all went well.
  static func write(_ bytes: ByteView) -> SystemError? {
    var done = 0
    while done < bytes.count {
      let rest = bytes[done..<bytes.count]
      let count = unsafe rest.withUnsafeBytes { raw in
        uninterrupted { unsafe Glibc.write(1, raw.baseAddress, raw.count) }
      }
      guard count > 0 else { return .last("write") }
      done += count
    }
    return nil
  }
}
