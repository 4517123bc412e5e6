// SubscribingTests.swift: listening and publishing, as clients see it. Replies are Redis 7.0's.

import RESP
import Testing

@testable import Broker

private func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

/// A confirmation or a message of three parts, the last a number or a text.
private func message(_ parts: String..., count: Int? = nil, mark: String = "*") -> String {
  "\(mark)3\r\n" + parts.map(bulk).joined() + (count.map { ":\($0)\r\n" } ?? "")
}

@Test func eachChannelAndPatternIsConfirmedAndCounted() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, "SUBSCRIBE x y x")
      == message("subscribe", "x", count: 1) + message("subscribe", "y", count: 2)
      + message("subscribe", "x", count: 2))
  #expect(harness.send(client, "PSUBSCRIBE p*") == message("psubscribe", "p*", count: 3))
  #expect(harness.send(client, "SSUBSCRIBE s") == message("ssubscribe", "s", count: 1))
  #expect(
    harness.send(client, "UNSUBSCRIBE")
      == message("unsubscribe", "x", count: 2) + message("unsubscribe", "y", count: 1))
  #expect(harness.send(client, "PUNSUBSCRIBE q") == message("punsubscribe", "q", count: 1))
  #expect(harness.send(client, "PUNSUBSCRIBE") == message("punsubscribe", "p*", count: 0))
  #expect(harness.send(client, "GET a").hasPrefix("-ERR Can't execute 'get'"))
  #expect(harness.send(client, "SUNSUBSCRIBE") == message("sunsubscribe", "s", count: 0))
  #expect(harness.send(client, "GET a") == "$-1\r\n")
}

@Test(arguments: ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"])
func leavingNothingIsConfirmedWithNull(command: String) {
  var harness = EngineHarness()
  let client = harness.client()
  let word = bulk(command.lowercased())
  #expect(harness.send(client, command) == "*3\r\n\(word)$-1\r\n:0\r\n")
  _ = harness.send(client, "HELLO 3")
  #expect(harness.send(client, command) == ">3\r\n\(word)_\r\n:0\r\n")
}

@Test func aMessageGoesToChannelsPatternsAndShardChannels() {
  var harness = EngineHarness()
  let old = harness.client(), new = harness.client(), sender = harness.client()
  _ = harness.send(new, "HELLO 3")
  _ = harness.send(old, "SUBSCRIBE news")
  _ = harness.send(old, "PSUBSCRIBE n* ?ews other")
  _ = harness.send(new, "PSUBSCRIBE n*")
  _ = harness.send(new, "SSUBSCRIBE news")
  #expect(harness.send(sender, "PUBLISH news hello") == ":4\r\n")
  let text = bulk("news") + bulk("hello")
  let toOld = harness.output(old)
  #expect(toOld.hasPrefix("*3\r\n\(bulk("message"))\(text)"))
  #expect(toOld.contains("*4\r\n\(bulk("pmessage"))\(bulk("n*"))\(text)"))
  #expect(toOld.contains("*4\r\n\(bulk("pmessage"))\(bulk("?ews"))\(text)"))
  #expect(harness.output(new) == ">4\r\n\(bulk("pmessage"))\(bulk("n*"))\(text)")
  #expect(harness.send(sender, "SPUBLISH news only") == ":1\r\n")
  #expect(harness.output(old) == "")
  #expect(harness.output(new) == message("smessage", "news", "only", mark: ">"))
  #expect(harness.send(sender, "PUBLISH void hello") == ":0\r\n")
  #expect(harness.effects() == "")
}

@Test func inRESP2WhoListensMayDoLittleElse() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SUBSCRIBE x")
  let rest =
    "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
  for (request, name) in [
    ("GET a", "get"), ("MULTI", "multi"), ("PUBSUB CHANNELS", "pubsub|channels"),
    ("HELLO 3", "hello"), ("PUBLISH x y", "publish"),
  ] {
    #expect(harness.send(client, request) == "-ERR Can't execute '\(name)': \(rest)\r\n")
  }
  #expect(harness.send(client, "PING") == "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
  #expect(harness.send(client, "PING hi") == "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n")
  #expect(harness.send(client, "QUIT") == "+OK\r\n")
}

