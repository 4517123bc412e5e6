// BusyTests.swift: a script that takes long, on a server whose turn is in the test's hand.
//
// The requests of the second client are in its socket before the turn begins, behind those of the
// first: the server finds them while the script runs.

import RESP
import Testing

@testable import Broker

private func utf8(_ words: String...) -> [[UInt8]] { words.map { Array($0.utf8) } }

/// Runs far longer than any test, but not for ever.
private let longLoop = "for i = 1, 3000000000 do end"

@Test func othersAreAnsweredBusyAndMayEndTheScript() throws {
  let rig = try ServerRig { $0.busyReplyThreshold = 1 }
  let first = try rig.client(), second = try rig.client()
  first.request(utf8("EVAL", "pcall(function() \(longLoop) end) \(longLoop)", "0"))
  second.request("PING", "SET a b", "FUNCTION KILL", "SCRIPT KILL")
  let isDone = rig.run([first, second]) { _ in first.text.hasSuffix("\r\n") }
  #expect(isDone)
  let busy =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
  #expect(second.text == busy + busy + busy + "+OK\r\n")
  #expect(first.text.hasPrefix("-ERR Script killed by user with SCRIPT KILL... script: "))
  let isBusy = rig.server.engine.context.busy != nil
  #expect(!isBusy)
}

@Test func aScriptThatHasWrittenGoesOnToItsEnd() throws {
  let rig = try ServerRig { $0.busyReplyThreshold = 1 }
  let first = try rig.client(), second = try rig.client()
  let script =
    "redis.call('SET', 'a', 1) local n = 0 while n < 3000000 do n = n + 1 end return n"
  first.request(utf8("EVAL", script, "0"))
  second.request("SCRIPT KILL", "GET a")
  let isDone = rig.run([first, second]) { _ in first.text.hasSuffix("\r\n") }
  #expect(isDone)
  #expect(second.text.hasPrefix("-UNKILLABLE Sorry the script already executed write commands"))
  #expect(first.text == ":3000000\r\n")
}

/// A client that goes, or is found gone, while its script runs keeps its place until the script has
/// ended: nobody else is given its replies, or its rights.
@Test func theClientOfABusyScriptGoesWhenTheScriptHasEnded() throws {
  let rig = try ServerRig { $0.busyReplyThreshold = 1 }
  let second = try rig.client()
  do {
    let first = try rig.client()
    first.request(utf8("EVAL", longLoop, "0"))
    first.request("SET a b")
    first.send()
  }
  second.request("UNWATCH", "UNWATCH", "SCRIPT KILL")
  let isKilled = rig.run([second]) { _ in second.text.hasSuffix("+OK\r\n+OK\r\n+OK\r\n") }
  #expect(isKilled)
  let third = try rig.client()
  third.request("PING")
  let isAnswered = rig.run(third, until: "+PONG\r\n")
  #expect(isAnswered)
  #expect(third.text == "+PONG\r\n")
}

/// What comes behind a script that SHUTDOWN NOSAVE has ended would run on what the log does not have:
/// it is not run.
@Test func shutdownLeavesNothingThatCameBehindTheScript() throws {
  let rig = try ServerRig { $0.busyReplyThreshold = 1 }
  let first = try rig.client(), second = try rig.client()
  first.request(utf8("EVAL", "redis.call('DEL', 'q') \(longLoop)", "0"))
  first.request("APPEND q x")
  second.request("SHUTDOWN NOSAVE")
  let isDone = rig.run([first, second]) { server in server.exitCode != nil }
  #expect(isDone)
  let count = rig.server.engine.context.effects.count
  #expect(count == 0)
}

@Test func shutdownEndsAScriptWithNothingOfItInTheLog() throws {
  let rig = try ServerRig { $0.busyReplyThreshold = 1 }
  let first = try rig.client(), second = try rig.client()
  first.request(utf8("EVAL", "redis.call('SET', 'a', 1) \(longLoop)", "0"))
  second.request("SHUTDOWN", "SHUTDOWN NOSAVE")
  let isDone = rig.run([first, second]) { server in server.exitCode != nil }
  #expect(isDone)
  #expect(second.text.hasPrefix("-BUSY "))
  let count = rig.server.engine.context.effects.count, commit = rig.server.engine.context.commit
  #expect(count == 0)
  #expect(commit == 1)
}

/// Who monitors is shown what a script calls, however long it takes, and nothing is lost of it.
@Test func aMonitorSeesWhatABusyScriptCalls() throws {
  let rig = try ServerRig { $0.busyReplyThreshold = 1 }
  let monitor = try rig.client(), first = try rig.client(), second = try rig.client()
  monitor.request("MONITOR")
  let isWatching = rig.run(monitor, until: "+OK\r\n")
  #expect(isWatching)
  let script =
    "redis.call('GET', 'a') local n = 0 while n < 3000000 do n = n + 1 end return redis.call('GET', 'b')"
  first.request(utf8("EVAL", script, "0"))
  second.request("PING")
  let isDone = rig.run([monitor, first, second]) { _ in
    first.text.hasSuffix("\r\n") && monitor.text.contains("\"b\"\r\n")
  }
  #expect(isDone)
  #expect(second.text.hasPrefix("-BUSY"))
  let lines = monitor.text.split(separator: "\r\n").dropFirst().map(String.init)
  #expect(lines.count == 3)
  #expect(lines.first?.contains("\"EVAL\"") == true)
  #expect(lines.dropFirst().first?.hasSuffix(" [0 lua] \"GET\" \"a\"") == true)
  #expect(lines.last?.hasSuffix(" [0 lua] \"GET\" \"b\"") == true)
}
