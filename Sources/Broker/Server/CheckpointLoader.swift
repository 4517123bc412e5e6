// CheckpointLoader.swift: a checkpoint read by several threads, handed over in order.
//
// Reading, checking and making the parts of a block need nothing but its bytes: each thread takes the
// next block of the file for itself. The engine's thread takes the parts and puts them in place.

import RESP

/// Thread safety: `next` is one thread's.
final class CheckpointLoader: @unchecked Sendable {
  /// Blocks that are made ahead: a bound for the memory they take, with about a MiB each.
  private static let aheadMax = 8

  private let hash: KeyHash
  private let lock = Lock()
  /// Signalled for who takes, and for the threads that make.
  private let isMade: Condition, hasRoom: Condition
  // With the lock held:
  private var reader: CheckpointReader
  private var given = 0, taken = 0
  /// How many blocks there are, once that is known.
  private var total = Int.max
  private var made: [Int: Result<(parts: SnapshotParts, end: Int), LogError>] = [:]
  private var isStopped = false
  private var threads: [Thread] = []

  /// Begins to read ahead with `threadCount` threads, or with fewer where the system has no more.
  ///
  /// - Throws: when it has none at all.
  init(
    _ reader: consuming CheckpointReader, hash: KeyHash, threadCount: Int,
    startThread: ThreadStarter = Thread.init
  ) throws(SystemError) {
    self.reader = reader
    self.hash = hash
    isMade = Condition(lock)
    hasRoom = Condition(lock)
    do throws(SystemError) {
      for _ in 0..<threadCount { threads.append(try startThread("loader") { self.run() }) }
    } catch {
      guard !threads.isEmpty else { throw error }
    }
  }

  enum Step {
    /// The parts of the next block, and where it ends in the file.
    case parts(SnapshotParts, end: Int)
    case end
    /// Nothing yet.
    case waiting
  }

  /// The next block's parts, for which it waits up to `nanoseconds`.
  func next(within nanoseconds: UInt64) throws(LogError) -> Step {
    let result: Result<(parts: SnapshotParts, end: Int), LogError>
    lock.lock()
    if made[taken] == nil, taken < total { _ = isMade.wait(nanoseconds: nanoseconds) }
    guard let next = made.removeValue(forKey: taken) else {
      defer { lock.unlock() }
      return taken < total ? .waiting : .end
    }
    taken += 1
    result = next
    hasRoom.signal()
    lock.unlock()
    let (parts, end) = try result.get()
    return .parts(parts, end: end)
  }

  /// Ends the threads; to be called in any case.
  func stop() {
    lock.withLock {
      isStopped = true
      hasRoom.broadcast()
    }
    for thread in threads { thread.join() }
    threads = []
  }

  // MARK: The threads

  private func run() {
    var body = ByteBuffer()
    while let (index, block) = takeBlock() {
      let result: Result<(parts: SnapshotParts, end: Int), LogError>
      do throws(LogError) {
        body.reset(keeping: 4 << 20)
        try block.read(into: &body)
        do throws(SnapshotRecords.Flaw) {
          result = .success((try SnapshotParts(body.view, hash: hash), block.end))
        } catch {
          throw block.damage(at: block.offset + error.offset, "no record begins here")
        }
      } catch {
        result = .failure(error)
      }
      lock.withLock {
        made[index] = result
        if index == taken { isMade.signal() }
      }
    }
  }

  private func takeBlock() -> (Int, CheckpointReader.Block)? {
    lock.lock()
    defer { lock.unlock() }
    while given - taken >= Self.aheadMax, !isStopped { hasRoom.wait() }
    guard !isStopped, given < total else { return nil }
    do throws(LogError) {
      if let block = try reader.next() {
        given += 1
        return (given - 1, block)
      }
      total = given
    } catch {
      made[given] = .failure(error)
      total = given + 1
    }
    isMade.signal()
    hasRoom.broadcast()
    return nil
  }
}
