import RESP
import Testing

@testable import Broker

/// A run of the log on a disk that may fail, and what a client would know of it.
private struct Run {
  /// All commits that were submitted, whether or not they were written.
  var submitted: [SampleCommit] = []
  /// How many of them were written, and how many known to be durable.
  var written = 0, synced = 0
  var failure: LogError?

  /// Opens the log of `disk`, writes `batches` batches with a sync after every `syncEvery`th,
  /// stops.
  ///
  /// `before` is what the log is known to hold. A batch that finds the disk full is tried again.
  init(
    _ disk: SimulatedDisk, _ before: [SampleCommit], seed: UInt64, batches: Int = 8, syncEvery: Int
  ) {
    submitted = before
    written = before.count
    synced = before.count
    do { try run(disk, seed, batches, syncEvery) } catch { failure = error }
  }

  private mutating func run(
    _ disk: SimulatedDisk, _ seed: UInt64, _ batches: Int, _ syncEvery: Int
  ) throws(LogError) {
    var random = SplitMix64(seed: seed)
    var log = try OpenLog(disk)
    log.writer.zeroesAhead = syncEvery == 1
    #expect(log.replayed == submitted)
    for number in 0..<batches {
      var batch: [SampleCommit] = []
      for part in 0..<Int.random(in: 1...3, using: &random) {
        let size = Int.random(in: 0...300, using: &random)
        batch.append(
          SampleCommit(
            number: number * 10 + part, count: Int.random(in: 1...3, using: &random), size: size))
      }
      submitted += batch
      while !batch.isEmpty {
        let done = try log.write(batch)
        batch.removeFirst(done)
        written += done
      }
      if log.writer.durable == log.writer.written { synced = written }
      if number % syncEvery == syncEvery - 1 {
        try log.writer.sync()
        synced = written
        if Bool.random(using: &random) {
          try log.writer.closeGap()
          try log.writer.sync()
        }
      }
    }
    try log.writer.finish()
    synced = written
  }

  /// Holds what the next start found against what was submitted.
  func check(_ replayed: [SampleCommit], atLeast least: Int, _ place: Comment) {
    #expect(replayed.count >= least, place)
    let isPrefix = replayed == Array(submitted.prefix(replayed.count))
    #expect(isPrefix, place)
  }
}

private typealias Start = (disk: SimulatedDisk, commits: [SampleCommit])

/// The first and the third generation of a log: an empty folder, and one with segments in it.
private func starts(_ seed: UInt64) -> [Start] {
  let used = SimulatedDisk()
  let first = Run(used, [], seed: seed, batches: 4, syncEvery: 1)
  let second = Run(used, first.submitted, seed: seed + 1, batches: 4, syncEvery: 1)
  return [(SimulatedDisk(), []), (used.copy(), second.submitted)]
}

private func calls(_ start: Start, seed: UInt64, syncEvery: Int) -> Int {
  let disk = start.disk.copy()
  _ = Run(disk, start.commits, seed: seed, syncEvery: syncEvery)
  return disk.calls
}

/// Goal: a power cut at any call of the disk loses nothing that was durable, invents nothing, and
/// the log starts by itself. Method: cut the power at each call of a run, with several fates of
/// what was not synced; start, go on, and start again.
@Test(arguments: [1, 3])
func aPowerCutAtAnyCallKeepsWhatWasSynced(syncEvery: Int) throws {
  for (generation, start) in starts(11).enumerated() {
    for call in 0..<calls(start, seed: 5, syncEvery: syncEvery) {
      for fate in 0..<4 as Range<UInt64> {
        let disk = start.disk.copy()
        disk.faults[call] = .powerCut(callHappens: fate % 2 == 0)
        let run = Run(disk, start.commits, seed: 5, syncEvery: syncEvery)
        let place: Comment = "generation \(generation), call \(call), fate \(fate)"
        #expect(run.failure != nil, place)
        let found = disk.afterPowerCut(seed: fate)
        do {
          var log = try OpenLog(found)
          run.check(log.replayed, atLeast: run.synced, place)
          let more = SampleCommit(number: 999, count: 1, size: 9)
          let expected = log.replayed + [more]
          #expect(try log.write([more]) == 1)
          try log.writer.finish()
          let isSame = try readAgain(found) == expected
          #expect(isSame, place)
        } catch { Issue.record("\(place): \(error)") }
      }
    }
  }
}

