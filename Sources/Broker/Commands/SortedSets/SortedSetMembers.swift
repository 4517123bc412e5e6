// SortedSetMembers.swift: adding, dropping and looking up members of sorted sets by their names.
//
// Ranges are in SortedSetRanges.swift, pops in SortedSetPops.swift, what takes several sorted sets
// together in SortedSetAlgebra.swift.

import RESP

/// The sorted set commands.
enum SortedSets {
  static let members: [Command] = [
    Command(
      "ZADD", arity: .atLeast(4), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.update])],
      group: .sortedSet, since: "1.2.0",
      summary: "Gives members of a sorted set their scores, creating it when absent.",
      complexity: "O(log(N)) for each member, N members of the sorted set", body: zadd),
    Command(
      "ZINCRBY", arity: .exactly(4), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .sortedSet, since: "1.2.0",
      summary: "Adds to the score of a member; an absent one counts as 0.",
      complexity: "O(log(N)), N members of the sorted set", body: zincrby),
    Command(
      "ZREM", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.delete])],
      group: .sortedSet, since: "1.2.0",
      summary: "Drops members of a sorted set; the empty one goes.",
      complexity: "O(M*log(N)), M members given, N members of the sorted set", body: zrem),
    Command(
      "ZCARD", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .sortedSet, since: "1.2.0",
      summary: "Counts the members of a sorted set.", complexity: "O(1)", body: zcard),
    Command(
      "ZSCORE", arity: .exactly(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .sortedSet, since: "1.2.0",
      summary: "Shows the score of a member.", complexity: "O(1)", body: zscore),
    Command(
      "ZMSCORE", arity: .atLeast(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .sortedSet, since: "6.2.0",
      summary: "Shows the scores of members.", complexity: "O(N), N members given",
      body: zmscore),
    Command(
      "ZRANK", arity: .atLeast(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .sortedSet, since: "2.0.0",
      summary: "Counts the members before one, by ascending scores.", complexity: "O(log(N))",
      body: zrank),
    Command(
      "ZREVRANK", arity: .atLeast(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .sortedSet, since: "2.0.0",
      summary: "Counts the members before one, by descending scores.", complexity: "O(log(N))",
      body: zrevrank),
  ]

  // MARK: Adding

  /// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]` → integer: how many were
  /// added, or with CH changed; with INCR the new score, or null if a condition did not hold.
  static func zadd(_ c: inout Context) throws(CommandError) { try add(&c, AddOptions()) }

  /// `ZINCRBY key increment member` → the new score.
  static func zincrby(_ c: inout Context) throws(CommandError) {
    var options = AddOptions()
    options.isIncrement = true
    try add(&c, options)
  }

  private struct AddOptions {
    var onlyNew = false
    var onlyOld = false
    var onlyGreater = false
    var onlyLess = false
    var countsChanged = false
    var isIncrement = false

    /// Takes the option that `word` names.
    ///
    /// - Returns: false when it is none.
    mutating func take(_ word: ByteView) -> Bool {
      if word.matches("nx") {
        onlyNew = true
      } else if word.matches("xx") {
        onlyOld = true
      } else if word.matches("gt") {
        onlyGreater = true
      } else if word.matches("lt") {
        onlyLess = true
      } else if word.matches("ch") {
        countsChanged = true
      } else if word.matches("incr") {
        isIncrement = true
      } else {
        return false
      }
      return true
    }

    func check(pairs: Int) throws(CommandError) {
      if onlyNew, onlyOld {
        throw CommandError("ERR XX and NX options at the same time are not compatible")
      }
      if (onlyGreater || onlyLess) && onlyNew || (onlyGreater && onlyLess) {
        throw CommandError("ERR GT, LT, and/or NX options at the same time are not compatible")
      }
      if isIncrement, pairs > 1 {
        throw CommandError("ERR INCR option supports a single increment-element pair")
      }
    }

    /// The score that a member is to have, given the one it has; nil when it stays as it is.
    @inline(__always)
    func score(_ given: Double, over old: Double?) -> Double? {
      guard let old else { return onlyOld ? nil : given }
      if onlyNew { return nil }
      let score = isIncrement ? old + given : given
      if onlyLess, score >= old { return nil }
      if onlyGreater, score <= old { return nil }
      return score
    }
  }

  @inline(__always)
  private static func add(_ c: inout Context, _ given: AddOptions) throws(CommandError) {
    var options = given, first = 2
    while first < c.arguments.count, options.take(c.arguments[first]) { first += 1 }
    let words = c.arguments.count - first
    guard words > 0, words.isMultiple(of: 2) else { throw .syntax }
    try options.check(pairs: words / 2)
    // All scores are read before any is set.
    let score = try Self.score(c.arguments[first])
    var others: [Double] = []
    for index in stride(from: first + 2, to: c.arguments.count, by: 2) {
      others.append(try Self.score(c.arguments[index]))
    }
    let key = c.key(1)
    guard
      let entry = try c.entryForWriting(key, SortedSet.self)
        ?? (options.onlyOld ? nil : c.makeEntry(key, SortedSet.self))
    else { return options.isIncrement ? c.reply.null() : c.reply.integer(0) }
    let hash = c.keyHash, limits = c.settings.sortedSetLimits
    var set = entry.unsharedValue(SortedSet.self)
    var added = 0, changed = 0, result: Double?
    for pair in 0..<words / 2 {
      let given = pair == 0 ? score : others[pair - 1]
      set.put(c.arguments[first + pair * 2 + 1], hash, limits) { old in
        result = options.score(given, over: old)
        guard let score = result, !score.isNaN else { return nil }
        if score == old { return nil }
        if old == nil { added += 1 } else { changed += 1 }
        return score
      }
    }
    entry.keep(set)
    if added + changed > 0 {
      c.modified(key)
      c.notify(.sortedSet, options.isIncrement ? "zincr" : "zadd", key)
      c.signalReady(key)
    }
    guard options.isIncrement else {
      return c.reply.integer(options.countsChanged ? added + changed : added)
    }
    guard let result else { return c.reply.null() }
    guard !result.isNaN else { throw CommandError("ERR resulting score is not a number (NaN)") }
    c.reply.score(result)
  }

  private static func score(_ word: ByteView) throws(CommandError) -> Double {
    guard let score = word.score else { throw .notAFloat }
    return score
  }

  // MARK: Dropping

  /// `ZREM key member [member ...]` → integer: how many were there.
  static func zrem(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let entry = try c.entryForWriting(key, SortedSet.self) else { return c.reply.integer(0) }
    var set = entry.unsharedValue(SortedSet.self), removed = 0
    for index in 2..<c.arguments.count where set.remove(c.arguments[index], c.keyHash) {
      removed += 1
    }
    c.reply.integer(removed)
    if removed > 0 { c.keep(set, in: entry, key, "zrem") } else { entry.keep(set) }
  }

  // MARK: Looking up

  /// `ZCARD key` → integer.
  static func zcard(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.value(c.key(1), SortedSet.self)?.count ?? 0)
  }

  /// `ZSCORE key member` → the score, or null.
  static func zscore(_ c: inout Context) throws(CommandError) {
    let set = try c.value(c.key(1), SortedSet.self)
    guard let score = set?.score(of: c.arguments[2], c.keyHash) else { return c.reply.null() }
    c.reply.score(score)
  }

  /// `ZMSCORE key member [member ...]` → array of scores or nulls.
  static func zmscore(_ c: inout Context) throws(CommandError) {
    let set = try c.value(c.key(1), SortedSet.self)
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      if let score = set?.score(of: c.arguments[index], c.keyHash) {
        c.reply.score(score)
      } else {
        c.reply.null()
      }
    }
  }

  /// `ZRANK key member [WITHSCORE]` → integer, or [integer, score], or null.
  static func zrank(_ c: inout Context) throws(CommandError) { try rank(&c, isReversed: false) }

  /// `ZREVRANK key member [WITHSCORE]` → integer, or [integer, score], or null.
  static func zrevrank(_ c: inout Context) throws(CommandError) { try rank(&c, isReversed: true) }

  private static func rank(_ c: inout Context, isReversed: Bool) throws(CommandError) {
    guard c.arguments.count <= 4 else { throw .wrongArity(c.table.names[c.command]) }
    let withScore = c.arguments.count == 4
    if withScore, !c.arguments[3].matches("withscore") { throw .syntax }
    let set = try c.value(c.key(1), SortedSet.self)
    guard let set, let (rank, score) = set.rank(of: c.arguments[2], c.keyHash) else {
      return withScore ? c.reply.nullArray() : c.reply.null()
    }
    if withScore { c.reply.array(2) }
    c.reply.integer(isReversed ? set.count - 1 - rank : rank)
    if withScore { c.reply.score(score) }
  }
}

