// SortedSetPops.swift: taking members from the ends of sorted sets, and waiting for some to take.
//
// A command that finds nothing leaves a Wait behind (`Context.block`); `serve` finishes it when a key
// becomes ready. What is logged is ZPOPMIN or ZPOPMAX with how many were taken.

import RESP

extension SortedSets {
  static let pops: [Command] = [
    Command(
      "ZPOPMIN", arity: .atLeast(2), flags: [.write, .fast], keys: [.one(1, [.read, .delete])],
      group: .sortedSet, since: "5.0.0",
      summary: "Takes the members with the lowest scores; the empty sorted set goes.",
      complexity: "O(log(N)*M), N members, M of them taken", body: zpopmin),
    Command(
      "ZPOPMAX", arity: .atLeast(2), flags: [.write, .fast], keys: [.one(1, [.read, .delete])],
      group: .sortedSet, since: "5.0.0",
      summary: "Takes the members with the highest scores; the empty sorted set goes.",
      complexity: "O(log(N)*M), N members, M of them taken", body: zpopmax),
    Command(
      "ZMPOP", arity: .atLeast(4), flags: [.write, .movableKeys],
      keys: [.counted(1, [.read, .delete])], group: .sortedSet, since: "7.0.0",
      summary: "Takes members of the first sorted set that has any.",
      complexity: "O(K)+O(M*log(N)), K keys given, N members, M of them taken", body: zmpop),
    Command(
      "BZPOPMIN", arity: .atLeast(3), flags: [.write, .noScript, .blocking, .fast],
      keys: [.range(1, -2, [.read, .delete])], group: .sortedSet, since: "5.0.0",
      summary: "Takes the member with the lowest score of the first sorted set, or waits for one.",
      complexity: "O(log(N)), N members", body: bzpopmin),
    Command(
      "BZPOPMAX", arity: .atLeast(3), flags: [.write, .noScript, .blocking, .fast],
      keys: [.range(1, -2, [.read, .delete])], group: .sortedSet, since: "5.0.0",
      summary: "Takes the member with the highest score of the first sorted set, or waits for one.",
      complexity: "O(log(N)), N members", body: bzpopmax),
    Command(
      "BZMPOP", arity: .atLeast(5), flags: [.write, .blocking, .movableKeys],
      keys: [.counted(2, [.read, .delete])], group: .sortedSet, since: "7.0.0",
      summary: "Takes members of the first sorted set that has any, or waits for some.",
      complexity: "O(K)+O(M*log(N)), K keys given, N members, M of them taken", body: bzmpop),
  ]

  enum End { case min, max }

  // MARK: Popping from one

  /// `ZPOPMIN key [count]` → [member, score, ...], lowest first.
  static func zpopmin(_ c: inout Context) throws(CommandError) { try pop(&c, .min) }

  /// `ZPOPMAX key [count]` → [member, score, ...], highest first.
  static func zpopmax(_ c: inout Context) throws(CommandError) { try pop(&c, .max) }

