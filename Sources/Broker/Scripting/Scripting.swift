// Scripting.swift: the scripts and libraries that are known, and the interpreters.
//
// A script is compiled when EVAL or SCRIPT LOAD first sees it and kept until SCRIPT FLUSH. What EVAL alone
// has brought is kept only as long as it is among the last `evaluatedMax` of its kind: clients that
// put values into the text of a script would fill the memory otherwise (as in Redis from 7.4 on).

import Lua
import RESP

/// A compiled script.
struct Script {
  let hash: SHA1
  /// Its function; pinned.
  let function: Value
  /// What it says of itself; nil for one that says nothing.
  let flags: ScriptFlags?
  /// Bytes of its text.
  let size: Int
  /// SCRIPT LOAD has brought it: it stays.
  var isLoaded: Bool
  /// When it was last used, in runs.
  var lastRun: Int
}

final class Scripting: ScriptState {
  /// Scripts that are kept though nobody has loaded them.
  static let evaluatedMax = 500

  private var scripts: [SHA1: Script] = [:]
  private var evaluatedCount = 0
  private var runCount = 0
  /// What scripts run in, once there was one.
  private(set) var evaluation: ScriptMachine?
  private(set) var libraries = FunctionLibraries()
  /// What functions run in, once there was one.
  private(set) var functions: FunctionMachine?

  var figures: ScriptFigures {
    var figures = ScriptFigures()
    figures.scriptCount = scripts.count
    for script in scripts.values { figures.scriptSize += script.size }
    figures.evaluationMemory = evaluation?.lua.memoryUsed ?? 0
    figures.libraryCount = libraries.byName.count
    figures.functionCount = libraries.functionCount
    for library in libraries.byName.values { figures.librarySize += library.code.count }
    figures.functionMemory = functions?.machine.lua.memoryUsed ?? 0
    return figures
  }

  func neverWrites(_ request: Arguments) -> Bool {
    guard request.count > 1 else { return false }
    let flags: ScriptFlags?
    if request[0].matches("eval") {
      flags = (try? Shebang(request[1])?.flags()) ?? nil
    } else if request[0].matches("evalsha") {
      flags = SHA1(hex: request[1]).flatMap { scripts[$0]?.flags }
    } else {
      flags = libraries.function(request[1])?.flags
    }
    return flags?.contains(.noWrites) == true
  }

  func isKnown(_ hash: SHA1) -> Bool { scripts[hash] != nil }

  /// The script called `hash`, which is about to run.
  func script(_ hash: SHA1) -> Script? {
    guard let place = scripts.index(forKey: hash) else { return nil }
    runCount += 1
    scripts.values[place].lastRun = runCount
    return scripts.values[place]
  }

  /// The script of `text`, compiled if it is new.
  ///
  /// - Parameter staying: SCRIPT LOAD asks: it is kept whatever comes.
  func script(
    of text: ByteView, staying: Bool, _ c: borrowing Context
  ) throws(CommandError) -> Script {
    let hash = SHA1(text)
    if let script = script(hash) {
      if staying, !script.isLoaded {
        scripts[hash]?.isLoaded = true
        evaluatedCount -= 1
      }
      return script
    }
    let shebang = try Shebang(text), flags = try shebang?.flags()
    let machine = evaluationMachine(c)
    let code = text[(shebang?.size ?? 0)..<text.count]
    let compiled = unsafe machine.lua.compile(
      RawSpan(_unsafeStart: code.start, byteCount: code.count), name: "@user_script")
    guard case .success(let function) = compiled else {
      throw machine.compileError("Error compiling script (new function): ", compiled)
    }
    machine.lua.pin(function)
    runCount += 1
    let script = Script(
      hash: hash, function: function, flags: flags, size: text.count, isLoaded: staying,
      lastRun: runCount)
    scripts[hash] = script
    if !staying {
      evaluatedCount += 1
      if evaluatedCount > Self.evaluatedMax { forgetOldest() }
    }
    return script
  }

  private func forgetOldest() {
    let oldest = scripts.values.filter { !$0.isLoaded }.min { $0.lastRun < $1.lastRun }
    guard let oldest else { return }
    scripts[oldest.hash] = nil
    evaluatedCount -= 1
    evaluation?.lua.unpin(oldest.function)
  }

