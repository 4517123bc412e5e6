import RESP
import Testing

@testable import Broker

private let folder = OpenLog.directory

/// A log of `batches` batches under `always`, and its commits. `stops` cleanly or is killed.
private func sampleLog(
  batches: Int, size: Int = 60, stops: Bool = true, options: LogOptions = .small
) throws -> (disk: SimulatedDisk, commits: [SampleCommit]) {
  let disk = SimulatedDisk(), commits = try fill(disk, batches, size, stops, options)
  return (disk.copy(), commits)
}

private func fill(
  _ disk: SimulatedDisk, _ batches: Int, _ size: Int, _ stops: Bool, _ options: LogOptions
) throws -> [SampleCommit] {
  var commits: [SampleCommit] = []
  var log = try OpenLog(disk, options: options)
  log.writer.zeroesAhead = true
  for number in 0..<batches {
    var batch: [SampleCommit] = []
    for part in 0...(number % 3) {
      batch.append(SampleCommit(number: number * 10 + part, count: 1 + number % 2, size: size))
    }
    #expect(try log.write(batch) == batch.count)
    try log.writer.sync()
    commits += batch
  }
  if stops { try log.writer.finish() }
  return commits
}

@Test func aLogGivesBackWhatWasWrittenAcrossSegmentsAndGoesOn() throws {
  let disk = SimulatedDisk()
  var commits: [SampleCommit] = [], sequence: UInt64 = 0
  for round in 0..<4 {
    var log = try OpenLog(disk)
    #expect(log.replayed == commits)
    #expect(log.notes == [])
    #expect(log.writer.written == sequence)
    for number in 0..<10 {
      let commit = SampleCommit(number: round * 100 + number, count: 2, size: 40)
      #expect(try log.write([commit]) == 1)
      commits.append(commit)
      sequence += 2
    }
    if round % 2 == 0 { try log.writer.finish() }
  }
  #expect(disk.files.filter { $0.hasSuffix(".log") }.count > 2)
  #expect(disk.openCount == 0)
}

@Test func aNewFolderIsMadeWithItsParentsAndAnEmptyLogStarts() throws {
  let disk = SimulatedDisk()
  for _ in 0..<2 {
    var log = try OpenLog(disk)
    #expect(log.replayed == [])
    try log.writer.finish()
  }
  let names = ["00000000000000000001.log", "LOCK", "MANIFEST"]
  #expect(disk.files == names.map { "\(folder)/\($0)" })
  #expect(disk["\(folder)/LOCK"] == Array("4711\n".utf8))
}

@Test func aFrameOnDiskIsHeaderAndBody() throws {
  let disk = SimulatedDisk()
  var log = try OpenLog(disk)
  let commit = SampleCommit(number: 1, count: 2, size: 5)
  _ = try log.write([commit])
  try log.writer.finish()
  let bytes = try #require(disk["\(folder)/\(Segment(first: 1).name)"])
  let salt = LogIdentity(number: LogOptions.small.identity).salt
  var body = ByteBuffer(), expected = ByteBuffer()
  body.append(commit.bytes)
  SegmentHeader(
    previous: 0, identity: LogIdentity(number: LogOptions.small.identity), first: 0
  ).encode(into: &expected)
  let checksum = FrameHeader(
    bodyChecksum: CRC32C.checksum(body.view), bodySize: UInt32(body.count), count: 2, previous: 0,
    first: 1, durable: 0
  ).encode(into: &expected, salt: salt)
  expected.append(body.view)
  FrameHeader(bodyChecksum: 0, bodySize: 0, count: 0, previous: checksum, first: 3, durable: 2)
    .encode(into: &expected, salt: salt)
  #expect(bytes == expected.view.array)
}

/// Goal: what only a start reads takes no memory of the system's, and a start does not wait for each
/// piece.
@Test func segmentsThatAreLeftAreForgottenAndReadAheadByAStart() throws {
  let disk = SimulatedDisk()
  _ = try fill(disk, 8, 10, true, .tiny)
  let segments = disk.files.filter { $0.hasSuffix(".log") }
  #expect(segments.count > 3)
  #expect(disk.forgotten.map { $0.path } == Array(segments.dropLast()))
  #expect(!disk.forgotten.contains { !$0.isDurable })
  let again = disk.copy()
  _ = try OpenLog(again)
  #expect(again.announced == segments)
}

