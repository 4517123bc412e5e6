// ListTests.swift: lists, strings, keys, transactions and channels on a real broker.

import Martlet
import MartletTesting
import Testing

@Test func listsAreQueues() async throws {
  let broker = try TestBroker(), client = try broker.client()
  #expect(try await client.push("a", [0x62] as [UInt8], 3, to: "l") == 3)
  #expect(try await client.push("z", to: "l", at: .right) == 4)
  #expect(try await client.push(contentsOf: [], to: "l") == 4)
  #expect(try await client.elements(of: "l", as: String.self) == ["3", "b", "a", "z"])
  #expect(try await client.elements(of: "l", from: -2, as: String.self) == ["a", "z"])
  #expect(try await client.element(at: 0, of: "l", as: Int.self) == 3)
  #expect(try await client.element(at: 9, of: "l") == nil)
  #expect(try await client.pop(from: "l", as: String.self) == "z")
  #expect(try await client.pop(from: "l", at: .left) == [0x33])
  #expect(try await client.pop(5, from: "l", as: String.self) == ["a", "b"])
  #expect(try await client.pop(5, from: "l") == [])
  #expect(try await client.pop(from: "l") == nil)
  #expect(try await client.length(of: "l") == 0)

  try await client.push("x", "y", "x", to: "m", at: .right)
  #expect(try await client.move(from: "m", to: "n", as: String.self) == "x")
  #expect(try await client.move(from: "m", .left, to: "n", .right, as: String.self) == "x")
  #expect(try await client.move(from: "none", to: "n") == nil)
  #expect(try await client.remove("x", from: "n") == 2)
  try await client.push("1", "2", "3", to: "n", at: .right)
  try await client.trim("n", from: 1, to: 1)
  #expect(try await client.elements(of: "n", as: Int.self) == [2])
}

@Test func waitingCallsTakeWhatComes() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.push("ready", to: "b")
  let popped = try await client.pop(fromFirstOf: ["a", "b"], within: nil, as: String.self)
  #expect(popped?.key == "b")
  #expect(popped?.element == "ready")
  async let later = client.pop(from: "a", within: nil, as: String.self)
  async let moved = client.move(from: "c", to: "d", within: nil, as: String.self)
  try await client.push("first", to: "a")
  try await client.push("second", to: "c")
  #expect(try await later == "first")
  #expect(try await moved == "second")
  #expect(try await client.length(of: "d") == 1)
}

/// Goal: whoever is cancelled while waiting takes nothing along. Method: consumers are cancelled at
/// random while elements come; each element is with a consumer or in the list.
@Test(arguments: [1, 2, 3])
func noElementIsLostToCancelledCalls(seed: UInt64) async throws {
  let broker = try TestBroker(), client = try broker.client()
  let taken = Counter(), count = 300
  try await withThrowingTaskGroup { group in
    for number in 0..<60 {
      group.addTask {
        while true {
          let pop = Task { try await client.pop(from: "l", within: nil) }
          // Some are cancelled at once, some as elements come, the last ones at the end.
          if (UInt64(number) &+ seed) % 3 == 0 {
            pop.cancel()
          } else {
            for _ in 0..<number { await Task.yield() }
            pop.cancel()
          }
          if (try? await pop.value) != nil { taken.add() } else { return }
        }
      }
    }
    for number in 0..<count { try await client.push(number, to: "l") }
    try await group.waitForAll()
  }
  #expect(try await client.length(of: "l") + taken.value == count, "seed \(seed)")
}

@Test func stringsAreSetAndRead() async throws {
  let broker = try TestBroker(), client = try broker.client()
  #expect(try await client.get("k") == nil)
  #expect(try await client.set("k", to: "v"))
  #expect(try await !client.set("k", to: "w", .ifAbsent))
  #expect(try await client.set("k", to: "w", .ifPresent))
  #expect(try await client.get("k", as: String.self) == "w")
  #expect(try await client.get(["k", "none"], as: String.self) == ["w", nil])
  #expect(await outcome { try await client.get("k", as: Int.self) }.failure == .decoding)
  #expect(try await client.increment("n") == 1)
  #expect(try await client.increment("n", by: -3) == -2)
  #expect(try await client.getAndDelete("n", as: Int.self) == -2)
  #expect(try await client.get("n") == nil)
}

