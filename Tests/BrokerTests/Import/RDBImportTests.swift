import RESP
import Testing

@testable import Broker

private typealias B = RDBBuilder
private typealias Value = ImportRig.Value

private func file(_ build: (inout RDBBuilder) -> Void) -> [UInt8] {
  var builder = RDBBuilder()
  build(&builder)
  return builder.end()
}

// MARK: What is taken

@Test func stringsComeAsBytesNumbersOrCompressed() throws {
  let found = try ImportRig.imported(
    file {
      $0.key(0, "plain", B.string("value"))
      $0.key(0, "empty", B.string(""))
      $0.key(0, "byte", [0xC0, 0x80])
      $0.key(0, "short", [0xC1, 0xFF, 0x7F])
      $0.key(0, "word", [0xC2, 0, 0, 0, 0x80])
      $0.key(0, "packed", B.packed([0, 0x61, 0xE0, 11, 0], size: 21))
      $0.key(0, "long", B.string(String(repeating: "l", count: 20_000)))
      $0.bytes += [0, 0xC0, 42] + B.string("its key is a number")
    })
  #expect(
    found == [
      "plain": .string("value"), "empty": .string(""), "byte": .string("-128"),
      "short": .string("32767"), "word": .string("-2147483648"),
      "packed": .string(String(repeating: "a", count: 21)),
      "long": .string(String(repeating: "l", count: 20_000)), "42": .string("its key is a number"),
    ])
}

@Test func listsComeInFourLayouts() throws {
  let listpack = B.listpack([[0x01], [0x81, 0x62]])
  let ziplist = B.ziplist([[0xF2], [0x01, 0x62]])
  // Compressed as literals: what is tested is that a node may be.
  let literals = { (bytes: [UInt8]) in
    B.packed([UInt8(bytes.count - 1)] + bytes, size: bytes.count)
  }
  let found = try ImportRig.imported(
    file {
      $0.key(1, "strings", B.length(3) + B.string("a") + [0xC0, 7] + B.string(""))
      $0.key(10, "ziplist", B.string(ziplist))
      $0.key(14, "quicklist", B.length(2) + B.string(ziplist) + literals(ziplist))
      $0.key(
        18, "nodes",
        B.length(3) + [2] + B.string(listpack) + [1] + B.string("plain") + [2] + literals(listpack))
      $0.key(1, "none", B.length(0))
    })
  #expect(
    found == [
      "strings": .list(["a", "7", ""]), "ziplist": .list(["1", "b"]),
      "quicklist": .list(["1", "b", "1", "b"]), "nodes": .list(["1", "b", "plain", "1", "b"]),
    ])
}

@Test func sortedSetsComeInFourLayouts() throws {
  let texts = B.string("a") + [3] + Array("1.5".utf8) + B.string("b") + [254] + [0xC0, 7] + [255]
  let doubles =
    B.string("x") + B.littleEndian((0.1).bitPattern) + B.string("y")
    + B.littleEndian((-3.0).bitPattern)
  let found = try ImportRig.imported(
    file {
      $0.key(3, "texts", B.length(3) + texts)
      $0.key(5, "doubles", B.length(2) + doubles)
      $0.key(
        12, "ziplist",
        B.string(B.ziplist([[0xF2], [0xF3], [0x01, 0x62], [0x03] + Array("2.5".utf8)])))
      $0.key(
        17, "listpack",
        B.string(B.listpack([[0x01], [0x02], [0x81, 0x62], [0x84] + Array("-inf".utf8)])))
    })
  #expect(
    found == [
      "texts": .sortedSet(["7", "-inf", "a", "1.5", "b", "inf"]),
      "doubles": .sortedSet(["y", "-3", "x", "0.10000000000000001"]),
      "ziplist": .sortedSet(["1", "2", "b", "2.5"]),
      "listpack": .sortedSet(["b", "-inf", "1", "2"]),
    ])
}

@Test func aLongSortedSetIsAddedInPieces() throws {
  let count = 3000
  let members = (0..<count).map { "\($0 + 10_000)" + String(repeating: ".", count: $0 % 90) }
  let bytes = members.flatMap { B.string($0) + B.littleEndian((0.0).bitPattern) }
  let found = try ImportRig.imported(file { $0.key(5, "set", B.length(count) + bytes) })
  #expect(found == ["set": .sortedSet(members.flatMap { [$0, "0"] })])
}

