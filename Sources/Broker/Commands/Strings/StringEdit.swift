// StringEdit.swift: writing into a string that is there.
//
// Strings that grow do so with room to spare, so that appending costs O(1) a byte.

import RESP

extension Strings {
  static let editing: [Command] = [
    Command(
      "APPEND", arity: .exactly(3), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.insert])],
      group: .string, since: "2.0.0",
      summary: "Appends bytes to a value, creating it when absent.",
      complexity: "O(1) a byte, amortised", body: append),
    Command(
      "SETRANGE", arity: .exactly(4), flags: [.write, .denyOOM], keys: [.one(1, [.update])],
      group: .string, since: "2.2.0",
      summary: "Writes bytes over a part of a value; a gap before them is filled with zeros.",
      complexity: "O(N), N bytes written or filled", body: setrange),
  ]

  /// `APPEND key value` → integer: the value's size in bytes afterwards.
  static func append(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), bytes = c.arguments[2]
    guard let entry = try c.stringForWriting(key) else {
      c.setString(bytes, key)
      c.reply.integer(bytes.count)
      c.modified(key)
      c.notify(.string, "append", key)
      return
    }
    let count = entry.stringCount
    let grown = try c.grownSize(count, by: bytes.count)
    if let other = entry.writing(bytes, at: count) { c.put(other, key) }
    c.reply.integer(grown)
    c.modified(key)
    c.notify(.string, "append", key)
  }

  /// `SETRANGE key offset value` → integer: the value's size in bytes afterwards.
  static func setrange(_ c: inout Context) throws(CommandError) {
    guard let offset = c.arguments[2].integer else { throw .notAnInteger }
    guard offset >= 0 else { throw CommandError("ERR offset is out of range") }
    let key = c.key(1), bytes = c.arguments[3]
    let entry = try c.stringForWriting(key)
    let count = entry?.stringCount ?? 0
    guard !bytes.isEmpty else { return c.reply.integer(count) }
    let end = try c.grownSize(Int(offset), by: bytes.count)
    c.write(bytes, at: Int(offset), key, entry)
    c.reply.integer(max(count, end))
    c.modified(key)
    c.notify(.string, "setrange", key)
  }
}
