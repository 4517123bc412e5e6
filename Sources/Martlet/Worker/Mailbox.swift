// Mailbox.swift: what happens to a worker, gathered until its loop comes by.

/// What the loop of a worker hears of.
enum WorkerEvent: Sendable {
  /// A call for so many jobs of a lane has ended.
  case fetched(lane: Int, call: Int, asked: Int, Result<[Delivery], MartletError>)
  case sent(Result<[BatchReply], MartletError>)
  case finished(SlotID, Ending)
  /// The handler of a slot may take so long.
  case limited(SlotID, Duration)
  case extended(SlotID, Int64)
  /// An instant that the loop wanted to know of has come.
  case time
  case shutDown
  case cancel
}

/// Events on their way to the one loop that waits for them: many that came together are heard together.
///
/// Thread safety: `post` and `wake` by anybody at any time; `next` by the loop alone.
final class Mailbox: Sleeper {
  private struct State {
    var events: [WorkerEvent] = []
    var waiter: CheckedContinuation<Void, Never>?
    /// Handlers that have ended, among the events; and how many of them make the loop come by. All
    /// else that happens does so at once.
    var finished = 0
    var quorum = 1

    var isReady: Bool { finished >= quorum || events.count > finished }
  }

  private let state = Locked(State())

  func post(_ event: WorkerEvent) {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.events.append(event)
      if case .finished = event { state.finished += 1 }
      guard state.isReady else { return nil }
      return state.waiter.take()
    }
    waiter?.resume()
  }

  func wake() { post(.time) }

  /// Waits until something has happened, or `quorum` handlers have ended, and swaps all that has happened for
  /// `spare`, whose memory is used again.
  func next(_ quorum: Int, into spare: inout [WorkerEvent]) async {
    spare.removeAll(keepingCapacity: true)
    await withCheckedContinuation { waiter in
      let isReady = state.withLock { state in
        state.quorum = quorum
        guard !state.isReady else { return true }
        state.waiter = waiter
        return false
      }
      if isReady { waiter.resume() }
    }
    spare = state.withLock { [spare] state in
      defer {
        state.events = spare
        state.finished = 0
      }
      return state.events
    }
  }
}