// MARK: Cuts and flips

extension LogOptions {
  /// Segments of two batches, so that a log of a few hundred bytes has all there is.
  fileprivate static var tiny: LogOptions {
    var options = LogOptions.small
    options.segmentSize = 300
    options.zeroStep = 64
    return options
  }
}

/// Goal: a log cut at any byte gives back every whole frame before the cut, and says what it cut.
@Test func aLogCutAtAnyByteGivesBackEveryWholeFrame() throws {
  var options = LogOptions.small
  options.segmentSize = 1 << 20
  let (disk, commits) = try sampleLog(batches: 6, size: 10, options: options)
  let path = "\(folder)/\(Segment(first: 1).name)"
  let bytes = try #require(disk[path])
  var ends = [SegmentHeader.size]
  for commit in commits { ends.append(ends.last! + FrameHeader.size + commit.bytes.count) }
  for size in 1..<bytes.count {
    let cut = disk.copy()
    cut[path] = Array(bytes[..<size])
    if size < SegmentHeader.size {
      #expect(throws: LogError.self, "\(size) bytes") { _ = try OpenLog(cut) }
      continue
    }
    let log = try OpenLog(cut)
    let whole = ends.lastIndex { $0 <= size }!
    #expect(log.replayed == Array(commits[..<whole]), "\(size) bytes")
    // Zeros at the end are no loss.
    var rest = bytes[ends[whole]..<size]
    while rest.last == 0 { rest.removeLast() }
    if rest.isEmpty {
      #expect(log.notes == [])
    } else {
      #expect(log.notes.count == 1)
      #expect(log.notes.first?.contains(" \(rest.count) bytes") == true)
      let kept = cut.files.first { $0.contains("/torn-") }
      #expect(kept.map { cut[$0] } == Array(rest), "\(size) bytes")
    }
  }
}

/// Goal: a segment that others follow was durable when they were made: cut at any byte, or zeroed
/// from there on, it is damage, between two frames as well.
@Test func aSegmentThatOthersFollowMayNotLoseAByte() throws {
  let (disk, _) = try sampleLog(batches: 5, size: 5, options: .tiny)
  let segments = disk.files.filter { $0.hasSuffix(".log") }
  for path in segments.dropLast() {
    let bytes = disk[path]!
    for size in 0..<bytes.count {
      let cut = disk.copy(), zeroed = disk.copy()
      cut[path] = Array(bytes[..<size])
      zeroed[path] = bytes[..<size] + Array(repeating: 0, count: bytes.count - size)
      for lossy in [cut, zeroed] where lossy[path] != bytes {
        #expect {
          _ = try OpenLog(lossy)
        } throws: { "\($0)".contains(path) }
      }
    }
  }
}

/// Goal: no flipped bit in a log is taken for what was written. Method: flip each bit of each file;
/// the start is refused, or all commits are there.
@Test func noFlippedBitOfAStoppedLogIsSilentlyWrong() throws {
  let (disk, commits) = try sampleLog(batches: 5, size: 5, options: .tiny)
  let segments = disk.files.filter { $0.hasSuffix(".log") }
  #expect(segments.count > 1)
  #expect(try #require(disk[segments.last!]).count > 200, "frames in the last segment too")
  for path in disk.files {
    let bytes = disk[path]!
    var refused = 0
    for bit in 0..<bytes.count * 8 {
      let flipped = disk.copy()
      flipped[path]![bit / 8] ^= 1 << (bit % 8)
      do {
        let log = try OpenLog(flipped)
        #expect(log.replayed == commits, "\(path), bit \(bit)")
      } catch {
        refused += 1
        #expect("\(error)".contains(path), "\(path), bit \(bit): \(error)")
      }
      #expect(flipped.openCount == 0)
    }
    // All but the closing frame is acknowledged data or needed to find it.
    if !path.hasSuffix("LOCK") {
      #expect(refused >= (bytes.count - FrameHeader.size) * 8, "\(path)")
    }
  }
}

