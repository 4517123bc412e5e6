// KeyExpiry.swift: when keys go.
//
// The log has deadlines, never times to live: PEXPIREAT, or DEL where the deadline has passed
// already. While the log is replayed nothing is in the past: the DEL that ends a key comes by itself.

import RESP

extension Keys {
  static let expiry: [Command] = [
    Command(
      "EXPIRE", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .generic, since: "1.0.0",
      summary: "Has a key go in some seconds.",
      complexity: "O(log N), N keys with a deadline", categories: ["@keyspace"], body: expire),
    Command(
      "PEXPIRE", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .generic, since: "2.6.0",
      summary: "Has a key go in some milliseconds.",
      complexity: "O(log N), N keys with a deadline", categories: ["@keyspace"], body: pexpire),
    Command(
      "EXPIREAT", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .generic, since: "1.2.0",
      summary: "Has a key go at a time in seconds since 1970.",
      complexity: "O(log N), N keys with a deadline", categories: ["@keyspace"], body: expireat),
    Command(
      "PEXPIREAT", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .generic, since: "2.6.0",
      summary: "Has a key go at a time in milliseconds since 1970.",
      complexity: "O(log N), N keys with a deadline", categories: ["@keyspace"], body: pexpireat),
    Command(
      "PERSIST", arity: .exactly(2), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .generic, since: "2.2.0",
      summary: "Takes a key's deadline away.",
      complexity: "O(log N), N keys with a deadline", categories: ["@keyspace"], body: persist),
    Command(
      "TTL", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .generic, since: "1.0.0",
      summary: "Tells in how many seconds a key goes.",
      complexity: "O(1)", categories: ["@keyspace"], body: ttl),
    Command(
      "PTTL", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .generic, since: "2.6.0",
      summary: "Tells in how many milliseconds a key goes.",
      complexity: "O(1)", categories: ["@keyspace"], body: pttl),
    Command(
      "EXPIRETIME", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .generic, since: "7.0.0",
      summary: "Tells when a key goes, in seconds since 1970.",
      complexity: "O(1)", categories: ["@keyspace"], body: expiretime),
    Command(
      "PEXPIRETIME", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .generic, since: "7.0.0",
      summary: "Tells when a key goes, in milliseconds since 1970.",
      complexity: "O(1)", categories: ["@keyspace"], body: pexpiretime),
  ]

  // MARK: Setting a deadline

  /// `EXPIRE key seconds [NX|XX|GT|LT]` → integer: 1 if the deadline was set.
  static func expire(_ c: inout Context) throws(CommandError) {
    try setDeadline(&c, unit: 1000, since: c.wall)
  }

  /// `PEXPIRE key milliseconds [NX|XX|GT|LT]` → integer: 1 if the deadline was set.
  static func pexpire(_ c: inout Context) throws(CommandError) {
    try setDeadline(&c, unit: 1, since: c.wall)
  }

  /// `EXPIREAT key unix-time-seconds [NX|XX|GT|LT]` → integer: 1 if the deadline was set.
  static func expireat(_ c: inout Context) throws(CommandError) {
    try setDeadline(&c, unit: 1000, since: 0)
  }

  /// `PEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT]` → integer: 1 if the deadline was set.
  static func pexpireat(_ c: inout Context) throws(CommandError) {
    try setDeadline(&c, unit: 1, since: 0)
  }

  private static func setDeadline(
    _ c: inout Context, unit: Int64, since base: Int64
  ) throws(CommandError) {
    let condition = try condition(c)
    guard let number = c.arguments[2].integer else { throw .notAnInteger }
    let (time, isTooLong) = number.multipliedReportingOverflow(by: unit)
    let (deadline, isTooLate) = time.addingReportingOverflow(base)
    guard !isTooLong, !isTooLate else { throw .invalidExpire(c.table.names[c.command]) }
    let key = c.key(1)
    guard let entry = c.findForWriting(key), condition.allows(deadline, insteadOf: entry.deadline)
    else {
      return c.reply.integer(0)
    }
    if deadline <= c.wall, !c.isLoading {
      c.drop(key)
      c.modified(key)
      c.propagate("DEL", key.bytes)
      c.notify(.generic, "del", key)
    } else {
      c.setDeadline(deadline, key)
      c.modified(key)
      c.propagate("PEXPIREAT", key.bytes, integer: deadline)
      c.notify(.generic, "expire", key)
    }
    c.reply.integer(1)
  }

