// KeyMoves.swift: values that get another key, or another database.
//
// A value moves as it is, with its deadline: the block it lies in gets another owner. A copy shares
// that block until either of both is written.

import RESP

extension Keys {
  static let moves: [Command] = [
    Command(
      "RENAME", arity: .exactly(3), flags: [.write],
      keys: [.one(1, [.read, .delete]), .one(2, [.overwrite, .update])], group: .generic,
      since: "1.0.0",
      summary: "Gives a value another key, in the place of what was there.",
      complexity: "O(1)", categories: ["@keyspace"], body: rename),
    Command(
      "RENAMENX", arity: .exactly(3), flags: [.write, .fast],
      keys: [.one(1, [.read, .delete]), .one(2, [.overwrite, .insert])], group: .generic,
      since: "1.0.0",
      summary: "Gives a value another key, if there is nothing yet.",
      complexity: "O(1)", categories: ["@keyspace"], body: renamenx),
    Command(
      "COPY", arity: .atLeast(3), flags: [.write, .denyOOM],
      keys: [.one(1, [.read]), .one(2, [.overwrite, .update])], group: .generic, since: "6.2.0",
      summary: "Copies a value with its deadline to another key.",
      complexity:
        "O(1); what is written later is copied then, chunk by chunk. O(N) for a list of N jobs",
      categories: ["@keyspace"], body: copy),
    Command(
      "MOVE", arity: .exactly(3), flags: [.write, .fast], keys: [.one(1, [.read, .update])],
      group: .generic, since: "1.0.0",
      summary: "Moves a key to another database, if it has no such key.",
      complexity: "O(1); O(N) for a list of N jobs", categories: ["@keyspace"], body: move),
  ]

  /// `RENAME key newkey` → OK.
  static func rename(_ c: inout Context) throws(CommandError) {
    let source = c.key(1), destination = c.key(2)
    guard c.findForWriting(source) != nil else { throw .noSuchKey }
    if source.bytes != destination.bytes { rename(&c, source, to: destination) }
    c.reply.ok()
  }

  /// `RENAMENX key newkey` → integer: 1 if it was renamed, 0 if there is a newkey.
  static func renamenx(_ c: inout Context) throws(CommandError) {
    let source = c.key(1), destination = c.key(2)
    guard c.findForWriting(source) != nil else { throw .noSuchKey }
    guard c.peek(destination) == nil else { return c.reply.integer(0) }
    rename(&c, source, to: destination)
    c.reply.integer(1)
  }

  private static func rename(_ c: inout Context, _ source: Key, to destination: Key) {
    guard let entry = c.databases[c.database].remove(source.bytes, hash: source.hash) else {
      return
    }
    c.lost(entry, in: c.database)
    c.settle(entry.copied(key: destination.bytes, deadline: entry.deadline), destination)
    c.renameJobs(of: entry, to: destination)
    entry.release()
    c.modified(source)
    c.modified(destination)
    c.notify(.generic, "rename_from", source)
    c.notify(.generic, "rename_to", destination)
    c.signalReady(destination)
  }

  /// `COPY source destination [DB database] [REPLACE]` → integer: 1 if it was copied.
  static func copy(_ c: inout Context) throws(CommandError) {
    let current = c.database
    var target = current, replaces = false, index = 3
    while index < c.arguments.count {
      let word = c.arguments[index]
      if word.matches("replace") {
        replaces = true
      } else if word.matches("db"), index + 1 < c.arguments.count {
        index += 1
        target = try c.databaseNumber(c.arguments[index])
      } else {
        throw .syntax
      }
      index += 1
    }
    let source = c.key(1), destination = c.key(2)
    guard target != current || source.bytes != destination.bytes else { throw .sameObject }
    guard let entry = c.find(source) else { return c.reply.integer(0) }
    c.database = target
    defer { c.database = current }
    // The log has it in the database of the source, so what expires in the other is logged before.
    guard c.peek(destination) == nil || replaces else { return c.reply.integer(0) }
    c.settle(
      c.withoutJobs(entry.copied(key: destination.bytes, deadline: entry.deadline)), destination)
    c.modified(destination)
    c.notify(.generic, "copy_to", destination)
    c.signalReady(destination)
    c.reply.integer(1)
  }

  /// `MOVE key db` → integer: 1 if it was moved.
  static func move(_ c: inout Context) throws(CommandError) {
    let target = try c.databaseNumber(c.arguments[2])
    let current = c.database, key = c.key(1)
    guard target != current else { throw .sameObject }
    guard c.findForWriting(key) != nil else { return c.reply.integer(0) }
    c.database = target
    defer { c.database = current }
    guard c.peek(key) == nil,
      let entry = c.databases[current].remove(key.bytes, hash: key.hash)
    else { return c.reply.integer(0) }
    c.lost(entry, in: current)
    c.endJobs(of: entry, in: current)
    c.settle(c.withoutJobs(entry), key)
    c.modified(key)
    c.modified(key, in: current)
    c.notify(.generic, "move_from", key, in: current)
    c.notify(.generic, "move_to", key)
    c.signalReady(key)
    c.reply.integer(1)
  }
}

extension Context {
  /// Takes over `entry` under `key` as it is, in the place of what was there.
  mutating func settle(_ entry: Entry, _ key: Key) {
    if let old = databases[database].put(entry, hash: key.hash) { bury(old) }
    notify(.new, "new", key)
  }
}

extension CommandError {
  static let sameObject = CommandError("ERR source and destination objects are the same")
}
