import RESP
import Testing

@testable import Broker

private let folder = OpenLog.directory

private func command(_ words: String...) -> String {
  words.reduce("*\(words.count)\r\n") { $0 + "$\($1.utf8.count)\r\n\($1)\r\n" }
}

private func log(_ commits: [String], stops: Bool = true) throws -> SimulatedDisk {
  let disk = SimulatedDisk()
  var log = try OpenLog(disk)
  for commit in commits {
    #expect(try log.write([SampleCommit(bytes: Array(commit.utf8), count: 1)]) == 1)
    try log.writer.sync()
  }
  if stops { try log.writer.finish() }
  return disk.copy()
}

@Test func anExportIsTheCommandsEachFrameFromDatabaseZero() throws {
  let commits = [
    command("SET", "a", "SELECT"), command("SELECT", "3") + command("SET", "b", "2"),
    command("SET", "c", "3"),
    command("select", "3") + command("SET", "d", "\r\n*1") + command("SELECT", "0"),
    command("RPUSH", "e", String(repeating: "x", count: 2000)), command("DEL", "a"),
  ]
  var text = ""
  let count = try exportLog(try log(commits), folder, CheckpointCommands()) { text += $0.text }
  #expect(count == 6)
  let expected = commits[..<2] + [command("SELECT", "0")] + commits[2...]
  #expect(text == expected.joined())
}

@Test func anExportOfADamagedLogHasAllBeforeTheDamage() throws {
  let commits = (0..<9).map { command("SET", "key\($0)", String(repeating: "x", count: 300)) }
  let disk = try log(commits)
  #expect(disk.files.filter { $0.hasSuffix(".log") }.count == 3)
  disk["\(folder)/\(Segment(first: 1).name)"]![SegmentHeader.size + 3 * 370 + 200] ^= 1
  var text = ""
  #expect(throws: LogError.self) {
    _ = try exportLog(disk, folder, CheckpointCommands()) { text += $0.text }
  }
  #expect(text == commits[..<3].joined())
}

@Test func anExportEndsWithTheErrorOfItsOutput() throws {
  let disk = try log([command("PING")])
  let full = DiskError(code: DiskError.noSpace, call: .write, path: "the output", reason: "full")
  #expect {
    _ = try exportLog(disk, folder, CheckpointCommands()) { _ throws(DiskError) in throw full }
  } throws: { "\($0)" == "\(full)" }
}

@Test func aCheckShowsEachFileAndAVerdict() throws {
  let disk = try log((0..<9).map { command("SET", "key\($0)", String(repeating: "x", count: 300)) })
  disk["\(folder)/torn-4-1.bytes"] = [1]
  disk["\(folder)/MANIFEST.new"] = [1]
  let before = disk.files
  let report = try checkLog(disk, folder)
  #expect(report.isGood)
  #expect(
    report.text == """
      file                      frames  commands  size  verdict
      00000000000000000001.log  4       1...4     1516  good
      00000000000000000005.log  4       5...8     1516  good
      00000000000000000009.log  2       9...9     443   good
      MANIFEST.new                                      left over, goes at the next start
      torn-4-1.bytes                                    kept from a torn tail, may be removed
      the log is good: 9 commands, 10 frames read

      """)
  #expect(disk.files == before)
  #expect(disk.openCount == 0)
}

@Test func aCheckWalksOnBehindDamageAndNamesIt() throws {
  let disk = try log((0..<9).map { command("SET", "key\($0)", String(repeating: "x", count: 300)) })
  let path = "\(folder)/\(Segment(first: 1).name)"
  disk[path]![SegmentHeader.size + 500] ^= 1
  let report = try checkLog(disk, folder)
  #expect(!report.isGood)
  let lines = report.text.split(separator: "\n")
  #expect(lines[1].hasPrefix("00000000000000000001.log  1       1...1 "))
  #expect(lines[1].contains("damaged at offset"))
  #expect(lines[2].hasSuffix("good"))
  #expect(lines[4].hasPrefix("\(path) is damaged at offset"))
}

