// ScriptCalls.swift: redis.call and redis.pcall: from arguments to a command, and from its reply to a value.
//
// The command writes its reply behind whatever the caller's output has already, in the encoding of all
// replies; it is read from there and cut off again, so that nothing is sent and nothing else need know
// of scripts. (Building values in the place of bytes would need a second form of every `Reply` method.)

import Lua
import RESP

/// The words of a command that a script calls. Its memory is kept from one call to the next.
@safe
struct CallWords: ~Copyable {
  private var bytes = ByteBuffer()
  private var ranges: [ArgumentRange] = []
  /// Bytes that all words of a command may have.
  static let sizeMax = 1 << 30
  /// More than this is not kept for the next script.
  private static let keptMax = 64 << 10

  mutating func removeAll() {
    bytes.truncate(to: 0)
    ranges.removeAll(keepingCapacity: true)
  }

  @inline(__always)
  mutating func append(_ word: ByteView) {
    ranges.append(ArgumentRange(offset: bytes.count, size: word.count))
    bytes.append(word)
  }

  /// Bytes of all words.
  var size: Int { bytes.count }

  /// Calls `body` with the words; they must not change meanwhile.
  @inline(__always)
  borrowing func withArguments<R>(_ body: (Arguments) -> R) -> R {
    let view = bytes.view
    return unsafe ranges.withUnsafeBufferPointer { unsafe body(Arguments(view, $0)) }
  }

  mutating func shrink() {
    bytes.reset(keeping: Self.keptMax)
    if ranges.capacity > Self.keptMax / 8 { ranges = [] }
  }
}

extension ScriptMachine {
  /// Work that a call counts as, in instructions: the budget is looked at after a thousand of them.
  private static let stepsOfCall = 100

  /// Bytes that may wait for the log before a command of a script: all of a script is one frame.
  private static let effectsMax = 1 << 30

  /// `redis.call(command, ...)` and `redis.pcall(command, ...)` → the reply as a value; of an error the one
  /// throws it and the other returns it.
  func command(_ call: Call, raisesErrors: Bool) throws(Failure) -> Int {
    try call.spend(Self.stepsOfCall)
    let (value, isError) = try runCommand(call)
    if isError, raisesErrors { throw call.failure(value) }
    return call.result(value)
  }

  private func runCommand(_ call: Call) throws(Failure) -> (Value, isError: Bool) {
    guard isRunning else {
      return (
        error("ERR redis.call/pcall can only be called inside a script invocation"), true
      )
    }
    if let flaw = takeWords(call) { return (error(flaw), true) }
    return try withContext { c throws(Failure) in
      let result = words.withArguments { words in
        Result { () throws(Failure) in
          c.arguments = words
          return try runCommand(&c, call)
        }
      }
      return try result.get()
    }
  }

  /// Takes the arguments of a call as words: strings as they are, numbers in digits.
  ///
  /// - Returns: what is wrong with them, if anything.
  func takeWords(_ call: Call) -> StaticString? {
    words.removeAll()
    guard call.count > 0 else {
      return "ERR Please specify at least one argument for this redis lib call"
    }
    for index in 1...call.count {
      let value = call[index]
      if value.isString {
        value.string.withView { words.append($0) }
      } else if value.isNumber {
        value.number.withScoreText { words.append($0) }
      } else {
        return "ERR Lua redis lib command arguments must be strings or integers"
      }
      guard words.size <= CallWords.sizeMax else {
        return "ERR Lua redis lib command arguments are too long"
      }
    }
    return nil
  }

  /// Runs the command in the context's arguments.
  private func runCommand(
    _ c: inout Context, _ call: Call
  ) throws(Failure) -> (Value, isError: Bool) {
    let index: Int
    do throws(CommandError) { index = try allowedCommand(&c) } catch {
      c.noteError(error)
      return (counted(error.message.withView { self.error($0) }), true)
    }
    let entry = c.table.entries[index]
    if entry.flags.contains(.write) { run.hasWritten = true }
    let start = c.reply.count
    c.reply.version = run.version
    c.statistics.commands += 1
    c.command = index
    c.call(index, entry)
    defer { c.reply.bytes.truncate(to: start) }
    let reply = c.reply.bytes.view(at: start, size: c.reply.count - start)
    try call.checkMemory(2 * reply.count)
    var reader = ReplyReader(reply)
    return (value(&reader), reply[0] == UInt8(ascii: "-"))
  }

  /// The index of the command, if a script may call it now.
  private func allowedCommand(_ c: inout Context) throws(CommandError) -> Int {
    guard let index = c.table.index(ofRequest: c.arguments) else {
      throw CommandError("ERR Unknown Redis command called from script")
    }
    let entry = c.table.entries[index]
    do throws(CommandError) {
      try checkCall(&c, index, entry)
      return index
    } catch {
      c.statistics.perCommand[index].rejected += 1
      throw error
    }
  }

