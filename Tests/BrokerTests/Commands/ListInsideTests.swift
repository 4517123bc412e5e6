// ListInsideTests.swift: looking into lists and changing them between their ends, as a client sees it.

import RESP
import Testing

@testable import Broker

private let notAnInteger = "-ERR value is not an integer or out of range\r\n"
private let wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"

/// The slot of the only client.
private let c = 1

/// A harness whose client has a list "l" of `elements` and a string "s".
private func begun(_ elements: String = "a b c a b") -> EngineHarness {
  var harness = EngineHarness(logging: true)
  precondition(harness.client() == c)
  _ = harness.send(c, "RPUSH l \(elements)")
  _ = harness.send(c, "SET s text")
  _ = harness.effects()
  return harness
}

/// The array reply of `words`.
private func array(_ words: String...) -> String {
  "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
}

@Test func indicesCountFromEitherEnd() {
  var harness = begun()
  #expect(harness.send(c, "LLEN l") == ":5\r\n")
  #expect(harness.send(c, "LLEN none") == ":0\r\n")
  #expect(harness.send(c, "LINDEX l 0") == "$1\r\na\r\n")
  #expect(harness.send(c, "LINDEX l -1") == "$1\r\nb\r\n")
  #expect(harness.send(c, "LINDEX l 5") == "$-1\r\n")
  #expect(harness.send(c, "LINDEX l -6") == "$-1\r\n")
  #expect(harness.send(c, "LINDEX l \(Int64.min)") == "$-1\r\n")
  #expect(harness.send(c, "LRANGE l 0 -1") == array("a", "b", "c", "a", "b"))
  #expect(harness.send(c, "LRANGE l 1 2") == array("b", "c"))
  #expect(harness.send(c, "LRANGE l -100 100") == array("a", "b", "c", "a", "b"))
  #expect(harness.send(c, "LRANGE l 3 1") == "*0\r\n")
  #expect(harness.send(c, "LRANGE l 5 9") == "*0\r\n")
  #expect(harness.send(c, "LRANGE l \(Int64.min) \(Int64.max)").hasPrefix("*5\r\n"))
  #expect(harness.send(c, "LRANGE none 0 -1") == "*0\r\n")
  #expect(harness.effects() == "")
}

@Test func aWrongIndexShowsOnlyWhereRedisLooksAtIt() {
  var harness = begun()
  #expect(harness.send(c, "LINDEX none x") == "$-1\r\n")
  #expect(harness.send(c, "LINDEX l x") == notAnInteger)
  #expect(harness.send(c, "LSET none x y") == "-ERR no such key\r\n")
  #expect(harness.send(c, "LSET l x y") == notAnInteger)
  #expect(harness.send(c, "LSET l 5 y") == "-ERR index out of range\r\n")
  #expect(harness.send(c, "LRANGE none 0 x") == notAnInteger)
  #expect(harness.send(c, "LTRIM none x 0") == notAnInteger)
  #expect(harness.send(c, "LREM none x a") == notAnInteger)
  #expect(harness.send(c, "LINSERT none foo a b") == "-ERR syntax error\r\n")
}

@Test(
  arguments: [
    "LLEN s", "LRANGE s 0 1", "LINDEX s 0", "LSET s 0 a", "LINSERT s BEFORE a b", "LREM s 0 a",
    "LTRIM s 0 1", "LPOS s a",
  ])
func aStringIsNoList(request: String) {
  var harness = begun()
  #expect(harness.send(c, request) == wrongType)
  #expect(harness.effects() == "")
}

@Test func anElementIsReplacedByItsIndex() {
  var harness = begun()
  #expect(harness.send(c, "LSET l 1 B") == "+OK\r\n")
  #expect(harness.send(c, "LSET l -1 longer") == "+OK\r\n")
  #expect(harness.send(c, "LRANGE l 0 -1") == array("a", "B", "c", "a", "longer"))
  #expect(harness.effects().hasPrefix("*4\r\n$4\r\nLSET\r\n$1\r\nl\r\n$1\r\n1\r\n$1\r\nB\r\n"))
}

@Test func anElementIsInsertedBesideTheFirstPivot() {
  var harness = begun()
  #expect(harness.send(c, "LINSERT l before b 1") == ":6\r\n")
  #expect(harness.send(c, "LINSERT l AFTER b 2") == ":7\r\n")
  #expect(harness.send(c, "LINSERT l BEFORE a 0") == ":8\r\n")
  #expect(harness.send(c, "LRANGE l 0 -1") == array("0", "a", "1", "b", "2", "c", "a", "b"))
  _ = harness.effects()
  #expect(harness.send(c, "LINSERT l BEFORE z 1") == ":-1\r\n")
  #expect(harness.send(c, "LINSERT none BEFORE a 1") == ":0\r\n")
  #expect(harness.effects() == "")
}

