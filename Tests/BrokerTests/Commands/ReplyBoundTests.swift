// ReplyBoundTests.swift: short requests that name long values many times.

import Testing

@testable import Broker

@Test func aReplyThatWouldBeTooLongIsAnError() {
  var harness = EngineHarness()
  let client = harness.client()
  let value = String(repeating: "x", count: 60)
  _ = harness.send(client, "SET key \(value)")
  _ = harness.send(client, "RPUSH list 1 2 3 \(value)")
  harness.engine.context.sessions[client].reply.sizeMax = 100
  #expect(
    harness.send(client, "MGET key key key key") == "-ERR the reply would be longer than 2 GB\r\n")
  #expect(harness.send(client, "GET key") == "$60\r\n\(value)\r\n")
  // What is taken is told, however long.
  harness.engine.context.sessions[client].reply.sizeMax = 0
  #expect(harness.send(client, "LPOP list 3") == "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n")
}
