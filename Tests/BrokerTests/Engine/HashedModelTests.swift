// HashedModelTests.swift: the commands about hashes and sets beside dictionaries and sets.

import Testing

@testable import Broker

/// A few keys, each with a hash or a set. Replies are compared as lines; those without an order sorted.
private struct HashedModel {
  struct Field: Equatable {
    var value: String
    var deadline: Int64?
  }
  enum Value: Equatable {
    case hash([String: Field])
    case set(Set<String>)
  }
  private(set) var keys: [String: Value] = [:]
  var now: Int64
  private struct WrongType: Error {}

  init(now: Int64) { self.now = now }

  mutating func removeDue() {
    for key in keys.keys {
      guard case .hash(let fields)? = keys[key] else { continue }
      put(key, .hash(fields.filter { $0.value.deadline ?? .max > now }))
    }
  }

  private mutating func put(_ key: String, _ value: Value) {
    switch value {
    case .hash(let fields): keys[key] = fields.isEmpty ? nil : value
    case .set(let members): keys[key] = members.isEmpty ? nil : value
    }
  }

  private func hash(_ key: String) throws -> [String: Field] {
    switch keys[key] {
    case nil: return [:]
    case .hash(let fields): return fields.filter { $0.value.deadline ?? .max > now }
    case .set: throw WrongType()
    }
  }

  private func set(_ key: String) throws -> Set<String> {
    switch keys[key] {
    case nil: return []
    case .set(let members): return members
    case .hash: throw WrongType()
    }
  }

  mutating func send(_ words: [String]) -> [String] {
    do { return try run(words[0], Array(words.dropFirst())) } catch {
      return ["-WRONGTYPE Operation against a key holding the wrong kind of value"]
    }
  }

  private func bulk(_ text: String?) -> [String] {
    text.map { ["$\($0.utf8.count)", $0] } ?? ["$-1"]
  }
  private func array(_ texts: [String]) -> [String] {
    ["*\(texts.count)"] + texts.flatMap { bulk($0) }
  }

  private mutating func run(_ name: String, _ words: [String]) throws -> [String] {
    switch name {
    case "HSET", "HSETNX", "HDEL", "HINCRBY", "HGET", "HMGET", "HGETALL", "HPEXPIRE", "HPTTL",
      "HPERSIST":
      var fields = try hash(words[0])
      let reply = run(name, words, &fields)
      if !name.hasPrefix("HG"), !name.hasPrefix("HM"), name != "HPTTL" {
        put(words[0], .hash(fields))
      }
      return reply
    case "DEL": return [":\(keys.removeValue(forKey: words[0]) == nil ? 0 : 1)"]
    case "RENAME":
      guard let value = keys[words[0]] else { return ["-ERR no such key"] }
      keys[words[0]] = nil
      keys[words[1]] = value  // It may be the same.
      return ["+OK"]
    case "SADD", "SREM":
      let old = try set(words[0])
      let new = name == "SADD" ? old.union(words.dropFirst()) : old.subtracting(words.dropFirst())
      put(words[0], .set(new))
      return [":\(abs(new.count - old.count))"]
    case "SMOVE":
      guard keys[words[0]] != nil else { return [":0"] }
      var from = try set(words[0]), to = try set(words[1])
      guard words[0] != words[1] else { return [":\(from.contains(words[2]) ? 1 : 0)"] }
      guard from.remove(words[2]) != nil else { return [":0"] }
      to.insert(words[2])
      put(words[0], .set(from))
      put(words[1], .set(to))
      return [":1"]
    case "SISMEMBER": return [":\(try set(words[0]).contains(words[1]) ? 1 : 0)"]
    case "SMEMBERS": return array(Array(try set(words[0])))
    default: return try combine(name, words)
    }
  }

  private mutating func combine(_ name: String, _ words: [String]) throws -> [String] {
    let isStored = name.hasSuffix("STORE")
    let sets = try words[(isStored ? 1 : 0)...].map { try set($0) }
    let result = sets.dropFirst().reduce(sets[0]) { a, b in
      name.hasPrefix("SINTER")
        ? a.intersection(b) : name.hasPrefix("SU") ? a.union(b) : a.subtracting(b)
    }
    guard isStored else { return array(Array(result)) }
    put(words[0], .set(result))
    return [":\(result.count)"]
  }

