// RequestParser.swift: cuts what a client sent into requests, wherever the network cut it.
//
// A request is a RESP array of bulk strings, or an inline line with Redis' quoting. The parser keeps
// its place inside an unfinished request, so each byte is looked at once however it arrives. It
// stores offsets, never bytes: arguments stay in the input, except those of an inline request, which
// are unquoted into `inlineText`.
// Errors and their texts are those of redis-server 7; after one the connection is closed.

#if canImport(Glibc)
  import Glibc
#endif

/// Where one argument lies: `offset` and `size` in bytes from the start of the request.
public struct ArgumentRange {
  public var offset: UInt32
  public var size: UInt32

  @inlinable
  public init(offset: Int, size: Int) {
    self.offset = UInt32(truncatingIfNeeded: offset)
    self.size = UInt32(truncatingIfNeeded: size)
  }
}

/// What cannot be read as a request.
public struct ProtocolError: Error, Equatable {
  /// What the client is told, for `Reply.error`. It may quote a byte that is not text.
  public let bytes: [UInt8]
  /// The same as text for people.
  public var message: String { String(decoding: bytes, as: UTF8.self) }

  public static func because(_ reason: StaticString) -> ProtocolError {
    ProtocolError(bytes: ByteView("ERR Protocol error: ").array + ByteView(reason).array)
  }

  static func expectedBulk(got mark: UInt8) -> ProtocolError {
    let shown = mark == 0x0D || mark == 0x0A ? 0x20 : mark
    return ProtocolError(
      bytes: ByteView("ERR Protocol error: expected '$', got '").array + [shown, 0x27])
  }
}

/// The bounds on one request, in bytes and counts.
public struct RequestLimits: Sendable {
  /// `proto-max-bulk-len`.
  public var bulkSizeMax = 512 << 20
  /// Longest inline request, and longest length line, without its end.
  public var lineSizeMax = 64 << 10
  /// Before a client has shown who it is, little is taken from it: `loginBulkSizeMax` bytes an
  /// argument, `loginArgumentCountMax` arguments.
  public var isBeforeLogin = false

  static var loginBulkSizeMax: Int64 { 16 << 10 }
  static var loginArgumentCountMax: Int64 { 10 }
  static var argumentCountMax: Int64 { Int64(Int32.max) }
  /// Offsets of arguments are 32 bits wide; query buffers are bounded far below.
  static var requestSizeMax: Int { Int(UInt32.max) }

  /// The bounds for clients that have not logged in.
  public static let beforeLogin: RequestLimits = {
    var limits = RequestLimits()
    limits.isBeforeLogin = true
    return limits
  }()

  public init() {}
}

/// The parser of one connection.
@safe
public struct RequestParser: ~Copyable {
  /// What `parse` found at the start of the input.
  public enum Outcome: Equatable {
    /// More bytes are needed.
    case incomplete
    /// A request of `size` bytes, its arguments ready; with none of them there is nothing to run.
    case request(size: Int)
  }

  /// Arguments still to come, of a RESP array in progress; 0 between requests.
  @usableFromInline var remaining = 0
  /// Size of the bulk string whose header was read, or -1.
  @usableFromInline var bulkSize = -1
  /// Bytes of the current request that have been understood.
  @usableFromInline var position = 0
  @usableFromInline var ranges: UnsafeMutablePointer<ArgumentRange>?
  @usableFromInline var capacity = 0
  public private(set) var count = 0
  /// The unquoted arguments of an inline request.
  public private(set) var inlineText = ByteBuffer()
  /// Whether the last request was inline, so that its ranges point into `inlineText`.
  public private(set) var isInline = false

  public init() { unsafe ranges = nil }

  deinit { unsafe ranges?.deallocate() }

  /// Whether nothing of a next request has been read.
  public var isBetweenRequests: Bool { remaining == 0 && position == 0 }

  /// How many bytes the request in progress surely lacks, beyond `held` at hand: a hint for reading.
  public func missing(held: Int) -> Int {
    guard remaining > 0, bulkSize >= 0 else { return 0 }
    return max(0, position + bulkSize + 2 - held)
  }

