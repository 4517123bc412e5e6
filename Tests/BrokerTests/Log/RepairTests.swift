// RepairTests.swift: damaged logs, repaired; and repairs that are cut short.

import RESP
import Testing

@testable import Broker

private let folder = SampleLog.folder

@discardableResult
private func repair(_ disk: SimulatedDisk) throws(LogError) -> String {
  var options = LogOptions.small
  options.identity = 77
  return try repairLog(disk, folder, options: options, CheckpointCommands()) { _, _ in }
}

private func isOfLog(_ path: String) -> Bool {
  !path.hasSuffix("/LOCK") && !path.contains(".bytes")
}

/// Repairs `disk` and checks all that holds afterwards.
private func check(
  _ disk: SimulatedDisk, gives state: [String: String], _ place: Comment
) throws {
  let before = disk.copy()
  let text = try repair(disk)
  #expect(try SampleLog.start(disk.copy()) == state, "\(place): \(text)")
  #expect(try checkLog(disk, folder).isGood, place)
  // The old files are there as they were.
  for path in before.files where isOfLog(path) {
    let aside = "\(folder)/damaged-1/" + path.dropFirst(folder.utf8.count + 1)
    #expect(disk[aside] == before[path], place)
  }
  let kept = disk.files.map { disk[$0] }
  #expect(try repair(disk).contains("the log is good"), place)
  #expect(disk.files.map { disk[$0] } == kept, place)
  #expect(disk.openCount == 0, place)
}

/// Goal: wherever a byte is damaged, a repair keeps all before it, and the old files as they were.
/// Method: flips all over each file. What the first bytes of a file say, the manifest knows too.
@Test(arguments: [false, true])
func aRepairKeepsAllBeforeTheDamage(hasCheckpoint: Bool) throws {
  let sample = try SampleLog(hasCheckpoint: hasCheckpoint)
  var repaired = 0
  for path in sample.disk.files where isOfLog(path) {
    let size = sample.disk[path]!.count
    for offset in 0..<size where offset < SegmentHeader.size || offset % 13 == 0 {
      let disk = sample.disk.copy()
      disk[path]![offset] ^= 0x10
      let place: Comment = "\(path) at \(offset)"
      if let hit = sample.pieces.firstIndex(where: {
        $0.path == path && $0.start <= offset && offset < $0.end
      }) {
        try check(disk, gives: sample.states[hit], place)
      } else if path.hasSuffix(".checkpoint"), offset >= SegmentHeader.size {
        // The last block: whether others are missing cannot be known.
        try check(disk, gives: sample.states[4], place)
      } else if (try? SampleLog.start(disk.copy())) != nil {
        // The last frame, which is empty: a torn tail at most.
        #expect(try repair(disk).contains("the log is good"), place)
        continue
      } else {
        try check(disk, gives: sample.states.last!, place)
      }
      repaired += 1
    }
  }
  #expect(repaired > 300)
}

@Test(arguments: [false, true])
func aRepairDoesWithoutAFile(hasCheckpoint: Bool) throws {
  let sample = try SampleLog(hasCheckpoint: hasCheckpoint)
  let other: [UInt8]? = Array("some other file, which is longer than the first bytes".utf8)
  for path in sample.disk.files where isOfLog(path) {
    let first = sample.pieces.firstIndex { $0.path == path } ?? sample.pieces.count
    for version in [nil, [], other] {
      let disk = sample.disk.copy()
      disk[path] = version
      try check(disk, gives: sample.states[first], "\(path) is \(version?.count ?? -1) bytes")
    }
  }
}

