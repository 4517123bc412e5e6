// KeyInspection.swift: how values are kept, as OBJECT tells.
//
// Clients know the names of Redis' encodings; what they are told is what Redis would have.

import RESP

extension Keys {
  static let inspection: [Command] = [
    Command(
      "OBJECT", arity: .atLeast(2), flags: [], group: .generic, since: "2.2.3",
      summary: "Tells how values are kept.", complexity: "Depends on the subcommand",
      subcommands: [
        Command(
          "ENCODING", arity: .exactly(3), flags: [.readOnly], keys: [.one(2, [])],
          group: .generic, since: "2.2.3", summary: "Names the form in which a value is kept.",
          complexity: "O(1)", categories: ["@keyspace"], body: objectEncoding),
        Command(
          "FREQ", arity: .exactly(3), flags: [.readOnly], keys: [.one(2, [])],
          group: .generic, since: "4.0.0", summary: "Is refused: uses of keys are not counted.",
          complexity: "O(1)", categories: ["@keyspace"], body: objectFreq),
        Command(
          "HELP", arity: .exactly(2), flags: [.loading, .stale], group: .generic, since: "6.2.0",
          summary: "Prints this help.", complexity: "O(1)", categories: ["@keyspace"],
          body: objectHelp),
        Command(
          "IDLETIME", arity: .exactly(3), flags: [.readOnly], keys: [.one(2, [])],
          group: .generic, since: "2.2.3", summary: "Tells the seconds since a key was last used.",
          complexity: "O(1)", categories: ["@keyspace"], body: objectIdletime),
        Command(
          "REFCOUNT", arity: .exactly(3), flags: [.readOnly], keys: [.one(2, [])],
          group: .generic, since: "2.2.3", summary: "Counts the references to a value.",
          complexity: "O(1)", categories: ["@keyspace"], body: objectRefcount),
      ], body: objectHelp)
  ]

  /// `OBJECT ENCODING key` → the name of the encoding, or null.
  static func objectEncoding(_ c: inout Context) throws(CommandError) {
    guard let entry = c.find(c.key(2), touching: false, telling: false) else {
      return c.reply.null()
    }
    c.reply.bulk(ByteView(entry.encodingName))
  }

  /// `OBJECT FREQ key` → an error, or null.
  static func objectFreq(_ c: inout Context) throws(CommandError) {
    guard c.find(c.key(2), touching: false, telling: false) != nil else { return c.reply.null() }
    throw CommandError(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
        + "when switching between policies at runtime LRU and LFU data will take some time to "
        + "adjust.")
  }

  /// `OBJECT IDLETIME key` → integer: seconds, or null.
  static func objectIdletime(_ c: inout Context) throws(CommandError) {
    guard let entry = c.find(c.key(2), touching: false, telling: false) else {
      return c.reply.null()
    }
    c.reply.integer(entry.idleSeconds(now: c.wall))
  }

  /// `OBJECT REFCOUNT key` → integer, or null.
  static func objectRefcount(_ c: inout Context) throws(CommandError) {
    guard let entry = c.find(c.key(2), touching: false, telling: false) else {
      return c.reply.null()
    }
    c.reply.integer(entry.shownReferences)
  }

  /// `OBJECT HELP` → lines of text.
  static func objectHelp(_ c: inout Context) throws(CommandError) {
    c.reply.help(
      "OBJECT",
      [
        ("ENCODING <key>", "Names the form in which the value of <key> is kept."),
        ("FREQ <key>", "Is refused: how often keys are used is not counted."),
        ("IDLETIME <key>", "Tells how many seconds ago <key> was last used."),
        ("REFCOUNT <key>", "Counts the references to the value of <key>."),
        ("HELP", "Prints this help."),
      ])
  }
}

extension Entry {
  /// The longest string that Redis keeps in one piece with its header.
  private static var embeddedMax: Int { 44 }

  /// What Redis 7.0 calls its encoding of such a value.
  var encodingName: StaticString {
    if let composite { return composite.encodingName }
    if encoding == .integer { return "int" }
    return stringCount <= Self.embeddedMax ? "embstr" : "raw"
  }

  /// Redis shares the objects of small integers, for which it shows a count that stands for ever.
  fileprivate var shownReferences: Int {
    if kind == .string, let integer = storedInteger, integer >= 0, integer < 10_000 {
      return Int(Int32.max)
    }
    return 1
  }

  func idleSeconds(now: Int64) -> Int {
    Int(max(0, now / 1000 - Int64(accessed)))
  }
}

extension Reply {
  /// What HELP of a container answers: each line as a status.
  mutating func help(_ container: String, _ lines: [(syntax: String, text: String)]) {
    array(1 + 2 * lines.count)
    simple("\(container) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    for (syntax, text) in lines {
      simple(syntax)
      simple("    " + text)
    }
  }
}
