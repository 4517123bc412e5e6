// KeyWalks.swift: finding keys by pattern, step by step or by chance.

import RESP

extension Keys {
  static let walks: [Command] = [
    Command(
      "KEYS", arity: .exactly(2), flags: [.readOnly], group: .generic, since: "1.0.0",
      summary: "Lists all keys that match a pattern.",
      complexity: "O(N), N keys in the database", categories: ["@keyspace", "@dangerous"],
      body: keys),
    Command(
      "SCAN", arity: .atLeast(2), flags: [.readOnly], group: .generic, since: "2.8.0",
      summary: "Lists some keys and tells where to go on.",
      complexity: "O(1) a call, O(N) for a whole walk over N keys", categories: ["@keyspace"],
      body: scan),
    Command(
      "RANDOMKEY", arity: .exactly(1), flags: [.readOnly], group: .generic, since: "1.0.0",
      summary: "Gives some key.",
      complexity: "O(1)", categories: ["@keyspace"], body: randomkey),
  ]

  /// `KEYS pattern` → array of keys.
  static func keys(_ c: inout Context) throws(CommandError) {
    let filter = Filter(pattern: c.arguments[1], type: nil, now: c.isLoading ? .min : c.wall)
    c.seeEverything()
    var reply = Reply()
    swap(&reply, &c.reply)
    var count = 0
    let mark = reply.beginArray()
    c.databases[c.database].table.forEach { entry in
      guard filter.takes(entry) else { return }
      reply.bulk(entry.key)
      count += 1
    }
    reply.endArray(mark, count: count)
    swap(&reply, &c.reply)
  }

  /// Which keys a walk shows.
  private struct Filter {
    let pattern: ByteView?
    let type: ByteView?
    let now: Int64

    func takes(_ entry: Entry) -> Bool {
      if let deadline = entry.deadline, deadline <= now { return false }
      if let type, !type.matches(entry.kind.name) { return false }
      guard let pattern else { return true }
      if pattern.count == 1, pattern[0] == UInt8(ascii: "*") { return true }
      return Glob.matches(pattern, entry.key)
    }
  }

  // MARK: SCAN

  /// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]` → [next cursor, [key ...]].
  ///
  /// A key that is there from the first call until the cursor is 0 again is shown at least once.
  static func scan(_ c: inout Context) throws(CommandError) {
    let cursor = try ScanOptions.cursor(c.arguments[1])
    let options = try ScanOptions(c, from: 2, ofKeys: true)
    let filter = Filter(
      pattern: options.pattern, type: options.type, now: c.isLoading ? .min : c.wall)
    c.seeEverything()
    var found: [Entry] = []
    let next = c.databases[c.database].table.scan(from: cursor, atLeast: options.count) { entry in
      if filter.takes(entry) { found.append(entry) }
    }
    c.reply.array(2)
    c.reply.bulk(integer: Int64(next))
    c.reply.array(found.count)
    for entry in found { c.reply.bulk(entry.key) }
  }

  // MARK: RANDOMKEY

  /// Keys whose time is up that one call removes before it gives up.
  private static let randomTriesMax = 1000

  /// `RANDOMKEY` → a key, or null.
  static func randomkey(_ c: inout Context) throws(CommandError) {
    c.seeEverything()
    for _ in 0..<randomTriesMax {
      guard let entry = c.databases[c.database].randomEntry(using: &c.random) else { break }
      guard c.isExpired(entry) else { return c.reply.bulk(entry.key) }
      c.expireIfDue(entry.key.array, in: c.database)
    }
    c.reply.null()
  }
}

extension Context {
  /// Removes the key of a database whose time is up.
  mutating func expireIfDue(_ key: [UInt8], in index: Int) {
    let current = database
    database = index
    unsafe key.withUnsafeBytes { _ = unsafe peek(self.key(ByteView($0))) }
    database = current
  }
}
