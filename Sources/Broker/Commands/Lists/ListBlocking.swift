// ListBlocking.swift: popping and moving, and waiting until there is something to pop or move.
//
// A command that finds nothing leaves a Wait behind (`Context.block`); `serve` finishes it when a key
// becomes ready. What is logged is the plain form: LPOP, RPOP, LMOVE.

import RESP

extension Lists {
  static let blocking: [Command] = [
    Command(
      "LMOVE", arity: .exactly(5), flags: [.write, .denyOOM],
      keys: [.one(1, [.read, .delete]), .one(2, [.insert])], group: .list, since: "6.2.0",
      summary: "Moves an element from an end of one list to an end of another.",
      complexity: "O(1)", body: lmove),
    Command(
      "RPOPLPUSH", arity: .exactly(3), flags: [.write, .denyOOM],
      keys: [.one(1, [.read, .delete]), .one(2, [.insert])], group: .list, since: "1.2.0",
      summary: "Moves the last element of a list to the front of another.",
      complexity: "O(1)", body: rpoplpush),
    Command(
      "LMPOP", arity: .atLeast(4), flags: [.write, .movableKeys],
      keys: [.counted(1, [.read, .delete])], group: .list, since: "7.0.0",
      summary: "Takes elements of the first list that has any.",
      complexity: "O(N+M), N keys given, M elements returned", body: lmpop),
    Command(
      "BLPOP", arity: .atLeast(3), flags: [.write, .noScript, .blocking],
      keys: [.range(1, -2, [.read, .delete])], group: .list, since: "2.0.0",
      summary: "Takes the first element of the first list that has any, or waits for one.",
      complexity: "O(N), N keys given", body: blpop),
    Command(
      "BRPOP", arity: .atLeast(3), flags: [.write, .noScript, .blocking],
      keys: [.range(1, -2, [.read, .delete])], group: .list, since: "2.0.0",
      summary: "Takes the last element of the first list that has any, or waits for one.",
      complexity: "O(N), N keys given", body: brpop),
    Command(
      "BLMOVE", arity: .exactly(6), flags: [.write, .denyOOM, .noScript, .blocking],
      keys: [.one(1, [.read, .delete]), .one(2, [.insert])], group: .list, since: "6.2.0",
      summary: "Moves an element between lists, or waits for one to move.",
      complexity: "O(1)", body: blmove),
    Command(
      "BRPOPLPUSH", arity: .exactly(4), flags: [.write, .denyOOM, .noScript, .blocking],
      keys: [.one(1, [.read, .delete]), .one(2, [.insert])], group: .list, since: "2.2.0",
      summary: "Moves the last element of a list to the front of another, or waits for one.",
      complexity: "O(1)", body: brpoplpush),
    Command(
      "BLMPOP", arity: .atLeast(5), flags: [.write, .blocking, .movableKeys],
      keys: [.counted(2, [.read, .delete])], group: .list, since: "7.0.0",
      summary: "Takes elements of the first list that has any, or waits for one.",
      complexity: "O(N+M), N keys given, M elements returned", body: blmpop),
  ]

  // MARK: Moving

  /// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT` → the element, or null.
  static func lmove(_ c: inout Context) throws(CommandError) {
    let from = try end(c.arguments[3])
    let to = try end(c.arguments[4])
    if try !move(&c, from: from, to: to) { c.reply.null() }
  }

  /// `RPOPLPUSH source destination` → the element, or null.
  static func rpoplpush(_ c: inout Context) throws(CommandError) {
    if try !move(&c, from: .tail, to: .head) { c.reply.null() }
  }

  /// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout` → the element, or null.
  static func blmove(_ c: inout Context) throws(CommandError) {
    let from = try end(c.arguments[3])
    let to = try end(c.arguments[4])
    try moveOrWait(&c, from: from, to: to, timeout: c.arguments[5])
  }

  /// `BRPOPLPUSH source destination timeout` → the element, or null.
  static func brpoplpush(_ c: inout Context) throws(CommandError) {
    try moveOrWait(&c, from: .tail, to: .head, timeout: c.arguments[3])
  }

