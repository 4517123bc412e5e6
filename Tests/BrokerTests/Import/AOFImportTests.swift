import RESP
import Testing

@testable import Broker

private typealias B = RDBBuilder
private typealias Value = ImportRig.Value

private func log(_ commands: [UInt8]...) -> [UInt8] { Array(commands.joined()) }

@Test func theCommandsOfALogAreRun() throws {
  let found = try ImportRig.imported(
    log(
      request("SELECT", "0"), request("SET", "a", "1"), request("INCR", "a"),
      Array("#TS:1700000000\r\n".utf8), request("rpush", "l", "x", "y", "z"), request("LPOP", "l"),
      request("SELECT", "9"), request("SET", "k", "v", "PXAT", "\(ImportRig.wall + 10)")))
  #expect(
    found == [
      "a": .string("2"), "l": .list(["y", "z"]),
      "9/k": .string("v", deadline: ImportRig.wall + 10),
    ])
}

/// Goal: what was out of time by now, and yet was made to last, lasts.
@Test func aKeyExpiresAtTheEndAlone() throws {
  let past = "\(ImportRig.wall - 1000)"
  let disk = ImportRig.disk(
    log(
      request("SET", "kept", "v", "PXAT", past), request("PERSIST", "kept"),
      request("RPUSH", "list", "a"), request("PEXPIREAT", "list", past),
      request("RPUSH", "list", "b"),
      request("PERSIST", "list"), request("SET", "gone", "v", "PXAT", past)))
  let summary = try ImportRig.run(disk)
  #expect(summary.expired == 1)
  #expect(
    try ImportRig.values(disk) == ["kept": .string("v"), "list": .list(["a", "b"])])
}

@Test func anRDBFileMayStandBeforeTheCommands() throws {
  var builder = RDBBuilder()
  builder.select(2)
  builder.deadline(ImportRig.wall - 1)
  builder.key(0, "k", B.string("v"))
  let found = try ImportRig.imported(
    builder.end()
      + log(request("SELECT", "2"), request("PERSIST", "k"), request("APPEND", "k", "w")))
  #expect(found == ["2/k": .string("vw")])
}

@Test func aTransactionIsOneFrame() throws {
  let filler = String(repeating: "f", count: 300 << 10)
  let disk = ImportRig.disk(
    log(
      request("SET", "a", filler), request("MULTI"), request("SET", "b", filler),
      request("SET", "c", filler), request("EXEC"), request("SET", "d", "1")))
  try ImportRig.run(disk)
  var counts: [Int] = []
  _ = try Recovery(disk: disk, directory: ImportRig.folder, options: .small).replay { _, count in
    counts.append(count)
  }
  #expect(counts == [1, 2, 1])
}

/// Goal: a log that was cut gives all whole commands, and transactions whole, before the cut.
@Test func aCutLogGivesWhatIsWholeAndSaysTheRest() throws {
  let pieces = [
    request("SET", "a", "1"), request("MULTI") + request("SET", "b", "2") + request("EXEC"),
    request("RPUSH", "c", "3"),
  ]
  let all: [(String, Value)] = [("a", .string("1")), ("b", .string("2")), ("c", .list(["3"]))]
  let whole = Array(pieces.joined())
  for size in 1...whole.count {
    let disk = ImportRig.disk(Array(whole[..<size]))
    let summary = try ImportRig.run(disk)
    var end = 0, count = 0
    while count < pieces.count, end + pieces[count].count <= size {
      end += pieces[count].count
      count += 1
    }
    #expect(summary.sizeLeftOut == size - end, "cut to \(size)")
    let expected = Dictionary(uniqueKeysWithValues: all[..<count])
    #expect(try ImportRig.values(disk) == expected, "cut to \(size)")
  }
}

@Test func commandsThatWaitDoNotWait() throws {
  let found = try ImportRig.imported(
    log(
      request("MULTI"), request("EXEC"), request("BLPOP", "none", "0"),
      request("BLMOVE", "none", "other", "LEFT", "LEFT", "0"), request("SET", "a", "1")))
  #expect(found == ["a": .string("1")])
}

