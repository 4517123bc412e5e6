// ServerCommandsTests.swift: options, figures, logs and monitors, waiting for the disk, stopping.

import Testing

@testable import Broker

@Test func optionsAreSetAllOrNone() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, "CONFIG SET maxmemory 100 slowlog-max-len x")
      == "-ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - argument couldn't be parsed into an integer\r\n"
  )
  #expect(harness.send(client, "CONFIG GET maxmemory") == "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n")
  #expect(harness.send(client, "CONFIG SET maxmemory 1mb slowlog-max-len 3") == "+OK\r\n")
  #expect(
    harness.send(client, "CONFIG GET maxmemory") == "*2\r\n$9\r\nmaxmemory\r\n$7\r\n1048576\r\n")
  #expect(harness.engine.context.requests.settingsChanged)
  #expect(harness.send(client, "CONFIG SET maxmemory 1 x") == "-ERR syntax error\r\n")
}

@Test func fullMemoryRefusesWhatGrowsIt() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH list a")
  _ = harness.send(client, "CONFIG SET maxmemory 1")
  #expect(
    harness.send(client, "RPUSH list b")
      == "-OOM command not allowed when used memory > 'maxmemory'.\r\n")
  #expect(harness.send(client, "LPOP list") == "$1\r\na\r\n")
}

@Test func infoHasTheSectionsAskedFor() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "RPUSH list a")
  #expect(
    harness.send(client, "INFO keyspace")
      == "$44\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n\r\n")
  #expect(harness.send(client, "INFO nothing") == "$0\r\n\r\n")
  let two = harness.send(client, "INFO server CPU")
  #expect(two.contains("# Server\r\nredis_version:7.2.4\r\nmartlet_version:"))
  #expect(two.contains("\r\n\r\n# CPU\r\nused_cpu_sys:"))
  #expect(!two.contains("# Clients"))
  let normal = harness.send(client, "INFO"), all = harness.send(client, "INFO all")
  #expect(!normal.contains("# Commandstats"))
  #expect(all.contains("cmdstat_rpush:calls=1,"))
  _ = harness.send(client, "NONSENSE")
  #expect(harness.send(client, "INFO errorstats").contains("errorstat_ERR:count=1\r\n"))
  #expect(harness.send(client, "CONFIG RESETSTAT") == "+OK\r\n")
  #expect(!harness.send(client, "INFO errorstats").contains("errorstat_ERR"))
}

@Test func theHostsLinesComeAtTheirPlaces() {
  var writer = InformationWriter()
  writer.begin(.server, host: [("odd_one", "7"), ("process_id", "42")])
  writer.hosted("process_id")
  writer.hosted("tcp_port", "6379")
  writer.end()
  #expect(writer.text == "# Server\r\nprocess_id:42\r\ntcp_port:6379\r\nodd_one:7\r\n")
}

@Test func decimalsAreRounded() {
  #expect(decimal(0.126, places: 2) == "0.13")
  #expect(decimal(-3.5, places: 1) == "-3.5")
  #expect(decimal(12, places: 3) == "12.000")
  #expect(decimal(.infinity, places: 2) == "0")
}

/// A clock that moves a millisecond at each look.
private func tick(_ harness: inout EngineHarness) {
  let looks = Looks()
  harness.engine.context.stopwatch = { looks.next() * 1_000_000 }
}

/// Used by one test on one thread.
private final class Looks: @unchecked Sendable {
  private var count: Int64 = 0
  func next() -> Int64 {
    count += 1
    return count
  }
}

