// SystemError.swift: a call to the system that failed, and how bytes moved when it did not.

import Glibc

/// A failed system call: its name and its error number.
struct SystemError: Error, Equatable, CustomStringConvertible {
  let call: String
  let code: Int32

  /// Of the call that failed just now.
  static func last(_ call: String) -> SystemError { SystemError(call: call, code: errno) }

  /// The system's words for the error: `Address already in use`.
  var reason: String { unsafe String(cString: strerror(code)) }
  var description: String { "\(call): \(reason)" }
}

/// What became of one read or write that may not wait.
enum Transfer: Equatable, Sendable {
  case bytes(Int)
  /// Nothing now; the poller will tell.
  case wouldBlock
  /// The other side sends no more.
  case ended
  case failed(code: Int32)
}

/// Calls again what a signal has interrupted.
@inline(__always)
func uninterrupted(_ call: () -> Int) -> Int {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
