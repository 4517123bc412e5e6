// HoldTests.swift: what is held for the log, and what must not be lost on the way to it.

import Testing

@testable import Broker

/// Goal: a producer that wants no replies costs no memory. Method: many commits, none durable.
@Test func holdsDoNotPileUpWithoutReplies() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "CLIENT REPLY OFF")
  for _ in 0..<100 {
    harness.engine.beginBatch(client)
    harness.engine.context.hold = harness.engine.context.commit
    harness.engine.endBatch()
    harness.engine.context.commit += 1
  }
  #expect(harness.engine.context.sessions[client].holds.count <= 1)
}

@Test func aListTurnedOnItselfKeepsItsDeadline() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH q only")
  _ = harness.send(client, "EXPIRE q 100")
  #expect(harness.send(client, "RPOPLPUSH q q") == "$4\r\nonly\r\n")
  #expect(harness.send(client, "TTL q") == ":100\r\n")
}

/// Goal: what a transaction writes over a key out of time is there after a replay, during a pause too.
@Test func aWriteInAPausedTransactionReplays() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "SET k old PX 10")
  harness.engine.context.expiresActively = false
  harness.advance(milliseconds: 20)
  _ = harness.send(client, "MULTI")
  _ = harness.send(client, "CLIENT PAUSE 1000 WRITE")
  _ = harness.send(client, "SETNX k new")
  #expect(harness.send(client, "EXEC") == "*2\r\n+OK\r\n:1\r\n")
  let effects = harness.effects()
  let names = effects.split(separator: "\r\n").filter { $0 == "DEL" || $0 == "SETNX" }
  #expect(names == ["DEL", "SETNX"])
}

@Test func aReplyToBeSkippedIsSkippedAfterAPause() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  _ = harness.send(other, "CLIENT PAUSE 100 WRITE")
  #expect(harness.send(client, "CLIENT REPLY SKIP") == "")
  #expect(harness.send(client, "SET a 1") == "")
  harness.advance(milliseconds: 200)
  #expect(harness.output(client) == "")
  #expect(harness.send(client, "GET a") == "$1\r\n1\r\n")
}
