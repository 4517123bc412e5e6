import Glibc
import RESP
import Synchronization
import Testing

@testable import Broker

/// A running log in a folder of its own, on a clock that the test moves, whose wake-ups the test
/// awaits.
private final class Rig: Sendable {
  let folder = TemporaryFolder()
  let disk = GatedDisk()
  let log: LogThread
  private let clock = Clock()
  private let wakes = Wakes()

  final class Clock: Sendable {
    let nanoseconds = Atomic<UInt64>(1_000_000_000)
  }

  final class Wakes: @unchecked Sendable {
    let lock = Lock()
    let changed: Condition
    init() { changed = Condition(lock) }
  }

  init(_ policy: SyncPolicy, idleMilliseconds: UInt64 = 60_000, segmentSize: Int = 1 << 20) throws {
    var options = LogOptions(identity: 42, processID: 1)
    options.segmentSize = segmentSize
    options.reserveStep = 64 << 10
    options.zeroStep = 64 << 10
    var timing = LogThread.Timing { [clock] in clock.nanoseconds.load(ordering: .relaxed) }
    timing.idleAge = idleMilliseconds * 1_000_000
    timing.fullAge = 1_000_000
    let recovery = try Recovery(disk: disk, directory: folder.path + "/a/b", options: options)
    let position = try recovery.replay { _, _ in }
    log = try LogThread(position, policy: policy, timing: timing) { [wakes] in
      wakes.lock.withLock { wakes.changed.broadcast() }
    }
    awaitNextSegment()
  }

  /// Waits for the syncs that nobody else waits for.
  func awaitNextSegment() { watch { self.log.statistics.hasNextSegment } }

  func advance(milliseconds: UInt64) {
    clock.nanoseconds.add(milliseconds * 1_000_000, ordering: .relaxed)
  }

  func submit(_ number: Int) -> UInt64 { submit(SampleCommit(number: number, count: 1, size: 30)) }

  func submit(_ commit: SampleCommit, isQuiet: Bool = false) -> UInt64 {
    var body = log.takeSpare()
    #expect(body.count == 0)
    body.append(commit.bytes)
    return log.submit(body, count: commit.count, isQuiet: isQuiet)
  }

  /// Submits commits, each after the one before has been released, until `isSo`.
  ///
  /// - Returns: how many there were.
  func submit(until isSo: @Sendable () -> Bool) -> Int {
    var count = 0
    while !isSo() {
      let ordinal = submit(SampleCommit(number: count, count: 1, size: 30), isQuiet: true)
      watch { self.log.released == ordinal }
      count += 1
    }
    return count
  }

  /// Waits for a wake-up after which `isSo` holds.
  func await(_ isSo: @Sendable () -> Bool) {
    wakes.lock.withLock { while !isSo() { wakes.changed.wait() } }
  }

  /// Waits until `isSo`, of which the log tells nobody.
  func watch(_ isSo: @Sendable () -> Bool) { while !isSo() { sched_yield() } }

  func replayed() throws -> [SampleCommit] {
    var commits: [SampleCommit] = []
    let options = LogOptions(identity: 42, processID: 1)
    _ = try Recovery(disk: disk, directory: folder.path + "/a/b", options: options).replay {
      commits.append(SampleCommit(bytes: $0.array, count: $1))
    }
    return commits
  }
}

@Test func underAlwaysNothingIsReleasedBeforeItsSyncAndManyShareOne() throws {
  let rig = try Rig(.always)
  rig.disk.closeGate()
  #expect(rig.submit(0) == 1)
  rig.disk.awaitSync()
  for number in 1...20 { #expect(rig.submit(number) == UInt64(number + 1)) }
  #expect(rig.log.released == 0)
  let before = rig.disk.syncs
  rig.disk.openGate()
  rig.await { rig.log.released == 21 }
  #expect(rig.log.synced == 21)
  #expect(rig.disk.syncs == before + 2)
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed() == (0...20).map { SampleCommit(number: $0, count: 1, size: 30) })
}

