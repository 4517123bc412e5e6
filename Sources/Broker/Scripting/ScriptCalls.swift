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
  /// Work that a call counts as, in instructions, beside that of its bytes: the budget is looked at after
  /// a thousand of them.
  private static let stepsOfCall = 100
  /// And that of each millisecond which calls took, as it was seen.
  private static let stepsOfMillisecond = Limits.stepsBetweenHooks / 8
  /// Calls between two looks at the clock, where none of them is known to take long.
  static let callsBetweenLooks = 16

  /// `redis.call(command, ...)` and `redis.pcall(command, ...)` → the reply as a value; of an error the one
  /// throws it and the other returns it.
  func command(_ call: Call, raisesErrors: Bool) throws(Failure) -> Int {
    let outcome = try runCommand(call)
    try call.spend(Self.stepsOfCall + outcome.steps)
    if outcome.isError, raisesErrors { throw call.failure(outcome.value) }
    return call.result(outcome.value)
  }

  /// What a call came to.
  private struct Outcome {
    let value: Value
    let isError: Bool
    /// Work that it was, beside what each call is.
    var steps = 0
  }

  /// The time since the last look at the clock, as work. Without it a loop over commands that take long
  /// would keep the server for as long as 1000 of them take.
  private func stepsSinceLook(_ c: borrowing Context) -> Int {
    run.callsLeft = Self.callsBetweenLooks
    let now = c.host.now
    defer { run.lastLook = now }
    guard let last = run.lastLook else {
      if run.begin == nil { run.begin = now }
      return 0
    }
    return Int(now - last) * Self.stepsOfMillisecond
  }

  private func runCommand(_ call: Call) throws(Failure) -> Outcome {
    guard isRunning else {
      return Outcome(
        value: error("ERR redis.call/pcall can only be called inside a script invocation"),
        isError: true)
    }
    if let flaw = takeWords(call) { return Outcome(value: error(flaw), isError: true) }
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
  private func runCommand(_ c: inout Context, _ call: Call) throws(Failure) -> Outcome {
    let index: Int
    do throws(CommandError) { index = try allowedCommand(&c) } catch {
      c.noteError(error)
      return Outcome(
        value: counted(error.message.withView { self.error($0) }), isError: true,
        steps: words.size >> 5)
    }
    let entry = c.table.entries[index]
    if entry.flags.contains(.write) { run.hasWritten = true }
    let start = c.reply.count
    c.reply.version = run.version
    c.statistics.commands += 1
    c.command = index
    var steps = 0
    if entry.isTimed, run.lastLook == nil { steps = stepsSinceLook(c) }
    c.call(index, entry)
    defer { c.reply.bytes.truncate(to: start) }
    let reply = c.reply.bytes.view(at: start, size: c.reply.count - start)
    steps += words.size >> 5 + reply.count >> 4
    run.callsLeft -= 1
    if entry.isTimed || run.callsLeft <= 0 { steps += stepsSinceLook(c) }
    var reader = ReplyReader(reply)
    return Outcome(
      value: try value(&reader, call), isError: reply[0] == UInt8(ascii: "-"), steps: steps)
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
    guard c.effects.bytes.count + words.size <= effectsMax else {
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
  ///
  /// - Throws: when there is no room for it. Room is asked for before each part: a reply of few bytes
  ///   may be many values.
  private func value(_ reader: inout ReplyReader, _ call: Call) throws(Failure) -> Value {
    switch reader.next() {
    case .integer(let number): return Value(Double(number))
    case .bulk(let bytes): return try string(bytes, call)
    case .null, nil: return run.version >= 3 ? .nil : .false
    case .array(let count), .push(let count): return try array(count, &reader, call)
    case .simple(let bytes): return try tagged("ok", try string(bytes, call), call)
    case .error(let bytes): return counted(error(bytes))
    case .boolean(let bool): return Value(bool)
    case .double(let text):
      return try tagged("double", Value(foreign: text.double ?? .nan), call)
    case .bigNumber(let digits): return try tagged("big_number", try string(digits, call), call)
    case .verbatim(let bytes):
      let text = try table(entries: 2, call)
      lua.set(text, "string", try string(bytes, call))
      lua.set(text, "format", lua.string("txt"))
      return try tagged("verbatim_string", Value(text), call)
    case .map(let count): return try tagged("map", try map(count, &reader, call), call)
    case .set(let count): return try tagged("set", try set(count, &reader, call), call)
    case .attribute(let count):
      for _ in 0..<2 * count { reader.skip() }
      return try value(&reader, call)
    }
  }

  private func string(_ bytes: ByteView, _ call: Call) throws(Failure) -> Value {
    try call.checkMemory(Interpreter.size(ofString: bytes.count))
    return lua.string(bytes)
  }

  private func table(
    elements: Int = 0, entries: Int = 0, _ call: Call
  ) throws(Failure) -> Table {
    try call.checkMemory(Interpreter.size(ofTable: elements, entries: entries))
    return lua.table(elements: elements, entries: entries)
  }

  private func tagged(
    _ name: StaticString, _ value: Value, _ call: Call
  ) throws(Failure) -> Value {
    let table = try table(entries: 1, call)
    lua.set(table, name, value)
    return Value(table)
  }

  private func array(
    _ count: Int, _ reader: inout ReplyReader, _ call: Call
  ) throws(Failure) -> Value {
    let table = try table(elements: count, call)
    for index in 0..<count { lua.set(table, index: index + 1, try value(&reader, call)) }
    return Value(table)
  }

  private func map(
    _ count: Int, _ reader: inout ReplyReader, _ call: Call
  ) throws(Failure) -> Value {
    let table = try table(entries: count, call)
    for _ in 0..<count {
      let key = try value(&reader, call)
      let value = try value(&reader, call)
      if !key.isNil { lua.set(table, key, value) }
    }
    return Value(table)
  }

  private func set(
    _ count: Int, _ reader: inout ReplyReader, _ call: Call
  ) throws(Failure) -> Value {
    let table = try table(entries: count, call)
    for _ in 0..<count {
      let member = try value(&reader, call)
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