  /// The ranges of the last request's arguments. Valid until the next `parse`.
  public var arguments: UnsafeBufferPointer<ArgumentRange> {
    unsafe UnsafeBufferPointer(start: ranges, count: count)
  }

  /// Reads one request at the start of `input`, which begins where the last request ended.
  ///
  /// After `.incomplete` call again with the same bytes and more behind them.
  /// - Throws: what a client may not send; nothing can be read from it afterwards.
  public mutating func parse(
    _ input: ByteView, limits: borrowing RequestLimits
  ) throws(ProtocolError) -> Outcome {
    if remaining == 0 {
      if let size = wholeRequest(input, limits) { return .request(size: size) }
      guard input.count > 0 else { return .incomplete }
      count = 0
      if input[0] != 0x2A { return try parseInline(input, limits: limits) }
      isInline = false
      guard let line = try lengthLine(input, from: 0, limits, "too big mbulk count string") else {
        return .incomplete
      }
      guard let announced = line.number, announced <= RequestLimits.argumentCountMax else {
        throw .because("invalid multibulk length")
      }
      if limits.isBeforeLogin, announced > RequestLimits.loginArgumentCountMax {
        throw .because("unauthenticated multibulk length")
      }
      guard announced > 0 else { return .request(size: line.next) }
      remaining = Int(announced)
      bulkSize = -1
      position = line.next
    }
    while remaining > 0 {
      if bulkSize < 0 {
        guard
          let line = try lengthLine(input, from: position, limits, "too big bulk count string")
        else { return .incomplete }
        let mark = input[position]
        guard mark == 0x24 else { throw .expectedBulk(got: mark) }
        guard let announced = line.number, announced >= 0, announced <= limits.bulkSizeMax,
          announced <= RequestLimits.requestSizeMax - line.next
        else { throw .because("invalid bulk length") }
        if limits.isBeforeLogin, announced > RequestLimits.loginBulkSizeMax {
          throw .because("unauthenticated bulk length")
        }
        bulkSize = Int(announced)
        position = line.next
      }
      guard input.count - position >= bulkSize + 2 else { return .incomplete }
      append(ArgumentRange(offset: position, size: bulkSize))
      position += bulkSize + 2
      bulkSize = -1
      remaining -= 1
    }
    let size = position
    position = 0
    return .request(size: size)
  }

  /// Reads a request as nearly all are: an array that is there whole, its lengths short and well formed.
  ///
  /// - Returns: its size in bytes; nil for every other input, of which the long way tells what it is.
  @inline(__always)
  private mutating func wholeRequest(_ input: ByteView, _ limits: borrowing RequestLimits) -> Int? {
    guard !limits.isBeforeLogin, input.count <= RequestLimits.requestSizeMax,
      let head = input.shortLine(at: 0, mark: 0x2A)
    else { return nil }
    if capacity == 0 { makeRoom() }
    // What is announced makes no room: it need not come.
    guard head.number <= capacity else { return nil }
    let ranges = unsafe ranges.unsafelyUnwrapped
    var position = head.next
    for index in 0..<head.number {
      guard let line = input.shortLine(at: position, mark: 0x24),
        line.number <= limits.bulkSizeMax, input.count - line.next >= line.number + 2
      else { return nil }
      unsafe ranges[index] = ArgumentRange(offset: line.next, size: line.number)
      position = line.next + line.number + 2
    }
    count = head.number
    isInline = false
    return position
  }

  /// The number behind the mark at `from` and before the next CR, and where the line after it starts.
  ///
  /// A NUL hides the end of its line, as it does from redis-server: more is waited for.
  private func lengthLine(
    _ input: ByteView, from: Int, _ limits: borrowing RequestLimits, _ tooBig: StaticString
  ) throws(ProtocolError) -> (number: Int64?, next: Int)? {
    let line = input[from..<min(input.count, from + limits.lineSizeMax + 1)]
    guard let size = line.firstIndex(of: 0x0D) else {
      if input.count - from > limits.lineSizeMax { throw .because(tooBig) }
      return nil
    }
    let number = size > 0 ? line[1..<size].integer : nil
    if number == nil || line[0] == 0, line[0..<size].firstIndex(of: 0) != nil {
      if input.count - from > limits.lineSizeMax { throw .because(tooBig) }
      return nil
    }
    guard from + size + 1 < input.count else { return nil }
    return (number, from + size + 2)
  }