@Test func resetEndsAllSubscriptions() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  _ = harness.send(client, "SUBSCRIBE a")
  _ = harness.send(client, "PSUBSCRIBE b*")
  _ = harness.send(client, "SSUBSCRIBE c")
  #expect(harness.send(client, "RESET") == "+RESET\r\n")
  #expect(harness.send(other, "PUBLISH a x") == ":0\r\n")
  #expect(harness.send(other, "PUBSUB NUMPAT") == ":0\r\n")
  #expect(harness.send(other, "PUBSUB SHARDCHANNELS") == "*0\r\n")
  #expect(harness.send(client, "GET a") == "$-1\r\n")
}

@Test func aClosedSessionIsSubscribedToNothing() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  _ = harness.send(client, "SUBSCRIBE a")
  harness.engine.close(client)
  #expect(harness.send(other, "PUBLISH a x") == ":0\r\n")
  let next = harness.client()
  #expect(next == client)
  #expect(harness.send(next, "GET a") == "$-1\r\n")
}

@Test func inRESP3AllIsAllowedAndOwnMessagesFollowTheReply() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HELLO 3")
  #expect(harness.send(client, "SUBSCRIBE x") == message("subscribe", "x", count: 1, mark: ">"))
  let push = message("message", "x", "m", mark: ">")
  #expect(harness.send(client, "PUBLISH x m") == ":1\r\n" + push)
  for request in ["MULTI", "PING", "PUBLISH x m", "PING"] { _ = harness.send(client, request) }
  #expect(harness.send(client, "EXEC") == "*3\r\n+PONG\r\n:1\r\n+PONG\r\n" + push)
  #expect(harness.send(client, "PING") == "+PONG\r\n")
}

@Test func inATransactionConfirmationsAreReplies() {
  var harness = EngineHarness()
  let client = harness.client()
  for request in ["MULTI", "SUBSCRIBE y", "GET a", "PUBLISH y 1", "SSUBSCRIBE z"] {
    _ = harness.send(client, request)
  }
  #expect(
    harness.send(client, "EXEC")
      == "*4\r\n" + message("subscribe", "y", count: 1) + "$-1\r\n:1\r\n"
      + "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n"
      + message("message", "y", "1"))
}

@Test func whoWantsNoRepliesGetsMessagesAndConfirmations() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  _ = harness.send(client, "HELLO 3")
  _ = harness.send(client, "SUBSCRIBE x")
  #expect(harness.send(client, "CLIENT REPLY OFF") == "")
  #expect(harness.send(client, "PUBLISH x m") == message("message", "x", "m", mark: ">"))
  #expect(harness.send(client, "SUBSCRIBE z") == message("subscribe", "z", count: 2, mark: ">"))
  #expect(harness.send(client, "PING") == "")
  #expect(harness.send(client, "SUBSCRIBE") == "")
  _ = harness.send(other, "PUBLISH z n")
  #expect(harness.output(client) == message("message", "z", "n", mark: ">"))
  #expect(harness.send(client, "CLIENT REPLY ON") == "+OK\r\n")
  #expect(harness.send(client, "CLIENT REPLY SKIP") == "")
  #expect(harness.send(client, "UNSUBSCRIBE z") == message("unsubscribe", "z", count: 1, mark: ">"))
  #expect(harness.send(client, "PING") == "+PONG\r\n")
}

@Test func pubsubTellsWhoListens() {
  var harness = EngineHarness()
  let a = harness.client(), b = harness.client(), c = harness.client()
  _ = harness.send(a, "SUBSCRIBE one two")
  _ = harness.send(b, "SUBSCRIBE two")
  _ = harness.send(a, "PSUBSCRIBE t*")
  _ = harness.send(b, "PSUBSCRIBE t*")
  _ = harness.send(b, "SSUBSCRIBE three")
  #expect(harness.send(c, "PUBSUB CHANNELS t*") == "*1\r\n$3\r\ntwo\r\n")
  #expect(harness.send(c, "PUBSUB CHANNELS").hasPrefix("*2\r\n"))
  #expect(
    harness.send(c, "PUBSUB NUMSUB two none") == "*4\r\n$3\r\ntwo\r\n:2\r\n$4\r\nnone\r\n:0\r\n")
  #expect(harness.send(c, "PUBSUB NUMSUB") == "*0\r\n")
  #expect(harness.send(c, "PUBSUB NUMPAT") == ":1\r\n")
  #expect(harness.send(c, "PUBSUB SHARDCHANNELS") == "*1\r\n$5\r\nthree\r\n")
  #expect(harness.send(c, "PUBSUB SHARDCHANNELS x*") == "*0\r\n")
  #expect(harness.send(c, "PUBSUB SHARDNUMSUB three") == "*2\r\n$5\r\nthree\r\n:1\r\n")
  #expect(
    harness.send(c, "PUBSUB CHANNELS a b")
      == "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.\r\n"
  )
  #expect(harness.send(c, "INFO stats").contains("pubsub_channels:2\r\npubsub_patterns:1\r\n"))
  #expect(harness.send(c, "CLIENT LIST TYPE pubsub").contains(" sub=2 psub=1 ssub=0 "))
  #expect(harness.send(c, "CLIENT LIST TYPE pubsub").contains(" sub=1 psub=1 ssub=1 "))
  #expect(harness.send(c, "CLIENT KILL TYPE pubsub") == ":2\r\n")
  #expect(harness.send(c, "PUBSUB NUMPAT") == ":0\r\n")
}