/// Goal: in a log that was killed, a flipped bit can at most hurt the last batch, which nothing
/// says was durable. Method: flip each bit; what is recovered lacks at most that batch.
@Test func noFlippedBitOfAKilledLogHurtsMoreThanTheLastBatch() throws {
  let (disk, commits) = try sampleLog(batches: 3, size: 5, stops: false, options: .tiny)
  for path in disk.files {
    for bit in 0..<disk[path]!.count * 8 {
      let flipped = disk.copy()
      flipped[path]![bit / 8] ^= 1 << (bit % 8)
      guard let log = try? OpenLog(flipped) else { continue }
      #expect(log.replayed.count >= commits.count - 3, "\(path), bit \(bit)")
      #expect(log.replayed == Array(commits[..<log.replayed.count]), "\(path), bit \(bit)")
    }
  }
}

@Test func damageIsNamedByFileOffsetAndSequence() throws {
  let (disk, commits) = try sampleLog(batches: 4)
  let path = "\(folder)/\(Segment(first: 1).name)"
  let offset = SegmentHeader.size + FrameHeader.size + commits[0].bytes.count
  disk[path]![offset + 50] ^= 1
  let before = disk.files.map { disk[$0] }
  do {
    _ = try OpenLog(disk)
    Issue.record("the log was opened")
  } catch {
    guard case .damage(let damage) = error else { throw error }
    #expect(damage.path == path)
    #expect(damage.offset == offset)
    #expect(damage.sequence == 2)
    #expect("\(error)".contains("--check-log \(folder)"))
  }
  #expect(disk.files.map { disk[$0] } == before)
}

@Test func valuesThatLookLikeFramesDoNotMakeATornTailDamage() throws {
  // Somebody stores what he thinks is a header that says everything is durable.
  let disk = SimulatedDisk()
  var forged = ByteBuffer()
  forged.append("*2\r\n$4\r\nPUSH\r\n$40\r\n")
  FrameHeader(bodyChecksum: 0, bodySize: 0, count: 0, previous: 0, first: 900, durable: 899)
    .encode(into: &forged, salt: 0)
  forged.append("\r\n")
  var log = try OpenLog(disk)
  let commits = [
    SampleCommit(number: 1, count: 1, size: 1), SampleCommit(bytes: forged.view.array, count: 1),
  ]
  _ = try log.write(commits)
  try log.writer.sync()
  let path = "\(folder)/\(Segment(first: 1).name)"
  disk[path]![SegmentHeader.size + 1] ^= 1
  #expect(try OpenLog(disk.copy()).replayed == [])
}

// MARK: Files that are missing, emptied, foreign

@Test func aFolderWithSegmentsAndNoManifestIsRefused() throws {
  let (disk, _) = try sampleLog(batches: 1)
  disk["\(folder)/MANIFEST"] = nil
  #expect {
    _ = try OpenLog(disk)
  } throws: { "\($0)".contains("00000000000000000001.log but no MANIFEST") }
}

@Test func anEmptiedMissingOrForeignFileIsRefusedByName() throws {
  let (disk, _) = try sampleLog(batches: 9)
  let (other, _) = try sampleLog(
    batches: 9,
    options: {
      var options = LogOptions.small
      options.identity = 99
      return options
    }())
  let ours = disk.files.filter { !$0.hasSuffix("LOCK") }
  #expect(ours.count > 3)
  for path in ours {
    var versions: [[UInt8]?] = [[], Array("not a file of a log, but long enough for one".utf8)]
    if path.hasSuffix(".log") { versions += [nil, other[path]] }
    for version in versions {
      let changed = disk.copy()
      changed[path] = version
      #expect {
        _ = try OpenLog(changed)
      } throws: { "\($0)".contains(path) }
      #expect(changed.openCount == 0)
    }
  }
  // Segments that changed places.
  let swapped = disk.copy()
  swapped[ours[0]] = disk[ours[1]]
  #expect(throws: LogError.self) { _ = try OpenLog(swapped) }
  // A segment that nobody listed.
  let extra = disk.copy()
  extra["\(folder)/\(Segment(first: 900).name)"] = disk[ours[0]]
  #expect {
    _ = try OpenLog(extra)
  } throws: { "\($0)".contains("does not list it") }
}

