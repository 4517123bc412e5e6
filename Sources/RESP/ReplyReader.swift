// ReplyReader.swift: what a reply says, value by value, without copying it.
//
// It walks the bytes of one reply that ReplyParser has found whole. Aggregates are told by their
// count; the values inside follow in order.

/// One value of a reply. Views last as long as the bytes that they were read from.
public enum ReplyPart: Equatable {
  case simple(ByteView)
  case error(ByteView)
  case integer(Int64)
  case bulk(ByteView)
  /// RESP3's text with a format of three letters before it, which is left out here.
  case verbatim(ByteView)
  case null
  case boolean(Bool)
  case double(ByteView)
  case bigNumber(ByteView)
  /// So many values follow; of a map and an attribute so many pairs.
  case array(Int)
  case set(Int)
  case push(Int)
  case map(Int)
  case attribute(Int)

  /// Values that follow as parts of this one.
  @inlinable
  public var valueCount: Int {
    switch self {
    case .array(let count), .set(let count), .push(let count): count
    case .map(let count), .attribute(let count): 2 * count
    default: 0
    }
  }

  /// The bytes of a string of any kind.
  @inlinable
  public var bytes: ByteView? {
    switch self {
    case .simple(let bytes), .bulk(let bytes), .verbatim(let bytes): bytes
    default: nil
    }
  }
}

/// Reads the values of one reply from first to last.
@safe
public struct ReplyReader {
  private var rest: ByteView

  /// - Parameter reply: the bytes of a whole reply.
  public init(_ reply: ByteView) { rest = reply }

  public var isAtEnd: Bool { rest.isEmpty }

  /// The next value; nil behind the last, and for one that is not written as its type demands.
  public mutating func next() -> ReplyPart? {
    guard let end = rest.firstIndex(of: 0x0D), end > 0, end + 2 <= rest.count else { return nil }
    let mark = rest[0], line = rest[1..<end]
    rest = rest[end + 2..<rest.count]
    switch mark {
    case 0x2B: return .simple(line)
    case 0x2D: return .error(line)
    case 0x3A: return line.integer.map { .integer($0) }
    case 0x2C: return .double(line)
    case 0x28: return .bigNumber(line)
    case 0x5F: return .null
    case 0x23: return line == ByteView("t") ? .boolean(true) : .boolean(false)
    case 0x24, 0x3D, 0x21: return bulk(mark, line)
    case 0x2A, 0x7E, 0x3E, 0x25, 0x7C:
      guard let count = line.integer.map({ Int($0) }) else { return nil }
      if count < 0 { return .null }
      switch mark {
      case 0x2A: return .array(count)
      case 0x7E: return .set(count)
      case 0x3E: return .push(count)
      case 0x25: return .map(count)
      default: return .attribute(count)
      }
    default: return nil
    }
  }

  private mutating func bulk(_ mark: UInt8, _ line: ByteView) -> ReplyPart? {
    guard let size = line.integer.map({ Int($0) }) else { return nil }
    if size < 0 { return .null }
    guard size <= rest.count - 2 else { return nil }
    let bytes = rest[0..<size]
    rest = rest[size + 2..<rest.count]
    switch mark {
    case 0x24: return .bulk(bytes)
    case 0x21: return .error(bytes)
    default: return size >= 4 ? .verbatim(bytes[4..<size]) : nil
    }
  }

  /// Passes over the next value with all that is in it.
  ///
  /// - Returns: false when there was none.
  @discardableResult
  public mutating func skip() -> Bool {
    var missing = 1
    while missing > 0 {
      guard let part = next() else { return false }
      missing += part.valueCount
      if case .attribute = part { missing += 1 }
      missing -= 1
    }
    return true
  }

  /// The value that lies at `path`: of the value at `path[0]` of the reply the one at `path[1]`, and so
  /// on, each counted from 0.
  ///
  /// - Returns: nil when the reply has nothing there.
  public static func value(of reply: ByteView, at path: [Int]) -> ReplyPart? {
    var reader = ReplyReader(reply)
    for index in path {
      guard let part = reader.next(), index < part.valueCount else { return nil }
      for _ in 0..<index where !reader.skip() { return nil }
    }
    return reader.next()
  }
}
