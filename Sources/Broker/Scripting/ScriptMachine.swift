// ScriptMachine.swift: an interpreter that runs scripts on the keyspace.
//
// There are two of them, one for scripts and one for functions (Scripting.swift), each made when it is
// first needed. A run has the context of the command that began it: what a script calls goes the way
// of all commands (ScriptCalls.swift).

import Lua
import RESP

/// What is known of the run under way.
struct ScriptRun {
  enum Origin {
    case script(SHA1)
    case function([UInt8])
  }
  var origin = Origin.function([])
  var mayWrite = true
  var needsNoRoom = false
  /// Whether memory was full when it began.
  var beganFull = false
  /// It has called a command that writes: from then on it is not stopped in the middle.
  var hasWritten = false
  /// When the clock was first looked at, and when last, by `Host.now`.
  var begin: Int64?
  var lastLook: Int64?
  /// Calls of commands until it is looked at again.
  var callsLeft = ScriptMachine.callsBetweenLooks
  /// Where it was when it was ended.
  var lastLine = 0
  /// The protocol that replies are turned into values by: 2, or 3 after `redis.setresp(3)`.
  var version = 2

  var isFunction: Bool {
    switch origin {
    case .script: false
    case .function: true
    }
  }

  /// The hash of the script or the name of the function, for messages.
  var name: [UInt8] {
    switch origin {
    case .script(let hash): hash.hex
    case .function(let name): name
    }
  }
}

@safe
final class ScriptMachine {
  /// Bytes that all scripts together may use, code and values; beyond them they fail.
  static let memoryMax = 1 << 30

  let lua = Interpreter(memoryMax: memoryMax)
  var run = ScriptRun()
  /// Bytes that may wait for the log before a command of a script: all of a script is one frame.
  var effectsMax = 1 << 30
  /// How many parts of what the script returned are nested too deeply for a reply.
  var partsTooDeep = 0
  /// The command that the script is calling.
  var words = CallWords()
  /// Puts a position to errors; see `makeHandler`.
  private(set) var handler = Value.nil
  /// Leads to the caller's context while a script runs.
  private var door: UnsafeMutablePointer<Context>?
  /// The words of the command that began the run.
  private var request: [[UInt8]] {
    (0..<(caller?.count ?? 0)).compactMap { caller?[$0].array }
  }
  private var caller: Arguments?
  private(set) weak var host: (any Host)?

  init(host: any Host) {
    unsafe door = nil
    self.host = host
    handler = makeHandler()
    lua.pin(handler)
    lua.hook = { [unowned self] in mayGoOn() }
  }

  /// Adds the table `redis`, and protects it with all other globals.
  func addLibrary(for kind: ScriptLibrary.Kind) {
    lua.set(lua.globals, "redis", Value(ScriptLibrary.table(kind, self)))
    lua.protectGlobals()
  }

  /// Whether a script runs: there is a context then.
  var isRunning: Bool { unsafe door != nil }

  /// Calls `body` with the context of the command that began the run. Until it returns nobody else has it:
  /// the budget is not looked at meanwhile.
  @inline(__always)
  func withContext<R>(_ body: (inout Context) throws(Failure) -> R) throws(Failure) -> R {
    guard let context = unsafe door else { preconditionFailure("no script runs") }
    unsafe door = nil
    defer { unsafe door = context }
    return try unsafe body(&context.pointee)
  }

  /// Runs `function` in the name of the command being run, and replies with what it returns.
  ///
  /// What the script changed before it failed stays. Each of its commands has logged itself.
  func execute(
    _ function: Value, _ arguments: [Value] = [], as run: ScriptRun, _ c: inout Context
  ) throws(CommandError) {
    let request = c.arguments, command = c.command, database = c.database
    let version = c.reply.version, wasInExec = c.isInExec
    let effects = c.effects.mark
    self.run = run
    caller = request
    defer { caller = nil }
    c.request = nil
    c.isInExec = true
    c.isInScript = true
    c.reply.version = 2
    let result = unsafe withUnsafeMutablePointer(to: &c) { context in
      unsafe door = context
      defer { unsafe door = nil }
      return lua.run(function, arguments, handler: handler)
    }
    c.arguments = request
    c.command = command
    c.database = database
    c.reply.version = version
    c.isInExec = wasInExec
    c.isInScript = false
    c.propagateNothing()
    let isShuttingDown = c.busy?.isShuttingDown == true
    if c.busy != nil, !isShuttingDown { c.busy = nil }
    words.shrink()
    switch result {
    case .success(let value): reply(with: value, &c)
    case .failure(let error): try fail(with: error, &c)
    case .killed:
      // Nothing of it goes to the log if the process ends, so nothing else may happen to what it has changed
      // before that is decided: everyone is told BUSY. A transaction goes to the log whole, with what the
      // script did.
      let commit = c.commit
      if isShuttingDown, !wasInExec { c.busy?.effects = (effects, commit) }
      throw killed(as: run)
    }
  }

