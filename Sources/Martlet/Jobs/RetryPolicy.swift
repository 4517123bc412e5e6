// RetryPolicy.swift: when a job that failed is tried again.

/// When a job that failed is tried again, and how often.
///
/// The worker decides about the waits: those of the code which runs now count, also for jobs that wait
/// since before it changed. Of the number of attempts the smaller counts, the worker's or the one that
/// the job was added with. Failures and crashes of workers both count as attempts.
public struct RetryPolicy: Sendable {
  /// Most attempts, the first one included; 0 for no limit. After the last the job is dead.
  public var attempts: Int

  private let wait: @Sendable (_ attempt: Int) -> Duration
  /// By how much of itself a wait may be longer or shorter.
  private let jitter: Double

  /// The longest wait there is.
  static let waitMax: Duration = .seconds(30 * 24 * 3600)

  /// Waits that double: `base` after the first failure, twice that after the second, up to `cap`.
  ///
  /// - Parameters:
  ///   - jitter: by how much of itself a wait may differ, at random, so that jobs that failed together
  ///     are not all tried again together: 0 to 1.
  ///   - attempts: most attempts, the first one included; 0 for no limit. The default gives a job up
  ///     after some 13 hours.
  public static func exponential(
    from base: Duration = .seconds(1), upTo cap: Duration = .seconds(3600), jitter: Double = 0.2,
    attempts: Int = 25
  ) -> RetryPolicy {
    RetryPolicy(attempts: attempts, jitter: jitter) { attempt in
      // Beyond this any cap is reached; and Duration has room for it.
      min(cap, min(base, waitMax) * (1 << min(max(attempt, 1) - 1, 32)))
    }
  }

  /// The same wait each time.
  public static func fixed(
    _ wait: Duration, jitter: Double = 0.2, attempts: Int = 25
  ) -> RetryPolicy {
    RetryPolicy(attempts: attempts, jitter: jitter) { _ in wait }
  }

  /// Waits by a rule of your own: `wait` is given the number of the attempt that failed, from 1.
  public static func custom(
    attempts: Int = 25, wait: @escaping @Sendable (_ attempt: Int) -> Duration
  ) -> RetryPolicy {
    RetryPolicy(attempts: attempts, jitter: 0, wait: wait)
  }

  /// No second attempt: what fails is dead.
  public static var never: RetryPolicy { .fixed(.zero, attempts: 1) }

  private init(
    attempts: Int, jitter: Double, wait: @escaping @Sendable (_ attempt: Int) -> Duration
  ) {
    precondition(attempts >= 0 && attempts <= 65_535, "attempts are 0 to 65535")
    precondition(0...1 ~= jitter, "jitter is 0 to 1")
    self.attempts = attempts
    self.jitter = jitter
    self.wait = wait
  }

  /// How long to wait after attempt `attempt` failed; nil when it was the last one.
  ///
  /// - Parameter random: 0 ..< 1, from which the jitter is made.
  func delay(after attempt: Int, random: Double) -> Duration? {
    guard attempts == 0 || attempt < attempts else { return nil }
    let wait = max(.zero, min(Self.waitMax, wait(attempt)))
    // A product with 1.0 is not exact.
    return jitter == 0 ? wait : wait * (1 + jitter * (2 * random - 1))
  }
}
