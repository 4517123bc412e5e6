// JobCrashTests.swift: what workers and producers were told of jobs holds after any power cut.
//
// Clients add, take, end and give back jobs; they keep their receipts over the broker's lives. A reply has
// reached them once the frame that it waits for is synced. After each cut all that is left is taken, and held
// against what they know.

import Testing

@testable import Broker

/// What the clients were told.
private struct Told {
  var added: Set<String> = []
  var ended: Set<String> = []
  /// The latest delivery of a job.
  var epochs: [String: UInt32] = [:]

  mutating func take(_ other: Told) {
    added.formUnion(other.added)
    ended.formUnion(other.ended)
    epochs.merge(other.epochs) { max($0, $1) }
  }
}

extension Life {
  /// Runs a request of words without blanks, and returns its reply's lines but for sizes.
  fileprivate mutating func ask(_ line: String) -> [Substring] {
    let client = clients[0]
    send(client, line.split(separator: " ").map(String.init))
    let text = engine.context.sessions[client].reply.bytes.view.text
    engine.didSend(client, engine.context.sessions[client].outputSize)
    engine.context.sessions[client].holds = []
    return text.split(separator: "\r\n").filter { !"*$".contains($0.first!) }
  }

  /// Takes jobs: the ids with their deliveries.
  fileprivate mutating func take(_ options: String) -> [(id: String, epoch: UInt32)] {
    let lines = ask("GETJOB NOHANG \(options)")
    return stride(from: 1, to: lines.count, by: 3).compactMap { index in
      let parts = lines[index].split(separator: ".")
      return UInt32(parts[1]).map { (String(parts[0]), $0) }
    }
  }

  fileprivate mutating func advance(_ milliseconds: Int64) {
    engine.context.wall += milliseconds
    engine.context.monotonic += milliseconds
    while engine.runTimers() {}
  }
}

/// The clients of one seed.
private struct Clients {
  var random: SplitMix64
  /// Replies that have arrived, and those that wait for their frame.
  var told = Told(), pending = Told()
  /// Jobs whose ADDJOB, and whose ACKJOB, was run, whether the reply arrived or not.
  var mayBeThere: Set<String> = [], mayHaveEnded: Set<String> = []
  var receipts: [(id: String, epoch: UInt32)] = []
  var taken = 0

  mutating func pick(_ words: String...) -> String {
    words[Int(random.next() % UInt64(words.count))]
  }

  /// Runs one request.
  mutating func step(_ life: inout Life, _ trace: Comment) {
    switch random.next() % 10 {
    case 0..<4:
      let options = pick("", "DELAY 0.02", "RETRY 0.01", "BACKOFF FIXED 5", "ATTEMPTS 3 DEAD b")
      guard let id = life.ask("ADDJOB \(pick("a", "b")) body 0 ATTEMPTS 0 \(options)").first
      else { return }
      pending.added.insert(String(id))
      mayBeThere.insert(String(id))
    case 4..<7:
      for (id, epoch) in life.take("COUNT 2 LEASE \(1 + random.next() % 30) FROM a b") {
        taken += 1
        #expect(epoch > told.epochs[id] ?? 0, trace)
        #expect(!told.ended.contains(id), trace)
        pending.epochs[id] = epoch
        receipts.append((id, epoch))
      }
    case 7, 8:
      guard let (id, epoch) = receipts.randomElement(using: &random) else { return }
      guard life.ask("\(pick("ACKJOB", "FASTACK", "DONE")) \(id).\(epoch)") == [":1"] else {
        return
      }
      #expect(epoch >= told.epochs[id] ?? 0, trace)
      pending.ended.insert(id)
      mayHaveEnded.insert(id)
    default:
      guard let (id, epoch) = receipts.randomElement(using: &random) else { return }
      let answer = life.ask("NACK \(id).\(epoch) \(pick("", "FREE", "DELAY 0.01"))")
      #expect(answer == [":0"] || epoch >= told.epochs[id] ?? 0, trace)
    }
  }

  /// Runs turns until the power is gone, or so many.
  mutating func live(_ life: inout Life, turns: Int, _ trace: Comment) {
    pending = Told()
    do {
      for _ in 0..<turns {
        for _ in 0..<1 + random.next() % 5 { step(&life, trace) }
        life.advance(Int64(random.next() % 8))
        var isDurable = false
        if try life.commit(), random.next() % 3 == 0 {
          try life.writer.sync()
          isDurable = true
        }
        if random.next() % 8 == 0 { try life.writer.prepareSegment() }
        if random.next() % 4 == 0, try life.workOnCheckpoint() { isDurable = true }
        if isDurable {
          told.take(pending)
          pending = Told()
        }
      }
    } catch {
      // The power is gone.
    }
  }

  /// Takes all that is left, as time passes, and holds it against what was told.
  mutating func check(_ life: inout Life, _ trace: Comment) {
    life.advance(3_600_000)
    let left = life.take("COUNT 100000 FROM a b a:dead b:dead"), ids = Set(left.map(\.id))
    #expect(ids.count == left.count, trace)
    #expect(told.added.subtracting(mayHaveEnded).isSubset(of: ids), "lost, \(trace)")
    #expect(ids.isDisjoint(with: told.ended), "returned, \(trace)")
    #expect(ids.isSubset(of: mayBeThere), "invented, \(trace)")
    for (id, epoch) in left { #expect(epoch > told.epochs[id] ?? 0, "\(id), \(trace)") }
    // What has a lease now is nobody else's.
    for (id, epoch) in receipts where epoch != left.first(where: { $0.id == id })?.epoch {
      #expect(life.ask("ACKJOB \(id).\(epoch)") == [":0"], trace)
    }
  }
}

/// Goal: after a power cut no acknowledged ADDJOB is lost, no ended job returns, every job that was leased is
/// delivered again or was ended, and deliveries are counted on. Method: see above; each seed is three lives of
/// one log, and what is left is taken from a copy.
@Test(arguments: 0..<Seeds.parts)
func aPowerCutKeepsWhatClientsWereToldOfJobs(part: UInt64) throws {
  var taken = 0, ended = 0, lives = 0
  for seed in Seeds.part(part) {
    let trace = Seeds.again(seed)
    var clients = Clients(random: SplitMix64(seed: seed ^ 0x4A0B)), disk = SimulatedDisk()
    do {
      for generation in 0..<3 {
        var life = try Life(disk, seed: clients.random.next())
        if clients.random.next() % 2 == 0 {
          let call = disk.calls + Int(clients.random.next() % 60)
          disk.faults[call] = .powerCut(callHappens: clients.random.next() % 2 == 0)
        }
        clients.live(&life, turns: 30, "life \(generation), \(trace)")
        disk = disk.afterPowerCut(seed: clients.random.next())
        var copy = try Life(disk.copy().afterKill(), seed: clients.random.next())
        clients.check(&copy, "life \(generation), \(trace)")
        lives += 1
      }
    } catch { Issue.record("\(error), \(trace)") }
    taken += clients.taken
    ended += clients.told.ended.count
  }
  #expect(taken > lives * 5, "too little happened")
  #expect(ended > lives, "too little happened")
}
