// PackedScores.swift: a small sorted set in one block, entry behind entry in order.
//
// Searches walk over all entries, so it is for few. An entry has a head, a score and a member:
//
//     head     0x00...0xEF: size of the member · 0xF0: u16 · 0xF1: u32 size behind it
//     score    0x00...0xDF: that integer · 0xE1...0xE7: an integer of 1 to 7 bytes, signed ·
//              0xE8: f32 · 0xE9: f64; each the shortest that is exact, all little-endian
//     member   its bytes
//
// So an entry is hardly larger than its member, and a checkpoint has the very same bytes.
// Invariant: entries ascend by (score, member), and no member is there twice.

import RESP

///     offset  size  field
///          0     4  owners
///          4     4  used     bytes of the entries
///          8     4  count    entries
///         12     …  the entries
@safe
struct PackedScores: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var headerSize: Int { 12 }
  /// Most bytes of all entries: a walk over the block is to stay quick.
  static var usedMax: Int { 64 << 10 }
  /// Most bytes of an entry besides its member.
  static var overheadMax: Int { 5 + 9 }

  static func make() -> PackedScores {
    let packed = PackedScores.allocate(size: headerSize)
    packed.used = 0
    packed.count = 0
    return packed
  }

  var used: Int {
    get { Int(load(4, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 4) }
  }
  var count: Int {
    get { Int(load(8, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 8) }
  }
  /// The entries, as a checkpoint has them.
  var bytes: ByteView { view(at: Self.headerSize, size: used) }

  func releaseChildren() {}

  func copied() -> PackedScores {
    let copy = PackedScores.allocate(size: Self.headerSize + used)
    copy.write(view(at: 4, size: Self.headerSize - 4 + used), at: 4)
    return copy
  }

  /// The same block, which is empty, with these entries.
  ///
  /// - Returns: what to use from now on, which may be another block.
  func filled(_ entries: ByteView, count: Int) -> PackedScores {
    let filled = resized(to: Self.headerSize + entries.count)
    filled.write(entries, at: Self.headerSize)
    filled.used = entries.count
    filled.count = count
    return filled
  }

  // MARK: Reading

  /// An entry and where it lies: `offset ..< next` of the entries.
  struct Entry {
    let member: ByteView
    let score: Double
    let offset: Int
    let next: Int
  }

  /// The entry at `offset`, where one must begin.
  @inline(__always)
  func entry(at offset: Int) -> Entry {
    let head = Self.readHead(bytes, offset)
    let score = Self.readScore(bytes, offset + head.size)
    let start = offset + head.size + score.size
    return Entry(
      member: view(at: Self.headerSize + start, size: head.member), score: score.value,
      offset: offset, next: start + head.member)
  }

  /// The entry of `member`. O(n).
  func find(_ member: ByteView) -> Entry? {
    var offset = 0
    let end = used
    while offset < end {
      let entry = entry(at: offset)
      if entry.member == member { return entry }
      offset = entry.next
    }
    return nil
  }

  /// How many entries `isBefore` holds for, which must be the first ones alone, and where they end.
  func partition(_ isBefore: (Double, ByteView) -> Bool) -> (rank: Int, offset: Int) {
    var offset = 0, rank = 0
    let end = used
    while offset < end {
      let entry = entry(at: offset)
      guard isBefore(entry.score, entry.member) else { break }
      offset = entry.next
      rank += 1
    }
    return (rank, offset)
  }

  /// Where the entry number `rank` begins, which may be `count`.
  private func offset(of rank: Int) -> Int {
    var offset = 0
    for _ in 0..<rank { offset = entry(at: offset).next }
    return offset
  }

  func forEach(in range: Range<Int>, isReversed: Bool = false, _ body: (Entry) -> Void) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    var offset = offset(of: range.lowerBound)
    guard isReversed else {
      for _ in range {
        let entry = entry(at: offset)
        body(entry)
        offset = entry.next
      }
      return
    }
    var offsets: [Int] = []
    offsets.reserveCapacity(range.count)
    for _ in range {
      offsets.append(offset)
      offset = entry(at: offset).next
    }
    for offset in offsets.reversed() { body(entry(at: offset)) }
  }

  // MARK: Writing, on a block that is not shared

  /// Adds an entry before the one at `offset`.
  ///
  /// - Returns: what to use from now on, which may be another block.
  func inserting(_ member: ByteView, _ score: Double, at offset: Int) -> PackedScores {
    assert(!isShared)
    let encoded = EncodedScore(score), head = Self.headSize(member.count)
    let size = head + encoded.size + member.count, used = used
    let needed = Self.headerSize + used + size
    let roomy = needed <= usableSize ? self : resized(to: needed)
    let place = Self.headerSize + offset
    roomy.move(from: place, to: place + size, size: used - offset)
    roomy.writeHead(member.count, at: place)
    roomy.writeScore(encoded, at: place + head)
    roomy.write(member, at: place + head + encoded.size)
    roomy.used = used + size
    roomy.count += 1
    return roomy
  }

  /// Drops `count` entries that fill `range` of the entries' bytes.
  ///
  /// - Returns: what to use from now on, which may be another block.
  func removing(_ range: Range<Int>, count gone: Int) -> PackedScores {
    assert(!isShared)
    let used = used, left = used - range.count
    move(
      from: Self.headerSize + range.upperBound, to: Self.headerSize + range.lowerBound,
      size: used - range.upperBound)
    self.used = left
    count -= gone
    return usableSize > 2 * (Self.headerSize + left) + 64
      ? resized(to: Self.headerSize + left) : self
  }

  /// Drops the entries of the ranks in `range`.
  ///
  /// - Returns: what to use from now on, which may be another block.
  func removing(ranks range: Range<Int>) -> PackedScores {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    let start = offset(of: range.lowerBound)
    var end = start
    for _ in range { end = entry(at: end).next }
    return removing(start..<end, count: range.count)
  }

  func checkInvariants() {
    precondition(Self.headerSize + used <= usableSize)
    precondition(Self.count(bytes) == count)
  }
}

// MARK: Bytes of an entry

extension PackedScores {
  private static func headSize(_ member: Int) -> Int {
    member < 0xF0 ? 1 : member <= 0xFFFF ? 3 : 5
  }

  @inline(__always)
  private static func readHead(_ bytes: ByteView, _ offset: Int) -> (size: Int, member: Int) {
    switch bytes[offset] {
    case 0xF0: (3, Int(low(bytes, offset + 1, size: 2)))
    case 0xF1: (5, Int(low(bytes, offset + 1, size: 4)))
    case let size: (1, Int(size))
    }
  }

  @inline(__always)
  private static func readScore(_ bytes: ByteView, _ offset: Int) -> (size: Int, value: Double) {
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

  private func writeHead(_ member: Int, at place: Int) {
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

  private func writeScore(_ score: EncodedScore, at place: Int) {
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
  static func checkedEntry(_ bytes: ByteView, _ offset: Int) -> Entry? {
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
    return Entry(
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
