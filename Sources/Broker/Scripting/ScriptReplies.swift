// ScriptReplies.swift: what a script returns, as the reply to its client.
//
//     number          integer, its fraction cut off        {ok = s}       status
//     string          bulk string                          {err = s}      error
//     true, false     1, null; after setresp(3) booleans   {double = n}   double
//     nil             null                                 {map = t}      map, {set = t} set
//     other tables    array of elements 1 ... up to nil    {big_number = s}, {verbatim_string = t}

import Lua
import RESP

extension ScriptMachine {
  /// How deep what is returned may be nested; one deeper part is an error in its place. With a second one
  /// all is an error: a table that has itself as two elements would have 2^1000 such parts.
  private static let depthMax = 1000

  /// Writes `value`, which a script has returned, as a reply.
  func reply(with value: Value, _ c: inout Context) {
    let errors = c.statistics.errorReplies, start = c.reply.count
    partsTooDeep = 0
    write(value, depth: 0, &c)
    if partsTooDeep > 1 {
      c.reply.bytes.truncate(to: start)
      c.replyError(CommandError("ERR reached lua stack limit"))
    }
    if c.statistics.errorReplies > errors { c.statistics.perCommand[c.command].failed += 1 }
  }

  private func write(_ value: Value, depth: Int, _ c: inout Context) {
    guard partsTooDeep <= 1 else { return }
    guard depth < Self.depthMax else {
      partsTooDeep += 1
      if partsTooDeep == 1 { c.replyError(CommandError("ERR reached lua stack limit")) }
      return
    }
    // What refers to itself twice would grow beyond all bounds.
    guard c.reply.count <= c.reply.sizeMax else {
      c.reply.isOverfull = true
      return
    }
    if value.isNumber { return c.reply.integer(Self.integer(value.number)) }
    if value.isString { return value.string.withView { c.reply.bulk($0) } }
    if value.isTable { return write(value.table, depth: depth + 1, &c) }
    guard value.isBoolean else { return c.reply.null() }
    if run.version >= 3 {
      c.reply.boolean(value.isTruthy)
    } else if value.isTruthy {
      c.reply.integer(1)
    } else {
      c.reply.null()
    }
  }

  /// The number without its fraction; what is out of range is the least integer, as C has it.
  private static func integer(_ number: Double) -> Int {
    number > -9.2233720368547758e18 && number < 9.2233720368547758e18 ? Int(number) : Int.min
  }

  private func write(_ table: Table, depth: Int, _ c: inout Context) {
    if lua.get(table, "err").isString { return write(error: table, &c) }
    if case let text = lua.get(table, "ok"), text.isString {
      return text.string.withView { c.reply.status($0) }
    }
    if case let number = lua.get(table, "double"), number.isNumber {
      return c.reply.score(number.number)
    }
    if case let map = lua.get(table, "map"), map.isTable {
      return write(map: map.table, depth: depth, &c)
    }
    if case let set = lua.get(table, "set"), set.isTable {
      return write(set: set.table, depth: depth, &c)
    }
    if case let digits = lua.get(table, "big_number"), digits.isString {
      // Neither protocol gets to see a line break in it.
      return digits.string.withView { digits in
        let line = digits.array.map { $0 == 0x0D || $0 == 0x0A ? 0x20 : $0 }
        line.withView { c.reply.bigNumber($0) }
      }
    }
    if case let text = lua.get(table, "verbatim_string"), text.isTable,
      case let bytes = lua.get(text.table, "string"), bytes.isString,
      case let format = lua.get(text.table, "format"), format.isString
    {
      return bytes.string.withView { bytes in
        format.string.withView { c.reply.verbatim(bytes, format: $0) }
      }
    }
    var count = 0
    while !lua.get(table, index: count + 1).isNil { count += 1 }
    c.reply.array(count)
    for index in 0..<count { write(lua.get(table, index: index + 1), depth: depth, &c) }
  }

  private func write(error table: Table, _ c: inout Context) {
    let details = ErrorDetails(table, lua)
    let error = CommandError(message: details.message)
    if details.isCounted {
      // By the command that failed; this one has failed as well.
      c.statistics.perCommand[c.command].failed += 1
      error.message.withView { c.reply.error($0) }
    } else {
      c.replyError(error)
    }
  }

  private func write(map: Table, depth: Int, _ c: inout Context) {
    c.reply.map(countEntries(map))
    var last = Value.nil
    while let entry = lua.next(map, after: last) {
      write(entry.key, depth: depth, &c)
      write(entry.value, depth: depth, &c)
      last = entry.key
    }
  }

  private func write(set: Table, depth: Int, _ c: inout Context) {
    c.reply.set(countEntries(set))
    var last = Value.nil
    while let entry = lua.next(set, after: last) {
      write(entry.key, depth: depth, &c)
      last = entry.key
    }
  }

  private func countEntries(_ table: Table) -> Int {
    var count = 0, last = Value.nil
    while let entry = lua.next(table, after: last) {
      count += 1
      last = entry.key
    }
    return count
  }
}
