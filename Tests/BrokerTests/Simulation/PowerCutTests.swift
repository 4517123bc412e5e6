// PowerCutTests.swift: engine and log together on a simulated disk whose power is cut.
//
// A run of random requests from several clients is logged frame by frame; after each frame the
// keyspace is written down. The power goes at a random moment, or at a chosen call of the disk.
// What the next start recovers must be the keyspace after some frame: none before the last one that
// was synced (nothing acknowledged is lost), none that was never written (nothing is invented), and
// never between two (transactions are whole).

import Glibc
import RESP
import Testing

@testable import Broker

/// One process between two crashes.
struct Life: ~Copyable {
  var engine: Engine
  var writer: LogWriter
  var clients: [Int] = []
  /// A checkpoint being written, and the clients go on.
  var checkpoint: CheckpointSteps?
  let disk: SimulatedDisk
  let host = FakeHost()
  /// Frames replayed at the start.
  let replayed: Int

  init(_ disk: SimulatedDisk, seed: UInt64) throws(LogError) {
    var engine = Engine(seed: seed, databases: 4, host: host)
    engine.context.wall = 1_700_000_000_000
    engine.context.monotonic = 1000
    engine.context.jobs.chooseNode(1)
    let recovery = try Recovery(disk: disk, directory: OpenLog.directory, options: .small)
    do { try loadCheckpoint(recovery, into: &engine) } catch let error as LogError {
      throw error
    } catch {
      throw .foreignFile(path: OpenLog.directory, reason: "has a checkpoint with a flaw: \(error)")
    }
    var frames = 0
    let position = try recovery.replay { body, count throws(ReplayError) in
      frames += 1
      do throws(Engine.ReplayError) {
        try engine.replay(body, count: count)
      } catch {
        throw ReplayError(reason: error.reason)
      }
    }
    replayed = frames
    self.disk = disk
    writer = LogWriter(position)
    self.engine = engine
    for _ in 0..<3 { clients.append(self.engine.open()) }
  }

  mutating func send(_ client: Int, _ words: [String]) {
    var bytes = ByteBuffer()
    bytes.append("*\(words.count)\r\n")
    for word in words { bytes.append("$\(word.utf8.count)\r\n\(word)\r\n") }
    var parser = RequestParser()
    guard case .request = (try? parser.parse(bytes.view, limits: RequestLimits())) else { return }
    engine.beginBatch(client)
    unsafe engine.run(Arguments(bytes.view, parser.arguments), request: bytes.view)
    engine.endBatch()
  }

  /// Begins a checkpoint, or goes on with the one that was begun.
  ///
  /// - Returns: whether it is listed now; all that was written before is durable then.
  mutating func workOnCheckpoint() throws -> Bool {
    guard checkpoint != nil else {
      guard writer.manifest.checkpoint?.sequence != writer.written else { return false }
      checkpoint = try CheckpointSteps(&engine, &writer)
      return false
    }
    guard try !checkpoint!.step() else { return false }
    let steps = checkpoint.take()!
    defer { engine.snapshotEnded() }
    try steps.finish(&writer)
    return true
  }

  /// Ends the turn: its effects become a frame.
  ///
  /// - Returns: whether there was one.
  mutating func commit() throws(LogError) -> Bool {
    let count = engine.context.effects.count
    guard count > 0 else { return false }
    let body = engine.context.effects.take(spare: ByteBuffer())
    engine.context.commit += 1
    writer.stage(body.view, count: count)
    // A full disk is tried again once.
    if try writer.write() == 0 {
      writer.stage(body.view, count: count)
      guard try writer.write() == 1 else { throw .full(path: writer.file.path) }
    }
    return true
  }
}

