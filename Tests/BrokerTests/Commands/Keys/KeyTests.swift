// KeyTests.swift: the commands about keys, as a client sees them and as the log gets them.

import RESP
import Testing

@testable import Broker

/// Sends each request and compares the reply.
private func converse(_ lines: [(request: String, reply: String)]) {
  var harness = EngineHarness()
  let client = harness.client()
  for (request, reply) in lines {
    #expect(harness.send(client, request) == reply, "\(request)")
  }
}

extension EngineHarness {
  /// Puts a string under `key` of database 0.
  fileprivate mutating func set(_ key: StaticString, _ value: StaticString) {
    let name = engine.context.key(ByteView(key))
    engine.context.put(.string(ByteView(key), ByteView(value)), name)
  }
}

// MARK: Being there

@Test func keysAreCountedTypedAndDeleted() {
  converse([
    ("RPUSH a x", ":1\r\n"), ("RPUSH b x", ":1\r\n"),
    ("EXISTS a b none a", ":3\r\n"), ("TOUCH a none", ":1\r\n"),
    ("TYPE a", "+list\r\n"), ("TYPE none", "+none\r\n"), ("DBSIZE", ":2\r\n"),
    ("DEL a a none", ":1\r\n"), ("UNLINK b none", ":1\r\n"), ("DBSIZE", ":0\r\n"),
    ("DEL", "-ERR wrong number of arguments for 'del' command\r\n"),
  ])
}

// MARK: Renaming, copying, moving

@Test func aValueMovesWithItsDeadlineUnderAnotherKey() {
  converse([
    ("RPUSH a x", ":1\r\n"), ("PEXPIRE a 5000", ":1\r\n"), ("RPUSH b y", ":1\r\n"),
    ("RENAMENX a b", ":0\r\n"), ("RENAME a b", "+OK\r\n"), ("EXISTS a", ":0\r\n"),
    ("PTTL b", ":5000\r\n"), ("LPOP b 9", "*1\r\n$1\r\nx\r\n"),
    ("RENAME none x", "-ERR no such key\r\n"), ("RENAME none none", "-ERR no such key\r\n"),
    ("RENAMENX none x", "-ERR no such key\r\n"),
    ("RPUSH a x", ":1\r\n"), ("RENAME a a", "+OK\r\n"), ("RENAMENX a a", ":0\r\n"),
    ("RENAMENX a c", ":1\r\n"), ("PTTL c", ":-1\r\n"),
  ])
}

