// ScriptCommands.swift: EVAL and its kin, and SCRIPT.

import Lua
import RESP

enum ScriptCommands {
  private static let flags: CommandFlags = [
    .noScript, .stale, .skipMonitor, .noMandatoryKeys, .movableKeys, .scripted,
  ]

  private static func evaluation(
    _ name: StaticString, since: StaticString, _ summary: StaticString, readOnly: Bool,
    _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(3), flags: flags.union(readOnly ? .readOnly : .likeWrite),
      keys: [.counted(2, readOnly ? [.read] : [.read, .update])],
      group: .scripting, since: since, summary: summary,
      complexity: "Depends on the script", body: body)
  }

  static let evaluating: [Command] = [
    evaluation("EVAL", since: "2.6.0", "Runs a script.", readOnly: false) {
      (c: inout Context) throws(CommandError) in try eval(&c, mayWrite: true)
    },
    evaluation("EVALSHA", since: "2.6.0", "Runs a script by its hash.", readOnly: false) {
      (c: inout Context) throws(CommandError) in try evalHash(&c, mayWrite: true)
    },
    evaluation("EVAL_RO", since: "7.0.0", "Runs a script that only reads.", readOnly: true) {
      (c: inout Context) throws(CommandError) in try eval(&c, mayWrite: false)
    },
    evaluation(
      "EVALSHA_RO", since: "7.0.0", "Runs a script that only reads by its hash.", readOnly: true
    ) {
      (c: inout Context) throws(CommandError) in try evalHash(&c, mayWrite: false)
    },
  ]

  static let managing: [Command] = [
    Command(
      "SCRIPT", arity: .atLeast(2), flags: [], group: .scripting, since: "2.6.0",
      summary: "Commands about scripts.", complexity: "Depends on the subcommand",
      subcommands: [
        Command(
          "EXISTS", arity: .atLeast(3), flags: [.noScript], group: .scripting, since: "2.6.0",
          summary: "Tells of each hash whether a script has it.",
          complexity: "O(N), N hashes", syntax: "<sha1> [<sha1> ...]", body: exists),
        Command(
          "FLUSH", arity: .atLeast(2), flags: [.noScript], group: .scripting, since: "2.6.0",
          summary: "Forgets all scripts.", complexity: "O(N), N bytes that scripts hold",
          syntax: "[ASYNC|SYNC]", body: flush),
        Command(
          "KILL", arity: .exactly(2), flags: [.noScript, .allowBusy], group: .scripting,
          since: "2.6.0", summary: "Ends the script that runs, if it has not written.",
          complexity: "O(1)"
        ) { (c: inout Context) throws(CommandError) in try kill(&c, isFunction: false) },
        Command(
          "LOAD", arity: .exactly(3), flags: [.noScript, .stale], group: .scripting,
          since: "2.6.0", summary: "Takes a script without running it.",
          complexity: "O(N), N bytes of the script", syntax: "<script>", body: load),
        Help.command(group: .scripting, since: "5.0.0"),
      ], body: Help.container)
  ]

  // MARK: EVAL

  /// `EVAL script count [key ...] [argument ...]` → what the script returns.
  private static func eval(_ c: inout Context, mayWrite: Bool) throws(CommandError) {
    c.showToMonitors()
    let count = try keyCount(c)
    let script = try c.scripting.script(of: c.arguments[1], staying: false, c)
    try run(script, keyCount: count, mayWrite: mayWrite, &c)
  }

  /// `EVALSHA sha1 count [key ...] [argument ...]` → what the script returns.
  private static func evalHash(_ c: inout Context, mayWrite: Bool) throws(CommandError) {
    c.showToMonitors()
    let count = try keyCount(c)
    guard let hash = SHA1(hex: c.arguments[1]), let script = c.scripting.script(hash) else {
      throw CommandError("NOSCRIPT No matching script. Please use EVAL.")
    }
    try run(script, keyCount: count, mayWrite: mayWrite, &c)
  }

  /// How many of the words behind the third are keys.
  static func keyCount(_ c: borrowing Context) throws(CommandError) -> Int {
    guard let count = c.arguments[2].integer else { throw .notAnInteger }
    guard count <= c.arguments.count - 3 else {
      throw CommandError("ERR Number of keys can't be greater than number of args")
    }
    guard count >= 0 else { throw CommandError("ERR Number of keys can't be negative") }
    return Int(count)
  }

  private static func run(
    _ script: Script, keyCount: Int, mayWrite: Bool, _ c: inout Context
  ) throws(CommandError) {
    let machine = c.scripting.evaluationMachine(c)
    let lua = machine.lua
    let run = try ScriptRun(
      .script(script.hash), flags: script.flags, mayWrite: mayWrite, &c)
    lua.set(lua.globals, "KEYS", machine.table(of: c.arguments, 3..<3 + keyCount))
    lua.set(lua.globals, "ARGV", machine.table(of: c.arguments, 3 + keyCount..<c.arguments.count))
    try machine.execute(script.function, as: run, &c)
  }

  // MARK: SCRIPT

  /// `SCRIPT LOAD script` → its hash.
  private static func load(_ c: inout Context) throws(CommandError) {
    let script = try c.scripting.script(of: c.arguments[2], staying: true, c)
    c.reply.bulk(script.hash.hex)
  }

  /// `SCRIPT KILL`, `FUNCTION KILL` → OK: what runs ends at once.
  static func kill(_ c: inout Context, isFunction: Bool) throws(CommandError) {
    guard let busy = c.busy else {
      throw CommandError("NOTBUSY No scripts in execution right now.")
    }
    guard !busy.hasWritten else {
      throw CommandError(
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can "
          + "either wait the script termination or kill the server in a hard way using the "
          + "SHUTDOWN NOSAVE command.")
    }
    guard busy.isFunction == isFunction else { throw busy.error }
    c.busy?.isKilled = true
    c.reply.ok()
  }

  /// `SCRIPT EXISTS sha1 [sha1 ...]` → for each 1 or 0.
  private static func exists(_ c: inout Context) throws(CommandError) {
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      let isKnown = SHA1(hex: c.arguments[index]).map(c.scripting.isKnown) ?? false
      c.reply.integer(isKnown ? 1 : 0)
    }
  }

  /// `SCRIPT FLUSH [ASYNC|SYNC]` → OK.
  private static func flush(_ c: inout Context) throws(CommandError) {
    let isKnown =
      c.arguments.count == 2
      || c.arguments.count == 3
        && (c.arguments[2].matches("sync") || c.arguments[2].matches("async"))
    guard isKnown else {
      throw CommandError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
    }
    c.scripting.forgetAll()
    c.reply.ok()
  }
}