@Test func slowCommandsAreLoggedShortened() {
  var harness = EngineHarness()
  let client = harness.client()
  tick(&harness)
  harness.engine.context.sessions[client].address = "127.0.0.1:5000"
  _ = harness.send(client, "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 2")
  _ = harness.send(client, "CLIENT SETNAME joe")
  let long = String(repeating: "x", count: 130)
  let many = (1...40).map { "\($0)" }.joined(separator: " ")
  _ = harness.send(client, "RPUSH list \(long)")
  _ = harness.send(client, "RPUSH list \(many)")
  _ = harness.send(client, "CONFIG SET slowlog-log-slower-than -1")
  #expect(harness.send(client, "SLOWLOG LEN") == ":2\r\n")
  let log = harness.send(client, "SLOWLOG GET")
  #expect(log.hasPrefix("*2\r\n*6\r\n:3\r\n:1700000000\r\n:1000\r\n*32\r\n$5\r\nRPUSH\r\n"))
  #expect(log.contains("... (11 more arguments)"))
  #expect(log.contains("... (2 more bytes)"))
  #expect(log.hasSuffix("$14\r\n127.0.0.1:5000\r\n$3\r\njoe\r\n"))
  #expect(harness.send(client, "SLOWLOG GET 0") == "*0\r\n")
  #expect(
    harness.send(client, "SLOWLOG GET -2")
      == "-ERR count should be greater than or equal to -1\r\n")
  #expect(harness.send(client, "SLOWLOG RESET") == "+OK\r\n")
  #expect(harness.send(client, "SLOWLOG LEN") == ":0\r\n")
}

@Test func theSlowLogKeepsTheNewest() {
  var log = SlowLog()
  for id in 0..<100 {
    log.add(
      [], microseconds: 1, seconds: Int64(id), address: "", name: [], countMax: id < 50 ? 10 : 4)
    #expect(log.count <= 10)
  }
  #expect(log.newest(10).map(\.id) == [99, 98, 97, 96])
}

@Test func passwordsAreRedacted() {
  var harness = EngineHarness()
  let client = harness.client(), monitor = harness.client()
  tick(&harness)
  _ = harness.send(client, "CONFIG SET slowlog-log-slower-than 0")
  _ = harness.send(monitor, "MONITOR")
  _ = harness.send(client, "AUTH default secret")
  _ = harness.send(client, "HELLO 3 AUTH default secret")
  #expect(!harness.output(monitor).contains("secret"))
  #expect(!harness.send(client, "SLOWLOG GET").contains("secret"))
}

@Test func monitorsSeeWhatOthersRun() {
  var harness = EngineHarness()
  let client = harness.client(), monitor = harness.client()
  harness.engine.context.sessions[client].address = "127.0.0.1:1234"
  harness.engine.context.wallMicroseconds = 56
  #expect(harness.send(monitor, "MONITOR") == "+OK\r\n")
  _ = harness.send(client, [Array("rpush".utf8), Array("k".utf8), [0, 10, 255, 34]])
  #expect(
    harness.output(monitor)
      == "+1700000000.000056 [0 127.0.0.1:1234] \"rpush\" \"k\" \"\\x00\\n\\xff\\\"\"\r\n")
  _ = harness.send(client, "CONFIG GET port")
  #expect(harness.output(monitor) == "")
  #expect(
    harness.send(monitor, "LPOP k") == "-ERR Replica can't interact with the keyspace\r\n")
  #expect(harness.send(monitor, "RESET") == "+RESET\r\n")
  _ = harness.output(monitor)
  _ = harness.send(client, "PING")
  #expect(harness.output(monitor) == "")
}

@Test func monitorsSeeTheCommandsOfATransactionWhenTheyRun() {
  var harness = EngineHarness()
  let client = harness.client(), monitor = harness.client()
  _ = harness.send(monitor, "MONITOR")
  _ = harness.send(client, "MULTI")
  _ = harness.send(client, "SET a b")
  _ = harness.output(monitor)
  _ = harness.send(client, "EXEC")
  #expect(
    harness.output(monitor)
      == "+1700000000.000000 [0 ] \"SET\" \"a\" \"b\"\r\n+1700000000.000000 [0 ] \"EXEC\"\r\n")
}

@Test func aMonitorsLineWaitsForTheDiskAsTheReplyDoes() {
  var harness = EngineHarness(logging: true)
  let client = harness.client(), monitor = harness.client()
  _ = harness.send(monitor, "MONITOR")
  _ = harness.send(client, "RPUSH list a")
  #expect(!harness.engine.context.sessions[monitor].holds.isEmpty)
}

@Test func latencyKeepsTheWorstOfASecond() {
  var harness = EngineHarness()
  let client = harness.client()
  tick(&harness)
  _ = harness.send(client, "CONFIG SET latency-monitor-threshold 1")
  _ = harness.send(client, "RPUSH list a")
  #expect(
    harness.send(client, "LATENCY HISTORY fast-command") == "*1\r\n*2\r\n:1700000000\r\n:1\r\n")
  #expect(harness.send(client, "LATENCY RESET fast-command") == ":1\r\n")
  #expect(
    harness.send(client, "LATENCY GRAPH fast-command")
      == "-ERR No samples available for event 'fast-command'\r\n")
  #expect(harness.send(client, "LATENCY HISTOGRAM rpush").contains("histogram_usec"))
}

