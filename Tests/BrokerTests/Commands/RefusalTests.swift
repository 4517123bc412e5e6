// RefusalTests.swift: what is answered to requests that name no command.

import Testing

@testable import Broker

private let unknown = Array("-ERR unknown command '".utf8)

@Test func whatAnErrorQuotesIsNotTakenForText() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.sendForBytes(client, [[0xFF, 0xFE]])
      == unknown + [0xFF, 0xFE] + Array("', with args beginning with: \r\n".utf8))
  #expect(
    harness.sendForBytes(client, [Array("OBJECT".utf8), [0xFF]])
      == Array("-ERR unknown subcommand '".utf8) + [0xFF] + Array("'. Try OBJECT HELP.\r\n".utf8))
}

@Test func aQuoteEndsAtAZeroByteAndHoldsNoLineBreak() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, [Array("no\0such".utf8), [0x00, 0x01], Array("a\r\nb".utf8)])
      == "-ERR unknown command 'no', with args beginning with: '' 'a  b' \r\n")
}

@Test func quotesAreShortened() {
  var harness = EngineHarness()
  let client = harness.client()
  let long = [UInt8](repeating: 0x78, count: 300)
  let shown = String(repeating: "x", count: 128)
  #expect(
    harness.send(client, [long, long, long])
      == "-ERR unknown command '\(shown)', with args beginning with: '\(shown)' \r\n")
}

@Test(arguments: ["POST", "post", "Host:"])
func aBrowserIsDroppedWithoutAWord(word: String) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "\(word) / HTTP/1.1") == "")
  let flags = harness.engine.context.sessions[client].flags
  let isNoted = harness.engine.context.hasWebRequest
  #expect(flags.contains(.dropped))
  #expect(isNoted)
  #expect(harness.send(client, "SET key value") == "")
  let other = harness.client()
  #expect(harness.send(other, "EXISTS key") == ":0\r\n")
}

@Test func lastSaveIsTheStartUntilSomethingIsSaved() {
  var harness = EngineHarness()
  let client = harness.client()
  harness.advance(milliseconds: 5000)
  #expect(harness.send(client, "LASTSAVE") == ":1700000000\r\n")
}

@Test func anEmptyBrokerHoldsMoreThanAByte() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "CONFIG SET maxmemory 1") == "+OK\r\n")
  #expect(
    harness.send(client, "SET key value")
      == "-OOM command not allowed when used memory > 'maxmemory'.\r\n")
}
