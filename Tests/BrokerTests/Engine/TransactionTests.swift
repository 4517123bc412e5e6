// TransactionTests.swift: MULTI, EXEC and WATCH, as a client sees them and as the log gets them.

import RESP
import Testing

@testable import Broker

@Test func execRunsWhatWasQueuedAndAnswersInOneArray() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "MULTI") == "+OK\r\n")
  #expect(harness.send(client, "RPUSH list a b") == "+QUEUED\r\n")
  #expect(harness.send(client, "LPOP list") == "+QUEUED\r\n")
  #expect(harness.send(client, "SELECT 99") == "+QUEUED\r\n")
  #expect(harness.send(client, "TYPE list") == "+QUEUED\r\n")
  #expect(
    harness.send(client, "EXEC")
      == "*4\r\n:2\r\n$1\r\na\r\n-ERR DB index is out of range\r\n+list\r\n")
  #expect(harness.send(client, "EXEC") == "-ERR EXEC without MULTI\r\n")
  #expect(harness.send(client, "DISCARD") == "-ERR DISCARD without MULTI\r\n")
}

@Test func aCommandThatCannotBeQueuedAbortsTheTransaction() {
  var harness = EngineHarness()
  let client = harness.client()
  let refused = [
    "NOSUCH", "LPUSH list", "OBJECT NOSUCH", "OBJECT ENCODING", "WATCH", "MULTI x", "DISCARD x",
    "DEBUG DIGEST",
  ]
  for request in refused {
    _ = harness.send(client, "MULTI")
    #expect(harness.send(client, request).hasPrefix("-ERR "))
    #expect(harness.send(client, "LPUSH list a") == "+QUEUED\r\n")
    #expect(
      harness.send(client, "EXEC")
        == "-EXECABORT Transaction discarded because of previous errors.\r\n", "\(request)")
  }
  #expect(harness.send(client, "EXISTS list") == ":0\r\n")
}

@Test func nestedMultiAndWatchAreRefusedWithoutHarm() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "MULTI")
  #expect(harness.send(client, "MULTI") == "-ERR MULTI calls can not be nested\r\n")
  #expect(harness.send(client, "WATCH a") == "-ERR WATCH inside MULTI is not allowed\r\n")
  #expect(harness.send(client, "EXEC") == "*0\r\n")
}

@Test func aRefusedExecEndsTheTransaction() {
  var harness = EngineHarness()
  let client = harness.client()
  let refusal =
    "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
  #expect(harness.send(client, "EXEC x") == refusal)
  _ = harness.send(client, "MULTI")
  #expect(harness.send(client, "EXEC x") == refusal)
  #expect(harness.send(client, "EXEC") == "-ERR EXEC without MULTI\r\n")
}

@Test func inAFullMemoryNothingIsQueuedAndNothingGrows() {
  var harness = EngineHarness()
  let client = harness.client()
  let refusal = "OOM command not allowed when used memory > 'maxmemory'."
  _ = harness.send(client, "RPUSH list a")
  _ = harness.send(client, "MULTI")
  _ = harness.send(client, "RPUSH list b")
  harness.engine.context.settings.memoryMax = 1
  #expect(
    harness.send(client, "EXEC")
      == "-EXECABORT Transaction discarded because of: \(refusal)\r\n")
  _ = harness.send(client, "MULTI")
  #expect(harness.send(client, "EXISTS list") == "-\(refusal)\r\n")
  #expect(
    harness.send(client, "EXEC")
      == "-EXECABORT Transaction discarded because of previous errors.\r\n")
  #expect(harness.send(client, "LPOP list") == "$1\r\na\r\n")
}

@Test func aTransactionIsBounded() {
  var harness = EngineHarness()
  let client = harness.client()
  harness.engine.context.settings.queryBufferSizeMax = 1000
  _ = harness.send(client, "MULTI")
  var replies: [String] = []
  for _ in 0..<10 { replies.append(harness.send(client, "RPUSH list a")) }
  #expect(replies.contains("-ERR the transaction exceeds client-query-buffer-limit\r\n"))
  #expect(harness.engine.context.sessions[client].transaction.isEmpty)
  #expect(harness.send(client, "EXEC").hasPrefix("-EXECABORT"))
  #expect(harness.engine.context.sessions[client].transactionSize == 0)
}

@Test func blockingCommandsAnswerAtOnceInATransaction() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "MULTI")
  for request in [
    "BLPOP none 0", "BRPOP none 0", "BLMOVE none other LEFT LEFT 0", "BRPOPLPUSH none other 0",
    "BLMPOP 0 1 none LEFT",
  ] {
    #expect(harness.send(client, request) == "+QUEUED\r\n")
  }
  #expect(harness.send(client, "EXEC") == "*5\r\n*-1\r\n*-1\r\n$-1\r\n$-1\r\n*-1\r\n")
}

@Test func waitersAreServedBehindTheTransaction() {
  var harness = EngineHarness(logging: true)
  let worker = harness.client(), producer = harness.client()
  _ = harness.send(worker, "BLPOP jobs 0")
  _ = harness.send(producer, "MULTI")
  _ = harness.send(producer, "RPUSH jobs a")
  _ = harness.send(producer, "RPUSH jobs b")
  _ = harness.send(producer, "LPOP jobs")
  #expect(harness.output(worker) == "")
  #expect(harness.send(producer, "EXEC") == "*3\r\n:1\r\n:2\r\n$1\r\na\r\n")
  #expect(harness.output(worker) == "*2\r\n$4\r\njobs\r\n$1\r\nb\r\n")
  #expect(harness.engine.context.effects.count == 4)  // Two pushes, two pops, no MULTI or EXEC.
}

