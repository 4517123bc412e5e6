// PowerCutTests.swift: engine and log together on a simulated disk whose power is cut.
//
// A run of random requests from several clients is logged frame by frame; after each frame the
// keyspace is written down. The power goes at a random moment, or at a chosen call of the disk.
// What the next start recovers must be the keyspace after some frame: none before the last one that
// was synced (nothing acknowledged is lost), none that was never written (nothing is invented), and
// never between two (transactions are whole).

import RESP
import Testing

@testable import Broker

/// One process between two crashes.
private struct Life: ~Copyable {
  var engine: Engine
  var writer: LogWriter
  var clients: [Int] = []
  let host = FakeHost()
  /// Frames replayed at the start.
  let replayed: Int

  init(_ disk: SimulatedDisk, seed: UInt64) throws(LogError) {
    var engine = Engine(seed: seed, databases: 4, host: host)
    engine.context.wall = 1_700_000_000_000
    engine.context.monotonic = 1000
    let recovery = try Recovery(disk: disk, directory: OpenLog.directory, options: .small)
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

  /// Ends the turn: its effects become a frame.
  ///
  /// - Returns: whether there was one.
  mutating func commit() throws(LogError) -> Bool {
    let count = engine.context.effects.count
    guard count > 0 else { return false }
    let body = engine.context.effects.take(spare: ByteBuffer())
    engine.context.commit += 1
    writer.stage(body.view, count: count)
    let written = try writer.write()
    precondition(written == 1)
    return true
  }
}

/// Every key with its value and deadline, in an order of its own.
private func contents(_ engine: borrowing Engine) -> [String] {
  var lines: [String] = []
  for database in 0..<engine.context.databases.count {
    engine.context.databases[database].table.forEach { entry in
      var value = ""
      switch entry.kind {
      case .string: value = entry.withString { $0.text }
      case .list: entry.list.forEach(in: 0..<entry.list.count) { value += "\($0.text)," }
      }
      lines.append("\(database) \(entry.key.text) \(entry.deadline ?? -1) \(value)")
    }
  }
  return lines.sorted()
}

private func request(_ random: inout SplitMix64) -> [String] {
  func pick(_ words: String...) -> String { words[Int(random.next() % UInt64(words.count))] }
  let key = pick("a", "b", "c", "d"), other = pick("a", "b", "c", "d")
  let value =
    "v\(random.next() % 1000)" + (random.next() % 9 == 0 ? String(repeating: "x", count: 300) : "")
  switch random.next() % 20 {
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
  states: [[String]], durable: Int
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
      guard try life.commit() else { continue }
      if random.next() % 3 == 0 {
        try life.writer.sync()
        durable = states.count - 1
      }
    }
  } catch {
    // The power is gone.
  }
  return (states, durable)
}

/// Goal: a power cut loses nothing that was synced and invents nothing. Method: see above.
@Test(arguments: 0..<40)
func aPowerCutLeavesTheStateAfterSomeFrame(seed: UInt64) throws {
  for round in 0..<8 {
    var random = SplitMix64(seed: seed &* 1000 &+ UInt64(round))
    var disk = SimulatedDisk()
    for generation in 0..<3 {
      let trace: Comment = "seed \(seed), round \(round), generation \(generation)"
      var life = try Life(disk, seed: random.next())
      if random.next() % 2 == 0 {
        let call = disk.calls + Int(random.next() % 40)
        disk.faults[call] = .powerCut(callHappens: Bool.random(using: &random))
      }
      let (states, durable) = live(&life, turns: 30, random: &random)
      disk = disk.afterPowerCut(seed: random.next())
      let next = try Life(disk, seed: random.next())
      let recovered = contents(next.engine)
      #expect(states[durable...].contains(recovered), trace)
      disk = disk.copy().afterKill()
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
  let path = try #require(disk.files.last { $0.hasSuffix(".log") })
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