  /// When a deadline may take the place of the one before.
  private struct Condition: OptionSet {
    let rawValue: UInt8
    static let ifNone = Condition(rawValue: 1)
    static let ifAny = Condition(rawValue: 2)
    static let ifLater = Condition(rawValue: 4)
    static let ifSooner = Condition(rawValue: 8)

    /// A key without a deadline counts as one that never goes.
    func allows(_ deadline: Int64, insteadOf old: Int64?) -> Bool {
      if contains(.ifNone), old != nil { return false }
      if contains(.ifAny), old == nil { return false }
      if contains(.ifLater) {
        guard let old, deadline > old else { return false }
      }
      if contains(.ifSooner), let old, deadline >= old { return false }
      return true
    }
  }

  private static func condition(_ c: borrowing Context) throws(CommandError) -> Condition {
    var condition: Condition = []
    for index in 3..<max(3, c.arguments.count) {
      let word = c.arguments[index]
      if word.matches("nx") {
        condition.insert(.ifNone)
      } else if word.matches("xx") {
        condition.insert(.ifAny)
      } else if word.matches("gt") {
        condition.insert(.ifLater)
      } else if word.matches("lt") {
        condition.insert(.ifSooner)
      } else {
        throw unsupported(word)
      }
    }
    if condition.contains(.ifNone), condition != .ifNone {
      throw CommandError("ERR NX and XX, GT or LT options at the same time are not compatible")
    }
    if condition.isSuperset(of: [.ifLater, .ifSooner]) {
      throw CommandError("ERR GT and LT options at the same time are not compatible")
    }
    return condition
  }

  /// The option is the end of the message, as C strings end: at a zero byte, without line breaks.
  private static func unsupported(_ option: ByteView) -> CommandError {
    var count = option.firstIndex(of: 0) ?? option.count
    while count > 0, option[count - 1] == 0x0D || option[count - 1] == 0x0A { count -= 1 }
    return CommandError("ERR Unsupported option ", option[0..<count], "")
  }

  /// `PERSIST key` → integer: 1 if there was a deadline.
  static func persist(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let entry = c.findForWriting(key), entry.hasDeadline else { return c.reply.integer(0) }
    c.setDeadline(nil, key)
    c.modified(key)
    c.notify(.generic, "persist", key)
    c.reply.integer(1)
  }

  // MARK: Asking for it

  /// `TTL key` → integer: seconds; -1 without a deadline, -2 without the key.
  static func ttl(_ c: inout Context) throws(CommandError) {
    tellDeadline(&c, inSeconds: true, since: c.wall)
  }

  /// `PTTL key` → integer: milliseconds; -1 without a deadline, -2 without the key.
  static func pttl(_ c: inout Context) throws(CommandError) {
    tellDeadline(&c, inSeconds: false, since: c.wall)
  }

  /// `EXPIRETIME key` → integer: seconds since 1970; -1 without a deadline, -2 without the key.
  static func expiretime(_ c: inout Context) throws(CommandError) {
    tellDeadline(&c, inSeconds: true, since: 0)
  }

  /// `PEXPIRETIME key` → integer: ms since 1970; -1 without a deadline, -2 without the key.
  static func pexpiretime(_ c: inout Context) throws(CommandError) {
    tellDeadline(&c, inSeconds: false, since: 0)
  }

  private static func tellDeadline(_ c: inout Context, inSeconds: Bool, since base: Int64) {
    guard let entry = c.find(c.key(1), touching: false) else { return c.reply.integer(-2) }
    guard let deadline = entry.deadline else { return c.reply.integer(-1) }
    let left = UInt64(max(0, deadline &- base))
    c.reply.integer(Int64(inSeconds ? (left + 500) / 1000 : left))
  }
}
