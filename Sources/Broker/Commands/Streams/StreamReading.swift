// StreamReading.swift: entries as they are read: XLEN, XRANGE, XREVRANGE, XREAD.
//
// A reader that finds nothing may wait (`Context.block`). It takes nothing, so that one entry serves
// all who wait for it.

import RESP

extension Streams {
  static let reading: [Command] = [
    Command(
      "XLEN", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .stream, since: "5.0.0", summary: "Counts the entries of a stream.",
      complexity: "O(1)", body: xlen),
    Command(
      "XRANGE", arity: .atLeast(4), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .stream, since: "5.0.0", summary: "Returns the entries of a range of ids.",
      complexity: "O(log N + M), M entries returned", body: xrange),
    Command(
      "XREVRANGE", arity: .atLeast(4), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .stream, since: "5.0.0",
      summary: "Returns the entries of a range of ids, the last one first.",
      complexity: "O(log N + M), M entries returned", body: xrevrange),
    Command(
      "XREAD", arity: .atLeast(4), flags: [.readOnly, .blocking, .movableKeys],
      keys: [streamKeys(from: 1)], group: .stream, since: "5.0.0",
      summary: "Returns entries of streams above given ids, or waits for some.",
      complexity: "O(log N + M) for each stream, M entries returned", body: xread),
  ]

  /// The keys of XREAD and XREADGROUP, which says where options end.
  static func streamKeys(from start: Int) -> KeySpec {
    KeySpec(
      place: .half(
        behind: "streams", start: start, others: [("block", 1), ("count", 1), ("group", 2)]),
      access: [.read])
  }

