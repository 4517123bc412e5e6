// SortedSet.swift: the value of a key of type zset: members by score.
//
// A small one is packed in one block, a larger one is an index; the settings say what is small, and
// what has become an index stays one. The block of a packed one may move as it grows: who changes a
// sorted set hands it back to its entry (`Entry.keep`).
// Order is by score, where scores are equal by the bytes of the members; ranks count from 0.

import RESP

@safe
struct SortedSet: PiecedValue {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  /// Up to where a sorted set is packed.
  struct Limits {
    /// Members.
    let countMax: Int
    /// Bytes of each member.
    let memberMax: Int
  }

  static var kind: ValueKind { .sortedSet }

  static func make() -> SortedSet { unsafe SortedSet(address: PackedScores.make().address) }

  @inline(__always) var isPacked: Bool { load(4, as: UInt32.self) != ScoreIndex.mark }
  @inline(__always) var packed: PackedScores { unsafe PackedScores(address: address) }
  @inline(__always) var index: ScoreIndex { unsafe ScoreIndex(address: address) }

  mutating func take(_ packed: PackedScores) {
    unsafe self = SortedSet(address: packed.address)
  }

  var count: Int { isPacked ? packed.count : index.count }
  var encodingName: StaticString { isPacked ? "listpack" : "skiplist" }
  var memoryUsage: Int { isPacked ? usableSize + 8 : index.memoryUsage }

  // MARK: By member

  @inline(__always)
  func score(of member: ByteView, _ hash: KeyHash) -> Double? {
    isPacked ? packed.find(member)?.score : index.find(member, hash)?.score
  }

  /// The rank and the score of `member`.
  func rank(of member: ByteView, _ hash: KeyHash) -> (rank: Int, score: Double)? {
    guard isPacked else {
      return index.find(member, hash).map { (index.tree.rank(of: $0), $0.score) }
    }
    guard let entry = packed.find(member) else { return nil }
    var offset = 0, rank = 0
    while offset < entry.offset {
      offset = packed.entry(at: offset).next
      rank += 1
    }
    return (rank, entry.score)
  }

  /// Gives `member` the score that `decide` says, which is told the present one; nil: no change.
  /// A score must be a number.
  @inline(__always)
  mutating func put(
    _ member: ByteView, _ hash: KeyHash, _ limits: Limits, _ decide: (Double?) -> Double?
  ) {
    if isPacked {
      putPacked(member, hash, limits, decide)
    } else {
      index.put(member, hash, decide)
    }
  }

  private mutating func putPacked(
    _ member: ByteView, _ hash: KeyHash, _ limits: Limits, _ decide: (Double?) -> Double?
  ) {
    let old = packed.find(member)
    guard let decided = decide(old?.score), decided != old?.score else { return }
    let isSmall =
      old != nil || (packed.count < limits.countMax && member.count <= limits.memberMax)
    if let old { take(packed.removing(old.offset..<old.next, count: 1)) }
    let room = PackedScores.usedMax - PackedScores.overheadMax - packed.used
    guard isSmall, member.count <= room else {
      becomeIndex(hash)
      return index.put(member, hash) { _ in decided }
    }
    let score = Self.packedScore(decided)
    let place = packed.partition { $0 != score ? $0 < score : $1 < member }
    take(packed.inserting(member, score, at: place.offset))
  }

  /// As Redis does: what is packed has no -0.
  private static func packedScore(_ score: Double) -> Double { score == 0 ? 0 : score }

  /// Packs what is within `limits`.
  mutating func pack(_ limits: Limits) {
    guard !isPacked, count <= limits.countMax, count <= PackedScores.usedMax else { return }
    var bytes = ByteBuffer(), isSmall = true
    index.tree.forEach(in: 0..<count) { item in
      isSmall = isSmall && item.key.count <= min(limits.memberMax, PackedScores.usedMax)
      if isSmall { EncodedScore.append(item.key, Self.packedScore(item.score), to: &bytes) }
      if bytes.count > PackedScores.usedMax { isSmall = false }
    }
    guard isSmall else { return }
    let packed = PackedScores.make().filled(bytes.view, count: count)
    release()
    take(packed)
  }

  /// Makes an index of a packed set, which is not shared.
  mutating func becomeIndex(_ hash: KeyHash) {
    assert(!isShared)
    let old = packed, new = ScoreIndex.make()
    old.forEach(in: 0..<old.count) { entry in new.put(entry.member, hash) { _ in entry.score } }
    old.release()
    unsafe self = SortedSet(address: new.address)
  }

  /// Drops `member`.
  ///
  /// - Returns: whether it was there.
  mutating func remove(_ member: ByteView, _ hash: KeyHash) -> Bool {
    guard isPacked else { return index.remove(member, hash) }
    guard let entry = packed.find(member) else { return false }
    take(packed.removing(entry.offset..<entry.next, count: 1))
    return true
  }

  // MARK: By rank

  /// How many members `isBefore` holds for; it must hold for these alone, the first of all.
  @inline(__always)
  func rank(_ isBefore: (_ score: Double, _ member: ByteView) -> Bool) -> Int {
    isPacked ? packed.partition(isBefore).rank : index.tree.rank { isBefore($0, $1.key) }
  }

  /// Calls `body` with the members of the ranks in `range`, the last one first if `isReversed`.
  /// They are good until the set changes.
  @inline(__always)
  func forEach(
    in range: Range<Int>, isReversed: Bool = false, _ body: (ByteView, Double) -> Void
  ) {
    if isPacked {
      packed.forEach(in: range, isReversed: isReversed) { body($0.member, $0.score) }
    } else {
      index.tree.forEach(in: range, isReversed: isReversed) { body($0.key, $0.score) }
    }
  }

  /// Drops the members of the ranks in `range`.
  mutating func remove(_ range: Range<Int>, _ hash: KeyHash) {
    if isPacked {
      take(packed.removing(ranks: range))
    } else {
      index.remove(range, hash) { _ in }
    }
  }

  // MARK: In no order

  /// Calls `body` with some members from `cursor` on, all of them where there are few.
  ///
  /// - Returns: the cursor to go on with; 0 at the end.
  func scan(
    from cursor: UInt64, atLeast: Int, _ hash: KeyHash, _ body: (ByteView, Double) -> Void
  ) -> UInt64 {
    guard isPacked else {
      return index.scan(from: cursor, atLeast: atLeast, hash) { body($0.key, $0.score) }
    }
    forEach(in: 0..<count, body)
    return 0
  }

  func digest(_ hash: KeyHash, _ add: (UInt64) -> Void) {
    forEach(in: 0..<count) { member, score in
      add(hash(member))
      add((score == 0 ? 0 : score).bitPattern)  // -0 is the same score.
    }
  }

  func checkInvariants(_ hash: KeyHash) {
    if isPacked { packed.checkInvariants() } else { index.checkInvariants(hash) }
  }

  // MARK: Ownership

  /// Members of an index above which it is freed in slices.
  private static let countMaxAtOnce = 256

  var isLong: Bool { !isPacked && count > Self.countMaxAtOnce }

  func copied() -> SortedSet {
    unsafe SortedSet(address: isPacked ? packed.copied().address : index.copied().address)
  }

  func releaseChildren() {
    if !isPacked { index.releaseChildren() }
  }

  func bury(in graveyard: inout Graveyard) {
    if isPacked { release() } else { index.bury(in: &graveyard) }
  }
}