private func readAgain(_ disk: SimulatedDisk) throws -> [SampleCommit] {
  try OpenLog(disk.afterKill()).replayed
}

/// Goal: the same through many lives of one log. Method: a random call of each life is the last.
@Test(arguments: 1...40 as ClosedRange<UInt64>)
func powerCutsOneAfterTheOtherKeepWhatWasSynced(seed: UInt64) throws {
  var random = SplitMix64(seed: seed), disk = SimulatedDisk(), known: [SampleCommit] = []
  for life in 0..<8 {
    let syncEvery = Bool.random(using: &random) ? 1 : 4
    let call = Int.random(in: 0..<140, using: &random)
    disk.faults = [call: .powerCut(callHappens: Bool.random(using: &random))]
    let run = Run(disk, known, seed: random.next(), syncEvery: syncEvery)
    disk = disk.afterPowerCut(seed: random.next())
    known = try OpenLog(disk.copy()).replayed
    run.check(known, atLeast: run.synced, "seed \(seed), life \(life)")
  }
}

/// Goal: a killed process loses nothing that was written, synced or not.
@Test func aKillAtAnyCallKeepsWhatWasWritten() throws {
  for start in starts(11) {
    for call in 0..<calls(start, seed: 6, syncEvery: 3) {
      let disk = start.disk.copy()
      disk.faults[call] = .powerCut(callHappens: false)
      let run = Run(disk, start.commits, seed: 6, syncEvery: 3)
      let log = try OpenLog(disk.afterKill())
      run.check(log.replayed, atLeast: run.written, "call \(call)")
    }
  }
}

/// Goal: after a kill, what the next server has read and written survives a power cut. Method: kill
/// at each call, start again, write with a sync or not at all, and cut the power.
@Test(arguments: [true, false])
func whatWasReadAfterAKillIsDurable(writes: Bool) throws {
  for start in starts(12) {
    for call in 0..<calls(start, seed: 6, syncEvery: 3) {
      let disk = start.disk.copy()
      disk.faults[call] = .powerCut(callHappens: call % 2 == 0)
      _ = Run(disk, start.commits, seed: 6, syncEvery: 3)
      let killed = disk.afterKill()
      var log = try OpenLog(killed), expected = log.replayed
      if writes {
        expected.append(SampleCommit(number: 999, count: 1, size: 9))
        #expect(try log.write([expected.last!]) == 1)
        try log.writer.sync()
      }
      for fate in 0..<4 as Range<UInt64> {
        do {
          let replayed = try OpenLog(killed.afterPowerCut(seed: fate)).replayed
          let isSame = replayed == expected
          #expect(isSame, "call \(call), fate \(fate)")
        } catch { Issue.record("call \(call), fate \(fate): \(error)") }
      }
    }
  }
}

/// Goal: interrupted calls and short writes are ridden out, wherever they come.
@Test func interruptionsAndShortWritesChangeNothing() throws {
  for start in starts(13) {
    for call in 0..<calls(start, seed: 7, syncEvery: 1) {
      for fault in [SimulatedDisk.Fault.error(DiskError.interrupted), .short] {
        let disk = start.disk.copy()
        disk.faults[call] = fault
        let run = Run(disk, start.commits, seed: 7, syncEvery: 1)
        #expect(run.failure == nil, "call \(call), \(fault)")
        let replayed = try OpenLog(disk.afterPowerCut(seed: 1)).replayed
        let isSame = replayed == run.submitted
        #expect(isSame, "call \(call), \(fault)")
      }
    }
  }
}

