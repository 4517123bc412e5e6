// StreamPending.swift: what was delivered and not acknowledged: XACK, XPENDING.

import RESP

extension Streams {
  static let pending: [Command] = [
    Command(
      "XACK", arity: .atLeast(4), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .stream, since: "5.0.0", summary: "Acknowledges entries that a group was given.",
      complexity: "O(log N) for each of them", body: xack),
    Command(
      "XPENDING", arity: .atLeast(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .stream, since: "5.0.0", summary: "Shows what a group has not acknowledged.",
      complexity: "O(N), N consumers, or O(log N + M), M entries looked at", body: xpending),
  ]

  /// `XACK key group id [id ...]` → integer: entries that were pending.
  static func xack(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), name = c.arguments[2]
    guard let seen = try c.value(key, Stream.self), seen.group(name, c.keyHash) != nil else {
      return c.reply.integer(0)
    }
    let ids = try ids(c, from: 3)
    guard let group = try c.valueForWriting(key, Stream.self)?.groupForWriting(name, c.keyHash)
    else { return }
    var count = 0
    for id in ids where group.acknowledge(id, c.keyHash) { count += 1 }
    if count > 0 { c.changed(key) }
    c.reply.integer(count)
  }

  /// `XPENDING key group [[IDLE milliseconds] start end count [consumer]]`
  /// → count, first and last id, consumers; or id, consumer, idle time and deliveries of each.
  static func xpending(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    guard words.count == 3 || (6...9).contains(words.count) else { throw .syntax }
    guard words.count > 3 else {
      return replySummary(&c, try groupToRead(&c))
    }
    var first = 3, idleMin: Int64 = 0
    if words[3].matches("idle") {
      guard let idle = words[4].integer else { throw .notAnInteger }
      guard words.count >= 8 else { throw .syntax }
      (first, idleMin) = (5, idle)
    }
    let limit = try c.streamCount(words[first + 2])
    let range = try IDRange(first: words[first], last: words[first + 1])
    let group = try groupToRead(&c)
    guard first + 3 < words.count else {
      var cursor = group.pending.cursor(from: range.first)
      return replyPending(&c, upTo: range.last, idleMin: idleMin, limit: limit) { cursor.next() }
    }
    guard let consumer = group.consumer(words[first + 3], c.keyHash) else {
      return c.reply.array(0)
    }
    var cursor = consumer.pending.cursor(from: range.first)
    replyPending(&c, upTo: range.last, idleMin: idleMin, limit: limit) {
      cursor.next().flatMap { group.pending.find($0.id) }
    }
  }

  /// The group of words 1 and 2.
  private static func groupToRead(_ c: inout Context) throws(CommandError) -> StreamGroup {
    let key = c.key(1), name = c.arguments[2]
    guard let group = try c.value(key, Stream.self)?.group(name, c.keyHash) else {
      throw .noGroup(key.bytes, name)
    }
    return group
  }

  private static func replySummary(_ c: inout Context, _ group: StreamGroup) {
    c.reply.array(4)
    c.reply.integer(group.pending.count)
    guard let first = group.pending.first, let last = group.pending.last else {
      c.reply.null()
      c.reply.null()
      return c.reply.nullArray()
    }
    c.reply.bulk(first.id)
    c.reply.bulk(last.id)
    let consumers = group.sortedConsumers.filter { !$0.pending.isEmpty }
    c.reply.array(consumers.count)
    for consumer in consumers {
      c.reply.array(2)
      c.reply.bulk(consumer.key)
      c.reply.bulk(integer: Int64(consumer.pending.count))
    }
  }

  private static func replyPending(
    _ c: inout Context, upTo last: StreamID, idleMin: Int64, limit: Int,
    _ next: () -> PendingEntry?
  ) {
    let mark = c.reply.beginArray()
    var count = 0
    while count < limit, let entry = next(), entry.id <= last {
      let idle = c.wall &- entry.delivered
      if idleMin != 0, idle < idleMin { continue }
      count += 1
      c.reply.array(4)
      c.reply.bulk(entry.id)
      c.reply.bulk(entry.owner)
      c.reply.integer(max(0, idle))
      c.reply.integer(entry.deliveries)
    }
    c.reply.endArray(mark, count: count)
  }
}
