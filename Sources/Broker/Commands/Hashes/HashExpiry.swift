// HashExpiry.swift: when fields of hashes go, as Redis has it since 7.4.
//
// The log has deadlines, never times to live: HPEXPIREAT, or HDEL where the deadline has passed
// already. A field that is set anew has no deadline; a counter keeps its.

import RESP

extension Hashes {
  private static func setting(
    _ name: StaticString, _ summary: StaticString, _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(6), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.update])],
      group: .hash, since: "7.4.0", summary: summary, complexity: "O(N), N fields named", body: body
    )
  }

  private static func telling(
    _ name: StaticString, _ summary: StaticString, _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(5), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .hash, since: "7.4.0", summary: summary, complexity: "O(N), N fields named", body: body
    )
  }

  static let expiry: [Command] = [
    setting("HEXPIRE", "Has fields go in some seconds.", hexpire),
    setting("HPEXPIRE", "Has fields go in some milliseconds.", hpexpire),
    setting("HEXPIREAT", "Has fields go at a time in seconds since 1970.", hexpireat),
    setting("HPEXPIREAT", "Has fields go at a time in milliseconds since 1970.", hpexpireat),
    telling("HTTL", "Tells in how many seconds fields go.", httl),
    telling("HPTTL", "Tells in how many milliseconds fields go.", hpttl),
    telling("HEXPIRETIME", "Tells when fields go, in seconds since 1970.", hexpiretime),
    telling("HPEXPIRETIME", "Tells when fields go, in milliseconds since 1970.", hpexpiretime),
    Command(
      "HPERSIST", arity: .atLeast(5), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .hash, since: "7.4.0", summary: "Takes the deadlines of fields away.",
      complexity: "O(N), N fields named", body: hpersist),
  ]

  // MARK: Setting

  /// `HEXPIRE key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]` → array of integers: 1
  /// where the deadline was set, 0 where the condition was not met, 2 where it has passed and the
  /// field went, -2 where there is no such field.
  static func hexpire(_ c: inout Context) throws(CommandError) {
    try setDeadlines(&c, unit: 1000, since: c.wall)
  }

  /// `HPEXPIRE key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]`: as HEXPIRE.
  static func hpexpire(_ c: inout Context) throws(CommandError) {
    try setDeadlines(&c, unit: 1, since: c.wall)
  }

  /// `HEXPIREAT key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]`: as HEXPIRE.
  static func hexpireat(_ c: inout Context) throws(CommandError) {
    try setDeadlines(&c, unit: 1000, since: 0)
  }

  /// `HPEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]`: as
  /// HEXPIRE.
  static func hpexpireat(_ c: inout Context) throws(CommandError) {
    try setDeadlines(&c, unit: 1, since: 0)
  }

  private static func setDeadlines(
    _ c: inout Context, unit: Int64, since base: Int64
  ) throws(CommandError) {
    let key = c.key(1)
    if let entry = c.peek(key), entry.kind != .hash { throw .wrongType }
    let deadline = try deadline(c, unit, base)
    let condition = FieldCondition(c.arguments[3])
    let fields = try fields(
      c, from: condition == nil ? 3 : 4, "Parameter `numFields` should be greater than 0")
    guard let entry = try c.hashEntry(key, changing: fields) else {
      return answerNone(&c, fields)
    }
    var hash = entry.unsharedValue(HashValue.self)
    let isPast = deadline <= c.fieldTime
    var changed: [Int] = []
    c.reply.array(fields.count)
    for index in fields {
      let field = c.arguments[index]
      guard hash.value(of: field, c.keyHash, now: .min) != nil else {
        c.reply.integer(-2)
        continue
      }
      guard condition?.allows(deadline, insteadOf: hash.deadline(of: field, c.keyHash)) ?? true
      else {
        c.reply.integer(0)
        continue
      }
      if isPast {
        _ = hash.remove(field, c.keyHash, into: &c.graveyard)
      } else {
        hash.setDeadline(deadline, of: field, c.keyHash)
      }
      changed.append(index)
      c.reply.integer(isPast ? 2 : 1)
    }
    entry.keep(hash)
    guard !changed.isEmpty else { return }
    c.modified(key)
    if isPast {
      c.propagateFields("HDEL", changed, key)
      if hash.isEmpty { c.drop(key) }
    } else {
      c.propagateDeadline(deadline, of: changed, key)
      c.databases[c.database].noteFields(entry)
    }
  }

  private static func deadline(
    _ c: borrowing Context, _ unit: Int64, _ base: Int64
  ) throws(CommandError) -> Int64 {
    guard let number = c.arguments[2].integer else { throw .notAnInteger }
    guard number >= 0 else { throw CommandError("ERR invalid expire time, must be >= 0") }
    let (time, isTooLong) = number.multipliedReportingOverflow(by: unit)
    guard !isTooLong, time <= ItemDeadline.deadlineMax - base else {
      throw .invalidExpire(c.table.names[c.command])
    }
    return time + base
  }

  /// The words of the fields behind `FIELDS numfields`, which begins at word `start`.
  private static func fields(
    _ c: borrowing Context, from start: Int, _ countRefusal: String
  ) throws(CommandError) -> Range<Int> {
    guard start + 1 < c.arguments.count, c.arguments[start].matches("fields") else {
      throw CommandError("ERR Mandatory argument FIELDS is missing or not at the right position")
    }
    guard let count = c.arguments[start + 1].integer, count > 0 else {
      throw CommandError("ERR \(countRefusal)")
    }
    guard count == c.arguments.count - start - 2 else {
      throw CommandError("ERR The `numfields` parameter must match the number of arguments")
    }
    return start + 2..<c.arguments.count
  }

  private static func answerNone(_ c: inout Context, _ fields: Range<Int>) {
    c.reply.array(fields.count)
    for _ in fields { c.reply.integer(-2) }
  }

  /// `HPERSIST key FIELDS numfields field [field ...]` → array of integers: 1 where there was a
  /// deadline, -1 where there was none, -2 where there is no such field.
  static func hpersist(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), fields = try fields(c, from: 2, fieldCountRefusal)
    guard let entry = try c.hashEntry(key, changing: fields) else {
      return answerNone(&c, fields)
    }
    var hash = entry.unsharedValue(HashValue.self)
    var isChanged = false
    c.reply.array(fields.count)
    for index in fields {
      let field = c.arguments[index]
      if hash.value(of: field, c.keyHash, now: .min) == nil {
        c.reply.integer(-2)
      } else if hash.deadline(of: field, c.keyHash) == nil {
        c.reply.integer(-1)
      } else {
        hash.setDeadline(nil, of: field, c.keyHash)
        isChanged = true
        c.reply.integer(1)
      }
    }
    entry.keep(hash)
    if isChanged { c.modified(key) }
  }

  // MARK: Asking for it

  private static var fieldCountRefusal: String { "Number of fields must be a positive integer" }

  /// `HTTL key FIELDS numfields field [field ...]` → array of integers: seconds; -1 without a
  /// deadline, -2 without the field.
  static func httl(_ c: inout Context) throws(CommandError) {
    try tellDeadlines(&c, unit: 1000, since: c.wall)
  }

  /// `HPTTL key FIELDS numfields field [field ...]`: as HTTL, in milliseconds.
  static func hpttl(_ c: inout Context) throws(CommandError) {
    try tellDeadlines(&c, unit: 1, since: c.wall)
  }

  /// `HEXPIRETIME key FIELDS numfields field [field ...]`: as HTTL, in seconds since 1970.
  static func hexpiretime(_ c: inout Context) throws(CommandError) {
    try tellDeadlines(&c, unit: 1000, since: 0)
  }

  /// `HPEXPIRETIME key FIELDS numfields field [field ...]`: as HTTL, in milliseconds since 1970.
  static func hpexpiretime(_ c: inout Context) throws(CommandError) {
    try tellDeadlines(&c, unit: 1, since: 0)
  }

  private static func tellDeadlines(
    _ c: inout Context, unit: Int64, since base: Int64
  ) throws(CommandError) {
    let hash = try c.value(c.key(1), HashValue.self)
    let fields = try fields(c, from: 2, fieldCountRefusal)
    guard let hash else { return answerNone(&c, fields) }
    c.reply.array(fields.count)
    for index in fields {
      let field = c.arguments[index]
      if hash.value(of: field, c.keyHash, now: c.fieldTime) == nil {
        c.reply.integer(-2)
      } else if let deadline = hash.deadline(of: field, c.keyHash) {
        c.reply.integer((deadline - base + unit - 1) / unit)
      } else {
        c.reply.integer(-1)
      }
    }
  }
}