/// Goal: who looks for delays finds those of expiry and of whole turns, and can begin anew.
@Test func latencyAndInfoKnowTurnsAndExpiry() {
  var harness = EngineHarness()
  let client = harness.client()
  tick(&harness)
  _ = harness.send(client, "CONFIG SET latency-monitor-threshold 1")
  _ = harness.send(client, "SET key value PX 10")
  harness.advance(milliseconds: 20)
  #expect(
    harness.send(client, "LATENCY HISTORY expire-cycle") == "*1\r\n*2\r\n:1700000000\r\n:1\r\n")
  harness.engine.context.statistics.turns.add(7_000_000, processorTime: 5_000_000)
  harness.engine.context.statistics.turns.add(1_000_000, processorTime: 0)
  let stats = harness.send(client, "INFO stats")
  for line in [
    "eventloop_cycles:2", "eventloop_duration_sum:8000", "martlet_longest_turn_usec:7000",
    "martlet_longest_turn_cpu_usec:5000",
  ] { #expect(stats.contains(line + "\r\n")) }
  _ = harness.send(client, "CONFIG RESETSTAT")
  #expect(harness.send(client, "INFO stats").contains("martlet_longest_turn_usec:0\r\n"))
}

@Test func infoCountsTheValuesThatAreFreedInSlices() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "SET long \(String(repeating: "x", count: 100_000))")
  for number in 0..<2000 { _ = harness.send(client, "XADD entries * a \(number)") }
  _ = harness.send(client, "SET short x")
  _ = harness.send(client, "DEL long short")
  _ = harness.send(client, "UNLINK entries")
  #expect(harness.send(client, "INFO memory").contains("lazyfreed_objects:2\r\n"))
  _ = harness.send(client, "CONFIG RESETSTAT")
  #expect(harness.send(client, "INFO memory").contains("lazyfreed_objects:0\r\n"))
}

@Test func histogramsCountByDoublingBounds() {
  var histogram = DurationHistogram()
  histogram.add(500, calls: 1)
  histogram.add(1024, calls: 1)
  histogram.add(1025, calls: 2)
  histogram.add(.max, calls: 1)
  #expect(histogram.cumulative.map(\.calls) == [2, 4, 5])
  #expect(histogram.cumulative.prefix(2).map(\.microseconds) == [1, 2])
  #expect(histogram.percentile(50) == 2.048)
  #expect(histogram.percentile(0) == 1.024)
  var slow = DurationHistogram()
  slow.add(3000, calls: 1)
  #expect(slow.percentile(0) == 4.096)
}

@Test func whichPercentilesAreShownCanBeSet() {
  var harness = EngineHarness()
  let client = harness.client()
  let name = "latency-tracking-info-percentiles"
  _ = harness.send(client, "SET a b")
  #expect(harness.send(client, "INFO latencystats").contains("usec_set:p50=1.024,p99="))
  let refused = "-ERR CONFIG SET failed (possibly related to argument '\(name)') - "
  for (words, reply) in [
    ("0 33.33333333 99.90 100", "+OK\r\n"),
    ("10 a", refused + "Invalid \(name) parameters\r\n"),
    ("10 100.5", refused + "\(name) parameters should sit between [0.0,100.0]\r\n"),
    ("-1", refused + "\(name) parameters should sit between [0.0,100.0]\r\n"),
  ] {
    let request = ["CONFIG", "SET", name, words].map { Array($0.utf8) }
    #expect(harness.send(client, request) == reply)
  }
  #expect(harness.send(client, "CONFIG GET \(name)").hasSuffix("$20\r\n0 33.333333 99.9 100\r\n"))
  #expect(harness.send(client, "INFO latencystats").contains("usec_set:p0=1.024,p33.333333="))
  let none = ["CONFIG", "SET", name, ""].map { Array($0.utf8) }
  #expect(harness.send(client, none) == "+OK\r\n")
  #expect(harness.send(client, "INFO latencystats").contains("usec_set:\r\n"))
}

