// ConnectionTests.swift: greeting, naming, silencing, pausing and ending connections.

import Testing

@testable import Broker

@Test func pingAndEchoAnswerWithTheirArgument() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "PING") == "+PONG\r\n")
  #expect(harness.send(client, "PING hey") == "$3\r\nhey\r\n")
  #expect(
    harness.send(client, "PING a b") == "-ERR wrong number of arguments for 'ping' command\r\n")
  #expect(harness.send(client, "ECHO hey") == "$3\r\nhey\r\n")
}

@Test func helloSwitchesTheProtocolAndDescribesTheServer() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, "HELLO 3 SETNAME joe")
      == "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:3\r\n"
      + "$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
      + "$7\r\nmodules\r\n*0\r\n")
  #expect(harness.send(client, "CLIENT GETNAME") == "$3\r\njoe\r\n")
  #expect(harness.send(client, "HELLO 4") == "-NOPROTO unsupported protocol version\r\n")
  #expect(
    harness.send(client, "HELLO x")
      == "-ERR Protocol version is not an integer or out of range\r\n")
  #expect(
    harness.send(client, "HELLO 2 AUTH x") == "-ERR Syntax error in HELLO option 'AUTH'\r\n")
}

@Test func resetMakesTheConnectionNew() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "HELLO 3 SETNAME joe")
  _ = harness.send(client, "CLIENT REPLY OFF")
  _ = harness.send(client, "RESET")
  #expect(harness.send(client, "CLIENT GETNAME") == "$-1\r\n")
}

@Test func afterQuitNothingRuns() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "QUIT") == "+OK\r\n")
  #expect(harness.send(client, "RPUSH list a") == "")
  #expect(harness.send(harness.client(), "LPOP list") == "$-1\r\n")
}

@Test func namesHoldNoBlanks() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "CLIENT SETNAME joe") == "+OK\r\n")
  #expect(
    harness.send(client, [Array("CLIENT".utf8), Array("SETNAME".utf8), Array("a b".utf8)])
      == "-ERR Client names cannot contain spaces, newlines or special characters.\r\n")
  #expect(harness.send(client, "CLIENT GETNAME") == "$3\r\njoe\r\n")
  #expect(harness.send(client, "CLIENT SETINFO lib-name redis-py") == "+OK\r\n")
  #expect(
    harness.send(client, "CLIENT SETINFO lib-os x") == "-ERR Unrecognized option 'lib-os'\r\n")
  let info = harness.send(client, "CLIENT INFO")
  #expect(info.contains(" name=joe ") && info.contains(" lib-name=redis-py lib-ver=\n"))
}

@Test func silencedRepliesAreDroppedAndTheCommandsRun() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "CLIENT REPLY SKIP") == "")
  #expect(harness.send(client, "RPUSH list a") == "")
  #expect(harness.send(client, "RPUSH list b") == ":2\r\n")
  #expect(harness.send(client, "CLIENT REPLY OFF") == "")
  #expect(harness.send(client, "RPUSH list c") == "")
  #expect(harness.send(client, "NONSENSE") == "")
  #expect(harness.send(client, "CLIENT REPLY ON") == "+OK\r\n")
  #expect(harness.send(client, "RPUSH list d") == ":4\r\n")
  #expect(harness.send(client, "CLIENT REPLY MAYBE") == "-ERR syntax error\r\n")
}

@Test func aSkippedReplyIsTheOneThatEndsTheWait() {
  var harness = EngineHarness()
  let worker = harness.client(), producer = harness.client()
  _ = harness.send(worker, "CLIENT REPLY SKIP")
  #expect(harness.send(worker, "BLPOP list 0") == "")
  _ = harness.send(producer, "RPUSH list a")
  #expect(harness.output(worker) == "")
  #expect(harness.send(worker, "PING") == "+PONG\r\n")
}

@Test func aPauseHoldsCommandsBackAndRunsThemInOrderWhenItEnds() {
  var harness = EngineHarness()
  let admin = harness.client(), a = harness.client(), b = harness.client()
  #expect(harness.send(admin, "CLIENT PAUSE 100") == "+OK\r\n")
  #expect(harness.send(a, "RPUSH list a") == "")
  #expect(harness.send(b, "RPUSH list b") == "")
  harness.advance(milliseconds: 99)
  #expect(harness.output(a) == "")
  harness.advance(milliseconds: 1)
  #expect(harness.output(a) == ":1\r\n")
  #expect(harness.output(b) == ":2\r\n")
  #expect(harness.send(a, "PING") == "+PONG\r\n")
}

