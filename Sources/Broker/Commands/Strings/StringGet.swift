// StringGet.swift: reading strings, whole or in part, and what is done to a key in passing.

import RESP

extension Strings {
  static let getting: [Command] = [
    Command(
      "GET", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .string, since: "1.0.0",
      summary: "Shows the value of a key.",
      complexity: "O(1)", body: get),
    Command(
      "GETDEL", arity: .exactly(2), flags: [.write, .fast], keys: [.one(1, [.read, .delete])],
      group: .string, since: "6.2.0",
      summary: "Shows the value of a key and deletes the key.",
      complexity: "O(1)", body: getdel),
    Command(
      "GETEX", arity: .atLeast(2), flags: [.write, .fast], keys: [.one(1, [.read, .update])],
      group: .string, since: "6.2.0",
      summary: "Shows the value of a key and sets or clears the time at which it goes.",
      complexity: "O(1)", body: getex),
    Command(
      "MGET", arity: .atLeast(2), flags: [.readOnly, .fast], keys: [.range(1, -1, [.read])],
      group: .string, since: "1.0.0",
      summary: "Shows the values of several keys.",
      complexity: "O(N), N keys", body: mget),
    Command(
      "STRLEN", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .string, since: "2.2.0",
      summary: "Counts the bytes of a value.",
      complexity: "O(1)", body: strlen),
    Command(
      "GETRANGE", arity: .exactly(4), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .string, since: "2.4.0",
      summary: "Shows the bytes of a value between two indices.",
      complexity: "O(N), N bytes returned", body: getrange),
    Command(
      "SUBSTR", arity: .exactly(4), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .string, since: "1.0.0",
      summary: "Shows the bytes of a value between two indices; the old name of GETRANGE.",
      complexity: "O(N), N bytes returned", body: getrange),
  ]

  /// `GET key` → the value, or null.
  static func get(_ c: inout Context) throws(CommandError) { try replyValue(&c, c.key(1)) }

  /// Replies with the string of `key`, or null.
  @inline(__always)
  static func replyValue(_ c: inout Context, _ key: Key) throws(CommandError) {
    guard let entry = try c.string(key) else { return c.reply.null() }
    entry.withString { c.reply.bulk($0) }
  }

  /// `GETDEL key` → the value, or null.
  static func getdel(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let entry = try c.string(key) else { return c.reply.null() }
    entry.withString { c.reply.bulk($0) }
    delete(&c, key)
  }

  private static func delete(_ c: inout Context, _ key: Key) {
    c.drop(key)
    c.modified(key)
    c.propagate("DEL", key.bytes)
    c.notify(.generic, "del", key)
  }

  /// `GETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST]` → the value, or null.
  ///
  /// A time that has passed deletes the key.
  static func getex(_ c: inout Context) throws(CommandError) {
    let options = try StringOptions(c.arguments, from: 2, of: .getex)
    let key = c.key(1)
    guard let entry = try c.string(key) else { return c.reply.null() }
    let deadline = try options.expiry?.deadline(c)
    entry.withString { c.reply.bulk($0) }
    if let deadline {
      guard deadline > c.wall || c.isLoading else { return delete(&c, key) }
      c.setDeadline(deadline, key)
      c.modified(key)
      c.propagate("PEXPIREAT", key.bytes, integer: deadline)
      c.notify(.generic, "expire", key)
    } else if options.persists, entry.hasDeadline {
      c.setDeadline(nil, key)
      c.modified(key)
      c.propagate("PERSIST", key.bytes)
      c.notify(.generic, "persist", key)
    }
  }

  /// `MGET key [key ...]` → array: each value, or null where there is no string.
  static func mget(_ c: inout Context) throws(CommandError) {
    c.reply.array(c.arguments.count - 1)
    for index in 1..<c.arguments.count {
      guard let entry = c.find(c.key(index)), entry.kind == .string else {
        c.reply.null()
        continue
      }
      entry.withString { c.reply.bulk($0) }
    }
  }

  /// `STRLEN key` → integer: the value's size in bytes, 0 if there is none.
  static func strlen(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.string(c.key(1))?.stringCount ?? 0)
  }

  /// `GETRANGE key start end` → the bytes start ... end; negative indices count from the end.
  static func getrange(_ c: inout Context) throws(CommandError) {
    guard let start = c.arguments[2].integer, let end = c.arguments[3].integer else {
      throw .notAnInteger
    }
    guard let entry = try c.string(c.key(1)) else { return c.reply.bulk(ByteView()) }
    entry.withString { bytes in
      c.reply.bulk(bytes[range(start, end, of: bytes.count)])
    }
  }

  /// The bytes start ... end of a string of `count`. An end before the first byte means the first
  /// byte, unless start lies behind it.
  private static func range(_ start: Int64, _ end: Int64, of count: Int) -> Range<Int> {
    if start < 0, end < 0, start > end { return 0..<0 }
    let first = max(0, start < 0 ? start + Int64(count) : start)
    let last = min(Int64(count) - 1, max(0, end < 0 ? end + Int64(count) : end))
    return first <= last ? Int(first)..<Int(last) + 1 : 0..<0
  }
}