  private func checkCall(
    _ c: inout Context, _ index: Int, _ entry: CommandTable.Entry
  ) throws(CommandError) {
    let count = c.arguments.count
    guard entry.arity >= 0 ? count == entry.arity : count >= -entry.arity else {
      throw CommandError("ERR Wrong number of args calling Redis command from script")
    }
    if entry.flags.contains(.noScript) {
      throw CommandError("ERR This Redis command is not allowed from script")
    }
    if c.sessions[c.slot].flags.contains(.restricted), let refusal = c.permissionRefusal(index) {
      throw refusal
    }
    if !run.mayWrite, !entry.flags.isDisjoint(with: [.write, .likeWrite]) {
      throw CommandError("ERR Write commands are not allowed from read-only scripts.")
    }
    guard entry.flags.contains(.write) else { return }
    guard c.effects.bytes.count + words.size <= Self.effectsMax else {
      throw CommandError(
        "ERR the changes of the script are more than one frame of the log can have")
    }
    // Once it has written it is not stopped for want of something: half of its work would be left.
    guard !run.hasWritten else { return }
    if c.settings.replicaCountMin > 0 { throw .noReplicas }
    guard entry.flags.contains(.denyOOM) else { return }
    if run.beganFull, !run.needsNoRoom { throw .outOfMemory }
    if let refusal = c.writesRefused { throw refusal }
  }

  // MARK: Errors as values

  /// The table that stands for an error: `err` is its text.
  func error(_ text: ByteView) -> Value {
    let table = lua.table(entries: 2)
    lua.set(table, "err", lua.string(text))
    return Value(table)
  }

  func error(_ text: StaticString) -> Value { error(ByteView(text)) }

  /// The same error as one that statistics know of.
  private func counted(_ error: Value) -> Value {
    lua.set(error.table, "ignore_error_stats_update", .true)
    return error
  }

  // MARK: Replies as values

  /// The next value of a reply. In RESP2 what is not there is false; what only RESP3 has is a table that
  /// says what it is.
  private func value(_ reader: inout ReplyReader) -> Value {
    switch reader.next() {
    case .integer(let number): return Value(Double(number))
    case .bulk(let bytes): return lua.string(bytes)
    case .null, nil: return run.version >= 3 ? .nil : .false
    case .array(let count), .push(let count): return array(count, &reader)
    case .simple(let bytes): return tagged("ok", lua.string(bytes))
    case .error(let bytes): return counted(error(bytes))
    case .boolean(let bool): return Value(bool)
    case .double(let text):
      return tagged("double", Value(foreign: text.double ?? .nan))
    case .bigNumber(let digits): return tagged("big_number", lua.string(digits))
    case .verbatim(let bytes):
      let text = lua.table(entries: 2)
      lua.set(text, "string", lua.string(bytes))
      lua.set(text, "format", lua.string("txt"))
      return tagged("verbatim_string", Value(text))
    case .map(let count): return tagged("map", map(count, &reader))
    case .set(let count): return tagged("set", set(count, &reader))
    case .attribute(let count):
      for _ in 0..<2 * count { reader.skip() }
      return value(&reader)
    }
  }

  private func tagged(_ name: StaticString, _ value: Value) -> Value {
    let table = lua.table(entries: 1)
    lua.set(table, name, value)
    return Value(table)
  }

  private func array(_ count: Int, _ reader: inout ReplyReader) -> Value {
    let table = lua.table(elements: count)
    for index in 0..<count { lua.set(table, index: index + 1, value(&reader)) }
    return Value(table)
  }

  private func map(_ count: Int, _ reader: inout ReplyReader) -> Value {
    let table = lua.table(entries: count)
    for _ in 0..<count {
      let key = value(&reader)
      let value = value(&reader)
      if !key.isNil { lua.set(table, key, value) }
    }
    return Value(table)
  }

  private func set(_ count: Int, _ reader: inout ReplyReader) -> Value {
    let table = lua.table(entries: count)
    for _ in 0..<count {
      let member = value(&reader)
      if !member.isNil { lua.set(table, member, .true) }
    }
    return Value(table)
  }
}

extension CommandTable {
  /// The command that a request names, which for a container is one of its subcommands.
  func index(ofRequest words: Arguments) -> Int? {
    guard let index = index(of: words[0]) else { return nil }
    guard entries[index].isContainer, words.count > 1 else { return index }
    return subcommand(of: index, words[1])
  }
}