@Test func underEverysecWritesGoOnWhileASyncRunsAndStopWhenItIsTooOld() throws {
  let rig = try Rig(.everySecond)
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  rig.disk.closeGate()
  rig.advance(milliseconds: 1000)
  rig.log.setPolicy(.everySecond)  // The syncer looks at the clock.
  rig.disk.awaitSync()
  _ = rig.submit(1)
  rig.await { rig.log.released == 2 }
  #expect(rig.log.synced == 0)
  rig.advance(milliseconds: 999)
  _ = rig.submit(2)
  rig.await { rig.log.released == 3 }
  rig.advance(milliseconds: 1)
  _ = rig.submit(3)
  rig.watch { rig.log.statistics.delayedSyncs == 1 }
  #expect(rig.log.released == 3)
  #expect(rig.log.statistics.isSyncRunning)
  rig.disk.openGate()
  rig.await { rig.log.released == 4 }
  rig.watch { rig.log.synced >= 1 }
  #expect(rig.log.stop() == nil)
  #expect(rig.log.synced == 4)
  #expect(try rig.replayed().count == 4)
}

@Test func underNoNothingIsSyncedBeforeTheStop() throws {
  let rig = try Rig(.never)
  let before = rig.disk.syncs
  for number in 0..<10 { _ = rig.submit(number) }
  rig.await { rig.log.released == 10 }
  #expect(rig.disk.syncs == before)
  #expect(rig.log.synced == 0)
  #expect(rig.log.stop() == nil)
  #expect(rig.log.synced == 10)
  #expect(try rig.replayed().count == 10)
}

@Test func aChangeToAlwaysSyncsWhatIsWritten() throws {
  let rig = try Rig(.never)
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  rig.log.setPolicy(.always)
  rig.watch { rig.log.synced == 1 }
  rig.disk.closeGate()
  _ = rig.submit(1)
  rig.disk.awaitSync()
  #expect(rig.log.released == 1)
  rig.disk.openGate()
  rig.await { rig.log.released == 2 }
  #expect(rig.log.stop() == nil)
}

@Test func aChangeFromAlwaysKeepsWhatWasPromised() throws {
  let rig = try Rig(.always)
  rig.disk.closeGate()
  _ = rig.submit(0)
  rig.disk.awaitSync()
  _ = rig.submit(1)
  rig.log.setPolicy(.never)
  _ = rig.submit(2)
  #expect(rig.log.released == 0)
  rig.disk.openGate()
  rig.await { rig.log.released == 3 }
  #expect(rig.log.synced >= 2)
  #expect(rig.log.stop() == nil)
}

@Test func aFlushMakesEverythingDurableUnderAnyPolicy() throws {
  for policy in [SyncPolicy.always, .everySecond, .never] {
    let rig = try Rig(policy)
    for number in 0..<5 { _ = rig.submit(number) }
    rig.log.flush()
    #expect(rig.log.synced == 5)
    #expect(rig.log.stop() == nil)
  }
}

@Test(arguments: [SyncPolicy.always, .everySecond])
func aFailedSyncEndsTheLogForGood(policy: SyncPolicy) throws {
  let rig = try Rig(policy)
  rig.disk.failSyncs()
  _ = rig.submit(0)
  if policy == .everySecond {
    rig.await { rig.log.released == 1 }
    rig.advance(milliseconds: 1000)
    rig.log.setPolicy(policy)
  }
  rig.await { rig.log.failure != nil }
  let released = rig.log.released
  #expect("\(rig.log.failure!)".contains("told to"))
  #expect(rig.submit(1) == 2)
  rig.log.flush()
  #expect(rig.log.released == released)
  #expect(rig.log.synced == 0)
  #expect(rig.log.stop() != nil)
}

@Test func aFullDiskIsReportedAndItsEndToo() throws {
  let rig = try Rig(.always)
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  rig.disk.setFull(true)
  _ = rig.submit(1)
  rig.await { rig.log.isDiskFull }
  _ = rig.submit(2)
  #expect(rig.log.released == 1)
  #expect(rig.log.failure == nil)
  rig.disk.setFull(false)
  rig.watch {
    rig.advance(milliseconds: 1)
    return rig.log.released == 3 && !rig.log.isDiskFull
  }
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed().count == 3)
}

@Test func aStopOnAFullDiskSaysWhatIsLost() throws {
  let rig = try Rig(.always)
  rig.disk.setFull(true)
  _ = rig.submit(0)
  rig.await { rig.log.isDiskFull }
  #expect("\(rig.log.stop()!)".contains("no space left"))
  rig.disk.setFull(false)
  #expect(try rig.replayed() == [])
}