@Test func scoresThatAreNoNumbersAreRefused() {
  let nan = B.littleEndian(Double.nan.bitPattern)
  let values: [(UInt8, [UInt8], String)] = [
    (3, B.length(1) + B.string("a") + [253], "a score that is no number"),
    (3, B.length(1) + B.string("a") + B.string("1x"), "a score that is no number"),
    (5, B.length(1) + B.string("a") + nan, "a score that is no number"),
    (17, B.string(B.listpack([[0x01], [0x81, 0x62]])), "a score that is no number"),
    (17, B.string(B.listpack([[0x01]])), "a member without a score"),
    (12, B.string(B.ziplist([[0xF2]])), "a member without a score"),
    (17, B.string("a listpack"), "another size than it says"),
    (12, B.string("a ziplist"), "another size than it says"),
  ]
  for (type, value, reason) in values {
    let line = ImportRig.refusal(file { $0.key(type, "k", value) })
    #expect(line.contains(reason), "\(type): \(line)")
  }
}

@Test func aLongListIsPushedInPieces() throws {
  let count = 3000
  let elements = (0..<count).map { "\($0)" + String(repeating: ".", count: $0 % 90) }
  let disk = ImportRig.disk(
    file { $0.key(1, "list", B.length(count) + elements.flatMap { B.string($0) }) })
  try ImportRig.run(disk)
  #expect(try ImportRig.values(disk) == ["list": .list(elements)])
  var pushes = 0
  _ = try exportLog(disk, ImportRig.folder, CheckpointCommands()) { bytes in
    pushes += bytes.text.split(separator: "RPUSH").count - 1
  }
  #expect(pushes > 5)
}

@Test func setsComeInThreeLayouts() throws {
  let intset = { (size: UInt32, numbers: [UInt8]) in
    B.string(
      B.littleEndian(size) + B.littleEndian(UInt32(numbers.count) / size) + numbers)
  }
  let found = try ImportRig.imported(
    file {
      $0.key(2, "strings", B.length(3) + B.string("a") + [0xC0, 7] + B.string(""))
      $0.key(11, "short", intset(2, [0xFE, 0xFF, 1, 2]))
      $0.key(11, "word", intset(4, [0, 0, 0, 0x80]))
      $0.key(11, "long", intset(8, [1, 0, 0, 0, 0, 0, 0, 0x80, 5, 0, 0, 0, 0, 0, 0, 0]))
      $0.key(20, "listpack", B.string(B.listpack([[0x01], [0x81, 0x62]])))
      $0.key(2, "none", B.length(0))
    })
  #expect(
    found == [
      "strings": .set(["a", "7", ""]), "short": .set(["-2", "513"]), "word": .set(["-2147483648"]),
      "long": .set(["-9223372036854775807", "5"]), "listpack": .set(["1", "b"]),
    ])
}

/// The least deadline of a hash, so many ms after the import.
private func later(_ milliseconds: Int64) -> [UInt8] {
  B.littleEndian(UInt64(bitPattern: ImportRig.wall + milliseconds))
}

/// A deadline in a listpack, so many ms after the import.
private func deadlineEntry(_ milliseconds: Int64) -> [UInt8] { [0xF4] + later(milliseconds) }

/// Goal: hashes come with the deadlines of their fields; those which have passed leave theirs out.
@Test func hashesComeInFiveLayouts() throws {
  let f: [UInt8] = [0x81, 0x66], g: [UInt8] = [0x81, 0x67]
  let soon = ImportRig.wall + 70
  let found = try ImportRig.imported(
    file {
      $0.key(4, "strings", B.length(2) + ["f", "1", "g", "v"].flatMap { B.string($0) })
      $0.key(13, "ziplist", B.string(B.ziplist([[0x01, 0x66], [0xF2]])))
      $0.key(16, "listpack", B.string(B.listpack([f, [0x05], g, f])))
      let gone = B.length(1) + B.string("gone") + B.string("v")
      let timed = B.length(80 + 1) + B.string("f") + B.string("v")
      $0.key(
        24, "timed", later(-10) + B.length(3) + gone + timed + [0] + B.string("g") + [0xC0, 3])
      $0.key(
        25, "packed",
        later(-9) + B.string(B.listpack([f, [0x05], deadlineEntry(70), g, [0x06], [0x00]])))
      $0.key(24, "empty", later(-9) + B.length(1) + gone)
    })
  #expect(
    found == [
      "strings": .hash(["f=1", "g=v"]), "ziplist": .hash(["f=1"]),
      "listpack": .hash(["f=5", "g=f"]), "timed": .hash(["f=v@\(soon)", "g=3"]),
      "packed": .hash(["f=5@\(soon)", "g=6"]),
    ])
}