@Test func aCommandThatCannotBeRunEndsTheImport() {
  let start = request("RPUSH", "l", "e")
  let cases: [(command: [UInt8], words: String)] = [
    (
      request("JSON.SET", "h", "f", "v"),
      "the command 'JSON.SET', which Martlet does not have (1 commands"
    ),
    (request("GET", "l"), "the command 'GET', which Martlet does not have"),
    (request("SHUTDOWN"), "the command 'SHUTDOWN', which Martlet does not have"),
    (request("INCR", "l"), "the command 'INCR' is refused: WRONGTYPE"),
    (request("LPUSH", "l"), "the command 'LPUSH' is refused: ERR wrong number of arguments"),
    (request("SELECT", "16"), "the command 'SELECT' is refused: ERR DB index is out of range"),
    (request("EXEC"), "the command 'EXEC' is refused: ERR EXEC without MULTI"),
    (Array("SET a 1\r\n".utf8), "no command begins here"),
    (Array("*0\r\n".utf8), "an empty command"),
    (Array("*x\r\n".utf8), "no command can be read here: Protocol error"),
    (Array("*1\r\n$999999999999\r\n".utf8), "no command can be read here: Protocol error"),
  ]
  for (command, words) in cases {
    let line = ImportRig.refusal(start + command)
    #expect(line.hasPrefix("/dump at offset \(start.count): \(words)"), "\(line)")
  }
  let failing = request("MULTI") + request("INCR", "l") + request("EXEC")
  #expect(ImportRig.refusal(start + failing).contains("a command of the transaction failed"))
}

@Test func aCommandThatCannotBeRunMayBeLeftOut() throws {
  let disk = ImportRig.disk(
    log(
      request("JSON.SET", "h", "f", "v"), request("RENAME", "h", "g"), request("MULTI"),
      request("json.set", "h", "f", "v"), request("SET", "a", "1"), request("EXEC"),
      request("RPUSH", "l", "e")))
  let summary = try ImportRig.run(disk, skipsUnknown: true)
  #expect(summary.skipped == ["command JSON.SET": 2])
  #expect(summary.refused == ["command RENAME": 1])
  #expect(try ImportRig.values(disk) == ["a": .string("1"), "l": .list(["e"])])
}

// MARK: Several files

private func folder(_ manifest: String, _ files: [String: [UInt8]]) -> SimulatedDisk {
  let disk = SimulatedDisk()
  try? disk.makeFolder("/aof")
  try? disk.syncFolder("/")
  disk["/aof/x.manifest"] = Array(manifest.utf8)
  for (name, bytes) in files { disk["/aof/\(name)"] = bytes }
  return disk
}

private let manifest = """
  file old seq 1 type h
  # a note
  file base.rdb seq 1 type b
  file "a b" seq 1 type i startoffset 0
  file c seq 2 type i

  """

@Test func theFilesOfAManifestAreReadInOrder() throws {
  var base = RDBBuilder()
  base.key(0, "k", B.string("base"))
  let files = [
    "base.rdb": base.end(), "a b": request("SELECT", "1") + request("SET", "k", "one"),
    "c": request("APPEND", "k", "+two"), "old": request("SET", "old", "x"),
  ]
  let expected: [String: Value] = ["k": .string("base+two"), "1/k": .string("one")]
  for source in ["/aof", "/aof/", "/aof/x.manifest"] {
    let disk = folder(manifest, files)
    let summary = try ImportRig.run(disk, source)
    #expect(summary.commands == 3)
    #expect(try ImportRig.values(disk) == expected, "\(source)")
  }
}

@Test func onlyTheLastFileMayBeCut() throws {
  let files = [
    "base.rdb": RDBBuilder().end(), "a b": request("SET", "a", "1"), "c": request("SET", "b", "2"),
  ]
  let last = folder(manifest, files)
  last["/aof/c"]!.removeLast()
  #expect(try ImportRig.run(last, "/aof").sizeLeftOut == files["c"]!.count - 1)
  let middle = folder(manifest, files)
  middle["/aof/a b"]!.removeLast()
  #expect {
    try ImportRig.run(middle, "/aof")
  } throws: { "\($0)".contains("/aof/a b at offset 0: the file is cut short, and others follow") }
}

@Test func aManifestThatCannotBeFollowedIsRefused() {
  let cases = [
    ("file ../x seq 1 type b\n", "has a line 1 that cannot be read"),
    ("file x seq 1\n", "has a line 1 that cannot be read"),
    ("file x seq 1 type b\nfile y seq 2 type b\n", "has a line 2 out of order"),
    ("file x seq 2 type i\nfile y seq 1 type i\n", "has a line 2 out of order"),
    ("file x seq 1 type h\n", "names no file"), ("", "names no file"),
    ("file missing seq 1 type i\n", "open /aof/missing"),
  ]
  for (text, words) in cases {
    let disk = folder(text, ["x": [], "y": []])
    #expect { try ImportRig.run(disk, "/aof") } throws: { "\($0)".contains(words) }
    #expect(disk.files.allSatisfy { $0.hasPrefix("/aof/") }, "the data folder is touched")
  }
  let none = SimulatedDisk()
  #expect { try ImportRig.run(none, "/") } throws: { "\($0)".contains("without a .manifest") }
}
