// ReplayTests.swift: what the log has, run again, gives back what was there.

import Testing

@testable import Broker

private func utf8(_ words: [String]) -> [[UInt8]] { words.map { Array($0.utf8) } }

private func resp(_ commands: String...) -> [UInt8] {
  var text = ""
  for command in commands {
    let words = command.split(separator: " ")
    text += "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
  }
  return Array(text.utf8)
}

extension CommandTable {
  /// The names of all commands that write, or have subcommands that do.
  fileprivate var namesOfWriting: [String] {
    topLevel.filter { index in
      ([index] + children[index]).contains { entries[$0].flags.contains(.write) }
    }.map { names[$0].uppercased() }
  }
}

@Test func everyCommandThatWritesHasARandomRequest() {
  var requests = RandomRequests(seed: 1)
  let harness = EngineHarness()
  for name in harness.engine.context.table.namesOfWriting {
    #expect(requests.request(of: name, now: 0) != nil, "\(name) needs a template")
  }
}

/// Goal: effects replay exactly. Method: random requests of all commands that write, some by scripts, by
/// clients that wait, watch and queue, with time passing; each turn's frame goes to a second engine, which has
/// another seed and a clock far ahead; both keyspaces are compared after each turn.
@Test(arguments: 1...6 as ClosedRange<UInt64>)
func replayedEffectsGiveTheSameKeyspace(seed: UInt64) throws {
  var requests = RandomRequests(seed: seed)
  var source = EngineHarness(seed: seed, logging: true), copy = EngineHarness(seed: seed + 1000)
  copy.engine.context.wall += 1_000_000_000
  source.engine.context.jobs.chooseNode(1)
  let names = source.engine.context.table.namesOfWriting
  let clients = (0..<6).map { _ in source.client() }
  var applied = 0
  for turn in 0..<400 {
    for _ in 0..<Int.random(in: 1...8, using: &requests.random) {
      let client = requests.pick(clients)
      guard !source.engine.context.sessions[client].flags.contains(.blocked) else { continue }
      let now = source.engine.context.wall
      requests.nextJob = Int(source.engine.context.jobs.next)
      var words = requests.request(of: requests.pick(names), now: now) ?? []
      switch Int.random(in: 0..<100, using: &requests.random) {
      case 0..<6: words = ["MULTI"]
      case 6..<16: words = ["EXEC"]
      case 16..<20: words = ["WATCH", requests.key()]
      case 20..<24: words = ["SELECT", requests.number(0...2)]
      case 24..<40:
        words = [requests.pick(["LPUSH", "RPUSH"]), requests.key()] + requests.values()
        // The log joins such runs, until they are too long.
        for _ in 0..<Int.random(in: 0...3, using: &requests.random) {
          _ = source.send(client, utf8(words))
        }
      case 40..<50: words = requests.request(of: "XADD", now: now) ?? []
      case 50..<60:
        words = requests.request(of: requests.pick(["XREADGROUP", "XGROUP"]), now: now) ?? []
      case 60..<70:
        words = ["EVAL", "redis.pcall(unpack(ARGV)) return redis.pcall(unpack(ARGV))", "0"] + words
      case 70..<80:
        let name = requests.pick([
          "ADDJOB", "ADDJOB", "GETJOB", "GETJOB", "ACKJOB", "NACK", "EXTEND",
        ])
        words = requests.request(of: name, now: now) ?? []
      default: break
      }
      _ = source.send(client, utf8(words))
    }
    if requests.chance(30) {
      source.advance(
        milliseconds: Int64.random(in: 1...400, using: &requests.random),
        runningTimers: requests.chance(50))
    }
    for client in clients { _ = source.output(client) }
    let (body, count) = source.frame()
    applied += count
    do { try copy.replay(body, count: count) } catch {
      Issue.record("seed \(seed), turn \(turn): \(error.reason) at \(error.offset)")
      return
    }
    let same = source.engine.context.digest() == copy.engine.context.digest()
    #expect(same, "seed \(seed), turn \(turn): \(String(decoding: body, as: UTF8.self))")
    guard same else { return }
    source.checkInvariants()
    copy.checkInvariants()
  }
  #expect(applied > 400, "seed \(seed): too little happened")
  #expect(copy.frame().count == 0, "a replay is not logged again")
}

@Test func aDeadlineSurvivesTheReplayEvenIfItHasPassedMeanwhile() throws {
  var source = EngineHarness(logging: true)
  let client = source.client()
  _ = source.send(client, "RPUSH soon a")
  _ = source.send(client, "EXPIRE soon 10")
  _ = source.send(client, "RPUSH late a")
  _ = source.send(client, "EXPIRE late 1000")
  var copy = EngineHarness(seed: 2, logging: true)
  copy.engine.context.wall += 60_000
  let (body, count) = source.frame()
  try copy.replay(body, count: count)
  #expect(copy.engine.context.databases[0].count == 2)
  #expect(copy.engine.context.effects.isEnabled == true)
  let reader = copy.client()
  #expect(copy.send(reader, "TTL late") == ":940\r\n")
  #expect(copy.send(reader, "EXISTS soon") == ":0\r\n")
  #expect(copy.effects() == "*2\r\n$3\r\nDEL\r\n$4\r\nsoon\r\n")
}

@Test func aReplayLeavesNoTraceButTheKeys() throws {
  var harness = EngineHarness(logging: true)
  try harness.replay(resp("SELECT 3", "RPUSH list a b", "LPOP list"), count: 3)
  #expect(harness.engine.context.changes == 0)
  #expect(harness.engine.context.database == 0)
  #expect(harness.engine.context.reply.count == 0)
  #expect(harness.engine.context.isLoading == false)
  let client = harness.client()
  #expect(harness.send(client, "EXISTS list") == ":0\r\n")
  _ = harness.send(client, "SELECT 3")
  #expect(harness.send(client, "LPOP list") == "$1\r\nb\r\n")
}