  // MARK: The budget

  /// Asked about every 100,000 instructions: whether the script may go on. One that has run for long lets
  /// others be served, and goes on until it is killed.
  private func mayGoOn() -> Bool {
    guard isRunning else { return true }
    return (try? withContext { c throws(Failure) in mayGoOn(&c) }) ?? true
  }

  private func mayGoOn(_ c: inout Context) -> Bool {
    let now = c.host.now
    run.lastLook = now
    guard let begin = run.begin else {
      run.begin = now
      return true
    }
    if c.busy == nil {
      let threshold = c.settings.busyReplyThreshold
      guard threshold > 0, now - begin >= threshold else { return true }
      c.busy = BusyScript(
        name: run.name, isFunction: run.isFunction, request: request, begin: begin,
        hasWritten: run.hasWritten)
      c.host.log(
        .warning,
        "Slow script detected: still in execution after \(now - begin) milliseconds. "
          + "Script name is: \(String(decoding: run.name, as: UTF8.self)).")
    }
    c.busy?.hasWritten = run.hasWritten
    c.serveOthers()
    guard c.busy?.isKilled == true else { return true }
    run.lastLine = (lua.position(level: 0) ?? lua.position(level: 1))?.line ?? 0
    return false
  }

  /// What the client of a script that was ended is told.
  private func killed(as run: ScriptRun) -> CommandError {
    let source = run.isFunction ? "@user_function" : "@user_script"
    return CommandError(
      message: Array("ERR Script killed by user with SCRIPT KILL... script: ".utf8) + run.name
        + Array(", on \(source):\(self.run.lastLine).".utf8))
  }

  // MARK: Errors

  /// The function that sees each error that no script catches, where it happened: it makes a table
  /// of it, with the position.
  private func makeHandler() -> Value {
    lua.function { [unowned self] call throws(Failure) in
      var error = call[1]
      if !error.isTable {
        let table = lua.table(entries: 3)
        lua.set(table, "err", errorText(lua.text(error)))
        error = Value(table)
      }
      // What failed is one frame out, or two where it was a function of ours.
      if let position = lua.position(level: 1) ?? lua.position(level: 2) {
        lua.set(error.table, "source", Value(position.source))
        lua.set(error.table, "line", Value(position.line))
      }
      return call.result(error)
    }
  }

  private func errorText(_ text: Value) -> Value {
    var bytes = ByteBuffer()
    bytes.append("ERR ")
    text.string.withView { bytes.append($0) }
    return lua.string(bytes.view)
  }

  /// Throws what the client is told of an error.
  private func fail(with error: Value, _ c: inout Context) throws(CommandError) {
    guard error.isTable else {
      // It could not run the handler: its memory is used up, or its stack.
      throw CommandError(
        message: Array("ERR Error running script ".utf8) + run.name + [0x2C, 0x20]
          + lua.bytes(error))
    }
    let details = ErrorDetails(error.table, lua)
    var message = details.message
    if !details.source.isEmpty {
      message += Array(" script: ".utf8) + run.name + Array(", on ".utf8)
      message += details.source + Array(":\(details.line).".utf8)
    }
    guard details.isCounted else { throw CommandError(message: message) }
    // The command that failed has counted it already.
    c.statistics.perCommand[c.command].failed += 1
    message.withView { c.reply.error($0) }
  }
}

/// What an error's table says.
struct ErrorDetails {
  /// The text behind `-` in a reply.
  var message: [UInt8] = Array("ERR unknown error".utf8)
  var source: [UInt8] = []
  var line = 0
  /// Statistics know of the error.
  var isCounted = false

  init(_ error: Table, _ lua: Interpreter) {
    let text = lua.get(error, "err")
    if text.isString || text.isNumber { message = lua.bytes(text) }
    let source = lua.get(error, "source"), line = lua.get(error, "line")
    if source.isString, line.isNumber {
      self.source = source.string.withView { $0.array }
      self.line = Int(exactly: line.number) ?? 0
    }
    isCounted = lua.get(error, "ignore_error_stats_update").isTruthy
  }
}

// MARK: Bytes

extension LuaString {
  /// Calls `body` with the string's bytes.
  @inline(__always)
  func withView<R>(_ body: (ByteView) -> R) -> R {
    withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe body(ByteView($0)) } }
  }
}

extension Interpreter {
  /// What `tostring` makes of a value.
  func bytes(_ value: Value) -> [UInt8] { text(value).string.withView { $0.array } }

  @inline(__always)
  func string(_ bytes: ByteView) -> Value {
    unsafe string(RawSpan(_unsafeStart: bytes.start, byteCount: bytes.count))
  }
}