/// When a deadline may take the place of the one before.
private enum FieldCondition {
  case ifNone, ifAny, ifLater, ifSooner

  /// The condition that `word` is, if it is one.
  init?(_ word: ByteView) {
    if word.matches("nx") {
      self = .ifNone
    } else if word.matches("xx") {
      self = .ifAny
    } else if word.matches("gt") {
      self = .ifLater
    } else if word.matches("lt") {
      self = .ifSooner
    } else {
      return nil
    }
  }

  /// A field without a deadline counts as one that never goes.
  func allows(_ deadline: Int64, insteadOf old: Int64?) -> Bool {
    switch self {
    case .ifNone: old == nil
    case .ifAny: old != nil
    case .ifLater: old.map { deadline > $0 } ?? false
    case .ifSooner: old.map { deadline < $0 } ?? true
    }
  }
}

extension Context {
  /// Logs a command about fields of the request, given by the numbers of their words.
  fileprivate mutating func propagateFields(_ name: StaticString, _ fields: [Int], _ key: Key) {
    hasPropagated = true
    let words = arguments
    effects.command(words: 2 + fields.count, in: database) { writer in
      writer.word(name)
      writer.word(key.bytes)
      for index in fields { writer.word(words[index]) }
    }
  }

  /// Logs that these fields of the request go at `deadline`.
  mutating func propagateDeadline(_ deadline: Int64, of fields: [Int], _ key: Key) {
    hasPropagated = true
    let words = arguments
    effects.command(words: 5 + fields.count, in: database) { writer in
      writer.word("HPEXPIREAT")
      writer.word(key.bytes)
      writer.word(integer: deadline)
      writer.word("FIELDS")
      writer.word(integer: Int64(fields.count))
      for index in fields { writer.word(words[index]) }
    }
  }
}
