// HashWhole.swift: hashes as a whole: all of their fields, or some by chance.

import RESP

extension Hashes {
  static let whole: [Command] = [
    Command(
      "HGETALL", arity: .exactly(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .hash, since: "2.0.0",
      summary: "Shows all fields of a hash with their values.",
      complexity: "O(N), N fields of the hash", body: hgetall),
    Command(
      "HKEYS", arity: .exactly(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .hash, since: "2.0.0",
      summary: "Shows all fields of a hash.",
      complexity: "O(N), N fields of the hash", body: hkeys),
    Command(
      "HVALS", arity: .exactly(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .hash, since: "2.0.0",
      summary: "Shows the values of all fields of a hash.",
      complexity: "O(N), N fields of the hash", body: hvals),
    Command(
      "HRANDFIELD", arity: .atLeast(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .hash, since: "6.2.0",
      summary: "Shows some fields of a hash, each as likely as the others.",
      complexity: "O(N), N fields returned", body: hrandfield),
    Command(
      "HSCAN", arity: .atLeast(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .hash, since: "2.8.0",
      summary: "Shows some fields of a hash and tells where to go on.",
      complexity: "O(1) a call, O(N) for a whole walk over N fields", body: hscan),
  ]

  // MARK: All

  /// `HGETALL key` → map of fields and values.
  static func hgetall(_ c: inout Context) throws(CommandError) {
    guard let hash = try c.value(c.key(1), HashValue.self) else { return c.reply.map(0) }
    c.reply.map(hash.count(now: c.fieldTime))
    hash.forEach(now: c.fieldTime) { field, value in
      c.reply.bulk(field)
      c.reply.bulk(value)
    }
  }

  /// `HKEYS key` → array of fields.
  static func hkeys(_ c: inout Context) throws(CommandError) {
    guard let hash = try c.value(c.key(1), HashValue.self) else { return c.reply.array(0) }
    c.reply.array(hash.count(now: c.fieldTime))
    hash.forEach(now: c.fieldTime) { field, _ in c.reply.bulk(field) }
  }

  /// `HVALS key` → array of values.
  static func hvals(_ c: inout Context) throws(CommandError) {
    guard let hash = try c.value(c.key(1), HashValue.self) else { return c.reply.array(0) }
    c.reply.array(hash.count(now: c.fieldTime))
    hash.forEach(now: c.fieldTime) { _, value in c.reply.bulk(value) }
  }

  // MARK: Some

  /// `HSCAN key cursor [MATCH pattern] [COUNT count]` → [next cursor, [field, value, ...]].
  static func hscan(_ c: inout Context) throws(CommandError) { try c.scan(HashValue.self) }

  /// `HRANDFIELD key [count [WITHVALUES]]` → a field or null; with a count an array of as many
  /// different fields at most, or with a negative one of as many fields, some of them perhaps twice.
  static func hrandfield(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count > 2 else { return try randomField(&c) }
    let count = try c.randomCount(c.arguments[2])
    let withValues = c.arguments.count > 3
    if withValues {
      guard c.arguments.count == 4, c.arguments[3].matches("withvalues") else { throw .syntax }
      guard abs(count) <= Int64.max / 2 else { throw CommandError("ERR value is out of range") }
    }
    guard let hash = try c.value(c.key(1), HashValue.self), count != 0 else {
      return c.reply.array(0)
    }
    let due = hash.hasDue(now: c.fieldTime) ? c.fieldTime : .min
    if count > 0 {
      let pairs = hash.randomPairs(Int(count), now: due, using: &c.random)
      beginFields(&c, pairs.count, withValues)
      for pair in pairs { append(pair, to: &c, withValues) }
      return
    }
    try c.checkRandomReply(count)
    let live = due == .min ? nil : hash.randomPairs(.max, now: due, using: &c.random)
    if live?.isEmpty == true { return c.reply.array(0) }
    beginFields(&c, Int(-count), withValues)
    for _ in 0..<Int(-count) {
      if c.reply.isOverfull { break }
      let pair = live?.randomElement(using: &c.random) ?? hash.randomPair(using: &c.random)
      append(pair, to: &c, withValues)
    }
  }

  private static func randomField(_ c: inout Context) throws(CommandError) {
    guard let hash = try c.value(c.key(1), HashValue.self) else { return c.reply.null() }
    guard hash.hasDue(now: c.fieldTime) else {
      return c.reply.bulk(hash.randomPair(using: &c.random).name)
    }
    let pairs = hash.randomPairs(1, now: c.fieldTime, using: &c.random)
    if let pair = pairs.first { c.reply.bulk(pair.name) } else { c.reply.null() }
  }

  /// With values RESP2 has them side by side, RESP3 in pairs.
  private static func beginFields(_ c: inout Context, _ count: Int, _ withValues: Bool) {
    c.reply.array(withValues && c.reply.version < 3 ? 2 * count : count)
  }

  private static func append(_ pair: HashValue.Pair, to c: inout Context, _ withValues: Bool) {
    if withValues, c.reply.version >= 3 { c.reply.array(2) }
    c.reply.bulk(pair.name)
    if withValues { c.reply.bulk(pair.value) }
  }
}

extension HashValue {
  /// How many fields are not due at `now`.
  /// - Complexity: O(1) but for hashes with such fields.
  fileprivate func count(now: Int64) -> Int {
    guard hasDue(now: now) else { return count }
    var live = 0
    forEach(now: now) { _, _ in live += 1 }
    return live
  }
}

extension Context {
  /// How many random elements a word asks for.
  func randomCount(_ word: ByteView) throws(CommandError) -> Int64 {
    guard let count = word.integer else { throw .notAnInteger }
    guard count != .min else {
      throw CommandError(
        "ERR value is out of range, value must between \(-Int64.max) and \(Int64.max)")
    }
    return count
  }

  /// Refuses a reply of so many elements that no connection takes it.
  func checkRandomReply(_ count: Int64) throws(CommandError) {
    // An element has at least six bytes.
    guard count.magnitude <= Reply.sizeMaxUsual / 6 else { throw .replyTooLong }
  }
}
