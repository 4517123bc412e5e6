// SnapshotParts.swift: records of a checkpoint as entries and chunks, ready for the keyspace.
//
// Making them is the work: memory is taken and filled. It needs nothing but the bytes of one block,
// so that several threads may do it, each for blocks of its own; the engine's thread then puts the
// parts in their places, in order.

import RESP

/// The parts of one block. Those that nobody takes are freed with it.
final class SnapshotParts: @unchecked Sendable {
  /// A part that is in nobody's hands yet.
  enum Part {
    case database(Int)
    /// An entry, with the hash of its key. So many elements of its value are to follow.
    case entry(Entry, hash: UInt64, missing: Int)
    case chunk(ListChunk)
    /// A piece whose value was begun in another block.
    case piece(elements: Int, [UInt8])
    /// The text of a library of functions.
    case library([UInt8])
    /// What belongs to jobs: see SnapshotRecord.
    case jobQueue(id: UInt32, name: [UInt8], rest: [UInt8])
    case job(body: [UInt8], rest: [UInt8])
    case jobNote([UInt8])
  }

  private var parts: [Part] = []
  private var taken = 0

  /// Makes the parts of all records in `bytes`.
  init(_ bytes: ByteView, hash: KeyHash) throws(SnapshotRecords.Flaw) {
    var records = SnapshotRecords(bytes)
    parts.reserveCapacity(bytes.count / 64)
    while true {
      let offset = records.offset
      guard let record = try records.next() else { return }
      switch record {
      case .database(let number): parts.append(.database(number))
      case .library(let code): parts.append(.library(code.array))
      case .string(let key, let value, let deadline):
        parts.append(.entry(.string(key, value, deadline: deadline), hash: hash(key), missing: 0))
      case .integer(let key, let value, let deadline):
        parts.append(.entry(.integer(key, value, deadline: deadline), hash: hash(key), missing: 0))
      case .jobQueue(let id, let name, let rest):
        parts.append(.jobQueue(id: id, name: name.array, rest: rest.array))
      case .job(_, let body, let rest): parts.append(.job(body: body.array, rest: rest.array))
      case .jobNote(let bytes): parts.append(.jobNote(bytes.array))
      case .list(let key, let elements, let deadline, let line):
        let list = List.make()
        list.line = line
        let entry = Entry.value(key, list, deadline: deadline)
        parts.append(.entry(entry, hash: hash(key), missing: elements))
      case .value(let kind, let key, let elements, let deadline):
        guard let entry = Entry.pieced(kind, key, deadline: deadline) else {
          throw SnapshotRecords.Flaw(offset: offset)
        }
        parts.append(.entry(entry, hash: hash(key), missing: elements))
      case .piece(let elements, let bytes):
        guard case .entry(let entry, let keyHash, let missing)? = parts.last, missing > 0,
          var value = entry.pieced
        else {
          parts.append(.piece(elements: elements, bytes.array))
          continue
        }
        guard elements <= missing else { throw SnapshotRecords.Flaw(offset: offset) }
        let isTaken = value.takePiece(elements: elements, bytes, hash)
        entry.keep(value)
        guard isTaken else { throw SnapshotRecords.Flaw(offset: offset) }
        parts[parts.count - 1] = .entry(entry, hash: keyHash, missing: missing - elements)
      case .chunk(let elements, let elementSize, let payload):
        guard
          let chunk = ListChunk.make(count: elements, elementSize: elementSize, payload: payload)
        else { throw SnapshotRecords.Flaw(offset: offset) }
        parts.append(.chunk(chunk))
      }
    }
  }

  deinit {
    while let part = next() {
      switch part {
      case .database, .piece, .library, .jobQueue, .job, .jobNote: break
      case .entry(let entry, _, _): entry.release()
      case .chunk(let chunk): chunk.release()
      }
    }
  }

  /// The next part, which the caller owns.
  func next() -> Part? {
    guard taken < parts.count else { return nil }
    taken += 1
    return parts[taken - 1]
  }
}
