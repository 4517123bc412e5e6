// ByteView.swift: bytes that somebody else owns, for as long as one call lasts.
//
// Keys, values and arguments cross the broker as views into the buffer they were read into, so the
// hot path copies nothing. Bytes are not text: there is no `String` here but for what people read.
// A view is good until its owner's buffer changes; whoever keeps bytes longer copies them.

#if canImport(Glibc)
  import Glibc
#endif

/// A run of bytes in memory that another value owns.
///
/// Validity: until the owner is mutated or freed. Views of a request last until its command returns.
@safe
public struct ByteView {
  @usableFromInline let base: UnsafeRawPointer
  public let count: Int

  /// `count` bytes from `base`; they must stay where they are while the view is used.
  @inlinable
  public init(_ base: UnsafeRawPointer, count: Int) {
    assert(count >= 0)
    unsafe self.base = base
    self.count = count
  }

  @inlinable
  public init(_ bytes: UnsafeRawBufferPointer) {
    if let start = bytes.baseAddress, bytes.count > 0 {
      unsafe self.init(start, count: bytes.count)
    } else {
      self.init()
    }
  }

  /// No bytes.
  @inlinable
  public init() {
    unsafe base = UnsafeRawPointer(bitPattern: 1)!
    count = 0
  }

  /// The bytes of a literal, which live as long as the program.
  @inlinable
  public init(_ literal: StaticString) {
    unsafe self.init(UnsafeRawPointer(literal.utf8Start), count: literal.utf8CodeUnitCount)
  }

  @inlinable public var isEmpty: Bool { count == 0 }

  /// The address of the first byte, for the rooms that own memory. Valid as the view is.
  @inlinable public var start: UnsafeRawPointer { unsafe base }

  @inlinable
  public subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return unsafe base.load(fromByteOffset: index, as: UInt8.self)
  }

  @inlinable
  public subscript(range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe ByteView(base + range.lowerBound, count: range.count)
  }

  @inlinable
  public func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
  }

  /// A copy that outlives the owner.
  public var array: [UInt8] {
    unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: count))
  }

  /// The bytes as text for people: what is not UTF-8 becomes the replacement character.
  public var text: String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
  }
}

extension ByteView: Equatable {
  @inlinable
  public static func == (a: ByteView, b: ByteView) -> Bool {
    guard a.count == b.count else { return false }
    return unsafe memcmp(a.base, b.base, a.count) == 0
  }

  /// Byte order as memcmp has it; a prefix comes first.
  public static func < (a: ByteView, b: ByteView) -> Bool { a.compared(to: b) < 0 }

  /// Negative, zero or positive as `self` sorts before, with or after `other`, byte by byte.
  public func compared(to other: ByteView) -> Int {
    let order = unsafe Int(memcmp(base, other.base, min(count, other.count)))
    return order != 0 ? order : count - other.count
  }

  /// Whether these are the letters of `word`, which is written in lower case; ASCII case is ignored.
  @inlinable
  public func matches(_ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount else { return false }
    for index in 0..<count {
      var byte = unsafe base.load(fromByteOffset: index, as: UInt8.self)
      if byte &- 0x41 < 26 { byte |= 0x20 }
      if unsafe byte != word.utf8Start[index] { return false }
    }
    return true
  }

  /// Where `byte` first stands at or after `from`, if anywhere.
  @inlinable
  public func firstIndex(of byte: UInt8, from: Int = 0) -> Int? {
    guard from < count else { return nil }
    guard let found = unsafe memchr(base + from, Int32(byte), count - from) else { return nil }
    return unsafe UnsafeRawPointer(found) - base
  }
}

// MARK: Numbers as Redis reads them

extension ByteView {
  /// The signed 64-bit integer these bytes spell, in the strict form that Redis takes: no spaces, no
  /// plus sign, no leading zero, no "-0".
  @inlinable
  public var integer: Int64? {
    guard count > 0, count <= 20 else { return nil }
    var index = 0
    let negative = self[0] == 0x2D
    if negative { index = 1 }
    guard index < count else { return nil }
    let first = self[index] &- 0x30
    guard first <= 9 else { return nil }
    if first == 0 { return count == 1 ? 0 : nil }
    var magnitude = UInt64(first)
    index += 1
    while index < count {
      let digit = self[index] &- 0x30
      guard digit <= 9 else { return nil }
      let (product, tooBig) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
      guard !tooBig, !overflow else { return nil }
      magnitude = sum
      index += 1
    }
    if negative {
      guard magnitude <= UInt64(Int64.max) + 1 else { return nil }
      return Int64(truncatingIfNeeded: 0 &- magnitude)
    }
    return Int64(exactly: magnitude)
  }
}
