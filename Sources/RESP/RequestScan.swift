// RequestScan.swift: a glance at the requests of a pipeline, before they are read and run.
//
// It finds the keys that will be asked for, so that the memory they lie in can be on its way. Nothing
// depends on what it finds: where a request is not as nearly all are, it sees no further.

/// The second words of the requests in a pipeline, which are keys in most commands.
public struct RequestScan {
  private let input: ByteView
  private var position = 0

  /// Begins at the first byte of `input`, which must be that of a request.
  public init(_ input: ByteView) { self.input = input }

  /// The second word of the next request that has one and is there whole; nil when there is none, or
  /// at a request that is inline, cut, long or malformed.
  public mutating func next() -> ByteView? {
    while let head = input.shortLine(at: position, mark: 0x2A), head.number <= Self.wordCountMax {
      position = head.next
      var second: ByteView?
      for index in 0..<head.number {
        guard let line = input.shortLine(at: position, mark: 0x24),
          input.count - line.next >= line.number + 2
        else { return nil }
        if index == 1 { second = input[line.next..<line.next + line.number] }
        position = line.next + line.number + 2
      }
      if let second { return second }
    }
    return nil
  }

  /// Requests of more words are not worth a walk over all of them.
  private static let wordCountMax = 16
}

extension ByteView {
  /// The number of the line at `from` and where the next one starts, if the line is `mark`, one digit or two
  /// to eight of which the first is not 0, CR and another byte, which is LF after a single digit.
  @inline(__always)
  func shortLine(at from: Int, mark: UInt8) -> (number: Int, next: Int)? {
    guard count - from >= 4 else { return nil }
    let line = unsafe start + from
    let word = unsafe UInt32(littleEndian: line.loadUnaligned(as: UInt32.self))
    let first = Int(word &>> 8 & 0xFF) &- 0x30
    guard word & 0xFF == mark, first >= 0, first <= 9 else { return nil }
    if word &>> 16 == 0x0A0D { return (first, from + 4) }
    guard first > 0 else { return nil }
    var number = first
    // The last byte cannot be the CR: one more must follow it.
    let end = min(count - from - 1, 10)
    var index = 2
    while index < end {
      let byte = unsafe line.load(fromByteOffset: index, as: UInt8.self)
      if byte == 0x0D, index > 2 { return (number, from + index + 2) }
      guard byte &- 0x30 <= 9 else { return nil }
      number = number &* 10 &+ Int(byte &- 0x30)
      index += 1
    }
    return nil
  }
}