@Test(arguments: [SyncPolicy.always, .everySecond])
func anIdleLogClosesTheGapOfItsLastFrame(policy: SyncPolicy) throws {
  let rig = try Rig(policy, idleMilliseconds: 1)
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  rig.advance(milliseconds: 1000)
  rig.log.setPolicy(policy)
  rig.watch { rig.log.statistics.framesWritten == 2 }
  // And does not go on doing so: however long it idles, the next frame is that of a commit.
  for _ in 0..<10 {
    rig.advance(milliseconds: 1000)
    rig.log.setPolicy(policy)
  }
  #expect(rig.log.statistics.framesWritten == 2)
  _ = rig.submit(1)
  rig.await { rig.log.released == 2 }
  rig.advance(milliseconds: 1000)
  rig.log.setPolicy(policy)
  rig.watch { rig.log.statistics.framesWritten == 4 }
  #expect(rig.log.stop() == nil)
  #expect(rig.log.statistics.framesWritten == 4)
}

/// A checkpoint file with nothing in it, for `header`.
private func emptyCheckpoint(_ header: CheckpointHeader, _ log: LogThread) throws
  -> Manifest.Checkpoint
{
  var writer = try CheckpointWriter.begin(header, in: log.folder)
  try writer.finish()
  return Manifest.Checkpoint(name: writer.name, sequence: header.sequence)
}

/// Goal: a checkpoint is listed under a load that never pauses. Method: whenever a sync ends, the
/// next commit is queued already.
@Test func aCheckpointIsListedWhileCommitsAreQueued() throws {
  let rig = try Rig(.always)
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  let header = try #require(rig.log.beginCheckpoint())
  let checkpoint = try emptyCheckpoint(header, rig.log)
  rig.disk.closeGate()
  _ = rig.submit(1)
  rig.disk.awaitSync()
  let listed = Flag()
  let adopter = try Thread(name: "adopter") {
    _ = rig.log.adopt(checkpoint, size: 1)
    listed.set()
  }
  var rounds = 1
  while !listed.isSet, rounds < 2000 {
    rounds += 1
    _ = rig.submit(rounds)
    rig.disk.passOne()
  }
  #expect(listed.isSet)
  rig.disk.openGate()
  adopter.join()
  #expect(rig.log.stop() == nil)
}

private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

/// Goal: no command behind a checkpoint keeps the segment before it. Method: commits on both sides
/// of it are queued together.
@Test func aCheckpointUnderLoadNeedsNoSegmentBeforeIt() throws {
  let rig = try Rig(.always)
  let first = Segment(first: 1).name
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  rig.disk.closeGate()
  _ = rig.submit(1)
  rig.disk.awaitSync()
  _ = rig.submit(2)
  let header = try #require(rig.log.beginCheckpoint())
  _ = rig.submit(3)
  rig.disk.openGate()
  rig.log.flush()
  let passed = try rig.log.adopt(emptyCheckpoint(header, rig.log), size: 1).get()
  #expect(passed == [first])
  #expect(rig.log.stop() == nil)
}

/// Goal: a change of segments costs a commit no more than its own sync. Method: one sync may pass; the
/// next one, for the segment after, stands at the gate.
@Test func aChangeOfSegmentsHoldsNoCommitForMoreThanItsSync() throws {
  let rig = try Rig(.always, segmentSize: 100)
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  _ = rig.submit(1)
  rig.await { rig.log.released == 2 }
  rig.awaitNextSegment()
  rig.disk.closeGate()
  let before = rig.disk.syncs
  _ = rig.submit(2)
  rig.disk.awaitSync()
  rig.disk.passOne()
  rig.await { rig.log.released == 3 }
  #expect(rig.disk.syncs == before + 1)
  rig.disk.openGate()
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed().count == 3)
}

/// Goal: while there is no next segment a full one is gone on with. Method: its making stands at the
/// gate.
@Test func aFullSegmentIsGoneOnWithUntilThereIsANext() throws {
  let rig = try Rig(.never, segmentSize: 100)
  rig.disk.closeGate()
  _ = rig.submit(0)
  rig.await { rig.log.released == 1 }
  // A change of segments syncs the one that is left, in every policy.
  _ = rig.submit(1)
  rig.disk.awaitSync()
  rig.disk.passOne()
  rig.await { rig.log.released == 2 }
  for number in 2..<20 {
    _ = rig.submit(number)
    rig.await { rig.log.released == number + 1 }
  }
  #expect(!rig.log.statistics.hasNextSegment)
  rig.disk.openGate()
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed().count == 20)
}

@Test func aSecondLogOnTheFolderIsRefusedUntilTheFirstStops() throws {
  let rig = try Rig(.always)
  #expect {
    _ = try rig.replayed()
  } throws: { "\($0)".contains("another server") }
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed() == [])
}

