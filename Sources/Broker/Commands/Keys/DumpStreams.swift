// DumpStreams.swift: streams in RDB format, as RDBStreams.swift reads them, and back.

import RESP

extension RDBOutput {
  /// A stream whose nodes are the chunks that its entries lie in.
  mutating func stream(_ stream: Stream) {
    length(stream.chunkCount)
    var next = stream.chunk(from: .zero)
    while let chunk = next {
      streamNode(chunk)
      next = chunk.base.next.flatMap { stream.chunk(from: $0) }
    }
    let counters = stream.counters
    length(counters.count)
    for id in [counters.last, counters.first, counters.deleted] { streamID(id) }
    length(UInt64(bitPattern: counters.added))
    length(stream.groupCount)
    for group in stream.sortedGroups { streamGroup(group) }
  }

  /// An id as two lengths.
  private mutating func streamID(_ id: StreamID) {
    length(id.milliseconds)
    length(id.sequence)
  }

  /// An id as 16 bytes.
  private mutating func fixed(_ id: StreamID) {
    append(bigEndian: id.milliseconds, size: 8)
    append(bigEndian: id.sequence, size: 8)
  }

  private mutating func streamNode(_ chunk: EntryChunk) {
    let base = chunk.base
    var node = ListpackWriter()
    node.append(integer: Int64(chunk.count))
    node.append(integer: 0)
    node.append(integer: Int64(chunk.nameCount))
    chunk.forEachName { node.append($0) }
    node.append(integer: 0)
    var next: EntryChunk.Entry? = chunk.first
    while let entry = next {
      let count = entry.fieldCount, hasNames = entry.hasNames
      node.append(integer: hasNames ? 0 : 2)
      node.append(integer: Int64(bitPattern: entry.id.milliseconds &- base.milliseconds))
      node.append(integer: Int64(bitPattern: entry.id.sequence &- base.sequence))
      if hasNames { node.append(integer: Int64(count)) }
      entry.forEachField { name, value in
        if hasNames { node.append(name) }
        value.withBytes { node.append($0) }
      }
      node.append(integer: Int64(3 + (hasNames ? 2 * count + 1 : count)))
      next = chunk.entry(after: entry)
    }
    length(16)
    fixed(base)
    packed(node.take())
  }

  private mutating func streamGroup(_ group: StreamGroup) {
    string(group.key)
    streamID(group.delivered)
    length(UInt64(bitPattern: group.read ?? -1))
    length(group.pending.count)
    var pending = group.pending.cursor()
    while let entry = pending.next() {
      fixed(entry.id)
      append(littleEndian: UInt64(bitPattern: entry.delivered), size: 8)
      length(UInt64(bitPattern: entry.deliveries))
    }
    length(group.consumerCount)
    for consumer in group.sortedConsumers {
      string(consumer.key)
      append(littleEndian: UInt64(bitPattern: consumer.seen), size: 8)
      length(consumer.pending.count)
      var owned = consumer.pending.cursor()
      while let entry = owned.next() { fixed(entry.id) }
    }
  }
}

/// A stream in the making. Ids must ascend, and names of groups and consumers differ.
struct StreamInMaking: RDBStreamParts, ~Copyable {
  var draft = Draft<Stream>()
  private let hash: KeyHash
  private let nodeSizeMax: Int
  private let nodeCountMax: Int
  /// Bytes that the first entries of all chunks may have: names that stand once in what was dumped
  /// may stand in many chunks.
  private var sizeLeft: Int
  private let words = StoredArguments()
  private var group: StreamGroup?
  private var consumer: StreamConsumer?

  /// - Parameter sizeMax: bytes that its chunks begin with, all together.
  init(_ hash: KeyHash, _ settings: Settings, sizeMax: Int) {
    self.hash = hash
    nodeSizeMax = settings.streamNodeSizeLimit
    nodeCountMax = settings.streamNodeCountMax
    sizeLeft = sizeMax
  }

  mutating func append(_ id: StreamID, _ fields: [PackedElement]) throws(DumpFlaw) {
    guard id > draft.value.last, !fields.isEmpty else { throw DumpFlaw() }
    words.removeLast(words.count)
    for field in fields { field.withView { words.append($0) } }
    guard words.size <= Streams.entrySizeMax else { throw DumpFlaw() }
    let chunksBefore = draft.value.chunkCount
    words.withArguments {
      draft.value.append(
        id, FieldArguments(words: $0, first: 0), nodeSizeMax: nodeSizeMax,
        nodeCountMax: nodeCountMax)
    }
    guard draft.value.chunkCount > chunksBefore else { return }
    sizeLeft -= words.size
    guard sizeLeft >= 0 else { throw DumpFlaw() }
  }

  mutating func endEntries(_ totals: RDBStreamTotals) throws(DumpFlaw) {
    guard totals.last >= draft.value.last, totals.added >= Int64(draft.value.count) else {
      throw DumpFlaw()
    }
    draft.value.setLast(totals.last)
    draft.value.deleted = totals.deleted
    draft.value.added = totals.added
  }

  mutating func beginGroup(
    _ name: ByteView, delivered: StreamID, read: Int64?
  ) throws(DumpFlaw) {
    guard draft.value.group(name, hash) == nil else { throw DumpFlaw() }
    let group = StreamGroup.make(
      name, delivered: delivered, read: read ?? draft.value.counters.position(of: delivered))
    draft.value.insert(group, hash)
    self.group = group
  }

  mutating func beginConsumer(_ name: ByteView, seen: Int64) throws(DumpFlaw) {
    guard let group, group.consumer(name, hash) == nil, seen >= 0 else { throw DumpFlaw() }
    consumer = group.makeConsumer(name, hash, seen: seen)
  }

  mutating func append(pending id: StreamID, _ delivery: RDBDelivery) throws(DumpFlaw) {
    guard let group, let consumer, delivery.time >= 0, delivery.count >= 0 else {
      throw DumpFlaw()
    }
    group.assign(id, to: consumer, delivered: delivery.time, deliveries: delivery.count, hash)
  }

  mutating func endConsumer() throws(DumpFlaw) { consumer = nil }
}
