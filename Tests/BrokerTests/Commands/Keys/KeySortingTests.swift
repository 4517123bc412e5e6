// KeySortingTests.swift: SORT and SORT_RO.

import RESP
import Testing

@testable import Broker

private func array(_ elements: String?...) -> String {
  "*\(elements.count)\r\n"
    + elements.map { $0.map { "$\($0.utf8.count)\r\n\($0)\r\n" } ?? "$-1\r\n" }.joined()
}

extension EngineHarness {
  fileprivate mutating func set(_ key: StaticString, _ value: StaticString) {
    let name = engine.context.key(ByteView(key))
    engine.context.put(.string(ByteView(key), ByteView(value)), name)
  }
}

@Test func numbersAndWordsAreSorted() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH n 10 9 -1 2.5 1e1 0x10")
  _ = harness.send(client, "RPUSH w b a C")
  for (request, reply) in [
    ("n", array("-1", "2.5", "9", "10", "1e1", "0x10")),
    ("n DESC", array("0x10", "1e1", "10", "9", "2.5", "-1")),
    ("n LIMIT 1 2", array("2.5", "9")), ("n LIMIT -5 1", array("-1")), ("n LIMIT 6 1", "*0\r\n"),
    ("n LIMIT 4 -1", array("1e1", "0x10")), ("n LIMIT 0 0", "*0\r\n"),
    ("n DESC ASC LIMIT 0 1", array("-1")),
    ("n LIMIT 9223372036854775807 9223372036854775807", "*0\r\n"),
    ("w ALPHA", array("C", "a", "b")), ("w BY nosort", array("b", "a", "C")),
    ("w BY nosort DESC LIMIT 0 2", array("C", "a")), ("none", "*0\r\n"),
    ("w", "-ERR One or more scores can't be converted into double\r\n"),
    ("w LIMIT 1", "-ERR syntax error\r\n"), ("w WHAT", "-ERR syntax error\r\n"),
    ("w BY", "-ERR syntax error\r\n"), ("none STORE", "-ERR syntax error\r\n"),
    ("w LIMIT a 1", "-ERR value is not an integer or out of range\r\n"),
  ] {
    #expect(harness.send(client, "SORT \(request)") == reply, "SORT \(request)")
    #expect(harness.send(client, "SORT_RO \(request)") == reply, "SORT_RO \(request)")
  }
  #expect(harness.send(client, "SORT_RO w ALPHA STORE x") == "-ERR syntax error\r\n")
  harness.set("s", "x")
  #expect(harness.send(client, "SORT s") == CommandError.wrongType.reply)
}

extension CommandError {
  fileprivate var reply: String { "-\(text)\r\n" }
}

@Test(arguments: [
  ("inf", true), ("-inf", true), ("\u{20}5", true), ("", true), ("nan", false), ("1e400", false),
  ("1e-400", false), ("5\u{20}", false), ("\u{20}", false), ("0e9", true), ("1x", false),
])
func scoresAreReadAsCReadsNumbers(text: String, isNumber: Bool) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, [Array("RPUSH".utf8), Array("l".utf8), Array(text.utf8)])
  #expect(harness.send(client, "SORT l").hasPrefix("*1") == isNumber)
}

@Test func otherKeysGiveTheOrderAndTheValues() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH l 1 2 3")
  harness.set("w_1", "30")
  harness.set("w_2", "20")
  harness.set("d_3", "three")
  #expect(harness.send(client, "SORT l BY w_*") == array("3", "2", "1"))
  #expect(harness.send(client, "SORT l BY w_* ALPHA") == array("3", "2", "1"))
  #expect(
    harness.send(client, "SORT l GET # GET d_* GET w_* GET d_3 GET l* GET h_*->f LIMIT 2 1")
      == array("3", "three", nil, nil, nil, nil))
  harness.set("w_3", "word")
  #expect(
    harness.send(client, "SORT l BY w_*")
      == "-ERR One or more scores can't be converted into double\r\n")
}

@Test func whatIsStoredIsLoggedAsItIs() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "RPUSH l b a")
  _ = harness.send(client, "RPUSH out x")
  _ = harness.send(client, "EXPIRE out 10")
  _ = harness.effects()
  #expect(harness.send(client, "SORT l ALPHA STORE out") == ":2\r\n")
  #expect(
    harness.effects() == "*2\r\n$3\r\nDEL\r\n$3\r\nout\r\n"
      + "*4\r\n$5\r\nRPUSH\r\n$3\r\nout\r\n$1\r\na\r\n$1\r\nb\r\n")
  #expect(harness.send(client, "TTL out") == ":-1\r\n")
  #expect(harness.send(client, "SORT l ALPHA GET none_* STORE l") == ":2\r\n")
  #expect(harness.send(client, "LPOP l 2") == array("", ""))
  _ = harness.effects()
  #expect(harness.send(client, "SORT none STORE out") == ":0\r\n")
  #expect(harness.effects() == "*2\r\n$3\r\nDEL\r\n$3\r\nout\r\n")
  #expect(harness.send(client, "SORT none STORE out") == ":0\r\n")
  #expect(harness.effects() == "")
}

@Test func setsAreSortedAndFieldsOfHashesAreRead() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SADD s 3 1 2")
  _ = harness.send(client, "HSET w_1 f 30 name one")
  _ = harness.send(client, "HSET w_2 f 10 name two")
  _ = harness.send(client, "HSET w_3 f 20")
  _ = harness.send(client, "SET w_ 5")
  #expect(harness.send(client, "SORT s DESC") == "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n")
  #expect(
    harness.send(client, "SORT_RO s BY w_*->f GET w_*->name GET #")
      == "*6\r\n$3\r\ntwo\r\n$1\r\n2\r\n$-1\r\n$1\r\n3\r\n$3\r\none\r\n$1\r\n1\r\n")
  #expect(harness.send(client, "SORT s GET w_*-> LIMIT 0 1") == "*1\r\n$-1\r\n")
  _ = harness.send(client, "SET w_1-> arrow")
  #expect(harness.send(client, "SORT s GET w_*-> LIMIT 0 1") == "*1\r\n$5\r\narrow\r\n")
  // What is stored of a set without an order is in that of its bytes.
  _ = harness.send(client, "SADD words pear apple fig")
  #expect(harness.send(client, "SORT words BY nosort STORE out") == ":3\r\n")
  #expect(
    harness.send(client, "LRANGE out 0 -1") == "*3\r\n$5\r\napple\r\n$3\r\nfig\r\n$4\r\npear\r\n")
  #expect(harness.send(client, "SORT words STORE words").hasPrefix("-ERR One or more scores"))
  #expect(harness.send(client, "SORT words ALPHA STORE words") == ":3\r\n")
  #expect(harness.send(client, "TYPE words") == "+list\r\n")
  #expect(harness.send(client, "SORT w_1").hasPrefix("-WRONGTYPE"))
}