@Test(arguments: [
  (resp("RPUSH a 1", "NOSUCH a"), 2, 29, "unknown command"),
  (resp("RPUSH a 1", "RPUSH a"), 2, 29, "ERR wrong number of arguments for 'rpush' command"),
  (resp("RPUSH a 1", "DBSIZE"), 2, 29, "'dbsize' changes nothing"),
  (resp("RPUSH a 1", "SELECT 99"), 2, 29, "ERR DB index is out of range"),
  (resp("RPUSH a 1"), 2, 29, "the frame has 1 commands, its header says 2"),
  (Array(resp("RPUSH a 1").dropLast()), 1, 0, "no whole command"),
  (resp("RPUSH a 1") + Array("PING\r\n".utf8), 2, 29, "no whole command"),
  (
    resp("RPUSH a 1") + Array("*1\r\n:1\r\n".utf8), 2, 29,
    "ERR Protocol error: expected '$', got ':'"
  ),
  (resp("RPUSH a 1") + Array("*0\r\n".utf8), 2, 29, "unknown command"),
])
func whatCannotBeAppliedIsRefusedByItsOffset(
  _ frame: (body: [UInt8], count: Int, offset: Int, reason: String)
) {
  var harness = EngineHarness()
  do {
    try harness.replay(frame.body, count: frame.count)
    Issue.record("it was applied")
  } catch {
    #expect(error.offset == frame.offset)
    #expect(error.reason == frame.reason)
  }
  #expect(harness.engine.context.isLoading == false)
}

@Test func pushesToOneListAreOneCommandInTheLog() throws {
  var source = EngineHarness(logging: true)
  let client = source.client()
  for line in [
    "RPUSH a 1", "RPUSH a 2 3", "RPUSH a 4",  // Joined.
    "LPUSH a 5", "LPUSH a 6", "RPUSH a 7", "RPUSH b 8",  // Another end, another list.
    "rpush b 9", "RPUSH b 10", "RPUSH bc 11", "RPUSH bc 12",
    "GET s", "RPUSH bc 13", "SET s 1", "RPUSH bc 14",  // Something between them.
    "SELECT 1", "RPUSH bc 15", "SELECT 0", "RPUSH bc 16",
  ] { _ = source.send(client, line) }
  let (body, count) = source.frame()
  let expected = resp(
    "RPUSH a 1 2 3 4", "LPUSH a 5 6", "RPUSH a 7", "RPUSH b 8", "rpush b 9", "RPUSH b 10",
    "RPUSH bc 11 12 13", "SET s 1", "RPUSH bc 14", "SELECT 1", "RPUSH bc 15", "SELECT 0",
    "RPUSH bc 16")
  #expect(String(decoding: body, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
  #expect(count == 13)
  // Nothing goes on from the frame before.
  _ = source.send(client, "RPUSH bc 17")
  #expect(source.effects() == "*3\r\n$5\r\nRPUSH\r\n$2\r\nbc\r\n$2\r\n17\r\n")
  var copy = EngineHarness(seed: 2)
  try copy.replay(body, count: count)
  let reader = copy.client()
  #expect(copy.send(reader, "LRANGE a 0 -1").contains("6\r\n$1\r\n5\r\n$1\r\n1\r\n"))
}

/// Goal: a joined command has its count, however many digits that takes, and is no longer than it may
/// be. Method: so many pushes, with words and bytes of all sizes around the bounds.
@Test(arguments: [1, 7, 8, 97, 98, 998, 999, 1000, 2500])
func joinedPushesReplayExactly(count pushes: Int) throws {
  var source = EngineHarness(logging: true), copy = EngineHarness(seed: 2, logging: true)
  let client = source.client()
  for number in 0..<pushes { _ = source.send(client, "RPUSH list \(number)") }
  let small = source.frame()
  let wordsMax = Effects.joinedWordsMax
  #expect(small.count == (pushes + wordsMax - 3) / (wordsMax - 2))
  try copy.replay(small.body, count: small.count)
  // A request of the size that is joined at most, one that is larger, one of too many words.
  let wrapping = 33  // Bytes of the request around an element of some hundred bytes.
  for size in [Effects.joinedSizeMax - wrapping, Effects.joinedSizeMax - wrapping + 1] {
    for _ in 0..<2 {
      _ = source.send(client, utf8(["RPUSH", "list", String(repeating: "x", count: size)]))
    }
  }
  for _ in 0..<2 { _ = source.send(client, "RPUSH list 1 2 3 4 5 6 7 8") }
  let large = source.frame()
  #expect(large.count == 1 + 2 + 2)
  try copy.replay(large.body, count: large.count)
  #expect(source.engine.context.digest() == copy.engine.context.digest())
}

@Test func whatAScriptTookBackLeavesPushesBeforeItWhole() throws {
  var source = EngineHarness(logging: true), copy = EngineHarness(seed: 2)
  let client = source.client()
  _ = source.send(client, "RPUSH list 1")
  _ = source.send(client, "RPUSH list 2")
  let mark = source.engine.context.effects.mark
  _ = source.send(client, "RPUSH list 3")
  _ = source.send(client, "RPUSH list 4")
  source.engine.context.effects.truncate(to: mark)
  let (body, count) = source.frame()
  #expect(body == resp("RPUSH list 1 2"))
  try copy.replay(body, count: count)
  #expect(copy.send(copy.client(), "LLEN list") == ":2\r\n")
}
