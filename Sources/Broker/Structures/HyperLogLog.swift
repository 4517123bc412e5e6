// HyperLogLog.swift: about how many different things there were, in 12 KB at most.
//
// The bytes are those of Redis, so that such a string may go from one server to the other:
//
//     offset  size  field
//          0     4  "HYLL"
//          4     1  0 dense, 1 sparse
//          5     3  0
//          8     8  the last estimate, little-endian; bit 63 is set once it no longer holds
//         16     …  16384 registers of 6 bits
//
//     dense: register r is the 6 bits from bit 6 · r on, the lowest bit of each byte first
//     sparse, for few registers that are not 0:
//         00llllll             l + 1 registers are 0
//         01llllll llllllll    the same, 14 bits
//         1vvvvvll             l + 1 registers are v + 1
//
// A thing's hash (MurmurHash64A, Austin Appleby) chooses the register by its lowest 14 bits; the
// register keeps the most zeros, plus 1, that the other bits of any hash end in. The estimate is that of
// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017).

import RESP

/// A HyperLogLog whose bytes it owns.
struct HyperLogLog {
  static let registerCount = 1 << 14
  static let headerSize = 16
  static let denseSize = headerSize + registerCount * 6 / 8

  /// What is wrong with bytes that should be one.
  enum Flaw: Error {
    /// They are something else.
    case foreign
    /// They begin well, and go on wrong.
    case corrupt
  }

  private(set) var bytes: [UInt8]

  /// An empty one, sparse.
  init() {
    let run = Self.registerCount - 1
    bytes =
      Array("HYLL".utf8) + [1] + [UInt8](repeating: 0, count: 11)
      + [0x40 | UInt8(run >> 8), UInt8(run & 0xFF)]
  }

  /// - Throws: `.foreign` if the head is wrong; the registers are looked at when they are used.
  init(_ bytes: ByteView) throws(Flaw) {
    try Self.check(bytes)
    self.bytes = bytes.array
  }

  static func check(_ bytes: ByteView) throws(Flaw) {
    guard bytes.count >= headerSize, bytes[0..<4] == ByteView("HYLL"), bytes[4] <= 1,
      bytes[4] == 1 || bytes.count == denseSize
    else { throw .foreign }
  }

  // MARK: Things

  /// Where a thing counts, and how much.
  struct Mark {
    let register: Int
    /// 1 ... 51
    let rank: UInt8

    init(of thing: ByteView) {
      let hash = HyperLogLog.hash(thing)
      register = Int(truncatingIfNeeded: hash) & (HyperLogLog.registerCount - 1)
      rank = UInt8((hash >> 14 | 1 << 50).trailingZeroBitCount + 1)
    }

    init(register: Int, rank: UInt8) {
      self.register = register
      self.rank = rank
    }
  }

  private static func hash(_ thing: ByteView) -> UInt64 {
    let factor: UInt64 = 0xC6A4_A793_5BD1_E995
    var state = 0xADC8_3B19 ^ UInt64(thing.count) &* factor
    var index = 0
    while index + 8 <= thing.count {
      var word = thing.littleEndian(at: index, as: UInt64.self) &* factor
      word ^= word >> 47
      state = (state ^ word &* factor) &* factor
      index += 8
    }
    if index < thing.count {
      var rest: UInt64 = 0
      for place in index..<thing.count {
        rest |= UInt64(thing[place]) << UInt64(8 * (place - index))
      }
      state = (state ^ rest) &* factor
    }
    state ^= state >> 47
    state = state &* factor
    return state ^ state >> 47
  }

  // MARK: Registers

  var isDense: Bool { bytes[4] == 0 }

  /// Raises a register to the mark's rank, if it is lower.
  ///
  /// - Parameter sparseMax: bytes above which it becomes dense.
  /// - Returns: whether it was lower.
  mutating func raise(_ mark: Mark, sparseMax: Int) throws(Flaw) -> Bool {
    if isDense { return raiseDense(mark) }
    if mark.rank <= Self.valueMax {
      switch try raiseSparse(mark, sparseMax: sparseMax) {
      case .isRaised: return true
      case .isHigher: return false
      case .isTooBig: break
      }
    }
    try makeDense()
    return raiseDense(mark)
  }

  private mutating func raiseDense(_ mark: Mark) -> Bool {
    guard Self.register(mark.register, dense: { bytes[$0] }) < mark.rank else { return false }
    let (index, low, high) = Self.dense(mark) { bytes[$0] }
    bytes[index] = low
    if let high { bytes[index + 1] = high }
    return true
  }

  /// A register of a dense one, given its bytes.
  private static func register(_ number: Int, dense byte: (Int) -> UInt8) -> UInt8 {
    let bit = number * 6, index = headerSize + bit >> 3, shift = UInt16(bit & 7)
    let high = shift > 2 ? UInt16(byte(index + 1)) << 8 : 0
    return UInt8(truncatingIfNeeded: (UInt16(byte(index)) | high) >> shift) & 63
  }

