// StreamPieces.swift: a stream as bytes, as a checkpoint has it, and as commands.
//
// A piece is a row of records, little-endian. Names are a size u32 and their bytes, ids two u64:
//
//     kind 1  entries   removed u32, charge u32, count u32, base, last, sizes of names and entries
//                       u32 each, names, entries, as they lie in a chunk          counts its entries
//     kind 2  stream    last, deleted, added i64, count of entries u64            counts 1
//     kind 3  group     name, delivered, read i64 (-1: not known)                 counts 1
//     kind 4  consumer  names of group and consumer, seen i64                     counts 1
//     kind 5  pending   names of group and consumer, count u32, of each id, delivered i64,
//                       deliveries i64                                            counts each
//
// Entries come first, then the stream, then each group with its consumers, each with what is pending.

import RESP

private enum StreamRecordKind: UInt8 {
  case entries = 1
  case stream, group, consumer, pending
}

// MARK: Writing

extension ByteBuffer {
  fileprivate mutating func append(_ id: StreamID) {
    append(littleEndian: id.milliseconds)
    append(littleEndian: id.sequence)
  }

  fileprivate mutating func append(name: ByteView) {
    append(littleEndian: UInt32(name.count))
    append(name)
  }

  fileprivate mutating func append(kind: StreamRecordKind) { append(byte: kind.rawValue) }

  fileprivate mutating func append(entries chunk: EntryChunk) {
    let (names, entries) = chunk.payload
    append(kind: .entries)
    for number in [chunk.removed, chunk.charge, chunk.count] {
      append(littleEndian: UInt32(number))
    }
    append(chunk.base)
    append(chunk.last)
    append(littleEndian: UInt32(names.count))
    append(littleEndian: UInt32(entries.count))
    append(names)
    append(entries)
  }

  fileprivate mutating func append(stream: Stream) {
    append(kind: .stream)
    append(stream.last)
    append(stream.deleted)
    append(littleEndian: stream.added)
    append(littleEndian: UInt64(stream.count))
  }

  fileprivate mutating func append(group: StreamGroup) {
    append(kind: .group)
    append(name: group.key)
    append(group.delivered)
    append(littleEndian: group.read ?? -1)
  }

  fileprivate mutating func append(consumer: StreamConsumer, of group: StreamGroup) {
    append(kind: .consumer)
    append(name: group.key)
    append(name: consumer.key)
    append(littleEndian: consumer.seen)
  }

  fileprivate mutating func append(
    pending: [PendingEntry], of consumer: StreamConsumer, in group: StreamGroup
  ) {
    append(kind: .pending)
    append(name: group.key)
    append(name: consumer.key)
    append(littleEndian: UInt32(pending.count))
    for entry in pending {
      append(entry.id)
      append(littleEndian: entry.delivered)
      append(littleEndian: entry.deliveries)
    }
  }
}

extension Stream {
  var snapshotCount: Int {
    var elements = 1 + count
    forEachGroup { elements += 1 + $0.consumerCount + $0.pending.count }
    return elements
  }

  func appendPiece(to bytes: inout ByteBuffer) {
    retain()
    let pieces = StreamPieces(self, pieceSize: .max)
    _ = pieces.next(into: &bytes)
  }

  func pieces() -> any ValuePieces { StreamPieces(self, pieceSize: 64 << 10) }
}

/// A stream on its way into a checkpoint; it owns the stream until it is gone.
private final class StreamPieces: ValuePieces {
  /// Pending entries in one record.
  private static let pendingMax = 1024

  private let stream: Stream
  private let pieceSize: Int
  /// The base of the chunk that is next; nil once all are written.
  private var nextChunk: StreamID? = .zero
  private var isStreamWritten = false
  /// What is still to come, the next one last.
  private var groups: [StreamGroup]
  private var group: StreamGroup?
  private var consumers: [StreamConsumer] = []
  private var owned: IDTree<OwnedEntry>.Cursor?

  init(_ stream: Stream, pieceSize: Int) {
    self.stream = stream
    self.pieceSize = pieceSize
    groups = stream.sortedGroups.reversed()
  }

  deinit { stream.release() }

  func next(into bytes: inout ByteBuffer) -> Int {
    let start = bytes.count
    var elements = 0
    while bytes.count - start < pieceSize {
      let more = appendRecord(to: &bytes)
      guard more > 0 else { break }
      elements += more
    }
    return elements
  }

