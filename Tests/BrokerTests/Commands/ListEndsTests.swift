// ListEndsTests.swift: pushing, popping and waiting, as a client sees it.

import Testing

@testable import Broker

@Test func pushedElementsComeOutAtTheEndAskedFor() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "RPUSH list a b c") == ":3\r\n")
  #expect(harness.send(client, "LPOP list") == "$1\r\na\r\n")
  #expect(harness.send(client, "RPOP list 5") == "*2\r\n$1\r\nc\r\n$1\r\nb\r\n")
  #expect(harness.send(client, "RPOP list") == "$-1\r\n")
}

@Test func aBlockedPopIsServedByTheNextPush() {
  var harness = EngineHarness()
  let worker = harness.client(), other = harness.client(), producer = harness.client()
  #expect(harness.send(worker, "BRPOP jobs 0") == "")
  #expect(harness.send(other, "BRPOP jobs 0.5") == "")
  #expect(harness.send(producer, "LPUSH jobs one") == ":1\r\n")
  #expect(harness.output(worker) == "*2\r\n$4\r\njobs\r\n$3\r\none\r\n")
  #expect(harness.output(other) == "")
  harness.advance(milliseconds: 500)
  #expect(harness.output(other) == "*-1\r\n")
}

@Test(arguments: [
  ("x", "timeout is not a float or out of range"),
  ("nan", "timeout is not a float or out of range"),
  ("1e5000", "timeout is not a float or out of range"), ("-1", "timeout is negative"),
  ("-inf", "timeout is negative"), ("inf", "timeout is negative"),
  ("1e400", "timeout is negative"), ("1e20", "timeout is negative"),
  ("9223372036854775.807", "timeout is out of range"),
])
func aTimeoutThatIsNoneIsRefused(timeout: String, reason: String) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "BLPOP list \(timeout)") == "-ERR \(reason)\r\n")
  let flags = harness.engine.context.sessions[client].flags
  #expect(!flags.contains(.blocked))
}

@Test func aTimeoutIsRoundedUpToMilliseconds() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "BLPOP list 0.0001") == "")
  let deadline = harness.engine.nextDeadline, now = harness.engine.context.monotonic
  #expect(deadline == now + 1)
  harness.advance(milliseconds: 1)
  #expect(harness.output(client) == "*-1\r\n")
  #expect(harness.send(client, "BLPOP list -0.0001") == "")
  let none = harness.engine.nextDeadline
  #expect(none == nil)
}

@Test func popsOfManyCheckTheirOptionsBeforeTheTimeout() {
  var harness = EngineHarness()
  let client = harness.client()
  for number in ["3", "2147483648", "\(Int64.max)"] {
    #expect(harness.send(client, "LMPOP \(number) a b LEFT") == "-ERR syntax error\r\n")
  }
  #expect(
    harness.send(client, "BLMPOP -1 1 a LEFT COUNT 0")
      == "-ERR count should be greater than 0\r\n")
  #expect(harness.send(client, "BLMPOP -1 1 a LEFT") == "-ERR timeout is negative\r\n")
}