@Test func longHashesAreSetInPieces() throws {
  let count = 3000
  let fields = (0..<count).map { ("f\($0)", String(repeating: ".", count: $0 % 90)) }
  let found = try ImportRig.imported(
    file {
      $0.key(4, "hash", B.length(count) + fields.flatMap { B.string($0) + B.string($1) })
    })
  #expect(found == ["hash": .hash(fields.map { "\($0)=\($1)" })])
}

@Test func databasesAndDeadlinesAreKept() throws {
  let disk = ImportRig.disk(
    file {
      $0.select(3)
      $0.deadline(ImportRig.wall + 5000)
      $0.key(0, "later", B.string("v"))
      $0.key(0, "for ever", B.string("v"))
      $0.select(15)
      $0.deadline(ImportRig.wall)
      $0.key(0, "gone", B.string("v"))
      $0.bytes += [0xFD] + B.littleEndian(UInt32(ImportRig.wall / 1000 + 7))
      $0.key(1, "list", B.length(1) + B.string("e"))
    })
  let summary = try ImportRig.run(disk)
  var list = Value.list(["e"])
  list.deadline = ImportRig.wall + 7000
  #expect(
    try ImportRig.values(disk) == [
      "3/later": .string("v", deadline: ImportRig.wall + 5000), "3/for ever": .string("v"),
      "15/list": list,
    ])
  #expect(summary.keys == [.string: 2, .list: 1])
  #expect(summary.databases == 2 && summary.expired == 1)
}

@Test func whatIsSaidBesidesKeysIsPassedOver() throws {
  let found = try ImportRig.imported(
    file {
      $0.bytes += [0xFA] + B.string("redis-ver") + B.string("7.2.4")
      $0.bytes += [0xFA] + B.string("ctime") + [0xC2, 1, 2, 3, 4]
      $0.select(0)
      $0.bytes += [0xFB] + B.length(1) + B.length(70)
      $0.bytes += [0xF4] + B.length(100) + B.length(16_384) + B.length(0)
      $0.bytes += [0xF8] + B.length(1000)
      $0.key(0, "idle", B.string("v"))
      $0.bytes += [0xF9, 200]
      $0.key(0, "frequent", B.string("v"))
    })
  #expect(found == ["idle": .string("v"), "frequent": .string("v")])
}

@Test(arguments: ["0009", "0010", "0011", "0012"]) func versionsThatWeKnowAreRead(version: String)
  throws
{
  var builder = RDBBuilder(version: version)
  builder.key(0, "k", B.string("v"))
  #expect(try ImportRig.imported(builder.end()) == ["k": .string("v")])
  #expect(try ImportRig.imported(builder.end(isSummed: false)) == ["k": .string("v")])
}

// MARK: What we do not have

/// A value of each kind that can be passed over, by its type's number.
private let foreign: [(type: UInt8, name: String, value: [UInt8])] = [
  (7, "module", [0x81] + [1, 2, 3, 4, 5, 6, 7, 8] + moduleValue),
  (9, "hash", B.string("a zipmap")),
]

/// A number, a signed one, a float, a double, a string, the end.
private let moduleValue: [UInt8] =
  [2, 0x40, 0xFF, 1, 7, 3, 1, 2, 3, 4, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5] + B.string("text") + [0]

/// An id as the 16 bytes that a stream has.
private func id(_ milliseconds: UInt64, _ sequence: UInt64) -> [UInt8] {
  [milliseconds, sequence].flatMap { B.littleEndian($0).reversed() }
}

