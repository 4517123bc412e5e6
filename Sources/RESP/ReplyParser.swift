// ReplyParser.swift: cuts what a server sent into replies, wherever the network cut it.
//
// The client's side of the wire, for the SDK and the load tool. The parser finds where a reply ends
// and keeps its place inside an unfinished one, so that each byte is looked at once however it
// arrives; what a reply says is read from its bytes by ReplyReader.
// To find the end it need not know how deep it is: an aggregate of n adds n values to those missing.

/// What cannot be read as a reply. The connection is of no use afterwards.
public struct ReplyFormatError: Error, Equatable {
  public let reason: String

  public init(reason: String) { self.reason = reason }
}

/// The parser of one connection's replies, RESP2 and RESP3.
@safe
public struct ReplyParser {
  /// What `parse` found at the start of the input.
  public enum Outcome: Equatable {
    /// More bytes are needed.
    case incomplete
    /// A whole reply of `size` bytes; its first byte tells its type. `>` is a push, which answers
    /// no request.
    case reply(size: Int)
  }

  /// Longest line, without its end: of a status, an error, a number or a length. In bytes.
  public static let lineSizeMax = 1 << 20

  /// Values still to come of the reply in progress; 0 between replies.
  @usableFromInline var missing = 0
  /// Bytes of the current reply that have been understood.
  @usableFromInline var position = 0
  /// Bytes of it in which the line in progress has not ended.
  @usableFromInline var scanned = 0
  /// Where the bulk string ends whose length was read, its line break included; 0 is none.
  @usableFromInline var bulkEnd = 0

  public init() {}

  /// Whether nothing of a next reply has been read.
  public var isBetweenReplies: Bool { missing == 0 }

  /// Reads one reply at the start of `input`, which begins where the last reply ended.
  ///
  /// After `.incomplete` call again with the same bytes and more behind them.
  /// - Throws: what no server sends; nothing can be read from it afterwards.
  /// - Complexity: O(1) for each value, O(n) for a line of n bytes; bulk strings are skipped.
  @inlinable
  public mutating func parse(_ input: ByteView) throws(ReplyFormatError) -> Outcome {
    if missing == 0 {
      if input.isEmpty { return .incomplete }
      missing = 1
      position = 0
      scanned = 0
    }
    while missing > 0 {
      if bulkEnd == 0 {
        guard let end = try lineEnd(input) else { return .incomplete }
        let begin = position
        position = end + 2
        scanned = position
        switch input[begin] {
        case 0x2B, 0x2D, 0x3A, 0x2C, 0x28, 0x5F, 0x23: break  // + - : , ( _ #
        case 0x24, 0x3D, 0x21:  // $ = !
          let size = try length(input[begin + 1..<end])
          if size >= 0 { bulkEnd = position + size + 2 }
        case 0x2A, 0x7E, 0x3E: try expect(length(input[begin + 1..<end]))  // * ~ >
        case 0x25: try expect(2 * length(input[begin + 1..<end]))  // %
        case 0x7C:  // An attribute stands before the value that it belongs to.
          try expect(2 * length(input[begin + 1..<end]) + 1)
        case let mark: throw Self.unknown(mark)
        }
      }
      if bulkEnd > 0 {
        guard input.count >= bulkEnd else { return .incomplete }
        guard input[bulkEnd - 2] == 0x0D, input[bulkEnd - 1] == 0x0A else { throw Self.unended }
        position = bulkEnd
        scanned = position
        bulkEnd = 0
      }
      missing -= 1
    }
    return .reply(size: position)
  }

  /// Where the line that begins at `position` has its CR; nil before all of it is there.
  @inlinable
  mutating func lineEnd(_ input: ByteView) throws(ReplyFormatError) -> Int? {
    let bytes = unsafe input.start
    var index = scanned
    while index < input.count {
      if unsafe bytes.load(fromByteOffset: index, as: UInt8.self) == 0x0D {
        guard index > position else { throw Self.unended }
        guard index + 1 < input.count else { break }
        guard input[index + 1] == 0x0A else { throw Self.unended }
        return index
      }
      index += 1
    }
    guard index - position <= Self.lineSizeMax else { throw Self.tooLong }
    scanned = index
    return nil
  }

  /// A length or count, -1 for the null that RESP2 writes so. At most 2^40.
  @inlinable
  func length(_ digits: ByteView) throws(ReplyFormatError) -> Int {
    guard let number = digits.integer, number >= -1, number <= 1 << 40 else {
      throw Self.badLength
    }
    return Int(number)
  }

  @inlinable
  mutating func expect(_ values: Int) throws(ReplyFormatError) {
    guard values > 0 else { return }
    let (sum, overflow) = missing.addingReportingOverflow(values)
    guard !overflow else { throw Self.badLength }
    missing = sum
  }

  @usableFromInline static var unended: ReplyFormatError {
    ReplyFormatError(reason: "a line does not end with CR LF")
  }
  @usableFromInline static var tooLong: ReplyFormatError {
    ReplyFormatError(reason: "a line has more than \(lineSizeMax) bytes")
  }
  @usableFromInline static var badLength: ReplyFormatError {
    ReplyFormatError(reason: "a length is not a number or out of range")
  }
  @usableFromInline static func unknown(_ mark: UInt8) -> ReplyFormatError {
    ReplyFormatError(reason: "no reply begins with byte \(mark)")
  }
}
