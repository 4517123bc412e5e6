// ListEnds.swift: pushing to and popping from the ends of lists.
//
// The commands that block are in ListBlocking.swift, those that look inside in ListInside.swift.

import RESP

/// The list commands.
enum Lists {
  static let ends: [Command] = [
    Command(
      "LPUSH", arity: .atLeast(3), flags: [.write, .denyOOM, .fast, .joining],
      keys: [.one(1, [.insert])],
      group: .list, since: "1.0.0",
      summary: "Prepends elements to a list, creating it when absent.",
      complexity: "O(N), N elements pushed", body: lpush),
    Command(
      "RPUSH", arity: .atLeast(3), flags: [.write, .denyOOM, .fast, .joining],
      keys: [.one(1, [.insert])],
      group: .list, since: "1.0.0",
      summary: "Appends elements to a list, creating it when absent.",
      complexity: "O(N), N elements pushed", body: rpush),
    Command(
      "LPUSHX", arity: .atLeast(3), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.insert])],
      group: .list, since: "2.2.0",
      summary: "Prepends elements to a list if it exists.",
      complexity: "O(N), N elements pushed", body: lpushx),
    Command(
      "RPUSHX", arity: .atLeast(3), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.insert])],
      group: .list, since: "2.2.0",
      summary: "Appends elements to a list if it exists.",
      complexity: "O(N), N elements pushed", body: rpushx),
    Command(
      "LPOP", arity: .atLeast(2), flags: [.write, .fast], keys: [.one(1, [.read, .delete])],
      group: .list, since: "1.0.0",
      summary: "Takes the first elements of a list; the empty list goes.",
      complexity: "O(N), N elements returned", body: lpop),
    Command(
      "RPOP", arity: .atLeast(2), flags: [.write, .fast], keys: [.one(1, [.read, .delete])],
      group: .list, since: "1.0.0",
      summary: "Takes the last elements of a list; the empty list goes.",
      complexity: "O(N), N elements returned", body: rpop),
  ]

  // MARK: Pushing

  /// `LPUSH key element [element ...]` → integer: the list's count afterwards.
  static func lpush(_ c: inout Context) throws(CommandError) { try push(&c, at: .head) }

  /// `RPUSH key element [element ...]` → integer: the list's count afterwards.
  static func rpush(_ c: inout Context) throws(CommandError) { try push(&c, at: .tail) }

  /// `LPUSHX key element [element ...]` → integer: the list's count afterwards, 0 if there is none.
  static func lpushx(_ c: inout Context) throws(CommandError) { try pushIfThere(&c, at: .head) }

  /// `RPUSHX key element [element ...]` → integer: the list's count afterwards, 0 if there is none.
  static func rpushx(_ c: inout Context) throws(CommandError) { try pushIfThere(&c, at: .tail) }

  @inline(__always)
  private static func push(_ c: inout Context, at end: List.End) throws(CommandError) {
    let key = c.key(1)
    let list = try c.listForWriting(key) ?? c.makeList(key)
    for index in 2..<c.arguments.count { list.push(c.arguments[index], at: end) }
    c.reply.integer(list.count)
    c.modified(key)
    c.notify(.list, end.pushEvent, key)
    c.signalReady(key)  // Waiters are served after this command, never inside it.
  }

  private static func pushIfThere(_ c: inout Context, at end: List.End) throws(CommandError) {
    let key = c.key(1)
    guard let list = try c.listForWriting(key) else { return c.reply.integer(0) }
    for index in 2..<c.arguments.count { list.push(c.arguments[index], at: end) }
    c.reply.integer(list.count)
    c.modified(key)
    c.notify(.list, end.pushEvent, key)
  }

  // MARK: Popping

  /// `LPOP key [count]` → the first element, or an array of the first `count`.
  static func lpop(_ c: inout Context) throws(CommandError) { try pop(&c, at: .head) }

  /// `RPOP key [count]` → the last element, or an array of the last `count`, last first.
  static func rpop(_ c: inout Context) throws(CommandError) { try pop(&c, at: .tail) }

  @inline(__always)
  private static func pop(_ c: inout Context, at end: List.End) throws(CommandError) {
    guard c.arguments.count == 2 else { return try popCount(&c, at: end) }
    let key = c.key(1)
    guard let list = try c.listForWriting(key) else { return c.reply.null() }
    c.reply.bulk(list.element(at: end))
    c.endJob(of: list, at: end)
    list.remove(at: end)
    endPop(&c, key, list, at: end)
  }

  private static func popCount(_ c: inout Context, at end: List.End) throws(CommandError) {
    guard c.arguments.count == 3 else {
      throw .wrongArity(c.table.names[c.command])
    }
    guard let limit = c.arguments[2].integer, limit >= 0 else { throw .notPositive }
    let key = c.key(1)
    guard let list = try c.listForWriting(key) else { return c.reply.nullArray() }
    guard limit > 0 else { return c.reply.array(0) }
    let count = min(Int(limit), list.count)
    c.reply.array(count)
    take(&c, key, list, count, at: end)
  }

  /// Takes `count` elements of `list` at `end` into the reply; the emptied key goes.
  static func take(_ c: inout Context, _ key: Key, _ list: List, _ count: Int, at end: List.End) {
    for _ in 0..<count {
      c.reply.bulk(list.element(at: end))
      c.endJob(of: list, at: end)
      list.remove(at: end)
    }
    endPop(&c, key, list, at: end)
  }

  /// Says that elements of `list` have gone from `end`; the emptied key goes.
  @inline(__always)
  static func endPop(_ c: inout Context, _ key: Key, _ list: List, at end: List.End) {
    let isEmpty = list.isEmpty
    if isEmpty { c.drop(key) }
    c.modified(key)
    c.notify(.list, end.popEvent, key)
    if isEmpty { c.notify(.generic, "del", key) }
  }
}

extension List.End {
  /// What the events of pushing there and popping from there are called.
  @inline(__always) var pushEvent: StaticString { self == .head ? "lpush" : "rpush" }
  @inline(__always) var popEvent: StaticString { self == .head ? "lpop" : "rpop" }
}