  /// What the bytes from `index` on become when a register has the mark's rank; the second one only
  /// if the register reaches into it.
  private static func dense(
    _ mark: Mark, _ byte: (Int) -> UInt8
  ) -> (index: Int, low: UInt8, high: UInt8?) {
    let bit = mark.register * 6, index = headerSize + bit >> 3, shift = UInt16(bit & 7)
    let isSplit = shift > 2
    var pair = UInt16(byte(index)) | (isSplit ? UInt16(byte(index + 1)) << 8 : 0)
    pair = pair & ~(63 << shift) | UInt16(mark.rank) << shift
    return (
      index, UInt8(truncatingIfNeeded: pair), isSplit ? UInt8(truncatingIfNeeded: pair >> 8) : nil
    )
  }

  /// What to write where for a register of the dense `bytes` to have at least the mark's rank; nil if
  /// it has.
  static func change(_ mark: Mark, inDense bytes: ByteView) -> (index: Int, bytes: [UInt8])? {
    guard register(mark.register, dense: { bytes[$0] }) < mark.rank else { return nil }
    let (index, low, high) = dense(mark) { bytes[$0] }
    return (index, high.map { [low, $0] } ?? [low])
  }

  // MARK: Sparse

  private static let valueMax: UInt8 = 32
  private static let valueRunMax = 4
  private static let shortZeroRunMax = 64

  /// One piece of the sparse form.
  private struct Run {
    /// Of its registers; 0 for all runs of zeros.
    let value: UInt8
    let count: Int
    let size: Int

    init(_ value: UInt8, _ count: Int) {
      self.value = value
      self.count = count
      size = value == 0 && count > HyperLogLog.shortZeroRunMax ? 2 : 1
    }

    /// The run at `index` of `bytes`, which ends at `end`; nil if it is cut.
    init?(_ end: Int, _ index: Int, _ byte: (Int) -> UInt8) {
      let mark = byte(index)
      switch mark >> 6 {
      case 0: (value, count, size) = (0, Int(mark & 63) + 1, 1)
      case 1:
        guard index + 1 < end else { return nil }
        (value, count, size) = (0, (Int(mark & 63) << 8 | Int(byte(index + 1))) + 1, 2)
      default: (value, count, size) = (mark >> 2 & 31 + 1, Int(mark & 3) + 1, 1)
      }
    }

    var bytes: [UInt8] {
      if value > 0 { return [0x80 | (value - 1) << 2 | UInt8(count - 1)] }
      if size == 1 { return [UInt8(count - 1)] }
      return [0x40 | UInt8((count - 1) >> 8), UInt8((count - 1) & 0xFF)]
    }
  }

  private enum Raising { case isRaised, isHigher, isTooBig }

  /// Splits the run that has the register into what is before it, itself and what is behind it.
  private mutating func raiseSparse(
    _ mark: Mark, sparseMax: Int
  ) throws(Flaw) -> Raising {
    var index = Self.headerSize, before = Self.headerSize, first = 0
    var found: Run?
    while index < bytes.count {
      guard let run = Run(bytes.count, index, { bytes[$0] }) else { throw .corrupt }
      if mark.register < first + run.count {
        found = run
        break
      }
      before = index
      index += run.size
      first += run.count
    }
    guard let run = found else { throw .corrupt }
    guard run.value < mark.rank else { return .isHigher }
    let lead = mark.register - first, rest = run.count - lead - 1
    var pieces: [UInt8] = lead > 0 ? Run(run.value, lead).bytes : []
    pieces += Run(mark.rank, 1).bytes
    if rest > 0 { pieces += Run(run.value, rest).bytes }
    if pieces.count > run.size, bytes.count + pieces.count - run.size > sparseMax {
      return .isTooBig
    }
    bytes.replaceSubrange(index..<index + run.size, with: pieces)
    joinRuns(from: before)
    return .isRaised
  }

  /// Joins runs of one value that follow each other, where they fit into one. Those of the five runs
  /// from `start` on are looked at, among which all that a change has made are.
  private mutating func joinRuns(from start: Int) {
    var index = start
    for _ in 0..<5 {
      guard index < bytes.count, let run = Run(bytes.count, index, { bytes[$0] }) else { return }
      let next = index + run.size
      if run.value > 0, next < bytes.count, let other = Run(bytes.count, next, { bytes[$0] }),
        other.value == run.value, run.count + other.count <= Self.valueRunMax
      {
        bytes.replaceSubrange(
          index..<next + 1, with: Run(run.value, run.count + other.count).bytes)
      } else {
        index = next
      }
    }
  }

