// Command.swift: a command on its way to the server, in the bytes in which it is sent.

import RESP

/// A command with its arguments.
///
/// ```swift
/// let command: Command = ["SET", "greeting", "hello", "EX", 60]
/// let other = Command("RPUSH", "mail", body)
/// ```
///
/// It holds its arguments as they go over the wire, so that sending is one copy.
public struct Command: Sendable, Hashable {
  /// Each argument as a bulk string; what goes before them is told by `count`.
  private(set) var wire: [UInt8] = []
  /// Words, the name included.
  public private(set) var count = 0
  /// Whether it may be sent again when the connection is cut and nobody knows if it was done.
  ///
  /// Set it for what does no harm twice: `GET`, `SET`, `DEL`, an `ADDJOB` with an `ID`.
  public var isRetryable = false

  /// A command without arguments yet.
  init(name: StaticString) {
    wire.reserveCapacity(64)
    append(ByteView(name))
  }

  /// A command by its name, with its arguments.
  public init(_ name: String, _ arguments: any CommandArgument...) {
    self.init(name: name, arguments)
  }

  init(name: String, _ arguments: [any CommandArgument]) {
    wire.reserveCapacity(64)
    append(name)
    for argument in arguments { argument.append(to: &self) }
  }

  /// The same command, to be sent again when the connection is cut.
  public func retryable() -> Command {
    var command = self
    command.isRetryable = true
    return command
  }

  /// The name as it was given.
  public var name: String {
    guard let lineEnd = wire.firstIndex(of: 0x0D),
      let size = Int(String(decoding: wire[1..<lineEnd], as: UTF8.self))
    else { return "" }
    return String(decoding: wire[lineEnd + 2..<lineEnd + 2 + size], as: UTF8.self)
  }

  /// Whether what its reply has is nowhere else then.
  var takesElements: Bool { Self.taking.contains(name.uppercased()) }

  private static let taking: Set = [
    "LPOP", "RPOP", "LMPOP", "SPOP", "ZPOPMIN", "ZPOPMAX", "ZMPOP", "GETDEL", "GETJOB",
  ]

  // MARK: Arguments

  /// Adds an argument: text, bytes or a number.
  public mutating func append(_ argument: some CommandArgument) { argument.append(to: &self) }

  /// Adds arguments.
  public mutating func append(contentsOf arguments: some Sequence<some CommandArgument>) {
    for argument in arguments { argument.append(to: &self) }
  }

  /// Adds an argument of text.
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(unsafe ByteView(UnsafeRawBufferPointer($0))) }
  }

  /// Adds an argument of bytes.
  public mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { append(unsafe ByteView($0)) }
  }

  /// Adds an argument in decimal digits.
  public mutating func append(_ integer: Int) {
    var digits = DecimalDigits(Int64(integer))
    digits.withView { append($0) }
  }

  /// Adds an argument of the bytes in `buffer`, as the conformances of other types need it.
  public mutating func append(_ buffer: UnsafeRawBufferPointer) { append(unsafe ByteView(buffer)) }

  /// Adds a word that is the same for all commands, such as an option.
  mutating func word(_ word: StaticString) { append(ByteView(word)) }

  private mutating func append(_ bytes: ByteView) {
    wire.append(0x24)
    var digits = DecimalDigits(Int64(bytes.count))
    digits.withView { unsafe $0.withUnsafeBytes { unsafe wire.append(contentsOf: $0) } }
    wire.append(0x0D)
    wire.append(0x0A)
    unsafe bytes.withUnsafeBytes { unsafe wire.append(contentsOf: $0) }
    wire.append(0x0D)
    wire.append(0x0A)
    count += 1
  }

  // MARK: Sending

  /// Bytes that it has on the wire, at most.
  var size: Int { wire.count + 24 }

  func write(to output: inout Reply) {
    output.array(count)
    output.bytes.append(wire)
  }
}

extension Command: ExpressibleByArrayLiteral {
  /// A command by its words; the first is its name.
  public init(arrayLiteral words: any CommandArgument...) {
    wire.reserveCapacity(64)
    for word in words { word.append(to: &self) }
  }
}

extension Command: CustomStringConvertible {
  /// Its name and how many arguments it has: what they say may be secret, or long.
  public var description: String {
    "\(name) with \(count - 1) argument\(count == 2 ? "" : "s")"
  }
}
