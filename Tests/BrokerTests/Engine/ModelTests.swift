// ModelTests.swift: the engine beside a naive model of it.

import Testing

@testable import Broker

private let commands = [
  "LPUSH", "RPUSH", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "LPOP", "RPOP", "LMOVE", "LMPOP",
  "DEL", "UNLINK", "EXISTS", "TOUCH", "TYPE", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT",
  "PERSIST", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "RENAME", "RENAMENX", "COPY", "MOVE",
  "SELECT", "SWAPDB", "FLUSHDB", "FLUSHALL", "DBSIZE", "SORT", "MULTI", "EXEC", "EXEC", "DISCARD",
  "WATCH", "UNWATCH",
]

extension RandomRequests {
  /// A request that the model knows.
  fileprivate mutating func modelled(now: Int64) -> [String] {
    let name = pick(commands)
    switch name {
    case "EXISTS", "TOUCH": return [name, key(), key()]
    case "WATCH": return [name, key(), key()]
    case "TYPE", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME": return [name, key()]
    case "SELECT": return [name, pick(["0", "0", "0", "1", "2", "16"])]
    case "FLUSHDB", "FLUSHALL": return chance(10) ? [name] : ["DBSIZE"]
    case "SORT":
      return [name, key(), "ALPHA"] + optional(50, "DESC") + optional(50, "STORE", key())
    case "DBSIZE", "MULTI", "EXEC", "DISCARD", "UNWATCH": return [name]
    default: return request(of: name, now: now) ?? ["DBSIZE"]
    }
  }
}

/// Goal: the engine answers as dictionaries of arrays would. Method: random requests of three
/// clients on both, replies compared after each, values and structures every now and then; time
/// passes with the timers running or not.
@Test(arguments: 1...6 as ClosedRange<UInt64>)
func engineAgreesWithItsModel(seed: UInt64) {
  var requests = RandomRequests(seed: seed)
  var harness = EngineHarness(seed: seed)
  let clients = (0..<3).map { _ in harness.client() }
  var model = KeyspaceModel(sessions: 3, now: harness.engine.context.wall)
  for step in 0..<3000 {
    let client = requests.pick([0, 0, 1, 2])
    let words = requests.modelled(now: model.now)
    // DBSIZE counts keys whose time is up until they are removed.
    if words == ["DBSIZE"] || words == ["EXEC"] { harness.engine.runTimers() }
    let reply = harness.send(clients[client], words.map { Array($0.utf8) })
    let expected = model.send(client, words)
    #expect(reply == expected, "seed \(seed), step \(step): \(words.joined(separator: " "))")
    guard reply == expected else { return }
    if requests.chance(20) {
      let time = Int64.random(in: 1...300, using: &requests.random)
      harness.advance(milliseconds: time, runningTimers: requests.chance(50))
      model.now += time
    }
    if step % 50 == 0 {
      harness.checkInvariants()
      harness.engine.runTimers()
      model.removeExpired()
      #expect(harness.state() == model.databases, "seed \(seed), step \(step)")
    }
  }
}

extension EngineHarness {
  /// All that is held, as the model holds it.
  fileprivate func state() -> [[String: KeyspaceModel.Value]] {
    var state: [[String: KeyspaceModel.Value]] = []
    for index in 0..<engine.context.databases.count {
      var keys: [String: KeyspaceModel.Value] = [:]
      engine.context.databases[index].table.forEach { entry in
        var elements: [String] = []
        entry.list.forEach(in: 0..<entry.list.count) { elements.append($0.text) }
        keys[entry.key.text] = KeyspaceModel.Value(elements: elements, deadline: entry.deadline)
      }
      state.append(keys)
    }
    return state
  }
}
