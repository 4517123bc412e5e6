import RESP
import Testing

@testable import Broker

@Test func checksumsAreThoseOfTheKnownVectors() {
  // RFC 3720, B.4, and the check value of the CRC catalogue.
  let vectors: [([UInt8], UInt32)] = [
    (Array("123456789".utf8), 0xE306_9283), ([], 0),
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0..<32), 0x46DD_794E), ((0..<32).reversed(), 0x113F_DB5C),
  ]
  for (bytes, checksum) in vectors {
    var buffer = ByteBuffer()
    buffer.append(bytes)
    #expect(CRC32C.checksum(buffer.view) == checksum)
    #expect(CRC32C.table(buffer.view) == checksum)
  }
}

@Test func checksumsByInstructionAndByTableAgreeAndGoOn() {
  var random = SplitMix64(seed: 3), buffer = ByteBuffer()
  for size in 0..<200 {
    buffer.reset()
    for _ in 0..<size { buffer.append(byte: UInt8.random(in: 0...255, using: &random)) }
    let whole = CRC32C.checksum(buffer.view)
    #expect(CRC32C.table(buffer.view) == whole)
    let cut = Int.random(in: 0...size, using: &random)
    let front = CRC32C.checksum(buffer.view(at: 0, size: cut))
    let rest = buffer.view(at: cut, size: size - cut)
    #expect(CRC32C.checksum(rest, after: front) == whole)
    #expect(CRC32C.table(rest, after: front) == whole)
  }
}

private func littleEndian(_ number: some FixedWidthInteger, size: Int) -> [UInt8] {
  (0..<size).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}

@Test func aFrameHeaderHasItsFieldsWhereItsCommentSays() throws {
  let header = FrameHeader(
    bodyChecksum: 0xA1A2_A3A4, bodySize: 77, count: 3, previous: 0xB1B2_B3B4, first: 1000,
    durable: 998)
  var bytes = ByteBuffer()
  let checksum = header.encode(into: &bytes, salt: 0x5A17)
  var expected = Array("MLF1".utf8) + littleEndian(checksum, size: 4)
  expected += littleEndian(0xA1A2_A3A4 as UInt32, size: 4) + littleEndian(77, size: 4)
  expected += littleEndian(3, size: 4) + littleEndian(0xB1B2_B3B4 as UInt32, size: 4)
  expected += littleEndian(1000, size: 8) + littleEndian(998, size: 8)
  #expect(bytes.view.array == expected)
  var rest = ByteBuffer()
  rest.append(Array(expected[8...]))
  #expect(checksum == CRC32C.table(rest.view, after: 0x5A17))
  #expect(FrameHeader(decoding: bytes.view, salt: 0x5A17) == header)
  #expect(header.last == 1002)
}

@Test func aFrameHeaderIsReadOnlyWholeUnchangedAndWithItsSalt() {
  let header = FrameHeader(
    bodyChecksum: 1, bodySize: 2, count: 1, previous: 4, first: 5, durable: 4)
  var bytes = ByteBuffer()
  header.encode(into: &bytes, salt: 9)
  #expect(FrameHeader(decoding: bytes.view, salt: 8) == nil)
  for size in 0..<FrameHeader.size {
    #expect(FrameHeader(decoding: bytes.view(at: 0, size: size), salt: 9) == nil)
  }
  for bit in 0..<FrameHeader.size * 8 {
    var flipped = bytes.view.array
    flipped[bit / 8] ^= 1 << (bit % 8)
    var buffer = ByteBuffer()
    buffer.append(flipped)
    #expect(FrameHeader(decoding: buffer.view, salt: 9) == nil, "bit \(bit)")
  }
}

@Test func aSegmentHeaderHasItsFieldsWhereItsCommentSays() {
  let header = SegmentHeader(
    previous: 0xC1C2_C3C4, identity: LogIdentity(number: 0x0102_0304_0506_0708), first: 4711)
  var bytes = ByteBuffer()
  header.encode(into: &bytes)
  let fields =
    littleEndian(0xC1C2_C3C4 as UInt32, size: 4) + littleEndian(0x0102_0304_0506_0708, size: 8)
    + littleEndian(4711, size: 8)
  var body = ByteBuffer()
  body.append(fields)
  let expected =
    Array("MARTLOG1".utf8) + littleEndian(CRC32C.table(body.view), size: 4) + fields
  #expect(bytes.view.array == expected)
  #expect(SegmentHeader(decoding: bytes.view) == header)
  for bit in 0..<SegmentHeader.size * 8 {
    var flipped = expected
    flipped[bit / 8] ^= 1 << (bit % 8)
    var buffer = ByteBuffer()
    buffer.append(flipped)
    #expect(SegmentHeader(decoding: buffer.view) == nil, "bit \(bit)")
  }
}

@Test func aSegmentIsNamedByTwentyDigits() {
  #expect(Segment(first: 4711).name == "00000000000000004711.log")
  #expect(Segment(name: "00000000000000004711.log") == Segment(first: 4711))
  for name in ["4711.log", "0000000000000000471x.log", "00000000000000004711.lox", "MANIFEST", ""] {
    #expect(Segment(name: name) == nil)
  }
  #expect(Segment(name: "00000000000000000000.log") == nil)
}

@Test func aManifestIsTextThatReadsBackAndNothingElseDoes() throws {
  var manifest = Manifest(identity: LogIdentity(number: 0xFF))
  manifest.checkpoint = Manifest.Checkpoint(name: "9.checkpoint", sequence: 9)
  manifest.segments = [Segment(first: 7), Segment(first: 12)]
  var bytes = ByteBuffer()
  bytes.append(manifest.text)
  #expect(
    manifest.text.hasPrefix(
      """
      martlet-log 1
      identity 00000000000000ff
      checkpoint 9.checkpoint 9
      segment 00000000000000000007.log 7
      segment 00000000000000000012.log 12
      crc32c 
      """))
  #expect(try Manifest(parsing: bytes.view) == manifest)
  for bit in 0..<bytes.count * 8 {
    var flipped = bytes.view.array
    flipped[bit / 8] ^= 1 << (bit % 8)
    var buffer = ByteBuffer()
    buffer.append(flipped)
    #expect(throws: Manifest.Flaw.self, "bit \(bit)") { try Manifest(parsing: buffer.view) }
  }
  for size in 0..<bytes.count {
    #expect(throws: Manifest.Flaw.self, "\(size) bytes") {
      try Manifest(parsing: bytes.view(at: 0, size: size))
    }
  }
}
