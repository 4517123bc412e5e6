// MartletError.swift: why a call failed.

/// Why a call failed.
///
/// ```swift
/// do {
///   try await client.push("42", to: "mail")
/// } catch where error.code == .connectionLost {
///   // Sent, and not answered: it may have been done.
/// }
/// ```
public struct MartletError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of failures.
  public enum Code: Sendable, Hashable {
    /// No connection could be made; nothing was sent.
    case connectionFailed
    /// The connection was cut after the command was sent: whether it had an effect is unknown.
    case connectionLost
    /// No answer came in time. Whether the command had an effect is unknown, unless the message says
    /// that it was never sent.
    case timedOut
    /// The task that waited was cancelled.
    case cancelled
    /// The client was closed.
    case closed
    /// The server refused, with this code: `ERR`, `WRONGTYPE`, `NOAUTH`, `OOM`, `MAXLEN`, ...
    case server(String)
    /// What the server sent is not RESP, or not what this command answers.
    case protocolViolation
    /// The reply is larger than the options allow.
    case replyTooLarge
    /// The server, or this library, cannot do that.
    case unsupported
    /// The URL cannot be read.
    case invalidURL
    /// Watched keys were changed by others time and again.
    case conflict
    /// A body is not what it was taken for.
    case decoding
  }

  /// What kind of failure it is.
  public let code: Code
  /// A sentence for people, without a full stop. Of a server's refusal all that it said.
  public let message: String

  /// A failure of a kind with its sentence.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// A refusal as the server sends it: a code in capitals, then a sentence.
  init(reply: String) {
    let word = reply.prefix { $0 != " " }
    code = .server(String(word))
    message = reply
  }

  /// The sentence.
  public var description: String { message }
}

extension MartletError {
  static let cancelled = MartletError(.cancelled, "the task was cancelled")
  static let closed = MartletError(.closed, "the client is closed")

  /// A reply that the command does not have.
  static func unexpected(_ value: Value, for command: String) -> MartletError {
    MartletError(.protocolViolation, "\(command) is not answered like this: \(value)")
  }
}