/// A stream whose first entry and the deleted one behind it share their names, the third has others.
/// Its group has the first pending, and one that is not there any more.
private func stream(version: Int) -> [UInt8] {
  let time = B.littleEndian(Int64(1_600_000_000_000))
  let node = B.listpack([
    [2], [1], [1], [0x81, 0x61], [0],
    [2], [0], [0], [7], [4],
    [3], [1], [0], [8], [4],
    [0], [3], [0xDF, 0xFF], [1], [0x81, 0x62], [0x82, 0x68, 0x69], [6],
  ])
  var bytes = B.length(1) + B.string(id(5, 1)) + B.string(node)
  bytes += B.length(2) + B.length(100) + B.length(0)
  if version >= 2 { bytes += Array([5, 1, 6, 1, 70].map(B.length).joined()) }
  bytes += B.length(1) + B.string("group") + B.length(8) + B.length(0)
  if version >= 2 { bytes += B.length(69) }
  bytes += B.length(2) + id(5, 1) + time + B.length(3) + id(6, 1) + time + B.length(1)
  bytes += B.length(1) + B.string("consumer") + time + (version >= 3 ? time : [])
  return bytes + B.length(2) + id(5, 1) + id(6, 1)
}

@Test(arguments: [
  (version: 1, type: 15 as UInt8, added: 2, deleted: "0-0", read: "$-1"),
  (2, 19, 70, "6-1", ":69"), (3, 21, 70, "6-1", ":69"),
])
func streamsComeInThreeLayouts(
  _ sample: (version: Int, type: UInt8, added: Int, deleted: String, read: String)
) throws {
  let disk = ImportRig.disk(file { $0.key(sample.type, "s", stream(version: sample.version)) })
  try ImportRig.run(disk)
  var harness = try ImportRig.server(disk)
  let client = harness.client()
  #expect(
    harness.send(client, "XRANGE s - +")
      == "*2\r\n*2\r\n$3\r\n5-1\r\n*2\r\n$1\r\na\r\n$1\r\n7\r\n"
      + "*2\r\n$3\r\n8-0\r\n*2\r\n$1\r\nb\r\n$2\r\nhi\r\n")
  let about = harness.send(client, "XINFO STREAM s")
  #expect(about.contains("last-generated-id\r\n$5\r\n100-0\r\n"))
  #expect(about.contains("max-deleted-entry-id\r\n$3\r\n\(sample.deleted)\r\n"))
  #expect(about.contains("entries-added\r\n:\(sample.added)\r\n"))
  let groups = harness.send(client, "XINFO GROUPS s")
  #expect(groups.contains("last-delivered-id\r\n$3\r\n8-0\r\n"))
  #expect(
    harness.send(client, "XPENDING s group - + 10")
      == "*1\r\n*4\r\n$3\r\n5-1\r\n$8\r\nconsumer\r\n:100000000000\r\n:3\r\n")
  #expect(groups.contains("entries-read\r\n\(sample.read)\r\n"))
}

@Test func aStreamWithoutEntriesComesWithItsIDs() throws {
  let disk = ImportRig.disk(
    file {
      $0.key(
        19, "s",
        B.length(0) + B.length(0) + B.length(9) + B.length(4) + B.length(0) + B.length(0)
          + B.length(8)
          + B.length(0) + B.length(7) + B.length(0))
    })
  try ImportRig.run(disk)
  var harness = try ImportRig.server(disk)
  let client = harness.client()
  let about = harness.send(client, "XINFO STREAM s")
  #expect(about.contains("length\r\n:0\r\n"))
  #expect(about.contains("last-generated-id\r\n$3\r\n9-4\r\n"))
  #expect(about.contains("max-deleted-entry-id\r\n$3\r\n8-0\r\n"))
  #expect(about.contains("entries-added\r\n:7\r\n"))
}

@Test func aLibraryOfFunctionsIsTaken() throws {
  let code = "#!lua name=l\nredis.register_function('f', function() return 7 end)"
  let disk = ImportRig.disk(
    file {
      $0.bytes += [0xF5] + B.string(code)
      $0.key(0, "behind", B.string("v"))
    })
  try ImportRig.run(disk)
  var harness = try ImportRig.server(disk)
  let client = harness.client()
  #expect(harness.send(client, "FCALL f 0") == ":7\r\n")
  #expect(harness.send(client, "GET behind") == "$1\r\nv\r\n")
  let line = ImportRig.refusal(file { $0.bytes += [0xF5] + B.string("#!lua name=l") })
  #expect(line.contains("FUNCTION is refused: ERR Invalid library metadata"), "\(line)")
}

