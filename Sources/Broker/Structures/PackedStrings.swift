// PackedStrings.swift: strings one behind the other in few bytes, integers in fewer.
//
//     head 0x00...0x7F   a string of so many bytes, which follow
//          0x80...0xBF   the integers 0 ... 63
//          0xC0...0xC4   an integer of 1, 2, 3, 4 or 8 bytes, which follow, little-endian
//          0xD0...0xD2   a string, its size as u16, u32 or u64 before it, little-endian
//
// Small hashes and sets lie in memory like this, and all of them in checkpoints. A string has one
// form only: an integer where it spells one as Redis writes it, the shortest size otherwise. So equal
// strings are equal bytes, and a search compares without decoding.

import RESP

/// A string as it is stored: its bytes, or the integer that they spell. Bytes are valid as long as
/// what stores them is not changed.
enum StoredText {
  case bytes(ByteView)
  case integer(Int64)

  @inline(__always)
  func withView<R>(_ body: (ByteView) -> R) -> R {
    switch self {
    case .bytes(let bytes): return body(bytes)
    case .integer(let number):
      var digits = DecimalDigits(number)
      return digits.withView(body)
    }
  }

  /// The integer that it spells, if any.
  var integer: Int64? {
    switch self {
    case .bytes(let bytes): bytes.integer
    case .integer(let number): number
    }
  }

  /// How many bytes the string has.
  var count: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .integer(let number): DecimalDigits(number).count
    }
  }

  /// A copy that outlives what stores it.
  var array: [UInt8] { withView { $0.array } }
}

/// The packed form of one string: to be written, or to be compared with what lies packed.
struct PackedForm {
  private let head: UInt8
  /// What stands between head and bytes: an integer or a size, and how many bytes of it.
  private let number: UInt64
  private let numberSize: Int
  private let bytes: ByteView

  private static let integerHead: UInt8 = 0x80
  fileprivate static let wideHead: UInt8 = 0xC0
  fileprivate static let longHead: UInt8 = 0xD0

  @inline(__always)
  private init(_ head: UInt8, _ number: UInt64 = 0, size: Int = 0, _ bytes: ByteView = ByteView()) {
    self.head = head
    self.number = number
    numberSize = size
    self.bytes = bytes
  }

  @inline(__always)
  init(_ text: ByteView) {
    if text.count <= 20, let integer = text.integer {
      self.init(integer)
      return
    }
    let size = UInt64(text.count)
    switch size {
    case ...0x7F: self.init(UInt8(size), 0, size: 0, text)
    case ...0xFFFF: self.init(Self.longHead, size, size: 2, text)
    case ...0xFFFF_FFFF: self.init(Self.longHead + 1, size, size: 4, text)
    default: self.init(Self.longHead + 2, size, size: 8, text)
    }
  }

  init(_ integer: Int64) {
    let bits = UInt64(bitPattern: integer)
    switch integer {
    case 0..<64: self.init(Self.integerHead | UInt8(integer))
    case -1 << 7..<1 << 7: self.init(Self.wideHead, bits & 0xFF, size: 1)
    case -1 << 15..<1 << 15: self.init(Self.wideHead + 1, bits & 0xFFFF, size: 2)
    case -1 << 23..<1 << 23: self.init(Self.wideHead + 2, bits & 0xFF_FFFF, size: 3)
    case -1 << 31..<1 << 31: self.init(Self.wideHead + 3, bits & 0xFFFF_FFFF, size: 4)
    default: self.init(Self.wideHead + 4, bits, size: 8)
    }
  }

  init(_ text: StoredText) {
    switch text {
    case .bytes(let bytes): self.init(bytes)
    case .integer(let number): self.init(number)
    }
  }

  /// Bytes that it takes.
  var size: Int { 1 + numberSize + bytes.count }