extension ScriptRun {
  /// A run of a script or a function with `flags`, if it may begin.
  ///
  /// - Parameter flags: nil for a script that says nothing of itself: it is stopped only when it
  ///   first does what may not be done now.
  init(
    _ origin: Origin, flags: ScriptFlags?, mayWrite: Bool, _ c: inout Context
  ) throws(CommandError) {
    self.origin = origin
    self.mayWrite = mayWrite && flags?.contains(.noWrites) != true
    needsNoRoom = flags?.contains(.allowOOM) == true
    beganFull = c.isMemoryFull
    guard let flags else { return }
    if !flags.contains(.noWrites) {
      guard mayWrite else {
        throw CommandError("ERR Can not execute a script with write flag using *_ro command.")
      }
      if c.settings.replicaCountMin > 0 { throw .noReplicas }
    }
    if !flags.needsNoRoom, let refusal = c.growthRefusal { throw refusal }
  }
}

extension ScriptMachine {
  /// The words of `range` as a table.
  func table(of words: Arguments, _ range: Range<Int>) -> Value {
    let table = lua.table(elements: range.count)
    for (index, word) in range.enumerated() {
      lua.set(table, index: index + 1, lua.string(words[word]))
    }
    return Value(table)
  }
}

extension Context {
  /// Shows the command to who monitors now: what it calls comes after it.
  mutating func showToMonitors() {
    if !monitors.isEmpty { feedMonitors([]) }
  }
}