/// The keyspace as one number: every key with its value and deadline, in whatever order.
private func contents(_ engine: borrowing Engine) -> UInt64 {
  var sum: UInt64 = 0
  for database in 0..<engine.context.databases.count {
    engine.context.databases[database].table.forEach { entry in
      var one = Fingerprint()
      one.add(UInt64(database))
      one.add(UInt64(bitPattern: entry.deadline ?? -1))
      one.add(entry.key)
      switch entry.kind {
      case .string: entry.withString { one.add($0) }
      case .list: entry.list.forEach(in: 0..<entry.list.count) { one.add($0) }
      default: entry.pieced!.digest(KeyHash(seed: 1)) { one.add($0) }
      }
      sum &+= one.value
    }
    sum &+= engine.context.jobs.spaces[database].digest(
      KeyHash(seed: 1), now: engine.context.jobs.stamp)
  }
  return sum
}

/// FNV-1a of numbers and byte strings.
private struct Fingerprint {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ number: UInt64) {
    value = (value ^ number) &* 0x0000_0100_0000_01B3
    value ^= value >> 32
  }

  mutating func add(_ bytes: ByteView) {
    add(UInt64(bytes.count))
    for index in 0..<bytes.count { add(UInt64(bytes[index])) }
  }
}

private func request(_ random: inout SplitMix64) -> [String] {
  func pick(_ words: String...) -> String { words[Int(random.next() % UInt64(words.count))] }
  let key = pick("a", "b", "c", "d"), other = pick("a", "b", "c", "d")
  let value =
    "v\(random.next() % 1000)" + (random.next() % 9 == 0 ? String(repeating: "x", count: 300) : "")
  func job() -> String { "D-00000001-" + String(1 + random.next() % 40, radix: 16) }
  switch random.next() % 46 {
  case 34...37:
    return ["ADDJOB", key, value, "0"]
      + (random.next() % 3 == 0 ? ["DELAY", "0.0\(random.next() % 9)"] : [])
      + (random.next() % 5 == 0 ? ["ID", pick("x", "y"), "ATTEMPTS", "1", "KEEP", "1"] : [])
      + (random.next() % 5 == 0 ? ["UNIQUE", "u", "REPLACE", "PRIORITY", "3"] : [])
  case 38, 39:
    return ["GETJOB", "COUNT", "2", "LEASE", "\(1 + random.next() % 50)", "FROM", key, other]
  case 40: return ["GETJOB", "NOHANG", "WORKER", "w", "FROM", key]
  case 41: return ["ACKJOB", job() + ".1", job() + ".1", job() + ".2"]
  case 42: return ["NACK", job() + ".1", job() + ".1", "DELAY", "0.01", "ERROR", value]
  case 43: return ["DONE", job() + ".1", "RESULT", value]
  case 44: return ["DELJOB", job(), "x"]
  case 45:
    return pick("RENAME", "COPY") == "COPY" ? ["COPY", key, other, "REPLACE"] : ["MOVE", key, "1"]
  case 28, 29: return ["XADD", "e", "*", "field", value]
  case 30: return ["XADD", "e", "MAXLEN", "~", "10", "*", "other", value]
  case 31: return ["XGROUP", "CREATE", "e", pick("g", "h"), "0", "MKSTREAM"]
  case 32: return ["XREADGROUP", "GROUP", pick("g", "h"), pick("x", "y"), "STREAMS", "e", ">"]
  case 33:
    return pick("c", "d") == "c"
      ? ["XAUTOCLAIM", "e", "g", "y", "5", "0", "COUNT", "2"] : ["XTRIM", "e", "MAXLEN", "8"]
  case 20:
    return ["HSET", pick("h", "i"), pick("f", "g", "1"), value, "n\(random.next() % 99)", value]
  case 21: return ["HDEL", pick("h", "i"), pick("f", "g", "1"), "n\(random.next() % 99)"]
  case 22: return ["HINCRBY", pick("h", "i"), pick("1", "2"), "7"]
  case 23:
    let time = "\(random.next() % 50)"
    return [
      "HPEXPIRE", pick("h", "i"), time, "FIELDS", "2", pick("f", "1"), "n\(random.next() % 99)",
    ]
  case 24: return ["SADD", pick("s", "t"), "\(random.next() % 99)", pick("word", "5", "-70000")]
  case 25: return ["SPOP", pick("s", "t"), "\(random.next() % 3)"]
  case 26: return ["SMOVE", pick("s", "t"), pick("t", "a"), pick("word", "5")]
  case 27: return ["SUNIONSTORE", pick("s", "t"), "s", "t"]
  case 0..<4: return ["LPUSH", key, value, value + "'"]
  case 4..<7: return ["RPUSH", key, value]
  case 7: return ["LPOP", key]
  case 8: return ["RPOP", key, "3"]
  case 9: return ["LMOVE", key, other, pick("LEFT", "RIGHT"), pick("LEFT", "RIGHT")]
  case 10: return ["BRPOP", key, other, "0"]
  case 11: return ["LMPOP", "2", key, other, "LEFT", "COUNT", "2"]
  case 12: return ["SET", key, value]
  case 13: return ["DEL", key]
  case 14: return ["PEXPIRE", key, "\(1 + random.next() % 50)"]
  case 15: return ["MULTI"]
  case 16: return ["EXEC"]
  case 17: return ["SELECT", "\(random.next() % 4)"]
  case 18: return ["INCR", pick("n", "m")]
  default: return ["LREM", key, "1", value]
  }
}

