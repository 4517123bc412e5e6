import RESP
import Testing

@testable import Broker

private let source = request("SET", "a", "1") + request("RPUSH", "l", "x", "y")
private let whole: [String: ImportRig.Value] = ["a": .string("1"), "l": .list(["x", "y"])]

/// What a server makes of the folder: its keys, or nil when it does not start since the import is not
/// whole.
private func started(_ disk: SimulatedDisk) throws -> [String: ImportRig.Value]? {
  do { return try ImportRig.values(disk) } catch LogError.unfinishedImport { return nil }
}

@Test func aFolderThatHasDataIsRefusedAndNotTouched() throws {
  let disk = ImportRig.disk(source)
  try ImportRig.run(disk)
  let before = disk.files.map { disk[$0] }
  #expect {
    try ImportRig.run(disk)
  } throws: { "\($0)".contains("/data has data already") }
  #expect(disk.files.map { disk[$0] } == before)
}

@Test func aFolderOfAServerThatHadNoDataIsTaken() throws {
  let disk = ImportRig.disk(source)
  #expect(try ImportRig.values(disk) == [:])
  try ImportRig.run(disk)
  #expect(try ImportRig.values(disk) == whole)
}

@Test func aFolderThatAServerHasIsRefused() throws {
  let disk = ImportRig.disk(source)
  let recovery = try Recovery(disk: disk, directory: ImportRig.folder, options: .small)
  let writer = LogWriter(try recovery.replay { _, _ in })
  #expect { try ImportRig.run(disk) } throws: { "\($0)".contains("another server has") }
  _ = consume writer
}

@Test func aFileThatCannotBeOpenedLeavesTheFolderAlone() throws {
  let disk = SimulatedDisk()
  #expect { try ImportRig.run(disk) } throws: { "\($0)".contains("open /dump") }
  #expect(disk.files.isEmpty)
}

@Test func aMarkedFolderStartsNothing() throws {
  let disk = ImportRig.disk(source)
  try ImportRig.run(disk)
  disk["/data/IMPORTING"] = []
  #expect(try started(disk) == nil)
  #expect(throws: LogError.self) { try checkLog(disk, ImportRig.folder) }
  #expect(throws: LogError.self) {
    try exportLog(disk, ImportRig.folder, CheckpointCommands()) { _ in }
  }
  disk["/data/notes"] = [1]
  try ImportRig.run(disk)
  #expect(try started(disk) == whole)
  #expect(disk["/data/notes"] == [1])
}

/// Goal: an import that fails at any call leaves an empty folder, or one that says it is not whole,
/// and the next import succeeds. Method: fail each call in turn.
@Test func anImportMayFailAtAnyCall() throws {
  var call = 0, isDone = false
  while !isDone {
    let disk = ImportRig.disk(source)
    disk.faults[call] = .error(DiskError.inputOutput)
    do {
      try ImportRig.run(disk)
      isDone = disk.calls <= call
    } catch {}
    disk.faults = [:]
    #expect(disk.openCount == 0, "call \(call)")
    let found = try started(disk)
    #expect(found == nil || found == [:] || found == whole, "call \(call): \(found ?? [:])")
    if found != whole {
      try ImportRig.run(disk)
      #expect(try started(disk) == whole, "call \(call)")
    }
    call += 1
  }
  #expect(call > 20)
}

/// Goal: the same for power cuts; what was said to be imported is there. Method: cut at each call,
/// with the call done or not, and look at some of the disks that may come back.
@Test func thePowerMayFailAtAnyCall() throws {
  var call = 0, isDone = false
  while !isDone {
    for seed in 0..<12 as Range<UInt64> {
      let disk = ImportRig.disk(source)
      disk.faults[call] = .powerCut(callHappens: seed % 2 == 0)
      let isTaken = (try? ImportRig.run(disk)) != nil
      isDone = isTaken && disk.calls <= call
      let after = disk.afterPowerCut(seed: seed)
      let found = try started(after)
      #expect(
        isTaken ? found == whole : found == nil || found == [:] || found == whole,
        "call \(call), seed \(seed): \(found ?? [:])")
      if found != whole {
        after[ImportRig.file] = source
        try ImportRig.run(after)
        #expect(try started(after) == whole, "call \(call), seed \(seed)")
      }
    }
    call += 1
  }
}
