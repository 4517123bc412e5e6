// SetRandom.swift: members by chance, each as likely as the others, left in their set or taken.

import RESP

extension Sets {
  static let random: [Command] = [
    Command(
      "SPOP", arity: .atLeast(2), flags: [.write, .fast], keys: [.one(1, [.read, .delete])],
      group: .set, since: "1.0.0",
      summary: "Takes members by chance; the empty set goes.",
      complexity: "O(N), N members returned", body: spop),
    Command(
      "SRANDMEMBER", arity: .atLeast(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .set, since: "1.0.0",
      summary: "Shows members by chance.",
      complexity: "O(N), N members returned", body: srandmember),
  ]

  // MARK: Taking

  /// `SPOP key [count]` → a member or null; with a count a set of as many at most.
  ///
  /// What was taken is logged, as SREM.
  static func spop(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count == 2 else { return try popSome(&c) }
    let key = c.key(1)
    guard let entry = try c.entryForWriting(key, SetValue.self) else { return c.reply.null() }
    let set = entry.unsharedValue(SetValue.self)
    let member = set.randomPair(using: &c.random).name.array
    c.reply.bulk(member)
    take([member], from: set, entry, &c, key)
  }

  private static func popSome(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count == 3 else { throw .syntax }
    guard let limit = c.arguments[2].integer, limit >= 0 else { throw .notPositive }
    let key = c.key(1)
    guard let entry = try c.entryForWriting(key, SetValue.self), limit > 0 else {
      return c.reply.set(0)
    }
    let set = entry.unsharedValue(SetValue.self)
    guard limit < set.count else {
      c.reply.set(set.count)
      set.forEach { member, _ in c.reply.bulk(member) }
      c.drop(key)
      c.modified(key)
      c.notify(.set, "spop", key)
      c.notify(.generic, "del", key)
      return c.propagate("DEL", key.bytes)
    }
    let members = set.randomPairs(Int(limit), using: &c.random).map { $0.name.array }
    c.reply.set(members.count)
    for member in members { c.reply.bulk(member) }
    take(members, from: set, entry, &c, key)
  }

  /// Members that one command of the log removes.
  private static var removedMax: Int { 1000 }

  /// Removes `members` and logs that; the emptied key goes.
  private static func take(
    _ members: [[UInt8]], from set: SetValue, _ entry: Entry, _ c: inout Context, _ key: Key
  ) {
    var set = set
    for member in members {
      unsafe member.withUnsafeBytes {
        _ = unsafe set.remove(ByteView($0), c.keyHash, into: &c.graveyard)
      }
    }
    entry.keep(set)
    let isEmpty = set.isEmpty
    if isEmpty { c.drop(key) }
    c.modified(key)
    c.notify(.set, "spop", key)
    if isEmpty { c.notify(.generic, "del", key) }
    c.hasPropagated = true
    for start in stride(from: 0, to: members.count, by: removedMax) {
      let some = members[start..<min(members.count, start + removedMax)]
      c.effects.command(words: 2 + some.count, in: c.database) { writer in
        writer.word("SREM")
        writer.word(key.bytes)
        for member in some { unsafe member.withUnsafeBytes { unsafe writer.word(ByteView($0)) } }
      }
    }
  }

  // MARK: Looking

  /// `SRANDMEMBER key [count]` → a member or null; with a count an array of as many different ones at
  /// most, or with a negative one of as many, some of them perhaps twice.
  static func srandmember(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count > 2 else {
      guard let set = try c.value(c.key(1), SetValue.self) else { return c.reply.null() }
      return c.reply.bulk(set.randomPair(using: &c.random).name)
    }
    guard c.arguments.count == 3 else { throw .syntax }
    let count = try c.randomCount(c.arguments[2])
    guard let set = try c.value(c.key(1), SetValue.self), count != 0 else {
      return c.reply.array(0)
    }
    if count > 0 {
      let pairs = set.randomPairs(Int(count), using: &c.random)
      c.reply.array(pairs.count)
      for pair in pairs { c.reply.bulk(pair.name) }
      return
    }
    try c.checkRandomReply(count)
    c.reply.array(Int(-count))
    for _ in 0..<Int(-count) {
      if c.reply.isOverfull { break }
      c.reply.bulk(set.randomPair(using: &c.random).name)
    }
  }
}