  /// Writes all of it at `offset` of `block`.
  func write<B: Block>(to block: B, at offset: Int) {
    block.store(head, at: offset)
    for index in 0..<numberSize {
      block.store(UInt8(truncatingIfNeeded: number >> UInt64(8 * index)), at: offset + 1 + index)
    }
    block.write(bytes, at: offset + 1 + numberSize)
  }

  func append(to buffer: inout ByteBuffer) {
    buffer.append(byte: head)
    for index in 0..<numberSize {
      buffer.append(byte: UInt8(truncatingIfNeeded: number >> UInt64(8 * index)))
    }
    buffer.append(bytes)
  }

  /// Whether this is the string packed at `offset`.
  @inline(__always)
  func matches(_ packed: ByteView, at offset: Int) -> Bool {
    guard PackedStrings.byte(packed, offset) == head else { return false }
    if numberSize > 0, PackedStrings.number(packed, offset + 1, numberSize) != number {
      return false
    }
    return PackedStrings.view(packed, offset + 1 + numberSize, bytes.count) == bytes
  }
}

/// Reads what lies packed. What has not been checked by `end(of:at:)` must be our own.
enum PackedStrings {
  @inline(__always)
  fileprivate static func byte(_ packed: ByteView, _ offset: Int) -> UInt8 {
    unsafe packed.start.load(fromByteOffset: offset, as: UInt8.self)
  }

  /// The unsigned number of `size` bytes at `offset`.
  @inline(__always)
  fileprivate static func number(_ packed: ByteView, _ offset: Int, _ size: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in 0..<size { number |= UInt64(byte(packed, offset + index)) << UInt64(8 * index) }
    return number
  }

  /// Bytes of the integer behind a head from 0xC0 on.
  private static func integerSize(_ head: UInt8) -> Int {
    head == PackedForm.wideHead + 4 ? 8 : Int(head - PackedForm.wideHead) + 1
  }

  /// Bytes that the size behind a head from 0xD0 on has.
  private static func sizeSize(_ head: UInt8) -> Int { 2 << Int(head - PackedForm.longHead) }

  /// Where the string that begins at `offset` ends.
  @inline(__always)
  static func end(_ packed: ByteView, _ offset: Int) -> Int {
    let head = byte(packed, offset)
    if head < 0x80 { return offset + 1 + Int(head) }
    if head < PackedForm.wideHead { return offset + 1 }
    if head < PackedForm.longHead { return offset + 1 + integerSize(head) }
    let size = sizeSize(head)
    return offset + 1 + size + Int(number(packed, offset + 1, size))
  }

  /// The string that begins at `offset`.
  @inline(__always)
  static func text(_ packed: ByteView, _ offset: Int) -> StoredText {
    let head = byte(packed, offset)
    if head < 0x80 { return .bytes(view(packed, offset + 1, Int(head))) }
    if head < PackedForm.wideHead { return .integer(Int64(head & 0x3F)) }
    if head < PackedForm.longHead {
      let size = integerSize(head), unused = Int64(64 - 8 * size)
      return .integer(
        (Int64(bitPattern: number(packed, offset + 1, size)) << unused) >> unused)
    }
    let size = sizeSize(head)
    return .bytes(view(packed, offset + 1 + size, Int(number(packed, offset + 1, size))))
  }

  @inline(__always)
  fileprivate static func view(_ packed: ByteView, _ offset: Int, _ size: Int) -> ByteView {
    unsafe ByteView(packed.start + offset, count: size)
  }

  /// The same as `end(_:_:)` for bytes that may be anything; nil when no whole string is there.
  static func checkedEnd(_ packed: ByteView, _ offset: Int) -> Int? {
    guard offset < packed.count else { return nil }
    let head = packed[offset], left = packed.count - offset - 1
    switch head {
    case 0xC5..<0xD0, 0xD3...: return nil
    case PackedForm.longHead...:
      let size = sizeSize(head)
      guard size <= left, number(packed, offset + 1, size) <= UInt64(left - size) else {
        return nil
      }
    default: break
    }
    let end = end(packed, offset)
    return end <= packed.count ? end : nil
  }
}
