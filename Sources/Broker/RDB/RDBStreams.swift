// RDBStreams.swift: streams in RDB format, entry by entry and group by group.
//
//     length, and so many nodes: a string of 16 bytes (the base id, big-endian), a listpack
//     length of the stream, last id (two lengths)
//     from version 2 on: first id, highest id deleted, entries ever added
//     length, and so many groups: name, last id delivered, from version 2 on entries read
//       length, and so many pending entries: id (16 bytes), time (8 bytes), deliveries
//       length, and so many consumers: name, time seen, from version 3 on time active (8 bytes each),
//         length, and the ids of so many pending entries
//
//     listpack: entries, entries deleted, number of names, names, 0
//       of each entry: flags (1: deleted, 2: the names above), ms and sequence above the base,
//       [number of names], values or [names and values in turns], number of elements before this

import RESP

/// Takes what is in a stream: its entries, what it knows of those that are gone, and then group by
/// group what it and its consumers have.
protocol RDBStreamParts: ~Copyable {
  associatedtype Failure: Error
  /// - Parameter fields: names and values in turns, valid until this returns.
  mutating func append(_ id: StreamID, _ fields: [PackedElement]) throws(Failure)
  mutating func endEntries(_ totals: RDBStreamTotals) throws(Failure)
  /// - Parameter read: entries that the group has read, -1 for not known; nil when nothing is said.
  mutating func beginGroup(_ name: ByteView, delivered: StreamID, read: Int64?) throws(Failure)
  /// - Parameter seen: in ms since 1970.
  mutating func beginConsumer(_ name: ByteView, seen: Int64) throws(Failure)
  mutating func append(pending id: StreamID, _ delivery: RDBDelivery) throws(Failure)
  mutating func endConsumer() throws(Failure)
}

/// What a stream knows of the entries it ever had.
struct RDBStreamTotals {
  /// The highest id that was ever given, and the highest that was deleted, which is not above it.
  var last: StreamID
  var deleted = StreamID.zero
  var added: Int64
}

/// When an entry was delivered, in ms since 1970, and how often.
struct RDBDelivery: Equatable {
  let time: Int64
  let count: Int64
}

extension RDBInput where Self: ~Copyable {
  /// Takes a stream and hands on what is in it.
  ///
  /// - Parameter text: room for one string.
  mutating func stream<Parts: RDBStreamParts & ~Copyable>(
    version: Int, text: inout ByteBuffer, into parts: inout Parts
  ) throws(Failure) where Parts.Failure == Failure {
    var count: UInt64 = 0
    for _ in 0..<(try length()) { count += try streamNode(&text, &parts) }
    let start = offset
    guard try length() == count else {
      throw flaw("a stream has another number of entries than it says", at: start)
    }
    var totals = RDBStreamTotals(last: try streamID(), added: Int64(count))
    if version >= 2 {
      _ = try streamID()  // The first one's.
      totals.deleted = min(try streamID(), totals.last)
      totals.added = Int64(truncatingIfNeeded: try length())
    }
    try parts.endEntries(totals)
    for _ in 0..<(try length()) { try streamGroup(version, &text, &parts) }
  }

  /// Takes an id written as two lengths.
  private mutating func streamID() throws(Failure) -> StreamID {
    let milliseconds = try length()
    return StreamID(milliseconds, try length())
  }

  // MARK: Entries

  /// - Returns: how many entries there are in the node.
  private mutating func streamNode<Parts: RDBStreamParts & ~Copyable>(
    _ text: inout ByteBuffer, _ parts: inout Parts
  ) throws(Failure) -> UInt64 where Parts.Failure == Failure {
    try string(into: &text, sizeMax: 16)
    guard text.count == 16 else { throw flaw("an id has another size than 16 bytes", at: nil) }
    let base = StreamID(bigEndian: text.view)
    let start = offset
    try string(into: &text, sizeMax: .max)
    var node: StreamNode
    do { node = try StreamNode(text.view) } catch { throw flaw(error.reason, at: start) }
    var fields: [PackedElement] = [], count: UInt64 = 0
    while true {
      let isDeleted: Bool
      do throws(PackedFlaw) {
        guard let next = try node.nextEntry() else { return count }
        isDeleted = next
        try node.read(into: &fields)
      } catch { throw flaw(error.reason, at: start) }
      guard !isDeleted else { continue }
      let id = StreamID(
        base.milliseconds &+ UInt64(bitPattern: node.milliseconds),
        base.sequence &+ UInt64(bitPattern: node.sequence))
      try parts.append(id, fields)
      count += 1
    }
  }