@Test func aCopyAndItsOriginalChangeApart() {
  converse([
    ("RPUSH a 1 2", ":2\r\n"), ("PEXPIRE a 5000", ":1\r\n"), ("COPY a b", ":1\r\n"),
    ("RPUSH a 3", ":3\r\n"), ("LPOP b", "$1\r\n1\r\n"), ("PTTL b", ":5000\r\n"),
    ("LPOP a 9", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"), ("LPOP b 9", "*1\r\n$1\r\n2\r\n"),
    ("RPUSH a 1", ":1\r\n"), ("RPUSH b 2", ":1\r\n"), ("COPY a b", ":0\r\n"),
    ("COPY a b REPLACE", ":1\r\n"), ("LPOP b", "$1\r\n1\r\n"),
    ("COPY a a", "-ERR source and destination objects are the same\r\n"),
    ("COPY none none", "-ERR source and destination objects are the same\r\n"),
    ("COPY a a DB 1 REPLACE", ":1\r\n"), ("COPY none x", ":0\r\n"),
    ("COPY a b DB", "-ERR syntax error\r\n"), ("COPY a b WHAT", "-ERR syntax error\r\n"),
    ("COPY a b DB x", "-ERR value is not an integer or out of range\r\n"),
    ("COPY a b DB 16", "-ERR DB index is out of range\r\n"),
    ("SELECT 1", "+OK\r\n"), ("LPOP a", "$1\r\n1\r\n"),
  ])
}

@Test func aKeyMovesToADatabaseThatHasNoneOfItsName() {
  converse([
    ("RPUSH a x", ":1\r\n"), ("PEXPIRE a 5000", ":1\r\n"), ("MOVE a 1", ":1\r\n"),
    ("EXISTS a", ":0\r\n"), ("MOVE a 1", ":0\r\n"), ("RPUSH a y", ":1\r\n"), ("MOVE a 1", ":0\r\n"),
    ("MOVE a 0", "-ERR source and destination objects are the same\r\n"),
    ("MOVE a 16", "-ERR DB index is out of range\r\n"),
    ("MOVE a x", "-ERR value is not an integer or out of range\r\n"),
    (
      "MOVE a 4294967296",
      "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
    ),
    ("SELECT 1", "+OK\r\n"), ("PTTL a", ":5000\r\n"), ("LPOP a", "$1\r\nx\r\n"),
  ])
}

@Test func aListThatArrivesServesWhoWaitsForIt() {
  for arrival in [
    ["RPUSH x v", "RENAME x w"], ["RPUSH x v", "RENAMENX x w"], ["RPUSH x v", "COPY x w"],
    ["RPUSH x v", "SORT x ALPHA STORE w"], ["SELECT 1", "RPUSH w v", "MOVE w 0"],
    ["SELECT 1", "RPUSH x v", "COPY x w DB 0"], ["SELECT 1", "RPUSH w v", "SWAPDB 0 1"],
    ["SELECT 1", "RPUSH w v", "SWAPDB 1 0"],
  ] {
    var harness = EngineHarness()
    let worker = harness.client(), other = harness.client()
    _ = harness.send(worker, "BLPOP w 0")
    for request in arrival { _ = harness.send(other, request) }
    #expect(harness.output(worker) == "*2\r\n$1\r\nw\r\n$1\r\nv\r\n", "\(arrival)")
  }
}

// MARK: Databases

@Test func databasesAreChosenExchangedAndEmptied() {
  converse([
    ("RPUSH a x", ":1\r\n"), ("SWAPDB 0 1", "+OK\r\n"), ("DBSIZE", ":0\r\n"),
    ("SELECT 1", "+OK\r\n"), ("DBSIZE", ":1\r\n"), ("RPUSH b x", ":1\r\n"),
    ("FLUSHDB", "+OK\r\n"), ("DBSIZE", ":0\r\n"), ("RPUSH b x", ":1\r\n"),
    ("SELECT 0", "+OK\r\n"), ("RPUSH c x", ":1\r\n"), ("FLUSHALL ASYNC", "+OK\r\n"),
    ("DBSIZE", ":0\r\n"), ("SELECT 1", "+OK\r\n"), ("DBSIZE", ":0\r\n"),
    ("FLUSHDB sync", "+OK\r\n"), ("FLUSHDB NOW", "-ERR syntax error\r\n"),
    ("FLUSHALL ASYNC SYNC", "-ERR syntax error\r\n"),
    ("SELECT x", "-ERR value is not an integer or out of range\r\n"),
    ("SELECT -1", "-ERR DB index is out of range\r\n"),
    ("SELECT 16", "-ERR DB index is out of range\r\n"),
    ("SWAPDB x 1", "-ERR invalid first DB index\r\n"),
    ("SWAPDB 1 x", "-ERR invalid second DB index\r\n"),
    ("SWAPDB 1 99", "-ERR DB index is out of range\r\n"),
    ("SWAPDB 4294967296 1", "-ERR invalid first DB index\r\n"),
  ])
}

/// Goal: emptying a big database holds no turn, and gives all memory back. Method: what is held
/// after the flush and after each slice.
@Test func aBigDatabaseIsFreedInSlices() {
  var harness = EngineHarness()
  let client = harness.client()
  for number in 0..<20_000 {
    let key = Array("key:\(number)".utf8)
    _ = harness.send(client, [Array("RPUSH".utf8), key, key])
  }
  #expect(harness.send(client, "FLUSHALL") == "+OK\r\n")
  #expect(harness.send(client, "DBSIZE") == ":0\r\n")
  #expect(harness.send(client, "RPUSH key:1 again") == ":1\r\n")
  var slices = 0
  while harness.engine.context.graveyard.isEmpty == false {
    harness.engine.context.graveyard.freeSome()
    slices += 1
  }
  #expect(slices > 20)
  #expect(harness.send(client, "LPOP key:1") == "$5\r\nagain\r\n")
}

// MARK: Walking

@Test func keysAreFoundByPattern() {
  var harness = EngineHarness()
  let client = harness.client()
  for key in ["one", "two", "three"] { _ = harness.send(client, "RPUSH \(key) x") }
  _ = harness.send(client, "PEXPIRE two 5")
  harness.advance(milliseconds: 5, runningTimers: false)
  #expect(harness.send(client, "KEYS t*") == "*1\r\n$5\r\nthree\r\n")
  #expect(harness.send(client, "KEYS on[a-e]") == "*1\r\n$3\r\none\r\n")
  #expect(harness.send(client, "KEYS none*") == "*0\r\n")
  #expect(harness.send(client, "SCAN 0 MATCH t*") == "*2\r\n$1\r\n0\r\n*1\r\n$5\r\nthree\r\n")
  #expect(
    harness.send(client, "SCAN 0 TYPE LIST MATCH o*") == "*2\r\n$1\r\n0\r\n*1\r\n$3\r\none\r\n")
  #expect(harness.send(client, "SCAN 0 TYPE nosuch") == "*2\r\n$1\r\n0\r\n*0\r\n")
  _ = harness.send(client, "DEL one")
  #expect(harness.send(client, "RANDOMKEY") == "$5\r\nthree\r\n")
  _ = harness.send(client, "DEL three")
  #expect(harness.send(client, "RANDOMKEY") == "$-1\r\n")
}