@Test func whatWeDoNotHaveIsRefusedByName() {
  for (type, name, value) in foreign {
    let bytes = file {
      $0.key(0, "before", B.string("v"))
      $0.key(type, "the key", value)
    }
    let line = ImportRig.refusal(bytes)
    #expect(line.hasPrefix("/dump at offset 19: the key 'the key' is a \(name), "), "\(line)")
    #expect(line.contains("(1 keys were read before it)"), "\(line)")
  }
}

@Test func whatWeDoNotHaveIsPassedOverAndCounted() throws {
  let disk = ImportRig.disk(
    file {
      for (type, _, value) in foreign { $0.key(type, "key \(type)", value) }
      $0.bytes += [0xF7, 5, 2, 1] + moduleValue
      $0.key(0, "behind", B.string("v"))
    })
  let summary = try ImportRig.run(disk, skipsUnknown: true)
  #expect(
    summary.skipped == [
      "hash": 1, "module": 1, "module's own value": 1,
    ])
  #expect(try ImportRig.values(disk) == ["behind": .string("v")])
}

// MARK: What is refused

@Test func filesThatWeCannotReadAreRefusedByVersion() {
  for version in ["0008", "0013", "0080", "00x1"] {
    let line = ImportRig.refusal(RDBBuilder(version: version).end())
    #expect(line.contains("an RDB file that begins with 'REDIS\(version)'; those of"), "\(line)")
  }
  let valkey = ImportRig.refusal(Array("VALKEY080".utf8) + RDBBuilder().end())
  #expect(valkey.contains("an RDB file that begins with 'VALKEY080'; those of"), "\(valkey)")
  #expect(ImportRig.refusal([]).contains("is empty"))
}

@Test func lengthsThatCannotBeAreRefused() {
  let huge: [UInt8] = [0x81, 0x10, 0, 0, 0, 0, 0, 0, 0]
  let cases: [(type: UInt8, value: [UInt8], words: String)] = [
    (0, huge, "bytes should follow"), (0, [0x80, 0x7F, 0xFF, 0xFF, 0xFF], "bytes should follow"),
    (0, [0xC3, 3] + huge + [1, 0x61, 0x62], "above proto-max-bulk-len"),
    (0, [0xC3] + huge + [3, 1, 0x61, 0x62], "bytes should follow"),
    (0, B.packed([0, 0x61, 0x20, 0], size: 500_000_000), "compressed bytes make 4"),
    (1, huge + B.string("e"), "a string of no known form"), (14, huge, "a string of no known form"),
    (18, [1, 3, 1, 0x61], "a list's node is of no known kind"),
    (0, [0x82], "a length of no known form"), (0, [0xC4], "a string of no known form"),
    (1, [0xC0], "a length of no known form"), (8, [], "a value of unknown type 8"),
    (22, [], "a value of unknown type 22"), (10, B.string("no ziplist"), "a ziplist has"),
    (18, [1, 2] + B.string("no listpack"), "a listpack has"),
    (11, B.string([3, 0, 0, 0, 0, 0, 0, 0]), "an intset has another size"),
    (11, B.string([2, 0, 0, 0, 2, 0, 0, 0, 1, 0]), "an intset has another size"),
    (11, B.string("short"), "an intset has no head"),
    (16, B.string(B.listpack([[0x05]])), "HSET is refused"),
    (25, later(0) + B.string(B.listpack([[0x05], [0x05]])), "goes at no known time"),
    (
      24,
      later(0) + B.length(1) + [0x81] + [UInt8](repeating: 0xFF, count: 8)
        + B.string("f") + B.string("v"), "at no known time"
    ),
  ]
  for (type, value, words) in cases {
    let line = ImportRig.refusal(file { $0.key(type, "key", value) })
    #expect(line.contains(words), "type \(type), \(value): \(line)")
  }
}

@Test func aKeyThatIsThereTwiceIsRefused() {
  for (first, second) in [(0, 0), (1, 1), (0, 1), (1, 0)] as [(UInt8, UInt8)] {
    let value = { (type: UInt8) in (type == 1 ? B.length(1) : []) + B.string("v") }
    let line = ImportRig.refusal(
      file {
        $0.key(first, "key", value(first))
        $0.key(second, "key", value(second))
      })
    #expect(line.contains("at offset 1") && line.contains("nothing was imported"), "\(line)")
  }
}

