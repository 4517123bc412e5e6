// Value.swift: one value of a reply, in the types of RESP3.
//
// A server that speaks RESP2 alone sends fewer of them: maps come as arrays, doubles and booleans as
// bytes and integers. The accessors read both, so that a caller need not know which it was.

/// One value of a reply.
///
/// ```swift
/// let reply = try await client.send("LRANGE", "mail", 0, -1)
/// for element in reply.array ?? [] { print(element.text ?? "") }
/// ```
public enum Value: Sendable, Hashable {
  /// Nothing: no such key, or nothing came in time.
  case null
  /// A signed 64-bit integer.
  case integer(Int)
  /// A number with a fraction, or an infinite one.
  case double(Double)
  /// True or false.
  case boolean(Bool)
  /// A status such as `OK`.
  case simple(String)
  /// A bulk string: any bytes.
  case bytes([UInt8])
  /// A refusal in place of a value, as it stands inside of pipelines and transactions.
  indirect case error(MartletError)
  /// Values in order.
  case array([Value])
  /// Keys with values, in the order in which they came.
  case map([Pair])
  /// Values without order.
  case set([Value])
  /// A message that answers no command.
  case push([Value])
  /// Text with a format of three letters, such as `txt` or `mkd`.
  indirect case verbatim(format: String, text: String)
  /// An integer of any size, in decimal digits.
  case bigNumber(String)

  /// A key of a map with its value.
  public struct Pair: Sendable, Hashable {
    /// What the value is found by.
    public let key: Value
    /// What the map has for the key.
    public let value: Value

    /// A key with its value.
    public init(key: Value, value: Value) {
      self.key = key
      self.value = value
    }
  }
}

// MARK: Reading

extension Value {
  /// Whether there is nothing.
  public var isNull: Bool { self == .null }

  /// The bytes of a string of any kind; nil for all else.
  public var bytes: [UInt8]? {
    switch self {
    case .bytes(let bytes): bytes
    case .simple(let text), .bigNumber(let text), .verbatim(_, let text): Array(text.utf8)
    default: nil
    }
  }

  /// A string of any kind as text; what is not UTF-8 becomes the replacement character.
  public var text: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .simple(let text), .bigNumber(let text), .verbatim(_, let text): text
    default: nil
    }
  }

  /// An integer, also one that is spelled in a string.
  public var integer: Int? {
    switch self {
    case .integer(let integer): integer
    case .boolean(let boolean): boolean ? 1 : 0
    default: text.flatMap { Int($0) }
    }
  }

  /// A number, also one that is spelled in a string.
  public var double: Double? {
    switch self {
    case .double(let double): double
    case .integer(let integer): Double(integer)
    default: text.flatMap { Double($0) }
    }
  }

  /// A truth value, also one that RESP2 sends as 0 or 1.
  public var boolean: Bool? {
    switch self {
    case .boolean(let boolean): boolean
    case .integer(let integer): integer != 0
    default: nil
    }
  }

  /// The values of an array, a set or a push; a map's keys and values by turns.
  public var array: [Value]? {
    switch self {
    case .array(let values), .set(let values), .push(let values): values
    case .map(let pairs): pairs.flatMap { [$0.key, $0.value] }
    default: nil
    }
  }

  /// The pairs of a map, or of an array that has keys and values by turns, as RESP2 sends it.
  public var map: [Pair]? {
    switch self {
    case .map(let pairs): pairs
    case .array(let values) where values.count.isMultiple(of: 2):
      stride(from: 0, to: values.count, by: 2).map {
        Pair(key: values[$0], value: values[$0 + 1])
      }
    default: nil
    }
  }

  /// What a map has for a key; nil when there is no such key, or this is no map.
  public subscript(key: String) -> Value? {
    map?.first { $0.key.text == key }?.value
  }

  /// The refusal that stands here in place of a value.
  public var error: MartletError? {
    if case .error(let error) = self { error } else { nil }
  }

  /// The value itself.
  ///
  /// - Throws: the refusal that stands in its place.
  public func get() throws(MartletError) -> Value {
    if case .error(let error) = self { throw error }
    return self
  }
}