  @inline(__always)
  private static func pop(_ c: inout Context, _ end: End) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .syntax }
    var limit: Int?
    if c.arguments.count == 3 {
      guard let number = c.arguments[2].integer, number >= 0 else { throw .notPositive }
      limit = Int(number)
    }
    let key = c.key(1)
    guard let entry = try c.entryForWriting(key, SortedSet.self), limit != 0 else {
      return c.reply.array(0)
    }
    let count = min(limit ?? 1, entry.value(SortedSet.self).count)
    // A single member is never nested.
    let isNested = limit != nil && c.reply.version >= 3
    c.reply.array(isNested ? count : count * 2)
    take(&c, key, entry, count, end, isNested: isNested)
  }

  /// Takes `count` members into the reply, each with its score; the emptied key goes.
  private static func take(
    _ c: inout Context, _ key: Key, _ entry: Entry, _ count: Int, _ end: End, isNested: Bool
  ) {
    var set = entry.unsharedValue(SortedSet.self)
    let range = end == .min ? 0..<count : set.count - count..<set.count
    set.forEach(in: range, isReversed: end == .max) { member, score in
      if isNested { c.reply.array(2) }
      c.reply.bulk(member)
      c.reply.score(score)
    }
    set.remove(range, c.keyHash)
    c.keep(set, in: entry, key, end == .min ? "zpopmin" : "zpopmax")
  }

  private static func propagate(_ c: inout Context, _ key: Key, _ count: Int, _ end: End) {
    c.propagate(end == .min ? "ZPOPMIN" : "ZPOPMAX", key.bytes, integer: Int64(count))
  }

  // MARK: Popping one from the first that has any

  /// `BZPOPMIN key [key ...] timeout` → [key, member, score], or null.
  static func bzpopmin(_ c: inout Context) throws(CommandError) { try popOrWait(&c, .min) }

  /// `BZPOPMAX key [key ...] timeout` → [key, member, score], or null.
  static func bzpopmax(_ c: inout Context) throws(CommandError) { try popOrWait(&c, .max) }

  private static func popOrWait(_ c: inout Context, _ end: End) throws(CommandError) {
    let last = c.arguments.count - 1
    let deadline = try c.blockingDeadline(c.arguments[last])
    for index in 1..<last {
      let key = c.key(index)
      guard let entry = try c.entryForWriting(key, SortedSet.self) else { continue }
      return popOne(&c, key, entry, end)
    }
    guard !c.isInExec else { return c.reply.nullArray() }
    c.block(
      .popScore(end: end), keys: (1..<last).map { StoredKey(c.database, c.arguments[$0]) },
      deadline: deadline)
  }

  private static func popOne(_ c: inout Context, _ key: Key, _ entry: Entry, _ end: End) {
    c.reply.array(3)
    c.reply.bulk(key.bytes)
    take(&c, key, entry, 1, end, isNested: false)
    propagate(&c, key, 1, end)
  }

  // MARK: Popping many from the first that has any

  /// `ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]` → [key, [[member, score] ...]], or null.
  static func zmpop(_ c: inout Context) throws(CommandError) {
    if try !popMany(&c, PopMany(c, countAt: 1)) { c.reply.nullArray() }
  }

  /// `BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]` → [key, [[member, score] ...]], or
  /// null.
  static func bzmpop(_ c: inout Context) throws(CommandError) {
    let request = try PopMany(c, countAt: 2)
    let deadline = try c.blockingDeadline(c.arguments[1])
    if try popMany(&c, request) { return }
    guard !c.isInExec else { return c.reply.nullArray() }
    c.block(
      .popScores(end: request.end, count: request.limit),
      keys: request.keys.map { StoredKey(c.database, c.arguments[$0]) }, deadline: deadline)
  }

  private struct PopMany {
    let keys: Range<Int>
    let end: End
    private(set) var limit = 1

    init(_ c: borrowing Context, countAt index: Int) throws(CommandError) {
      guard let number = c.arguments[index].integer, number > 0 else {
        throw CommandError("ERR numkeys should be greater than 0")
      }
      guard number < c.arguments.count - index - 1 else { throw .syntax }
      keys = index + 1..<index + 1 + Int(number)
      let side = c.arguments[keys.upperBound]
      guard side.matches("min") || side.matches("max") else { throw .syntax }
      end = side.matches("min") ? .min : .max
      let option = keys.upperBound + 1
      guard option < c.arguments.count else { return }
      guard c.arguments[option].matches("count"), option + 1 < c.arguments.count else {
        throw .syntax
      }
      guard let value = c.arguments[option + 1].integer, value > 0 else {
        throw CommandError("ERR count should be greater than 0")
      }
      guard option + 2 == c.arguments.count else { throw .syntax }
      limit = Int(value)
    }
  }

  private static func popMany(_ c: inout Context, _ request: PopMany) throws(CommandError) -> Bool {
    for index in request.keys {
      let key = c.key(index)
      guard let entry = try c.entryForWriting(key, SortedSet.self) else { continue }
      popMany(&c, key, entry, request.end, limit: request.limit)
      return true
    }
    return false
  }

  private static func popMany(
    _ c: inout Context, _ key: Key, _ entry: Entry, _ end: End, limit: Int
  ) {
    let count = min(limit, entry.value(SortedSet.self).count)
    c.reply.array(2)
    c.reply.bulk(key.bytes)
    c.reply.array(count)
    take(&c, key, entry, count, end, isNested: true)
    propagate(&c, key, count, end)
  }

  // MARK: Serving who waits

  /// Gives the waiter whose output is in `c.reply` what it waits for, if `key` has a sorted set.
  ///
  /// - Returns: whether the wait is over.
  static func serve(_ wait: Wait, _ c: inout Context, _ key: Key) -> Bool {
    guard let entry = c.findForWriting(key), entry.kind == .sortedSet else { return false }
    switch wait.kind {
    case .popScore(let end): popOne(&c, key, entry, end)
    case .popScores(let end, let limit): popMany(&c, key, entry, end, limit: limit)
    default: return false
    }
    return true
  }
}
