// Backoff.swift: how long to wait before the next attempt to connect.

/// Pauses that double from some milliseconds to a bound, each shortened by chance to half of it at most,
/// so that the clients of a server that comes back do not all arrive at once.
struct Backoff {
  /// ns.
  let delayMax: Int64
  static let delayMin: Int64 = 20_000_000
  private(set) var failures = 0
  /// No attempt before then, monotonic ns.
  private(set) var until: Int64 = 0
  /// Why the last attempt failed.
  private(set) var reason: MartletError?
  /// Whether another one would surely have failed as well: the server refuses our login.
  private var isFinal = false

  init(delayMax: Int64) { self.delayMax = max(delayMax, 1_000_000) }

  /// What calls are told that come before the next attempt; nil when they wait for it.
  func refusal(now: Int64) -> MartletError? { isFinal && now < until ? reason : nil }

  /// An attempt failed. Those that fail in the same round count once.
  mutating func fail(_ reason: MartletError, isFinal: Bool, now: Int64) {
    self.reason = reason
    self.isFinal = isFinal
    guard now >= until else { return }
    let longest = min(delayMax, Self.delayMin << min(failures, 20))
    until = now + Int64.random(in: longest / 2...longest)
    failures += 1
  }

  /// A connection that stood was lost.
  mutating func lose(now: Int64) {
    guard now >= until else { return }
    until = now + Int64.random(in: 0...min(delayMax, Self.delayMin))
  }

  mutating func succeed() {
    failures = 0
    reason = nil
    isFinal = false
  }
}
