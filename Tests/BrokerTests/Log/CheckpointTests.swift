// CheckpointTests.swift: the checkpoint's file, and how the log changes over to it.

import RESP
import Testing

@testable import Broker

private let folder = OpenLog.directory

/// What a server would have after a start from `disk`, by key; or why it refuses.
private func start(_ disk: SimulatedDisk) throws -> [String: String] {
  let recovery = try Recovery(disk: disk, directory: folder, options: .small)
  var engine = Engine(seed: 7, databases: 16, host: FakeHost())
  try loadCheckpoint(recovery, into: &engine)
  _ = try recovery.replay { body, count throws(ReplayError) in
    do throws(Engine.ReplayError) { try engine.replay(body, count: count) } catch {
      throw ReplayError(reason: error.reason)
    }
  }
  var all: [String: String] = [:]
  engine.context.databases[0].table.forEach { all[$0.key.text] = $0.withString { $0.text } }
  return all
}

/// A broker without clients: numbered keys are set, and checkpoints are made.
private struct Rig: ~Copyable {
  var harness = EngineHarness(logging: true)
  var log: LogWriter
  let client: Int
  let disk: SimulatedDisk
  var state: [String: String] = [:]

  init(_ disk: SimulatedDisk) throws {
    self.disk = disk
    let recovery = try Recovery(disk: disk, directory: folder, options: .small)
    log = LogWriter(try recovery.replay { _, _ in })
    client = harness.client()
  }

  /// Sets a key, in a frame of its own that is synced.
  mutating func set(_ number: Int) throws {
    _ = harness.send(client, "SET key\(number % 5) value\(number)")
    let count = harness.engine.context.effects.count
    let body = harness.engine.context.effects.take(spare: ByteBuffer())
    log.stage(body.view, count: count)
    guard try log.write() == 1 else { throw LogError.full(path: folder) }
    try log.sync()
    state["key\(number % 5)"] = "value\(number)"
  }

  mutating func checkpoint(whileSetting number: Int? = nil) throws {
    var steps = try CheckpointSteps(&harness.engine, &log)
    do {
      while try steps.step() { if let number { try set(number) } }
      try steps.finish(&log)
    } catch {
      harness.engine.snapshotEnded()
      throw error
    }
    harness.engine.snapshotEnded()
  }
}

@Test func aCheckpointStandsForTheSegmentsBeforeIt() throws {
  let disk = SimulatedDisk()
  var rig = try Rig(disk)
  for number in 0..<60 { try rig.set(number) }
  #expect(disk.files.filter { $0.hasSuffix(".log") }.count > 2)
  let sizeBefore = rig.log.size
  try rig.checkpoint(whileSetting: 60)
  #expect(
    disk.files.filter { $0.hasSuffix(".log") } == ["\(folder)/00000000000000000061.log"])
  #expect(
    disk.files.filter { $0.hasSuffix(".checkpoint") } == ["\(folder)/\(CheckpointHeader.name(60))"])
  #expect(rig.log.size < sizeBefore)
  #expect(try start(disk.copy()) == rig.state)
  // The next one takes the place of this one.
  for number in 61..<90 { try rig.set(number) }
  try rig.checkpoint()
  #expect(
    disk.files.filter { $0.hasSuffix(".checkpoint") } == ["\(folder)/\(CheckpointHeader.name(90))"])
  #expect(disk.files.filter { $0.hasSuffix(".log") } == ["\(folder)/00000000000000000091.log"])
  #expect(try start(disk.copy()) == rig.state)
}

@Test func aCheckpointOfNothingIsOne() throws {
  let disk = SimulatedDisk()
  var rig = try Rig(disk)
  try rig.checkpoint()
  #expect(try start(disk.copy()) == [:])
  try rig.set(1)
  #expect(try start(disk.copy()) == ["key1": "value1"])
}

/// A disk with a checkpoint and commands behind it, just before the next checkpoint.
private func prepared() throws -> Rig {
  let disk = SimulatedDisk()
  var rig = try Rig(disk)
  for number in 0..<20 { try rig.set(number) }
  try rig.checkpoint()
  for number in 20..<40 { try rig.set(number) }
  return rig
}

/// Goal: a checkpoint may fail, be killed or lose its power at each call of the disk: nothing
/// acknowledged is lost, the next start takes the leftovers away, the next checkpoint works. Method:
/// for every call from begin to end, each kind of failure once.
@Test func aCheckpointMayEndAtEveryCall() throws {
  let callCount: Int
  do {
    var rig = try prepared()
    let disk = rig.disk
    let before = disk.calls
    try rig.checkpoint()
    callCount = disk.calls - before
  }
  #expect(callCount > 15)
  let faults: [SimulatedDisk.Fault] = [
    .error(DiskError.noSpace), .error(DiskError.inputOutput), .error(DiskError.tooManyFilesHere),
    .error(DiskError.interrupted), .short, .powerCut(callHappens: false),
    .powerCut(callHappens: true),
  ]
  for call in 0..<callCount {
    for fault in faults {
      let trace: Comment = "call \(call) of \(callCount), \(fault)"
      var rig = try prepared()
      let disk = rig.disk
      disk.faults[disk.calls + call] = fault
      do { try rig.checkpoint() } catch {}
      if case .powerCut = fault {
        for seed in 0..<4 as Range<UInt64> {
          let next = disk.afterPowerCut(seed: seed)
          #expect(try start(next) == rig.state, trace)
          try checkTidy(next, trace)
        }
        continue
      }
      if rig.log.failure == nil {
        // It goes on as if nothing had been, and the next checkpoint works.
        try rig.set(100)
        try rig.checkpoint()
        try rig.set(101)
      }
      let next = disk.copy().afterKill()
      #expect(try start(next) == rig.state, trace)
      try checkTidy(next, trace)
    }
  }
}

