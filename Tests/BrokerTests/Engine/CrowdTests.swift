// CrowdTests.swift: many clients in the same situation: what ends it costs as much for each.
//
// The processor time of the step that ends it, for few and for many clients. Where each client is
// searched for among the others, many take hundreds of times as long as few; here it may be little
// more than the sixteen times that they are.

import Testing

@testable import Broker

/// How much longer the step takes for each client when there are sixteen times as many: about 1, or
/// about 16 where each is searched for among all.
///
/// - Parameter step: sets up as many clients as it is told and returns the nanoseconds of the step.
private func growth(_ step: (Int) -> Int64) -> Double {
  // The least of some tries: what else the machine does only adds.
  let tries = (0..<3).map { _ in (few: step(1_000), many: step(16_000)) }
  return Double(tries.map(\.many).min()!) / Double(max(1, tries.map(\.few).min()!)) / 16
}

@Test func theEndOfAPauseSearchesForNobody() {
  let growth = growth { count in
    var harness = EngineHarness()
    let admin = harness.client()
    let clients = (0..<count).map { _ in harness.client() }
    _ = harness.send(admin, "CLIENT PAUSE 1000 WRITE")
    for client in clients { _ = harness.send(client, "INCR n") }
    let begin = SystemClock.threadProcessorTime()
    _ = harness.send(admin, "CLIENT UNPAUSE")
    let time = SystemClock.threadProcessorTime() - begin
    #expect(harness.output(clients[0]) == ":1\r\n")
    #expect(harness.output(clients[count - 1]) == ":\(count)\r\n")
    return time
  }
  #expect(growth < 4)
}

@Test func aChangeOfAKeySearchesForNobodyWhoWatchesIt() {
  let growth = growth { count in
    var harness = EngineHarness()
    let admin = harness.client()
    let clients = (0..<count).map { _ in harness.client() }
    let begin = SystemClock.threadProcessorTime()
    for client in clients { _ = harness.send(client, "WATCH k") }
    _ = harness.send(admin, "SET k v")
    let time = SystemClock.threadProcessorTime() - begin
    _ = harness.send(clients[count - 1], "MULTI")
    #expect(harness.send(clients[count - 1], "EXEC") == "*-1\r\n")
    #expect(harness.engine.context.watchers.isEmpty)
    return time
  }
  #expect(growth < 4)
}

@Test func manyKeysThatBecomeReadyAtOnceAreNotSearchedFor() {
  let growth = growth { count in
    var harness = EngineHarness()
    let admin = harness.client()
    let clients = (0..<count).map { _ in harness.client() }
    for (number, client) in clients.enumerated() { _ = harness.send(client, "BLPOP k\(number) 0") }
    _ = harness.send(admin, "SELECT 1")
    for number in 0..<count { _ = harness.send(admin, "RPUSH k\(number) x") }
    let begin = SystemClock.threadProcessorTime()
    _ = harness.send(admin, "SWAPDB 0 1")
    let time = SystemClock.threadProcessorTime() - begin
    #expect(harness.output(clients[count - 1]).hasSuffix("$1\r\nx\r\n"))
    return time
  }
  #expect(growth < 4)
}

@Test(arguments: [false, true])
func whoWaitsForTheDiskIsNotSearchedFor(byTimeout: Bool) {
  let growth = growth { count in
    var harness = EngineHarness(logging: true)
    let clients = (0..<count).map { _ in harness.client() }
    _ = harness.send(clients[0], "CONFIG SET appendonly yes")
    _ = harness.send(clients[0], "SET k v")
    harness.engine.context.commit += 1
    for client in clients { _ = harness.send(client, "WAITAOF 1 0 10") }
    if !byTimeout { harness.host.durableCommit = harness.engine.context.commit }
    let begin = SystemClock.threadProcessorTime()
    if byTimeout { harness.advance(milliseconds: 20) } else { harness.engine.runDurable() }
    let time = SystemClock.threadProcessorTime() - begin
    #expect(harness.output(clients[count - 1]) == "*2\r\n:\(byTimeout ? 0 : 1)\r\n:0\r\n")
    return time
  }
  #expect(growth < 4)
}