@Test func equalElementsGoFromTheEndThatTheCountSays() {
  var harness = begun("a b a c a b a")
  #expect(harness.send(c, "LREM l 1 a") == ":1\r\n")
  #expect(harness.send(c, "LRANGE l 0 -1") == array("b", "a", "c", "a", "b", "a"))
  #expect(harness.send(c, "LREM l -2 a") == ":2\r\n")
  #expect(harness.send(c, "LRANGE l 0 -1") == array("b", "a", "c", "b"))
  #expect(harness.send(c, "LREM l \(Int64.min) b") == ":2\r\n")
  #expect(harness.send(c, "LREM l 0 a") == ":1\r\n")
  _ = harness.effects()
  #expect(harness.send(c, "LREM l 0 z") == ":0\r\n")
  #expect(harness.send(c, "LREM none 0 a") == ":0\r\n")
  #expect(harness.effects() == "")
  #expect(harness.send(c, "LREM l 0 c") == ":1\r\n")
  #expect(harness.engine.context.databases[0].count == 1, "the emptied list is gone")
}

@Test func trimmingKeepsWhatLiesBetween() {
  var harness = begun("0 1 2 3 4 5")
  #expect(harness.send(c, "LTRIM l 1 -2") == "+OK\r\n")
  #expect(harness.send(c, "LRANGE l 0 -1") == array("1", "2", "3", "4"))
  #expect(harness.effects() == "*4\r\n$5\r\nLTRIM\r\n$1\r\nl\r\n$1\r\n1\r\n$2\r\n-2\r\n")
  #expect(harness.send(c, "LTRIM l 0 100") == "+OK\r\n")
  #expect(harness.effects() == "", "nothing went")
  #expect(harness.send(c, "LTRIM l 5 1") == "+OK\r\n")
  #expect(harness.send(c, "LLEN l") == ":0\r\n")
  #expect(harness.send(c, "LTRIM l 0 1") == "+OK\r\n")
  #expect(harness.engine.context.databases[0].count == 1, "the emptied list is gone")
}

@Test func aLongListIsTrimmedThroughTheGraveyard() {
  var harness = begun("x")
  let element = [UInt8](repeating: 0x61, count: 1000)
  let push = ["RPUSH", "l"].map { Array($0.utf8) } + [[UInt8]](repeating: element, count: 1000)
  for _ in 0..<20 { _ = harness.send(c, push) }
  #expect(harness.send(c, "LTRIM l 9000 9001") == "+OK\r\n")
  let isBuried = !harness.engine.context.graveyard.isEmpty
  #expect(isBuried)
  #expect(harness.send(c, "LLEN l") == ":2\r\n")
  while !harness.engine.context.graveyard.isEmpty { harness.engine.context.graveyard.freeSome() }
  #expect(harness.send(c, "LINDEX l 1") == "$1000\r\n\(String(repeating: "a", count: 1000))\r\n")
}

@Test func positionsAreFoundFromEitherEnd() {
  var harness = begun("a b c 1 2 3 c c")
  #expect(harness.send(c, "LPOS l c") == ":2\r\n")
  #expect(harness.send(c, "LPOS l c RANK 2") == ":6\r\n")
  #expect(harness.send(c, "LPOS l c RANK -1") == ":7\r\n")
  #expect(harness.send(c, "LPOS l c rank -1 rank 4") == "$-1\r\n")
  #expect(harness.send(c, "LPOS l c COUNT 2") == "*2\r\n:2\r\n:6\r\n")
  #expect(harness.send(c, "LPOS l c COUNT 0") == "*3\r\n:2\r\n:6\r\n:7\r\n")
  #expect(harness.send(c, "LPOS l c RANK -1 COUNT 2") == "*2\r\n:7\r\n:6\r\n")
  #expect(harness.send(c, "LPOS l c COUNT 0 MAXLEN 7") == "*2\r\n:2\r\n:6\r\n")
  #expect(harness.send(c, "LPOS l c MAXLEN 2") == "$-1\r\n")
  #expect(harness.send(c, "LPOS l c RANK -1 COUNT 0 MAXLEN 1") == "*1\r\n:7\r\n")
  #expect(harness.send(c, "LPOS l c RANK \(Int64.min)") == ":7\r\n")
  #expect(
    harness.send(c, "LPOS l c RANK \(Int64.min) COUNT 1") == "*3\r\n:7\r\n:6\r\n:2\r\n")
  #expect(harness.send(c, "LPOS l z") == "$-1\r\n")
  #expect(harness.send(c, "LPOS l z COUNT 1") == "*0\r\n")
  #expect(harness.send(c, "LPOS none c") == "$-1\r\n")
  #expect(harness.send(c, "LPOS none c COUNT 1") == "*0\r\n")
  harness.engine.context.sessions[c].reply.version = 3
  #expect(harness.send(c, "LPOS none c") == "_\r\n")
}

@Test(
  arguments: [
    (
      "RANK 0",
      "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
        + "or use negative to start from the end of the list"
    ),
    ("RANK x", "ERR value is not an integer or out of range"),
    ("COUNT -1", "ERR COUNT can't be negative"), ("COUNT x", "ERR COUNT can't be negative"),
    ("MAXLEN -1", "ERR MAXLEN can't be negative"), ("MAXLEN x", "ERR MAXLEN can't be negative"),
    ("RANK", "ERR syntax error"), ("foo", "ERR syntax error"), ("foo 1", "ERR syntax error"),
  ])
func aWrongSearchIsRefused(options: String, error: String) {
  var harness = begun()
  #expect(harness.send(c, "LPOS l a \(options)") == "-\(error)\r\n")
}
