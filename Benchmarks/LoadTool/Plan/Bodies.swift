// Bodies.swift: what is pushed: bytes of a size, a range of sizes, or the lines of a file.
//
// Bodies are slices of one pool, one after another, so that drawing one costs next to nothing (at
// random places a third of the tool's time were cache misses). By default the pool is random bytes, a
// megabyte before they come again: a server that compresses gains nothing then.

import RESP

/// Where the bodies of a run come from. Drawing allocates nothing.
struct Bodies: Sendable {
  enum Sizes: Equatable, Sendable {
    case fixed(Int)
    /// Each size alike.
    case range(ClosedRange<Int>)
    /// One of so many lines.
    case lines(Int)

    var text: String {
      switch self {
      case .fixed(let size): "\(size) bytes"
      case .range(let sizes): "\(sizes.lowerBound) to \(sizes.upperBound) bytes"
      case .lines(let count): "\(count) lines of a file"
      }
    }
  }

  static let sizeMax = 512 << 20
  let sizes: Sizes
  let isCompressible: Bool
  private let pool: [UInt8]
  /// Of a file: where each line lies in the pool.
  private let lines: [Range<Int>]

  /// - Parameter isCompressible: all bytes are the same letter.
  init(_ sizes: Sizes, isCompressible: Bool = false) {
    self.sizes = sizes
    self.isCompressible = isCompressible
    lines = []
    var random = RandomSource(seed: 1)
    let size = Self.largest(sizes) + (1 << 20)
    pool =
      isCompressible
      ? [UInt8](repeating: 0x78, count: size)
      : (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  /// The lines of a file, without their ends.
  ///
  /// - Returns: nil when there is none.
  init?(linesOf content: [UInt8]) {
    var lines: [Range<Int>] = []
    var start = 0
    while start < content.count {
      let end = content[start...].firstIndex(of: 0x0A) ?? content.count
      lines.append(start..<end)
      start = end + 1
    }
    guard !lines.isEmpty else { return nil }
    sizes = .lines(lines.count)
    isCompressible = false
    pool = content
    self.lines = lines
  }

  private static func largest(_ sizes: Sizes) -> Int {
    switch sizes {
    case .fixed(let size): size
    case .range(let sizes): sizes.upperBound
    case .lines: 0
    }
  }

  /// Bytes of the average body.
  var averageSize: Int {
    switch sizes {
    case .fixed(let size): size
    case .range(let sizes): (sizes.lowerBound + sizes.upperBound) / 2
    case .lines: lines.reduce(0) { $0 + $1.count } / lines.count
    }
  }

  /// Where one who draws is in the pool.
  struct Cursor {
    var random: RandomSource
    fileprivate var offset = 0

    init(random: RandomSource) { self.random = random }
  }

  /// Where a next body lies in the pool.
  @inline(__always)
  private func draw(_ cursor: inout Cursor) -> Range<Int> {
    let size: Int
    switch sizes {
    case .fixed(let fixed): size = fixed
    case .range(let range): size = range.lowerBound + cursor.random.below(range.count)
    case .lines: return lines[cursor.random.below(lines.count)]
    }
    // From another place each time, so that the next slices are others.
    if cursor.offset + size > pool.count { cursor.offset = cursor.random.below(64) }
    defer { cursor.offset += size }
    return cursor.offset..<cursor.offset + size
  }

  /// Appends a body as a bulk string.
  @inline(__always)
  func append(to output: inout ByteBuffer, _ cursor: inout Cursor) {
    let place = draw(&cursor)
    output.appendBulkHeader(place.count)
    unsafe pool.withUnsafeBytes { unsafe output.append(ByteView($0)[place]) }
    output.append("\r\n")
  }

  /// Appends the size of a body in decimal, the end of that line, the body, and the end of its own.
  @inline(__always)
  func appendLines(to output: inout ByteBuffer, _ cursor: inout Cursor) {
    let place = draw(&cursor)
    var digits = DecimalDigits(Int64(place.count))
    digits.withView { output.append($0) }
    output.append("\r\n")
    unsafe pool.withUnsafeBytes { unsafe output.append(ByteView($0)[place]) }
    output.append("\r\n")
  }

  /// Appends a body as a bulk string with `stamp` before it, in 16 hexadecimal digits and a blank: it makes a body of 17 bytes
  /// at least, and of the size drawn where that is larger.
  @inline(__always)
  func append(to output: inout ByteBuffer, stamp: Int64, _ cursor: inout Cursor) {
    let place = draw(&cursor)
    let size = max(Stamp.size, place.count)
    output.appendBulkHeader(size)
    Stamp.append(stamp, to: &output)
    let rest = place.lowerBound..<place.lowerBound + size - Stamp.size  // No longer than the place.
    unsafe pool.withUnsafeBytes { unsafe output.append(ByteView($0)[rest]) }
    output.append("\r\n")
  }
}

/// A time in front of a body, by which whoever receives it knows how long it was on its way.
enum Stamp {
  static let size = 17

  @inline(__always)
  static func append(_ time: Int64, to output: inout ByteBuffer) {
    let place = unsafe output.grow(size)
    var rest = UInt64(bitPattern: time)
    for index in stride(from: 15, through: 0, by: -1) {
      let digit = UInt8(rest & 15)
      unsafe place.storeBytes(
        of: digit < 10 ? 0x30 + digit : 0x57 + digit, toByteOffset: index, as: UInt8.self)
      rest >>= 4
    }
    unsafe place.storeBytes(of: 0x20, toByteOffset: 16, as: UInt8.self)
  }

  /// The stamp of a body; nil when it has none.
  @inline(__always)
  static func read(_ body: ByteView) -> Int64? {
    guard body.count >= size, body[16] == 0x20 else { return nil }
    var time: UInt64 = 0
    for index in 0..<16 {
      let byte = body[index]
      let digit = byte < 0x3A ? byte &- 0x30 : byte &- 0x57
      guard digit < 16 else { return nil }
      time = time << 4 | UInt64(digit)
    }
    return Int64(bitPattern: time)
  }
}

extension ByteBuffer {
  /// `$size\r\n`
  @inline(__always)
  mutating func appendBulkHeader(_ size: Int) {
    append(byte: 0x24)
    var divisor = 1
    while size / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(byte: UInt8(truncatingIfNeeded: 0x30 + size / divisor % 10))
      divisor /= 10
    }
    append("\r\n")
  }
}
