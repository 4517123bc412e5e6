// SortedSetsAndSetsTests.swift: sorted sets where sets and lists may be too.

import Testing

@testable import Broker

/// Goal: members of sets count as having the score 1. Replies are those of redis-server 7.0.15.
@Test func setsAreTakenTogetherWithSortedSets() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "ZADD z 5 a 2 b")
  _ = harness.send(client, "SADD words a c")
  _ = harness.send(client, "SADD numbers 1 2")
  for (request, reply) in [
    (
      "ZUNION 2 z words WITHSCORES",
      "*6\r\n$1\r\nc\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n6\r\n"
    ),
    ("ZINTER 2 z words WEIGHTS 2 10 WITHSCORES", "*2\r\n$1\r\na\r\n$2\r\n20\r\n"),
    ("ZDIFF 2 words z WITHSCORES", "*2\r\n$1\r\nc\r\n$1\r\n1\r\n"),
    ("ZINTERCARD 2 words z", ":1\r\n"), ("ZUNIONSTORE out 1 numbers WEIGHTS 3", ":2\r\n"),
    ("ZRANGE out 0 -1 WITHSCORES", "*4\r\n$1\r\n1\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n3\r\n"),
  ] {
    #expect(harness.send(client, request) == reply, "\(request)")
  }
}

/// Goal: SORT gives members by their scores where nothing else orders them.
@Test func sortedSetsAreSorted() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "ZADD z 1 30 2 10 3 20")
  for (request, reply) in [
    ("SORT z", "*3\r\n$2\r\n10\r\n$2\r\n20\r\n$2\r\n30\r\n"),
    ("SORT z BY nosort", "*3\r\n$2\r\n30\r\n$2\r\n10\r\n$2\r\n20\r\n"),
    ("SORT z BY nosort DESC LIMIT 0 2", "*2\r\n$2\r\n20\r\n$2\r\n10\r\n"),
    ("SORT z BY nosort LIMIT 1 5 STORE out", ":2\r\n"),
    ("LRANGE out 0 -1", "*2\r\n$2\r\n10\r\n$2\r\n20\r\n"),
  ] {
    #expect(harness.send(client, request) == reply, "\(request)")
  }
}
