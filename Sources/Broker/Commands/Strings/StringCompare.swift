// StringCompare.swift: what two strings have in common.

import RESP

extension Strings {
  static let comparing: [Command] = [
    Command(
      "LCS", arity: .atLeast(3), flags: [.readOnly], keys: [.range(1, 2, [.read])],
      group: .string, since: "7.0.0",
      summary: "Finds the longest common subsequence of two values.",
      complexity: "O(N*M), N and M the sizes of the values", body: lcs)
  ]

  private struct Comparison {
    var wantsLength = false
    var wantsRuns = false
    var showsRunSize = false
    var runSizeMin: Int64 = 0
  }

  /// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN size] [WITHMATCHLEN]` → the subsequence; with LEN its
  /// size; with IDX a map: matches, an array of [[start, end], [start, end], size?] from the last to
  /// the first, and len.
  static func lcs(_ c: inout Context) throws(CommandError) {
    let first = c.find(c.key(1)), second = c.find(c.key(2))
    guard first?.kind ?? .string == .string, second?.kind ?? .string == .string else {
      throw CommandError("ERR The specified keys must contain string values")
    }
    let comparison = try comparison(c.arguments)
    let sizes = (first?.stringCount ?? 0, second?.stringCount ?? 0)
    guard isAffordable(sizes, limit: c.settings.bulkSizeMax) else {
      throw CommandError(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    }
    withString(first) { a in
      withString(second) { b in compare(a, b, comparison, &c.reply) }
    }
  }

  private static func withString(_ entry: Entry?, _ body: (ByteView) -> Void) {
    if let entry { entry.withString(body) } else { body(ByteView()) }
  }

  /// Whether a table of 4 bytes a cell would stay within `limit`: Redis' bound, though ours is smaller.
  private static func isAffordable(_ sizes: (Int, Int), limit: Int) -> Bool {
    let (cells, tooMany) = (sizes.0 + 1).multipliedReportingOverflow(by: sizes.1 + 1)
    let (bytes, tooBig) = cells.multipliedReportingOverflow(by: 4)
    return !tooMany && !tooBig && bytes <= limit
  }

  private static func comparison(_ words: Arguments) throws(CommandError) -> Comparison {
    var comparison = Comparison()
    var index = 3
    while index < words.count {
      let word = words[index]
      if word.matches("idx") {
        comparison.wantsRuns = true
      } else if word.matches("len") {
        comparison.wantsLength = true
      } else if word.matches("withmatchlen") {
        comparison.showsRunSize = true
      } else if word.matches("minmatchlen"), index + 1 < words.count {
        guard let size = words[index + 1].integer else { throw .notAnInteger }
        comparison.runSizeMin = size
        index += 1
      } else {
        throw .syntax
      }
      index += 1
    }
    guard !comparison.wantsRuns || !comparison.wantsLength else {
      throw CommandError(
        "ERR If you want both the length and indexes, please just use IDX.")
    }
    return comparison
  }

  private static func compare(
    _ a: ByteView, _ b: ByteView, _ comparison: Comparison, _ reply: inout Reply
  ) {
    let common = CommonSubsequence(a, b, walkable: !comparison.wantsLength)
    if comparison.wantsLength { return reply.integer(common.count) }
    guard comparison.wantsRuns else {
      var bytes = [UInt8](repeating: 0, count: common.count)
      var end = common.count
      common.forEachRun { start, _, size in
        bytes.replaceSubrange(end - size..<end, with: a[start..<start + size].array)
        end -= size
      }
      return reply.bulk(bytes)
    }
    reply.map(2)
    reply.bulk("matches")
    let mark = reply.beginArray()
    var shown = 0
    common.forEachRun { startA, startB, size in
      guard size >= comparison.runSizeMin else { return }
      shown += 1
      reply.array(comparison.showsRunSize ? 3 : 2)
      for start in [startA, startB] {
        reply.array(2)
        reply.integer(start)
        reply.integer(start + size - 1)
      }
      if comparison.showsRunSize { reply.integer(size) }
    }
    reply.endArray(mark, count: shown)
    reply.bulk("len")
    reply.integer(common.count)
  }
}