@Test func aCheckTellsATornTailFromAFrameBeingWritten() throws {
  let disk = try log([command("SET", "a", "1"), command("SET", "b", "2")], stops: false)
  let path = "\(folder)/\(Segment(first: 1).name)"
  disk[path]!.removeLast(1)
  #expect(try checkLog(disk, folder).text.contains("bytes of a torn tail"))
  let server = try OpenLog(try log([command("SET", "a", "1")], stops: false))
  let served = server.writer.folder.disk as! SimulatedDisk
  #expect(try checkLog(served, folder).text.contains("a server has this folder open"))
  #expect(throws: LogError.self) {
    _ = try exportLog(served, folder, CheckpointCommands()) { _ in }
  }
}

@Test func aCheckOfAnEmptyOrBrokenFolderSaysSo() throws {
  let disk = SimulatedDisk()
  #expect(throws: LogError.self) { _ = try checkLog(disk, folder) }
  try Folder(disk: disk, path: folder).make()
  #expect(try checkLog(disk, folder).text == "\(folder) holds no log\n")
  let broken = try log([command("SET", "a", "1")])
  broken["\(folder)/MANIFEST"] = nil
  #expect(throws: LogError.self) { _ = try checkLog(broken, folder) }
}

// MARK: Checkpoints

@Test func aCheckWalksTheBlocksOfACheckpoint() throws {
  let sample = try SampleLog(hasCheckpoint: true), name = CheckpointHeader.name(5)
  let path = "\(folder)/\(name)", size = sample.disk[path]!.count
  let report = try checkLog(sample.disk, folder)
  #expect(report.isGood)
  #expect(
    report.text == """
      file                             frames    commands  size  verdict
      00000000000000000005.checkpoint  4 blocks  1...5     \(size)   good
      00000000000000000006.log         5         6...10    1817  good
      00000000000000000011.log         5         11...15   1822  good
      00000000000000000016.log         3         16...17   788   good
      the log is good: 17 commands, 13 frames read

      """)
  let block = sample.pieces[2]
  for (version, verdict) in [
    (sample.disk[path]![..<block.start] + [0], "damaged at offset \(block.start)"), ([], "refused"),
    (nil, "missing"),
  ] as [([UInt8]?, String)] {
    let disk = sample.disk.copy()
    disk[path] = version.map { Array($0) }
    let report = try checkLog(disk, folder)
    #expect(!report.isGood)
    let lines = report.text.split(separator: "\n")
    #expect(lines[1].hasSuffix("  \(verdict)"), "\(report.text)")
    #expect(lines[2].hasSuffix("good"))
    #expect(lines[5].hasPrefix(path))
    #expect(disk.openCount == 0)
  }
}

@Test func anExportBeginsWithTheKeysOfTheCheckpoint() throws {
  let sample = try SampleLog(hasCheckpoint: true)
  func export(_ disk: SimulatedDisk) -> (text: String, isWhole: Bool) {
    var text = ""
    let count = try? exportLog(disk, folder, CheckpointCommands()) { text += $0.text }
    return (text, count != nil)
  }
  let first = command("SET", "key0", "zero")
  let second =
    command("SET", "text", "t") + command("PEXPIREAT", "text", "4000000000000")
    + command("RPUSH", "list", "a", "b")
  let fourth = command("SELECT", "3") + command("SET", "key3", "three")
  let whole = export(sample.disk)
  #expect(whole.isWhole)
  let keys = first + second + command("RPUSH", "list", "c", "d") + fourth
  #expect(whole.text.hasPrefix(keys + command("SELECT", "0") + "*3\r\n$3\r\nSET\r\n$4\r\nkey1\r\n"))
  #expect(whole.text.split(separator: "value").count == 13, "not those in the checkpoint")
  let disk = sample.disk.copy(), block = sample.pieces[2]
  disk[block.path]![block.start + 1] ^= 1
  #expect(export(disk) == (first + second, false))
}
