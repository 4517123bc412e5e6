// WorkerSignals.swift: SIGTERM and SIGINT, for workers that ask for them.
//
// The handler only writes into an eventfd, which is allowed inside of one; a thread reads it and tells
// the workers. The thread stays once it has begun; the handlers go with the last worker, or a little later:
//
//   no worker ──stop──▶ HEARD ──last worker forgotten──▶ no worker
//                         │                                 ▲
//                         └─ the same, after a signal ─▶ LINGERING, for a second

import CLinux

#if canImport(Glibc)
  import Glibc
#endif

/// What signals that come one after the other ask for.
struct StopRequests {
  enum Outcome: Equatable { case nothing, shutDown, cancel }

  /// When the first came, monotonic ns.
  private(set) var first: Int64?

  /// ns within which more of them are the same wish: a supervisor may send one to the process and one to
  /// its group.
  static let sameWish: Int64 = 1_000_000_000

  mutating func hear(now: Int64) -> Outcome {
    guard let first else {
      first = now
      return .shutDown
    }
    return now - first < Self.sameWish ? .nothing : .cancel
  }
}

enum WorkerSignals {
  private struct State {
    var workers: [Worker] = []
    var hasThread = false
    var requests = StopRequests()
    var before: [(signal: Int32, action: sigaction)] = []
    /// When signals are left to the process again, monotonic ns.
    var restoreAt: Int64?
  }

  private static let state = Locked(State())
  private static let descriptor = eventfd(0, Int32(EFD_CLOEXEC))
  /// What the thread reads when it was not a signal: it is to look at the time.
  private static let look: UInt64 = 1 << 32

  /// Has `worker` stop when a signal comes.
  ///
  /// - Throws: `.connectionFailed` when the system has no descriptor or thread left.
  static func stop(_ worker: Worker) throws(MartletError) {
    let descriptor = descriptor
    guard descriptor >= 0 else { throw .system("eventfd") }
    try state.withLock { state throws(MartletError) in
      if !state.hasThread {
        try IOThread.start(name: "martlet-signals") { watch(descriptor) }
        state.hasThread = true
      }
      if state.workers.isEmpty {
        state.requests = StopRequests()
        state.restoreAt = nil
        if state.before.isEmpty { state.before = [SIGTERM, SIGINT].map { ($0, install($0)) } }
      }
      state.workers.append(worker)
    }
  }

  /// Leaves the signals to the process if `worker` was the last to want them.
  static func forget(_ worker: Worker) {
    state.withLock { state in
      state.workers.removeAll { $0 === worker }
      guard state.workers.isEmpty, !state.before.isEmpty else { return }
      guard state.requests.first != nil else { return restore(&state) }
      // The second of two that mean the same must not kill a process that is about to end well.
      state.restoreAt = MonotonicClock.now() + StopRequests.sameWish
      tell(look)
    }
  }

  private static func restore(_ state: inout State) {
    for (signal, action) in state.before {
      var action = action
      unsafe sigaction(signal, &action, nil)
    }
    state.before = []
    state.restoreAt = nil
  }

  private static func install(_ signal: Int32) -> sigaction {
    var action = sigaction(), before = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in
      let saved = errno
      WorkerSignals.tell(1)
      errno = saved
    }
    action.sa_flags = SA_RESTART
    unsafe sigaction(signal, &action, &before)
    return before
  }

  private static func tell(_ what: UInt64) {
    var what = what
    unsafe _ = write(descriptor, &what, 8)
  }

  private static func watch(_ descriptor: Int32) {
    while true {
      let wait = state.withLock { state -> Int32 in
        guard let instant = state.restoreAt else { return -1 }
        let left = instant - MonotonicClock.now()
        if left <= 0 { restore(&state) }
        return left <= 0 ? -1 : Int32(left / 1_000_000 + 1)
      }
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), count: UInt64 = 0
      guard unsafe poll(&request, 1, wait) > 0, unsafe read(descriptor, &count, 8) == 8,
        !count.isMultiple(of: look)
      else { continue }
      let (workers, outcome) = state.withLock { state in
        (state.workers, state.requests.hear(now: MonotonicClock.now()))
      }
      for worker in workers {
        switch outcome {
        case .nothing: break
        case .shutDown: worker.shutDown()
        case .cancel: worker.cancel()
        }
      }
    }
  }
}