@Test func keysLiveAsLongAsTheyAreTold() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.set("k", to: "v", for: .seconds(10))
  #expect(try await client.timeToLive(of: "k") == .time(.seconds(10)))
  broker.advance(by: .seconds(11))
  #expect(try await client.timeToLive(of: "k") == .noSuchKey)
  try await client.set("k", to: "v")
  #expect(try await client.timeToLive(of: "k") == .unlimited)
  #expect(try await client.expire("k", after: .milliseconds(1500)))
  #expect(try await client.persist("k"))
  #expect(try await !client.persist("k"))
  #expect(try await !client.expire("none", after: .seconds(1)))
  #expect(try await client.type(of: "k") == "string")
  #expect(try await client.type(of: "none") == nil)
  try await client.rename("k", to: "j")
  #expect(await outcome { try await client.rename("k", to: "j") }.failure == .server("ERR"))
  #expect(try await client.exists("j", "j", "k") == 2)
  #expect(try await client.delete("j", "k") == 1)
  #expect(try await client.delete() == 0)
}

@Test func aWalkSeesEveryKey() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.send((0..<500).map { ["SET", "key:\($0)", 1] })
  try await client.set("other", to: 1)
  var seen: Set<String> = [], cursor = ScanCursor.begin
  repeat {
    let page = try await client.scan(cursor, matching: "key:*", count: 50)
    seen.formUnion(page.keys.map { String(decoding: $0, as: UTF8.self) })
    cursor = page.next
  } while cursor != .begin
  #expect(seen.count == 500)
}

@Test func transactionsAreDoneAsAWhole() async throws {
  let broker = try TestBroker(), client = try broker.client()
  let results = try await client.transaction([["INCR", "n"], ["LPUSH", "n", 1], ["INCR", "n"]])
  #expect(results[0] == .integer(1))
  #expect(results[1].error?.code == .server("WRONGTYPE"))
  #expect(results[2] == .integer(2))
  let refused = await outcome { try await client.transaction([["INCR", "n"], ["INCR"]]) }
  #expect(refused.message == "ERR wrong number of arguments for 'incr' command")
  #expect(try await client.get("n", as: Int.self) == 2)
}

/// Goal: reading and writing is one step. Method: many do it side by side; no step is lost.
@Test func watchedTransactionsDoNotOverwriteEachOther() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await withThrowingTaskGroup { group in
    for _ in 0..<20 {
      group.addTask {
        _ = try await client.transaction(watching: ["n"], attempts: 1000) { session in
          let number = try await session.send("GET", "n").integer ?? 0
          return [["SET", "n", number + 1]]
        }
      }
    }
    try await group.waitForAll()
  }
  #expect(try await client.get("n", as: Int.self) == 20)
}

@Test func messagesGoToWhoSubscribed() async throws {
  let broker = try TestBroker(), client = try broker.client()
  let subscription = try await client.subscribe(to: ["news"], patterns: ["w*"])
  #expect(try await client.send("PUBLISH", "news", "one").integer == 1)
  #expect(try await client.send("PUBLISH", "weather", "two").integer == 1)
  var messages = subscription.makeAsyncIterator()
  #expect(try await messages.next()?.text == "one")
  let second = try await messages.next()
  #expect(second?.pattern == "w*")
  #expect(second?.channel == "weather")
  subscription.cancel()
  #expect(try await messages.next() == nil)
}

/// Goal: a broker that goes and comes back is found again, by all kinds of calls.
@Test func aRestartedBrokerIsFoundAgain() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.push("kept", to: "l")
  let subscription = try await client.subscribe(to: ["news"])
  broker.stop()
  let push = Task { try await client.send(Command("LPUSH", "l", "later").retryable()) }
  try broker.restart()
  #expect(try await push.value.integer == 2)
  #expect(try await client.pop(from: "l", within: nil, as: String.self) == "kept")
  // It subscribes again by itself; until then nobody hears.
  let deadline = ContinuousClock.now + .seconds(600)
  while try await client.send("PUBLISH", "news", "again").integer == 0,
    ContinuousClock.now < deadline
  { await Task.yield() }
  var messages = subscription.makeAsyncIterator()
  #expect(try await messages.next()?.text == "again")
}