@Test func aCursorIsReadAsCReadsNumbers() {
  let empty = "*2\r\n$1\r\n0\r\n*0\r\n", invalid = "-ERR invalid cursor\r\n"
  converse([
    ("SCAN 0", empty), ("SCAN +0", empty), ("SCAN -1", empty), ("SCAN 18446744073709551615", empty),
    ("SCAN 18446744073709551616", invalid), ("SCAN x", invalid), ("SCAN -", invalid),
    ("SCAN 1.5", invalid), ("SCAN x COUNT 0", invalid),
    ("SCAN 0 COUNT 9223372036854775807", empty),
    ("SCAN 0 COUNT 0", "-ERR syntax error\r\n"), ("SCAN 0 COUNT", "-ERR syntax error\r\n"),
    ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range\r\n"),
    ("SCAN 0 WHAT x", "-ERR syntax error\r\n"),
  ])
}

@Test func aWholeScanShowsEveryKey() {
  var harness = EngineHarness()
  let client = harness.client()
  for number in 0..<1000 { _ = harness.send(client, "RPUSH key:\(number) x") }
  var cursor = "0", seen: Set<String> = [], calls = 0
  repeat {
    let lines = harness.send(client, "SCAN \(cursor) COUNT 10").split(separator: "\r\n")
    cursor = String(lines[2])
    seen.formUnion(lines.dropFirst(4).filter { $0.hasPrefix("key:") }.map(String.init))
    calls += 1
  } while cursor != "0"
  #expect(seen.count == 1000)
  #expect(calls > 10)
}

// MARK: Inspection

@Test func objectTellsHowValuesAreKept() {
  var harness = EngineHarness()
  let client = harness.client()
  harness.set("int", "12")
  harness.set("big", "10000")
  harness.set("short", "12345678901234567890123456789012345678901234")
  harness.set("long", "123456789012345678901234567890123456789012345")
  _ = harness.send(client, "RPUSH list a")
  for (key, name) in [
    ("int", "int"), ("short", "embstr"), ("long", "raw"), ("list", "quicklist"),
  ] {
    #expect(harness.send(client, "OBJECT ENCODING \(key)") == "$\(name.count)\r\n\(name)\r\n")
  }
  #expect(harness.send(client, "OBJECT REFCOUNT int") == ":2147483647\r\n")
  #expect(harness.send(client, "OBJECT REFCOUNT big") == ":1\r\n")
  #expect(harness.send(client, "OBJECT ENCODING none") == "$-1\r\n")
  #expect(harness.send(client, "OBJECT FREQ none") == "$-1\r\n")
  #expect(harness.send(client, "OBJECT FREQ list").hasPrefix("-ERR An LFU maxmemory policy"))
  #expect(harness.send(client, "OBJECT HELP").hasPrefix("*11\r\n+OBJECT <subcommand>"))
  #expect(
    harness.send(client, "OBJECT") == "-ERR wrong number of arguments for 'object' command\r\n")
  #expect(
    harness.send(client, "OBJECT WHAT x")
      == "-ERR unknown subcommand 'WHAT'. Try OBJECT HELP.\r\n")
}

@Test func lookingAtAKeyIsNoUseOfIt() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH list a")
  harness.advance(milliseconds: 7000)
  for request in ["TYPE list", "TTL list", "EXISTS list", "OBJECT ENCODING list"] {
    _ = harness.send(client, request)
  }
  #expect(harness.send(client, "OBJECT IDLETIME list") == ":7\r\n")
  _ = harness.send(client, "TOUCH list")
  #expect(harness.send(client, "OBJECT IDLETIME list") == ":0\r\n")
}

@Test func debuggingIsForThoseWhomTheSettingsAllow() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "DEBUG HELP").hasPrefix("-ERR DEBUG command not allowed."))
  harness.engine.context.settings.debugCommand = .local
  harness.engine.context.sessions[client].address = "10.0.0.1:5000"
  #expect(harness.send(client, "DEBUG HELP").hasPrefix("-ERR DEBUG command not allowed."))
  harness.engine.context.sessions[client].address = "127.0.0.1:5000"
  #expect(harness.send(client, "DEBUG HELP").hasPrefix("*15\r\n"))
  #expect(harness.send(client, "DEBUG SLEEP 0.5") == "+OK\r\n")
  #expect(harness.engine.context.requests.sleep == 500_000_000)
  #expect(
    harness.send(client, "DEBUG WHAT")
      == "-ERR unknown subcommand or wrong number of arguments for 'WHAT'. Try DEBUG HELP.\r\n")
  #expect(harness.send(client, "DEBUG OBJECT none") == "-ERR no such key\r\n")
  let empty = harness.send(client, "DEBUG DIGEST")
  _ = harness.send(client, "RPUSH list a")
  #expect(harness.send(client, "DEBUG DIGEST") != empty)
  #expect(harness.send(client, "DEBUG OBJECT list").hasPrefix("+Value at:0x0 refcount:1 encoding:"))
  #expect(harness.send(client, "DEBUG JMAP").hasPrefix("*1\r\n+db0 keys:1 strings:0 lists:1"))
}
