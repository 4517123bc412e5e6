// Databases.swift: choosing, emptying and exchanging databases.

import RESP

/// The commands about whole databases.
enum Databases {
  static let commands: [Command] = [
    Command(
      "SELECT", arity: .exactly(2), flags: [.loading, .stale, .fast], group: .connection,
      since: "1.0.0",
      summary: "Chooses the database of the connection.",
      complexity: "O(1)", body: select),
    Command(
      "DBSIZE", arity: .exactly(1), flags: [.readOnly, .fast], group: .server, since: "1.0.0",
      summary: "Counts the keys of the database.",
      complexity: "O(1)", categories: ["@keyspace"], body: dbsize),
    Command(
      "FLUSHDB", arity: .atLeast(1), flags: [.write], group: .server, since: "1.0.0",
      summary: "Deletes all keys of the database.",
      complexity: "O(1); the memory is given back bit by bit",
      categories: ["@keyspace", "@dangerous"], body: flushdb),
    Command(
      "FLUSHALL", arity: .atLeast(1), flags: [.write], group: .server, since: "1.0.0",
      summary: "Deletes all keys of all databases.",
      complexity: "O(1); the memory is given back bit by bit",
      categories: ["@keyspace", "@dangerous"], body: flushall),
    Command(
      "SWAPDB", arity: .exactly(3), flags: [.write, .fast], group: .server, since: "4.0.0",
      summary: "Exchanges two databases for all connections.",
      complexity: "O(N), N keys that are watched or waited for in both",
      categories: ["@keyspace", "@dangerous"], body: swapdb),
  ]

  /// `SELECT index` → OK.
  static func select(_ c: inout Context) throws(CommandError) {
    c.database = try c.databaseNumber(c.arguments[1])
    c.reply.ok()
  }

  /// `DBSIZE` → integer.
  static func dbsize(_ c: inout Context) throws(CommandError) {
    c.seeEverything()
    c.reply.integer(c.databases[c.database].count)
  }

  // MARK: Emptying

  /// `FLUSHDB [ASYNC|SYNC]` → OK.
  static func flushdb(_ c: inout Context) throws(CommandError) {
    try checkFlushOption(c)
    c.flush(c.database)
    endFlush(&c)
  }

  /// `FLUSHALL [ASYNC|SYNC]` → OK.
  static func flushall(_ c: inout Context) throws(CommandError) {
    try checkFlushOption(c)
    for index in 0..<c.databases.count { c.flush(index) }
    endFlush(&c)
  }

  /// Both options mean the same here: a client that waits must not hold up the others.
  private static func checkFlushOption(_ c: borrowing Context) throws(CommandError) {
    switch c.arguments.count {
    case 1: return
    case 2 where c.arguments[1].matches("async") || c.arguments[1].matches("sync"): return
    default: throw .syntax
    }
  }

  private static func endFlush(_ c: inout Context) {
    c.graveyard.freeSome()  // What is small goes at once, for memory to be what clients expect.
    c.seeEverything()
    c.reply.ok()
  }

  // MARK: Exchanging

  /// `SWAPDB index1 index2` → OK.
  static func swapdb(_ c: inout Context) throws(CommandError) {
    let first = try number(c.arguments[1], "ERR invalid first DB index")
    let second = try number(c.arguments[2], "ERR invalid second DB index")
    let known = 0..<c.databases.count
    guard known.contains(first), known.contains(second) else { throw .databaseOutOfRange }
    if first != second { c.exchange(first, second) }
    c.reply.ok()
  }

  private static func number(_ word: ByteView, _ refusal: String) throws(CommandError) -> Int {
    guard let number = word.integer.flatMap(Int32.init(exactly:)) else {
      throw CommandError(refusal)
    }
    return Int(number)
  }
}

extension Context {
  /// The number of a database that a word spells.
  func databaseNumber(_ word: ByteView) throws(CommandError) -> Int {
    guard let number = word.integer else { throw .notAnInteger }
    guard Int32(exactly: number) != nil else {
      throw CommandError(
        "ERR value is out of range, value must between \(Int32.min) and \(Int32.max)")
    }
    guard number >= 0, number < databases.count else { throw .databaseOutOfRange }
    return Int(number)
  }

  /// Deletes all keys of the database `index`.
  fileprivate mutating func flush(_ index: Int) {
    if !jobs.spaces[index].isEmpty { flushJobs(index) }
    if !waiters.isEmpty { noteAllWaits(in: index) }
    guard databases[index].count > 0 else { return }
    for key in watchers.keys where key.database == index && isThere(key, in: index) {
      breakWatches(of: key)
    }
    for key in waiters.keys(in: index) { loseStream(key, in: index) }
    let table = databases[index].takeAll()
    graveyard.bury(table)
    modifiedEverything()
  }

  fileprivate mutating func exchange(_ a: Int, _ b: Int) {
    let watched = watchers.keys.filter { $0.database == a || $0.database == b }
    for key in watched {
      // Of keys whose time is up nothing is to be seen in either.
      expireIfDue(key.bytes, in: a)
      expireIfDue(key.bytes, in: b)
      if isThere(key, in: a) || isThere(key, in: b) { breakWatches(of: key) }
    }
    for key in waiters.keys(in: a) + waiters.keys(in: b) { loseStream(key, in: key.database) }
    databases.swapAt(a, b)
    jobs.spaces.swapAt(a, b)
    modifiedEverything()
    for key in waiters.keys(in: a) + waiters.keys(in: b) { noteReady(key) }
    // The jobs of who waits are those of another database now: they answer as if asked anew.
    for index in [a, b] { noteAllWaits(in: index) }
  }

  /// Says that the database `index` is about to lose `key`, if it is a stream.
  private mutating func loseStream(_ key: StoredKey, in index: Int) {
    if let entry = key.withView({ databases[index].find($0, hash: keyHash($0)) }) {
      lost(entry, in: index)
    }
  }

  /// Whether the database `index` has such a key, even if its time is up.
  private func isThere(_ key: StoredKey, in index: Int) -> Bool {
    key.withView { databases[index].find($0, hash: keyHash($0)) != nil }
  }
}
