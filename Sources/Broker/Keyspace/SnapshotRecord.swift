// SnapshotRecord.swift: keys and values as bytes, as a checkpoint has them.
//
// A list lies there chunk by chunk, just as in memory: writing and reading it back are copies of
// memory, not walks over elements. Little-endian, one record after the other:
//
//     kind 1  database  number u32
//     kind 2  string    key, size u64, deadline?, bytes of the key, bytes of the string
//     kind 3  integer   key, value i64, deadline?, bytes of the key
//     kind 4  list      key, elements u64, deadline?, bytes of the key
//     kind 5  chunk     elements u32, elementSize u32, size u32, payload: of the list before it
//     kind 6  value     type u8, key, elements u64, deadline?, bytes of the key
//     kind 7  piece     elements u32, size u64, bytes: of the value before it
//     kind 8  queue     id u32, size u32, size u32, name, the rest: what belongs to a queue of jobs
//     kind 9  job       id u32 of its queue, size u32, size u32, bytes of the job, the rest
//     kind 10 note      size u32, bytes: of the jobs
//     kind 16 library   size u64, text of a library of functions; before all keys
//
// where `key` is flags u8 (bit 0: a deadline follows, i64, ms since 1970; bit 1: behind that the line
// of a list, u32) and size u32. What the rest and the notes of jobs mean is said in the Jobs room; a
// job whose id of a queue is 0 has its bytes in a list, or none. Queues come before jobs. Keys are in
// the database named last. A list's chunks follow it, a value's pieces follow that, until they have
// all of its elements. What the bytes of a piece mean is said where its type is.

import RESP

enum SnapshotRecord {
  case database(Int)
  case string(key: ByteView, value: ByteView, deadline: Int64?)
  case integer(key: ByteView, value: Int64, deadline: Int64?)
  case list(key: ByteView, elements: Int, deadline: Int64?, line: UInt32)
  case chunk(elements: Int, elementSize: UInt32, payload: ByteView)
  case value(ValueKind, key: ByteView, elements: Int, deadline: Int64?)
  case piece(elements: Int, bytes: ByteView)
  case jobQueue(id: UInt32, name: ByteView, rest: ByteView)
  case job(queue: UInt32, body: ByteView, rest: ByteView)
  case jobNote(ByteView)
  case library(ByteView)

  fileprivate enum Kind: UInt8 {
    case database = 1
    case string, integer, list, chunk, value, piece, jobQueue, job, jobNote
    case library = 16
  }
}

/// Records read from bytes that a checksum vouches for, and checked all the same.
struct SnapshotRecords {
  private let bytes: ByteView
  private(set) var offset = 0

  /// What cannot be a record.
  struct Flaw: Error {
    /// Where in the bytes it begins.
    let offset: Int
  }

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// The next record, or nil at the end. Its views are parts of the bytes.
  mutating func next() throws(Flaw) -> SnapshotRecord? {
    guard offset < bytes.count else { return nil }
    let begin = offset
    guard let record = read() else {
      offset = begin
      throw Flaw(offset: begin)
    }
    return record
  }

  private mutating func read() -> SnapshotRecord? {
    guard let byte: UInt8 = number(), let kind = SnapshotRecord.Kind(rawValue: byte) else {
      return nil
    }
    switch kind {
    case .database:
      guard let number: UInt32 = number() else { return nil }
      return .database(Int(number))
    case .chunk:
      guard let elements: UInt32 = number(), let elementSize: UInt32 = number(),
        let size: UInt32 = number(), let payload = view(Int(size))
      else { return nil }
      return .chunk(elements: Int(elements), elementSize: elementSize, payload: payload)
    case .piece:
      guard let elements: UInt32 = number(), let length: UInt64 = number(),
        let size = Int(exactly: length), let bytes = view(size)
      else { return nil }
      return .piece(elements: Int(elements), bytes: bytes)
    case .library:
      guard let length: UInt64 = number(), let size = Int(exactly: length), let code = view(size)
      else { return nil }
      return .library(code)
    case .value:
      guard let byte: UInt8 = number(), let type = ValueKind(rawValue: byte), type != .string,
        type != .list
      else { return nil }
      return readKey(kind, type)
    case .string, .integer: return readKey(kind, .string)
    case .list: return readKey(kind, .list)
    case .jobQueue, .job:
      guard let id: UInt32 = number(), let size: UInt32 = number(), let restSize: UInt32 = number(),
        let bytes = view(Int(size)), let rest = view(Int(restSize))
      else { return nil }
      return kind == .job
        ? .job(queue: id, body: bytes, rest: rest) : .jobQueue(id: id, name: bytes, rest: rest)
    case .jobNote:
      guard let size: UInt32 = number(), let bytes = view(Int(size)) else { return nil }
      return .jobNote(bytes)
    }
  }

