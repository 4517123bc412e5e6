// CommandError.swift: why a command was refused, in the words that Redis' clients know.

import RESP

/// An error reply: a code in capitals, then a short sentence with no full stop.
struct CommandError: Error {
  /// Bytes, since it may quote what a client sent, which need not be text.
  let message: [UInt8]

  init(_ message: String) { self.message = Array(message.utf8) }

  init(message: [UInt8]) { self.message = message }

  /// An error that quotes a client's word.
  init(_ before: String, _ word: ByteView, _ after: String) {
    message = Array(before.utf8) + word.quoted(128) + Array(after.utf8)
  }

  /// The message for people to read.
  var text: String { String(decoding: message, as: UTF8.self) }

  static let syntax = CommandError("ERR syntax error")
  static let wrongType = CommandError(
    "WRONGTYPE Operation against a key holding the wrong kind of value")
  static let notAnInteger = CommandError("ERR value is not an integer or out of range")
  static let notAFloat = CommandError("ERR value is not a valid float")
  static let noSuchKey = CommandError("ERR no such key")
  static let indexOutOfRange = CommandError("ERR index out of range")
  static let overflow = CommandError("ERR increment or decrement would overflow")
  static let outOfMemory = CommandError(
    "OOM command not allowed when used memory > 'maxmemory'.")
  static let loading = CommandError("LOADING Redis is loading the dataset in memory")
  static let noReplicas = CommandError("NOREPLICAS Not enough good replicas to write.")
  static let noAuth = CommandError("NOAUTH Authentication required.")
  static let notPositive = CommandError("ERR value is out of range, must be positive")
  static let timeoutNotAFloat = CommandError("ERR timeout is not a float or out of range")
  static let timeoutNegative = CommandError("ERR timeout is negative")
  static let timeoutOutOfRange = CommandError("ERR timeout is out of range")
  static let databaseOutOfRange = CommandError("ERR DB index is out of range")
  static let replyTooLong = CommandError("ERR the reply would be longer than 2 GB")
  static let resultTooLong = CommandError("ERR the result would be longer than 1 GB")
  static let stringTooLong = CommandError(
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)")

  static func wrongArity(_ name: String) -> CommandError {
    CommandError("ERR wrong number of arguments for '\(name)' command")
  }
  /// A subcommand that takes fewer words than it was given.
  static func wrongSubcommand(_ c: borrowing Context) -> CommandError {
    let container = ByteView(c.table.commands[c.table.parents[c.command] ?? c.command].name).text
    return CommandError(
      "ERR unknown subcommand or wrong number of arguments for '", c.arguments[1],
      "'. Try \(container) HELP.")
  }
  static func invalidExpire(_ name: String) -> CommandError {
    CommandError("ERR invalid expire time in '\(name)' command")
  }
}
