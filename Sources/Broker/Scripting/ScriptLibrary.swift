// ScriptLibrary.swift: the table `redis` that scripts see.
//
// Scripts have all of it, functions all but `replicate_commands`; while a library is loaded it can register
// functions and write to the log, and nothing else. `redis.call` and `redis.pcall` are in ScriptCalls.swift,
// `redis.register_function` is in FunctionLoading.swift.

import Lua
import RESP

@safe
struct ScriptLibrary {
  enum Kind {
    case scripts, functions, loading
  }

  private let machine: ScriptMachine
  private let lua: Interpreter
  private let table: Table

  /// The table for `kind`; the functions in it go no further than `machine`.
  static func table(_ kind: Kind, _ machine: ScriptMachine) -> Table {
    let library = ScriptLibrary(machine: machine, lua: machine.lua, table: machine.lua.table())
    library.addLog()
    library.addVersion()
    if kind != .loading { library.addCalls() }
    if kind == .scripts {
      // Effects are what is logged, always.
      library.add("replicate_commands") { _, call throws(Failure) in call.result(.true) }
    }
    return library.table
  }

  private func add(
    _ name: StaticString,
    _ body: @escaping (_ machine: ScriptMachine, _ call: Call) throws(Failure) -> Int
  ) {
    let function = lua.function { [unowned machine] call throws(Failure) in
      try body(machine, call)
    }
    lua.set(table, name, function)
  }

  private func add(_ name: StaticString, _ value: Value) { lua.set(table, name, value) }

  private func addLog() {
    for (index, name)
      in (["LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"]
      as [StaticString]).enumerated()
    {
      add(name, Value(index))
    }
    add("log", Self.log)
  }

  private func addVersion() {
    let parts = Version.redis.split(separator: ".").compactMap { Int($0) }
    var version = Version.redis
    add(
      "REDIS_VERSION", version.withUTF8 { unsafe lua.string(ByteView(UnsafeRawBufferPointer($0))) })
    add("REDIS_VERSION_NUM", Value(parts.reduce(0) { $0 << 8 | $1 }))
  }

  private func addCalls() {
    add("call") { machine, call throws(Failure) in
      try machine.command(call, raisesErrors: true)
    }
    add("pcall") { machine, call throws(Failure) in
      try machine.command(call, raisesErrors: false)
    }
    add("error_reply", Self.errorReply)
    add("status_reply", Self.statusReply)
    add("sha1hex", Self.sha1)
    add("setresp", Self.setProtocol)
    add("acl_check_cmd", Self.checkRights)
    let targets: [(name: StaticString, bits: Int)] = [
      ("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3),
    ]
    for target in targets { add(target.name, Value(target.bits)) }
    add("set_repl", Self.setTargets)
  }

  // MARK: The functions

  /// `redis.log(level, text, ...)`
  private static func log(_ machine: ScriptMachine, _ call: Call) throws(Failure) -> Int {
    guard call.count >= 2 else {
      throw machine.failure(call, "ERR redis.log() requires two arguments or more.")
    }
    guard call[1].isNumber else {
      throw machine.failure(call, "ERR First argument must be a number (log level).")
    }
    let levels: [Settings.LogLevel] = [.debug, .verbose, .notice, .warning]
    guard let level = Int(exactly: call[1].number.rounded(.towardZero)),
      levels.indices.contains(level)
    else { throw machine.failure(call, "ERR Invalid debug level.") }
    var words: [String] = []
    for index in 2...call.count where call[index].isString || call[index].isNumber {
      if call[index].isString { try call.spend(call[index].string.withView { $0.count } >> 3) }
      words.append(machine.lua.text(call[index]).string.withView { $0.text })
    }
    machine.host?.log(levels[level], words.joined(separator: " "))
    return 0
  }

  /// `redis.error_reply(text)` → a table whose `err` is the text, with a code before it.
  private static func errorReply(
    _ machine: ScriptMachine, _ call: Call
  ) throws(Failure) -> Int {
    guard call.count == 1, call[1].isString else {
      return call.result(machine.error("ERR wrong number or type of arguments"))
    }
    try call.spend(call[1].string.withView { $0.count } >> 3)
    var text = call[1].string.withView { $0.array }
    if text.first == UInt8(ascii: "-") { text.removeFirst() }
    while let last = text.last, last == 0x0D || last == 0x0A { text.removeLast() }
    if !text.contains(0x20) { text = Array("ERR ".utf8) + text }
    return call.result(text.withView { machine.error($0) })
  }

  /// `redis.status_reply(text)` → a table whose `ok` is the text.
  private static func statusReply(
    _ machine: ScriptMachine, _ call: Call
  ) throws(Failure) -> Int {
    guard call.count == 1, call[1].isString else {
      return call.result(machine.error("ERR wrong number or type of arguments"))
    }
    let table = machine.lua.table(entries: 1)
    machine.lua.set(table, "ok", call[1])
    return call.result(Value(table))
  }

  /// `redis.sha1hex(text)` → 40 digits. What is no text counts as none.
  private static func sha1(_ machine: ScriptMachine, _ call: Call) throws(Failure) -> Int {
    guard call.count == 1 else {
      throw machine.failure(call, "ERR wrong number of arguments")
    }
    let isText = call[1].isString || call[1].isNumber
    if call[1].isString { try call.spend(call[1].string.withView { $0.count } >> 3) }
    let hash =
      isText
      ? machine.lua.text(call[1]).string.withView { SHA1($0) } : SHA1(ByteView())
    return call.result(hash.hex.withView { machine.lua.string($0) })
  }

  /// `redis.setresp(version)`: by which protocol replies are turned into values from now on.
  private static func setProtocol(
    _ machine: ScriptMachine, _ call: Call
  ) throws(Failure) -> Int {
    guard call.count == 1 else {
      throw machine.failure(call, "ERR redis.setresp() requires one argument.")
    }
    let version = call[1].isNumber ? call[1].number : 0
    guard version == 2 || version == 3 else {
      throw machine.failure(call, "ERR RESP version must be 2 or 3.")
    }
    machine.run.version = Int(version)
    return 0
  }

  /// `redis.set_repl(targets)` is checked and has no effect: everything that changes is logged.
  private static func setTargets(
    _ machine: ScriptMachine, _ call: Call
  ) throws(Failure) -> Int {
    guard call.count == 1 else {
      throw machine.failure(call, "ERR redis.set_repl() requires two arguments.")
    }
    let targets = call[1].isNumber ? call[1].number.rounded(.towardZero) : 0
    guard (0...3).contains(targets) else {
      throw machine.failure(
        call,
        "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
    }
    return 0
  }

  /// `redis.acl_check_cmd(command, ...)` → whether the user who runs the script may run it.
  private static func checkRights(
    _ machine: ScriptMachine, _ call: Call
  ) throws(Failure) -> Int {
    if let flaw = machine.takeWords(call) { throw machine.failure(call, flaw) }
    try call.spend(machine.words.size >> 5)
    let isAllowed: Bool? = try machine.withContext { c throws(Failure) in
      machine.words.withArguments { words in
        guard let index = c.table.index(ofRequest: words),
          c.table.commands[index].arity.allows(words.count)
        else { return nil }
        return c.denial(of: c.sessions[c.slot].user, index, words) == nil
      }
    }
    guard let isAllowed else {
      throw machine.failure(call, "ERR Invalid command passed to redis.acl_check_cmd()")
    }
    return call.result(Value(isAllowed))
  }
}

extension ScriptMachine {
  /// The failure with an error's table.
  func failure(_ call: Call, _ text: StaticString) -> Failure { call.failure(error(text)) }
}
