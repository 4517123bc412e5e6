// RDBStreams.swift: streams of an RDB file, entry by entry and group by group.
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

extension RDBReader {
  /// Takes the stream of `key`.
  mutating func readStream(
    _ version: Int, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    importer.expectKey()
    var counters = StreamCounters()
    for _ in 0..<(try input.length()) { try readNode(&input, &importer, &counters) }
    let start = input.offset
    guard try input.length() == UInt64(counters.count) else {
      throw input.flaw("a stream has another number of entries than it says", at: start)
    }
    counters.last = try input.streamID()
    counters.added = Int64(counters.count)
    if version >= 2 {
      _ = try input.streamID()  // The first one's.
      counters.deleted = try input.streamID()
      counters.added = Int64(truncatingIfNeeded: try input.length())
    }
    if counters.count == 0 {
      // An entry that is trimmed at once leaves a stream without any.
      importer.begin("XADD", of: key.view)
      for word: StaticString in ["MAXLEN", "0", "0-1", "x", "y"] { importer.word(ByteView(word)) }
      try importer.runForKey()
    }
    importer.begin("XSETID", of: key.view)
    importer.word(counters.last)
    importer.word(ByteView("ENTRIESADDED"))
    importer.word(counters.added)
    importer.word(ByteView("MAXDELETEDID"))
    importer.word(min(counters.deleted, counters.last))
    try importer.run()
    for _ in 0..<(try input.length()) { try readGroup(version, &input, &importer, counters) }
  }

  // MARK: Entries

  private mutating func readNode(
    _ input: inout ImportInput, _ importer: inout Importer, _ counters: inout StreamCounters
  ) throws(ImportError) {
    try input.string(into: &text, sizeMax: 16)
    guard text.count == 16 else { throw input.flaw("an id has another size than 16 bytes") }
    let base = StreamID(bigEndian: text.view)
    let start = input.offset
    try input.string(into: &text, sizeMax: .max)
    var node: StreamNode
    do { node = try StreamNode(text.view) } catch { throw input.flaw(error.reason, at: start) }
    while try takeEntry(of: &node, base, from: start, input, &importer, &counters) {}
  }

  /// Takes the next entry of a node that began at `start`.
  ///
  /// - Returns: false behind the last.
  private func takeEntry(
    of node: inout StreamNode, _ base: StreamID, from start: Int, _ input: borrowing ImportInput,
    _ importer: inout Importer, _ counters: inout StreamCounters
  ) throws(ImportError) -> Bool {
    let id: StreamID
    do throws(PackedFlaw) {
      guard let isDeleted = try node.nextEntry() else { return false }
      id = StreamID(
        base.milliseconds &+ UInt64(bitPattern: node.milliseconds),
        base.sequence &+ UInt64(bitPattern: node.sequence))
      importer.begin("XADD", of: key.view)
      importer.word(id)
      try node.fields { importer.word($0) }
      if isDeleted { return true }
    } catch { throw input.flaw(error.reason, at: start) }
    if counters.count == 0 { counters.first = id }
    counters.count += 1
    try importer.runForKey()
    return true
  }

  // MARK: Groups

  private mutating func readGroup(
    _ version: Int, _ input: inout ImportInput, _ importer: inout Importer,
    _ counters: StreamCounters
  ) throws(ImportError) {
    try input.string(into: &text, sizeMax: .max)
    let group = text.view.array
    let delivered = try input.streamID()
    let read =
      version >= 2
      ? Int64(truncatingIfNeeded: try input.length()) : counters.position(of: delivered) ?? -1
    importer.begin("XGROUP", "CREATE", of: key.view)
    importer.word(group)
    importer.word(delivered)
    importer.word(ByteView("ENTRIESREAD"))
    importer.word(read)
    try importer.run()
    var pending: [StreamID: Delivery] = [:]
    for _ in 0..<(try input.length()) {
      let id = StreamID(bigEndian: try input.take(16))
      let time = try input.take(8).signedLittleEndian
      pending[id] = Delivery(time: time, count: Int64(truncatingIfNeeded: try input.length()))
    }
    for _ in 0..<(try input.length()) {
      try readConsumer(version, &input, &importer, group, pending)
    }
  }

  /// When an entry was delivered, and how often.
  private struct Delivery: Equatable {
    let time: Int64
    let count: Int64
  }

  private mutating func readConsumer(
    _ version: Int, _ input: inout ImportInput, _ importer: inout Importer, _ group: [UInt8],
    _ pending: [StreamID: Delivery]
  ) throws(ImportError) {
    try input.string(into: &text, sizeMax: .max)
    importer.begin("XGROUP", "CREATECONSUMER", of: key.view)
    importer.word(group)
    importer.word(text.view)
    try importer.run()
    try input.skip(version >= 3 ? 16 : 8)  // No log has when a consumer was seen.
    var ids: [StreamID] = [], delivery: Delivery?
    for _ in 0..<(try input.length()) {
      let start = input.offset, id = StreamID(bigEndian: try input.take(16))
      guard let next = pending[id] else {
        throw input.flaw("an entry is pending for a consumer, not for its group", at: start)
      }
      if next != delivery || ids.count == 500 {
        try claim(ids, delivery, &importer, group)
        ids.removeAll(keepingCapacity: true)
      }
      delivery = next
      ids.append(id)
    }
    try claim(ids, delivery, &importer, group)
  }

  /// Makes the consumer in `text` the owner of `ids`, as far as their entries are there.
  private func claim(
    _ ids: [StreamID], _ delivery: Delivery?, _ importer: inout Importer, _ group: [UInt8]
  ) throws(ImportError) {
    guard let delivery, !ids.isEmpty else { return }
    importer.begin("XCLAIM", of: key.view)
    importer.word(group)
    importer.word(text.view)
    importer.word(0)
    for id in ids { importer.word(id) }
    importer.word(ByteView("TIME"))
    importer.word(delivery.time)
    importer.word(ByteView("RETRYCOUNT"))
    importer.word(delivery.count)
    importer.word(ByteView("FORCE"))
    importer.word(ByteView("JUSTID"))
    try importer.run()
  }
}

extension StreamID {
  /// The id that 16 bytes are, the highest first.
  init(bigEndian bytes: ByteView) {
    self.init(bytes[0..<8].unsignedBigEndian, bytes[8..<16].unsignedBigEndian)
  }
}

extension ImportInput {
  /// Takes an id written as two lengths.
  fileprivate mutating func streamID() throws(ImportError) -> StreamID {
    let milliseconds = try length()
    return StreamID(milliseconds, try length())
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

  /// Hands the names and values of the entry, in turns, to `body`.
  mutating func fields(_ body: (PackedElement) -> Void) throws(PackedFlaw) {
    let count = hasNames ? try count() : names.count
    for index in 0..<count {
      body(hasNames ? try element() : names[index])
      body(try element())
    }
    size += Int64(hasNames ? 2 * count + 1 : count)
    guard try integer() == size else { throw Self.outOfPlace }
  }
}