  private static func moveOrWait(
    _ c: inout Context, from: List.End, to: List.End, timeout: ByteView
  ) throws(CommandError) {
    let deadline = try c.blockingDeadline(timeout)
    if try move(&c, from: from, to: to) { return }
    guard !c.isInExec else { return c.reply.null() }
    c.block(
      .move(destination: c.arguments[2].array, from: from, to: to),
      keys: [StoredKey(c.database, c.arguments[1])], deadline: deadline)
  }

  private static func end(_ word: ByteView) throws(CommandError) -> List.End {
    if word.matches("left") { return .head }
    if word.matches("right") { return .tail }
    throw .syntax
  }

  /// Moves an element from the list of word 1 to that of word 2 and replies with it.
  ///
  /// - Returns: false when there is nothing to move; nothing has been replied then.
  private static func move(_ c: inout Context, from: List.End, to: List.End) throws(CommandError)
    -> Bool
  {
    let source = c.key(1), destination = c.key(2)
    guard try c.listForWriting(source) != nil else {
      // The wrong type of a destination shows only when there is something to move.
      return false
    }
    _ = try c.listForWriting(destination)
    guard let element = moveElement(&c, source, destination, from: from, to: to) else {
      return false
    }
    c.reply.bulk(element)
    return true
  }

  /// Moves one element between lists of the right type and logs it as LMOVE.
  ///
  /// - Returns: the element, or nil when there is none.
  private static func moveElement(
    _ c: inout Context, _ source: Key, _ destination: Key, from: List.End, to: List.End
  ) -> [UInt8]? {
    guard let list = c.findForWriting(source)?.unsharedList else { return nil }
    let element = list.element(at: from).array
    let job = c.job(of: list, at: from)
    list.remove(at: from)
    let isSame = destination.bytes == source.bytes
    let isEmptied = list.isEmpty && !isSame
    // A list that is turned on itself stays the key it is, with its deadline.
    let target =
      isSame ? list : c.findForWriting(destination)?.unsharedList ?? c.makeList(destination)
    unsafe element.withUnsafeBytes {
      unsafe target.push(
        ByteView($0), mark: job?.number ?? 0, rank: job?.priority ?? 0, at: to)
    }
    if let job { c.move(job, to: target, destination, at: to) }
    if isEmptied { c.drop(source) }
    c.modified(source)
    if !isSame { c.modified(destination) }
    c.notify(.list, to.pushEvent, destination)
    c.notify(.list, from.popEvent, source)
    if isEmptied { c.notify(.generic, "del", source) }
    c.signalReady(destination)
    c.hasPropagated = true
    c.effects.command(words: 5, in: c.database) { writer in
      writer.word("LMOVE")
      writer.word(source.bytes)
      writer.word(destination.bytes)
      writer.word(from == .head ? "LEFT" : "RIGHT")
      writer.word(to == .head ? "LEFT" : "RIGHT")
    }
    return element
  }

  // MARK: Popping from the first that has any

  /// `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]` → [key, [element ...]], or null.
  static func lmpop(_ c: inout Context) throws(CommandError) {
    let request = try popManyRequest(c, countAt: 1)
    if try popMany(&c, request) { return }
    c.reply.nullArray()
  }

  /// `BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]` → [key, [element ...]], or null.
  static func blmpop(_ c: inout Context) throws(CommandError) {
    let request = try popManyRequest(c, countAt: 2)
    let deadline = try c.blockingDeadline(c.arguments[1])
    if try popMany(&c, request) { return }
    guard !c.isInExec else { return c.reply.nullArray() }
    c.block(
      .popMany(end: request.end, count: request.limit),
      keys: request.keys.map { StoredKey(c.database, c.arguments[$0]) }, deadline: deadline)
  }

  private struct PopMany {
    let keys: Range<Int>
    let end: List.End
    let limit: Int
  }

