// Interruption.swift: SIGINT and SIGTERM end the run in order: what was measured is reported, keys are
// deleted and servers of ours stopped. A second one ends it at once.

import Glibc
import Synchronization

enum Interruption {
  private static let requested = Atomic<Bool>(false)

  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// To be called before any other thread is started, for they inherit what is blocked.
  static func watch() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    _ = Thread {
      var signals = waited
      var signal: Int32 = 0
      unsafe sigwait(&signals, &signal)
      requested.store(true, ordering: .relaxed)
      unsafe sigwait(&signals, &signal)
      _exit(128 + signal)
    }
  }
}
