// DiskPace.swift: whether the disk is quick enough for the engine's thread to wait for it.
//
// Handing a commit to the writer and being woken by it takes longer than a quick disk takes for the
// commit, and meanwhile everybody waits. A slow disk is another matter: it must hold up nobody but
// those whose writes it has. So the engine goes to the disk itself only after a run of quick commits,
// and a slow one of its own leaves the next ones to the writer for a hundred times as long: however
// the disk behaves, the engine spends no more than a hundredth of the time in slow commits.

/// Instants and durations are monotonic nanoseconds.
struct DiskPace {
  /// A commit that took longer was slow.
  static let slowAge: UInt64 = 1_000_000
  /// So many quick commits in a row make the disk a quick one.
  static let runMin = 16
  /// How much longer than a slow commit of the engine's the time is in which it makes none.
  static let pauseFactor: UInt64 = 100

  private var run = 0
  private var pausedUntil: UInt64 = 0

  /// Takes in that a commit was written, and synced if it was to be, from `start` to `end`.
  mutating func note(from start: UInt64, to end: UInt64, byEngine: Bool) {
    guard end > start + Self.slowAge else {
      run = min(run + 1, Self.runMin)
      return
    }
    run = 0
    if byEngine { pausedUntil = end + Self.pauseFactor * (end - start) }
  }

  func isQuick(at now: UInt64) -> Bool { run == Self.runMin && now >= pausedUntil }
}