/// Runs `turns` turns, with the power cut as the disk was told or at the end.
///
/// - Returns: what the keyspace was after each frame, frame 0 being the start, and how many frames
///   were certainly durable.
private func live(_ life: inout Life, turns: Int, random: inout SplitMix64) -> (
  states: [UInt64], durable: Int
) {
  var states = [contents(life.engine)]
  var durable = 0
  do {
    for _ in 0..<turns {
      for _ in 0..<1 + random.next() % 4 {
        life.send(life.clients[Int(random.next() % 3)], request(&random))
      }
      life.engine.context.wall += Int64(random.next() % 10)
      life.engine.context.monotonic += 1
      life.engine.runTimers()
      let before = contents(life.engine)
      // The frame's state counts from when any byte of it may be on the disk.
      if life.engine.context.effects.count > 0 { states.append(before) }
      if try life.commit(), random.next() % 3 == 0 {
        try life.writer.sync()
        durable = states.count - 1
      }
      // As the server does beside the writing, long before the segment is needed.
      if random.next() % 8 == 0 { try life.writer.prepareSegment() }
      if random.next() % 4 == 0, try life.workOnCheckpoint() { durable = states.count - 1 }
    }
  } catch {
    // The power is gone.
  }
  return (states, durable)
}

/// How many seeds are run and from which on: `MARTLET_SEEDS` and `MARTLET_SEED`.
enum Seeds {
  static let count = number("MARTLET_SEEDS") ?? 400
  static let first = number("MARTLET_SEED") ?? 0
  /// Parts that run beside each other.
  static let parts: UInt64 = 4

  private static func number(_ name: String) -> UInt64? {
    unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
  }

  static func part(_ part: UInt64) -> StrideTo<UInt64> {
    stride(from: first + part, to: first + count, by: UInt64.Stride(parts))
  }

  static func again(_ seed: UInt64, _ test: StaticString = #function) -> String {
    let name = "\(test)".prefix { $0 != "(" }
    return "seed \(seed): MARTLET_SEED=\(seed) MARTLET_SEEDS=1 swift test --filter \(name)"
  }
}

