// Reply.swift: writes replies, in the version of the protocol that the client speaks.
//
// A type that RESP2 lacks is written as RESP2 clients expect it: maps as flat arrays, doubles and
// big numbers as bulk strings, booleans as 0 and 1. The command says what it means and never asks
// which version it is.

#if canImport(Glibc)
  import Glibc
#endif

/// Replies in the making. Bytes go straight into the connection's output.
public struct Reply: ~Copyable {
  public var bytes = ByteBuffer()
  /// 2 or 3.
  public var version = 2

  /// Bytes of output after which bulk strings are left out and `isOverfull` is set: one short request
  /// can name a long value a thousand times. Commands that take what they reply with lift it.
  public var sizeMax = Self.sizeMaxUsual
  public static let sizeMaxUsual = 2 << 30
  /// Whether something was left out; who writes the reply puts an error in its place.
  public var isOverfull = false

  public init() {}

  @inlinable public var count: Int { bytes.count }

  /// `+text`
  @inlinable
  public mutating func simple(_ text: StaticString) {
    bytes.append(byte: 0x2B)
    bytes.append(text)
    bytes.append("\r\n")
  }

  public mutating func simple(_ text: String) {
    bytes.append(byte: 0x2B)
    bytes.append(text)
    bytes.append("\r\n")
  }

  /// `+text`; line breaks in it become spaces, since they would break the frame.
  public mutating func status(_ text: ByteView) { line(0x2B, text) }

  @inlinable public mutating func ok() { bytes.append("+OK\r\n") }

  /// `-message`; line breaks in it become spaces, since they would break the frame.
  public mutating func error(_ message: String) {
    bytes.append(byte: 0x2D)
    for byte in message.utf8 {
      bytes.append(byte: byte == 0x0D || byte == 0x0A ? 0x20 : byte)
    }
    bytes.append("\r\n")
  }

  /// `-message` of raw bytes, which may quote what a client sent.
  public mutating func error(_ message: ByteView) { line(0x2D, message) }

  private mutating func line(_ mark: UInt8, _ text: ByteView) {
    bytes.append(byte: mark)
    for index in 0..<text.count {
      let byte = text[index]
      bytes.append(byte: byte == 0x0D || byte == 0x0A ? 0x20 : byte)
    }
    bytes.append("\r\n")
  }

  @inlinable
  public mutating func integer(_ value: Int) { header(0x3A, value) }

  @inlinable
  public mutating func integer(_ value: Int64) { header(0x3A, Int(value)) }

  @inlinable
  public mutating func bulk(_ value: ByteView) {
    guard bytes.count <= sizeMax else {
      isOverfull = true
      return
    }
    header(0x24, value.count)
    let place = unsafe bytes.grow(value.count + 2)
    unsafe memcpy(place, value.start, value.count)
    unsafe place.storeBytes(of: 0x0D, toByteOffset: value.count, as: UInt8.self)
    unsafe place.storeBytes(of: 0x0A, toByteOffset: value.count + 1, as: UInt8.self)
  }

  public mutating func bulk(_ value: String) {
    header(0x24, value.utf8.count)
    bytes.append(value)
    bytes.append("\r\n")
  }

  public mutating func bulk(_ value: [UInt8]) {
    header(0x24, value.count)
    bytes.append(value)
    bytes.append("\r\n")
  }

  /// An integer as a bulk string.
  public mutating func bulk(integer value: Int64) {
    var digits = DecimalDigits(value)
    digits.withView { bulk($0) }
  }

  /// No value: `$-1`, or `_`.
  @inlinable
  public mutating func null() {
    if version >= 3 { bytes.append("_\r\n") } else { bytes.append("$-1\r\n") }
  }

  /// No array: `*-1`, or `_`.
  @inlinable
  public mutating func nullArray() {
    if version >= 3 { bytes.append("_\r\n") } else { bytes.append("*-1\r\n") }
  }

  @inlinable public mutating func array(_ count: Int) { header(0x2A, count) }

  /// `count` pairs follow.
  public mutating func map(_ count: Int) {
    if version >= 3 { header(0x25, count) } else { header(0x2A, count * 2) }
  }

  public mutating func set(_ count: Int) {
    if version >= 3 { header(0x7E, count) } else { header(0x2A, count) }
  }

  /// An out-of-band message of `count` parts.
  public mutating func push(_ count: Int) {
    if version >= 3 { header(0x3E, count) } else { header(0x2A, count) }
  }

  public mutating func boolean(_ value: Bool) {
    if version >= 3 {
      if value { bytes.append("#t\r\n") } else { bytes.append("#f\r\n") }
    } else {
      integer(value ? 1 : 0)
    }
  }

  /// Text with a format of three letters, such as "txt".
  public mutating func verbatim(_ text: String, format: StaticString = "txt") {
    if version >= 3 {
      header(0x3D, text.utf8.count + 4)
      bytes.append(format)
      bytes.append(byte: 0x3A)
      bytes.append(text)
      bytes.append("\r\n")
    } else {
      bulk(text)
    }
  }