  private func run(
    _ name: String, _ words: [String], _ fields: inout [String: Field]
  ) -> [String] {
    let field = words.count > 1 ? words[1] : ""
    switch name {
    case "HSET":
      let before = fields.count
      for index in stride(from: 1, to: words.count, by: 2) {
        fields[words[index]] = Field(value: words[index + 1])
      }
      return [":\(fields.count - before)"]
    case "HSETNX":
      guard fields[field] == nil else { return [":0"] }
      fields[field] = Field(value: words[2])
      return [":1"]
    case "HDEL": return [":\(words.dropFirst().count { fields.removeValue(forKey: $0) != nil })"]
    case "HINCRBY":
      guard let old = Int(fields[field]?.value ?? "0") else {
        return ["-ERR hash value is not an integer"]
      }
      fields[field, default: Field(value: "")].value = "\(old + Int(words[2])!)"
      return [":\(old + Int(words[2])!)"]
    case "HGET": return bulk(fields[field]?.value)
    case "HMGET":
      return ["*\(words.count - 1)"] + words.dropFirst().flatMap { bulk(fields[$0]?.value) }
    case "HGETALL": return array(fields.flatMap { [$0.key, $0.value.value] })
    case "HPEXPIRE":
      let deadline = now + Int64(words[1])!
      return ["*1", ":\(expire(words.last!, deadline, words.count > 5 ? words[2] : "", &fields))"]
    case "HPTTL":
      guard let field = fields[words.last!] else { return ["*1", ":-2"] }
      return ["*1", ":\(field.deadline.map { $0 - now } ?? -1)"]
    default:
      guard let old = fields[words.last!] else { return ["*1", ":-2"] }
      fields[words.last!]?.deadline = nil
      return ["*1", old.deadline == nil ? ":-1" : ":1"]
    }
  }

  private func expire(
    _ field: String, _ deadline: Int64, _ condition: String, _ fields: inout [String: Field]
  ) -> Int {
    guard let old = fields[field] else { return -2 }
    switch condition {
    case "NX" where old.deadline != nil: return 0
    case "XX" where old.deadline == nil: return 0
    case "GT" where deadline <= old.deadline ?? .max: return 0
    case "LT" where deadline >= old.deadline ?? .max: return 0
    default: break
    }
    fields[field]?.deadline = deadline
    if deadline <= now { fields[field] = nil }
    return deadline <= now ? 2 : 1
  }
}

private let commands = [
  "HSET", "HSET", "HSETNX", "HDEL", "HINCRBY", "HGET", "HMGET", "HGETALL", "HPEXPIRE", "HPEXPIRE",
  "HPTTL", "HPERSIST", "SADD", "SADD", "SREM", "SMOVE", "SISMEMBER", "SMEMBERS", "SINTER", "SUNION",
  "SDIFF", "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE", "DEL", "RENAME",
]

extension RandomRequests {
  /// A request that the model knows. Sets and hashes have keys of their own, which at times meet.
  fileprivate mutating func hashed() -> [String] {
    let name = pick(commands)
    let key = { (c: inout RandomRequests) in (name.hasPrefix("H") ? "h" : "s") + c.number(0...3) }
    let first = chance(3) ? pick(["h0", "s0"]) : key(&self)
    switch name {
    case "HSET": return [name, first] + (0...1).flatMap { _ in [field(), value()] }
    case "HSETNX": return [name, first, field(), value()]
    case "HINCRBY": return [name, first, field(), number(-9...9)]
    case "HGETALL", "SMEMBERS", "DEL": return [name, first]
    case "HPEXPIRE":
      return [name, first, number(0...300)] + condition() + ["FIELDS", "1", field()]
    case "HPTTL", "HPERSIST": return [name, first, "FIELDS", "1", field()]
    case "HGET", "SISMEMBER": return [name, first, field()]
    case "SMOVE": return [name, first, key(&self), field()]
    case "SINTER", "SUNION", "SDIFF": return [name, first, key(&self), key(&self)]
    case "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE": return [name, first, key(&self), key(&self)]
    case "RENAME": return [name, first, key(&self)]
    default: return [name, first, field(), field(), field()]
    }
  }
}

/// Goal: the engine answers as dictionaries would, fields that go included. Method: random requests
/// on both; when time has passed one request is sent before the timers run, for what is due must not
/// be seen from then on.
@Test(arguments: 1...4 as ClosedRange<UInt64>)
func hashesAndSetsAgreeWithTheirModel(seed: UInt64) {
  var requests = RandomRequests(seed: seed), harness = EngineHarness(seed: seed)
  let client = harness.client()
  var model = HashedModel(now: harness.engine.context.wall)
  for step in 0..<6000 {
    let words = requests.hashed()
    let lines = harness.send(client, words.map { Array($0.utf8) })
      .split(separator: "\r\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    let expected = model.send(words)
    #expect(lines.sorted() == expected.sorted(), "seed \(seed), step \(step): \(words)")
    guard lines.sorted() == expected.sorted() else { return }
    harness.engine.runTimers()
    model.removeDue()
    if requests.chance(20) {
      let time = Int64.random(in: 1...60, using: &requests.random)
      harness.advance(milliseconds: time, runningTimers: requests.chance(60))
      model.now += time
      let key = "h" + requests.number(0...3)
      let lines = harness.send(client, "HGETALL \(key)").split(
        separator: "\r\n", omittingEmptySubsequences: false
      ).dropLast().map(String.init)
      #expect(
        lines.sorted() == model.send(["HGETALL", key]).sorted(), "seed \(seed), step \(step)")
      harness.engine.runTimers()
      model.removeDue()
    }
    if step % 100 == 0 {
      harness.checkInvariants()
      let count = harness.engine.context.databases[0].count
      #expect(count == model.keys.count, "seed \(seed), step \(step)")
    }
  }
}