@Test func waitingForReplicasEndsWithTheTime() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "WAIT 0 0") == ":0\r\n")
  #expect(harness.send(client, "WAIT 1 50") == "")
  harness.advance(milliseconds: 50)
  #expect(harness.output(client) == ":0\r\n")
  #expect(harness.send(client, "WAIT x 0") == "-ERR value is not an integer or out of range\r\n")
  #expect(
    harness.send(client, "WAIT 1 x") == "-ERR timeout is not an integer or out of range\r\n")
  #expect(harness.send(client, "WAIT 1 -1") == "-ERR timeout is negative\r\n")
}

@Test func waitaofEndsWhenTheWriteIsOnDisk() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.send(client, "RPUSH list a")
  #expect(harness.send(client, "WAITAOF 1 0 0") == "")
  harness.host.durableCommit = 0
  harness.engine.runDurable()
  #expect(harness.output(client) == "")
  harness.host.durableCommit = 1
  harness.engine.runDurable()
  #expect(harness.output(client) == "*2\r\n:1\r\n:0\r\n")
  #expect(harness.send(client, "WAITAOF 1 1 20") == "")
  harness.advance(milliseconds: 20)
  #expect(harness.output(client) == "*2\r\n:1\r\n:0\r\n")
  #expect(
    harness.send(client, "WAITAOF 2 0 0")
      == "-ERR value is out of range, value must between 0 and 1\r\n")
}

@Test func waitaofNeedsALog() {
  var harness = EngineHarness()
  let client = harness.client()
  harness.engine.context.settings.isLogged = false
  #expect(
    harness.send(client, "WAITAOF 1 0 0")
      == "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n")
  #expect(harness.send(client, "WAITAOF 0 0 0") == "*2\r\n:0\r\n:0\r\n")
}

@Test(arguments: [true, false])
func saveAnswersOnceTheCheckpointHasEnded(isGood: Bool) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "SET k v") == "+OK\r\n")
  #expect(harness.send(client, "SAVE") == "")
  #expect(harness.engine.context.requests.checkpointAtOnce)
  harness.engine.context.saveBegan()
  #expect(harness.output(client) == "")
  harness.engine.context.wall += 5000
  harness.engine.context.saveEnded(isGood: isGood, changes: 1)
  #expect(harness.output(client) == (isGood ? "+OK\r\n" : "-ERR\r\n"))
  #expect(harness.engine.context.lastSave == (isGood ? 1_700_000_005 : 1_700_000_000))
  #expect(harness.engine.context.changes == (isGood ? 0 : 1))
  let isSaving = harness.engine.context.isSaving
  #expect(!isSaving)
}

@Test func nothingIsSavedWithoutALog() {
  var harness = EngineHarness()
  let client = harness.client()
  harness.engine.context.settings.isLogged = false
  for command in ["SAVE", "BGSAVE", "BGREWRITEAOF"] {
    #expect(harness.send(client, command) == "-ERR Nothing is saved while appendonly is no\r\n")
  }
  #expect(!harness.engine.context.requests.checkpoint)
}

@Test func whoDemandsReplicasGetsNoWrites() {
  var harness = EngineHarness()
  let client = harness.client()
  let refusal = "-NOREPLICAS Not enough good replicas to write.\r\n"
  #expect(harness.send(client, "MULTI") == "+OK\r\n")
  #expect(harness.send(client, "SET k v") == "+QUEUED\r\n")
  #expect(harness.send(client, "CONFIG SET min-replicas-to-write 1") == "+QUEUED\r\n")
  #expect(harness.send(client, "EXEC") == "*2\r\n+OK\r\n+OK\r\n")
  #expect(harness.send(client, "SET k v") == refusal)
  #expect(harness.send(client, "DEL k") == refusal)
  #expect(harness.send(client, "GET k") == "$1\r\nv\r\n")
  #expect(harness.send(client, "MULTI") == "+OK\r\n")
  #expect(harness.send(client, "GET k") == "+QUEUED\r\n")
  #expect(harness.send(client, "LPUSH l a") == refusal)
  #expect(
    harness.send(client, "EXEC")
      == "-EXECABORT Transaction discarded because of previous errors.\r\n")
  #expect(harness.send(client, "CONFIG SET min-replicas-to-write 0") == "+OK\r\n")
  #expect(harness.send(client, "DEL k") == ":1\r\n")
}