// MARK: What messages wait for

@Test func aMessageOfATransactionWaitsForItsWrites() {
  var harness = EngineHarness(logging: true)
  let listener = harness.client(), writer = harness.client()
  _ = harness.send(listener, "SUBSCRIBE done")
  for request in ["MULTI", "SET a 1", "PUBLISH done a", "EXEC"] {
    _ = harness.send(writer, request)
  }
  #expect(harness.engine.context.sessions[listener].outputSize > 0)
  #expect(harness.engine.sendable(listener) == 0)
  harness.engine.context.durableCommit = harness.engine.context.commit
  #expect(harness.engine.sendable(listener) > 0)
}

/// Goal: a message waits for what its sender has written before, though not in the same batch.
@Test func aMessageWaitsForWritesThatItsSenderIsNotToldOfYet() {
  var harness = EngineHarness(logging: true)
  let listener = harness.client(), writer = harness.client(), other = harness.client()
  _ = harness.send(listener, "SUBSCRIBE done")
  writer: do {
    // As in one pipeline of two turns: the reply to SET is not sent yet when PUBLISH comes.
    for words in [["SET", "a", "1"], ["PUBLISH", "done", "a"]] {
      var bytes = ByteBuffer()
      bytes.append("*\(words.count)\r\n" + words.map(bulk).joined())
      var parser = RequestParser()
      guard case .request = (try? parser.parse(bytes.view, limits: RequestLimits())) else {
        Issue.record("no request")
        break writer
      }
      harness.engine.beginBatch(writer)
      unsafe harness.engine.run(Arguments(bytes.view, parser.arguments), request: bytes.view)
      harness.engine.endBatch()
    }
  }
  #expect(harness.engine.sendable(listener) == 0)
  _ = harness.send(other, "PUBLISH done b")
  #expect(harness.engine.sendable(listener) == 0, "messages stay in order")
  harness.engine.context.durableCommit = harness.engine.context.commit
  #expect(harness.engine.sendable(listener) == harness.output(listener).utf8.count)
}

@Test func aBareMessageWaitsForNothing() {
  var harness = EngineHarness(logging: true)
  let listener = harness.client(), writer = harness.client(), sender = harness.client()
  _ = harness.send(listener, "SUBSCRIBE news")
  _ = harness.send(writer, "SET a 1")
  _ = harness.send(sender, "PUBLISH news hello")
  #expect(harness.engine.sendable(listener) == message("message", "news", "hello").utf8.count)
  _ = harness.effects()
  _ = harness.send(sender, "PUBLISH news hello")
  #expect(harness.effects() == "")
}

// MARK: Rights

@Test func channelsAreCheckedByTheirPatterns() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER u on nopass +@all ~* resetchannels &news:* &exact")
  _ = harness.send(client, "AUTH u any")
  let refusal =
    "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n"
  #expect(harness.send(client, "PUBLISH news:a x") == ":0\r\n")
  #expect(harness.send(client, "PUBLISH other x") == refusal)
  #expect(harness.send(client, "SPUBLISH other x") == refusal)
  #expect(harness.send(client, "SUBSCRIBE exact other") == refusal)
  #expect(harness.send(client, "PSUBSCRIBE news:a*") == refusal, "a pattern must be one of theirs")
  #expect(harness.send(client, "SSUBSCRIBE other") == refusal)
  #expect(harness.send(client, "UNSUBSCRIBE other").hasPrefix("*3\r\n"))
  #expect(harness.send(client, "PSUBSCRIBE news:*").hasPrefix("*3\r\n"))
  #expect(
    harness.send(admin, "ACL DRYRUN u PUBLISH other x")
      == bulk("This user has no permissions to access the 'other' channel"))
  #expect(harness.send(admin, "ACL LOG 1").contains("$7\r\nchannel\r\n"))
  #expect(harness.send(admin, "INFO stats").contains("acl_access_denied_channel:5\r\n"))
}

