// ListInside.swift: looking into lists and changing them between their ends.
//
// An index counts from 0, or from the end when negative: -1 is the last element. Finding a place
// costs O(chunks); what a command then walks is said in its complexity.

import RESP

extension Lists {
  static let inside: [Command] = [
    Command(
      "LLEN", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .list, since: "1.0.0",
      summary: "Counts the elements of a list.",
      complexity: "O(1)", body: llen),
    Command(
      "LRANGE", arity: .exactly(4), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .list, since: "1.0.0",
      summary: "Shows the elements of a list between two indices.",
      complexity: "O(S+N), S the distance to the nearer chunk, N elements returned", body: lrange),
    Command(
      "LINDEX", arity: .exactly(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .list, since: "1.0.0",
      summary: "Shows one element of a list by its index.",
      complexity: "O(N), N chunks passed; O(1) at both ends", body: lindex),
    Command(
      "LSET", arity: .exactly(4), flags: [.write, .denyOOM], keys: [.one(1, [.update])],
      group: .list, since: "1.0.0",
      summary: "Replaces one element of a list by its index.",
      complexity: "O(N), N chunks passed; O(1) at both ends", body: lset),
    Command(
      "LINSERT", arity: .exactly(5), flags: [.write, .denyOOM], keys: [.one(1, [.insert])],
      group: .list, since: "2.2.0",
      summary: "Inserts an element before or after another one.",
      complexity: "O(N), N elements passed to find the other one", body: linsert),
    Command(
      "LREM", arity: .exactly(4), flags: [.write], keys: [.one(1, [.delete])],
      group: .list, since: "1.0.0",
      summary: "Removes elements equal to the given one, from either end on.",
      complexity: "O(N), N elements of the list", body: lrem),
    Command(
      "LTRIM", arity: .exactly(4), flags: [.write], keys: [.one(1, [.delete])],
      group: .list, since: "1.0.0",
      summary: "Keeps the elements of a list between two indices and drops the others.",
      complexity: "O(N), N chunks dropped, or elements of a list with jobs", body: ltrim),
    Command(
      "LPOS", arity: .atLeast(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .list, since: "6.0.6",
      summary: "Finds the indices of elements equal to the given one.",
      complexity: "O(N), N elements compared", body: lpos),
  ]

  // MARK: Looking

  /// `LLEN key` → integer: the list's count.
  static func llen(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.list(c.key(1))?.count ?? 0)
  }

  /// `LRANGE key start stop` → array: the elements start ... stop.
  static func lrange(_ c: inout Context) throws(CommandError) {
    let bounds = try bounds(c)
    guard let list = try c.list(c.key(1)) else { return c.reply.array(0) }
    let range = bounds.range(of: list.count)
    c.reply.array(range.count)
    list.forEach(in: range) { c.reply.bulk($0) }
  }

  /// `LINDEX key index` → the element, or null.
  static func lindex(_ c: inout Context) throws(CommandError) {
    guard let list = try c.list(c.key(1)) else { return c.reply.null() }
    guard let index = try index(c.arguments[2], of: list) else { return c.reply.null() }
    c.reply.bulk(list[index])
  }

  /// The index that `word` gives, counted from 0; nil when there is no such element.
  private static func index(_ word: ByteView, of list: List) throws(CommandError) -> Int? {
    guard let given = word.integer else { throw .notAnInteger }
    let index = given < 0 ? given + Int64(list.count) : given
    return index >= 0 && index < list.count ? Int(index) : nil
  }

  /// Two indices as given, either of which may be negative.
  private struct Bounds {
    let start: Int64
    let stop: Int64

    /// The indices start ... stop that a list of `count` elements has.
    func range(of count: Int) -> Range<Int> {
      let first = max(0, start < 0 ? start + Int64(count) : start)
      let last = min(Int64(count) - 1, stop < 0 ? stop + Int64(count) : stop)
      return first <= last ? Int(first)..<Int(last) + 1 : 0..<0
    }
  }

  private static func bounds(_ c: borrowing Context) throws(CommandError) -> Bounds {
    guard let start = c.arguments[2].integer, let stop = c.arguments[3].integer else {
      throw .notAnInteger
    }
    return Bounds(start: start, stop: stop)
  }

  // MARK: Changing

  /// `LSET key index element` → OK.
  static func lset(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let list = try c.listForWriting(key) else { throw .noSuchKey }
    guard let index = try index(c.arguments[2], of: list) else { throw .indexOutOfRange }
    c.endJob(of: list, at: index)
    list.set(c.arguments[3], at: index)
    c.reply.ok()
    c.modified(key)
    c.notify(.list, "lset", key)
  }

  /// `LINSERT key BEFORE|AFTER pivot element` → integer: the list's count afterwards, -1 when the
  /// pivot was not found, 0 when there is no list.
  static func linsert(_ c: inout Context) throws(CommandError) {
    let isAfter = c.arguments[2].matches("after")
    guard isAfter || c.arguments[2].matches("before") else { throw .syntax }
    let key = c.key(1), pivot = c.arguments[3]
    guard let list = try c.listForWriting(key), var cursor = list.cursor(at: 0) else {
      return c.reply.integer(0)
    }
    while let element = cursor.next() {
      guard element == pivot else { continue }
      list.insert(c.arguments[4], at: isAfter ? cursor.index : cursor.index - 1)
      c.reply.integer(list.count)
      c.modified(key)
      c.notify(.list, "linsert", key)
      return
    }
    c.reply.integer(-1)
  }

  /// `LREM key count element` → integer: how many went. A positive count removes so many from the
  /// head on, a negative one from the tail on, 0 all.
  static func lrem(_ c: inout Context) throws(CommandError) {
    guard let count = c.arguments[2].integer else { throw .notAnInteger }
    let key = c.key(1), element = c.arguments[3]
    guard let list = try c.listForWriting(key) else { return c.reply.integer(0) }
    let limit = count == 0 ? Int.max : Int(clamping: count.magnitude)
    let from = count < 0 ? start(ofLast: limit, equalTo: element, in: list) : 0
    var jobs: [UInt64] = []
    let removed = list.removeAll(equalTo: element, from: from, limit: limit) { jobs.append($0) }
    for job in jobs { c.endJob(job, in: list.line) }
    c.reply.integer(removed)
    guard removed > 0 else { return }
    let isEmpty = list.isEmpty
    if isEmpty { c.drop(key) }
    c.modified(key)
    c.notify(.list, "lrem", key)
    if isEmpty { c.notify(.generic, "del", key) }
  }

  /// From which index on the last `limit` elements equal to `element` stand, and no other.
  private static func start(ofLast limit: Int, equalTo element: ByteView, in list: List) -> Int {
    guard limit < list.count, var cursor = list.cursor(at: list.count) else { return 0 }
    var left = limit
    while left > 0, let candidate = cursor.previous() {
      if candidate == element { left -= 1 }
    }
    return cursor.index
  }

  /// `LTRIM key start stop` → OK.
  static func ltrim(_ c: inout Context) throws(CommandError) {
    let bounds = try bounds(c)
    let key = c.key(1)
    guard let list = try c.listForWriting(key) else { return c.reply.ok() }
    let keep = bounds.range(of: list.count)
    let isWhole = keep.count == list.count
    if keep.isEmpty {
      c.drop(key)
    } else {
      c.endJobs(of: list, outside: keep)
      list.remove(list.count - keep.upperBound, at: .tail, into: &c.graveyard)
      list.remove(keep.lowerBound, at: .head, into: &c.graveyard)
    }
    c.reply.ok()
    c.modified(key)  // As in Redis also when nothing went: who watches the key learns of it.
    c.notify(.list, "ltrim", key)
    if keep.isEmpty { c.notify(.generic, "del", key) }
    if isWhole { c.propagateNothing() }
  }

  // MARK: Searching

  /// What LPOS was asked for.
  private struct Search {
    /// The match from which on indices are shown, counted from 1.
    var rank: UInt64 = 1
    var isFromTail = false
    /// How many indices to show, 0 for all; nil for one that is not in an array.
    var count: Int64?
    /// How many elements to compare, 0 for all.
    var comparisonsMax: Int64 = 0
  }

  /// `LPOS key element [RANK rank] [COUNT count] [MAXLEN count]` → integer: the index of the first
  /// match, or null; with COUNT an array of indices.
  static func lpos(_ c: inout Context) throws(CommandError) {
    let search = try search(c)
    guard let list = try c.list(c.key(1)) else {
      if search.count != nil { c.reply.array(0) } else { c.reply.null() }
      return
    }
    let element = c.arguments[2]
    let mark = c.reply.beginArray()
    var shown = 0, matches: UInt64 = 0, left = search.comparisonsMax
    var cursor = list.cursor(at: search.isFromTail ? list.count : 0)
    while let candidate = search.isFromTail ? cursor?.previous() : cursor?.next() {
      if candidate == element {
        matches += 1
        if matches >= search.rank, let cursor {
          c.reply.integer(search.isFromTail ? cursor.index : cursor.index - 1)
          shown += 1
          if shown == search.count ?? 1 { break }
        }
      }
      left -= 1
      if left == 0 { break }
    }
    if search.count != nil {
      c.reply.endArray(mark, count: shown)
    } else if shown == 0 {
      c.reply.null()
    }
  }

  private static func search(_ c: borrowing Context) throws(CommandError) -> Search {
    var search = Search()
    var index = 3
    while index < c.arguments.count {
      guard index + 1 < c.arguments.count else { throw .syntax }
      let word = c.arguments[index], value = c.arguments[index + 1]
      if word.matches("rank") {
        guard let rank = value.integer else { throw .notAnInteger }
        guard rank != 0 else {
          throw CommandError(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
              + "or use negative to start from the end of the list")
        }
        search.rank = rank.magnitude
        search.isFromTail = rank < 0
      } else if word.matches("count") {
        search.count = try natural(value, "COUNT")
      } else if word.matches("maxlen") {
        search.comparisonsMax = try natural(value, "MAXLEN")
      } else {
        throw .syntax
      }
      index += 2
    }
    if search.isFromTail, search.rank == Int64.min.magnitude {
      // The least number has no opposite: in Redis 7.0 each match is beyond it, and no count is.
      search.rank = 1
      if search.count != nil { search.count = 0 }
    }
    return search
  }

  private static func natural(_ word: ByteView, _ name: String) throws(CommandError) -> Int64 {
    guard let value = word.integer, value >= 0 else {
      throw CommandError("ERR \(name) can't be negative")
    }
    return value
  }
}