@Test func aDatabaseThatWeDoNotHaveIsRefused() {
  let line = ImportRig.refusal(file { $0.select(16) })
  #expect(line.contains("database 16, and there are 16: the option 'databases'"))
}

@Test func aChecksumThatDoesNotFitIsRefused() {
  var bytes = file { $0.key(0, "key", B.string("value")) }
  bytes[15] ^= 1
  #expect(ImportRig.refusal(bytes).contains("the checksum does not fit"))
}

// MARK: Damage

/// A file with something of everything.
private let sample = file {
  $0.bytes += [0xFA] + B.string("ver") + B.string("7")
  $0.key(0, "s", B.packed([0, 0x61, 0xE0, 1, 0], size: 11))
  $0.deadline(ImportRig.wall + 99)
  $0.key(
    18, "n",
    B.length(2) + [2] + B.string(B.listpack([[0xF1, 1, 2], [0x81, 0x62]])) + [1] + B.string("p"))
  $0.select(2)
  $0.key(14, "q", B.length(1) + B.string(B.ziplist([[0xC0, 1, 2], [0x01, 0x62]])))
  $0.key(19, "x", stream(version: 2))
  $0.key(11, "i", B.string(B.littleEndian(UInt32(2)) + B.littleEndian(UInt32(1)) + [5, 0]))
  $0.key(25, "e", later(1) + B.string(B.listpack([[0x81, 0x66], [0x05], deadlineEntry(70)])))
  $0.key(24, "h", later(9) + B.length(1) + B.length(2) + B.string("f") + B.string("v"))
  $0.key(1, "l", B.length(2) + [0xC1, 1, 2] + B.string("e"))
}

/// Goal: a file that was cut is refused wherever it was cut, and leaves nothing.
@Test func aCutFileIsRefusedAndLeavesNothing() throws {
  for size in 0..<sample.count {
    let disk = ImportRig.disk(Array(sample[..<size]))
    #expect(throws: ImportError.self, "cut to \(size)") {
      try ImportRig.run(disk, skipsUnknown: true)
    }
    let rest = disk.files.filter { $0 != ImportRig.file && !$0.hasSuffix("/LOCK") }
    #expect(rest.isEmpty, "cut to \(size)")
    #expect(disk.openCount == 0)
  }
}

/// Goal: no flipped bit traps, and with a checksum none is taken. Method: flip each, once with the
/// checksum and once with the zero that turns it off, so that what is flipped is looked at.
@Test func noFlippedBitTrapsOrIsTaken() throws {
  let unsummed = sample.dropLast(8) + [UInt8](repeating: 0, count: 8)
  for bit in 0..<(sample.count - 8) * 8 {
    var bytes = sample
    bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    #expect(throws: ImportError.self, "bit \(bit)") {
      try ImportRig.run(ImportRig.disk(bytes), skipsUnknown: true)
    }
    bytes = Array(unsummed)
    bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    let disk = ImportRig.disk(bytes)
    if (try? ImportRig.run(disk, skipsUnknown: true)) != nil { _ = try ImportRig.values(disk) }
  }
}

/// Goal: no bytes trap. Method: runs of the sample torn out, doubled and overwritten at random.
@Test(arguments: [1, 2, 3] as [UInt64]) func noBytesTrap(seed: UInt64) throws {
  var random = SplitMix64(seed: seed)
  for _ in 0..<400 {
    var bytes = Array(sample.dropLast(8))
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let start = Int.random(in: 9..<bytes.count, using: &random)
      let end = min(bytes.count, start + Int.random(in: 1...8, using: &random))
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
      default:
        for index in start..<end { bytes[index] = UInt8.random(in: .min ... .max, using: &random) }
      }
      if bytes.count < 20 { break }
    }
    let disk = ImportRig.disk(bytes + [UInt8](repeating: 0, count: 8))
    do {
      try ImportRig.run(disk, skipsUnknown: true)
      _ = try ImportRig.values(disk)
    } catch is ImportError {
      #expect(try ImportRig.values(disk) == [:], "seed \(seed)")
    }
  }
}
