// SortedSetWalks.swift: members of a sorted set by chance, and step by step.

import RESP

extension SortedSets {
  static let walks: [Command] = [
    Command(
      "ZRANDMEMBER", arity: .atLeast(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .sortedSet, since: "6.2.0", summary: "Shows some members.",
      complexity: "O(N*log(M)), N members returned, M in the sorted set", body: zrandmember),
    Command(
      "ZSCAN", arity: .atLeast(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .sortedSet, since: "2.8.0", summary: "Shows some members and tells where to go on.",
      complexity: "O(1) a call, O(N) for a whole walk over N members", body: zscan),
  ]

  /// `ZRANDMEMBER key [count [WITHSCORES]]` → a member, or null; with `count` an array, of different
  /// members if `count` is positive.
  static func zrandmember(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count > 2 else {
      guard let set = try c.value(c.key(1), SortedSet.self) else { return c.reply.null() }
      let rank = Int.random(in: 0..<set.count, using: &c.random)
      return set.forEach(in: rank..<rank + 1) { member, _ in c.reply.bulk(member) }
    }
    guard let count = c.arguments[2].integer else { throw .notAnInteger }
    let most = Int64.max
    guard count >= -most else {
      throw CommandError("ERR value is out of range, value must between \(-most) and \(most)")
    }
    let withScores = c.arguments.count == 4 && c.arguments[3].matches("withscores")
    guard c.arguments.count == 3 || withScores else { throw .syntax }
    guard !withScores || (-most / 2...most / 2).contains(count) else {
      throw CommandError("ERR value is out of range")
    }
    guard let set = try c.value(c.key(1), SortedSet.self), count != 0 else {
      return c.reply.array(0)
    }
    if count < 0 {
      try c.checkRandomReply(count)
      showAny(&c, set, Int(-count), withScores: withScores)
    } else {
      showDifferent(&c, set, Int(clamping: count), withScores: withScores)
    }
  }

  /// Shows `count` members, the same one perhaps more than once.
  private static func showAny(
    _ c: inout Context, _ set: SortedSet, _ count: Int, withScores: Bool
  ) {
    let total = set.count
    c.reply.beginMembers(count, withScores: withScores)
    for _ in 0..<count {
      if c.reply.isOverfull { break }
      let rank = Int.random(in: 0..<total, using: &c.random)
      set.forEach(in: rank..<rank + 1) { member, score in
        c.reply.member(member, score, withScore: withScores)
      }
    }
  }

  /// Shows `count` different members, or all there are.
  ///
  /// - Complexity: O(count), by Floyd's sampling (Bentley and Floyd, "A sample of brilliance", 1987).
  private static func showDifferent(
    _ c: inout Context, _ set: SortedSet, _ count: Int, withScores: Bool
  ) {
    let total = set.count, shown = min(count, total)
    c.reply.beginMembers(shown, withScores: withScores)
    guard shown < total else {
      // As Redis has them: the last one first.
      return set.forEach(in: 0..<total, isReversed: true) { member, score in
        c.reply.member(member, score, withScore: withScores)
      }
    }
    var chosen: Set<Int> = []
    for last in total - shown..<total {
      let rank = Int.random(in: 0...last, using: &c.random)
      let fresh = chosen.insert(rank).inserted ? rank : last
      chosen.insert(fresh)
      set.forEach(in: fresh..<fresh + 1) { member, score in
        c.reply.member(member, score, withScore: withScores)
      }
    }
  }

  /// `ZSCAN key cursor [MATCH pattern] [COUNT count]` → [next cursor, [member, score, ...]].
  ///
  /// A member that is there from the first call until the cursor is 0 again is shown at least once.
  static func zscan(_ c: inout Context) throws(CommandError) {
    let cursor = try ScanOptions.cursor(c.arguments[2])
    guard let set = try c.value(c.key(1), SortedSet.self) else {
      c.reply.array(2)
      c.reply.bulk("0")
      return c.reply.array(0)
    }
    let options = try ScanOptions(c, from: 3)
    var found: [(ByteView, Double)] = []
    let next = set.scan(from: cursor, atLeast: options.count, c.keyHash) { member, score in
      if options.takes(member) { found.append((member, score)) }
    }
    c.reply.array(2)
    c.reply.bulk(integer: Int64(next))
    c.reply.array(found.count * 2)
    for (member, score) in found {
      c.reply.bulk(member)
      if set.isPacked, let integer = Int64(exactly: score), integer.magnitude <= 1 << 62 {
        c.reply.bulk(integer: integer)  // As Redis has it in a listpack.
      } else {
        c.reply.bulk(score: score)
      }
    }
  }
}
