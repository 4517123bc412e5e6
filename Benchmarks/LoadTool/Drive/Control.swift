// Control.swift: what the threads of a round tell each other, and the one that watches them.

import Synchronization

/// Why a round ended before its time.
enum Failure: Error, Equatable, Sendable {
  /// The connection ended, or could not be made; with the reason.
  case serverGone(String)
  /// The server's words; the workload can't be run there.
  case unknownCommand(String)
  /// Before measuring, the server refused something that the workload needs.
  case refused(String)
  case badReply(String)
  case interrupted

  var text: String {
    switch self {
    case .serverGone(let reason): "the server is gone: \(reason)"
    case .unknownCommand(let text): Self.shortened(text)
    case .refused(let text): "the server refused: \(text)"
    case .badReply(let reason): "the server's reply can't be read: \(reason)"
    case .interrupted: "interrupted"
    }
  }
}

extension Failure {
  /// Without the arguments that some servers quote, which may be anything.
  private static func shortened(_ text: String) -> String {
    var rest = text[...], shown = ""
    while let character = rest.popFirst(), !(character == "," && rest.hasPrefix(" with args")) {
      shown.append(character)
    }
    return shown
  }
}

/// Thread safety: all of it by any thread at any time.
final class Control: Sendable {
  /// Completed ones of the primary series, and replies that were errors.
  let completed = Atomic<Int>(0)
  let errors = Atomic<Int>(0)
  /// Requests that the offered role has begun.
  let begun = Atomic<Int>(0)
  /// Whether the round is to end now.
  let isStopped = Atomic<Bool>(false)
  private let failure = Mutex<Failure?>(nil)

  /// Ends the round with a reason; the first one counts.
  func stop(_ reason: Failure) {
    failure.withLock { $0 = $0 ?? reason }
    stop()
  }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Completed ones and errors.
  var finished: Int {
    completed.load(ordering: .relaxed) + errors.load(ordering: .relaxed)
  }

  var reason: Failure? { failure.withLock { $0 } }
}
