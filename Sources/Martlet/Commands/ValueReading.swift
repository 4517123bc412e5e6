// ValueReading.swift: from the bytes of a reply to values.
//
// ReplyParser (RESP) has found the reply whole before; here it is read, by the task that waits for it
// and not by the I/O thread. Depth is bounded, for a reply of brackets alone would exhaust the stack.

import RESP

extension Value {
  /// Values that may stand inside each other.
  static let depthMax = 128

  /// The one value that `reply` is.
  ///
  /// - Throws: `.protocolViolation` when the bytes are none.
  init(reply: [UInt8]) throws(MartletError) {
    self = try Self.values(reply: reply, count: 1)[0]
  }

  /// The `count` values that `reply` has one after the other.
  static func values(reply: [UInt8], count: Int) throws(MartletError) -> [Value] {
    // `withUnsafeBytes` passes on errors of any type, so the closure says what became of it.
    try unsafe reply.withUnsafeBytes { bytes in
      Result { () throws(MartletError) in
        var reader = unsafe ReplyReader(ByteView(bytes)), values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try Value(reading: &reader, depth: 0)) }
        return values
      }
    }.get()
  }

  init(reading reader: inout ReplyReader, depth: Int) throws(MartletError) {
    guard depth < Self.depthMax else {
      throw MartletError(.protocolViolation, "a reply is nested more than \(Self.depthMax) deep")
    }
    guard let part = reader.next() else {
      throw MartletError(.protocolViolation, "a value is not written as its type demands")
    }
    switch part {
    case .null: self = .null
    case .integer(let integer): self = .integer(Int(integer))
    case .bulk(let bytes): self = .bytes(bytes.array)
    case .simple(let text): self = .simple(text.text)
    case .error(let text): self = .error(MartletError(reply: text.text))
    case .boolean(let boolean): self = .boolean(boolean)
    case .double(let text):
      guard let double = text.double ?? (text.matches("nan") ? .nan : nil) else {
        throw MartletError(.protocolViolation, "'\(text.text.prefix(32))' is not a double")
      }
      self = .double(double)
    case .bigNumber(let digits): self = .bigNumber(digits.text)
    case .verbatim(let text): self = .verbatim(format: "txt", text: text.text)
    case .array(let count): self = .array(try Self.values(count, &reader, depth))
    case .set(let count): self = .set(try Self.values(count, &reader, depth))
    case .push(let count): self = .push(try Self.values(count, &reader, depth))
    case .map(let count): self = .map(try Self.pairs(count, &reader, depth))
    case .attribute(let count):
      _ = try Self.pairs(count, &reader, depth)
      self = try Value(reading: &reader, depth: depth + 1)
    }
  }

  /// - Parameter count: of values that are there, since the reply is whole.
  private static func values(
    _ count: Int, _ reader: inout ReplyReader, _ depth: Int
  ) throws(MartletError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try Value(reading: &reader, depth: depth + 1)) }
    return values
  }

  private static func pairs(
    _ count: Int, _ reader: inout ReplyReader, _ depth: Int
  ) throws(MartletError) -> [Pair] {
    var pairs: [Pair] = []
    pairs.reserveCapacity(count)
    for _ in 0..<count {
      let key = try Value(reading: &reader, depth: depth + 1)
      pairs.append(Pair(key: key, value: try Value(reading: &reader, depth: depth + 1)))
    }
    return pairs
  }
}
