// FunctionCommands.swift: FCALL, and FUNCTION: what libraries there are.

import Lua
import RESP

enum FunctionCommands {
  private static func call(
    _ name: StaticString, _ summary: StaticString, readOnly: Bool
  ) -> Command {
    Command(
      name, arity: .atLeast(3),
      flags: [
        .noScript, .stale, .skipMonitor, .noMandatoryKeys, .movableKeys, .scripted,
        readOnly ? .readOnly : .likeWrite,
      ],
      keys: [.counted(2, readOnly ? [.read] : [.read, .update])], group: .scripting,
      since: "7.0.0", summary: summary, complexity: "Depends on the function"
    ) { (c: inout Context) throws(CommandError) in try fcall(&c, mayWrite: !readOnly) }
  }

  private static func sub(
    _ name: StaticString, _ arity: Arity, flags: CommandFlags = [], syntax: StaticString = "",
    _ summary: StaticString, complexity: StaticString, _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: flags.union(.noScript), group: .scripting, since: "7.0.0",
      summary: summary, complexity: complexity, syntax: syntax, body: body)
  }

  static let commands: [Command] = [
    call("FCALL", "Runs a function of a library.", readOnly: false),
    call("FCALL_RO", "Runs a function that only reads.", readOnly: true),
    Command(
      "FUNCTION", arity: .atLeast(2), flags: [], group: .scripting, since: "7.0.0",
      summary: "Commands about libraries of functions.", complexity: "Depends on the subcommand",
      subcommands: [
        sub(
          "DELETE", .exactly(3), flags: .write, syntax: "<library-name>", "Forgets a library.",
          complexity: "O(N), N functions", delete),
        sub(
          "DUMP", .exactly(2), "Shows all libraries as bytes for RESTORE.",
          complexity: "O(N), N bytes of the libraries", dump),
        sub(
          "FLUSH", .atLeast(2), flags: .write, syntax: "[ASYNC|SYNC]", "Forgets all libraries.",
          complexity: "O(N), N bytes that they hold", flush),
        sub(
          "KILL", .exactly(2), flags: .allowBusy,
          "Ends the function that runs, if it has not written.", complexity: "O(1)"
        ) { (c: inout Context) throws(CommandError) in
          try ScriptCommands.kill(&c, isFunction: true)
        },
        sub(
          "LIST", .atLeast(2), syntax: "[LIBRARYNAME <pattern>] [WITHCODE]",
          "Shows the libraries with their functions.", complexity: "O(N), N functions", list),
        sub(
          "LOAD", .atLeast(3), flags: [.write, .denyOOM], syntax: "[REPLACE] <function-code>",
          "Takes a library.", complexity: "O(N), N bytes of the library", load),
        sub(
          "RESTORE", .atLeast(3), flags: [.write, .denyOOM],
          syntax: "<serialized-value> [FLUSH|APPEND|REPLACE]",
          "Takes libraries from what DUMP gave.", complexity: "O(N), N bytes of the libraries",
          restore),
        sub(
          "STATS", .exactly(2), flags: .allowBusy, "Tells what runs, and what there is.",
          complexity: "O(1)", stats),
        Help.command(group: .scripting, since: "7.0.0"),
      ], body: Help.container),
  ]

  // MARK: FCALL

  /// `FCALL function count [key ...] [argument ...]` → what the function returns.
  private static func fcall(_ c: inout Context, mayWrite: Bool) throws(CommandError) {
    c.showToMonitors()
    let scripting = c.scripting
    guard let function = scripting.libraries.function(c.arguments[1]) else {
      throw CommandError("ERR Function not found")
    }
    guard c.arguments[2].integer != nil else {
      throw CommandError("ERR Bad number of keys provided")
    }
    let count = try ScriptCommands.keyCount(c)
    let machine = scripting.functionMachine(c).machine
    let run = try ScriptRun(
      .function(function.name), flags: function.flags, mayWrite: mayWrite, &c)
    let keys = machine.table(of: c.arguments, 3..<3 + count)
    let arguments = machine.table(of: c.arguments, 3 + count..<c.arguments.count)
    try machine.execute(function.callback, [keys, arguments], as: run, &c)
  }

  // MARK: Changing libraries

  /// `FUNCTION LOAD [REPLACE] code` → the library's name.
  private static func load(_ c: inout Context) throws(CommandError) {
    let last = c.arguments.count - 1
    var replaces = false
    for index in 2..<last {
      guard c.arguments[index].matches("replace") else {
        throw CommandError("ERR Unknown option given: ", c.arguments[index], "")
      }
      replaces = true
    }
    let name = try c.scripting.load(c.arguments[last], replacing: replaces, c)
    c.librariesChanged()
    c.reply.bulk(name)
  }

  /// `FUNCTION DELETE name` → OK.
  private static func delete(_ c: inout Context) throws(CommandError) {
    guard c.scripting.removeLibrary(c.arguments[2].array) else {
      throw CommandError("ERR Library not found")
    }
    c.librariesChanged()
    c.reply.ok()
  }

  /// `FUNCTION FLUSH [ASYNC|SYNC]` → OK.
  private static func flush(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .wrongSubcommand(c) }
    let isKnown =
      c.arguments.count == 2
      || c.arguments.count == 3
        && (c.arguments[2].matches("sync") || c.arguments[2].matches("async"))
    guard isKnown else {
      throw CommandError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
    }
    c.scripting.removeLibraries()
    c.librariesChanged()
    c.reply.ok()
  }

  /// `FUNCTION RESTORE bytes [FLUSH|APPEND|REPLACE]` → OK. All of the libraries are taken, or none.
  private static func restore(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 4 else { throw .wrongSubcommand(c) }
    var policy = FunctionDump.Policy.append
    if c.arguments.count == 4 {
      guard let given = FunctionDump.Policy(c.arguments[3]) else {
        throw CommandError(
          "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
      }
      policy = given
    }
    try c.scripting.restore(FunctionDump.libraries(in: c.arguments[2]), policy, c)
    c.librariesChanged()
    c.reply.ok()
  }

  // MARK: Looking

  /// `FUNCTION DUMP` → bytes.
  private static func dump(_ c: inout Context) throws(CommandError) {
    c.seeEverything()
    var output = RDBOutput()
    for library in c.scripting.libraries.sorted {
      library.code.withView { FunctionDump.append($0, to: &output) }
    }
    output.endDump()
    c.reply.bulk(output.bytes.view)
  }

  /// `FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]` → a map for each library.
  private static func list(_ c: inout Context) throws(CommandError) {
    var pattern: ByteView?, withCode = false, index = 2
    while index < c.arguments.count {
      let word = c.arguments[index]
      if !withCode, word.matches("withcode") {
        withCode = true
      } else if pattern == nil, word.matches("libraryname") {
        guard index + 1 < c.arguments.count else {
          throw CommandError("ERR library name argument was not given")
        }
        index += 1
        pattern = c.arguments[index]
      } else {
        throw CommandError("ERR Unknown argument ", word, "")
      }
      index += 1
    }
    c.seeEverything()
    let libraries = c.scripting.libraries.sorted.filter { library in
      guard let pattern else { return true }
      return library.name.withView { Glob.matches(pattern, $0, ignoringCase: true) }
    }
    c.reply.array(libraries.count)
    for library in libraries {
      c.reply.map(withCode ? 4 : 3)
      c.reply.bulk("library_name")
      c.reply.bulk(library.name)
      c.reply.bulk("engine")
      c.reply.bulk("LUA")
      c.reply.bulk("functions")
      c.reply.array(library.functions.count)
      for function in library.functions { describe(&c, function) }
      guard withCode else { continue }
      c.reply.bulk("library_code")
      c.reply.bulk(library.code)
    }
  }

  private static func describe(_ c: inout Context, _ function: ScriptFunction) {
    c.reply.map(3)
    c.reply.bulk("name")
    c.reply.bulk(function.name)
    c.reply.bulk("description")
    if let text = function.description { c.reply.bulk(text) } else { c.reply.null() }
    c.reply.bulk("flags")
    let names = function.flags.names
    c.reply.set(names.count)
    for name in names { c.reply.simple(name) }
  }

  /// `FUNCTION STATS` → a map: what runs, and the counts of what there is.
  private static func stats(_ c: inout Context) throws(CommandError) {
    if let busy = c.busy, !busy.isFunction { throw busy.error }
    let libraries = c.scripting.libraries
    c.reply.map(2)
    c.reply.bulk("running_script")
    if let busy = c.busy {
      c.reply.map(3)
      c.reply.bulk("name")
      c.reply.bulk(busy.name)
      c.reply.bulk("command")
      c.reply.array(busy.request.count)
      for word in busy.request { c.reply.bulk(word) }
      c.reply.bulk("duration_ms")
      c.reply.integer(c.host.now - busy.begin)
    } else {
      c.reply.null()
    }
    c.reply.bulk("engines")
    c.reply.map(1)
    c.reply.bulk("LUA")
    c.reply.map(2)
    c.reply.bulk("libraries_count")
    c.reply.integer(libraries.byName.count)
    c.reply.bulk("functions_count")
    c.reply.integer(libraries.functionCount)
  }
}

extension Context {
  /// Says that libraries are not what they were: it is logged, and replies wait for it.
  fileprivate mutating func librariesChanged() {
    changes += 1
    hold = commit
  }
}
