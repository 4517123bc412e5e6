// SortedSetRanges.swift: showing, counting, copying and dropping runs of members of a sorted set.

import RESP

extension SortedSets {
  static let ranges: [Command] =
    [
      Command(
        "ZRANGESTORE", arity: .atLeast(5), flags: [.write, .denyOOM],
        keys: [.one(1, [.overwrite, .update]), .one(2, [.read])], group: .sortedSet,
        since: "6.2.0",
        summary: "Stores a run of members as a sorted set.",
        complexity: "O(log(N)+M*log(M)), N members, M of them stored", body: zrangestore),
      Command(
        "ZCOUNT", arity: .exactly(4), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
        group: .sortedSet, since: "2.0.0",
        summary: "Counts the members between two scores.", complexity: "O(log(N)), N members",
        body: zcount),
      Command(
        "ZLEXCOUNT", arity: .exactly(4), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
        group: .sortedSet, since: "2.8.9",
        summary: "Counts the members between two, in the order of bytes.",
        complexity: "O(log(N)), N members", body: zlexcount),
    ]
    + showing(
      "ZRANGE", since: "1.2.0", "Shows members between two ranks, scores or members.", body: zrange)
    + showing("ZREVRANGE", since: "1.2.0", "Shows members by rank, highest first.", body: zrevrange)
    + showing("ZRANGEBYSCORE", since: "1.0.5", "Shows members by score.", body: zrangebyscore)
    + showing(
      "ZREVRANGEBYSCORE", since: "2.2.0", "Shows members by score, highest first.",
      body: zrevrangebyscore)
    + showing(
      "ZRANGEBYLEX", since: "2.8.9", "Shows members in the order of bytes.", body: zrangebylex)
    + showing(
      "ZREVRANGEBYLEX", since: "2.8.9", "Shows members in the reverse order of bytes.",
      body: zrevrangebylex)
    + dropping(
      "ZREMRANGEBYRANK", since: "2.0.0", "Drops the members between two ranks.",
      body: zremrangebyrank)
    + dropping(
      "ZREMRANGEBYSCORE", since: "1.2.0", "Drops the members between two scores.",
      body: zremrangebyscore)
    + dropping(
      "ZREMRANGEBYLEX", since: "2.8.9", "Drops the members between two, in the order of bytes.",
      body: zremrangebylex)

  private static func showing(
    _ name: StaticString, since: StaticString, _ summary: StaticString,
    body: @escaping Command.Body
  ) -> [Command] {
    [
      Command(
        name, arity: .atLeast(4), flags: [.readOnly], keys: [.one(1, [.read])], group: .sortedSet,
        since: since, summary: summary,
        complexity: "O(log(N)+M), N members, M of them returned", body: body)
    ]
  }

  private static func dropping(
    _ name: StaticString, since: StaticString, _ summary: StaticString,
    body: @escaping Command.Body
  ) -> [Command] {
    [
      Command(
        name, arity: .exactly(4), flags: [.write], keys: [.one(1, [.delete])], group: .sortedSet,
        since: since, summary: summary,
        complexity: "O(M*log(N)), N members, M of them dropped", body: body)
    ]
  }

  // MARK: Showing

  /// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]` → array.
  static func zrange(_ c: inout Context) throws(CommandError) {
    try show(&c, RangeRequest(c, keyAt: 1))
  }

  /// `ZREVRANGE key start stop [WITHSCORES]` → array.
  static func zrevrange(_ c: inout Context) throws(CommandError) {
    try show(&c, RangeRequest(c, .ranks, isReversed: true))
  }

  /// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]` → array.
  static func zrangebyscore(_ c: inout Context) throws(CommandError) {
    try show(&c, RangeRequest(c, .scores, isReversed: false))
  }

  /// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]` → array.
  static func zrevrangebyscore(_ c: inout Context) throws(CommandError) {
    try show(&c, RangeRequest(c, .scores, isReversed: true))
  }

  /// `ZRANGEBYLEX key min max [LIMIT offset count]` → array.
  static func zrangebylex(_ c: inout Context) throws(CommandError) {
    try show(&c, RangeRequest(c, .members, isReversed: false))
  }

  /// `ZREVRANGEBYLEX key max min [LIMIT offset count]` → array.
  static func zrevrangebylex(_ c: inout Context) throws(CommandError) {
    try show(&c, RangeRequest(c, .members, isReversed: true))
  }

  private static func show(_ c: inout Context, _ request: RangeRequest) throws(CommandError) {
    guard let set = try c.value(c.key(1), SortedSet.self) else { return c.reply.array(0) }
    let range = request.ranks(in: set)
    c.reply.beginMembers(range.count, withScores: request.withScores)
    set.forEach(in: range, isReversed: request.isReversed) { member, score in
      c.reply.member(member, score, withScore: request.withScores)
    }
  }

  /// `ZRANGESTORE destination source start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count]` → integer:
  /// how many were stored.
  static func zrangestore(_ c: inout Context) throws(CommandError) {
    let request = try RangeRequest(c, keyAt: 2)
    let set = try c.value(c.key(2), SortedSet.self)
    let range = set.map { request.ranks(in: $0) } ?? 0..<0
    let hash = c.keyHash, limits = c.settings.sortedSetLimits
    var stored = SortedSet.make()
    set?.forEach(in: range) { member, score in stored.put(member, hash, limits) { _ in score } }
    let before = c.changes
    c.store(stored, in: c.key(1), "zrangestore")
    if request.isByMember, c.changes != before {
      propagate(&c, "ZRANGESTORE", [c.arguments[1], c.arguments[2]], range)
    }
  }

