// ImporterStreams.swift: streams of an RDB file as the commands that make them.

import RESP

/// How far a stream has been taken.
struct StreamImport {
  var key: [UInt8] = []
  var counters = StreamCounters()
  var group: [UInt8] = []
  var consumer: [UInt8] = []
  /// Pending entries of the consumer that are still to be claimed, all of them delivered alike.
  var ids: [StreamID] = []
  var delivery = RDBDelivery(time: 0, count: 0)
}

extension Importer: RDBStreamParts {
  private static let claimCountMax = 500

  /// Begins the stream of `key`, which must be a new one.
  mutating func beginStream(_ key: ByteView) {
    expectKey()
    stream = StreamImport(key: key.array)
  }

  mutating func append(_ id: StreamID, _ fields: [PackedElement]) throws(ImportError) {
    begin("XADD")
    word(stream.key)
    word(id)
    for field in fields { word(field) }
    if stream.counters.count == 0 { stream.counters.first = id }
    stream.counters.count += 1
    try runForKey()
  }

  mutating func endEntries(_ totals: RDBStreamTotals) throws(ImportError) {
    if stream.counters.count == 0 {
      // An entry that is trimmed at once leaves a stream without any.
      begin("XADD")
      word(stream.key)
      for text: StaticString in ["MAXLEN", "0", "0-1", "x", "y"] { word(ByteView(text)) }
      try runForKey()
    }
    stream.counters.last = totals.last
    stream.counters.deleted = totals.deleted
    stream.counters.added = totals.added
    begin("XSETID")
    word(stream.key)
    word(totals.last)
    word(ByteView("ENTRIESADDED"))
    word(totals.added)
    word(ByteView("MAXDELETEDID"))
    word(totals.deleted)
    try run()
  }

  mutating func beginGroup(
    _ name: ByteView, delivered: StreamID, read: Int64?
  ) throws(ImportError) {
    stream.group = name.array
    begin("XGROUP")
    word(ByteView("CREATE"))
    word(stream.key)
    word(name)
    word(delivered)
    word(ByteView("ENTRIESREAD"))
    word(read ?? stream.counters.position(of: delivered) ?? -1)
    try run()
  }

  mutating func beginConsumer(_ name: ByteView, seen: Int64) throws(ImportError) {
    // When it was seen no log has.
    stream.consumer = name.array
    begin("XGROUP")
    word(ByteView("CREATECONSUMER"))
    word(stream.key)
    word(stream.group)
    word(name)
    try run()
  }

  mutating func append(pending id: StreamID, _ delivery: RDBDelivery) throws(ImportError) {
    if delivery != stream.delivery || stream.ids.count == Self.claimCountMax { try claim() }
    stream.delivery = delivery
    stream.ids.append(id)
  }

  mutating func endConsumer() throws(ImportError) { try claim() }

  /// Makes the consumer the owner of the pending entries, as far as these are there.
  private mutating func claim() throws(ImportError) {
    guard !stream.ids.isEmpty else { return }
    begin("XCLAIM")
    word(stream.key)
    word(stream.group)
    word(stream.consumer)
    word(0)
    for id in stream.ids { word(id) }
    word(ByteView("TIME"))
    word(stream.delivery.time)
    word(ByteView("RETRYCOUNT"))
    word(stream.delivery.count)
    word(ByteView("FORCE"))
    word(ByteView("JUSTID"))
    try run()
    stream.ids.removeAll(keepingCapacity: true)
  }
}
