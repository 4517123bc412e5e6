// SetAlgebra.swift: what sets have in common, what they have together, and what one has alone.
//
// A key that is not there counts as an empty set. A result is collected before it is shown or stored:
// the destination may be one of the sources.

import RESP

extension Sets {
  private static func show(
    _ name: StaticString, _ summary: StaticString, _ complexity: StaticString,
    _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(2), flags: [.readOnly], keys: [.range(1, -1, [.read])], group: .set,
      since: "1.0.0", summary: summary, complexity: complexity, body: body)
  }

  private static func store(
    _ name: StaticString, _ access: KeyAccess, _ summary: StaticString, _ complexity: StaticString,
    _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(3), flags: [.write, .denyOOM],
      keys: [.one(1, access), .range(2, -1, [.read])], group: .set, since: "1.0.0",
      summary: summary, complexity: complexity, body: body)
  }

  static let algebra: [Command] = [
    show(
      "SINTER", "Shows the members that all of some sets have.",
      "O(N*M), N members of the smallest of M sets", sinter),
    Command(
      "SINTERCARD", arity: .atLeast(3), flags: [.readOnly, .movableKeys],
      keys: [.counted(1, [.read])], group: .set, since: "7.0.0",
      summary: "Counts the members that all of some sets have.",
      complexity: "O(N*M), N members of the smallest of M sets", body: sintercard),
    show(
      "SUNION", "Shows the members that any of some sets has.", "O(N), N members of all sets",
      sunion),
    show(
      "SDIFF", "Shows the members that the first of some sets has and no other.",
      "O(N), N members of all sets", sdiff),
    store(
      "SINTERSTORE", [.update], "Stores the members that all of some sets have.",
      "O(N*M), N members of the smallest of M sets", sinterstore),
    store(
      "SUNIONSTORE", [.overwrite, .update], "Stores the members that any of some sets has.",
      "O(N), N members of all sets", sunionstore),
    store(
      "SDIFFSTORE", [.overwrite, .update],
      "Stores the members that the first of some sets has and no other.",
      "O(N), N members of all sets", sdiffstore),
  ]

  /// The sets whose keys are these words; nil for a key that is not there.
  private static func sets(
    _ c: inout Context, _ words: Range<Int>
  ) throws(CommandError) -> [SetValue?] {
    var sets: [SetValue?] = []
    sets.reserveCapacity(words.count)
    for index in words { sets.append(try c.value(c.key(index), SetValue.self)) }
    return sets
  }

  // MARK: In common

  /// `SINTER key [key ...]` → set of members.
  static func sinter(_ c: inout Context) throws(CommandError) {
    let sets = try sets(&c, 1..<c.arguments.count)
    answer(&c, common(sets, c.keyHash, limit: .max))
  }

  /// `SINTERSTORE destination key [key ...]` → integer: how many were stored.
  static func sinterstore(_ c: inout Context) throws(CommandError) {
    let sets = try sets(&c, 2..<c.arguments.count)
    let result = c.makeSet(of: common(sets, c.keyHash, limit: .max))
    c.store(result, c.key(1))
  }

  /// `SINTERCARD numkeys key [key ...] [LIMIT limit]` → integer: how many there are, or the limit if
  /// that is less.
  static func sintercard(_ c: inout Context) throws(CommandError) {
    guard let keyCount = c.arguments[1].integer, keyCount > 0 else {
      throw CommandError("ERR numkeys should be greater than 0")
    }
    guard keyCount <= c.arguments.count - 2 else {
      throw CommandError("ERR Number of keys can't be greater than number of args")
    }
    let end = 2 + Int(keyCount)
    var limit = Int64(0), index = end
    while index < c.arguments.count {
      guard c.arguments[index].matches("limit"), index + 1 < c.arguments.count else {
        throw .syntax
      }
      guard let number = c.arguments[index + 1].integer, number >= 0 else {
        throw CommandError("ERR LIMIT can't be negative")
      }
      limit = number
      index += 2
    }
    let sets = try sets(&c, 2..<end)
    c.reply.integer(common(sets, c.keyHash, limit: limit == 0 ? .max : Int(limit)).count)
  }

  /// The members that all of `sets` have, at most `limit`: the smallest one's that the others have.
  private static func common(
    _ sets: [SetValue?], _ hash: KeyHash, limit: Int
  ) -> [StoredText] {
    var present: [SetValue] = []
    for set in sets {
      guard let set else { return [] }
      present.append(set)
    }
    present.sort { $0.count < $1.count }
    let others = present.dropFirst()
    var members: [StoredText] = []
    present[0].walk { member, _ in
      if others.allSatisfy({ $0.contains(member, hash) }) { members.append(member) }
      return members.count < limit
    }
    return members
  }

  // MARK: Together

  /// `SUNION key [key ...]` → set of members.
  static func sunion(_ c: inout Context) throws(CommandError) {
    let sets = try sets(&c, 1..<c.arguments.count)
    let result = c.makeUnion(of: sets)
    c.reply.set(result.count)
    result.forEach { member, _ in c.reply.bulk(member) }
    c.discard(result)
  }

  /// `SUNIONSTORE destination key [key ...]` → integer: how many were stored.
  static func sunionstore(_ c: inout Context) throws(CommandError) {
    let sets = try sets(&c, 2..<c.arguments.count)
    c.store(c.makeUnion(of: sets), c.key(1))
  }

  // MARK: Alone

  /// `SDIFF key [key ...]` → set of members.
  static func sdiff(_ c: inout Context) throws(CommandError) {
    let sets = try sets(&c, 1..<c.arguments.count)
    if subtractsFromCopy(sets) {
      let result = c.makeDifference(of: sets)
      c.reply.set(result.count)
      result.forEach { member, _ in c.reply.bulk(member) }
      c.discard(result)
    } else {
      answer(&c, alone(sets, c.keyHash))
    }
  }

  /// `SDIFFSTORE destination key [key ...]` → integer: how many were stored.
  static func sdiffstore(_ c: inout Context) throws(CommandError) {
    let sets = try sets(&c, 2..<c.arguments.count)
    let result =
      subtractsFromCopy(sets)
      ? c.makeDifference(of: sets) : c.makeSet(of: alone(sets, c.keyHash))
    c.store(result, c.key(1))
  }

  /// Whether it is less work to take the members of the others out of a copy of the first set than to
  /// look up each of its members in all others.
  private static func subtractsFromCopy(_ sets: [SetValue?]) -> Bool {
    guard let first = sets[0] else { return false }
    let present = sets.compactMap { $0 }
    let total = present.reduce(0) { $0 + $1.count }
    return first.count.multipliedReportingOverflow(by: present.count).partialValue / 2 > total
  }

  /// The members of the first set that no other has.
  private static func alone(_ sets: [SetValue?], _ hash: KeyHash) -> [StoredText] {
    guard let first = sets[0] else { return [] }
    // A member is most likely in the largest.
    let others = sets.dropFirst().compactMap { $0 }.sorted { $0.count > $1.count }
    var members: [StoredText] = []
    first.forEach { member, _ in
      if !others.contains(where: { $0.contains(member, hash) }) { members.append(member) }
    }
    return members
  }

  private static func answer(_ c: inout Context, _ members: [StoredText]) {
    c.reply.set(members.count)
    for member in members { c.reply.bulk(member) }
  }
}

