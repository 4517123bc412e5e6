// CoalescingTests.swift: when turns are put off, for how long at most, and what is never put off.

import RESP
import Testing

@testable import Broker

private let limit: Int64 = 100_000

/// A server and clients that each wait for the reply before they send again. Times in nanoseconds.
private struct ClosedLoop {
  enum Clients {
    /// One thread deals with one reply after the other, and wakes the server where that waits.
    case together(each: Int64, waking: Int64)
    /// Each on a machine of its own; they send so long after a reply, give or take a tenth.
    case apart([Int64])
  }

  /// What the server needs for a request, and for waking up.
  static let serving: Int64 = 5_000, waking: Int64 = 3_000

  let clients: Clients
  var coalescing: Coalescing
  var now: Int64 = 0
  var turns = 0, served = 0, rests = 0
  var longestRest: Int64 = 0
  private var random: SplitMix64
  private var windows: [UInt32]
  /// Clients by when their next request comes, where they are of one thread by when their reply did.
  private var queue: [(time: Int64, client: Int)] = []
  /// Where it begins.
  private var first = 0
  /// When the one thread is free.
  private var freeAt: Int64 = 0

  init(_ clients: Clients, count: Int, limit: Int64, seed: UInt64) {
    self.clients = clients
    coalescing = Coalescing(limit: limit)
    random = SplitMix64(seed: seed)
    windows = [UInt32](repeating: 0, count: count)
    for client in 0..<count { insert(client) }
  }

  /// The client has its reply now.
  private mutating func insert(_ client: Int) {
    var time = now
    if case .apart(let thinking) = clients {
      let tenth = thinking[client] / 10
      time += thinking[client] + Int64.random(in: -tenth...tenth, using: &random)
    }
    var index = queue.count
    while index > first, queue[index - 1].time > time { index -= 1 }
    queue.insert((time, client), at: index)
  }

  /// Takes the clients whose requests are there, once there are any.
  private mutating func arrived() -> [Int] {
    var ready: [Int] = []
    while first < queue.count {
      var sent = queue[first].time
      if case .together(let each, _) = clients { sent = max(freeAt, sent) + each }
      guard sent <= now || ready.isEmpty else { break }
      ready.append(queue[first].client)
      first += 1
      freeAt = sent
      guard sent > now else { continue }
      if case .together(_, let waking) = clients { freeAt += waking }
      now = sent + Self.waking
    }
    if first > 1000 {
      queue.removeFirst(first)
      first = 0
    }
    return ready
  }

  mutating func run(milliseconds: Int64) -> ClosedLoop {
    while now < milliseconds * 1_000_000 {
      let rest = coalescing.rest(at: now)
      if rest > 0 { rests += 1 }
      longestRest = max(longestRest, rest)
      now += rest
      let ready = arrived()
      coalescing.beginTurn(at: now, events: ready.count)
      for client in ready { coalescing.note(&windows[client]) }
      now += 1_000 + Int64(ready.count) * Self.serving
      for client in ready { insert(client) }
      turns += 1
      served += ready.count
    }
    return self
  }

  /// The same clients at a server that keeps turns apart, and at one that does not.
  static func both(
    _ clients: Clients, count: Int, milliseconds: Int64, seed: UInt64 = 1
  ) -> (apart: ClosedLoop, atOnce: ClosedLoop) {
    var apart = ClosedLoop(clients, count: count, limit: limit, seed: seed)
    var atOnce = ClosedLoop(clients, count: count, limit: 0, seed: seed)
    return (apart.run(milliseconds: milliseconds), atOnce.run(milliseconds: milliseconds))
  }
}

/// Goal: clients that have each other's replies to deal with get more done, in fewer turns.
@Test func turnsTakeSeveralRequestsWhereThatServesMore() {
  for count in [16, 50, 400] {
    let (apart, atOnce) = ClosedLoop.both(
      .together(each: 9_000, waking: 1_500), count: count, milliseconds: 500)
    #expect(atOnce.rests == 0)
    #expect(apart.longestRest <= limit)
    #expect(apart.turns * 5 < atOnce.turns * 2, "\(count) clients")
    #expect(apart.served * 100 > atOnce.served * 110, "\(count) clients")
  }
}

/// Goal: clients that do nothing but wait for replies get them at once, but for now and then a trial;
/// so at any number, distance and load. In the whole they lose next to nothing.
@Test func turnsAreAtOnceWhereClientsWait() {
  for (count, thinking) in [
    (16, 200_000), (30, 200_000), (50, 200_000), (50, 500_000), (100, 500_000), (300, 4_000_000),
  ] as [(Int, Int64)] {
    let clients = ClosedLoop.Clients.apart([Int64](repeating: thinking, count: count))
    let (apart, atOnce) = ClosedLoop.both(clients, count: count, milliseconds: 2_000)
    #expect(apart.served * 100 > atOnce.served * 97, "\(count) clients, \(thinking) ns")
    #expect(apart.rests * 12 < apart.turns, "\(count) clients, \(thinking) ns")
  }
}

/// Goal: few clients are answered at once, however fast they are; so are many slow ones. Not even
/// trials are made.
@Test func turnsOfFewOrSlowClientsAreNeverPutOff() {
  for seed in 1...200 as ClosedRange<UInt64> {
    var random = SplitMix64(seed: seed)
    let isFew = Bool.random(using: &random)
    let count = isFew ? Int.random(in: 1...13, using: &random) : 100
    let longest: Int64 = isFew ? Int64.random(in: 1...300_000, using: &random) : 40_000_000
    let thinking = (0..<count).map { _ in
      Int64.random(in: (isFew ? 0 : 20_000_000)...longest, using: &random)
    }
    var loop = ClosedLoop(.apart(thinking), count: count, limit: limit, seed: seed)
    #expect(loop.run(milliseconds: 50).rests == 0, "seed \(seed)")
  }
}

