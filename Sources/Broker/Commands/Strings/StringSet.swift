// StringSet.swift: giving keys a string.
//
// What is logged has absolute times and no conditions: `SET key value [PXAT ms]`; a request that
// would do the same again is logged as it came.

import RESP

/// The string commands.
enum Strings {
  static let setting: [Command] = [
    Command(
      "SET", arity: .atLeast(3), flags: [.write, .denyOOM], keys: [setKey],
      group: .string, since: "1.0.0",
      summary: "Sets the value of a key, on conditions and for a time if wanted.",
      complexity: "O(1)", body: set),
    Command(
      "SETNX", arity: .exactly(3), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.overwrite, .insert])],
      group: .string, since: "1.0.0",
      summary: "Sets the value of a key that is not there yet.",
      complexity: "O(1)", body: setnx),
    Command(
      "SETEX", arity: .exactly(4), flags: [.write, .denyOOM],
      keys: [.one(1, [.overwrite, .update])],
      group: .string, since: "2.0.0",
      summary: "Sets the value of a key for a time in seconds.",
      complexity: "O(1)", body: setex),
    Command(
      "PSETEX", arity: .exactly(4), flags: [.write, .denyOOM],
      keys: [.one(1, [.overwrite, .update])],
      group: .string, since: "2.6.0",
      summary: "Sets the value of a key for a time in milliseconds.",
      complexity: "O(1)", body: psetex),
    Command(
      "GETSET", arity: .exactly(3), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .string, since: "1.0.0",
      summary: "Sets the value of a key and shows the one it had.",
      complexity: "O(1)", body: getset),
    Command(
      "MSET", arity: .atLeast(3), flags: [.write, .denyOOM],
      keys: [.range(1, -1, step: 2, [.overwrite, .update])], group: .string, since: "1.0.1",
      summary: "Sets the values of several keys.",
      complexity: "O(N), N keys", body: mset),
    Command(
      "MSETNX", arity: .atLeast(3), flags: [.write, .denyOOM],
      keys: [.range(1, -1, step: 2, [.overwrite, .insert])], group: .string, since: "1.0.1",
      summary: "Sets the values of several keys if none of them is there.",
      complexity: "O(N), N keys", body: msetnx),
  ]

  private static var setKey: KeySpec {
    KeySpec(
      place: .range(first: 1, last: 1, step: 1), access: [.overwrite, .update],
      variation: .readsWith("get"))
  }

  // MARK: One key

  /// `SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]` → OK, or null when the
  /// condition does not hold; with GET the old value or null, set or not.
  static func set(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count == 3 else { return try setWithOptions(&c) }
    let key = c.key(1)
    c.setString(c.arguments[2], key)
    c.reply.ok()
    c.modified(key)
    c.notify(.string, "set", key)
  }

  private static func setWithOptions(_ c: inout Context) throws(CommandError) {
    let options = try StringOptions(c.arguments, from: 3, of: .set)
    var deadline = try options.expiry?.deadline(c)
    let key = c.key(1), value = c.arguments[2]
    if options.returnsOld { try replyValue(&c, key) }
    let old = c.peek(key)
    if options.isIfAbsent && old != nil || options.isIfPresent && old == nil {
      if !options.returnsOld { c.reply.null() }
      return
    }
    if options.keepsDeadline { deadline = old?.deadline }
    c.setString(value, key, deadline: deadline)
    if !options.returnsOld { c.reply.ok() }
    c.modified(key)
    c.notify(.string, "set", key)
    if options.expiry != nil { c.notify(.generic, "expire", key) }
    c.propagateString(key, value, deadline: deadline)
  }

  /// `SETNX key value` → integer: 1 if it was set, else 0.
  static func setnx(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard c.peek(key) == nil else { return c.reply.integer(0) }
    c.setString(c.arguments[2], key)
    c.reply.integer(1)
    c.modified(key)
    c.notify(.string, "set", key)
  }

  /// `SETEX key seconds value` → OK.
  static func setex(_ c: inout Context) throws(CommandError) { try setFor(&c, .seconds) }

  /// `PSETEX key milliseconds value` → OK.
  static func psetex(_ c: inout Context) throws(CommandError) { try setFor(&c, .milliseconds) }

  private static func setFor(_ c: inout Context, _ unit: Expiry.Unit) throws(CommandError) {
    let expiry = Expiry(unit: unit, isAbsolute: false, number: c.arguments[2])
    let deadline = try expiry.deadline(c)
    let key = c.key(1), value = c.arguments[3]
    c.setString(value, key, deadline: deadline)
    c.reply.ok()
    c.modified(key)
    c.notify(.string, "set", key)
    c.notify(.generic, "expire", key)
    c.propagateString(key, value, deadline: deadline)
  }

  /// `GETSET key value` → the old value, or null.
  static func getset(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), value = c.arguments[2]
    try replyValue(&c, key)
    c.setString(value, key)
    c.modified(key)
    c.notify(.string, "set", key)
    c.propagateString(key, value, deadline: nil)
  }

  // MARK: Several keys

  /// `MSET key value [key value ...]` → OK.
  static func mset(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count % 2 == 1 else { throw .wrongArity("mset") }
    setAll(&c)
    c.reply.ok()
  }

  /// `MSETNX key value [key value ...]` → integer: 1 if all were set, 0 if none was.
  static func msetnx(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count % 2 == 1 else { throw .wrongArity("msetnx") }
    for index in stride(from: 1, to: c.arguments.count, by: 2) {
      guard c.peek(c.key(index)) == nil else { return c.reply.integer(0) }
    }
    setAll(&c)
    c.reply.integer(1)
  }

  private static func setAll(_ c: inout Context) {
    for index in stride(from: 1, to: c.arguments.count, by: 2) {
      let key = c.key(index)
      c.setString(c.arguments[index + 1], key)
      c.modified(key)
      c.notify(.string, "set", key)
    }
  }
}
