// Publishing.swift: PUBLISH and SPUBLISH, and PUBSUB, which tells who listens.

import RESP

extension PubSub {
  static let publishing: [Command] = [
    Command(
      "PUBLISH", arity: .exactly(3), flags: [.pubsub, .loading, .stale, .fast, .likeWrite],
      channels: ChannelSpec(first: 1, last: 1), group: .pubsub, since: "2.0.0",
      summary: "Sends a message to all who listen to a channel.",
      complexity: "O(N+M), N who listen to the channel, M patterns of all clients", body: publish),
    Command(
      "SPUBLISH", arity: .exactly(3), flags: [.pubsub, .loading, .stale, .fast, .likeWrite],
      keys: [.one(1, .notKey)], channels: ChannelSpec(first: 1, last: 1), group: .pubsub,
      since: "7.0.0",
      summary: "Sends a message to all who listen to a shard channel.",
      complexity: "O(N), N who listen to the shard channel", body: spublish),
    Command(
      "PUBSUB", arity: .atLeast(2), flags: [], group: .pubsub, since: "2.8.0",
      summary: "Commands that tell who listens.", complexity: "Depends on the subcommand",
      subcommands: [
        asking(
          "CHANNELS", .atLeast(2), since: "2.8.0", syntax: "[<pattern>]",
          "Returns the channels that somebody listens to and <pattern> matches (default: '*').",
          complexity: "O(N), N channels", channels),
        asking(
          "NUMPAT", .exactly(2), since: "2.8.0",
          "Returns how many different patterns clients listen by.", complexity: "O(1)",
          patternCount),
        asking(
          "NUMSUB", .atLeast(2), since: "2.8.0", syntax: "[<channel> ...]",
          "Returns how many listen to each of the channels; those who do by a pattern do not count.",
          complexity: "O(N), N channels given", subscriberCounts),
        asking(
          "SHARDCHANNELS", .atLeast(2), since: "7.0.0", syntax: "[<pattern>]",
          "Returns the shard channels that somebody listens to and <pattern> matches (default: '*').",
          complexity: "O(N), N shard channels", shardChannels),
        asking(
          "SHARDNUMSUB", .atLeast(2), since: "7.0.0", syntax: "[<shardchannel> ...]",
          "Returns how many listen to each of the shard channels.",
          complexity: "O(N), N shard channels given", shardSubscriberCounts),
        Help.command(group: .pubsub, since: "6.2.0"),
      ], body: Help.container),
  ]

  private static func asking(
    _ name: StaticString, _ arity: Arity, since: StaticString, syntax: StaticString = "",
    _ summary: StaticString, complexity: StaticString, _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: [.pubsub, .loading, .stale], group: .pubsub, since: since,
      summary: summary, complexity: complexity, syntax: syntax, body: body)
  }

  /// `PUBLISH channel message` → integer: how many receive it.
  static func publish(_ c: inout Context) throws(CommandError) {
    c.reply.integer(c.publish(c.arguments[2], to: c.arguments[1], hold: c.commitSeen))
  }

  /// `SPUBLISH channel message` → integer: how many receive it.
  static func spublish(_ c: inout Context) throws(CommandError) {
    c.reply.integer(c.publish(c.arguments[2], toShard: c.arguments[1], hold: c.commitSeen))
  }

  // MARK: Who listens

  /// `PUBSUB CHANNELS [pattern]` → array of channels.
  static func channels(_ c: inout Context) throws(CommandError) { try list(&c, .channel) }

  /// `PUBSUB SHARDCHANNELS [pattern]` → array of shard channels.
  static func shardChannels(_ c: inout Context) throws(CommandError) { try list(&c, .shardChannel) }

  private static func list(_ c: inout Context, _ kind: Subscriptions.Kind) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .wrongSubcommand(c) }
    let pattern = c.arguments.count == 3 ? c.arguments[2] : nil
    let mark = c.reply.beginArray()
    var count = 0
    for index in 0..<c.subscriptions[kind].count {
      let name = c.subscriptions[kind][index].name
      if let pattern, !Glob.matches(pattern, name) { continue }
      c.reply.bulk(name)
      count += 1
    }
    c.reply.endArray(mark, count: count)
  }

  /// `PUBSUB NUMPAT` → integer.
  static func patternCount(_ c: inout Context) throws(CommandError) {
    c.reply.integer(c.subscriptions.patterns.count)
  }

  /// `PUBSUB NUMSUB [channel ...]` → array: each channel and how many listen to it.
  static func subscriberCounts(_ c: inout Context) throws(CommandError) { count(&c, .channel) }

  /// `PUBSUB SHARDNUMSUB [channel ...]` → array: each shard channel and how many listen to it.
  static func shardSubscriberCounts(_ c: inout Context) throws(CommandError) {
    count(&c, .shardChannel)
  }

  private static func count(_ c: inout Context, _ kind: Subscriptions.Kind) {
    c.reply.array((c.arguments.count - 2) * 2)
    for index in 2..<c.arguments.count {
      c.reply.bulk(c.arguments[index])
      c.reply.integer(c.subscriptions[kind].subscribers(of: c.arguments[index]).count)
    }
  }
}
