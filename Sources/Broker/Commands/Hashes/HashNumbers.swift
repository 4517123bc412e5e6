// HashNumbers.swift: fields of hashes as counters.

import RESP

extension Hashes {
  static let numbers: [Command] = [
    Command(
      "HINCRBY", arity: .exactly(4), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .hash, since: "2.0.0",
      summary: "Adds to the integer of a field; an absent field counts as 0.",
      complexity: "O(1)", body: hincrby),
    Command(
      "HINCRBYFLOAT", arity: .exactly(4), flags: [.write, .denyOOM, .fast],
      keys: [.one(1, [.read, .update])], group: .hash, since: "2.6.0",
      summary: "Adds to the decimal number of a field; an absent field counts as 0.",
      complexity: "O(1)", body: hincrbyfloat),
  ]

  private static func entry(_ c: inout Context, _ key: Key) throws(CommandError) -> Entry? {
    try c.hashEntry(key, changing: 2..<3)
  }

  private static func put(_ c: inout Context, _ text: ByteView, _ key: Key, _ entry: Entry?) {
    let entry = entry ?? c.makeEntry(key, HashValue.self)
    var hash = entry.unsharedValue(HashValue.self)
    hash.putKeepingDeadline(c.arguments[2], text, c.keyHash, c.settings.hashLimits)
    entry.keep(hash)
    c.modified(key)
  }

  /// `HINCRBY key field increment` → integer: the value afterwards.
  static func hincrby(_ c: inout Context) throws(CommandError) {
    guard let increment = c.arguments[3].integer else { throw .notAnInteger }
    let key = c.key(1)
    let entry = try entry(&c, key)
    let text = entry?.value(HashValue.self).value(of: c.arguments[2], c.keyHash, now: .min)
    guard let old = text.map({ $0.integer }) ?? 0 else {
      throw CommandError("ERR hash value is not an integer")
    }
    let (sum, overflow) = old.addingReportingOverflow(increment)
    guard !overflow else { throw .overflow }
    var digits = DecimalDigits(sum)
    digits.withView { put(&c, $0, key, entry) }
    c.reply.integer(sum)
  }

  /// `HINCRBYFLOAT key field increment` → the value afterwards, in plain decimals.
  ///
  /// The result is logged, not the sum: how far it is exact depends on the processor.
  static func hincrbyfloat(_ c: inout Context) throws(CommandError) {
    guard let increment = c.arguments[3].longDouble else { throw .notAFloat }
    guard increment.isFinite else { throw CommandError("ERR value is NaN or Infinity") }
    let key = c.key(1), field = c.arguments[2]
    let entry = try entry(&c, key)
    let text = entry?.value(HashValue.self).value(of: field, c.keyHash, now: .min)
    guard let old = text.map({ $0.withView { $0.longDouble } }) ?? 0 else {
      throw CommandError("ERR hash value is not a float")
    }
    let sum = old + increment
    guard sum.isFinite else {
      throw CommandError("ERR increment would produce NaN or Infinity")
    }
    let deadline = entry?.value(HashValue.self).deadline(of: field, c.keyHash)
    sum.withDecimals { text in
      put(&c, text, key, entry)
      c.reply.bulk(text)
      c.hasPropagated = true
      c.effects.command("HSET", key.bytes, field, text, in: c.database)
    }
    if let deadline { c.propagateDeadline(deadline, of: [2], key) }
  }
}
