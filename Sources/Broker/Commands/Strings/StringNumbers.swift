// StringNumbers.swift: strings as counters.

import RESP

extension Strings {
  static let numbers: [Command] = [
    Command(
      "INCR", arity: .exactly(2), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .string, since: "1.0.0",
      summary: "Adds one to an integer; an absent key counts as 0.",
      complexity: "O(1)", body: incr),
    Command(
      "DECR", arity: .exactly(2), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .string, since: "1.0.0",
      summary: "Takes one from an integer; an absent key counts as 0.",
      complexity: "O(1)", body: decr),
    Command(
      "INCRBY", arity: .exactly(3), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .string, since: "1.0.0",
      summary: "Adds to an integer; an absent key counts as 0.",
      complexity: "O(1)", body: incrby),
    Command(
      "DECRBY", arity: .exactly(3), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .string, since: "1.0.0",
      summary: "Takes from an integer; an absent key counts as 0.",
      complexity: "O(1)", body: decrby),
    Command(
      "INCRBYFLOAT", arity: .exactly(3), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .string, since: "2.6.0",
      summary: "Adds to a decimal number; an absent key counts as 0.",
      complexity: "O(1)", body: incrbyfloat),
  ]

  /// `INCR key` → integer: the value afterwards.
  static func incr(_ c: inout Context) throws(CommandError) { try add(1, &c) }

  /// `DECR key` → integer: the value afterwards.
  static func decr(_ c: inout Context) throws(CommandError) { try add(-1, &c) }

  /// `INCRBY key increment` → integer: the value afterwards.
  static func incrby(_ c: inout Context) throws(CommandError) {
    guard let increment = c.arguments[2].integer else { throw .notAnInteger }
    try add(increment, &c)
  }

  /// `DECRBY key decrement` → integer: the value afterwards.
  static func decrby(_ c: inout Context) throws(CommandError) {
    guard let decrement = c.arguments[2].integer else { throw .notAnInteger }
    guard decrement != .min else { throw CommandError("ERR decrement would overflow") }
    try add(-decrement, &c)
  }

  @inline(__always)
  private static func add(_ increment: Int64, _ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    let entry = try c.stringForWriting(key)
    let value = entry.map { $0.storedInteger ?? $0.withString { $0.integer } } ?? 0
    guard let old = value else { throw .notAnInteger }
    let (sum, overflow) = old.addingReportingOverflow(increment)
    guard !overflow else { throw .overflow }
    if let entry, entry.encoding == .integer {
      entry.replaceInteger(sum)
    } else {
      c.put(.integer(key.bytes, sum, deadline: entry?.deadline), key)
    }
    c.reply.integer(sum)
    c.modified(key)
    c.notify(.string, "incrby", key)
  }

  /// `INCRBYFLOAT key increment` → the value afterwards, in plain decimals.
  ///
  /// The result is logged, not the sum: how far it is exact depends on the processor.
  static func incrbyfloat(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    let entry = try c.stringForWriting(key)
    guard let old = entry.map({ $0.withString { $0.longDouble } }) ?? 0,
      let increment = c.arguments[2].longDouble
    else { throw .notAFloat }
    let sum = old + increment
    guard sum.isFinite else {
      throw CommandError("ERR increment would produce NaN or Infinity")
    }
    let deadline = entry?.deadline
    sum.withDecimals { text in
      c.setString(text, key, deadline: deadline)
      c.reply.bulk(text)
      c.propagateString(key, text, deadline: deadline)
    }
    c.modified(key)
    c.notify(.string, "incrbyfloat", key)
  }
}