  // MARK: Counting

  /// `ZCOUNT key min max` → integer.
  static func zcount(_ c: inout Context) throws(CommandError) { try count(&c, .scores) }

  /// `ZLEXCOUNT key min max` → integer.
  static func zlexcount(_ c: inout Context) throws(CommandError) { try count(&c, .members) }

  private static func count(_ c: inout Context, _ kind: Selection.Kind) throws(CommandError) {
    let selection = try Selection(kind, c.arguments[2], c.arguments[3])
    let set = try c.value(c.key(1), SortedSet.self)
    c.reply.integer(set.map { selection.ranks(in: $0).count } ?? 0)
  }

  // MARK: Dropping

  /// `ZREMRANGEBYRANK key start stop` → integer: how many were dropped.
  static func zremrangebyrank(_ c: inout Context) throws(CommandError) {
    try drop(&c, "zremrangebyrank", .ranks)
  }

  /// `ZREMRANGEBYSCORE key min max` → integer: how many were dropped.
  static func zremrangebyscore(_ c: inout Context) throws(CommandError) {
    try drop(&c, "zremrangebyscore", .scores)
  }

  /// `ZREMRANGEBYLEX key min max` → integer: how many were dropped.
  static func zremrangebylex(_ c: inout Context) throws(CommandError) {
    try drop(&c, "zremrangebylex", .members)
  }

  private static func drop(_ c: inout Context, _ event: StaticString, _ kind: Selection.Kind)
    throws(CommandError)
  {
    let selection = try Selection(kind, c.arguments[2], c.arguments[3])
    let key = c.key(1)
    guard let entry = try c.entryForWriting(key, SortedSet.self) else { return c.reply.integer(0) }
    var set = entry.unsharedValue(SortedSet.self)
    let range = selection.ranks(in: set)
    c.reply.integer(range.count)
    guard !range.isEmpty else { return }
    if kind == .members { propagate(&c, "ZREMRANGEBYRANK", [key.bytes], range) }
    if range.count == set.count {
      // The whole key goes, in slices if it is long.
      c.drop(key)
      c.modified(key)
      c.notify(.sortedSet, event, key)
      return c.notify(.generic, "del", key)
    }
    set.remove(range, c.keyHash)
    c.keep(set, in: entry, key, event)
  }

  /// Logs ranks in the place of members: which ranks are between two members is no matter of the
  /// contents alone where scores differ, but of how the tree has grown.
  private static func propagate(
    _ c: inout Context, _ name: StaticString, _ keys: [ByteView], _ range: Range<Int>
  ) {
    c.hasPropagated = true
    c.effects.command(words: 3 + keys.count, in: c.database) { writer in
      writer.word(name)
      for key in keys { writer.word(key) }
      writer.word(integer: Int64(range.isEmpty ? 1 : range.lowerBound))
      writer.word(integer: Int64(range.isEmpty ? 0 : range.upperBound - 1))
    }
  }
}

/// What a command of the ZRANGE family asks for.
private struct RangeRequest {
  private let selection: Selection
  /// Whether the range is of members in the order of bytes.
  let isByMember: Bool
  let isReversed: Bool
  private(set) var withScores = false
  private var offset: Int64 = 0
  /// Negative for all.
  private var limit: Int64 = -1

  /// ZRANGE and ZRANGESTORE, whose source is word `keyAt`: options say what the range is of.
  init(_ c: borrowing Context, keyAt: Int) throws(CommandError) {
    try self.init(c, keyAt: keyAt, nil, isReversed: nil)
  }

  /// The older commands, each for one kind and direction.
  init(_ c: borrowing Context, _ kind: Selection.Kind, isReversed: Bool) throws(CommandError) {
    try self.init(c, keyAt: 1, kind, isReversed: isReversed)
  }

  private init(
    _ c: borrowing Context, keyAt: Int, _ givenKind: Selection.Kind?, isReversed given: Bool?
  ) throws(CommandError) {
    var kind = givenKind, direction = given
    var index = keyAt + 3
    while index < c.arguments.count {
      let word = c.arguments[index]
      if keyAt == 1, word.matches("withscores") {
        withScores = true
      } else if word.matches("limit"), index + 2 < c.arguments.count {
        guard let offset = c.arguments[index + 1].integer,
          let limit = c.arguments[index + 2].integer
        else { throw .notAnInteger }
        (self.offset, self.limit) = (offset, limit)
        index += 2
      } else if direction == nil, word.matches("rev") {
        direction = true
      } else if kind == nil, word.matches("byscore") {
        kind = .scores
      } else if kind == nil, word.matches("bylex") {
        kind = .members
      } else {
        throw .syntax
      }
      index += 1
    }
    if kind ?? .ranks == .ranks {
      guard limit == -1 else {
        throw CommandError(
          "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
      }
      offset = 0
    }
    isReversed = direction ?? false
    isByMember = kind == .members
    if withScores, kind == .members {
      throw CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    }
    selection = try Selection(
      kind ?? .ranks, c.arguments[keyAt + 1], c.arguments[keyAt + 2], isReversed: isReversed)
  }

  /// The ranks in `set` that are asked for.
  func ranks(in set: SortedSet) -> Range<Int> {
    let whole = selection.ranks(in: set)
    guard offset != 0 || limit >= 0 else { return whole }
    guard offset >= 0, offset < whole.count else { return 0..<0 }
    let left = whole.count - Int(offset)
    let count = limit < 0 ? left : min(left, Int(clamping: limit))
    let first =
      isReversed ? whole.upperBound - Int(offset) - count : whole.lowerBound + Int(offset)
    return first..<first + count
  }
}