/// Goal: an error at any call either passes or ends the log for good; what was acknowledged is
/// there in each case, after a kill and after a power cut.
@Test(arguments: [DiskError.noSpace, DiskError.inputOutput, DiskError.tooManyFilesHere])
func anErrorAtAnyCallLosesNothing(code: Int32) throws {
  for start in starts(14) {
    for call in 0..<calls(start, seed: 8, syncEvery: 1) {
      let disk = start.disk.copy()
      disk.faults[call] = .error(code)
      let run = Run(disk, start.commits, seed: 8, syncEvery: 1)
      let place: Comment = "call \(call), error \(code): \(run.failure.map { "\($0)" } ?? "none")"
      do {
        let found = disk.afterKill()
        let log = try OpenLog(found)
        run.check(log.replayed, atLeast: run.written, place)
      } catch { Issue.record("\(place): \(error)") }
      for fate in 0..<3 as Range<UInt64> {
        do {
          let log = try OpenLog(disk.afterPowerCut(seed: fate))
          run.check(log.replayed, atLeast: run.synced, place)
        } catch { Issue.record("\(place), fate \(fate): \(error)") }
      }
    }
  }
}

/// Goal: after a sync that failed, nothing is written or synced any more, though it would succeed.
@Test func aFailedSyncIsFinal() throws {
  let disk = SimulatedDisk()
  var log = try OpenLog(disk)
  _ = try log.write([SampleCommit(number: 1, count: 1, size: 1)])
  disk.faults[disk.calls] = .error(DiskError.inputOutput)
  #expect(throws: LogError.self) { try log.writer.sync() }
  let calls = disk.calls
  #expect(throws: LogError.self) { try log.writer.sync() }
  #expect(throws: LogError.self) { _ = try log.write([SampleCommit(number: 2, count: 1, size: 1)]) }
  #expect(throws: LogError.self) { try log.writer.finish() }
  #expect(disk.calls == calls)
  #expect(log.writer.durable == 0)
}

/// Goal: a full disk refuses the commit, keeps those before, and takes it once there is space.
@Test func aFullDiskKeepsWhatFitsAndGoesOnWithSpace() throws {
  for capacity in stride(from: 1100, to: 4000, by: 37) {
    let disk = SimulatedDisk()
    disk.capacity = capacity
    guard var log = try? OpenLog(disk) else { continue }
    var commits: [SampleCommit] = [], written = 0, sawFull = false
    for number in 0..<12 {
      let batch = (0..<3).map { SampleCommit(number: number * 10 + $0, count: 1, size: 60) }
      commits += batch
      let done = try log.write(batch)
      written += done
      try log.writer.sync()
      if done < batch.count {
        #expect(log.writer.isFull == true)
        sawFull = true
        // Killed here, all that was written is there and nothing else.
        let killed = try OpenLog(disk.copy())
        #expect(killed.replayed == Array(commits[..<written]))
        #expect(killed.notes == [])
        disk.capacity = .max
        #expect(try log.write(Array(batch[done...])) == batch.count - done)
        #expect(log.writer.isFull == false)
        written = commits.count
      }
    }
    try log.writer.finish()
    #expect(sawFull, "capacity \(capacity)")
    #expect(try OpenLog(disk.afterKill()).replayed == commits, "capacity \(capacity)")
  }
}

/// Goal: a lack of space is known before a commit meets it, for space is set aside ahead.
@Test func aFullDiskIsKnownWhileTheReserveLasts() throws {
  let disk = SimulatedDisk()
  var log = try OpenLog(disk)
  disk.capacity = 0
  var written = 0
  while !log.writer.isFull {
    #expect(try log.write([SampleCommit(number: written, count: 1, size: 10)]) == 1)
    written += 1
  }
  // Half a step of reserve is left for what makes room.
  for number in 0..<4 {
    #expect(try log.write([SampleCommit(number: number, count: 1, size: 10)]) == 1)
  }
  disk.capacity = .max
  log.writer.reserveAhead()
  #expect(log.writer.isFull == false)
}
