// Denial.swift: what a command is about to use, and why it may not, in the words of each place that asks.

import RESP

/// A key that a command is about to use.
struct KeyUse {
  let name: ByteView
  let access: KeyAccess
  /// Its place among the arguments, the command's name being 0.
  let position: Int
}

/// A channel that a command is about to publish or subscribe to.
struct ChannelUse {
  let name: ByteView
  /// PSUBSCRIBE: the name is a pattern.
  let isPattern: Bool
  let position: Int
}

/// Why a command may not run.
enum Denial: Equatable, Sendable {
  case command
  case key(position: Int)
  case channel(position: Int)

  private var rank: (Int, Int) {
    switch self {
    case .command: (0, 0)
    case .key(let position): (1, position)
    case .channel(let position): (2, position)
    }
  }

  /// Of the reasons of several selectors the one to tell: the last that the checks get to.
  static func graver(_ a: Denial, _ b: Denial) -> Denial { a.rank < b.rank ? b : a }

  /// The error reply. `command` is the full name: `config|get`.
  func reply(command: String) -> String {
    switch self {
    case .command: "NOPERM this user has no permissions to run the '\(command)' command"
    case .key:
      "NOPERM this user has no permissions to access one of the keys used as arguments"
    case .channel:
      "NOPERM this user has no permissions to access one of the channels used as arguments"
    }
  }

  /// The error reply for a command in a transaction whose rights went between MULTI and EXEC.
  var replyInTransaction: String {
    let reason =
      switch self {
      case .command: "no permission to execute the command or subcommand"
      case .key: "no permission to touch the specified keys"
      case .channel: "no permission to access one of the channels used as arguments"
      }
    return "NOPERM ACLs rules changed between the moment the transaction was accumulated and the "
      + "EXEC call. This command is no longer allowed for the following reason: \(reason)"
  }

  /// What a script is told.
  var textInScript: String {
    switch self {
    case .command: "The user executing the script can't run this command or subcommand"
    case .key:
      "The user executing the script can't access at least one of the keys mentioned in the command "
        + "arguments"
    case .channel:
      "The user executing the script can't publish to the channel mentioned in the command"
    }
  }

  /// What ACL DRYRUN answers; `argument` is the one at the denial's position.
  func dryRunText(command: String, argument: ByteView) -> String {
    switch self {
    case .command: "This user has no permissions to run the '\(command)' command"
    case .key: "This user has no permissions to access the '\(argument.text)' key"
    case .channel: "This user has no permissions to access the '\(argument.text)' channel"
    }
  }
}