@Test func aPauseOfWritesLetsReadsThroughAndEndsByCommand() {
  var harness = EngineHarness()
  let admin = harness.client(), a = harness.client()
  _ = harness.send(admin, "CLIENT PAUSE 100000 WRITE")
  #expect(harness.send(admin, "PING") == "+PONG\r\n")
  #expect(harness.send(a, "RPUSH list a") == "")
  let id = harness.engine.context.sessions[a].id
  #expect(harness.send(admin, "CLIENT UNBLOCK \(id)") == ":0\r\n")
  #expect(harness.send(admin, "CLIENT UNPAUSE") == "+OK\r\n")
  #expect(harness.output(a) == ":1\r\n")
}

@Test func whoLeavesDuringAPauseRunsNothing() {
  var harness = EngineHarness()
  let admin = harness.client(), a = harness.client()
  _ = harness.send(admin, "CLIENT PAUSE 100 WRITE")
  _ = harness.send(a, "RPUSH list a")
  harness.engine.close(a)
  harness.advance(milliseconds: 100)
  #expect(harness.send(admin, "LPOP list") == "$-1\r\n")
}

@Test func pauseErrors() {
  var harness = EngineHarness()
  let client = harness.client()
  let cases = [
    "CLIENT PAUSE x": "-ERR timeout is not an integer or out of range\r\n",
    "CLIENT PAUSE -1": "-ERR timeout is negative\r\n",
    "CLIENT PAUSE 1 SOME": "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n",
    "CLIENT PAUSE 1 ALL x":
      "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.\r\n",
  ]
  for (line, reply) in cases { #expect(harness.send(client, line) == reply) }
}

@Test func unblockEndsAWaitAsATimeoutOrAnError() {
  var harness = EngineHarness()
  let admin = harness.client(), worker = harness.client()
  let id = harness.engine.context.sessions[worker].id
  _ = harness.send(worker, "BLPOP list 0")
  #expect(harness.send(admin, "CLIENT UNBLOCK \(id)") == ":1\r\n")
  #expect(harness.output(worker) == "*-1\r\n")
  _ = harness.send(worker, "BLPOP list 0")
  #expect(harness.send(admin, "CLIENT UNBLOCK \(id) ERROR") == ":1\r\n")
  #expect(harness.output(worker) == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")
  let counts = harness.send(admin, "INFO commandstats").split(separator: "\r\n")
  let blpop = counts.first { $0.hasPrefix("cmdstat_blpop:") }
  #expect(blpop?.hasSuffix("rejected_calls=0,failed_calls=1") == true)
  #expect(harness.send(admin, "CLIENT UNBLOCK \(id)") == ":0\r\n")
  #expect(
    harness.send(admin, "CLIENT UNBLOCK 1 LATER")
      == "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n")
}

@Test func aKilledWaiterTakesNothing() {
  var harness = EngineHarness()
  let admin = harness.client(), worker = harness.client()
  let id = harness.engine.context.sessions[worker].id
  _ = harness.send(worker, "BLPOP list 0")
  #expect(harness.send(admin, "CLIENT KILL ID \(id)") == ":1\r\n")
  #expect(harness.engine.context.requests.kill == [worker])
  #expect(harness.send(admin, "RPUSH list a") == ":1\r\n")
  #expect(harness.send(admin, "LPOP list") == "$1\r\na\r\n")
  #expect(!harness.send(admin, "CLIENT LIST").contains("id=\(id) "))
}

@Test func killSparesTheCallerUnlessToldOtherwise() {
  var harness = EngineHarness()
  let admin = harness.client()
  harness.engine.context.sessions[admin].address = "127.0.0.1:5000"
  #expect(harness.send(admin, "CLIENT KILL ADDR 127.0.0.1:5000") == ":0\r\n")
  #expect(harness.send(admin, "CLIENT KILL 127.0.0.1:1") == "-ERR No such client\r\n")
  #expect(harness.send(admin, "CLIENT KILL TYPE normal") == ":0\r\n")
  #expect(
    harness.send(admin, "CLIENT KILL ID 0") == "-ERR client-id should be greater than 0\r\n")
  #expect(harness.send(admin, "CLIENT KILL TYPE odd") == "-ERR Unknown client type 'odd'\r\n")
  #expect(harness.send(admin, "CLIENT KILL 127.0.0.1:5000") == "+OK\r\n")
  #expect(harness.engine.context.sessions[admin].flags.contains(.closing))
}

