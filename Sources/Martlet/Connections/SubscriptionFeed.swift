// SubscriptionFeed.swift: from a subscription's connection to the task that reads it.
//
// Messages wait in a buffer that is bounded in messages and bytes. When it is full the oldest go: who
// reads too slowly sees the newest, and learns how many are missing.

/// Thread safety: anybody may call anything; `connection` belongs to the I/O thread.
final class SubscriptionFeed: Sendable {
  private struct State {
    var buffer = FIFO<Subscription.Message>()
    var size = 0
    var droppedCount = 0
    var reader: CheckedContinuation<Void, Never>?
    var end: MartletError?
    /// Confirmations that the server still owes before all is subscribed for the first time.
    var missing: Int
    var starter: CheckedContinuation<Void, Never>?
    var connection: UInt64 = 0
  }

  private let state: Locked<State>
  let channels: [String]
  let patterns: [String]
  private let countMax: Int

  /// Bytes of messages that wait to be read, at most.
  static let sizeMax = 16 << 20

  init(channels: [String], patterns: [String], bufferedMessages: Int) {
    self.channels = channels
    self.patterns = patterns
    countMax = max(1, bufferedMessages)
    state = Locked(State(missing: channels.count + patterns.count))
  }

  var connection: UInt64 {
    get { state.withLock { $0.connection } }
    set { state.withLock { $0.connection = newValue } }
  }

  var droppedCount: Int { state.withLock { $0.droppedCount } }

  // MARK: The I/O thread's side

  /// What is to be sent on a new connection.
  func begin() -> [Command] {
    var commands: [Command] = []
    for (name, topics) in [("SUBSCRIBE", channels), ("PSUBSCRIBE", patterns)] where !topics.isEmpty
    {
      commands.append(Command(name: name, topics))
    }
    return commands
  }

  /// Takes a reply of the connection.
  ///
  /// - Returns: why the subscription ends, if it does.
  func take(_ reply: [UInt8]) -> MartletError? {
    let value: Value
    do throws(MartletError) { value = try Value(reply: reply) } catch { return error }
    if case .error(let error) = value { return error }
    guard let parts = value.array, let kind = parts.first?.text else {
      return .unexpected(value, for: "SUBSCRIBE")
    }
    switch (kind, parts.count) {
    case ("subscribe", 3), ("psubscribe", 3): confirm()
    case ("message", 3):
      deliver(
        Subscription.Message(
          channel: parts[1].text ?? "", pattern: nil, payload: parts[2].bytes ?? []))
    case ("pmessage", 4):
      deliver(
        Subscription.Message(
          channel: parts[2].text ?? "", pattern: parts[1].text, payload: parts[3].bytes ?? []))
    default: break
    }
    return nil
  }

  private func confirm() {
    let starter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.missing = max(0, state.missing - 1)
      guard state.missing == 0 else { return nil }
      return state.starter.take()
    }
    starter?.resume()
  }

  private func deliver(_ message: Subscription.Message) {
    let reader = state.withLock { state in
      state.buffer.append(message)
      state.size += message.size
      while state.buffer.count > countMax || state.size > Self.sizeMax && state.buffer.count > 1 {
        guard let oldest = state.buffer.popFirst() else { break }
        state.size -= oldest.size
        state.droppedCount += 1
      }
      return state.reader.take()
    }
    reader?.resume()
  }

  /// Nothing more will come; what is buffered can still be read.
  func end(_ reason: MartletError) {
    let (reader, starter) = state.withLock { state in
      state.end = state.end ?? reason
      return (state.reader.take(), state.starter.take())
    }
    reader?.resume()
    starter?.resume()
  }

  // MARK: The reader's side

  /// Waits until the server has confirmed everything.
  func start() async throws(MartletError) {
    await withCheckedContinuation { waiter in
      let isOver = state.withLock { state in
        guard state.missing > 0, state.end == nil else { return true }
        state.starter = waiter
        return false
      }
      if isOver { waiter.resume() }
    }
    if let end = state.withLock({ $0.end }) { throw end }
  }

  /// The next message; nil when the task is cancelled.
  func next() async throws(MartletError) -> Subscription.Message? {
    while true {
      let found: Subscription.Message? = try state.withLock { state throws(MartletError) in
        if let message = state.buffer.popFirst() {
          state.size -= message.size
          return message
        }
        if let end = state.end { throw end }
        return nil
      }
      if let found { return found }
      await withCheckedContinuation { waiter in
        let previous = state.withLock { state -> CheckedContinuation<Void, Never>? in
          guard state.buffer.isEmpty, state.end == nil else { return waiter }
          // Two readers at a time take turns.
          let previous = state.reader
          state.reader = waiter
          return previous
        }
        previous?.resume()
      }
    }
  }
}