// MARK: Watching

/// Runs `requests` of another client between WATCH and EXEC; whether EXEC refused.
private func breaks(
  _ requests: [String], watched: String = "w", before: [String] = ["RPUSH w a"], pause: Int64 = 0
) -> Bool {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  for request in before { _ = harness.send(other, request) }
  #expect(harness.send(client, "WATCH \(watched)") == "+OK\r\n")
  for request in requests { _ = harness.send(other, request) }
  if pause > 0 { harness.advance(milliseconds: pause, runningTimers: false) }
  _ = harness.send(client, "MULTI")
  _ = harness.send(client, "PING")
  let reply = harness.send(client, "EXEC")
  #expect(reply == "*-1\r\n" || reply == "*1\r\n+PONG\r\n")
  #expect(harness.engine.context.watchers.isEmpty)
  return reply == "*-1\r\n"
}

@Test func aWatchedKeyThatChangesStopsExec() {
  #expect(!breaks([]))
  #expect(breaks(["RPUSH w b"]))
  #expect(breaks(["DEL w"]))
  #expect(breaks(["EXPIRE w 100"]))
  #expect(breaks(["RENAME w x"]))
  #expect(breaks(["RPUSH x a", "RENAME x w"]))
  #expect(breaks(["MOVE w 1"]))
  #expect(breaks(["LPOP w", "RPUSH w a"]))
  #expect(breaks(["RPUSH w b"], watched: "v w"))
  #expect(!breaks(["RPUSH x b", "TOUCH w", "TYPE w", "PERSIST w", "RENAME w w", "DEL none"]))
  #expect(!breaks(["SELECT 1", "RPUSH w b"]))
}

@Test func emptyingOrExchangingDatabasesBreaksWatchesOfKeysThatAreThere() {
  #expect(breaks(["FLUSHALL"]))
  #expect(breaks(["FLUSHDB"]))
  #expect(breaks(["SWAPDB 0 1"]))
  #expect(!breaks(["SELECT 1", "RPUSH w a", "FLUSHDB"]))
  #expect(!breaks(["FLUSHALL", "FLUSHDB", "SWAPDB 0 1"], before: ["RPUSH x a"]))
  #expect(!breaks(["SWAPDB 1 2", "SWAPDB 0 0"]))
  #expect(breaks(["SWAPDB 1 0"], before: ["SELECT 1", "RPUSH w a"]))
}

@Test func aWatchedKeyWhoseTimeIsUpStopsExec() {
  #expect(breaks([], before: ["RPUSH w a", "PEXPIRE w 5"], pause: 5))
  #expect(!breaks([], before: ["RPUSH w a", "PEXPIRE w 5"], pause: 4))
}

@Test func aKeyWhoseTimeWasUpBeforeItWasWatchedCountsAsGone() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  for request in ["RPUSH w a", "PEXPIRE w 5", "SELECT 1", "RPUSH w a", "PEXPIRE w 5"] {
    _ = harness.send(other, request)
  }
  harness.advance(milliseconds: 5, runningTimers: false)
  _ = harness.send(client, "WATCH w")
  _ = harness.send(other, "SWAPDB 0 1")  // One key whose time is up for another.
  _ = harness.send(other, "FLUSHALL")
  _ = harness.send(client, "MULTI")
  #expect(harness.send(client, "EXEC") == "*0\r\n")
}

@Test func watchesEndWithExecDiscardUnwatchAndTheSession() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  for end in [["UNWATCH", "MULTI"], ["MULTI", "DISCARD", "MULTI"], ["MULTI", "EXEC", "MULTI"]] {
    _ = harness.send(client, "WATCH a b")
    _ = harness.send(other, "RPUSH a x")
    for request in end { _ = harness.send(client, request) }
    #expect(harness.engine.context.watchers.isEmpty)
    #expect(harness.send(client, "EXEC") == "*0\r\n")
  }
  _ = harness.send(client, "WATCH a b a")
  #expect(harness.engine.context.watchers.count == 2)
  harness.engine.close(client)
  #expect(harness.engine.context.watchers.isEmpty)
}

@Test func aReplyThatABrokenWatchGaveIsHeldUntilTheChangeIsDurable() {
  var harness = EngineHarness(logging: true)
  let client = harness.client(), other = harness.client()
  _ = harness.send(client, "WATCH a")
  _ = harness.send(other, "RPUSH a x")
  _ = harness.send(client, "MULTI")
  harness.engine.beginBatch(client)
  harness.engine.endBatch()
  #expect(harness.engine.context.sessions[client].holds.isEmpty)
  var bytes = "*1\r\n$4\r\nEXEC\r\n"
  bytes.withUTF8 { text in
    var parser = RequestParser()
    let view = unsafe ByteView(UnsafeRawBufferPointer(text))
    _ = try? parser.parse(view, limits: RequestLimits())
    harness.engine.beginBatch(client)
    unsafe harness.engine.run(Arguments(view, parser.arguments), request: view)
    harness.engine.endBatch()
  }
  #expect(harness.engine.context.sessions[client].holds.last?.commit == 1)
}