  private mutating func readKey(
    _ kind: SnapshotRecord.Kind, _ type: ValueKind
  ) -> SnapshotRecord? {
    guard let flags: UInt8 = number(), flags <= 1 || flags <= 3 && kind == .list,
      let keySize: UInt32 = number()
    else { return nil }
    guard let value: UInt64 = number() else { return nil }
    var deadline: Int64?
    if flags & 1 != 0 {
      guard let read: Int64 = number() else { return nil }
      deadline = read
    }
    var line: UInt32 = 0
    if flags & 2 != 0 {
      guard let read: UInt32 = number(), read > 0, read < 1 << 28 else { return nil }
      line = read
    }
    guard let key = view(Int(keySize)) else { return nil }
    switch kind {
    case .string:
      guard let size = Int(exactly: value), let string = view(size) else { return nil }
      return .string(key: key, value: string, deadline: deadline)
    case .integer:
      return .integer(key: key, value: Int64(bitPattern: value), deadline: deadline)
    default:
      guard value > 0, let elements = Int(exactly: value) else { return nil }
      return kind == .list
        ? .list(key: key, elements: elements, deadline: deadline, line: line)
        : .value(type, key: key, elements: elements, deadline: deadline)
    }
  }

  private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>() -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - offset >= size else { return nil }
    defer { offset += size }
    return bytes.littleEndian(at: offset)
  }

  private mutating func view(_ size: Int) -> ByteView? {
    guard bytes.count - offset >= size else { return nil }
    defer { offset += size }
    return bytes[offset..<offset + size]
  }
}

// MARK: Writing

/// A piece of a snapshot: records, the last of which may have its bytes elsewhere.
struct SnapshotBlock: ~Copyable {
  /// About how many bytes a block is to have, a large value besides.
  let sizeWanted: Int
  /// From this size on a value is not copied into the block but named by it.
  static let namedMin = 256 << 10

  private(set) var bytes: ByteBuffer
  /// Bytes that belong behind `bytes`, valid until the block is emptied.
  private(set) var tail = ByteView()
  private(set) var records = 0
  private var owner: Owner?
  private enum Owner {
    case entry(Entry), chunk(ListChunk)
  }

  init(sizeWanted: Int = 1 << 20) {
    self.sizeWanted = sizeWanted
    bytes = ByteBuffer(capacity: sizeWanted + Self.namedMin)
  }

  deinit { release() }

  var isFull: Bool { bytes.count >= sizeWanted || owner != nil }

  mutating func removeAll() {
    release()
    owner = nil
    tail = ByteView()
    records = 0
    bytes.truncate(to: 0)
  }

  private func release() {
    switch owner {
    case .entry(let entry)?: entry.release()
    case .chunk(let chunk)?: chunk.release()
    case nil: break
    }
  }

  mutating func append(database number: Int) {
    begin(.database)
    bytes.append(littleEndian: UInt32(number))
  }

  mutating func append(library code: [UInt8]) {
    begin(.library)
    bytes.append(littleEndian: UInt64(code.count))
    bytes.append(code)
  }

  private mutating func begin(_ kind: SnapshotRecord.Kind) {
    records += 1
    bytes.append(byte: kind.rawValue)
  }

