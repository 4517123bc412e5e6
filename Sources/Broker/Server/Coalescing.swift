// Coalescing.swift: while many clients are busy, a turn may take several of them instead of the first.
//
// Waking up for one small request costs the processor as much as the request does, and whoever sent it
// pays for that too. So turns may keep a distance, as network cards do with their interrupts
// (`ethtool`'s rx-usecs): what comes meanwhile is taken together. That is good for clients that
// have others' replies to deal with, and bad for those that do nothing but wait for theirs. Which
// they are is tried: turns keep a distance only where more requests come in for it.
//
//   AT ONCE ──many are busy──▶ TRIAL ──more requests when apart──▶ APART
//      ▲                       │   ▲                                 │
//      └──────── no more ──────┘   └──────────── a second ───────────┘
//
// (50 clients of redis-benchmark, one request at a time: 15 % more requests a second at 9 % less
// processor time for each; 16 at a time: 14 % more at 9 % less; the median reply comes as soon.)

/// When the next turn may begin. Times are monotonic nanoseconds.
struct Coalescing {
  /// Shortest time in which clients are counted.
  static let windowSize: Int64 = 1_000_000
  /// A window that took longer than this says nothing: there was a pause in it.
  static let windowSizeMax: Int64 = 100_000_000
  /// Requests that must be expected in one interval: for less, sleeping is no gain. With the share
  /// of `wanted`, 13 clients or fewer are never waited for.
  static let gain: Int64 = 4
  /// Sleeping for less costs more than it brings.
  static let restMin: Int64 = 20_000
  /// How long its result stands where turns are apart, and at first and at most where they are not.
  static let trialAge: Int64 = 1_000_000_000
  static let pauseMin: Int64 = 250_000_000, pauseMax: Int64 = 4_000_000_000
  /// A trial that takes longer has seen different clients.
  static let trialDurationMax: Int64 = 1_000_000_000

  private enum Phase {
    /// Each turn begins as soon as there is something to do; no trial before then.
    case atOnce(until: Int64)
    case trial(Trial, since: Int64)
    case apart(until: Int64)
  }

  /// Counts requests with and without a distance, a few windows each in turn: what else happens on
  /// the machine happens to both.
  private struct Trial {
    /// The first window of a slice is not counted: it still shows the slice before.
    static let sliceSize = 4, sliceCount = 16
    private var windows = 0
    private var apart: (requests: Int64, time: Int64) = (0, 0)
    private var atOnce: (requests: Int64, time: Int64) = (0, 0)

    /// Whether the present slice is one with a distance.
    var isApart: Bool { windows / Self.sliceSize % 2 == 1 }
    var isDone: Bool { windows == Self.sliceSize * Self.sliceCount }
    /// Whether at least a fiftieth more requests came with a distance.
    var pays: Bool {
      apart.requests * atOnce.time * 50 >= atOnce.requests * apart.time * 51
    }

    mutating func add(requests: Int64, time: Int64) {
      if windows % Self.sliceSize > 0 {
        if isApart {
          apart = (apart.requests + requests, apart.time + time)
        } else {
          atOnce = (atOnce.requests + requests, atOnce.time + time)
        }
      }
      windows += 1
    }
  }

  /// Longest interval; 0: each turn begins as soon as there is something to do.
  var limit: Int64
  /// How far apart turns begin now; 0: no distance is kept.
  private(set) var interval: Int64 = 0
  private var turnBegan: Int64 = 0
  /// Whether the last turn had something to do.
  private var wasBusy = false
  private var phase = Phase.atOnce(until: 0)
  /// How long after a trial in vain the next one may begin.
  private var pause = pauseMin
  /// Tells the window that is counted from those before it.
  private var window: UInt32 = 1
  private var windowBegan: Int64 = 0
  /// What came in this window: readable sockets, and how many different ones.
  private var requests: Int64 = 0, clients: Int64 = 0

  init(limit: Int64) { self.limit = limit }

  /// A turn begins, with so many events.
  mutating func beginTurn(at now: Int64, events: Int) {
    turnBegan = now
    wasBusy = events > 0
    let size = now - windowBegan
    guard size >= Self.windowSize else { return }
    interval = size <= Self.windowSizeMax ? endWindow(at: now, size: size) : 0
    windowBegan = now
    window &+= 1
    requests = 0
    clients = 0
  }

  /// - Returns: the interval of the next window.
  private mutating func endWindow(at now: Int64, size: Int64) -> Int64 {
    let wanted = wanted(size)
    // A moment of calm may be one in a rush: no reason to begin anew.
    guard wanted > 0 else { return 0 }
    switch phase {
    case .atOnce(let until), .apart(let until):
      if now >= until { phase = .trial(Trial(), since: now) }
    case .trial(_, let since) where now - since > Self.trialDurationMax:
      phase = .trial(Trial(), since: now)
    case .trial(var trial, let since):
      trial.add(requests: requests, time: size)
      if !trial.isDone {
        phase = .trial(trial, since: since)
      } else if trial.pays {
        phase = .apart(until: now + Self.trialAge)
        pause = Self.pauseMin
      } else {
        phase = .atOnce(until: now + pause)
        pause = min(2 * pause, Self.pauseMax)
      }
    }
    return switch phase {
    case .atOnce: 0
    case .trial(let trial, _): trial.isApart ? wanted : 0
    case .apart: wanted
    }
  }

  /// The interval that suits a window of that size; 0 where it was too quiet for one.
  private func wanted(_ windowSize: Int64) -> Int64 {
    guard requests > 0 else { return 0 }
    // In so long each client sends once; one that takes longer counts as if it had not.
    let cycle = windowSize * clients / requests
    let wanted = min(limit, cycle * 3 / 10)
    return wanted * requests >= Self.gain * windowSize ? wanted : 0
  }

  /// Something came from a client.
  ///
  /// - Parameter lastWindow: kept for the client, from 0.
  @inline(__always)
  mutating func note(_ lastWindow: inout UInt32) {
    requests += 1
    guard lastWindow != window else { return }
    lastWindow = window
    clients += 1
  }

  /// How long to leave clients alone before the next turn; 0 where nothing speaks for it.
  func rest(at now: Int64) -> Int64 {
    guard wasBusy, interval > 0 else { return 0 }
    let rest = interval - (now - turnBegan)
    return rest >= Self.restMin ? min(rest, limit) : 0
  }
}
