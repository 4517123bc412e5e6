import RESP
import Testing

@testable import Broker

/// What a reader of packed elements gives of `bytes`: integers as their digits.
private func read(_ bytes: [UInt8], ziplist: Bool) throws(PackedFlaw) -> [String] {
  var buffer = ByteBuffer()
  buffer.append(bytes)
  var elements: any PackedElements =
    ziplist ? try Ziplist(buffer.view) : try Listpack(buffer.view)
  var texts: [String] = []
  while let element = try elements.next() {
    switch element {
    case .bytes(let bytes): texts.append(bytes.text)
    case .integer(let number): texts.append("\(number)")
    }
  }
  return texts
}

private func x(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x78, count: count) }
private func text(_ count: Int) -> String { String(repeating: "x", count: count) }

private let listpackEntries: [(entry: [UInt8], is: String)] = [
  ([0x00], "0"), ([0x7F], "127"), ([0x80], ""), ([0xBF] + x(63), text(63)),
  ([0xC0, 0x80], "128"), ([0xCF, 0xFF], "4095"), ([0xD0, 0x00], "-4096"), ([0xDF, 0xFF], "-1"),
  ([0xE0, 0x40] + x(64), text(64)), ([0xEF, 0xFF] + x(4095), text(4095)),
  ([0xF0, 0x00, 0x10, 0, 0] + x(4096), text(4096)),
  ([0xF0, 0xFA, 0x3F, 0, 0] + x(16_378), text(16_378)),  // Its size, 16383, takes three bytes.
  ([0xF1, 0x00, 0x80], "-32768"), ([0xF1, 0xFF, 0x7F], "32767"),
  ([0xF2, 0x00, 0x00, 0x80], "-8388608"), ([0xF2, 0xFF, 0xFF, 0x7F], "8388607"),
  ([0xF3, 0, 0, 0, 0x80], "-2147483648"), ([0xF3, 0xFF, 0xFF, 0xFF, 0x7F], "2147483647"),
  ([0xF4, 0, 0, 0, 0, 0, 0, 0, 0x80], "\(Int64.min)"),
  ([0xF4] + [UInt8](repeating: 0xFF, count: 7) + [0x7F], "\(Int64.max)"),
]

private let ziplistEntries: [(entry: [UInt8], is: String)] = [
  ([0x00], ""), ([0x3F] + x(63), text(63)), ([0x40, 0x40] + x(64), text(64)),
  ([0x7F, 0xFF] + x(16_383), text(16_383)),
  ([0x80, 0, 0, 0x40, 0] + x(16_384), text(16_384)),
  ([0xC0, 0x00, 0x80], "-32768"), ([0xC0, 0xFF, 0x7F], "32767"),
  ([0xD0, 0, 0, 0, 0x80], "-2147483648"), ([0xD0, 0xFF, 0xFF, 0xFF, 0x7F], "2147483647"),
  ([0xE0, 0, 0, 0, 0, 0, 0, 0, 0x80], "\(Int64.min)"),
  ([0xF0, 0x00, 0x00, 0x80], "-8388608"), ([0xF0, 0xFF, 0xFF, 0x7F], "8388607"),
  ([0xFE, 0x80], "-128"), ([0xFE, 0x7F], "127"), ([0xF1], "0"), ([0xFD], "12"),
]

@Test func aListpackGivesEveryKindOfEntry() throws {
  let bytes = RDBBuilder.listpack(listpackEntries.map(\.entry))
  #expect(try read(bytes, ziplist: false) == listpackEntries.map(\.is))
}

@Test func aZiplistGivesEveryKindOfEntry() throws {
  let bytes = RDBBuilder.ziplist(ziplistEntries.map(\.entry))
  #expect(try read(bytes, ziplist: true) == ziplistEntries.map(\.is))
}

@Test func aPackedListMayNotKnowItsCount() throws {
  let listpack = RDBBuilder.listpack([[0x01], [0x02]], count: .max)
  #expect(try read(listpack, ziplist: false) == ["1", "2"])
  let ziplist = RDBBuilder.ziplist([[0xF2], [0xF3]], count: .max)
  #expect(try read(ziplist, ziplist: true) == ["1", "2"])
}