@Test func anOlderManifestIsRefused() throws {
  let (disk, _) = try sampleLog(batches: 9)
  let text = disk["\(folder)/MANIFEST"]!
  var manifest = Manifest(identity: LogIdentity(number: LogOptions.small.identity))
  manifest.segments = [Segment(first: 1)]
  disk["\(folder)/MANIFEST"] = Array(manifest.text.utf8)
  #expect(Array(manifest.text.utf8) != text)
  #expect(throws: LogError.self) { _ = try OpenLog(disk) }
}

@Test func aSecondServerIsRefusedAndToldWhoIsFirst() throws {
  let disk = SimulatedDisk()
  do {
    let log = try OpenLog(disk)
    #expect {
      _ = try OpenLog(disk)
    } throws: { "\($0)".contains("another server has the data folder \(folder) (process 4711)") }
    _ = log.writer.written
  }
  _ = try OpenLog(disk)
}

@Test func commandsThatCannotBeAppliedRefuseTheStartByName() throws {
  let (disk, commits) = try sampleLog(batches: 2)
  let recovery = try Recovery(disk: disk, directory: folder, options: .small)
  let offset = SegmentHeader.size + FrameHeader.size + commits[0].bytes.count
  var count = 0
  do {
    _ = try recovery.replay { _, _ throws(ReplayError) in
      count += 1
      if count == 2 { throw ReplayError(reason: "unknown command") }
    }
    Issue.record("the log was opened")
  } catch {
    #expect("\(error)".contains("offset \(offset)"))
    #expect("\(error)".contains("unknown command"))
  }
}

@Test func aReplayBeginsBehindTheCheckpoint() throws {
  let (disk, commits) = try sampleLog(batches: 6)
  var manifest = Manifest(identity: LogIdentity(number: LogOptions.small.identity))
  manifest.checkpoint = Manifest.Checkpoint(name: "3.checkpoint", sequence: 5)
  manifest.segments = disk.files.compactMap { Segment(name: String($0.suffix(24))) }
  disk["\(folder)/MANIFEST"] = Array(manifest.text.utf8)
  #expect(throws: LogError.self, "the checkpoint is missing") { _ = try OpenLog(disk) }
  disk["\(folder)/3.checkpoint"] = [1]
  // Commits of 1, 2 and 2, 1 and 1 and 1, ... commands.
  #expect(try OpenLog(disk).replayed == Array(commits[3...]))
  manifest.checkpoint = Manifest.Checkpoint(name: "3.checkpoint", sequence: 4)
  disk["\(folder)/MANIFEST"] = Array(manifest.text.utf8)
  #expect(throws: LogError.self, "inside a frame") { _ = try OpenLog(disk) }
}

/// Goal: a machine whose disk is full when its power goes starts by itself. Method: the copy of the
/// torn tail has room where zeros were written ahead, and nowhere else.
@Test func aTornTailIsKeptOnAFullDiskInWhatWasSetAside() throws {
  let (disk, _) = try sampleLog(batches: 1, stops: false)
  let path = "\(folder)/\(Segment(first: 1).name)"
  var bytes = try #require(disk[path])
  let last = try #require(bytes.lastIndex { $0 != 0 })
  bytes[last] ^= 1
  disk[path] = bytes
  let bare = disk.copy()
  bare[path] = Array(bytes[...last])
  for full in [disk, bare] {
    full.capacity = full.files.reduce(0) { $0 + full[$1]!.count }
  }

  let log = try OpenLog(disk)
  #expect(log.replayed == [])
  #expect(log.notes.count == 1)
  let kept = disk.files.first { $0.contains("/torn-") }
  #expect(kept.map { disk[$0] } == Array(bytes[SegmentHeader.size...last]))

  // Without that it is refused, time and again, and leaves nothing behind.
  for _ in 0..<2 {
    #expect(throws: LogError.self) { _ = try OpenLog(bare) }
    #expect(bare.files.contains { $0.contains("/torn-") } == false)
    #expect(bare[path] == Array(bytes[...last]))
  }
}
