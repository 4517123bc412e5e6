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
    return KeyspaceSnapshot(
      databases, libraries: context.scripting.libraries.codes, sections: context.jobs.snapshot())
  }

  mutating func snapshotEnded() {
    context.jobs.snapshotsEnded()
    for index in 0..<context.databases.count { context.databases[index].snapshotsEnded() }
  }
}

/// Puts the parts of a snapshot into an engine that has no keys, in the order in which they were
/// written.
struct SnapshotLoad: ~Copyable {
  private var database = 0
  /// The value whose chunks or pieces are being read, with the elements that are to come.
  private var open: Entry?
  private var hash: UInt64 = 0
  private var missing = 0
  private(set) var keys = 0

  /// What does not fit together.
  struct Flaw: Error {
    let reason: String
    fileprivate static let endsEarly = Flaw(reason: "a value ends before its last element")
    fileprivate static let outOfPlace = Flaw(reason: "a part of a value is out of place")
  }

  init() {}

  deinit { open?.release() }

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
        guard open == nil else { throw .endsEarly }
      case .library(let code):
        guard open == nil else { throw .outOfPlace }
        do throws(CommandError) {
          let taken = code.withView { code in
            Result { () throws(CommandError) in
              try engine.context.scripting.takeAgain(code, engine.context)
            }
          }
          try taken.get()
        } catch {
          throw Flaw(reason: "a library of functions has no name: \(error.text)")
        }
      case .entry(let entry, let hash, let missing):
        guard open == nil else {
          entry.release()
          throw .endsEarly
        }
        guard missing == 0 else {
          (open, self.hash, self.missing) = (entry, hash, missing)
          continue
        }
        try insert(entry, hash, into: &engine)
      case .chunk(let chunk):
        guard let open, open.kind == .list, chunk.count <= missing else {
          chunk.release()
          throw .outOfPlace
        }
        open.unsharedList.append(chunk)
        try count(chunk.count, of: open, into: &engine)
      case .piece(let elements, let bytes):
        guard let open, var value = open.pieced, elements <= missing else { throw .outOfPlace }
        let isTaken = unsafe bytes.withUnsafeBytes {
          unsafe value.takePiece(elements: elements, ByteView($0), engine.context.keyHash)
        }
        open.keep(value)
        guard isTaken else { throw Flaw(reason: "a part of a value cannot be read") }
        try count(elements, of: open, into: &engine)
      case .jobQueue(let id, let name, let rest):
        try check(
          name.withView { name in
            rest.withView {
              engine.context.jobs.load(queue: id, name: name, rest: $0, in: database)
            }
          })
      case .job(let body, let rest):
        try check(
          body.withView { body in
            rest.withView { engine.context.jobs.load(job: body, rest: $0, in: database) }
          })
      case .jobNote(let note):
        try check(note.withView { engine.context.jobs.load(note: $0, in: database) })
      }
    }
  }

  private func check(_ isTaken: Bool) throws(Flaw) {
    guard isTaken else { throw Flaw(reason: "a job cannot be read") }
  }

  /// Takes in that `elements` more of the open value are there.
  private mutating func count(
    _ elements: Int, of open: Entry, into engine: inout Engine
  ) throws(Flaw) {
    missing -= elements
    guard missing == 0 else { return }
    self.open = nil
    try insert(open, hash, into: &engine)
  }

  private mutating func insert(
    _ entry: Entry, _ hash: UInt64, into engine: inout Engine
  ) throws(Flaw) {
    guard engine.context.databases[database].find(entry.key, hash: hash) == nil else {
      entry.release()
      throw Flaw(reason: "it has a key twice")
    }
    if entry.kind == .list, entry.list.line != 0 {
      let list = entry.list
      guard let line = engine.context.jobs.spaces[database].load(line: list.line, of: entry.key)
      else {
        entry.release()
        throw Flaw(reason: "two lists have the same jobs")
      }
      list.line = line
      list.forEachChunk { engine.context.jobs.spaces[database].noteLabel(of: $0, in: line) }
    }
    entry.accessed = UInt32(truncatingIfNeeded: engine.context.wall / 1000)
    engine.context.databases[database].insert(entry, hash: hash)
    keys += 1
  }

  /// Checks that nothing is left open.
  consuming func finish(_ engine: inout Engine) throws(Flaw) {
    guard open == nil else { throw .endsEarly }
    for index in 0..<engine.context.jobs.spaces.count {
      engine.context.jobs.spaces[index].endLoad()
    }
  }
}
