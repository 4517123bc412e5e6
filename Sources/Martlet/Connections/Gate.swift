// Gate.swift: the way from any task to the I/O thread.
//
// Messages gather under a lock; the thread takes all of them at once. It is woken only when it sleeps:
// whoever finds it awake leaves the message and goes, so a busy client makes no calls of the system here.

/// What the I/O thread is told.
enum Message: Sendable {
  case call(Request)
  case cancel(Request)
  /// The lease ends; a connection that is not as it was found is closed.
  case release(Lease, isClean: Bool)
  case subscribe(SubscriptionFeed)
  case unsubscribe(SubscriptionFeed)
  /// A step of a task that lives on the thread.
  case step(UnownedJob)
  /// To be woken then, monotonic ns, and not when it was to be before.
  case alarm(any Sleeper, Int64)
  /// The addresses of the server's name were looked up.
  case resolved(connection: UInt64, Result<[SocketAddress], MartletError>)
  case close
}

/// Who wants to be woken at an instant. May be woken too early.
protocol Sleeper: AnyObject, Sendable {
  func wake()
}

/// Thread safety: anything by anybody, at any time; `take` and `end` by the I/O thread.
final class Gate: Sendable {
  private struct State {
    var messages: [Message] = []
    var wakeUp: WakeUp?
    /// The thread waits, or is about to, and must be woken.
    var isAsleep = false
    var isClosing = false
    /// The thread has ended, or there never will be one.
    var isOver = false
    var closers: [@Sendable () -> Void] = []
    var keepers: [Keeper] = []
  }

  /// Somebody in `run()`, who may be let go before the wait has begun.
  private final class Keeper: Sendable {
    enum Stay { case beginning, waiting(CheckedContinuation<Void, Never>), over }

    let stay = Locked(Stay.beginning)

    func wait() async {
      await withCheckedContinuation { waiter in
        let isOver = stay.withLock { stay in
          if case .over = stay { return true }
          stay = .waiting(waiter)
          return false
        }
        if isOver { waiter.resume() }
      }
    }

    func letGo() {
      let waiter = stay.withLock { stay -> CheckedContinuation<Void, Never>? in
        defer { stay = .over }
        if case .waiting(let waiter) = stay { return waiter }
        return nil
      }
      waiter?.resume()
    }
  }

  private let state = Locked(State())
  let place: ServerURL
  let options: MartletClient.Options

  init(_ place: ServerURL, _ options: MartletClient.Options) {
    self.place = place
    self.options = options
  }

  /// Leaves a message, and starts the thread with the first one.
  ///
  /// - Throws: `.closed`, or why there can be no thread.
  func post(_ message: Message) throws(MartletError) {
    let sleeper = try state.withLock { state throws(MartletError) -> WakeUp? in
      guard !state.isOver else { throw .closed }
      if state.wakeUp == nil { state.wakeUp = try start() }
      state.messages.append(message)
      guard state.isAsleep else { return nil }
      state.isAsleep = false
      return state.wakeUp
    }
    sleeper?.signal()
  }

  private func start() throws(MartletError) -> WakeUp {
    let wakeUp = try WakeUp(), poller = try Poller(wakeUp)
    try IOThread.start(name: "martlet-client") { [self] in Reactor(self, poller).run() }
    return wakeUp
  }

  /// Swaps the messages with `empty`. When there are none, the thread may sleep: the next one wakes it.
  func take(_ empty: inout [Message]) {
    state.withLock { state in
      swap(&state.messages, &empty)
      state.isAsleep = empty.isEmpty
    }
  }

  // MARK: Calls

  /// Hands a request over and waits for its outcome.
  func perform(_ request: Request) async throws(MartletError) -> [UInt8] {
    guard !Task.isCancelled else { throw .cancelled }
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        request.waiter = waiter
        do throws(MartletError) { try post(.call(request)) } catch {
          request.finish(.failure(error))
        }
      }
    } onCancel: {
      try? post(.cancel(request))  // After the end of the thread nothing is left to cancel.
    }
    return try outcome.get()
  }

  // MARK: The end

  /// Asks the thread to end; `done` is called when it has.
  func close(_ done: (@Sendable () -> Void)?) {
    let (sleeper, keepers, isOver) = state.withLock { state -> (WakeUp?, [Keeper], Bool) in
      let keepers = state.keepers
      state.keepers = []
      state.isClosing = true
      if state.wakeUp == nil { state.isOver = true }
      guard !state.isOver else { return (nil, keepers, true) }
      if let done { state.closers.append(done) }
      state.messages.append(.close)
      guard state.isAsleep else { return (nil, keepers, false) }
      state.isAsleep = false
      return (state.wakeUp, keepers, false)
    }
    sleeper?.signal()
    for keeper in keepers { keeper.letGo() }
    if isOver { done?() }
  }

  /// The thread ends: what it was not told yet is left to it, and no more comes.
  func end() -> (messages: [Message], closers: [@Sendable () -> Void]) {
    state.withLock { state in
      state.isOver = true
      let left = (state.messages, state.closers)
      state.messages = []
      state.closers = []
      return left
    }
  }

  /// Waits until the client is closed or the task is cancelled.
  func untilClosing() async {
    let keeper = Keeper()
    let isClosing = state.withLock { state in
      if !state.isClosing { state.keepers.append(keeper) }
      return state.isClosing
    }
    guard !isClosing else { return }
    await withTaskCancellationHandler {
      await keeper.wait()
    } onCancel: {
      keeper.letGo()
    }
  }
}
