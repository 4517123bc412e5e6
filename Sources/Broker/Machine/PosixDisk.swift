// PosixDisk.swift: the log's files on a real disk.
//
// Each call is made once, interrupted or not, and its error handed on: `Folder` decides what then.

import CLinux
import Glibc
import RESP

/// The files of this machine. It has no state; any thread may call anything.
final class PosixDisk: Disk {
  /// Pieces that one write takes: IOV_MAX of Linux. More are a short write.
  private static let piecesMax = 1024

  func makeFolder(_ path: String) throws(DiskError) {
    guard unsafe mkdir(path, 0o755) == 0 else { throw lastError(.makeFolder, path) }
  }

  func list(_ path: String) throws(DiskError) -> [String] {
    guard let folder = unsafe opendir(path) else { throw lastError(.list, path) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(folder) else { break }
      let name = unsafe String(cString: martlet_entry_name(entry))
      if name != ".", name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw lastError(.list, path) }
    return names
  }

  func syncFolder(_ path: String) throws(DiskError) {
    let folder = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw lastError(.open, path) }
    defer { Glibc.close(folder) }
    guard fsync(folder) == 0 else { throw lastError(.syncFolder, path) }
  }

  func rename(_ path: String, to target: String) throws(DiskError) {
    guard unsafe Glibc.rename(path, target) == 0 else { throw lastError(.rename, path) }
  }

  func remove(_ path: String) throws(DiskError) {
    if unsafe unlink(path) == 0 { return }
    guard errno == EISDIR else { throw lastError(.remove, path) }
    guard unsafe rmdir(path) == 0 else { throw lastError(.remove, path) }
  }

  func open(_ path: String, for use: DiskUse) throws(DiskError) -> DiskFile {
    let flags =
      switch use {
      case .reading: O_RDONLY
      case .writing: O_RDWR
      case .replacing: O_RDWR | O_CREAT | O_TRUNC
      case .locking: O_RDWR | O_CREAT
      }
    let number = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o644)
    guard number >= 0 else { throw lastError(.open, path) }
    return DiskFile(number: number, path: path)
  }

  /// Not made again when interrupted: on Linux the descriptor is gone then as well.
  func close(_ file: DiskFile) { _ = Glibc.close(file.number) }

  func size(_ file: DiskFile) throws(DiskError) -> Int {
    let size = lseek(file.number, 0, SEEK_END)
    guard size >= 0 else { throw lastError(.size, file.path) }
    return size
  }

  func read(
    _ file: DiskFile, at offset: Int, upTo size: Int, into buffer: inout ByteBuffer
  ) throws(DiskError) -> Int {
    let filled = unsafe buffer.fill(size) { free in
      unsafe pread(file.number, free.baseAddress, free.count, offset)
    }
    guard filled >= 0 else { throw lastError(.read, file.path) }
    return filled
  }

  func write(_ file: DiskFile, _ pieces: [ByteView], at offset: Int) throws(DiskError) -> Int {
    let count = min(pieces.count, Self.piecesMax)
    let size = unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { list in
      for index in 0..<count {
        let piece = pieces[index]
        // pwritev only reads what an iovec names.
        let start = unsafe UnsafeMutableRawPointer(mutating: piece.start)
        unsafe list.initializeElement(at: index, to: iovec(iov_base: start, iov_len: piece.count))
      }
      return unsafe pwritev(file.number, list.baseAddress, Int32(count), offset)
    }
    guard size >= 0 else { throw lastError(.write, file.path) }
    return size
  }

  func sync(_ file: DiskFile) throws(DiskError) {
    guard fdatasync(file.number) == 0 else { throw lastError(.sync, file.path) }
    // What no folder names any more goes with the process, however often it is synced. Some file
    // systems count no names, so the name has the last word.
    let names = martlet_name_count(file.number)
    guard names >= 0 else { throw lastError(.sync, file.path) }
    let hasName = unsafe names > 0 || access(file.path, F_OK) == 0
    guard hasName else {
      throw DiskError(
        code: DiskError.missing, call: .sync, path: file.path, reason: "the file has been removed")
    }
  }

  func truncate(_ file: DiskFile, to size: Int) throws(DiskError) {
    guard ftruncate(file.number, size) == 0 else { throw lastError(.truncate, file.path) }
  }

  func reserve(_ file: DiskFile, from offset: Int, size: Int) throws(DiskError) {
    let keepSize: Int32 = 1  // FALLOC_FL_KEEP_SIZE
    guard fallocate(file.number, keepSize, offset, size) == 0 else {
      throw lastError(.reserve, file.path)
    }
  }

  func startWriteback(_ file: DiskFile, from offset: Int) {
    let write: UInt32 = 2  // SYNC_FILE_RANGE_WRITE
    _ = sync_file_range(file.number, offset, 0, write)
  }

  func startReading(_ file: DiskFile) {
    _ = posix_fadvise(file.number, 0, 0, POSIX_FADV_WILLNEED)
  }

  func forgetContents(_ file: DiskFile) {
    _ = posix_fadvise(file.number, 0, 0, POSIX_FADV_DONTNEED)
  }

  func lock(_ file: DiskFile) throws(DiskError) -> Bool {
    if flock(file.number, LOCK_EX | LOCK_NB) == 0 { return true }
    guard errno == EWOULDBLOCK else { throw lastError(.lock, file.path) }
    return false
  }

  private func lastError(_ call: DiskError.Call, _ path: String) -> DiskError {
    let code = errno
    let reason = unsafe String(cString: strerror(code))
    return DiskError(code: code, call: call, path: path, reason: reason)
  }
}

extension PosixDisk {
  /// Writes all of `bytes` to a stream such as standard output.
  func stream(_ bytes: ByteView, to descriptor: Int32) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      let rest = bytes[done..<bytes.count]
      let size = unsafe Glibc.write(descriptor, rest.start, rest.count)
      if size > 0 {
        done += size
      } else if size == 0 || errno != EINTR {
        throw lastError(.write, "the output")
      }
    }
  }
}