  /// The same of bytes, with the first three letters of `format`.
  public mutating func verbatim(_ text: ByteView, format: ByteView) {
    guard version >= 3 else { return bulk(text) }
    header(0x3D, text.count + 4)
    for index in 0..<3 { bytes.append(byte: index < format.count ? format[index] : 0x20) }
    bytes.append(byte: 0x3A)
    bytes.append(text)
    bytes.append("\r\n")
  }

  /// An integer of any size, in decimal digits.
  public mutating func bigNumber(_ digits: ByteView) {
    if version < 3 { bulk(digits) } else { line(0x28, digits) }
  }

  /// A double whose shortest decimal form is `text`.
  public mutating func double(text: String) {
    if version >= 3 {
      bytes.append(byte: 0x2C)
      bytes.append(text)
      bytes.append("\r\n")
    } else {
      bulk(text)
    }
  }

  /// Bytes that are RESP already.
  public mutating func raw(_ encoded: ByteView) { bytes.append(encoded) }

  /// Marks the place of an array whose count is known only at its end.
  public mutating func beginArray() -> Int { bytes.count }

  /// Puts the header of an array of `count` elements at `mark`.
  /// - Complexity: O(bytes written since `mark`).
  public mutating func endArray(_ mark: Int, count: Int) {
    insertHeader(at: mark) { $0.array(count) }
  }

  /// The same for a map of `count` pairs.
  public mutating func endMap(_ mark: Int, count: Int) {
    insertHeader(at: mark) { $0.map(count) }
  }

  private mutating func insertHeader(at mark: Int, _ write: (inout Reply) -> Void) {
    var head = Reply()
    head.version = version
    write(&head)
    let size = head.count
    bytes.insert(head.bytes.view, at: mark)
    assert(size > 0)
  }

  /// `mark`, a decimal number, CR LF.
  @inlinable
  public mutating func header(_ mark: UInt8, _ value: Int) {
    if value >= 0 && value < 10 {
      let place = unsafe bytes.grow(4)
      let word = UInt32(mark) | UInt32(0x30 + value) << 8 | 0x0A0D_0000
      unsafe place.storeBytes(of: word.littleEndian, as: UInt32.self)
    } else {
      longHeader(mark, value)
    }
  }

  @usableFromInline
  mutating func longHeader(_ mark: UInt8, _ value: Int) {
    // Up to five digits the whole is one word, the last byte in its highest ones.
    if value >= 10 && value < 1000 {
      let (tens, ones) = UInt32(value).quotientAndRemainder(dividingBy: 10)
      let (hundreds, ten) = tens.quotientAndRemainder(dividingBy: 10)
      var word = UInt64(ten | ones &<< 8 | 0x0A0D_3030), size = 5
      if hundreds > 0 {
        word = word &<< 8 | UInt64(0x30 | hundreds)
        size = 6
      }
      bytes.reserve(8)
      let place = unsafe bytes.grow(size)
      return unsafe place.storeBytes(of: (word &<< 8 | UInt64(mark)).littleEndian, as: UInt64.self)
    }
    if value >= 0 && value < 100_000 {
      var word: UInt64 = 0x0A0D, rest = UInt32(value), size = 3
      repeat {
        let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
        word = word &<< 8 | UInt64(0x30 + digit)
        size += 1
        rest = quotient
      } while rest > 0
      word = word &<< 8 | UInt64(mark)
      bytes.reserve(8)
      let place = unsafe bytes.grow(size)
      return unsafe place.storeBytes(of: word.littleEndian, as: UInt64.self)
    }
    var digits = DecimalDigits(Int64(value))
    bytes.reserve(24)
    bytes.append(byte: mark)
    digits.withView { bytes.append($0) }
    bytes.append("\r\n")
  }
}

/// A signed 64-bit integer in decimal, without allocating.
@safe
public struct DecimalDigits {
  private var storage: (UInt64, UInt64, UInt64) = (0, 0, 0)
  private var start = 24

  public init(_ value: Int64) {
    var magnitude = value.magnitude
    var start = 24
    unsafe withUnsafeMutableBytes(of: &storage) { room in
      repeat {
        start -= 1
        let (quotient, digit) = magnitude.quotientAndRemainder(dividingBy: 10)
        unsafe room[start] = UInt8(truncatingIfNeeded: 0x30 + digit)
        magnitude = quotient
      } while magnitude > 0
      if value < 0 {
        start -= 1
        unsafe room[start] = 0x2D
      }
    }
    self.start = start
  }

  public var count: Int { 24 - start }

  public mutating func withView<R>(_ body: (ByteView) -> R) -> R {
    let start = start
    return unsafe withUnsafeBytes(of: &storage) { room in
      unsafe body(ByteView(UnsafeRawBufferPointer(rebasing: room[start..<24])))
    }
  }
}