  // MARK: Groups

  private mutating func streamGroup<Parts: RDBStreamParts & ~Copyable>(
    _ version: Int, _ text: inout ByteBuffer, _ parts: inout Parts
  ) throws(Failure) where Parts.Failure == Failure {
    try string(into: &text, sizeMax: .max)
    let delivered = try streamID()
    let read = version >= 2 ? Int64(truncatingIfNeeded: try length()) : nil
    try parts.beginGroup(text.view, delivered: delivered, read: read)
    var pending: [StreamID: RDBDelivery] = [:]
    for _ in 0..<(try length()) {
      let start = offset
      let id = StreamID(bigEndian: try take(16))
      let time = try take(8).signedLittleEndian
      let delivery = RDBDelivery(time: time, count: Int64(truncatingIfNeeded: try length()))
      guard pending.updateValue(delivery, forKey: id) == nil else {
        throw flaw("an entry is pending for a group twice", at: start)
      }
    }
    for _ in 0..<(try length()) {
      try string(into: &text, sizeMax: .max)
      let seen = try take(8).signedLittleEndian
      if version >= 3 { try skip(8) }  // When it was last given something.
      try parts.beginConsumer(text.view, seen: seen)
      for _ in 0..<(try length()) {
        let start = offset, id = StreamID(bigEndian: try take(16))
        guard let delivery = pending.removeValue(forKey: id) else {
          throw flaw("an entry is pending for a consumer, and not for its group", at: start)
        }
        try parts.append(pending: id, delivery)
      }
      try parts.endConsumer()
    }
    guard pending.isEmpty else {
      throw flaw("an entry is pending for a group, and for none of its consumers", at: nil)
    }
  }
}

extension StreamID {
  /// The id that 16 bytes are, the highest first.
  init(bigEndian bytes: ByteView) {
    self.init(bytes[0..<8].unsignedBigEndian, bytes[8..<16].unsignedBigEndian)
  }
}

/// A listpack of a stream's entries, which lie behind the names that most of them share.
private struct StreamNode {
  private var elements: Listpack
  private var names: [PackedElement] = []
  private var hasNames = false
  /// Of the entry at hand, above the base.
  private(set) var milliseconds: Int64 = 0
  private(set) var sequence: Int64 = 0
  /// Elements that the entry must say it has.
  private var size: Int64 = 0

  init(_ bytes: ByteView) throws(PackedFlaw) {
    elements = try Listpack(bytes)
    _ = try integer()
    _ = try integer()
    for _ in 0..<(try count()) { names.append(try element()) }
    guard try integer() == 0 else { throw Self.outOfPlace }
  }

  private static let outOfPlace = PackedFlaw(reason: "a stream's entry is not what it says")

  private mutating func element() throws(PackedFlaw) -> PackedElement {
    guard let element = try elements.next() else { throw Self.outOfPlace }
    return element
  }

  private mutating func integer() throws(PackedFlaw) -> Int64 {
    guard case .integer(let number) = try element() else { throw Self.outOfPlace }
    return number
  }

  private mutating func count() throws(PackedFlaw) -> Int {
    let count = try integer()
    guard count >= 0, count <= Int64(Int32.max) else { throw Self.outOfPlace }
    return Int(count)
  }

  /// Goes on to the next entry; its fields are to be taken.
  ///
  /// - Returns: whether it was deleted; nil behind the last.
  mutating func nextEntry() throws(PackedFlaw) -> Bool? {
    guard let first = try elements.next() else { return nil }
    guard case .integer(let flags) = first, (0...3).contains(flags) else { throw Self.outOfPlace }
    milliseconds = try integer()
    sequence = try integer()
    hasNames = flags & 2 == 0
    size = 3
    return flags & 1 == 1
  }

  /// Has the names and values of the entry, in turns, in `fields`.
  mutating func read(into fields: inout [PackedElement]) throws(PackedFlaw) {
    fields.removeAll(keepingCapacity: true)
    let count = hasNames ? try count() : names.count
    for index in 0..<count {
      fields.append(hasNames ? try element() : names[index])
      fields.append(try element())
    }
    size += Int64(hasNames ? 2 * count + 1 : count)
    guard try integer() == size else { throw Self.outOfPlace }
  }
}
