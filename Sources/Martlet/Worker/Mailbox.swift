// Mailbox.swift: what happens to a worker, gathered until its loop comes by.

/// What the loop of a worker hears of.
enum WorkerEvent: Sendable {
  case fetched(lane: Int, Result<[Delivery], MartletError>)
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
/// Thread safety: `post` by anybody at any time; `next` by the loop alone.
final class Mailbox: Sendable {
  private struct State {
    var events: [WorkerEvent] = []
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Locked(State())

  func post(_ event: WorkerEvent) {
    let waiter = state.withLock { state in
      state.events.append(event)
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Waits until something has happened, and swaps it for `spare`, whose memory is used again.
  func next(into spare: inout [WorkerEvent]) async {
    spare.removeAll(keepingCapacity: true)
    await withCheckedContinuation { waiter in
      let isReady = state.withLock { state in
        guard state.events.isEmpty else { return true }
        state.waiter = waiter
        return false
      }
      if isReady { waiter.resume() }
    }
    // What is ready to run comes first: handlers that end by then are heard of in this pass, and their
    // acknowledgements and the call for the next jobs go out as one.
    await Task.yield()
    spare = state.withLock { [spare] state in
      defer { state.events = spare }
      return state.events
    }
  }
}