  /// Gives each register its 6 bits.
  mutating func makeDense() throws(Flaw) {
    guard !isDense else { return }
    var registers = HyperLogLogRegisters()
    try registers.raise(to: self)
    takeDense(registers)
  }

  /// Gives each register the rank that it has in `registers`, in 6 bits.
  mutating func takeDense(_ registers: HyperLogLogRegisters) {
    bytes.removeLast(bytes.count - Self.headerSize)
    bytes[4] = 0
    bytes.reserveCapacity(Self.denseSize)
    for first in stride(from: 0, to: Self.registerCount, by: 4) {
      var four: UInt32 = 0
      for place in 0..<4 {
        four |= UInt32(registers.ranks[first + place]) << UInt32(6 * place)
      }
      for place in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: four >> UInt32(8 * place))) }
    }
  }

  /// Calls `body` with each run of registers of the sparse `bytes` that are not 0.
  fileprivate static func forEachRun(
    _ bytes: ByteView, _ body: (_ first: Int, _ count: Int, _ value: UInt8) -> Void
  ) throws(Flaw) {
    var index = headerSize, first = 0
    while index < bytes.count {
      guard let run = Run(bytes.count, index, { bytes[$0] }), first + run.count <= registerCount
      else { throw .corrupt }
      if run.value > 0 { body(first, run.count, run.value) }
      first += run.count
      index += run.size
    }
    guard first == registerCount else { throw .corrupt }
  }

  // MARK: The estimate kept

  /// The last estimate, if it still holds.
  static func estimateKept(_ bytes: ByteView) -> UInt64? {
    let kept = bytes.littleEndian(at: 8, as: UInt64.self)
    return kept >> 63 == 0 ? kept : nil
  }

  /// Says that the last estimate no longer holds.
  mutating func forgetEstimate() { bytes[15] |= 0x80 }
}

/// All registers of one or of several HyperLogLogs, a byte each.
struct HyperLogLogRegisters {
  private(set) var ranks = [UInt8](repeating: 0, count: HyperLogLog.registerCount)

  /// Raises each register to what it is in `other`, where that is higher.
  mutating func raise(to other: ByteView) throws(HyperLogLog.Flaw) {
    guard other[4] == 1 else { return raise(toDense: other) }
    try HyperLogLog.forEachRun(other) { first, count, value in
      for register in first..<first + count { ranks[register] = max(ranks[register], value) }
    }
  }

  /// Three bytes at a time, which are four registers.
  private mutating func raise(toDense other: ByteView) {
    precondition(other.count == HyperLogLog.denseSize)
    unsafe other.withUnsafeBytes { bytes in
      unsafe ranks.withUnsafeMutableBufferPointer { ranks in
        var index = HyperLogLog.headerSize
        for first in stride(from: 0, to: HyperLogLog.registerCount, by: 4) {
          let four =
            unsafe UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8
            | UInt32(bytes[index + 2]) << 16
          for place in 0..<4 {
            let rank = UInt8(truncatingIfNeeded: four >> UInt32(6 * place)) & 63
            if unsafe rank > ranks[first + place] { unsafe ranks[first + place] = rank }
          }
          index += 3
        }
      }
    }
  }

  mutating func raise(to other: HyperLogLog) throws(HyperLogLog.Flaw) {
    let result = unsafe other.bytes.withUnsafeBytes { bytes in
      Result { () throws(HyperLogLog.Flaw) in try unsafe raise(to: ByteView(bytes)) }
    }
    try result.get()
  }

  /// About how many different things there were; the standard error is 0.81 %.
  var estimate: UInt64 {
    let count = Double(HyperLogLog.registerCount)
    var histogram = [Int](repeating: 0, count: 64)
    for rank in ranks { histogram[Int(rank)] += 1 }
    var sum = count * Self.tau((count - Double(histogram[51])) / count)
    for rank in (1...50).reversed() { sum = (sum + Double(histogram[rank])) * 0.5 }
    sum += count * Self.sigma(Double(histogram[0]) / count)
    // 1 / (2 ln 2), of infinitely many registers.
    let estimate = (0.721347520444481703680 * count * count / sum).rounded(.toNearestOrAwayFromZero)
    // Registers that no counting makes can come to more than a reply or a kept estimate has room for.
    return Int64(exactly: estimate).map { UInt64($0) } ?? 0
  }

  private static func tau(_ start: Double) -> Double {
    guard start != 0, start != 1 else { return 0 }
    var x = start, y = 1.0, z = 1 - start, last = 0.0
    repeat {
      x = x.squareRoot()
      last = z
      y *= 0.5
      z -= (1 - x) * (1 - x) * y
    } while last != z
    return z / 3
  }

  private static func sigma(_ start: Double) -> Double {
    guard start != 1 else { return .infinity }
    var x = start, y = 1.0, z = start, last = 0.0
    repeat {
      x *= x
      last = z
      z += x * y
      y += y
    } while last != z
    return z
  }
}