  /// Appends the next record.
  ///
  /// - Returns: how many elements it has; 0 at the end.
  private func appendRecord(to bytes: inout ByteBuffer) -> Int {
    if let id = nextChunk {
      if let chunk = stream.chunk(from: id) {
        nextChunk = chunk.base.next
        bytes.append(entries: chunk)
        return chunk.count
      }
      nextChunk = nil
    }
    guard isStreamWritten else {
      isStreamWritten = true
      bytes.append(stream: stream)
      return 1
    }
    if let group, let consumer = consumers.last {
      let pending = nextPending(of: group)
      guard pending.isEmpty else {
        bytes.append(pending: pending, of: consumer, in: group)
        return pending.count
      }
      consumers.removeLast()
      owned = nil
      if consumers.last != nil { return appendConsumer(to: &bytes) }
    }
    guard let group = groups.popLast() else { return 0 }
    self.group = group
    consumers = group.sortedConsumers.reversed()
    bytes.append(group: group)
    return consumers.isEmpty ? 1 : 1 + appendConsumer(to: &bytes)
  }

  private func appendConsumer(to bytes: inout ByteBuffer) -> Int {
    guard let group, let consumer = consumers.last else { return 0 }
    bytes.append(consumer: consumer, of: group)
    owned = consumer.pending.cursor()
    return 1
  }

  private func nextPending(of group: StreamGroup) -> [PendingEntry] {
    var entries: [PendingEntry] = []
    while entries.count < Self.pendingMax, let entry = owned?.next() {
      guard let pending = group.pending.find(entry.id) else {
        preconditionFailure("an id is pending for a consumer alone")
      }
      entries.append(pending)
    }
    return entries
  }
}

// MARK: Reading

/// A record of a piece; its views are parts of that.
private enum StreamRecord {
  /// The chunk is the reader's.
  case entries(EntryChunk)
  case stream(last: StreamID, deleted: StreamID, added: Int64, count: Int)
  case group(ByteView, delivered: StreamID, read: Int64?)
  case consumer(group: ByteView, ByteView, seen: Int64)
  case pending(group: ByteView, consumer: ByteView, PendingRecords)

  var elements: Int {
    switch self {
    case .entries(let chunk): chunk.count
    case .stream, .group, .consumer: 1
    case .pending(_, _, let entries): entries.count
    }
  }
}

/// Pending entries of one consumer.
private struct PendingRecords {
  static let size = 32
  let count: Int
  let bytes: ByteView

  subscript(index: Int) -> (id: StreamID, delivered: Int64, deliveries: Int64) {
    let offset = index * Self.size
    return (
      StreamID(bytes.littleEndian(at: offset), bytes.littleEndian(at: offset + 8)),
      bytes.littleEndian(at: offset + 16), bytes.littleEndian(at: offset + 24)
    )
  }
}

/// Reads the records of a piece.
private struct StreamRecords {
  private let bytes: ByteView
  private var offset = 0

  init(_ bytes: ByteView) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  /// The next record; nil when there is none where one should be.
  mutating func next() -> StreamRecord? {
    guard let byte: UInt8 = number(), let kind = StreamRecordKind(rawValue: byte) else {
      return nil
    }
    switch kind {
    case .entries: return entries().map { .entries($0) }
    case .stream:
      guard let last = id(), let deleted = id(), let added: Int64 = number(), added >= 0,
        let count: UInt64 = number(), let count = Int(exactly: count)
      else { return nil }
      return .stream(last: last, deleted: deleted, added: added, count: count)
    case .group:
      guard let name = name(), let delivered = id(), let read: Int64 = number(), read >= -1 else {
        return nil
      }
      return .group(name, delivered: delivered, read: read < 0 ? nil : read)
    case .consumer:
      guard let group = name(), let name = name(), let seen: Int64 = number() else { return nil }
      return .consumer(group: group, name, seen: seen)
    case .pending:
      guard let group = name(), let name = name(), let count: UInt32 = number(), count > 0,
        let entries = view(Int(count) * PendingRecords.size)
      else { return nil }
      return .pending(
        group: group, consumer: name, PendingRecords(count: Int(count), bytes: entries))
    }
  }

  private mutating func entries() -> EntryChunk? {
    guard let removed: UInt32 = number(), let charge: UInt32 = number(),
      let count: UInt32 = number(), let base = id(), let last = id(),
      let namesSize: UInt32 = number(), let entriesSize: UInt32 = number(),
      let names = view(Int(namesSize)), let entries = view(Int(entriesSize))
    else { return nil }
    return EntryChunk.make(
      count: Int(count), removed: Int(removed), charge: Int(charge), base: base, last: last,
      names: names, entries: entries)
  }

  private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>() -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - offset >= size else { return nil }
    defer { offset += size }
    return bytes.littleEndian(at: offset)
  }

  private mutating func id() -> StreamID? {
    guard let milliseconds: UInt64 = number(), let sequence: UInt64 = number() else { return nil }
    return StreamID(milliseconds, sequence)
  }

  private mutating func view(_ size: Int) -> ByteView? {
    guard bytes.count - offset >= size else { return nil }
    defer { offset += size }
    return bytes[offset..<offset + size]
  }

  private mutating func name() -> ByteView? {
    guard let size: UInt32 = number() else { return nil }
    return view(Int(size))
  }
}

