// Timekeeper.swift: a worker's clock, whichever it is.

/// The time since a worker was made, by any clock.
struct Timekeeper: Sendable {
  private let read: @Sendable () -> Duration
  private let rest: @Sendable (Duration) async throws -> Void

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let origin = clock.now
    read = { origin.duration(to: clock.now) }
    rest = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
  }

  var now: Duration { read() }

  /// Waits until `instant`, or until the task is cancelled.
  func sleep(until instant: Duration) async { try? await rest(instant) }
}
