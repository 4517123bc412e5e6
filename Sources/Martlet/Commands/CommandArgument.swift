// CommandArgument.swift: what can stand in a command: text, bytes, numbers.

/// What can be an argument of a command: a key, a value, an option.
///
/// Types of your own conform by appending the bytes they stand for.
public protocol CommandArgument: Sendable {
  /// Adds itself to `command` as one argument.
  func append(to command: inout Command)
}

extension String: CommandArgument {
  /// Adds the text as UTF-8.
  public func append(to command: inout Command) { command.append(self) }
}

extension Substring: CommandArgument {
  /// Adds the text as UTF-8.
  public func append(to command: inout Command) { command.append(String(self)) }
}

extension Array<UInt8>: CommandArgument {
  /// Adds the bytes as they are.
  public func append(to command: inout Command) { command.append(self) }
}

extension ArraySlice<UInt8>: CommandArgument {
  /// Adds the bytes as they are.
  public func append(to command: inout Command) {
    unsafe withUnsafeBytes { unsafe command.append($0) }
  }
}

extension Int: CommandArgument {
  /// Adds the decimal digits.
  public func append(to command: inout Command) { command.append(self) }
}

extension Int64: CommandArgument {
  /// Adds the decimal digits.
  public func append(to command: inout Command) { command.append(Int(self)) }
}

extension Double: CommandArgument {
  /// Adds the shortest digits that give this number.
  public func append(to command: inout Command) { command.append(description) }
}

// MARK: Replies as types

/// What a string of a reply can be read as: bytes, text, numbers.
public protocol ReplyConvertible: Sendable {
  /// Reads the value; nil when it is none of this type.
  init?(_ value: Value)
}

extension Array<UInt8>: ReplyConvertible {
  /// The bytes of a string.
  public init?(_ value: Value) {
    guard let bytes = value.bytes else { return nil }
    self = bytes
  }
}

extension String: ReplyConvertible {
  /// A string as text; what is not UTF-8 becomes the replacement character.
  public init?(_ value: Value) {
    guard let text = value.text else { return nil }
    self = text
  }
}

extension Int: ReplyConvertible {
  /// An integer, or a string that spells one.
  public init?(_ value: Value) {
    guard let integer = value.integer else { return nil }
    self = integer
  }
}

extension Double: ReplyConvertible {
  /// A number, or a string that spells one.
  public init?(_ value: Value) {
    guard let double = value.double else { return nil }
    self = double
  }
}