/// Goal: whatever the policy and its changes, a stopped log has all commits in order, across
/// segments.
@Test(arguments: [1, 2, 3] as [UInt64])
func aStoppedLogHasAllCommitsInOrder(seed: UInt64) throws {
  var random = SplitMix64(seed: seed)
  let rig = try Rig(.always, idleMilliseconds: 1, segmentSize: 20_000)
  var commits: [SampleCommit] = []
  for number in 0..<600 {
    let size = Int.random(in: 0..<400, using: &random)
    let commit = SampleCommit(number: number, count: 1 + number % 3, size: size)
    commits.append(commit)
    // Without a next segment, a full one is gone on with.
    if number % 50 == 0 { rig.awaitNextSegment() }
    let ordinal = rig.submit(commit)
    switch Int.random(in: 0..<60, using: &random) {
    case 0: rig.log.setPolicy([.always, .everySecond, .never].randomElement(using: &random)!)
    case 1: rig.log.flush()
    case 2: rig.await { rig.log.released >= ordinal }
    case 3: rig.advance(milliseconds: 700)
    default: break
    }
  }
  #expect(rig.log.stop() == nil)
  #expect(rig.log.synced == 600)
  #expect(rig.log.released == 600)
  let isSame = try rig.replayed() == commits
  #expect(isSame, "seed \(seed)")
  let files = try PosixDisk().list(rig.folder.path + "/a/b").filter { $0.hasSuffix(".log") }
  #expect(files.count > 5)
}

/// Goal: a checkpoint whose listing is under way is not given up. Method: the disk is full while the
/// manifest's sync stands at the gate.
@Test func aCheckpointThatIsBeingListedIsNotGivenUpForAFullDisk() throws {
  let rig = try Rig(.never)
  _ = rig.submit(0)
  rig.log.flush()
  let header = try #require(rig.log.beginCheckpoint())
  let checkpoint = try emptyCheckpoint(header, rig.log)
  _ = rig.submit(1)
  rig.log.flush()
  rig.awaitNextSegment()
  rig.disk.closeGate()
  let listed = Flag(), isTaken = Flag()
  let adopter = try Thread(name: "adopter") {
    if case .success = rig.log.adopt(checkpoint, size: 1) { isTaken.set() }
    listed.set()
  }
  rig.disk.awaitSync()
  rig.disk.setFull(true)
  _ = rig.submit(2)
  rig.watch { rig.log.isDiskFull }
  // The writer has tried, in vain, more than once.
  for _ in 0..<3 {
    rig.advance(milliseconds: 10)
    rig.log.setPolicy(.never)
  }
  #expect(!listed.isSet)
  rig.disk.setFull(false)
  rig.disk.openGate()
  adopter.join()
  #expect(isTaken.isSet)
  #expect(rig.log.stop() == nil)
}

/// Goal: a log that the system refuses a thread ends those that it has, and its folder is free.
@Test(arguments: 0..<3) func aLogWithoutAllItsThreadsIsNone(count: Int) throws {
  let folder = TemporaryFolder(), disk = GatedDisk()
  func open(_ supply: ThreadSupply) throws -> LogThread {
    let options = LogOptions(identity: 42, processID: 1)
    let recovery = try Recovery(disk: disk, directory: folder.path, options: options)
    return try LogThread(
      try recovery.replay { _, _ in }, policy: .always, timing: LogThread.Timing { 0 },
      startThread: supply.start, wake: {})
  }
  #expect(throws: SystemError.self) { try open(ThreadSupply(count)) }
  #expect(try open(ThreadSupply(3)).stop() == nil)
}

@Test(arguments: [SyncPolicy.always, .everySecond, .never])
func onAQuickDiskTheEngineWritesItself(policy: SyncPolicy) throws {
  let rig = try Rig(policy)
  let before = rig.submit { rig.log.statistics.framesWrittenAtOnce == 3 }
  #expect(before >= DiskPace.runMin + 3)
  // Under `always` it does so only where there is nothing else to do: else it goes on meanwhile.
  rig.disk.closeGate()
  let ordinal = rig.submit(before)
  if policy == .always {
    #expect(rig.log.released == ordinal - 1)
    rig.disk.awaitSync()
    rig.disk.openGate()
  }
  rig.watch { rig.log.released == ordinal }
  #expect(policy == .always || rig.log.synced < ordinal)
  rig.disk.openGate()
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed().count == before + 1)
}

@Test func aCommitThatTheEngineSyncsIsDurableOnReturn() throws {
  let rig = try Rig(.always)
  _ = rig.submit { rig.log.statistics.framesWrittenAtOnce == 1 }
  let syncs = rig.disk.syncs
  let ordinal = rig.submit(SampleCommit(number: 0, count: 1, size: 30), isQuiet: true)
  #expect(rig.log.statistics.framesWrittenAtOnce == 2)
  #expect(rig.log.synced == ordinal)
  #expect(rig.disk.syncs == syncs + 1)
  #expect(rig.log.stop() == nil)
}

