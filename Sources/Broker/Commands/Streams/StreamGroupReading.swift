// StreamGroupReading.swift: XREADGROUP: entries given to the consumers of a group, each to one.
//
// New entries move the group on and are pending from then on; a consumer's history is what is pending
// for it. What is logged is what became of the group: XGROUP CREATECONSUMER, XCLAIM for what was
// delivered, XGROUP SETID for how far it is.

import RESP

extension Streams {
  static let groupReading: [Command] = [
    Command(
      "XREADGROUP", arity: .atLeast(7), flags: [.write, .blocking, .movableKeys],
      keys: [streamKeys(from: 4)], group: .stream, since: "5.0.0",
      summary: "Gives a consumer of a group entries, or waits for some.",
      complexity: "O(log N + M) for each stream, M entries returned", body: xreadgroup)
  ]

  /// A consumer, by the names that a request gave.
  struct ConsumerNames {
    let group: ByteView
    let consumer: ByteView
  }

  /// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK]
  /// STREAMS key [key ...] id [id ...]` → entries by key, or null.
  static func xreadgroup(_ c: inout Context) throws(CommandError) {
    let reading = try reading(c, isGroup: true)
    guard let group = reading.group else {
      throw CommandError("ERR Missing GROUP option for XREADGROUP")
    }
    let names = ConsumerNames(group: group.name, consumer: group.consumer)
    var after: [StreamID] = []
    for index in 0..<reading.count {
      let key = c.key(reading.first + index)
      guard let stream = try c.value(key, Stream.self), stream.group(names.group, c.keyHash) != nil
      else { throw .noGroup(key.bytes, names.group, " in XREADGROUP with GROUP option") }
      after.append(try lastSeen(c.arguments[reading.first + reading.count + index]))
    }
    let isServed = try replyByKey(&c, reading.count) { (c, index) throws(CommandError) in
      let key = c.key(reading.first + index)
      if after[index] != .max {
        guard let stream = try c.valueForWriting(key, Stream.self) else { return false }
        beginPair(&c, key.bytes)
        replyHistory(&c, key, stream, names, from: after[index].next ?? .zero, reading.limit)
        return true
      }
      guard let seen = try c.value(key, Stream.self), let last = seen.lastEntry?.id,
        let group = seen.group(names.group, c.keyHash), last > group.delivered,
        let stream = try c.valueForWriting(key, Stream.self)
      else { return false }
      beginPair(&c, key.bytes)
      replyNew(
        &c, key, stream, names, isAcknowledged: reading.isAcknowledged, limit: reading.limit)
      return true
    }
    if isServed { return }
    guard let deadline = reading.deadline, !c.isInExec else { return c.reply.nullArray() }
    c.block(
      .readGroup(
        group: names.group.array, consumer: names.consumer.array,
        isAcknowledged: reading.isAcknowledged, limit: reading.limitWaiting),
      keys: storedKeys(c, reading), deadline: deadline)
  }

  /// The id above which a consumer's history is read; `.max` for `>`, which asks for new entries.
  private static func lastSeen(_ word: ByteView) throws(CommandError) -> StreamID {
    if word.isExactly("$") {
      throw CommandError(
        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
          + "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID "
          + "would just return an empty result set.")
    }
    if word.isExactly("+") {
      throw CommandError(
        "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of "
          + "this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID "
          + "would just return an empty result set.")
    }
    return word.isExactly(">") ? .max : try StreamID(strict: word)
  }

  /// The consumer of that name, made if it is not there, seen now.
  private static func consumer(
    _ c: inout Context, _ key: Key, _ group: StreamGroup, _ names: ConsumerNames
  ) -> StreamConsumer {
    if let consumer = group.consumerForWriting(names.consumer, c.keyHash) {
      consumer.seen = c.wall
      return consumer
    }
    logConsumer(&c, key, names)
    c.notify(.stream, "xgroup-createconsumer", key)
    return group.makeConsumer(names.consumer, c.keyHash, seen: c.wall)
  }

  /// Replies with what is behind the group's last id, up to `limit` entries, and gives it to the
  /// consumer.
  private static func replyNew(
    _ c: inout Context, _ key: Key, _ stream: Stream, _ names: ConsumerNames,
    isAcknowledged: Bool, limit: Int
  ) {
    guard let group = stream.groupForWriting(names.group, c.keyHash) else {
      preconditionFailure("the group was there")
    }
    c.changed(key)
    c.hasPropagated = true
    let consumer = consumer(&c, key, group, names)
    let counters = stream.counters, hash = c.keyHash, now = c.wall
    var log = ClaimLog(key: key.bytes, names: names)
    let mark = c.reply.beginArray()
    var count = 0
    stream.forEach(from: group.delivered.next ?? .max) { entry in
      if let read = group.read, !counters.hasGap(from: entry.id) {
        group.read = read.next
      } else if counters.added != 0 {
        group.read = counters.position(of: entry.id)
      }
      group.delivered = entry.id
      c.reply.entry(entry)
      if !isAcknowledged {
        group.assign(entry.id, to: consumer, delivered: now, deliveries: 1, hash)
        log.add(&c, entry.id, delivered: now, deliveries: 1)
      }
      count += 1
      return count != limit
    }
    c.reply.endArray(mark, count: count)
    log.end(&c)
    if count > 0 { logPlace(&c, key, group) }
  }

