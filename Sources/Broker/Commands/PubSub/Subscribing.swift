// Subscribing.swift: SUBSCRIBE and its kin: beginning and ending to listen.
//
// Each topic is confirmed by a message of its own. In RESP2 a client that listens may do little else
// (`CommandFlags.whileSubscribed`); in RESP3 messages are told apart from replies, and all is allowed.

import RESP

/// The commands of publishing and subscribing.
enum PubSub {
  private static let subscribing: CommandFlags = [
    .pubsub, .noScript, .loading, .stale, .whileSubscribed,
  ]

  static let subscriptions: [Command] = [
    Command(
      "SUBSCRIBE", arity: .atLeast(2), flags: subscribing,
      channels: ChannelSpec(first: 1, last: -1), group: .pubsub, since: "2.0.0",
      summary: "Listens to channels.",
      complexity: "O(N), N channels given", body: subscribe),
    Command(
      "UNSUBSCRIBE", arity: .atLeast(1), flags: subscribing, group: .pubsub, since: "2.0.0",
      summary: "Stops listening to channels, or to all of them.",
      complexity: "O(N), N channels left", body: unsubscribe),
    Command(
      "PSUBSCRIBE", arity: .atLeast(2), flags: subscribing,
      channels: ChannelSpec(first: 1, last: -1, isPattern: true), group: .pubsub, since: "2.0.0",
      summary: "Listens to all channels that patterns match.",
      complexity: "O(N), N patterns given", body: psubscribe),
    Command(
      "PUNSUBSCRIBE", arity: .atLeast(1), flags: subscribing, group: .pubsub, since: "2.0.0",
      summary: "Stops listening by patterns, or by all of them.",
      complexity: "O(N), N patterns left", body: punsubscribe),
    Command(
      "SSUBSCRIBE", arity: .atLeast(2), flags: subscribing, keys: [.range(1, -1, .notKey)],
      channels: ChannelSpec(first: 1, last: -1), group: .pubsub, since: "7.0.0",
      summary: "Listens to shard channels.",
      complexity: "O(N), N shard channels given", body: ssubscribe),
    Command(
      "SUNSUBSCRIBE", arity: .atLeast(1), flags: subscribing, keys: [.range(1, -1, .notKey)],
      group: .pubsub, since: "7.0.0",
      summary: "Stops listening to shard channels, or to all of them.",
      complexity: "O(N), N shard channels left", body: sunsubscribe),
  ]

  /// `SUBSCRIBE channel [channel ...]` → a message for each: subscribe, channel, how many there are.
  static func subscribe(_ c: inout Context) throws(CommandError) { c.subscribe(.channel) }

  /// `UNSUBSCRIBE [channel ...]` → a message for each: unsubscribe, channel or null, how many are left.
  static func unsubscribe(_ c: inout Context) throws(CommandError) { c.unsubscribe(.channel) }

  /// `PSUBSCRIBE pattern [pattern ...]` → a message for each: psubscribe, pattern, how many there are.
  static func psubscribe(_ c: inout Context) throws(CommandError) { c.subscribe(.pattern) }

  /// `PUNSUBSCRIBE [pattern ...]` → a message for each: punsubscribe, pattern or null, how many are left.
  static func punsubscribe(_ c: inout Context) throws(CommandError) { c.unsubscribe(.pattern) }

  /// `SSUBSCRIBE channel [channel ...]` → a message for each: ssubscribe, channel, how many there are.
  static func ssubscribe(_ c: inout Context) throws(CommandError) {
    // The others are let into transactions for the sake of old clients; this one is too young.
    guard !c.isInExec else {
      throw CommandError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
    }
    c.subscribe(.shardChannel)
  }

  /// `SUNSUBSCRIBE [channel ...]` → a message for each: sunsubscribe, channel or null, how many are left.
  static func sunsubscribe(_ c: inout Context) throws(CommandError) { c.unsubscribe(.shardChannel) }
}

extension Subscriptions.Kind {
  fileprivate var subscribeWord: StaticString {
    switch self {
    case .channel: "subscribe"
    case .pattern: "psubscribe"
    case .shardChannel: "ssubscribe"
    }
  }
  fileprivate var unsubscribeWord: StaticString {
    switch self {
    case .channel: "unsubscribe"
    case .pattern: "punsubscribe"
    case .shardChannel: "sunsubscribe"
    }
  }
}

extension Context {
  fileprivate mutating func subscribe(_ kind: Subscriptions.Kind) {
    let mark = reply.count
    for index in 1..<arguments.count {
      _ = subscriptions[kind].subscribe(slot, to: arguments[index])
      confirm(kind.subscribeWord, arguments[index], kind)
    }
    sessions[slot].flags.insert(.pubsub)
    endConfirming(mark)
  }

  fileprivate mutating func unsubscribe(_ kind: Subscriptions.Kind) {
    let mark = reply.count
    if arguments.count > 1 {
      for index in 1..<arguments.count {
        _ = subscriptions[kind].unsubscribe(slot, from: arguments[index])
        confirm(kind.unsubscribeWord, arguments[index], kind)
      }
    } else {
      let names = subscriptions[kind].names(of: slot)
      for name in names {
        unsafe name.withUnsafeBytes {
          let name = unsafe ByteView($0)
          _ = subscriptions[kind].unsubscribe(slot, from: name)
          confirm(kind.unsubscribeWord, name, kind)
        }
      }
      if names.isEmpty { confirm(kind.unsubscribeWord, nil, kind) }
    }
    if subscriptions.count(of: slot) == 0 { sessions[slot].flags.remove(.pubsub) }
    endConfirming(mark)
  }

  private mutating func confirm(
    _ word: StaticString, _ name: ByteView?, _ kind: Subscriptions.Kind
  ) {
    reply.push(3)
    reply.bulk(ByteView(word))
    if let name { reply.bulk(name) } else { reply.null() }
    reply.integer(
      kind == .shardChannel
        ? subscriptions.shardChannels.count(of: slot)
        : subscriptions.channels.count(of: slot) + subscriptions.patterns.count(of: slot))
  }

  /// Who wants no replies wants confirmations nevertheless: they are messages.
  private mutating func endConfirming(_ mark: Int) {
    if !sessions[slot].flags.isDisjoint(with: [.replyOff, .replySkip]) { deferReply(from: mark) }
  }

  // MARK: Sessions

  /// Ends all subscriptions of `slot` without a word.
  mutating func unsubscribeAll(_ slot: Int) {
    guard sessions[slot].flags.contains(.pubsub) else { return }
    sessions[slot].flags.remove(.pubsub)
    for kind in Subscriptions.Kind.allCases {
      for name in subscriptions[kind].names(of: slot) {
        unsafe name.withUnsafeBytes {
          _ = unsafe subscriptions[kind].unsubscribe(slot, from: ByteView($0))
        }
      }
    }
  }

  /// Whether the user of `slot` may still listen to all that it listens to.
  func mayKeepSubscriptions(_ slot: Int) -> Bool {
    let user = sessions[slot].user
    return Subscriptions.Kind.allCases.allSatisfy { kind in
      subscriptions[kind].names(of: slot).allSatisfy { name in
        unsafe name.withUnsafeBytes {
          unsafe access.allows(user, channel: ByteView($0), isPattern: kind == .pattern)
        }
      }
    }
  }
}
