// Snapshots.swift: the whole keyspace out of the engine, and back into an empty one.

import RESP

extension Engine {
  /// All databases as they are now, to be written out on another thread.
  ///
  /// `snapshotEnded` is to follow once it is gone.
  mutating func snapshot() -> KeyspaceSnapshot {
    var databases = FixedArray<TableItems<Entry>>()
    for index in 0..<context.databases.count {
      databases.append(context.databases[index].snapshot())
    }
    return KeyspaceSnapshot(databases)
  }

  mutating func snapshotEnded() {
    for index in 0..<context.databases.count { context.databases[index].snapshotsEnded() }
  }
}

/// Puts the parts of a snapshot into an engine that has no keys, in the order in which they were
/// written.
struct SnapshotLoad: ~Copyable {
  private var database = 0
  /// The list whose chunks are being read, with the elements that are to come.
  private var list: Entry?
  private var hash: UInt64 = 0
  private var missing = 0
  private(set) var keys = 0

  /// What does not fit together.
  struct Flaw: Error { let reason: String }

  init() {}

  deinit { list?.release() }

  mutating func add(_ parts: SnapshotParts, to engine: inout Engine) throws(Flaw) {
    while let part = parts.next() {
      switch part {
      case .database(let number):
        guard number < engine.context.databases.count else {
          throw Flaw(
            reason: "it has keys in database \(number), and 'databases' is "
              + "\(engine.context.databases.count)")
        }
        database = number
        guard list == nil else { throw Flaw(reason: "a list ends before its last element") }
      case .entry(let entry, let hash, let elements):
        guard list == nil else {
          entry.release()
          throw Flaw(reason: "a list ends before its last element")
        }
        guard elements == 0 else {
          (list, self.hash, missing) = (entry, hash, elements)
          continue
        }
        try insert(entry, hash, into: &engine)
      case .chunk(let chunk):
        guard let list, chunk.count <= missing else {
          chunk.release()
          throw Flaw(reason: "a part of a list is out of place")
        }
        missing -= chunk.count
        list.unsharedList.append(chunk)
        guard missing == 0 else { continue }
        self.list = nil
        try insert(list, self.hash, into: &engine)
      }
    }
  }

  private mutating func insert(
    _ entry: Entry, _ hash: UInt64, into engine: inout Engine
  ) throws(Flaw) {
    guard engine.context.databases[database].find(entry.key, hash: hash) == nil else {
      entry.release()
      throw Flaw(reason: "it has a key twice")
    }
    entry.accessed = UInt32(truncatingIfNeeded: engine.context.wall / 1000)
    engine.context.databases[database].insert(entry, hash: hash)
    keys += 1
  }

  /// Checks that nothing is left open.
  consuming func finish() throws(Flaw) {
    guard list == nil else { throw Flaw(reason: "a list ends before its last element") }
  }
}