  /// Replies with what is pending for the consumer from `first` on, up to `limit` entries: of those
  /// that were deleted the ids alone.
  private static func replyHistory(
    _ c: inout Context, _ key: Key, _ stream: Stream, _ names: ConsumerNames,
    from first: StreamID, _ limit: Int
  ) {
    guard let group = stream.groupForWriting(names.group, c.keyHash) else {
      preconditionFailure("the group was there")
    }
    c.changed(key)
    c.hasPropagated = true
    let consumer = consumer(&c, key, group, names)
    var log = ClaimLog(key: key.bytes, names: names)
    let mark = c.reply.beginArray()
    var count = 0
    var cursor = consumer.pending.cursor(from: first)
    while limit == 0 || count < limit, let owned = cursor.next() {
      if let entry = stream.find(owned.id) {
        c.reply.entry(entry)
        let deliveries = (group.pending.find(owned.id)?.deliveries ?? 0).next
        group.assign(
          owned.id, to: consumer, delivered: c.wall, deliveries: deliveries, c.keyHash)
        log.add(&c, owned.id, delivered: c.wall, deliveries: deliveries)
      } else {
        c.reply.array(2)
        c.reply.bulk(owned.id)
        c.reply.nullArray()
      }
      count += 1
    }
    c.reply.endArray(mark, count: count)
    log.end(&c)
  }

  // MARK: Serving who waits

  /// Serves the consumer whose output is in `c.reply`, if the stream of `key` has gained what its
  /// group has not delivered; one whose stream or group is gone is told so.
  ///
  /// - Returns: whether the wait is over.
  static func serve(
    group: [UInt8], consumer: [UInt8], isAcknowledged: Bool, limit: Int, _ c: inout Context,
    _ key: Key
  ) -> Bool {
    unsafe group.withUnsafeBytes { group in
      unsafe consumer.withUnsafeBytes { consumer in
        let names = unsafe ConsumerNames(group: ByteView(group), consumer: ByteView(consumer))
        return serve(names, isAcknowledged: isAcknowledged, limit: limit, &c, key)
      }
    }
  }

  private static func serve(
    _ names: ConsumerNames, isAcknowledged: Bool, limit: Int, _ c: inout Context, _ key: Key
  ) -> Bool {
    guard let entry = c.peek(key), entry.kind == .stream else {
      c.failWaiting(CommandError("UNBLOCKED the stream key no longer exists"))
      return true
    }
    guard let group = entry.value(Stream.self).group(names.group, c.keyHash) else {
      c.failWaiting(
        CommandError("NOGROUP the consumer group this client was blocked on no longer exists"))
      return true
    }
    guard entry.value(Stream.self).last > group.delivered,
      let stream = c.findForWriting(key)?.unsharedValue(Stream.self)
    else { return false }
    if c.reply.version >= 3 { c.reply.map(1) } else { c.reply.array(1) }
    beginPair(&c, key.bytes)
    replyNew(&c, key, stream, names, isAcknowledged: isAcknowledged, limit: limit)
    return true
  }

  // MARK: What is logged

  /// Logs that a consumer was made.
  static func logConsumer(_ c: inout Context, _ key: Key, _ names: ConsumerNames) {
    c.effects.command(words: 5, in: c.database) { writer in
      writer.word("XGROUP")
      writer.word("CREATECONSUMER")
      writer.word(key.bytes)
      writer.word(names.group)
      writer.word(names.consumer)
    }
  }

  /// Logs how far a group is.
  static func logPlace(_ c: inout Context, _ key: Key, _ group: StreamGroup) {
    c.effects.command(words: 7, in: c.database) { writer in
      writer.word("XGROUP")
      writer.word("SETID")
      writer.word(key.bytes)
      writer.word(group.key)
      writer.word(group.delivered)
      writer.word("ENTRIESREAD")
      writer.word(integer: group.read ?? -1)
    }
  }
}

/// Deliveries to one consumer on their way into the log: those alike go into one XCLAIM.
struct ClaimLog {
  private static let countMax = 1000

  let key: ByteView
  let names: Streams.ConsumerNames
  private var ids: [StreamID] = []
  private var delivered: Int64 = 0
  private var deliveries: Int64 = 0

  init(key: ByteView, names: Streams.ConsumerNames) {
    self.key = key
    self.names = names
  }

  mutating func add(
    _ c: inout Context, _ id: StreamID, delivered: Int64, deliveries: Int64
  ) {
    guard c.isLogging else { return }
    if ids.count == Self.countMax || self.delivered != delivered || self.deliveries != deliveries {
      end(&c)
    }
    (self.delivered, self.deliveries) = (delivered, deliveries)
    ids.append(id)
  }

  /// Logs what there is.
  mutating func end(_ c: inout Context) {
    guard !ids.isEmpty else { return }
    c.effects.command(words: 11 + ids.count, in: c.database) { writer in
      writer.word("XCLAIM")
      writer.word(key)
      writer.word(names.group)
      writer.word(names.consumer)
      writer.word("0")
      for id in ids { writer.word(id) }
      writer.word("TIME")
      writer.word(integer: delivered)
      writer.word("RETRYCOUNT")
      writer.word(integer: deliveries)
      writer.word("FORCE")
      writer.word("JUSTID")
    }
    ids.removeAll(keepingCapacity: true)
  }
}