  private mutating func append(_ range: ArgumentRange) {
    if count == capacity { makeRoom() }
    unsafe ranges.unsafelyUnwrapped[count] = range
    count += 1
  }

  private mutating func makeRoom() {
    let grown = max(16, capacity * 2)
    let moved = UnsafeMutablePointer<ArgumentRange>.allocate(capacity: grown)
    if let old = unsafe ranges {
      unsafe moved.update(from: old, count: count)
      unsafe old.deallocate()
    }
    unsafe ranges = moved
    capacity = grown
  }

  /// Gives back what an unusually long request made this parser hold.
  public mutating func shrink() {
    if capacity > 1024, isBetweenRequests {
      unsafe ranges?.deallocate()
      unsafe ranges = nil
      capacity = 0
      count = 0
    }
    if isBetweenRequests { inlineText.reset(keeping: 1024) }
  }
}

// MARK: Inline requests

extension RequestParser {
  private mutating func parseInline(
    _ input: ByteView, limits: borrowing RequestLimits
  ) throws(ProtocolError) -> Outcome {
    isInline = true
    let line = input[0..<min(input.count, limits.lineSizeMax + 1)]
    guard let newline = line.firstIndex(of: 0x0A),
      line[0..<newline].firstIndex(of: 0) == nil  // A NUL hides the end of its line.
    else {
      if input.count > limits.lineSizeMax { throw .because("too big inline request") }
      return .incomplete
    }
    var end = newline
    if end > 0, input[end - 1] == 0x0D { end -= 1 }
    inlineText.reset(keeping: 1024)
    guard split(input[0..<end]) else { throw .because("unbalanced quotes in request") }
    return .request(size: newline + 1)
  }

  /// Splits a line at blanks, with "..." (escapes \n \r \t \b \a \xHH) and '...' (escape \').
  ///
  /// - Returns: false when a quote does not end, or ends in the middle of a word.
  private mutating func split(_ line: ByteView) -> Bool {
    var index = 0
    while true {
      while index < line.count, isBlank(line[index]) { index += 1 }
      guard index < line.count else { return true }
      let wordStart = inlineText.count
      var inDouble = false, inSingle = false
      while true {
        guard index < line.count else {
          if inDouble || inSingle { return false }
          break
        }
        let byte = line[index]
        if inDouble {
          if byte == 0x5C, index + 3 < line.count, line[index + 1] == 0x78,
            let high = hex(line[index + 2]), let low = hex(line[index + 3])
          {
            inlineText.append(byte: high << 4 | low)
            index += 3
          } else if byte == 0x5C, index + 1 < line.count {
            index += 1
            inlineText.append(byte: unescaped(line[index]))
          } else if byte == 0x22 {
            if index + 1 < line.count, !isBlank(line[index + 1]) { return false }
            index += 1
            break
          } else {
            inlineText.append(byte: byte)
          }
        } else if inSingle {
          if byte == 0x5C, index + 1 < line.count, line[index + 1] == 0x27 {
            index += 1
            inlineText.append(byte: 0x27)
          } else if byte == 0x27 {
            if index + 1 < line.count, !isBlank(line[index + 1]) { return false }
            index += 1
            break
          } else {
            inlineText.append(byte: byte)
          }
        } else if byte == 0x20 || byte == 0x09 || byte == 0x0D {
          break  // Fewer blanks end a word than may stand before one.
        } else if byte == 0x22 {
          inDouble = true
        } else if byte == 0x27 {
          inSingle = true
        } else {
          inlineText.append(byte: byte)
        }
        index += 1
      }
      append(ArgumentRange(offset: wordStart, size: inlineText.count - wordStart))
    }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

  private func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  private func unescaped(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x6E: 0x0A
    case 0x72: 0x0D
    case 0x74: 0x09
    case 0x62: 0x08
    case 0x61: 0x07
    default: byte
    }
  }
}