@Test func aPackedListThatContradictsItselfIsRefused() {
  var listpack = RDBBuilder.listpack([[0x01], [0x82, 0x61, 0x62]])
  let count = RDBBuilder.listpack([[0x01]], count: 2)
  #expect(throws: PackedFlaw.self) { try read(count, ziplist: false) }
  listpack[7] = 2  // The size behind the first entry.
  #expect(throws: PackedFlaw.self) { try read(listpack, ziplist: false) }
  var ziplist = RDBBuilder.ziplist([[0xF2], [0x02, 0x61, 0x62]])
  let countBefore = RDBBuilder.ziplist([[0xF2]], count: 2)
  #expect(throws: PackedFlaw.self) { try read(countBefore, ziplist: true) }
  ziplist[12] = 9  // The size of the first entry, before the second.
  #expect(throws: PackedFlaw.self) { try read(ziplist, ziplist: true) }
}

/// Goal: whatever a packed list is cut to or has flipped, it is read or refused, without a trap.
@Test(arguments: [true, false]) func noFlipOrCutOfAPackedListTraps(isZiplist: Bool) {
  let short = { (entries: [(entry: [UInt8], is: String)]) in
    entries.map(\.entry).filter { $0.count < 100 }
  }
  let whole =
    isZiplist
    ? RDBBuilder.ziplist(short(ziplistEntries)) : RDBBuilder.listpack(short(listpackEntries))
  for size in 0..<whole.count {
    #expect(throws: PackedFlaw.self) { try read(Array(whole[..<size]), ziplist: isZiplist) }
  }
  for bit in 0..<whole.count * 8 {
    var bytes = whole
    bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    _ = try? read(bytes, ziplist: isZiplist)
  }
}

// MARK: Compressed strings

private func decompressed(_ bytes: [UInt8], size: Int) throws(LZF.Flaw) -> String {
  var input = ByteBuffer(), output = ByteBuffer()
  input.append(bytes)
  output.append("before")
  try LZF.decompress(input.view, size: size, into: &output)
  return String(output.view.text.dropFirst(6))
}

@Test func compressedBytesAreLiteralsAndRepetitions() throws {
  #expect(try decompressed([2, 0x61, 0x62, 0x63], size: 3) == "abc")
  // Three bytes from three back; then a run that reaches into itself, with an extra size.
  #expect(try decompressed([2, 0x61, 0x62, 0x63, 0x20, 2], size: 6) == "abcabc")
  #expect(
    try decompressed([0, 0x61, 0xE0, 255, 0], size: 265) == String(repeating: "a", count: 265))
  // From further back than one byte can tell.
  let literal: [UInt8] = [31] + x(31) + [0x79]
  let many = literal + Array([[UInt8]](repeating: [31] + x(32), count: 9).joined())
  let far = try decompressed(many + [0x21, 0x20, 0, 0x7A], size: 32 * 10 + 3 + 1)
  #expect(far.dropFirst(320) == "yxxz")
}

@Test func compressedBytesThatMakeNoSenseAreRefused() {
  let cases: [(bytes: [UInt8], size: Int)] = [
    ([2, 0x61, 0x62], 3), ([0, 0x61, 0x20, 1], 4), ([0, 0x61, 0x20], 4), ([0, 0x61, 0xE0], 9),
    ([2, 0x61, 0x62, 0x63], 2), ([2, 0x61, 0x62, 0x63], 4), ([], 1),
  ]
  for (bytes, size) in cases {
    #expect(throws: LZF.Flaw.self) { try decompressed(bytes, size: size) }
  }
}

@Test func theChecksumIsThatOfJones() {
  #expect(CRC64.checksum(ByteView("123456789")) == 0xE9C6_D914_C4B8_D9CA)
  let parts = CRC64.checksum(ByteView("23456789"), after: CRC64.checksum(ByteView("1")))
  #expect(parts == 0xE9C6_D914_C4B8_D9CA)
}