extension Context {
  /// A set that is under no key yet.
  fileprivate func makeSet(of members: [StoredText]) -> SetValue {
    var set = SetValue.make()
    for member in members {
      member.withView { _ = set.add($0, keyHash, integersMax: settings.setIntegersMax) }
    }
    return set
  }

  fileprivate func makeUnion(of sets: [SetValue?]) -> SetValue {
    var union = SetValue.make()
    for set in sets {
      set?.forEach { member, _ in
        member.withView { _ = union.add($0, keyHash, integersMax: settings.setIntegersMax) }
      }
    }
    return union
  }

  /// The first set without the members of the others.
  fileprivate mutating func makeDifference(of sets: [SetValue?]) -> SetValue {
    var rest = makeUnion(of: [sets[0]])
    var graveyard = Graveyard()
    for set in sets.dropFirst() {
      set?.walk { member, _ in
        member.withView { _ = rest.remove($0, keyHash, into: &graveyard) }
        return !rest.isEmpty
      }
    }
    return rest
  }

  /// Makes `set`, of which ownership is taken over, the value of `key`, if it has members; else the key
  /// goes. The reply is how many there are.
  fileprivate mutating func store(_ set: SetValue, _ key: Key) {
    reply.integer(set.count)
    guard set.isEmpty else {
      put(.value(key.bytes, set), key)
      return modified(key)
    }
    set.release()
    guard peek(key) != nil else { return }
    drop(key)
    modified(key)
  }

  /// Frees a set that is under no key.
  fileprivate mutating func discard(_ set: SetValue) {
    if set.isLong { set.bury(in: &graveyard) } else { set.release() }
  }
}
