// SetBasics.swift: members of sets: adding, removing, moving, asking for them.

import RESP

/// The commands about sets.
enum Sets {
  static let basics: [Command] = [
    Command(
      "SADD", arity: .atLeast(3), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.insert])],
      group: .set, since: "1.0.0",
      summary: "Adds members to a set, creating it when absent.",
      complexity: "O(N), N members named", body: sadd),
    Command(
      "SREM", arity: .atLeast(3), flags: [.write, .fast], keys: [.one(1, [.delete])],
      group: .set, since: "1.0.0",
      summary: "Removes members from a set; the empty set goes.",
      complexity: "O(N), N members named", body: srem),
    Command(
      "SMOVE", arity: .exactly(4), flags: [.write, .fast],
      keys: [.one(1, [.read, .delete]), .one(2, [.insert])],
      group: .set, since: "1.0.0",
      summary: "Moves a member from one set to another.",
      complexity: "O(1)", body: smove),
    Command(
      "SCARD", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .set, since: "1.0.0",
      summary: "Counts the members of a set.",
      complexity: "O(1)", body: scard),
    Command(
      "SISMEMBER", arity: .exactly(3), flags: [.readOnly, .fast], keys: [.one(1, [])],
      group: .set, since: "1.0.0",
      summary: "Tells whether a set has a member.",
      complexity: "O(1)", body: sismember),
    Command(
      "SMISMEMBER", arity: .atLeast(3), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .set, since: "6.2.0",
      summary: "Tells which of some members a set has.",
      complexity: "O(N), N members named", body: smismember),
    Command(
      "SMEMBERS", arity: .exactly(2), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .set, since: "1.0.0",
      summary: "Shows all members of a set.",
      complexity: "O(N), N members of the set", body: smembers),
    Command(
      "SSCAN", arity: .atLeast(3), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .set, since: "2.8.0",
      summary: "Shows some members of a set and tells where to go on.",
      complexity: "O(1) a call, O(N) for a whole walk over N members", body: sscan),
  ]

  // MARK: Changing

  /// `SADD key member [member ...]` → integer: how many are new.
  static func sadd(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), integersMax = c.settings.setIntegersMax
    let entry = try c.entryForWriting(key, SetValue.self) ?? c.makeEntry(key, SetValue.self)
    var set = entry.unsharedValue(SetValue.self)
    var added = 0
    for index in 2..<c.arguments.count
    where set.add(c.arguments[index], c.keyHash, integersMax: integersMax) { added += 1 }
    entry.keep(set)
    c.reply.integer(added)
    if added > 0 { c.modified(key) }
  }

  /// `SREM key member [member ...]` → integer: how many were there.
  static func srem(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let entry = try c.entryForWriting(key, SetValue.self) else { return c.reply.integer(0) }
    var set = entry.unsharedValue(SetValue.self)
    var removed = 0
    for index in 2..<c.arguments.count
    where set.remove(c.arguments[index], c.keyHash, into: &c.graveyard) { removed += 1 }
    entry.keep(set)
    c.reply.integer(removed)
    guard removed > 0 else { return }
    if set.isEmpty { c.drop(key) }
    c.modified(key)
  }

  /// `SMOVE source destination member` → integer: 1 if the source had it.
  static func smove(_ c: inout Context) throws(CommandError) {
    let source = c.key(1), destination = c.key(2), member = c.arguments[3]
    let from = c.findForWriting(source), to = c.findForWriting(destination)
    guard let from else { return c.reply.integer(0) }
    guard from.kind == .set, to?.kind ?? .set == .set else { throw .wrongType }
    guard source.bytes != destination.bytes else {
      return c.reply.integer(from.value(SetValue.self).contains(member, c.keyHash) ? 1 : 0)
    }
    var set = from.unsharedValue(SetValue.self)
    let wasThere = set.remove(member, c.keyHash, into: &c.graveyard)
    from.keep(set)
    guard wasThere else { return c.reply.integer(0) }
    if set.isEmpty { c.drop(source) }
    c.modified(source)
    let target = to ?? c.makeEntry(destination, SetValue.self)
    var other = target.unsharedValue(SetValue.self)
    if other.add(member, c.keyHash, integersMax: c.settings.setIntegersMax) {
      c.modified(destination)
    }
    target.keep(other)
    c.reply.integer(1)
  }

  // MARK: Asking

  /// `SCARD key` → integer: how many members.
  static func scard(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.value(c.key(1), SetValue.self)?.count ?? 0)
  }

  /// `SISMEMBER key member` → integer: 1 if it is one.
  static func sismember(_ c: inout Context) throws(CommandError) {
    let set = try c.value(c.key(1), SetValue.self)
    c.reply.integer(set?.contains(c.arguments[2], c.keyHash) == true ? 1 : 0)
  }

  /// `SMISMEMBER key member [member ...]` → array of integers: 1 for each that is one.
  static func smismember(_ c: inout Context) throws(CommandError) {
    let set = try c.value(c.key(1), SetValue.self)
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      c.reply.integer(set?.contains(c.arguments[index], c.keyHash) == true ? 1 : 0)
    }
  }

  /// `SMEMBERS key` → set of members.
  static func smembers(_ c: inout Context) throws(CommandError) {
    guard let set = try c.value(c.key(1), SetValue.self) else { return c.reply.set(0) }
    c.reply.set(set.count)
    set.forEach { member, _ in c.reply.bulk(member) }
  }

  /// `SSCAN key cursor [MATCH pattern] [COUNT count]` → [next cursor, [member, ...]].
  static func sscan(_ c: inout Context) throws(CommandError) { try c.scan(SetValue.self) }
}
