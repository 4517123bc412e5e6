// Signal.swift: something that one waits for and another brings about.

@testable import Broker

/// Thread safety: anything by any thread or task at any time.
final class Signal: @unchecked Sendable {
  private let lock = Lock()
  private let changed: Condition
  private var isSet = false
  private var waiters: [CheckedContinuation<Void, Never>] = []

  init() { changed = Condition(lock) }

  func set() {
    let waiting = lock.withLock {
      isSet = true
      changed.broadcast()
      defer { waiters = [] }
      return waiters
    }
    for waiter in waiting { waiter.resume() }
  }

  func wait() async {
    await withCheckedContinuation { waiter in
      let isOver = lock.withLock {
        if !isSet { waiters.append(waiter) }
        return isSet
      }
      if isOver { waiter.resume() }
    }
  }

  /// For threads: tests that wait here would hold up others.
  func block() { lock.withLock { while !isSet { changed.wait() } } }
}
