// StreamAdding.swift: entries that come and go: XADD, XDEL, XTRIM, XSETID.
//
// What is logged has the id that was chosen, and says of a trim by `~` what it came to.

import RESP

extension Streams {
  static let adding: [Command] = [
    Command(
      "XADD", arity: .atLeast(5), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.update])],
      group: .stream, since: "5.0.0", summary: "Adds an entry to a stream.",
      complexity: "O(1), and O(N) with N entries trimmed", body: xadd),
    Command(
      "XDEL", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.delete])],
      group: .stream, since: "5.0.0", summary: "Deletes entries of a stream.",
      complexity: "O(log N) for each of them", body: xdel),
    Command(
      "XTRIM", arity: .atLeast(4), flags: [.write], keys: [.one(1, [.delete])],
      group: .stream, since: "5.0.0", summary: "Deletes the first entries of a stream.",
      complexity: "O(N), N entries deleted", body: xtrim),
    Command(
      "XSETID", arity: .atLeast(3), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.update])],
      group: .stream, since: "5.0.0", summary: "Sets the last id of a stream, and its counters.",
      complexity: "O(1)", body: xsetid),
  ]

  /// Bytes that the words of an entry may have.
  static let entrySizeMax = 1 << 30

  // MARK: Options of XADD and XTRIM

  private struct Options {
    var wanted: WantedID?
    /// Of the word behind the id.
    var fields = 0
    var makesNone = false
    var bound: Stream.Bound?
    var isApproximate = false
    var limit = 0
  }

  private static func options(
    _ c: borrowing Context, isAdding: Bool
  ) throws(CommandError) -> Options {
    var options = Options(), isLimited = false, index = 2
    let words = c.arguments
    while index < words.count {
      let word = words[index], isLast = index == words.count - 1
      if isAdding, word.isExactly("*") {
        options.wanted = .next
      } else if word.matches("maxlen") && !isLast || word.matches("minid") && !isLast {
        guard options.bound == nil else {
          throw CommandError(
            "ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
        }
        options.isApproximate = false
        if index + 2 < words.count {
          let mark = words[index + 1]
          options.isApproximate = mark.isExactly("~")
          if options.isApproximate || mark.isExactly("=") { index += 1 }
        }
        index += 1
        options.bound = try bound(words[index], isCount: word.matches("maxlen"))
      } else if word.matches("limit"), !isLast {
        index += 1
        guard let limit = words[index].integer else { throw .notAnInteger }
        guard limit >= 0 else { throw CommandError("ERR The LIMIT argument must be >= 0.") }
        options.limit = Int(limit)
        isLimited = true
      } else if isAdding, word.matches("nomkstream") {
        options.makesNone = true
      } else if isAdding {
        options.wanted = try WantedID(word)
      } else {
        throw .syntax
      }
      index += 1
      if options.wanted != nil { break }
    }
    options.fields = index
    try check(&options, isLimited: isLimited, isAdding: isAdding, c)
    return options
  }

  private static func bound(_ word: ByteView, isCount: Bool) throws(CommandError) -> Stream.Bound {
    guard isCount else { return .from(try StreamID(strict: word)) }
    guard let count = word.integer else { throw .notAnInteger }
    guard count >= 0 else { throw CommandError("ERR The MAXLEN argument must be >= 0.") }
    return .count(Int(count))
  }

  private static func check(
    _ options: inout Options, isLimited: Bool, isAdding: Bool, _ c: borrowing Context
  ) throws(CommandError) {
    if options.bound == nil, options.limit > 0 {
      throw CommandError(
        "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
    }
    if options.bound == nil, !isAdding {
      throw CommandError(
        "ERR syntax error, XTRIM must be called with a trimming strategy")
    }
    if isLimited {
      guard options.isApproximate else {
        throw CommandError(
          "ERR syntax error, LIMIT cannot be used without the special ~ option")
      }
    } else if options.isApproximate {
      // A hundred chunks, for the command not to take long.
      let (limit, overflow) = c.settings.streamNodeCountMax.multipliedReportingOverflow(by: 100)
      options.limit = overflow ? 1_000_000 : limit == 0 ? 10_000 : min(limit, 1_000_000)
    }
  }

  // MARK: XADD

  /// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [...]`
  /// → the id, or null.
  static func xadd(_ c: inout Context) throws(CommandError) {
    let options = try options(c, isAdding: true)
    let fields = FieldArguments(words: c.arguments, first: options.fields)
    guard let wanted = options.wanted, fields.count >= 2, fields.count % 2 == 0 else {
      throw .wrongArity("xadd")
    }
    if case .exactly(.zero) = wanted {
      throw CommandError("ERR The ID specified in XADD must be greater than 0-0")
    }
    let key = c.key(1)
    let found = try c.valueForWriting(key, Stream.self)
    if found == nil, options.makesNone { return c.reply.null() }
    let id = try choose(wanted, behind: found?.last ?? .zero, now: c.wall)
    var size = 0
    for index in 0..<fields.count { size += fields[index].count }
    guard size <= entrySizeMax else {
      throw CommandError("ERR Elements are too large to be stored")
    }
    let stream = found ?? c.makeValue(key)
    stream.append(
      id, fields, nodeSizeMax: c.settings.streamNodeSizeLimit,
      nodeCountMax: c.settings.streamNodeCountMax)
    c.reply.bulk(id)
    c.modified(key)
    c.notify(.stream, "xadd", key)
    c.signalReady(key)
    var removed = 0
    if let bound = options.bound {
      removed = stream.trim(
        to: bound, wholeChunks: options.isApproximate, limit: options.limit, &c.graveyard)
      if removed > 0 { c.notify(.stream, "xtrim", key) }
    }
    if case .exactly = wanted, !options.isApproximate { return }
    log(&c, id, fields, bound: removed == 0 ? nil : settled(options, stream))
  }

  private static func choose(
    _ wanted: WantedID, behind last: StreamID, now: Int64
  ) throws(CommandError) -> StreamID {
    guard let next = last.next else {
      throw CommandError(
        "ERR The stream has exhausted the last possible ID, unable to add more items")
    }
    let id: StreamID
    switch wanted {
    case .next:
      let now = UInt64(max(0, now))
      id = now > last.milliseconds ? StreamID(now, 0) : next
    case .nextAt(let milliseconds):
      // Of a millisecond whose ids are used up none is left, and this one is not above the last.
      id = milliseconds == next.milliseconds ? next : StreamID(milliseconds, 0)
    case .exactly(let given):
      id = given
    }
    guard id > last else {
      throw CommandError(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item")
    }
    return id
  }

  /// What a trim came to, which another run comes to as well, however its chunks lie.
  private static func settled(_ options: Options, _ stream: Stream) -> Stream.Bound? {
    guard let bound = options.bound, options.isApproximate else { return options.bound }
    return switch bound {
    case .count: .count(stream.count)
    case .from: .from(stream.firstEntry?.id ?? .max)
    }
  }

  private static func log(
    _ c: inout Context, _ id: StreamID, _ fields: FieldArguments, bound: Stream.Bound?
  ) {
    c.hasPropagated = true
    let key = c.arguments[1]
    let words = 3 + fields.count + (bound == nil ? 0 : 3)
    c.effects.command(words: words, in: c.database) { writer in
      writer.word("XADD")
      writer.word(key)
      if let bound { writer.words(bound) }
      writer.word(id)
      for index in 0..<fields.count { writer.word(fields[index]) }
    }
  }

  // MARK: XTRIM, XDEL

  /// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]` → integer: entries deleted.
  static func xtrim(_ c: inout Context) throws(CommandError) {
    let options = try options(c, isAdding: false)
    let key = c.key(1)
    guard let bound = options.bound, let stream = try c.valueForWriting(key, Stream.self) else {
      return c.reply.integer(0)
    }
    let removed = stream.trim(
      to: bound, wholeChunks: options.isApproximate, limit: options.limit, &c.graveyard)
    c.reply.integer(removed)
    guard removed > 0 else { return }
    c.modified(key)
    c.notify(.stream, "xtrim", key)
    guard options.isApproximate, let bound = settled(options, stream) else { return }
    c.hasPropagated = true
    c.effects.command(words: 5, in: c.database) { writer in
      writer.word("XTRIM")
      writer.word(key.bytes)
      writer.words(bound)
    }
  }

  /// `XDEL key id [id ...]` → integer: entries deleted.
  static func xdel(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let stream = try c.valueForWriting(key, Stream.self) else { return c.reply.integer(0) }
    var removed = 0
    for id in try ids(c, from: 2) where stream.remove(id) { removed += 1 }
    c.reply.integer(removed)
    guard removed > 0 else { return }
    c.modified(key)
    c.notify(.stream, "xdel", key)
  }

  /// The ids of all words from number `first` on.
  static func ids(_ c: borrowing Context, from first: Int) throws(CommandError) -> [StreamID] {
    var ids: [StreamID] = []
    ids.reserveCapacity(c.arguments.count - first)
    for index in first..<c.arguments.count { ids.append(try StreamID(strict: c.arguments[index])) }
    return ids
  }

  // MARK: XSETID

  /// `XSETID key last-id [ENTRIESADDED count] [MAXDELETEDID id]` → OK.
  static func xsetid(_ c: inout Context) throws(CommandError) {
    let id = try StreamID(strict: c.arguments[2])
    var added: Int64?, deleted = StreamID.zero
    var index = 3
    while index < c.arguments.count {
      let option = c.arguments[index]
      guard index + 1 < c.arguments.count else { throw .syntax }
      let value = c.arguments[index + 1]
      if option.matches("entriesadded") {
        guard let count = value.integer else { throw .notAnInteger }
        guard count >= 0 else { throw CommandError("ERR entries_added must be positive") }
        added = count
      } else if option.matches("maxdeletedid") {
        deleted = try StreamID(strict: value)
        guard id >= deleted else {
          throw CommandError(
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
        }
      } else {
        throw .syntax
      }
      index += 2
    }
    let key = c.key(1)
    guard let stream = try c.valueForWriting(key, Stream.self) else { throw .noSuchKey }
    if let top = stream.lastEntry {
      guard id >= top.id else {
        throw CommandError(
          "ERR The ID specified in XSETID is smaller than the target stream top item")
      }
      if let added, added < stream.count {
        throw CommandError(
          "ERR The entries_added specified in XSETID is smaller than the target stream length")
      }
    }
    stream.setLast(id)
    if let added { stream.added = added }
    if deleted != .zero { stream.deleted = deleted }
    c.modified(key)
    c.notify(.stream, "xsetid", key)
    c.reply.ok()
  }
}

/// Words of the request as the fields of an entry.
struct FieldArguments: FieldWords {
  let words: Arguments
  /// Number of the first name's word.
  let first: Int

  var count: Int { words.count - first }

  @inline(__always)
  subscript(index: Int) -> ByteView { words[first + index] }
}

extension Effects.WordWriter {
  /// Three words: how far to trim, exactly.
  fileprivate mutating func words(_ bound: Stream.Bound) {
    switch bound {
    case .count(let count):
      word("MAXLEN")
      word("=")
      word(integer: Int64(count))
    case .from(let id):
      word("MINID")
      word("=")
      word(id)
    }
  }
}