extension Coalescing {
  /// As if 50 clients had sent for the last 70 ms, and more of it where turns are apart.
  fileprivate init(limit: Int64, busyUntil end: Int64) {
    self.init(limit: limit)
    var windows = [UInt32](repeating: 0, count: 50)
    for now in stride(from: end - 70 * Self.windowSize, through: end, by: Int(Self.windowSize)) {
      beginTurn(at: now, events: 1)
      for number in 0..<(interval > 0 ? 120 : 100) { note(&windows[number % 50]) }
    }
  }
}

/// Goal: nothing is put off for longer than the limit, nor without need: after a turn that found
/// nothing, or took long enough, or once clients have become quiet.
@Test func restsAreBoundAndEndWithTheRush() {
  let end: Int64 = 1_000_000_000_000
  var windows = [UInt32](repeating: 0, count: 50)
  let rush = Coalescing(limit: limit, busyUntil: end)
  #expect(rush.rest(at: end + 10_000) > 0)
  let interval = rush.interval
  #expect(interval > 0 && interval <= limit)
  #expect(rush.rest(at: end + 10_000) == interval - 10_000)
  #expect(rush.rest(at: end + interval - 20_000) == 20_000)
  #expect(rush.rest(at: end + interval - 19_999) == 0, "too short to be worth it")
  #expect(rush.rest(at: end + 1_000_000) == 0, "the turn took long enough")
  #expect(rush.rest(at: 0) == limit, "bound whatever the clock says")

  var coalescing = rush
  coalescing.beginTurn(at: end + 10, events: 0)
  #expect(coalescing.rest(at: end + 10) == 0, "nothing was there")
  coalescing = rush
  coalescing.limit = 0
  #expect(coalescing.rest(at: end + 10) == 0, "it was turned off")
  coalescing = Coalescing(limit: limit, busyUntil: end)
  for now in [end + 5_000_000, end + 10_000_000] {
    coalescing.beginTurn(at: now, events: 1)
    coalescing.note(&windows[0])
  }
  #expect(coalescing.interval == 0, "one request in five milliseconds is no rush")
  coalescing = rush
  coalescing.beginTurn(at: .max / 2, events: 1)
  #expect(coalescing.interval == 0, "the process stood still")
  // A long calm in the middle of a trial: it begins anew, and nothing overflows.
  for age in [2_000_000_000, .max / 4] as [Int64] {
    coalescing = Coalescing(limit: limit, busyUntil: 200_000_000)
    for number in 0..<300 {
      let now = 200_000_000 + age + Int64(number) * 1_000_000
      coalescing.beginTurn(at: now, events: 1)
      for client in 0..<100 { coalescing.note(&windows[client % 50]) }
      #expect(coalescing.interval <= limit)
    }
  }
}

extension Server {
  /// Of the next second, so that it does not matter how long the test takes.
  fileprivate mutating func seemBusy() {
    coalescing = Coalescing(
      limit: coalescing.limit, busyUntil: SystemClock.monotonic() + 1_000_000_000)
  }
}

/// Goal: the setting takes effect while the server runs, and INFO counts the turns.
@Test func turnsArePutOffAsTheSettingSays() throws {
  let rig = try ServerRig()
  let client = try rig.client()
  for _ in 0..<20 {
    rig.server.seemBusy()
    rig.server.turn()
  }
  client.request("CONFIG SET coalesce-usec 0", "INFO stats")
  #expect(rig.run([client]) { _ in client.text.contains("martlet_coalesced_turns:") })
  #expect(!client.text.contains("martlet_coalesced_turns:0\r"))
  let before = rig.server.engine.context.statistics.turns.coalesced
  for _ in 0..<20 {
    rig.server.seemBusy()
    rig.server.turn()
  }
  #expect(rig.server.engine.context.statistics.turns.coalesced == before)
  #expect(rig.stop() == 0)
}

/// Goal: no reply that waits for the disk waits for clients too.
@Test func turnsWithRepliesHeldForTheLogAreNotPutOff() throws {
  let rig = try ServerRig()
  let client = try rig.client()
  rig.disk.closeGate()
  client.request("SET k v")
  #expect(rig.run([client]) { !$0.held.isEmpty })
  for _ in 0..<20 {
    rig.server.seemBusy()
    rig.server.turn()
  }
  #expect(rig.server.engine.context.statistics.turns.coalesced == 0)
  rig.disk.openGate()
  #expect(rig.run(client, until: "+OK\r\n"))
  #expect(rig.stop() == 0)
}

/// Goal: before a turn is put off, the effects of the last one are in the log and its replies sent.
@Test func repliesLeaveBeforeTheNextTurnIsPutOff() throws {
  let rig = try ServerRig { $0.sync = .everysec }
  let client = try rig.client()
  for number in 1...20 {
    client.request("INCR k")
    client.send()
    rig.server.seemBusy()
    rig.server.turn()
    #expect(rig.server.engine.context.effects.count == 0)
    #expect(rig.run(client, until: ":\(number)\r\n"))
  }
  #expect(rig.stop() == 0)
}
