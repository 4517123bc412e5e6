// Scripting.swift: the scripts and libraries that are known, and the interpreters.
//
// A script is compiled when EVAL or SCRIPT LOAD first sees it, and kept as ScriptCache.swift says.

import Lua
import RESP

final class Scripting: ScriptState {
  private(set) var scripts = ScriptCache()
  /// What scripts run in, once there was one.
  private(set) var evaluation: ScriptMachine?
  private(set) var libraries = FunctionLibraries()
  /// What functions run in, once there was one.
  private(set) var functions: FunctionMachine?

  var figures: ScriptFigures {
    var figures = ScriptFigures()
    figures.scriptCount = scripts.count
    figures.scriptSize = scripts.textSize
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
      flags = SHA1(hex: request[1]).flatMap { scripts.peek($0)?.flags }
    } else {
      flags = libraries.function(request[1])?.flags
    }
    return flags?.contains(.noWrites) == true
  }

  func isKnown(_ hash: SHA1) -> Bool { scripts.peek(hash) != nil }

  /// The script called `hash`, which is about to run.
  func script(_ hash: SHA1) -> Script? { scripts.use(hash) }

  /// The script of `text`, compiled if it is new.
  ///
  /// - Parameter staying: SCRIPT LOAD asks: it is kept whatever comes.
  func script(
    of text: ByteView, staying: Bool, _ c: borrowing Context
  ) throws(CommandError) -> Script {
    let hash = SHA1(text)
    if let script = script(hash) {
      if staying { scripts.keep(hash) }
      return script
    }
    let shebang = try Shebang(text), flags = try shebang?.flags()
    let function = try compile(text[(shebang?.size ?? 0)..<text.count], evaluationMachine(c))
    let lua = evaluationMachine(c).lua
    lua.pin(function)
    let script = Script(
      hash: hash, function: function, flags: flags, size: text.count,
      codeSize: lua.codeSize(of: function))
    scripts.add(script, isLoaded: staying)
    while scripts.isOverfull { forgetOldest() }
    return script
  }

  /// Compiles a script. When the memory is used up, scripts that nobody has loaded give theirs back, and it
  /// is tried once more.
  private func compile(
    _ code: ByteView, _ machine: ScriptMachine
  ) throws(CommandError) -> Value {
    var compiled = machine.compile(code, name: "@user_script")
    if case .outOfMemory = compiled {
      while forgetOldest() {}
      machine.lua.collectGarbage()
      compiled = machine.compile(code, name: "@user_script")
    }
    return try machine.function(compiled, or: "Error compiling script (new function): ")
  }

  /// Forgets the evaluated script that was used longest ago, if there is one.
  @discardableResult
  private func forgetOldest() -> Bool {
    guard let oldest = scripts.removeOldest() else { return false }
    evaluation?.lua.unpin(oldest.function)
    return true
  }

  /// Forgets all scripts, and all that they hold.
  func forgetAll() {
    scripts = ScriptCache()
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
    if c.isLoading {
      try takeAgain(code, c)
      return try FunctionLibraries.name(in: code)
    }
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

  /// Takes a library that was taken before: from the log, or from a checkpoint.
  ///
  /// That it cannot be loaded now (the memory of all libraries may have been used otherwise then) is no
  /// reason to lose it, or to refuse the start: its text is kept, without functions. Of two libraries that
  /// have functions of one name the later one has them: the first had not been loaded either.
  /// - Throws: when the text does not say what it is called.
  func takeAgain(_ code: ByteView, _ c: borrowing Context) throws(CommandError) {
    let name = try FunctionLibraries.name(in: code)
    let machine = functionMachine(c)
    var changed = libraries
    do throws(CommandError) {
      let library = try machine.load(code)
      for other in changed.owners(of: library.functions) where other != name {
        changed.unload(other)
        warn(of: other, "another library has functions of the same name", c)
      }
      try changed.add(library)
    } catch {
      changed.remove(name)
      changed.keep(name, code.array)
      warn(of: name, error.text, c)
    }
    take(changed)
  }

  private func warn(of name: [UInt8], _ reason: String, _ c: borrowing Context) {
    c.host.log(
      .warning,
      "The library '\(String(decoding: name, as: UTF8.self))' is kept, but none of its functions can be "
        + "called: \(reason)")
  }

  /// Takes all of the libraries, or none.
  func restore(
    _ codes: [[UInt8]], _ policy: FunctionDump.Policy, _ c: borrowing Context
  ) throws(CommandError) {
    var changed = policy == .flush ? FunctionLibraries() : libraries
    let machine = functionMachine(c)
    if c.isLoading {
      if policy == .flush { removeLibraries() }
      for code in codes {
        let taken = code.withView { code in
          Result { () throws(CommandError) in try takeAgain(code, c) }
        }
        try taken.get()
      }
      return
    }
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
  func compile(
    _ code: ByteView, name: StaticString, environment: Table? = nil
  ) -> Interpreter.Compiled {
    unsafe lua.compile(
      RawSpan(_unsafeStart: code.start, byteCount: code.count), name: name,
      environment: environment)
  }

  /// The function that was compiled.
  ///
  /// - Throws: what the client is told otherwise, behind `reason`.
  func function(
    _ compiled: Interpreter.Compiled, or reason: String
  ) throws(CommandError) -> Value {
    let message: [UInt8]
    switch compiled {
    case .success(let function): return function
    case .failure(let error): message = lua.bytes(error)
    case .outOfMemory: message = Array("not enough memory".utf8)
    }
    throw CommandError(message: Array("ERR \(reason)".utf8) + message)
  }
}
