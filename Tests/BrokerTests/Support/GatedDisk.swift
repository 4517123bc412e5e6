// GatedDisk.swift: a real folder whose syncs wait at a gate and whose space a test takes away.

import Glibc
import RESP

@testable import Broker

/// A folder of its own under the system's temporary one, removed with this value.
final class TemporaryFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) }
    precondition(unsafe made != nil)
    path = unsafe template.withUnsafeBufferPointer { unsafe String(cString: $0.baseAddress!) }
  }

  deinit { Self.removeAll(path) }

  private static func removeAll(_ path: String) {
    for name in (try? PosixDisk().list(path)) ?? [] {
      let entry = "\(path)/\(name)"
      if unsafe unlink(entry) != 0 { removeAll(entry) }
    }
    unsafe rmdir(path)
  }
}

/// The real disk, but for syncs of files, which wait while the gate is closed, and for what is told
/// to fail. Thread safety: any thread may call anything.
final class GatedDisk: Disk, @unchecked Sendable {
  private let real = PosixDisk()
  private let lock = Lock()
  private let changed: Condition
  private var isClosed = false, failsSync = false, isFull = false
  private var waiting = 0, passes = 0, syncCount = 0

  init() { changed = Condition(lock) }

  // MARK: The test's side

  func closeGate() { lock.withLock { isClosed = true } }

  func openGate() {
    lock.withLock {
      isClosed = false
      changed.broadcast()
    }
  }

  /// Waits until a sync stands at the gate.
  func awaitSync() { lock.withLock { while waiting == 0 { changed.wait() } } }

  /// Lets one sync through the closed gate and waits until another stands there.
  func passOne() {
    lock.withLock {
      passes += 1
      changed.broadcast()
      while passes > 0 || waiting == 0 { changed.wait() }
    }
  }

  func failSyncs() { lock.withLock { failsSync = true } }
  func setFull(_ isFull: Bool) { lock.withLock { self.isFull = isFull } }
  var syncs: Int { lock.withLock { syncCount } }

  // MARK: Calls

  func sync(_ file: DiskFile) throws(DiskError) {
    try lock.withLock { () throws(DiskError) in
      waiting += 1
      changed.broadcast()
      while isClosed, passes == 0 { changed.wait() }
      if isClosed { passes -= 1 }
      waiting -= 1
      changed.broadcast()
      syncCount += 1
      guard !failsSync else {
        throw DiskError(
          code: DiskError.inputOutput, call: .sync, path: file.path, reason: "told to")
      }
    }
    try real.sync(file)
  }

  private func meetSpace(_ call: DiskError.Call, _ file: DiskFile) throws(DiskError) {
    guard lock.withLock({ isFull }) else { return }
    throw DiskError(code: DiskError.noSpace, call: call, path: file.path, reason: "told to be full")
  }

  func write(_ file: DiskFile, _ pieces: [ByteView], at offset: Int) throws(DiskError) -> Int {
    try meetSpace(.write, file)
    return try real.write(file, pieces, at: offset)
  }

  func reserve(_ file: DiskFile, from offset: Int, size: Int) throws(DiskError) {
    try meetSpace(.reserve, file)
    try real.reserve(file, from: offset, size: size)
  }

  func makeFolder(_ path: String) throws(DiskError) { try real.makeFolder(path) }
  func list(_ path: String) throws(DiskError) -> [String] { try real.list(path) }
  func syncFolder(_ path: String) throws(DiskError) { try real.syncFolder(path) }
  func rename(_ path: String, to target: String) throws(DiskError) {
    try real.rename(path, to: target)
  }
  func remove(_ path: String) throws(DiskError) { try real.remove(path) }
  func open(_ path: String, for use: DiskUse) throws(DiskError) -> DiskFile {
    try real.open(path, for: use)
  }
  func close(_ file: DiskFile) { real.close(file) }
  func size(_ file: DiskFile) throws(DiskError) -> Int { try real.size(file) }
  func read(
    _ file: DiskFile, at offset: Int, upTo size: Int, into buffer: inout ByteBuffer
  ) throws(DiskError) -> Int {
    try real.read(file, at: offset, upTo: size, into: &buffer)
  }
  func truncate(_ file: DiskFile, to size: Int) throws(DiskError) {
    try real.truncate(file, to: size)
  }
  func startWriteback(_ file: DiskFile, from offset: Int) {}
  func startReading(_ file: DiskFile) {}
  func forgetContents(_ file: DiskFile) {}

  func lock(_ file: DiskFile) throws(DiskError) -> Bool { try real.lock(file) }
}
