// StreamBlockingTests.swift: waiting for entries of streams, as readers and as consumers of groups.

import Testing

@testable import Broker

@Test func oneEntryServesAllReaders() {
  var harness = EngineHarness()
  let one = harness.client(), two = harness.client(), late = harness.client()
  let producer = harness.client()
  _ = harness.send(two, "HELLO 3")
  #expect(harness.send(one, "XREAD BLOCK 0 STREAMS none s 0 $") == "")
  #expect(harness.send(two, "XREAD BLOCK 0 STREAMS s 0") == "")
  #expect(harness.send(late, "XREAD BLOCK 500 STREAMS s 5-0") == "")
  _ = harness.send(producer, "XADD s 1-0 a b")
  let entry = "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
  #expect(harness.output(one) == "*1\r\n*2\r\n$1\r\ns\r\n" + entry)
  #expect(harness.output(two) == "%1\r\n$1\r\ns\r\n" + entry)
  #expect(harness.output(late) == "", "it waits for later ones")
  harness.advance(milliseconds: 500)
  #expect(harness.output(late) == "*-1\r\n")
  #expect(harness.engine.context.blockedCount == 0)
}

/// Of two streams that a transaction makes ready, a reader is given the one that was there first, as
/// by redis-server 7.0.15.
@Test func theStreamThatIsMadeFirstIsReadFirst() {
  var harness = EngineHarness()
  let reader = harness.client(), producer = harness.client()
  _ = harness.send(producer, "XADD a 1-0 f v")
  #expect(harness.send(reader, "XREAD BLOCK 0 STREAMS b a $ $") == "")
  for command in ["MULTI", "XGROUP CREATE b g 0 MKSTREAM", "XADD a 2-0 f v", "XADD b 3-0 f v"] {
    _ = harness.send(producer, command)
  }
  _ = harness.send(producer, "EXEC")
  #expect(
    harness.output(reader)
      == "*1\r\n*2\r\n$1\r\nb\r\n*1\r\n*2\r\n$3\r\n3-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n")
}

@Test func consumersAreServedInTheOrderInWhichTheyCame() {
  var harness = EngineHarness(logging: true)
  let first = harness.client(), second = harness.client(), other = harness.client()
  let producer = harness.client()
  _ = harness.send(producer, "XGROUP CREATE s g $ MKSTREAM")
  _ = harness.send(producer, "XGROUP CREATE s h $")
  for (client, words) in [(first, "g a"), (second, "g b"), (other, "h c")] {
    #expect(harness.send(client, "XREADGROUP GROUP \(words) BLOCK 0 STREAMS s >") == "")
  }
  _ = harness.send(producer, "XADD s 1-0 a b")
  let reply = "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
  #expect(harness.output(first) == reply)
  #expect(harness.output(second) == "")
  #expect(harness.output(other) == reply)
  _ = harness.send(producer, "XADD s 2-0 a b")
  #expect(harness.output(second) == reply.replacing("1-0", with: "2-0"))
  #expect(
    harness.send(producer, "XPENDING s g")
      == "*4\r\n:2\r\n$3\r\n1-0\r\n$3\r\n2-0\r\n*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\nb\r\n$1\r\n1\r\n"
  )
  harness.checkInvariants()
}

@Test(arguments: [
  ("DEL s", "UNBLOCKED the stream key no longer exists"),
  ("SET s v", "UNBLOCKED the stream key no longer exists"),
  ("RENAME s t", "UNBLOCKED the stream key no longer exists"),
  ("RENAME l s", "UNBLOCKED the stream key no longer exists"),
  ("MOVE s 1", "UNBLOCKED the stream key no longer exists"),
  ("FLUSHALL", "UNBLOCKED the stream key no longer exists"),
  ("SWAPDB 0 1", "UNBLOCKED the stream key no longer exists"),
  ("XGROUP DESTROY s g", "NOGROUP the consumer group this client was blocked on no longer exists"),
])
func aConsumerWhoseGroupIsGoneIsTold(command: String, reason: String) {
  var harness = EngineHarness()
  let consumer = harness.client(), reader = harness.client(), popper = harness.client()
  let other = harness.client()
  #expect(harness.send(popper, "BLPOP s 0") == "")
  _ = harness.send(other, "XGROUP CREATE s g $ MKSTREAM")
  _ = harness.send(other, "RPUSH l one")
  #expect(harness.send(consumer, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
  #expect(harness.send(reader, "XREAD BLOCK 0 STREAMS s $") == "")
  _ = harness.send(other, command)
  #expect(harness.output(consumer) == "-\(reason)\r\n")
  #expect(harness.output(reader) == "", "a reader goes on waiting")
  #expect(
    harness.output(popper) == (command == "RENAME l s" ? "*2\r\n$1\r\ns\r\n$3\r\none\r\n" : ""))
  #expect(harness.engine.context.lostStreams.isEmpty)
  let statistics = harness.send(other, "INFO commandstats")
  let line = statistics.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_xreadgroup:") }
  #expect(line?.hasSuffix("failed_calls=1") == true)
}

@Test func aConsumerOfAStreamWhoseTimeIsUpIsTold() {
  var harness = EngineHarness()
  let consumer = harness.client(), other = harness.client()
  _ = harness.send(other, "XGROUP CREATE s g $ MKSTREAM")
  _ = harness.send(other, "PEXPIRE s 10")
  #expect(harness.send(consumer, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
  harness.advance(milliseconds: 11)
  #expect(harness.output(consumer) == "-UNBLOCKED the stream key no longer exists\r\n")
}

@Test func aStreamMadeAnewInATransactionHasNotTheGroup() {
  var harness = EngineHarness()
  let consumer = harness.client(), other = harness.client()
  _ = harness.send(other, "XGROUP CREATE s g $ MKSTREAM")
  #expect(harness.send(consumer, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
  for line in ["MULTI", "DEL s", "XADD s 1-0 a b", "EXEC"] { _ = harness.send(other, line) }
  #expect(
    harness.output(consumer)
      == "-NOGROUP the consumer group this client was blocked on no longer exists\r\n")
}

@Test func inATransactionNobodyWaits() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "XGROUP CREATE s g $ MKSTREAM")
  _ = harness.send(client, "MULTI")
  _ = harness.send(client, "XREAD BLOCK 0 STREAMS s $")
  _ = harness.send(client, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
  #expect(harness.send(client, "EXEC") == "*2\r\n*-1\r\n*-1\r\n")
}

/// The last entry by its own name, as of Redis 7.4.
@Test func plusReadsTheLastEntry() {
  var harness = EngineHarness()
  let client = harness.client()
  for number in 1...3 { _ = harness.send(client, "XADD s \(number)-0 a b") }
  let last = "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n3-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
  #expect(harness.send(client, "XREAD COUNT 5 STREAMS s +") == last)
  #expect(harness.send(client, "XREAD STREAMS none +") == "*-1\r\n")
  _ = harness.send(client, "XDEL s 3-0")
  #expect(
    harness.send(client, "XREAD STREAMS s +") == last.replacing("3-0", with: "2-0"))
  #expect(harness.send(client, "XREADGROUP GROUP g c STREAMS s +").hasPrefix("-NOGROUP"))
}