@Test func aSyncOfTheEnginesThatFailsEndsTheLogForGood() throws {
  let rig = try Rig(.always)
  let count = rig.submit { rig.log.statistics.framesWrittenAtOnce == 1 }
  rig.disk.failSyncs()
  _ = rig.submit(SampleCommit(number: count, count: 1, size: 30), isQuiet: true)
  #expect("\(rig.log.failure!)".contains("told to"))
  #expect(rig.log.released == count)
  #expect(rig.log.stop() != nil)
}

@Test(arguments: [SyncPolicy.always, .everySecond])
func aWriteOfTheEnginesThatFindsTheDiskFullIsTriedAgain(policy: SyncPolicy) throws {
  let rig = try Rig(policy)
  let count = rig.submit { rig.log.statistics.framesWrittenAtOnce == 1 }
  rig.disk.setFull(true)
  let ordinal = rig.submit(SampleCommit(number: count, count: 1, size: 30), isQuiet: true)
  rig.watch { rig.log.isDiskFull }
  #expect(rig.log.failure == nil)
  #expect(rig.log.released == count)
  rig.disk.setFull(false)
  rig.watch {
    rig.advance(milliseconds: 1)
    return rig.log.released == ordinal && !rig.log.isDiskFull
  }
  #expect(rig.log.stop() == nil)
  #expect(try rig.replayed().count == count + 1)
}

@Test func theGapBehindAFrameOfTheEnginesIsClosedToo() throws {
  let rig = try Rig(.always, idleMilliseconds: 1)
  for round in 1...2 {
    _ = rig.submit { rig.log.statistics.framesWrittenAtOnce == round }
    let frames = rig.log.statistics.framesWritten
    rig.advance(milliseconds: 1)
    rig.watch { rig.log.statistics.framesWritten == frames + 1 }
  }
  #expect(rig.log.stop() == nil)
}

@Test(arguments: [SyncPolicy.always, .everySecond])
func besideACheckpointTheEngineWritesNothingItself(policy: SyncPolicy) throws {
  let rig = try Rig(policy)
  _ = rig.submit { rig.log.statistics.framesWrittenAtOnce == 1 }
  for number in 0..<20 {
    var body = rig.log.takeSpare()
    body.append(SampleCommit(number: number, count: 1, size: 30).bytes)
    let ordinal = rig.log.submit(body, count: 1, isQuiet: true, isDiskBusy: true)
    rig.watch { rig.log.released == ordinal }
  }
  #expect(rig.log.statistics.framesWrittenAtOnce == 1)
  #expect(rig.log.stop() == nil)
}

@Test func howQuickWritesAreSaysNothingOfSyncs() throws {
  let rig = try Rig(.never)
  _ = rig.submit { rig.log.statistics.framesWrittenAtOnce == 1 }
  rig.log.setPolicy(.always)
  // The disk's first syncs are the writer's, and hold up nobody.
  rig.disk.closeGate()
  _ = rig.submit(SampleCommit(number: 0, count: 1, size: 30), isQuiet: true)
  #expect(rig.log.statistics.framesWrittenAtOnce == 1)
  rig.disk.openGate()
  #expect(rig.log.stop() == nil)
}

@Test func aSlowCommitLeavesTheNextToTheWriter() {
  var pace = DiskPace()
  let slow = DiskPace.slowAge + 1
  func note(_ start: UInt64, _ length: UInt64, byEngine: Bool = false) {
    pace.note(from: start, to: start + length, byEngine: byEngine)
  }
  for _ in 1..<DiskPace.runMin { note(0, DiskPace.slowAge) }
  #expect(!pace.isQuick(at: 1))
  note(0, 1)
  #expect(pace.isQuick(at: 1))
  // The writer's slow commits end the run and no more.
  note(0, slow)
  #expect(!pace.isQuick(at: slow))
  for _ in 0..<DiskPace.runMin { note(slow, 1) }
  #expect(pace.isQuick(at: slow + 1))
  // The engine's own also keep it from the disk, a hundred times as long.
  note(0, slow, byEngine: true)
  for _ in 0..<DiskPace.runMin { note(slow, 1) }
  #expect(!pace.isQuick(at: 101 * slow - 1))
  #expect(pace.isQuick(at: 101 * slow))
}