/// Goal: a power cut loses nothing that was synced and invents nothing. Method: see above; each seed
/// is three lives of one log.
@Test(arguments: 0..<Seeds.parts)
func aPowerCutLeavesTheStateAfterSomeFrame(part: UInt64) throws {
  for seed in Seeds.part(part) {
    do { try cutPower(seed) } catch { Issue.record("\(error), \(Seeds.again(seed))") }
  }

  func cutPower(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var disk = SimulatedDisk()
    for generation in 0..<3 {
      var life = try Life(disk, seed: random.next())
      if random.next() % 2 == 0 {
        let call = disk.calls + Int(random.next() % 40)
        disk.faults[call] = .powerCut(callHappens: Bool.random(using: &random))
      }
      let (states, durable) = live(&life, turns: 30, random: &random)
      disk = disk.afterPowerCut(seed: random.next())
      let recovered = contents(try Life(disk, seed: random.next()).engine)
      let isState = states[durable...].contains(recovered)
      #expect(isState, "life \(generation), \(Seeds.again(seed))")
      disk = disk.copy().afterKill()
    }
  }
}

/// Goal: the same for every call of the disk, syncs above all, and for every way in which it may
/// fail. Method: one run, again and again, with call number N the one that fails; then the process
/// ends, with the power or without.
@Test(
  arguments: [
    .powerCut(callHappens: false), .powerCut(callHappens: true), .error(DiskError.noSpace),
    .error(DiskError.inputOutput), .short,
  ] as [SimulatedDisk.Fault])
func aFaultAtAnyCallLosesAndInventsNothing(fault: SimulatedDisk.Fault) throws {
  /// The run, on a disk that was used before; nil when it could not even begin.
  func run(faultAt call: Int?) throws -> (disk: SimulatedDisk, states: [UInt64], durable: Int)? {
    var random = SplitMix64(seed: 7)
    var first = try Life(SimulatedDisk(), seed: 1)
    _ = live(&first, turns: 10, random: &random)
    let disk = first.disk.copy()
    if let call { disk.faults[call] = fault }
    do {
      var life = try Life(disk, seed: 2)
      let (states, durable) = live(&life, turns: 20, random: &random)
      return (disk, states, durable)
    } catch {
      let before = contents(try Life(first.disk.copy(), seed: 3).engine)
      return (disk, [before], 0)
    }
  }
  let calls = try #require(try run(faultAt: nil)).disk.calls
  #expect(calls > 60)
  for call in 0..<calls {
    let (disk, states, durable) = try #require(try run(faultAt: call))
    var found = (0..<3 as Range<UInt64>).map { disk.afterPowerCut(seed: $0) }
    found.append(disk.afterKill())
    for (fate, disk) in found.enumerated() {
      do {
        let recovered = contents(try Life(disk, seed: 4).engine)
        let isState = states[durable...].contains(recovered)
        #expect(isState, "call \(call), fate \(fate)")
      } catch { Issue.record("call \(call), fate \(fate): \(error)") }
    }
  }
}

/// Goal: a log cut at any byte gives the keyspace after the last whole frame before the cut, or is
/// refused by name. Method: one run, its last segment cut at every byte.
@Test func aLogCutAtAnyByteGivesAWholeState() throws {
  var random = SplitMix64(seed: 42)
  let disk = SimulatedDisk()
  var life = try Life(disk, seed: 1)
  let (states, _) = live(&life, turns: 40, random: &random)
  // The next one may have been made, and nothing written to it.
  let path = try #require(
    disk.files.last { $0.hasSuffix(".log") && disk[$0]!.count > SegmentHeader.size })
  let whole = try #require(disk[path])
  var recovered = 0, last = 0
  for size in 0...whole.count {
    let cut = disk.copy()
    cut[path] = Array(whole[..<size])
    do {
      let next = try Life(cut, seed: 2)
      let state = contents(next.engine)
      // Frames come back in order: a longer log never gives an earlier state.
      let index = try #require(states[last...].firstIndex(of: state), "cut at \(size)")
      last = index
      recovered += 1
    } catch let error as LogError {
      #expect("\(error)".contains(path), "cut at \(size): \(error)")
    }
  }
  #expect(recovered > whole.count / 2)
}