  /// `XLEN key` → integer.
  static func xlen(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.value(c.key(1), Stream.self)?.count ?? 0)
  }

  /// `XRANGE key start end [COUNT count]` → entries.
  static func xrange(_ c: inout Context) throws(CommandError) {
    try range(&c, first: c.arguments[2], last: c.arguments[3], reversed: false)
  }

  /// `XREVRANGE key end start [COUNT count]` → entries.
  static func xrevrange(_ c: inout Context) throws(CommandError) {
    try range(&c, first: c.arguments[3], last: c.arguments[2], reversed: true)
  }

  private static func range(
    _ c: inout Context, first: ByteView, last: ByteView, reversed: Bool
  ) throws(CommandError) {
    let range = try IDRange(first: first, last: last)
    var limit: Int?
    var index = 4
    while index < c.arguments.count {
      guard c.arguments[index].matches("count"), index + 1 < c.arguments.count else {
        throw .syntax
      }
      limit = try c.streamCount(c.arguments[index + 1])
      index += 2
    }
    guard let stream = try c.value(c.key(1), Stream.self) else { return c.reply.array(0) }
    if limit == 0 { return c.reply.nullArray() }
    c.reply.entries(
      of: stream, from: range.first, to: range.last, reversed: reversed, limit: limit ?? 0)
  }

  // MARK: XREAD and XREADGROUP: what they have in common

  /// A request of XREAD or XREADGROUP, but for its ids.
  struct Reading {
    /// The group and the consumer, of XREADGROUP.
    var group: (name: ByteView, consumer: ByteView)?
    var isAcknowledged = false
    /// 0 means all there are.
    var limit = 0
    /// Monotonic ms, 0 for never; nil when the reader does not wait.
    var deadline: Int64?
    /// Number of the first key's word; as many ids as keys follow.
    var first = 0
    var count = 0

    /// Entries that end a wait, unless the client says how many.
    static let limitOfWaiters = 1000
    var limitWaiting: Int { limit == 0 ? Self.limitOfWaiters : limit }
  }

  static func reading(_ c: borrowing Context, isGroup: Bool) throws(CommandError) -> Reading {
    var reading = Reading(), index = 1
    let words = c.arguments
    while index < words.count, reading.first == 0 {
      let word = words[index], more = words.count - index - 1
      if word.matches("block"), more > 0 {
        guard !c.isInScript else {
          throw CommandError(
            "ERR ", words[0], " command is not allowed with BLOCK option from scripts")
        }
        reading.deadline = try c.deadline(milliseconds: words[index + 1])
        index += 1
      } else if word.matches("count"), more > 0 {
        reading.limit = try c.streamCount(words[index + 1])
        index += 1
      } else if word.matches("streams"), more > 0 {
        guard more % 2 == 0 else {
          throw CommandError(
            "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be "
              + "specified.")
        }
        (reading.first, reading.count) = (index + 1, more / 2)
      } else if word.matches("group"), more > 1 {
        guard isGroup else { throw onlyInGroups("GROUP") }
        reading.group = (words[index + 1], words[index + 2])
        index += 2
      } else if word.matches("noack") {
        guard isGroup else { throw onlyInGroups("NOACK") }
        reading.isAcknowledged = true
      } else {
        throw .syntax
      }
      index += 1
    }
    guard reading.first > 0 else { throw .syntax }
    return reading
  }

  private static func onlyInGroups(_ option: String) -> CommandError {
    CommandError(
      "ERR The \(option) option is only supported by XREADGROUP. You called XREAD instead.")
  }

  /// Replies with a map of keys, or as pairs in RESP2; `body` writes each pair, or returns false for a
  /// key that is left out, with nothing written.
  ///
  /// - Returns: false when all were left out; nothing has been written then.
  static func replyByKey(
    _ c: inout Context, _ count: Int,
    _ body: (inout Context, Int) throws(CommandError) -> Bool
  ) throws(CommandError) -> Bool {
    let mark = c.reply.beginArray()
    var replied = 0
    for index in 0..<count {
      if try body(&c, index) { replied += 1 }
    }
    guard replied > 0 else { return false }
    if c.reply.version >= 3 {
      c.reply.endMap(mark, count: replied)
    } else {
      c.reply.endArray(mark, count: replied)
    }
    return true
  }

  /// Writes the key of a pair of `replyByKey`.
  static func beginPair(_ c: inout Context, _ key: ByteView) {
    if c.reply.version < 3 { c.reply.array(2) }
    c.reply.bulk(key)
  }

  // MARK: XREAD

  /// `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]`
  /// → entries by key, or null.
  static func xread(_ c: inout Context) throws(CommandError) {
    let reading = try reading(c, isGroup: false)
    var after: [StreamID] = []
    for index in 0..<reading.count {
      let stream = try c.value(c.key(reading.first + index), Stream.self)
      after.append(try lastRead(c.arguments[reading.first + reading.count + index], stream))
    }
    let isServed = try replyByKey(&c, reading.count) { (c, index) throws(CommandError) in
      let key = c.key(reading.first + index)
      guard let stream = try c.value(key, Stream.self), let last = stream.lastEntry?.id,
        last > after[index], let first = after[index].next
      else { return false }
      beginPair(&c, key.bytes)
      c.reply.entries(of: stream, from: first, limit: reading.limit)
      return true
    }
    if isServed { return }
    guard let deadline = reading.deadline, !c.isInExec else { return c.reply.nullArray() }
    c.block(
      .read(after: after, limit: reading.limitWaiting), keys: storedKeys(c, reading),
      deadline: deadline)
  }

  static func storedKeys(_ c: borrowing Context, _ reading: Reading) -> [StoredKey] {
    (0..<reading.count).map { StoredKey(c.database, c.arguments[reading.first + $0]) }
  }

  /// The id above which is read: as given, `$` for the last one ever given, `+` for what is before the
  /// last entry (7.4).
  private static func lastRead(
    _ word: ByteView, _ stream: Stream?
  ) throws(CommandError) -> StreamID {
    if word.isExactly("$") { return stream?.last ?? .zero }
    if word.isExactly("+") { return stream?.lastEntry?.id.previous ?? stream?.last ?? .zero }
    if word.isExactly(">") {
      throw CommandError(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
          + "<consumer> option.")
    }
    return try StreamID(strict: word)
  }

  /// Serves the reader whose output is in `c.reply`, if the stream of `key` has gained what it reads.
  ///
  /// - Returns: whether the wait is over.
  static func serve(
    _ wait: Wait, after: [StreamID], limit: Int, _ c: inout Context, _ key: Key
  ) -> Bool {
    guard let entry = c.peek(key), entry.kind == .stream,
      let index = wait.keys.firstIndex(where: { $0.withView { $0 == key.bytes } })
    else { return false }
    let stream = entry.value(Stream.self)
    guard stream.last > after[index], let first = after[index].next else { return false }
    if c.reply.version >= 3 { c.reply.map(1) } else { c.reply.array(1) }
    beginPair(&c, key.bytes)
    c.reply.entries(of: stream, from: first, limit: limit)
    return true
  }
}
