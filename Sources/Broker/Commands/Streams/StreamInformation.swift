// StreamInformation.swift: what there is to know of a stream and its groups: XINFO.

import RESP

extension Streams {
  static let information: [Command] = [
    Command(
      "XINFO", arity: .atLeast(2), flags: [], group: .stream, since: "5.0.0",
      summary: "Tells of streams and their groups.", complexity: "Depends on the subcommand",
      subcommands: [
        Command(
          "CONSUMERS", arity: .exactly(4), flags: [.readOnly], keys: [.one(2, [.read])],
          group: .stream, since: "5.0.0", summary: "Lists the consumers of a group.",
          complexity: "O(N log N), N consumers", syntax: "<key> <group>", body: infoConsumers),
        Command(
          "GROUPS", arity: .exactly(3), flags: [.readOnly], keys: [.one(2, [.read])],
          group: .stream, since: "5.0.0", summary: "Lists the groups of a stream.",
          complexity: "O(N log N), N groups", syntax: "<key>", body: infoGroups),
        Help.command(group: .stream, since: "5.0.0"),
        Command(
          "STREAM", arity: .atLeast(3), flags: [.readOnly], keys: [.one(2, [.read])],
          group: .stream, since: "5.0.0", summary: "Tells of a stream, with FULL all there is.",
          complexity: "O(log N), with FULL O(N) for what is shown",
          syntax: "<key> [FULL [COUNT <count>]]", body: infoStream),
      ], body: Help.container)
  ]

  private static func streamToRead(_ c: inout Context) throws(CommandError) -> Stream {
    guard let stream = try c.value(c.key(2), Stream.self) else { throw .noSuchKey }
    return stream
  }

  /// `XINFO CONSUMERS key group` → a map for each consumer.
  static func infoConsumers(_ c: inout Context) throws(CommandError) {
    guard let group = try streamToRead(&c).group(c.arguments[3], c.keyHash) else {
      throw .noGroup(c.arguments[3], ofKey: c.arguments[2])
    }
    let consumers = group.sortedConsumers
    c.reply.array(consumers.count)
    for consumer in consumers {
      c.reply.map(3)
      c.reply.bulk("name")
      c.reply.bulk(consumer.key)
      c.reply.pair("pending", consumer.pending.count)
      c.reply.pair("idle", Int(max(0, c.wall &- consumer.seen)))
    }
  }

  /// `XINFO GROUPS key` → a map for each group.
  static func infoGroups(_ c: inout Context) throws(CommandError) {
    let stream = try streamToRead(&c)
    let groups = stream.sortedGroups
    c.reply.array(groups.count)
    for group in groups {
      c.reply.map(6)
      c.reply.bulk("name")
      c.reply.bulk(group.key)
      c.reply.pair("consumers", group.consumerCount)
      c.reply.pair("pending", group.pending.count)
      replyPlace(&c, stream, group)
    }
  }

  /// Three pairs: how far a group is.
  private static func replyPlace(_ c: inout Context, _ stream: Stream, _ group: StreamGroup) {
    c.reply.pair("last-delivered-id", group.delivered)
    c.reply.pair("entries-read", group.read)
    c.reply.pair("lag", stream.counters.lag(behind: group.delivered, read: group.read))
  }

  /// `XINFO STREAM key [FULL [COUNT count]]` → a map.
  static func infoStream(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    let stream = try streamToRead(&c)
    guard words.count > 3 else { return replyShort(&c, stream) }
    guard words.count == 4 || words.count == 6, words[3].matches("full"),
      words.count == 4 || words[4].matches("count")
    else { throw .wrongSubcommand(c) }
    var limit = 10
    if words.count == 6 {
      guard let count = words[5].integer else { throw .notAnInteger }
      if count >= 0 { limit = Int(count) }
    }
    replyFull(&c, stream, limit: limit)
  }

  /// Seven pairs about all entries there ever were.
  private static func replyCounters(_ c: inout Context, _ stream: Stream) {
    let counters = stream.counters
    c.reply.pair("length", stream.count)
    c.reply.pair("radix-tree-keys", stream.chunkCount)
    c.reply.pair("radix-tree-nodes", stream.chunkCount + 1)  // Ours is no radix tree.
    c.reply.pair("last-generated-id", stream.last)
    c.reply.pair("max-deleted-entry-id", stream.deleted)
    c.reply.pair("entries-added", stream.added)
    c.reply.pair("recorded-first-entry-id", counters.first)
  }

  private static func replyShort(_ c: inout Context, _ stream: Stream) {
    c.reply.map(10)
    replyCounters(&c, stream)
    c.reply.pair("groups", stream.groupCount)
    for (name, entry) in [("first-entry", stream.firstEntry), ("last-entry", stream.lastEntry)] {
      c.reply.bulk(name)
      if let entry { c.reply.entry(entry) } else { c.reply.null() }
    }
  }

  private static func replyFull(_ c: inout Context, _ stream: Stream, limit: Int) {
    c.reply.map(9)
    replyCounters(&c, stream)
    c.reply.bulk("entries")
    c.reply.entries(of: stream, limit: limit)
    c.reply.bulk("groups")
    let groups = stream.sortedGroups
    c.reply.array(groups.count)
    for group in groups {
      c.reply.map(7)
      c.reply.bulk("name")
      c.reply.bulk(group.key)
      replyPlace(&c, stream, group)
      c.reply.pair("pel-count", group.pending.count)
      c.reply.bulk("pending")
      var cursor = group.pending.cursor()
      replyPending(&c, count: group.pending.count, limit: limit, withOwner: true) { cursor.next() }
      c.reply.bulk("consumers")
      replyFull(&c, group, limit: limit)
    }
  }

  /// The consumers of a group with what is pending for each.
  private static func replyFull(_ c: inout Context, _ group: StreamGroup, limit: Int) {
    let consumers = group.sortedConsumers
    c.reply.array(consumers.count)
    for consumer in consumers {
      c.reply.map(4)
      c.reply.bulk("name")
      c.reply.bulk(consumer.key)
      c.reply.pair("seen-time", consumer.seen)
      c.reply.pair("pel-count", consumer.pending.count)
      c.reply.bulk("pending")
      var cursor = consumer.pending.cursor()
      replyPending(&c, count: consumer.pending.count, limit: limit, withOwner: false) {
        cursor.next().flatMap { group.pending.find($0.id) }
      }
    }
  }

  /// Up to `limit` of `count` pending entries, 0 meaning all of them.
  private static func replyPending(
    _ c: inout Context, count: Int, limit: Int, withOwner: Bool, _ next: () -> PendingEntry?
  ) {
    let shown = limit == 0 ? count : min(limit, count)
    c.reply.array(shown)
    for _ in 0..<shown {
      guard let entry = next() else { preconditionFailure("there are as many as are counted") }
      c.reply.array(withOwner ? 4 : 3)
      c.reply.bulk(entry.id)
      if withOwner { c.reply.bulk(entry.owner) }
      c.reply.integer(entry.delivered)
      c.reply.integer(entry.deliveries)
    }
  }
}

extension Reply {
  fileprivate mutating func pair(_ name: String, _ value: Int) {
    bulk(name)
    integer(value)
  }

  fileprivate mutating func pair(_ name: String, _ value: Int64?) {
    bulk(name)
    if let value { integer(value) } else { null() }
  }

  fileprivate mutating func pair(_ name: String, _ id: StreamID) {
    bulk(name)
    bulk(id)
  }
}
