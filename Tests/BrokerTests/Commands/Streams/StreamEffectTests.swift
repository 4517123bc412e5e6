// StreamEffectTests.swift: what the log has of stream commands, and what watchers see of them.

import Testing

@testable import Broker

/// The words of each command in a frame, one line each.
private func lines(_ effects: String) -> [String] {
  var lines: [String] = [], words: [String] = []
  var parts = effects.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
  while let head = parts.popFirst(), head.first == "*", let count = Int(head.dropFirst()) {
    words = []
    for _ in 0..<count {
      parts.removeFirst()
      words.append(String(parts.removeFirst()))
    }
    lines.append(words.joined(separator: " "))
  }
  return lines
}

@Test(arguments: [
  ("XADD s * f v", ["XADD s 1700000000000-0 f v"]),
  ("XADD s 7-* f v", ["XADD s 7-0 f v"]),
  ("XADD s MAXLEN 2 7-0 f v", ["XADD s MAXLEN 2 7-0 f v"]),
  ("XADD s NOMKSTREAM MAXLEN = 2 * f v", ["XADD s MAXLEN = 2 1700000000000-0 f v"]),
  ("XADD s MAXLEN ~ 1 7-0 f v", ["XADD s MAXLEN = 2 7-0 f v"]),
  ("XADD s MAXLEN ~ 1 LIMIT 1 7-0 f v", ["XADD s 7-0 f v"]),
  ("XADD s MINID ~ 3 7-0 f v", ["XADD s MINID = 3-0 7-0 f v"]),
  ("XTRIM s MAXLEN ~ 1", ["XTRIM s MAXLEN = 1"]),
  ("XTRIM s MINID ~ 5", ["XTRIM s MINID = 5-0"]),
  ("XTRIM s MINID 4", ["XTRIM s MINID 4"]),
  ("XTRIM s MINID 1", []),
  ("XREAD STREAMS s 0", []),
  ("XDEL s 9-0", []),
  (
    "XREADGROUP GROUP g c COUNT 2 STREAMS s >",
    [
      "XGROUP CREATECONSUMER s g c",
      "XCLAIM s g c 0 1-0 2-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID",
      "XGROUP SETID s g 2-0 ENTRIESREAD 2",
    ]
  ),
  (
    "XREADGROUP GROUP g a COUNT 1 NOACK STREAMS s >", ["XGROUP SETID s g 1-0 ENTRIESREAD 1"]
  ),
  ("XREADGROUP GROUP h b STREAMS s >", []),
  (
    "XREADGROUP GROUP h a STREAMS s 3",
    ["XCLAIM s h a 0 4-0 5-0 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID"]
  ),
  ("XREADGROUP GROUP h b STREAMS s 0", ["XGROUP CREATECONSUMER s h b"]),
  (
    "XCLAIM s h b 0 1-0 2-0 9-0 LASTID 6-0",
    [
      "XGROUP SETID s h 6-0 ENTRIESREAD 5",
      "XCLAIM s h b 0 1-0 2-0 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID",
    ]
  ),
  ("XCLAIM s h b 1 1-0", []),
  (
    "XAUTOCLAIM s h b 0 4 JUSTID",
    ["XCLAIM s h b 0 4-0 5-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID"]
  ),
  ("XACK s h 9-0", []),
])
func theLogHasWhatAStreamCommandDid(request: String, effects: [String]) {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "CONFIG SET stream-node-max-entries 2")
  for number in 1...5 { _ = harness.send(client, "XADD s \(number)-0 f v") }
  for group in ["g", "h"] {
    _ = harness.send(client, "XGROUP CREATE s \(group) 0")
    _ = harness.send(client, "XGROUP CREATECONSUMER s \(group) a")
  }
  _ = harness.send(client, "XREADGROUP GROUP h a STREAMS s >")
  _ = harness.effects()
  _ = harness.send(client, request)
  #expect(lines(harness.effects()) == effects)
}

@Test func whatIsPendingOfADeletedEntryGoesAsAnAcknowledgement() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  for line in [
    "XADD s 1-0 f v", "XADD s 2-0 f v", "XGROUP CREATE s g 0", "XREADGROUP GROUP g a STREAMS s >",
    "XDEL s 1-0",
  ] { _ = harness.send(client, line) }
  _ = harness.effects()
  _ = harness.send(client, "XAUTOCLAIM s g b 100 0")
  #expect(lines(harness.effects()) == ["XACK s g 1-0"])
}

/// Redis tells watchers of entries, and not of what becomes of groups.
@Test(arguments: [
  ("XADD s 9-0 f v", true), ("XDEL s 1-0", true), ("XTRIM s MAXLEN 1", true),
  ("XSETID s 9-0", true), ("XREADGROUP GROUP g c STREAMS s >", false), ("XACK s g 1-0", false),
  ("XGROUP DESTROY s g", false), ("XGROUP CREATE t g 0 MKSTREAM", true),
])
func watchersAreToldOfEntries(request: String, isTold: Bool) {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  for line in [
    "XADD s 1-0 f v", "XADD s 2-0 f v", "XGROUP CREATE s g 0",
    "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
  ] { _ = harness.send(other, line) }
  _ = harness.send(client, "WATCH s t")
  _ = harness.send(client, "MULTI")
  #expect(!harness.send(other, request).hasPrefix("-"))
  #expect(harness.send(client, "EXEC") == (isTold ? "*-1\r\n" : "*0\r\n"))
}

/// Redis only marks what it deletes in a listpack, and counts it on.
@Test func whatWasDeletedCountsForTheSizeOfAChunk() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "CONFIG SET stream-node-max-entries 3")
  for line in [
    "XADD s 1-0 f v", "XADD s 2-0 f v", "XDEL s 2-0", "XADD s 3-0 f v", "XADD s 4-0 f v",
  ] {
    _ = harness.send(client, line)
  }
  #expect(harness.send(client, "XINFO STREAM s").contains("radix-tree-keys\r\n:2\r\n"))
}

/// Goal: chunks end where Redis' listpacks do, so that MAXLEN ~ trims as much. Method: the counts that
/// redis-server 7.0.15 gave for the same entries.
@Test(arguments: [
  (fields: "f v", trimmed: 300), ("f \(String(repeating: "v", count: 100))", 324),
  ("f 123456 g -1 h 007", 300), ("field \(String(repeating: "w", count: 300)) g 99999999999", 348),
])
func chunksEndWhereRedisEndsThem(_ sample: (fields: String, trimmed: Int)) {
  var harness = EngineHarness()
  let client = harness.client()
  for number in 1...350 { _ = harness.send(client, "XADD s \(number * 1000)-1 \(sample.fields)") }
  #expect(harness.send(client, "XTRIM s MAXLEN ~ 1") == ":\(sample.trimmed)\r\n")
}
