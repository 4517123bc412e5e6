// WorkerSignals.swift: SIGTERM and SIGINT, for workers that ask for them.
//
// The handler only writes into an eventfd, which is allowed inside of one; a thread reads it and tells
// the workers. The thread stays once it has begun; the handlers go with the last worker.

import CLinux

#if canImport(Glibc)
  import Glibc
#endif

enum WorkerSignals {
  private struct State {
    var workers: [Worker] = []
    var hasThread = false
    /// Whether the workers were told to stop once already.
    var isSecond = false
    var before: [(signal: Int32, action: sigaction)] = []
  }

  private static let state = Locked(State())
  private static let descriptor = eventfd(0, Int32(EFD_CLOEXEC))

  /// Has `worker` stop when a signal comes.
  static func stop(_ worker: Worker) {
    let descriptor = descriptor
    precondition(descriptor >= 0, "no descriptor is left for signals")
    let isFirst = state.withLock { state in
      state.workers.append(worker)
      if state.before.isEmpty {
        state.isSecond = false
        state.before = [SIGTERM, SIGINT].map { ($0, install($0)) }
      }
      defer { state.hasThread = true }
      return !state.hasThread
    }
    guard isFirst else { return }
    do { try IOThread.start(name: "martlet-signals") { watch(descriptor) } } catch {
      preconditionFailure("no thread is left for signals: \(error)")
    }
  }

  /// Leaves the signals to the process if `worker` was the last to want them.
  static func forget(_ worker: Worker) {
    state.withLock { state in
      state.workers.removeAll { $0 === worker }
      guard state.workers.isEmpty else { return }
      for (signal, action) in state.before {
        var action = action
        unsafe sigaction(signal, &action, nil)
      }
      state.before = []
    }
  }

  private static func install(_ signal: Int32) -> sigaction {
    var action = sigaction(), before = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in
      let saved = errno
      var one: UInt64 = 1
      unsafe _ = write(WorkerSignals.descriptor, &one, 8)
      errno = saved
    }
    action.sa_flags = SA_RESTART
    unsafe sigaction(signal, &action, &before)
    return before
  }

  private static func watch(_ descriptor: Int32) {
    var count: UInt64 = 0
    while true {
      guard unsafe read(descriptor, &count, 8) == 8 else { continue }
      let (workers, isSecond) = state.withLock { state in
        defer { state.isSecond = true }
        return (state.workers, state.isSecond || count > 1)
      }
      for worker in workers {
        if isSecond { worker.cancel() } else { worker.shutDown() }
      }
    }
  }
}