@Test func aRepairWithoutAManifestTellsTheLogsApart() throws {
  let sample = try SampleLog(hasCheckpoint: true), other = SimulatedDisk()
  var options = LogOptions.small
  options.identity = 99
  var log = try OpenLog(other, options: options)
  _ = try log.write([SampleCommit(number: 1, count: 1, size: 1)])
  try log.writer.finish()
  let disk = sample.disk.copy(), stray = "\(folder)/\(Segment(first: 1).name)"
  disk["\(folder)/MANIFEST"] = other["\(folder)/MANIFEST"]
  disk[stray] = other[stray]
  // A checkpoint that was being written when the server was killed.
  let leftover = "\(folder)/\(CheckpointHeader.name(7))"
  let checkpoint = disk.files.first { $0.hasSuffix(".checkpoint") }!
  var header = ByteBuffer()
  CheckpointHeader(
    identity: LogIdentity(number: LogOptions.small.identity), sequence: 7
  ).encode(into: &header)
  disk[leftover] = header.view.array + disk[checkpoint]![32..<100]
  let text = try repair(disk.copy())
  #expect(text.contains("\(stray) belongs to the log of another data folder\n"))
  #expect(text.contains("lost: nothing that can be seen\n"))
  try check(disk, gives: sample.states.last!, "two logs")
}

@Test func anOlderManifestLosesNothing() throws {
  let sample = try SampleLog(hasCheckpoint: false)
  var manifest = Manifest(identity: LogIdentity(number: LogOptions.small.identity))
  manifest.segments = [Segment(first: 1)]
  sample.disk["\(folder)/MANIFEST"] = Array(manifest.text.utf8)
  try check(sample.disk, gives: sample.states.last!, "an older manifest")
}

@Test func aRepairSaysWhatWasKeptAndWhatWasLost() throws {
  let sample = try SampleLog(hasCheckpoint: true)
  #expect(sample.commands == 17)
  let disk = sample.disk.copy(), frame = sample.pieces[5]
  disk[frame.path]![frame.start + 50] ^= 1
  #expect(
    try repair(disk) == """
      \(frame.path) is damaged at offset \(frame.start), from command 7 on: a frame's body does \
      not match its checksum
      kept: commands 1...6, the first 5 in the checkpoint
      lost: at least 11 commands, 7...17
      it wrote to at least 4 keys: key0, key1, key2, key3
      the damaged files are in \(folder)/damaged-1, as they were

      """)
  let torn = sample.disk.copy(), block = sample.pieces[2]
  torn[block.path]![block.end - 1] ^= 1
  #expect(
    try repair(torn) == """
      \(block.path) is damaged at offset \(block.start + BlockHeader.size), from command 5 on: \
      the block does not match its checksum
      kept: the first 2 blocks of the checkpoint; the list list lacks its last 2 elements
      lost: the rest of the checkpoint, of commands 1...5, and at least 12 commands, 6...17
      it wrote to at least 4 keys: key0, key1, key2, key3
      the damaged files are in \(folder)/damaged-1, as they were

      """)
}

@Test func aRepairNamesTwoFlaws() throws {
  let sample = try SampleLog(hasCheckpoint: true), block = sample.pieces[1]
  let path = "\(folder)/MANIFEST"
  sample.disk[path]![5] ^= 1
  sample.disk[block.path]![block.start] ^= 1
  let text = try repair(sample.disk.copy())
  #expect(
    text.hasPrefix("\(path) does not match its checksum\n\(block.path) is damaged at offset "))
  #expect(text.contains("it wrote to at least 4 keys"))
  try check(sample.disk, gives: sample.states[1], "two flaws")
}

/// Frames larger than a step of the search, and some that lie across two of them.
@Test func lossesAreFoundInLargeSegments() throws {
  let disk = SimulatedDisk()
  var options = LogOptions.small
  options.segmentSize = 64 << 20
  var log = try OpenLog(disk, options: options)
  for number in 0..<12 {
    let size = number % 3 == 0 ? SegmentReader.stepSize + 5000 : 300_000
    let value = String(repeating: "M", count: size)
    let commit = SampleCommit(bytes: request("SET", "key\(number)", value), count: 1)
    _ = try log.write([commit])
    try log.writer.sync()
  }
  try log.writer.finish()
  disk["\(folder)/\(Segment(first: 1).name)"]![SegmentHeader.size + 20] ^= 1
  let text = try repair(disk.copy())
  #expect(text.contains("kept: nothing\nlost: at least 12 commands, 1...12\n"))
  #expect(text.contains("it wrote to at least 11 keys: key1, key10, key11, key2, "))
}

