// KeyBasics.swift: whether keys are there, what they are, and taking them away.
//
// Expiry, renaming, walking, sorting and inspection have files of their own beside this one.

import RESP

/// The commands about keys of any type.
enum Keys {
  static let basics: [Command] = [
    Command(
      "DEL", arity: .atLeast(2), flags: [.write], keys: [.range(1, -1, [.remove, .delete])],
      group: .generic, since: "1.0.0",
      summary: "Deletes keys.",
      complexity: "O(N), N keys; the memory of long values is given back bit by bit",
      categories: ["@keyspace"], body: del),
    Command(
      "UNLINK", arity: .atLeast(2), flags: [.write, .fast],
      keys: [.range(1, -1, [.remove, .delete])],
      group: .generic, since: "4.0.0",
      summary: "Deletes keys, as DEL does.",
      complexity: "O(N), N keys; the memory of long values is given back bit by bit",
      categories: ["@keyspace"], body: del),
    Command(
      "EXISTS", arity: .atLeast(2), flags: [.readOnly, .fast], keys: [.range(1, -1, [])],
      group: .generic, since: "1.0.0",
      summary: "Counts those of the given keys that are there.",
      complexity: "O(N), N keys", categories: ["@keyspace"], body: exists),
    Command(
      "TYPE", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .generic, since: "1.0.0",
      summary: "Tells the type of a key's value.",
      complexity: "O(1)", categories: ["@keyspace"], body: type),
    Command(
      "TOUCH", arity: .atLeast(2), flags: [.readOnly, .fast], keys: [.range(1, -1, [])],
      group: .generic, since: "3.2.1",
      summary: "Counts those of the given keys that are there, as used just now.",
      complexity: "O(N), N keys", categories: ["@keyspace"], body: touch),
  ]

  /// `DEL key [key ...]` → integer: how many were there.
  static func del(_ c: inout Context) throws(CommandError) {
    var count = 0
    for index in 1..<c.arguments.count {
      let key = c.key(index)
      guard c.peek(key) != nil else { continue }
      c.drop(key)
      c.modified(key)
      c.notify(.generic, "del", key)
      count += 1
    }
    c.reply.integer(count)
  }

  /// `EXISTS key [key ...]` → integer: how many are there; a key given twice counts twice.
  static func exists(_ c: inout Context) throws(CommandError) { count(&c, touching: false) }

  /// `TOUCH key [key ...]` → integer: how many are there.
  static func touch(_ c: inout Context) throws(CommandError) { count(&c, touching: true) }

  private static func count(_ c: inout Context, touching: Bool) {
    var count = 0
    for index in 1..<c.arguments.count where c.find(c.key(index), touching: touching) != nil {
      count += 1
    }
    c.reply.integer(count)
  }

  /// `TYPE key` → string, list or none.
  static func type(_ c: inout Context) throws(CommandError) {
    c.reply.simple(c.find(c.key(1), touching: false)?.kind.name ?? "none")
  }
}