extension Stream {
  func takePiece(elements: Int, _ piece: ByteView, _ hash: KeyHash) -> Bool {
    var records = StreamRecords(piece), found = 0
    while !records.isAtEnd {
      guard let record = records.next() else { return false }
      found += record.elements
      guard take(record, hash) else { return false }
    }
    return found == elements
  }

  private func take(_ record: StreamRecord, _ hash: KeyHash) -> Bool {
    switch record {
    case .entries(let chunk):
      if append(chunk) { return true }
      chunk.release()
      return false
    case .stream(let last, let deleted, let added, let count):
      guard last >= self.last, self.count == count else { return false }
      setLast(last)
      (self.deleted, self.added) = (deleted, added)
    case .group(let name, let delivered, let read):
      guard group(name, hash) == nil else { return false }
      insert(StreamGroup.make(name, delivered: delivered, read: read), hash)
    case .consumer(let group, let name, let seen):
      guard let group = self.group(group, hash), group.consumer(name, hash) == nil else {
        return false
      }
      _ = group.makeConsumer(name, hash, seen: seen)
    case .pending(let group, let name, let entries):
      guard let group = self.group(group, hash), let consumer = group.consumer(name, hash) else {
        return false
      }
      for index in 0..<entries.count {
        let (id, delivered, deliveries) = entries[index]
        guard group.pending.find(id) == nil else { return false }
        group.assign(id, to: consumer, delivered: delivered, deliveries: deliveries, hash)
      }
    }
    return true
  }

  // MARK: Commands

  static func appendCommands(
    _ key: ByteView, elements: Int, _ piece: ByteView, _ batch: inout CommandBatch
  ) -> Bool {
    var records = StreamRecords(piece), found = 0
    while !records.isAtEnd {
      guard let record = records.next() else { return false }
      found += record.elements
      append(record, key, &batch)
    }
    return found == elements
  }

  private static func append(_ record: StreamRecord, _ key: ByteView, _ batch: inout CommandBatch) {
    switch record {
    case .entries(let chunk):
      append(chunk, key, &batch)
      chunk.release()
    case .stream(let last, let deleted, let added, let count):
      if count == 0 { appendEmpty(key, &batch) }
      batch.begin("XSETID", words: 7)
      batch.word(key)
      batch.word(last)
      batch.word("ENTRIESADDED")
      batch.word(integer: added)
      batch.word("MAXDELETEDID")
      batch.word(min(deleted, last))
    case .group(let name, let delivered, let read):
      batch.begin("XGROUP", words: read == nil ? 5 : 7)
      batch.word("CREATE")
      batch.word(key)
      batch.word(name)
      batch.word(delivered)
      if let read {
        batch.word("ENTRIESREAD")
        batch.word(integer: read)
      }
    case .consumer(let group, let name, _):
      batch.begin("XGROUP", words: 5)
      batch.word("CREATECONSUMER")
      batch.word(key)
      batch.word(group)
      batch.word(name)
    case .pending(let group, let name, let entries):
      var start = 0
      while start < entries.count {
        let (_, delivered, deliveries) = entries[start]
        var end = start + 1
        while end < entries.count, entries[end].delivered == delivered,
          entries[end].deliveries == deliveries
        { end += 1 }
        batch.begin("XCLAIM", words: 11 + end - start)
        for word in [key, group, name] { batch.word(word) }
        batch.word("0")
        for index in start..<end { batch.word(entries[index].id) }
        batch.word("TIME")
        batch.word(integer: delivered)
        batch.word("RETRYCOUNT")
        batch.word(integer: deliveries)
        batch.word("JUSTID")
        batch.word("FORCE")
        start = end
      }
    }
  }

  private static func append(_ chunk: EntryChunk, _ key: ByteView, _ batch: inout CommandBatch) {
    var next: Entry? = chunk.first
    while let entry = next {
      batch.begin("XADD", words: 3 + 2 * entry.fieldCount)
      batch.word(key)
      batch.word(entry.id)
      entry.forEachField { name, value in
        batch.word(name)
        value.withBytes { batch.word($0) }
      }
      next = chunk.entry(after: entry)
    }
  }

  /// Commands for a stream without entries: one is added that is trimmed at once.
  private static func appendEmpty(_ key: ByteView, _ batch: inout CommandBatch) {
    batch.begin("XADD", words: 7)
    batch.word(key)
    for word: StaticString in ["MAXLEN", "0", "0-1", "x", "y"] { batch.word(word) }
  }
}

extension CommandBatch {
  fileprivate mutating func word(_ id: StreamID) { id.withText { word($0) } }
}