@Test func clientListShowsWhatClientsAreDoing() {
  var harness = EngineHarness()
  let admin = harness.client(), worker = harness.client()
  _ = harness.send(worker, "BLPOP list 0")
  let list = harness.send(admin, "CLIENT LIST")
  #expect(list.contains("flags=b") && list.contains("cmd=blpop"))
  #expect(harness.send(admin, "CLIENT LIST TYPE pubsub") == "$0\r\n\r\n")
  #expect(harness.send(admin, "CLIENT LIST ID x") == "-ERR Invalid client ID\r\n")
  let id = harness.engine.context.sessions[worker].id
  #expect(harness.send(admin, "CLIENT LIST ID \(id)").contains("id=\(id) addr="))
}

@Test func trackingIsRefusedAndSaysSo() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, "CLIENT TRACKING ON") == "-ERR client tracking is not supported\r\n")
  #expect(harness.send(client, "CLIENT TRACKING OFF") == "+OK\r\n")
  #expect(harness.send(client, "CLIENT GETREDIR") == ":-1\r\n")
  #expect(
    harness.send(client, "CLIENT TRACKINGINFO")
      == "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"
  )
}

@Test func everyContainerHelps() {
  var harness = EngineHarness()
  let client = harness.client()
  let table = harness.engine.context.table
  for index in table.topLevel where !table.children[index].isEmpty {
    // CLUSTER HELP says that there is no cluster.
    guard table.names[index] != "cluster",
      table.children[index].contains(where: { table.names[$0].hasSuffix("|help") })
    else { continue }
    let help = harness.send(client, "\(table.names[index]) HELP")
    #expect(help.hasPrefix("*"), "\(table.names[index])")
    #expect(help.contains("<subcommand> [<arg> [value] [opt] ...]"), "\(table.names[index])")
  }
}

@Test func aPauseOfWritesHoldsExecBackIfItWrites() {
  var harness = EngineHarness()
  let admin = harness.client(), a = harness.client(), b = harness.client()
  for client in [a, b] { _ = harness.send(client, "MULTI") }
  _ = harness.send(a, "SET key 1")
  _ = harness.send(b, "GET key")
  _ = harness.send(admin, "CLIENT PAUSE 100 WRITE")
  #expect(harness.send(a, "EXEC") == "")
  #expect(harness.send(b, "EXEC") == "*1\r\n$-1\r\n")
  harness.advance(milliseconds: 100)
  #expect(harness.output(a) == "*1\r\n+OK\r\n")
}

@Test func aCommandHeldBackIsLoggedWhenItRuns() {
  var harness = EngineHarness(logging: true)
  let admin = harness.client(), a = harness.client()
  _ = harness.send(admin, "CLIENT PAUSE 100")
  _ = harness.send(a, "RPUSH list a")
  #expect(harness.effects() == "")
  harness.advance(milliseconds: 100)
  #expect(harness.effects() == "*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$1\r\na\r\n")
}

@Test func endingASessionForgetsNoOtherThatHasSomethingToSend() {
  var harness = EngineHarness()
  let a = harness.client(), b = harness.client()
  _ = harness.send(a, "PING")
  _ = harness.send(b, "PING")
  let index = harness.engine.context.touched.firstIndex(of: b)
  harness.engine.close(a)
  #expect(index == 1)
  #expect(harness.engine.context.touched[1] == b)
}

@Test func nothingExpiresDuringAPauseThoughNobodySeesItAnyMore() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  #expect(harness.send(client, "SET key value PX 10") == "+OK\r\n")
  #expect(harness.send(client, "CLIENT PAUSE 1000 WRITE") == "+OK\r\n")
  _ = harness.effects()
  harness.advance(milliseconds: 20)
  #expect(harness.send(client, "GET key") == "$-1\r\n")
  let expired = harness.engine.context.statistics.expired
  #expect(expired == 0)
  #expect(harness.effects() == "")
  #expect(harness.send(client, "CLIENT UNPAUSE") == "+OK\r\n")
  #expect(harness.send(client, "GET key") == "$-1\r\n")
  #expect(harness.effects().contains("DEL"))
}

/// CLIENT LIST shows the command a session asked for last, also one that was refused, as
/// redis-server 7.0.15 does.
@Test(arguments: [
  ("PING", "ping"), ("NOSUCH", "NULL"), ("CLIENT NOSUCH", "NULL"), ("RESET x", "reset"),
  ("CONFIG GET", "config|get"), ("CLIENT", "client"),
])
func theLastCommandIsShown(command: String, shown: String) {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  _ = harness.send(client, command)
  #expect(harness.send(other, "CLIENT LIST").contains("cmd=\(shown) "))
}