  /// Forgets all scripts, and all that they hold.
  func forgetAll() {
    scripts = [:]
    evaluatedCount = 0
    evaluation = nil
  }

  /// What scripts run in.
  func evaluationMachine(_ c: borrowing Context) -> ScriptMachine {
    if let evaluation { return evaluation }
    let machine = ScriptMachine(host: c.host)
    machine.addLibrary(for: .scripts)
    evaluation = machine
    return machine
  }

  // MARK: Libraries

  func functionMachine(_ c: borrowing Context) -> FunctionMachine {
    if let functions { return functions }
    let machine = FunctionMachine(host: c.host)
    functions = machine
    return machine
  }

  /// Takes the library in `code`.
  ///
  /// - Returns: its name.
  /// - Throws: when it cannot be loaded; all is as it was then.
  func load(
    _ code: ByteView, replacing: Bool, _ c: borrowing Context
  ) throws(CommandError) -> [UInt8] {
    var changed = libraries
    if !replacing, case let name = try FunctionLibraries.name(in: code),
      libraries.byName[name] != nil
    {
      throw CommandError(
        message: Array("ERR Library '".utf8) + name + Array("' already exists".utf8))
    }
    let name = try add(code, to: &changed, replacing: replacing, functionMachine(c))
    take(changed)
    return name
  }

  /// Takes all of the libraries, or none.
  func restore(
    _ codes: [[UInt8]], _ policy: FunctionDump.Policy, _ c: borrowing Context
  ) throws(CommandError) {
    var changed = policy == .flush ? FunctionLibraries() : libraries
    let machine = functionMachine(c)
    do throws(CommandError) {
      for code in codes {
        let added = code.withView { code in
          Result { () throws(CommandError) in
            try add(code, to: &changed, replacing: policy == .replace, machine)
          }
        }
        _ = try added.get()
      }
    } catch {
      forget(changed, butFor: libraries)
      throw error
    }
    take(changed)
  }

  /// - Returns: the library's name.
  @discardableResult
  private func add(
    _ code: ByteView, to changed: inout FunctionLibraries, replacing: Bool,
    _ machine: FunctionMachine
  ) throws(CommandError) -> [UInt8] {
    let name = try FunctionLibraries.name(in: code)
    guard replacing || changed.byName[name] == nil else {
      throw CommandError(
        message: Array("ERR Library ".utf8) + name + Array(" already exists".utf8))
    }
    let library = try machine.load(code)
    do throws(CommandError) { try changed.add(library) } catch {
      machine.unpin(library.functions)
      throw error
    }
    return name
  }

  /// Puts `changed` in the place of the libraries.
  private func take(_ changed: FunctionLibraries) {
    let old = libraries
    libraries = changed
    forget(old, butFor: changed)
  }

  /// Gives back what `libraries` hold that `kept` have not.
  private func forget(_ libraries: FunctionLibraries, butFor kept: FunctionLibraries) {
    for (name, library) in libraries.byName {
      if kept.byName[name]?.load != library.load { functions?.unpin(library.functions) }
    }
  }

  /// - Returns: false when there is none of that name.
  func removeLibrary(_ name: [UInt8]) -> Bool {
    guard let library = libraries.remove(name) else { return false }
    functions?.unpin(library.functions)
    return true
  }

  /// Forgets all libraries, and all that they hold.
  func removeLibraries() {
    libraries = FunctionLibraries()
    functions = nil
  }
}

extension Context {
  /// The state of scripts in full.
  var scripting: Scripting {
    guard let scripting = scripts as? Scripting else {
      preconditionFailure("scripts are of another kind")
    }
    return scripting
  }
}

extension ScriptMachine {
  /// The reply for what could not be compiled.
  func compileError(_ reason: String, _ compiled: Interpreter.Compiled) -> CommandError {
    guard case .failure(let message) = compiled else { preconditionFailure("it was compiled") }
    return CommandError(
      message: Array("ERR \(reason)".utf8) + lua.bytes(message))
  }
}
