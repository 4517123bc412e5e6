// PackedScores+Bytes.swift: heads and scores of entries, byte by byte, and entries that may be anything.

import RESP

extension PackedScores {
  static func headSize(_ member: Int) -> Int {
    member < 0xF0 ? 1 : member <= 0xFFFF ? 3 : 5
  }

  @inline(__always)
  static func readHead(_ bytes: ByteView, _ offset: Int) -> (size: Int, member: Int) {
    switch bytes[offset] {
    case 0xF0: (3, Int(low(bytes, offset + 1, size: 2)))
    case 0xF1: (5, Int(low(bytes, offset + 1, size: 4)))
    case let size: (1, Int(size))
    }
  }

  @inline(__always)
  static func readScore(_ bytes: ByteView, _ offset: Int) -> (size: Int, value: Double) {
    switch bytes[offset] {
    case ..<0xE0: return (1, Double(bytes[offset]))
    case 0xE8:
      let bits = UInt32(truncatingIfNeeded: low(bytes, offset + 1, size: 4))
      return (5, Double(Float(bitPattern: bits)))
    case 0xE9: return (9, Double(bitPattern: low(bytes, offset + 1, size: 8)))
    case let mark:
      let size = Int(mark & 0x0F), unused = UInt64(64 - 8 * size)
      let bits = Int64(bitPattern: low(bytes, offset + 1, size: size) << unused)
      return (1 + size, Double(bits >> Int64(unused)))
    }
  }

  /// The number of `size` bytes at `offset`, the lowest first.
  @inline(__always)
  private static func low(_ bytes: ByteView, _ offset: Int, size: Int) -> UInt64 {
    var bits: UInt64 = 0
    for index in 0..<size { bits |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    return bits
  }

  func writeHead(_ member: Int, at place: Int) {
    switch Self.headSize(member) {
    case 1: store(UInt8(member), at: place)
    case 3:
      store(UInt8(0xF0), at: place)
      storeLow(UInt64(member), size: 2, at: place + 1)
    default:
      store(UInt8(0xF1), at: place)
      storeLow(UInt64(member), size: 4, at: place + 1)
    }
  }

  func writeScore(_ score: EncodedScore, at place: Int) {
    store(score.mark, at: place)
    storeLow(score.bits, size: score.size - 1, at: place + 1)
  }

  /// The lowest `size` bytes of `bits`, the lowest first.
  private func storeLow(_ bits: UInt64, size: Int, at place: Int) {
    for index in 0..<size {
      store(UInt8(truncatingIfNeeded: bits >> UInt64(8 * index)), at: place + index)
    }
  }

  /// How many entries fill `bytes`, in order; nil when they are anything else.
  static func count(_ bytes: ByteView) -> Int? {
    var offset = 0, count = 0
    var last: (score: Double, member: ByteView)?
    while offset < bytes.count {
      guard let entry = checkedEntry(bytes, offset) else { return nil }
      if let last {
        guard last.score < entry.score || (last.score == entry.score && last.member < entry.member)
        else { return nil }
      }
      last = (entry.score, entry.member)
      offset = entry.next
      count += 1
    }
    return count
  }

  /// The entry at `offset` of bytes that may be anything; nil when none begins there.
  static func checkedEntry(_ bytes: ByteView, _ offset: Int) -> Pair? {
    let left = bytes.count - offset
    guard left > 0, bytes[offset] <= 0xF1 else { return nil }
    let headSize = bytes[offset] < 0xF0 ? 1 : bytes[offset] == 0xF0 ? 3 : 5
    guard left > headSize else { return nil }
    let mark = bytes[offset + headSize]
    guard mark <= 0xE9, mark != 0xE0 else { return nil }
    let scoreSize = mark < 0xE0 ? 1 : mark < 0xE8 ? 1 + Int(mark & 0x0F) : mark == 0xE8 ? 5 : 9
    guard left >= headSize + scoreSize else { return nil }
    let size = readHead(bytes, offset).member, score = readScore(bytes, offset + headSize).value
    guard size <= left - headSize - scoreSize, !score.isNaN else { return nil }
    let start = offset + headSize + scoreSize
    return Pair(
      member: bytes[start..<start + size], score: score, offset: offset, next: start + size)
  }
}

/// A score in its shortest exact form.
struct EncodedScore {
  let mark: UInt8
  let bits: UInt64
  /// Bytes with the mark.
  let size: Int

  init(_ score: Double) {
    if let integer = Int64(exactly: score), score.sign == .plus || integer != 0,
      integer.magnitude < 1 << 55
    {
      guard integer < 0 || integer >= 0xE0 else {
        (mark, bits, size) = (UInt8(integer), 0, 1)
        return
      }
      let used = 65 - (integer < 0 ? ~integer : integer).leadingZeroBitCount
      let bytes = (used + 7) / 8
      (mark, bits, size) = (0xE0 | UInt8(bytes), UInt64(bitPattern: integer), 1 + bytes)
    } else if Double(Float(score)) == score {
      (mark, bits, size) = (0xE8, UInt64(Float(score).bitPattern), 5)
    } else {
      (mark, bits, size) = (0xE9, score.bitPattern, 9)
    }
  }

  /// Appends an entry as a packed block has it.
  static func append(_ member: ByteView, _ score: Double, to bytes: inout ByteBuffer) {
    switch member.count {
    case ..<0xF0: bytes.append(byte: UInt8(member.count))
    case ...0xFFFF:
      bytes.append(byte: 0xF0)
      bytes.append(littleEndian: UInt16(member.count))
    default:
      bytes.append(byte: 0xF1)
      bytes.append(littleEndian: UInt32(member.count))
    }
    let score = EncodedScore(score)
    bytes.append(byte: score.mark)
    for index in 0..<score.size - 1 {
      bytes.append(byte: UInt8(truncatingIfNeeded: score.bits >> UInt64(8 * index)))
    }
    bytes.append(member)
  }
}