@Test func savingAsksForACheckpoint() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  #expect(harness.send(client, "BGSAVE") == "")
  #expect(harness.engine.context.requests.checkpoint)
  // Also before the turn ends, with which it begins.
  #expect(harness.send(other, "BGSAVE") == "-ERR Background save already in progress\r\n")
  harness.engine.context.requests = HostRequests()
  harness.engine.context.saveBegan()
  #expect(harness.output(client) == "+Background saving started\r\n")
  #expect(harness.send(client, "BGSAVE") == "-ERR Background save already in progress\r\n")
  #expect(
    harness.send(client, "BGREWRITEAOF")
      == "-ERR Background append only file rewriting already in progress\r\n")
  harness.engine.context.lastSave = 12
  #expect(harness.send(client, "LASTSAVE") == ":12\r\n")
}

@Test func aTransactionMaySaveTwice() {
  var harness = EngineHarness()
  let client = harness.client()
  for request in ["MULTI", "BGSAVE", "BGREWRITEAOF", "BGSAVE"] { _ = harness.send(client, request) }
  #expect(
    harness.send(client, "EXEC")
      == "*3\r\n+Background saving scheduled\r\n"
      + "+Background append only file rewriting scheduled\r\n+Background saving scheduled\r\n")
}

@Test func shutdownBlocksUntilItFails() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  #expect(harness.send(client, "SHUTDOWN SAVE NOSAVE") == "-ERR syntax error\r\n")
  #expect(harness.send(client, "SHUTDOWN ABORT") == "-ERR No shutdown in progress.\r\n")
  #expect(harness.send(client, "SHUTDOWN NOSAVE NOW") == "")
  #expect(harness.engine.context.requests.shutdown?.save == false)
  #expect(harness.engine.context.requests.shutdown?.now == true)
  harness.host.isShuttingDown = true
  #expect(harness.send(other, "SHUTDOWN ABORT") == "+OK\r\n")
  harness.engine.context.shutdownFailed()
  #expect(harness.output(client) == "-ERR Errors trying to SHUTDOWN. Check logs.\r\n")
}

@Test func replicationIsNotThereAndSaysSo() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "ROLE") == "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
  #expect(harness.send(client, "REPLICAOF NO ONE") == "+OK\r\n")
  #expect(harness.send(client, "REPLICAOF a b") == "-ERR Invalid master port\r\n")
  #expect(harness.send(client, "REPLICAOF a 1") == "-ERR replication is not supported\r\n")
}

@Test func thereIsNoCluster() {
  var harness = EngineHarness()
  let client = harness.client()
  let disabled = "-ERR This instance has cluster support disabled\r\n"
  for request in [
    "CLUSTER INFO", "CLUSTER HELP", "CLUSTER KEYSLOT x", "CLUSTER RESET", "READONLY", "READWRITE",
    "ASKING",
  ] {
    #expect(harness.send(client, request) == disabled, "\(request)")
  }
  #expect(
    harness.send(client, "CLUSTER foo")
      == "-ERR unknown subcommand 'foo'. Try CLUSTER HELP.\r\n")
  #expect(
    harness.send(client, "CLUSTER")
      == "-ERR wrong number of arguments for 'cluster' command\r\n")
}

@Test func memoryUsageCountsTheKey() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "MEMORY USAGE list") == "$-1\r\n")
  _ = harness.send(client, "RPUSH list a")
  #expect(harness.send(client, "MEMORY USAGE list SAMPLES 0").hasPrefix(":"))
  #expect(harness.send(client, "MEMORY USAGE list SAMPLES") == "-ERR syntax error\r\n")
  #expect(harness.send(client, "MEMORY STATS").hasPrefix("*56\r\n"))
  #expect(harness.send(client, "MEMORY PURGE") == "+OK\r\n")
}

@Test func timeHasMicroseconds() {
  var harness = EngineHarness()
  harness.engine.context.wall += 12
  harness.engine.context.wallMicroseconds = 34
  #expect(harness.send(harness.client(), "TIME") == "*2\r\n$10\r\n1700000000\r\n$5\r\n12034\r\n")
}