/// After a start there are the files that the manifest lists and no others.
private func checkTidy(_ disk: SimulatedDisk, _ trace: Comment) throws {
  let manifest = try asView(disk["\(folder)/MANIFEST"]!) { bytes throws(Manifest.Flaw) in
    try Manifest(parsing: bytes)
  }
  let listed = manifest.files
  let there = disk.files.map { String($0.dropFirst(folder.utf8.count + 1)) }
    .filter { $0 != "LOCK" && $0 != "MANIFEST" && !$0.hasPrefix("torn-") }
  #expect(there.sorted() == listed.sorted(), trace)
}

private func asView<R, E: Error>(
  _ bytes: [UInt8], _ body: (ByteView) throws(E) -> R
) throws(E) -> R {
  var buffer = ByteBuffer()
  buffer.append(bytes)
  return try body(buffer.view)
}

/// Goal: a checkpoint that is not as it was written is refused by its name. Method: every byte
/// changed, every length, and files that are somebody else's.
@Test func aDamagedCheckpointIsRefusedByName() throws {
  let disk = try prepared().disk
  let path = try #require(disk.files.first { $0.hasSuffix(".checkpoint") })
  let good = try #require(disk[path])
  func refusal(_ bytes: [UInt8]) -> String? {
    let copy = disk.copy().afterKill()
    copy[path] = bytes
    do {
      _ = try start(copy)
      return nil
    } catch {
      return "\(error)"
    }
  }
  #expect(refusal(good) == nil)
  for index in good.indices {
    var bad = good
    bad[index] ^= 1 << UInt8(index % 8)
    #expect(refusal(bad)?.contains(path) == true, "byte \(index)")
  }
  for size in 0..<good.count {
    #expect(refusal(Array(good[..<size]))?.contains(path) == true, "size \(size)")
  }
  #expect(refusal(good + [0])?.contains("bytes follow the last block") == true)
  #expect(refusal([])?.contains("has been emptied") == true)
  let gone = disk.copy().afterKill()
  gone[path] = nil
  #expect { _ = try start(gone) } throws: { "\($0)".contains("is missing") }
}

/// A checkpoint of another log, or of another moment, has the right form and the wrong place.
@Test func aForeignCheckpointIsRefused() throws {
  let rig = try prepared()
  let disk = rig.disk
  let path = try #require(disk.files.first { $0.hasSuffix(".checkpoint") })
  for (identity, sequence, words) in [
    (UInt64(1), UInt64(20), "another data folder"),
    (rig.log.manifest.identity.number, 19, "ends with command 19"),
  ] {
    let other = disk.copy().afterKill()
    var bytes = ByteBuffer()
    CheckpointHeader(identity: LogIdentity(number: identity), sequence: sequence)
      .encode(into: &bytes)
    other[path] = bytes.view.array
    #expect { _ = try start(other) } throws: {
      "\($0)".contains(path) && "\($0)".contains(words)
    }
  }
}

/// A disk without space for it leaves the log as it was, and no half file.
@Test func aCheckpointThatFindsNoSpaceLeavesNothing() throws {
  var rig = try prepared()
  let disk = rig.disk
  disk.capacity = 0
  #expect(throws: (any Error).self) { try rig.checkpoint() }
  #expect(rig.log.failure == nil)
  disk.capacity = .max
  #expect(disk.files.filter { $0.hasSuffix(".checkpoint") }.count == 1)
  try rig.set(77)
  #expect(try start(disk.copy().afterKill()) == rig.state)
}

/// Goal: a repair without a manifest reads the segment that is written to, not the one made ahead. Method:
/// both begin, by name, behind the checkpoint; the manifest is removed.
@Test func theNextSegmentIsNotTakenForTheLast() throws {
  var rig = try Rig(SimulatedDisk())
  for number in 0..<5 { try rig.set(number) }
  try rig.log.prepareSegment()
  try rig.checkpoint()
  try rig.log.prepareSegment()
  for number in 5..<9 { try rig.set(number) }
  let disk = rig.disk.copy().afterKill(), state = rig.state
  #expect(try start(disk.copy()) == state)
  disk["\(folder)/MANIFEST"] = nil
  let found = try #require(try FoundLog(Folder(disk: disk, path: folder)))
  #expect(found.manifest.segments.count == 2)
  #expect(found.manifest.segments.first?.first == 6)
  _ = try repairLog(disk, folder, options: .small, CheckpointCommands()) { _, _ in }
  #expect(try start(disk) == state)
}

/// Goal: commands that are gone from the end of a segment are missed though the next one is empty. Method:
/// the manifest says with which command it begins.
@Test func anEmptySegmentTellsThatTheOneBeforeHasBeenCut() throws {
  var rig = try Rig(SimulatedDisk())
  for number in 0..<5 { try rig.set(number) }
  try rig.log.beginSegment()
  try rig.log.prepareSegment()
  let disk = rig.disk.copy().afterKill()
  let first = "\(folder)/\(Segment(first: 1).name)"
  #expect(try start(disk.copy()) == rig.state)
  let whole = try #require(disk[first])
  let end = try #require(whole.lastIndex { $0 != 0 }) + 1
  // All of the last frame, so that what is left ends well.
  let frame = FrameHeader.size + "*3\r\n$3\r\nSET\r\n$4\r\nkey4\r\n$6\r\nvalue4\r\n".utf8.count
  disk[first] = Array(whole[..<(end - frame)])
  #expect { _ = try start(disk) } throws: { "\($0)".contains("it ends before command 6") }
}