@Test func aRepairLeavesAGoodLogAlone() throws {
  let sample = try SampleLog(hasCheckpoint: true), disk = sample.disk
  let last = sample.pieces.last!.path
  disk[last]!.append(contentsOf: [1, 2, 3])  // A torn tail, which the next start cuts off.
  let before = disk.files.map { disk[$0] }
  #expect(try repair(disk) == "the log is good: 17 commands, nothing to repair\n")
  #expect(disk.files.map { disk[$0] } == before)
  let empty = SimulatedDisk()
  #expect(throws: LogError.self) { try repair(empty) }
  try Folder(disk: empty, path: folder).make()
  #expect(try repair(empty) == "\(folder) holds no log\n")
}

@Test func aRepairIsRefusedWhereItCannotBeDone() throws {
  let sample = try SampleLog(hasCheckpoint: true), frame = sample.pieces.last!
  sample.disk[frame.path]![frame.start + 50] ^= 1
  func refusal(_ disk: SimulatedDisk) -> String? {
    let before = disk.files.map { disk[$0] }
    defer { #expect(disk.files.map { disk[$0] } == before) }
    do {
      try repair(disk)
      return nil
    } catch { return "\(error)" }
  }
  let full = sample.disk.copy()
  full.capacity = full.files.reduce(0) { $0 + full[$1]!.count } + 1500
  #expect(refusal(full)?.contains("no space left") == true)
  #expect(full.files.allSatisfy { !$0.contains("repair") })
  #expect(throws: LogError.self) {
    _ = try repairLog(sample.disk.copy(), folder, options: .small, CheckpointCommands()) {
      _, _ throws(ReplayError) in throw ReplayError(reason: "unknown command")
    }
  }
  let importing = sample.disk.copy()
  importing["\(folder)/\(UnfinishedImport.name)"] = []
  #expect(refusal(importing)?.contains("--import") == true)
  let served = try SampleLog(hasCheckpoint: false).disk
  let log = try OpenLog(served)
  #expect(refusal(served)?.contains("another server has the data folder") == true)
  _ = log.writer.written
}

/// Goal: a repair may be killed, lose its power or fail at every call of the disk: the server then
/// refuses to start, or has the good prefix; run again, the repair ends well; the damaged files are
/// never lost. Method: for every call, each kind of failure once.
@Test(arguments: [nil, "checkpoint", "segment"] as [String?])
func aRepairMayEndAtEveryCall(damaged: String?) throws {
  let sample = try SampleLog(hasCheckpoint: true)
  var expected = sample.states.last!
  switch damaged {
  case "checkpoint":
    sample.disk[sample.pieces[2].path]![sample.pieces[2].end - 1] ^= 1
    expected = sample.states[2]
  case "segment":
    sample.disk[sample.pieces[5].path]![sample.pieces[5].end - 1] ^= 1
    expected = sample.states[5]
  default: sample.disk["\(folder)/MANIFEST"] = nil
  }
  let originals = sample.disk.files.filter(isOfLog).map { sample.disk[$0]! }
  let trial = sample.disk.copy(), before = trial.calls
  try repair(trial)
  let callCount = trial.calls - before
  #expect(callCount > 60)
  for call in 0..<callCount {
    let faults: [SimulatedDisk.Fault] = [
      .powerCut(callHappens: false), .powerCut(callHappens: true), .error(DiskError.inputOutput),
    ]
    for (number, fault) in faults.enumerated() {
      let place: Comment = "call \(call), fault \(number)"
      let disk = sample.disk.copy()
      disk.faults[disk.calls + call] = fault
      var failure: LogError?
      do { try repair(disk) } catch { failure = error }
      var found = [disk.afterKill().copy()]
      if disk.isDead { found.append(disk.afterPowerCut(seed: UInt64(call))) }
      for disk in found {
        do {
          #expect(try SampleLog.start(disk.copy()) == expected, place)
        } catch { #expect("\(error)".contains("--repair \(folder)"), "\(place): \(error)") }
        if failure != nil { try repair(disk) }
        #expect(try SampleLog.start(disk.copy()) == expected, place)
        #expect(disk.files.allSatisfy { !$0.contains("repair") }, place)
        let aside = disk.files.filter { $0.contains("/damaged-1/") }.map { disk[$0]! }
        #expect(Set(originals).subtracting(aside).isEmpty, place)
      }
    }
  }
}
