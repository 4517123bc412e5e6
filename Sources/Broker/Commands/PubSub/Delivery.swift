// Delivery.swift: messages on their way into the output of those who are subscribed.
//
// A message is made once, as RESP2 has it; for RESP3 its first byte is another. To each subscriber it
// is one append. It is a reply like others: it leaves when what its sender has changed or seen before
// it is durable, which for a sender that has changed nothing is at once.
// The output of the session being served is in the middle of a reply: what it is sent meanwhile
// follows once its command has answered (as in Redis 7.2; 7.0 breaks the reply of an EXEC by it).
// Who leaves more unread than `client-output-buffer-limit pubsub` allows is dropped at once, with all
// that was kept for it.

import RESP

/// Messages to sessions that are being served.
struct DeferredMessages: ~Copyable {
  fileprivate var bytes = ByteBuffer()
  fileprivate var parts: [(slot: Int, size: Int)] = []

  @inline(__always) var isEmpty: Bool { parts.isEmpty }
}

extension Context {
  /// Sends `payload` to all who are subscribed to `channel` or to a pattern that it matches.
  ///
  /// - Parameter hold: the newest commit that the message could tell of.
  /// - Returns: how many receive it; who is subscribed in two ways counts twice.
  /// - Complexity: O(subscribers + patterns).
  mutating func publish(_ payload: ByteView, to channel: ByteView, hold: UInt64) -> Int {
    var receivers = 0
    let subscribers = subscriptions.channels.subscribers(of: channel)
    if !subscribers.isEmpty {
      draft.push(3)
      draft.bulk(ByteView("message"))
      receivers = deliver(channel, payload, to: subscribers, hold: hold)
    }
    for index in 0..<subscriptions.patterns.count {
      let (pattern, subscribers) = subscriptions.patterns[index]
      guard Glob.matches(pattern, channel) else { continue }
      draft.push(4)
      draft.bulk(ByteView("pmessage"))
      draft.bulk(pattern)
      receivers += deliver(channel, payload, to: subscribers, hold: hold)
    }
    return receivers
  }

  /// Sends `payload` to all who are subscribed to the shard channel.
  mutating func publish(_ payload: ByteView, toShard channel: ByteView, hold: UInt64) -> Int {
    let subscribers = subscriptions.shardChannels.subscribers(of: channel)
    guard !subscribers.isEmpty else { return 0 }
    draft.push(3)
    draft.bulk(ByteView("smessage"))
    return deliver(channel, payload, to: subscribers, hold: hold)
  }

  /// The newest commit that a message of the session being served could tell of: what it changed or
  /// saw in this batch, and what its earlier replies still wait for.
  var commitSeen: UInt64 { max(hold, sessions[slot].holds.last?.commit ?? 0) }

  /// Ends the message in `draft` and sends it.
  private mutating func deliver(
    _ channel: ByteView, _ payload: ByteView, to subscribers: [Int], hold: UInt64
  ) -> Int {
    draft.bulk(channel)
    draft.bulk(payload)
    let message = draft.bytes.view
    for subscriber in subscribers { deliver(message, to: subscriber, hold: hold) }
    draft.bytes.reset(keeping: 1 << 16)
    return subscribers.count
  }

  @inline(__always)
  private mutating func deliver(_ message: ByteView, to slot: Int, hold: UInt64) {
    let flags = sessions[slot].flags
    guard !flags.contains(.dropped) else { return }
    let limit = settings.outputLimits.pubsub.hard
    if flags.contains(.served) {
      let unread = deferred.bytes.count + message.count
      if limit > 0, unread > limit { return dropOverfull(slot) }
      deferred.bytes.append(message)
      deferred.parts.append((slot, message.count))
      return
    }
    if limit > 0, sessions[slot].reply.count + message.count > limit { return dropOverfull(slot) }
    sessions[slot].reply.message(message)
    holdReplies(of: slot, until: hold)
    touchSession(slot)
  }

  /// Ends a session that leaves too much unread, and gives its output's memory back.
  private mutating func dropOverfull(_ slot: Int) {
    sessions[slot].flags.insert(.overfull)
    condemn(slot)
    guard !sessions[slot].flags.contains(.served) else { return }
    sessions[slot].reply.bytes.reset()
    sessions[slot].holds = []
  }

  /// Sends what had to wait for the end of the command that has just run.
  mutating func deliverDeferred() {
    var messages = DeferredMessages()
    swap(&messages, &deferred)
    var offset = 0
    for part in messages.parts {
      let message = messages.bytes.view(at: offset, size: part.size)
      offset += part.size
      guard part.slot != slot else {
        reply.message(message)
        continue
      }
      // It was served behind the command, whose commit all of that waits for.
      sessions[part.slot].reply.message(message)
      holdReplies(of: part.slot, until: commit)
      touchSession(part.slot)
    }
  }

  /// Sends the reply behind `mark` with the messages, in spite of CLIENT REPLY OFF and SKIP.
  mutating func deferReply(from mark: Int) {
    let size = reply.count - mark
    deferred.bytes.append(reply.bytes.view(at: mark, size: size))
    deferred.parts.append((slot, size))
    reply.bytes.truncate(to: mark)
  }
}

extension Reply {
  /// A whole push message as RESP2 has it.
  @inline(__always)
  fileprivate mutating func message(_ message: ByteView) {
    let start = bytes.count
    bytes.append(message)
    if version >= 3 { bytes.overwrite(at: start, littleEndian: UInt8(ascii: ">")) }
  }
}
