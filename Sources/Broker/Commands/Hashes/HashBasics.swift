// HashBasics.swift: single fields of hashes: setting, reading, deleting them.

import RESP

/// The commands about hashes.
enum Hashes {
  static let basics: [Command] = [
    Command(
      "HSET", arity: .atLeast(4), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.update])],
      group: .hash, since: "2.0.0",
      summary: "Sets fields of a hash, creating it when absent.",
      complexity: "O(N), N fields set", body: hset),
    Command(
      "HSETNX", arity: .exactly(4), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.insert])],
      group: .hash, since: "2.0.0",
      summary: "Sets a field of a hash if there is no such field.",
      complexity: "O(1)", body: hsetnx),
    Command(
      "HMSET", arity: .atLeast(4), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.update])],
      group: .hash, since: "2.0.0",
      summary: "Sets fields of a hash, as HSET does.",
      complexity: "O(N), N fields set", body: hmset),
    Command(
      "HGET", arity: .exactly(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .hash, since: "2.0.0",
      summary: "Shows the value of a field.",
      complexity: "O(1)", body: hget),
    Command(
      "HMGET", arity: .atLeast(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .hash, since: "2.0.0",
      summary: "Shows the values of some fields.",
      complexity: "O(N), N fields asked for", body: hmget),
    Command(
      "HDEL", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.delete])],
      group: .hash, since: "2.0.0",
      summary: "Deletes fields of a hash; the empty hash goes.",
      complexity: "O(N), N fields named", body: hdel),
    Command(
      "HLEN", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .hash, since: "2.0.0",
      summary: "Counts the fields of a hash.",
      complexity: "O(1)", body: hlen),
    Command(
      "HEXISTS", arity: .exactly(3), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .hash, since: "2.0.0",
      summary: "Tells whether there is such a field.",
      complexity: "O(1)", body: hexists),
    Command(
      "HSTRLEN", arity: .exactly(3), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .hash, since: "3.2.0",
      summary: "Tells the size of the value of a field.",
      complexity: "O(1)", body: hstrlen),
  ]

  // MARK: Setting

  /// `HSET key field value [field value ...]` → integer: how many fields are new.
  static func hset(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try set(&c))
  }

  /// `HMSET key field value [field value ...]` → OK.
  static func hmset(_ c: inout Context) throws(CommandError) {
    _ = try set(&c)
    c.reply.ok()
  }

  @inline(__always)
  private static func set(_ c: inout Context) throws(CommandError) -> Int {
    let count = c.arguments.count
    guard count % 2 == 0 else { throw .wrongArity(c.table.names[c.command]) }
    let key = c.key(1), fields = stride(from: 2, to: count, by: 2)
    let entry =
      try c.hashEntry(key, changing: fields) ?? c.makeEntry(key, HashValue.self)
    var hash = entry.unsharedValue(HashValue.self)
    let limits = c.settings.hashLimits
    var created = 0
    for index in fields
    where hash.put(c.arguments[index], c.arguments[index + 1], c.keyHash, limits) { created += 1 }
    entry.keep(hash)
    c.modified(key)
    return created
  }

  /// `HSETNX key field value` → integer: 1 if it was set, 0 if there is such a field.
  static func hsetnx(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), field = c.arguments[2]
    let found = try c.hashEntry(key, changing: 2..<3)
    let old = found?.value(HashValue.self).value(of: field, c.keyHash, now: .min)
    guard old == nil else { return c.reply.integer(0) }
    let entry = found ?? c.makeEntry(key, HashValue.self)
    var hash = entry.unsharedValue(HashValue.self)
    _ = hash.put(field, c.arguments[3], c.keyHash, c.settings.hashLimits)
    entry.keep(hash)
    c.reply.integer(1)
    c.modified(key)
  }

  // MARK: Reading

  /// The value of the field that word 2 names, if there is one.
  @inline(__always)
  private static func value(_ c: inout Context) throws(CommandError) -> StoredText? {
    try c.value(c.key(1), HashValue.self)?
      .value(of: c.arguments[2], c.keyHash, now: c.fieldTime)
  }

  /// `HGET key field` → the value, or null.
  static func hget(_ c: inout Context) throws(CommandError) {
    guard let value = try value(&c) else { return c.reply.null() }
    c.reply.bulk(value)
  }

  /// `HMGET key field [field ...]` → array: the values, null for what is not there.
  static func hmget(_ c: inout Context) throws(CommandError) {
    let hash = try c.value(c.key(1), HashValue.self)
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      if let value = hash?.value(of: c.arguments[index], c.keyHash, now: c.fieldTime) {
        c.reply.bulk(value)
      } else {
        c.reply.null()
      }
    }
  }

  /// `HEXISTS key field` → integer: 1 if it is there.
  static func hexists(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try value(&c) == nil ? 0 : 1)
  }

  /// `HSTRLEN key field` → integer: the bytes of its value, 0 if there is none.
  static func hstrlen(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try value(&c)?.count ?? 0)
  }

  /// `HLEN key` → integer: how many fields, with those whose time is up but which are still there.
  static func hlen(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.value(c.key(1), HashValue.self)?.count ?? 0)
  }

  // MARK: Deleting

  /// `HDEL key field [field ...]` → integer: how many were there.
  static func hdel(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), fields = 2..<c.arguments.count
    guard let entry = try c.hashEntry(key, changing: fields) else { return c.reply.integer(0) }
    var hash = entry.unsharedValue(HashValue.self)
    var removed = 0
    for index in fields where hash.remove(c.arguments[index], c.keyHash, into: &c.graveyard) {
      removed += 1
    }
    entry.keep(hash)
    c.reply.integer(removed)
    guard removed > 0 else { return }
    if hash.isEmpty { c.drop(key) }
    c.modified(key)
  }
}