extension Settings {
  /// Up to where sorted sets are packed.
  var sortedSetLimits: SortedSet.Limits {
    SortedSet.Limits(countMax: sortedSetPackedCountMax, memberMax: sortedSetPackedSizeMax)
  }
}

extension Context {
  /// Hands a sorted set from which members have gone, by what `event` says, back to its entry; the
  /// empty key goes.
  mutating func keep(_ set: SortedSet, in entry: Entry, _ key: Key, _ event: StaticString) {
    entry.keep(set)
    let isEmpty = set.isEmpty
    if isEmpty { drop(key) }
    modified(key)
    notify(.sortedSet, event, key)
    if isEmpty { notify(.generic, "del", key) }
  }

  /// Makes `set`, of which nobody else has a part, the value of `key`, whatever was there; an empty one
  /// drops the key. Replies with the count of members.
  mutating func store(_ set: SortedSet, in key: Key, _ event: StaticString) {
    reply.integer(set.count)
    guard !set.isEmpty else {
      set.release()
      guard peek(key) != nil else { return }
      drop(key)
      modified(key)
      return notify(.generic, "del", key)
    }
    put(.value(key.bytes, set), key)
    modified(key)
    notify(.sortedSet, event, key)
    signalReady(key)
  }
}

extension Reply {
  /// Begins an array of `count` members, each with its score if `withScores`: pairs in the third
  /// version of the protocol, one behind the other before it.
  mutating func beginMembers(_ count: Int, withScores: Bool) {
    array(withScores && version < 3 ? count * 2 : count)
  }

  mutating func member(_ member: ByteView, _ score: Double, withScore: Bool) {
    if withScore, version >= 3 { array(2) }
    bulk(member)
    if withScore { self.score(score) }
  }
}