  private static func popManyRequest(_ c: borrowing Context, countAt index: Int)
    throws(CommandError)
    -> PopMany
  {
    guard let number = c.arguments[index].integer, number > 0 else {
      throw CommandError("ERR numkeys should be greater than 0")
    }
    guard number < c.arguments.count - index - 1 else { throw .syntax }
    let end = index + 1 + Int(number)
    let side = try self.end(c.arguments[end])
    var limit: Int?
    var option = end + 1
    while option < c.arguments.count {
      guard limit == nil, c.arguments[option].matches("count"), option + 1 < c.arguments.count
      else {
        throw .syntax
      }
      guard let value = c.arguments[option + 1].integer, value > 0 else {
        throw CommandError("ERR count should be greater than 0")
      }
      limit = Int(value)
      option += 2
    }
    return PopMany(keys: index + 1..<end, end: side, limit: limit ?? 1)
  }

  private static func popMany(_ c: inout Context, _ request: PopMany) throws(CommandError) -> Bool {
    for index in request.keys {
      let key = c.key(index)
      guard let list = try c.listForWriting(key) else { continue }
      popMany(&c, key, list, end: request.end, limit: request.limit)
      return true
    }
    return false
  }

  private static func popMany(
    _ c: inout Context, _ key: Key, _ list: List, end: List.End, limit: Int
  ) {
    let count = min(limit, list.count)
    c.reply.array(2)
    c.reply.bulk(key.bytes)
    c.reply.array(count)
    take(&c, key, list, count, at: end)
    c.propagate(end == .head ? "LPOP" : "RPOP", key.bytes, integer: Int64(count))
  }

  /// `BLPOP key [key ...] timeout` → [key, element], or null.
  static func blpop(_ c: inout Context) throws(CommandError) { try popOrWait(&c, at: .head) }

  /// `BRPOP key [key ...] timeout` → [key, element], or null.
  static func brpop(_ c: inout Context) throws(CommandError) { try popOrWait(&c, at: .tail) }

  private static func popOrWait(_ c: inout Context, at end: List.End) throws(CommandError) {
    let last = c.arguments.count - 1
    let deadline = try c.blockingDeadline(c.arguments[last])
    for index in 1..<last {
      let key = c.key(index)
      guard let list = try c.listForWriting(key) else { continue }
      popPair(&c, key, list, at: end)
      return
    }
    guard !c.isInExec else { return c.reply.nullArray() }
    c.block(
      .pop(end: end), keys: (1..<last).map { StoredKey(c.database, c.arguments[$0]) },
      deadline: deadline)
  }

  private static func popPair(_ c: inout Context, _ key: Key, _ list: List, at end: List.End) {
    c.reply.array(2)
    c.reply.bulk(key.bytes)
    c.reply.bulk(list.element(at: end))
    c.endJob(of: list, at: end)
    list.remove(at: end)
    endPop(&c, key, list, at: end)
    c.propagate(end == .head ? "LPOP" : "RPOP", key.bytes)
  }

  // MARK: Serving who waits

  /// Gives the waiter whose output is in `c.reply` what it waits for, if the list of `key` has any.
  ///
  /// - Returns: whether the wait is over.
  static func serve(_ wait: Wait, _ c: inout Context, _ key: Key) -> Bool {
    guard let entry = c.findForWriting(key), entry.kind == .list else { return false }
    let list = entry.unsharedList
    switch wait.kind {
    case .pop(let end):
      popPair(&c, key, list, at: end)
    case .popMany(let end, let limit):
      popMany(&c, key, list, end: end, limit: limit)
    case .move(let destination, let from, let to):
      return unsafe destination.withUnsafeBytes { bytes in
        let target = unsafe c.key(ByteView(bytes))
        if let entry = c.findForWriting(target), entry.kind != .list {
          c.failWaiting(.wrongType)
          return true
        }
        guard let element = moveElement(&c, key, target, from: from, to: to) else { return false }
        c.reply.bulk(element)
        return true
      }
    default: return false
    }
    return true
  }
}
