// WorkerStatistics.swift: what a worker has done so far.

/// What a worker has done since it began, for gauges and counters.
public struct WorkerStatistics: Sendable, Hashable {
  /// Jobs that came.
  public internal(set) var taken = 0
  /// Handlers that run now.
  public internal(set) var running = 0
  /// Jobs that were done.
  public internal(set) var done = 0
  /// Attempts that failed.
  public internal(set) var failed = 0
  /// Jobs that were buried at once: by a verdict, or since their body was none.
  public internal(set) var dead = 0
  /// Jobs that were lost to another worker while they ran, or before they were given back.
  public internal(set) var lost = 0
  /// Jobs that ended after their lease was lost, so that the broker did not hear it: another worker does
  /// them again.
  public internal(set) var late = 0
}