@Test func newUsersHaveTheChannelsThatTheSettingsSay() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER none on nopass +@all")
  _ = harness.send(admin, "CONFIG SET acl-pubsub-default allchannels")
  _ = harness.send(admin, "ACL SETUSER all on nopass +@all")
  _ = harness.send(client, "AUTH none x")
  #expect(harness.send(client, "PUBLISH a b").hasPrefix("-NOPERM"))
  _ = harness.send(client, "AUTH all x")
  #expect(harness.send(client, "PUBLISH a b") == ":0\r\n")
}

@Test func whoLosesAChannelItListensToIsClosed() {
  var harness = EngineHarness()
  let admin = harness.client()
  let loses = harness.client(), keeps = harness.client(), pattern = harness.client()
  _ = harness.send(admin, "ACL SETUSER u on nopass +@all allchannels")
  for (client, request) in [
    (loses, "SUBSCRIBE a"), (keeps, "SUBSCRIBE b"), (pattern, "PSUBSCRIBE b*"),
  ] {
    _ = harness.send(client, "AUTH u x")
    _ = harness.send(client, request)
  }
  _ = harness.send(admin, "ACL SETUSER u resetchannels &b")
  #expect(harness.engine.context.sessions[loses].flags.contains(.dropped))
  #expect(harness.engine.context.sessions[pattern].flags.contains(.dropped))
  #expect(!harness.engine.context.sessions[keeps].flags.contains(.dropped))
}

// MARK: Bounds

@Test func aListenerThatLeavesTooMuchUnreadIsDroppedAloneAndAtOnce() {
  var harness = EngineHarness()
  let slow = harness.client(), fast = harness.client(), sender = harness.client()
  harness.engine.context.settings.outputLimits.pubsub.hard = 1000
  _ = harness.send(slow, "SUBSCRIBE x")
  _ = harness.send(fast, "SUBSCRIBE x")
  let text = String(repeating: "t", count: 100)
  for _ in 0..<20 {
    #expect(harness.send(sender, "PUBLISH x \(text)") == ":2\r\n")
    #expect(harness.output(fast).hasSuffix("\(text)\r\n"))
    #expect(harness.engine.context.sessions[slow].outputSize <= 1000)
  }
  #expect(harness.engine.context.sessions[slow].flags.isSuperset(of: [.dropped, .overfull]))
  #expect(harness.engine.context.sessions[slow].reply.bytes.capacity == 0)
  #expect(harness.engine.context.requests.kill == [slow])
}

@Test func messagesToOneselfAreBoundInATransactionToo() {
  var harness = EngineHarness()
  let client = harness.client()
  harness.engine.context.settings.outputLimits.pubsub.hard = 1000
  _ = harness.send(client, "HELLO 3")
  _ = harness.send(client, "SUBSCRIBE x")
  _ = harness.send(client, "MULTI")
  for _ in 0..<100 { _ = harness.send(client, "PUBLISH x \(String(repeating: "t", count: 100))") }
  #expect(harness.send(client, "EXEC").utf8.count < 2000)
  #expect(harness.engine.context.sessions[client].flags.contains(.overfull))
}

/// Goal: as in Redis, what others could notice waits for the end of a pause of writes.
@Test func aPauseOfWritesHoldsMessagesBack() {
  var harness = EngineHarness()
  let listener = harness.client(), sender = harness.client(), other = harness.client()
  _ = harness.send(listener, "SUBSCRIBE x")
  _ = harness.send(other, "CLIENT PAUSE 100 WRITE")
  #expect(harness.send(sender, "PUBLISH x m") == "")
  #expect(harness.output(listener) == "")
  harness.advance(milliseconds: 100)
  #expect(harness.output(sender) == ":1\r\n")
  #expect(harness.output(listener) == message("message", "x", "m"))
}
