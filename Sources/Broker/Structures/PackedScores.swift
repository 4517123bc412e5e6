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

  /// An entry, and where it lies: `offset ..< next` of the entries.
  struct Pair {
    let member: ByteView
    let score: Double
    let offset: Int
    let next: Int
  }

  /// The entry at `offset`, where one must begin.
  @inline(__always)
  func entry(at offset: Int) -> Pair {
    let head = Self.readHead(bytes, offset)
    let score = Self.readScore(bytes, offset + head.size)
    let start = offset + head.size + score.size
    return Pair(
      member: view(at: Self.headerSize + start, size: head.member), score: score.value,
      offset: offset, next: start + head.member)
  }

  /// The entry of `member`. O(n).
  func find(_ member: ByteView) -> Pair? {
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

  func forEach(in range: Range<Int>, isReversed: Bool = false, _ body: (Pair) -> Void) {
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
