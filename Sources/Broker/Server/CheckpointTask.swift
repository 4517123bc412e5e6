// CheckpointTask.swift: a checkpoint being written, on a thread of its own.
//
// It has the snapshot, and nobody else does; what it and the engine's thread both look at are a few
// numbers. It writes at a bounded rate, since it shares the disk with the log and the processor with
// the engine, and hands the finished file to the log's writer, which alone changes the manifest.

import Synchronization

/// Thread safety: any thread may ask; `cancel` and `join` are the engine thread's.
final class CheckpointTask: @unchecked Sendable {
  /// The work as it is handed to the thread.
  private final class Order: @unchecked Sendable {
    var snapshot: KeyspaceSnapshot?
    init(_ snapshot: consuming KeyspaceSnapshot) { self.snapshot = consume snapshot }
  }

  enum Outcome {
    case finished(size: Int)
    case failed(LogError)
    case cancelled
  }

  /// The snapshot's age, monotonic nanoseconds.
  let begin = SystemClock.monotonic()
  let keyCount: Int
  private let log: LogThread
  private let header: CheckpointHeader
  private let wake: @Sendable () -> Void
  private var thread: Thread?

  private let keys = Atomic<Int>(0)
  private let bytes = Atomic<Int>(0)
  /// Bytes a second; 0 for as fast as it goes.
  private let rate = Atomic<Int>(0)
  private let isCancelled = Atomic<Bool>(false)
  private let lock = Lock()
  private let changed: Condition
  private var result: Outcome?

  /// Begins to write `snapshot`, which is that of the commands up to `header.sequence`.
  ///
  /// - Parameter wake: called once there is an outcome.
  /// - Throws: when the system has no thread for it; the snapshot is gone then.
  init(
    _ snapshot: consuming KeyspaceSnapshot, _ header: CheckpointHeader, to log: LogThread,
    startThread: ThreadStarter, wake: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    keyCount = snapshot.keyCount
    self.log = log
    self.header = header
    self.wake = wake
    changed = Condition(lock)
    let order = Order(snapshot)
    thread = try startThread("checkpoint") { self.run(order) }
  }

  // MARK: The engine's side

  /// Keys and bytes written so far.
  var progress: (keys: Int, bytes: Int) {
    (keys.load(ordering: .relaxed), bytes.load(ordering: .relaxed))
  }

  /// How it ended; nil while it goes on.
  var outcome: Outcome? { lock.withLock { result } }

  /// Bounds the rate to bytes a second; nil for as fast as it goes.
  func setRate(_ bytesPerSecond: Int?) {
    guard rate.load(ordering: .relaxed) != bytesPerSecond ?? 0 else { return }
    rate.store(bytesPerSecond ?? 0, ordering: .relaxed)
    lock.withLock { changed.broadcast() }
  }

  /// Has it end soon and leave nothing behind, unless it is just about to be done.
  func cancel() {
    lock.withLock {
      isCancelled.store(true, ordering: .releasing)
      changed.broadcast()
    }
  }

  /// Waits for the end, but no longer than `nanoseconds`: it is cancelled then.
  func join(within nanoseconds: UInt64 = .max) -> Outcome {
    if nanoseconds < .max {
      let until = SystemClock.monotonic() + Int64(nanoseconds)
      lock.withLock {
        while result == nil {
          let left = until - SystemClock.monotonic()
          guard left > 0, changed.wait(nanoseconds: UInt64(left)) else { break }
        }
        if result == nil { isCancelled.store(true, ordering: .releasing) }
      }
    }
    thread?.join()
    thread = nil
    return lock.withLock { result! }
  }

  // MARK: The thread

  private func run(_ order: Order) {
    Thread.standBack()
    let outcome = write(order)
    lock.withLock {
      result = outcome
      changed.broadcast()
    }
    wake()
  }

  private func write(_ order: Order) -> Outcome {
    let size: Int, file: Manifest.Checkpoint
    do throws(DiskError) {
      // Gone when this is done: the engine learns of the end and writes without copying.
      var snapshot = order.snapshot.take()!
      var writer = try CheckpointWriter.begin(header, in: log.folder)
      // Small ones: the processor and the disk are for others in between.
      var block = SnapshotBlock(sizeWanted: 256 << 10)
      while true {
        block.removeAll()
        snapshot.fill(&block)
        guard block.records > 0 else { break }
        let offset = writer.size
        try writer.append(block.bytes.view, block.tail, records: block.records)
        writer.startWriteback(from: offset)
        keys.store(snapshot.keysDone, ordering: .relaxed)
        bytes.store(writer.size, ordering: .relaxed)
        guard rest(after: writer.size - offset) else { return .cancelled }
      }
      // The sync may take long: who stops in a hurry does not want it.
      guard !isCancelled.load(ordering: .acquiring) else { return .cancelled }
      try writer.finish()
      size = writer.size
      file = Manifest.Checkpoint(name: writer.name, sequence: header.sequence)
    } catch {
      return .failed(.disk(error))
    }
    guard !isCancelled.load(ordering: .acquiring) else {
      try? log.folder.remove(file.name)
      return .cancelled
    }
    switch log.adopt(file, size: size) {
    case .success(let names):
      // What cannot be removed now is removed by the next start.
      for name in names { try? log.folder.remove(name) }
      return .finished(size: size)
    case .failure(let error):
      if log.failure == nil { try? log.folder.remove(file.name) }
      return .failed(error)
    }
  }

  /// Waits as long as the rate wants it after `size` bytes.
  ///
  /// - Returns: false when it has been cancelled.
  private func rest(after size: Int) -> Bool {
    let begin = SystemClock.monotonic()
    return lock.withLock {
      while !isCancelled.load(ordering: .acquiring) {
        let rate = rate.load(ordering: .relaxed)
        guard rate > 0 else { return true }
        let pause = Int64(Double(size) / Double(rate) * 1e9)
        let left = begin + pause - SystemClock.monotonic()
        guard left > 0 else { return true }
        _ = changed.wait(nanoseconds: UInt64(left))
      }
      return false
    }
  }
}