  /// Flags and size of a key.
  private mutating func appendHead(_ entry: Entry) {
    bytes.append(byte: entry.hasDeadline ? 1 : 0)
    bytes.append(littleEndian: UInt32(entry.keyCount))
  }

  private mutating func appendKey(_ entry: Entry) {
    if let deadline = entry.deadline { bytes.append(littleEndian: deadline) }
    bytes.append(entry.key)
  }

  /// Appends a string, taking over one ownership of its entry.
  mutating func append(string entry: Entry) {
    if let integer = entry.storedInteger {
      begin(.integer)
      appendHead(entry)
      bytes.append(littleEndian: integer)
      appendKey(entry)
      return entry.release()
    }
    begin(.string)
    appendHead(entry)
    if let blob = entry.blob, blob.count >= Self.namedMin {
      bytes.append(littleEndian: UInt64(blob.count))
      appendKey(entry)
      tail = blob.bytes
      owner = .entry(entry)
      return
    }
    let view = entry.storedString
    bytes.append(littleEndian: UInt64(view.count))
    appendKey(entry)
    bytes.append(view)
    entry.release()
  }

  /// Appends the key of a list; its chunks are to follow.
  mutating func append(list entry: Entry) {
    begin(.list)
    let line = entry.list.line
    bytes.append(byte: (entry.hasDeadline ? 1 : 0) | (line != 0 ? 2 : 0))
    bytes.append(littleEndian: UInt32(entry.keyCount))
    bytes.append(littleEndian: UInt64(entry.list.count))
    if let deadline = entry.deadline { bytes.append(littleEndian: deadline) }
    if line != 0 { bytes.append(littleEndian: line) }
    bytes.append(entry.key)
  }

  mutating func append(jobQueue id: UInt32, name: ByteView, rest: ByteView) {
    append(.jobQueue, id, name, rest)
  }

  mutating func append(job queue: UInt32, body: ByteView, rest: ByteView) {
    append(.job, queue, body, rest)
  }

  private mutating func append(
    _ kind: SnapshotRecord.Kind, _ id: UInt32, _ first: ByteView, _ second: ByteView
  ) {
    begin(kind)
    bytes.append(littleEndian: id)
    bytes.append(littleEndian: UInt32(first.count))
    bytes.append(littleEndian: UInt32(second.count))
    bytes.append(first)
    bytes.append(second)
  }

  mutating func append(jobNote note: [UInt8]) {
    begin(.jobNote)
    bytes.append(littleEndian: UInt32(note.count))
    bytes.append(note)
  }

  /// Appends the key of a value; its pieces are to follow.
  mutating func append(value: any PiecedValue, of entry: Entry) {
    begin(.value)
    bytes.append(byte: entry.kind.rawValue)
    appendHead(entry)
    bytes.append(littleEndian: UInt64(value.snapshotCount))
    appendKey(entry)
  }

  /// Appends a piece, whose bytes `body` appends, returning how many elements it has.
  ///
  /// - Returns: false when it has none; there is no piece then.
  mutating func appendPiece(_ body: (inout ByteBuffer) -> Int) -> Bool {
    let start = bytes.count
    begin(.piece)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: UInt64(0))
    let elements = body(&bytes)
    guard elements > 0 else {
      bytes.truncate(to: start)
      records -= 1
      return false
    }
    let size = bytes.count - start - 13
    bytes.overwrite(at: start + 1, littleEndian: UInt32(elements))
    bytes.overwrite(at: start + 5, littleEndian: UInt64(size))
    return true
  }

  /// Appends a chunk, taking over one ownership of it.
  mutating func append(chunk: ListChunk) {
    begin(.chunk)
    let payload = chunk.payload
    bytes.append(littleEndian: UInt32(chunk.count))
    bytes.append(littleEndian: chunk.elementSize)
    bytes.append(littleEndian: UInt32(payload.count))
    if payload.count >= Self.namedMin {
      tail = payload
      owner = .chunk(chunk)
    } else {
      bytes.append(payload)
      chunk.release()
    }
  }
}
