// Timekeeper.swift: a worker's clock, whichever it is, and how its loop is woken by it.

/// The time since a worker was made, by any clock.
struct Timekeeper: Sendable {
  private let read: @Sendable () -> Duration
  private let rest: @Sendable (Duration) async throws -> Void
  /// Whether time passes as it does for the I/O thread, and not as a test says.
  let isReal: Bool

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let origin = clock.now
    read = { origin.duration(to: clock.now) }
    rest = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
    isReal = clock is ContinuousClock || clock is SuspendingClock
  }

  var now: Duration { read() }

  /// Waits until `instant`, or until the task is cancelled.
  func sleep(until instant: Duration) async { try? await rest(instant) }

  /// Has `sleeper` woken at `instant`, whatever the program's tasks are busy with.
  ///
  /// - Returns: what to cancel if it is not to be woken any more; nil when a later call does for that.
  func wake(_ sleeper: any Sleeper, at instant: Duration, _ gate: Gate) -> Task<Void, Never>? {
    if isReal {
      // The sleep of those clocks ends in the pool, which may have no thread for it.
      let wait = max(.zero, instant - now).nanoseconds
      if (try? gate.post(.alarm(sleeper, MonotonicClock.now() + wait))) != nil { return nil }
    }
    return Task(executorPreference: gate) {
      await sleep(until: instant)
      if !Task.isCancelled { sleeper.wake() }
    }
  }
}
