// FunctionLoading.swift: a library is run once, to register its functions.
//
// Libraries and their functions share one interpreter, and see no globals but those we give them.
// While a library is loaded these are `redis.register_function`, `redis.log` and the versions; when
// its functions run, all that scripts have, but for KEYS and ARGV, which they are given as arguments.
// The time a library may take is counted in instructions, so that each replay of the log does the same.

import Lua
import RESP

/// What functions run in.
@safe
final class FunctionMachine {
  let machine: ScriptMachine
  /// The globals of all libraries: empty, and read-only; `globals` stands behind it.
  private let environment: Table
  private let metatable: Table
  /// What a library sees while it is loaded.
  private let loading: Table
  /// What the library being loaded has registered so far; nil when none is.
  private var registered: [ScriptFunction]?
  /// Their names, folded.
  private var registeredNames: Set<[UInt8]> = []
  private var loadCount = 0

  /// Looks at the hook, of about 100,000 instructions each, that a library may take.
  private static let loadingMax = 100

  private var lua: Interpreter { machine.lua }

  init(host: any Host) {
    machine = ScriptMachine(host: host)
    let lua = machine.lua
    machine.addLibrary(for: .functions)
    environment = lua.table()
    metatable = lua.table(entries: 1)
    loading = lua.table(entries: 1)
    for table in [environment, metatable, loading] { lua.pin(Value(table)) }
    let library = ScriptLibrary.table(.loading, machine)
    lua.set(loading, "redis", Value(library))
    addRegistering(to: library)
    lua.refuseUnknown(in: library)
    lua.refuseUnknown(in: loading)
    lua.protectAll(loading)
    lua.setMetatable(environment, metatable)
    lua.protect(environment)
    show(lua.globals)
  }

  /// Lets the libraries see `globals`.
  private func show(_ globals: Table) { lua.set(metatable, "__index", Value(globals)) }

  /// Runs the library in `code`.
  ///
  /// - Returns: the library; its callbacks are pinned.
  func load(_ code: ByteView) throws(CommandError) -> FunctionLibrary {
    let name = try FunctionLibraries.name(in: code)
    let text = code[(code.firstIndex(of: 0x0A) ?? 0)..<code.count]
    let compiled = machine.compile(text, name: "@user_function", environment: environment)
    let function = try machine.function(compiled, or: "Error compiling function: ")
    registered = []
    registeredNames = []
    show(loading)
    let hook = lua.hook
    var looks = 0
    lua.hook = {
      looks += 1
      return looks < Self.loadingMax
    }
    defer {
      lua.hook = hook
      show(lua.globals)
      registered = nil
    }
    switch lua.run(function, handler: machine.handler) {
    case .success: break
    case .failure(let error):
      unpin(registered ?? [])
      let message = error.isTable ? ErrorDetails(error.table, lua).message : lua.bytes(error)
      throw CommandError(message: Array("ERR Error registering functions: ".utf8) + message)
    case .killed:
      unpin(registered ?? [])
      throw CommandError("ERR Error registering functions: ERR FUNCTION LOAD timeout")
    }
    guard let functions = registered, !functions.isEmpty else {
      throw CommandError("ERR No functions registered")
    }
    loadCount += 1
    return FunctionLibrary(
      name: name, code: code.array, functions: functions, load: loadCount)
  }

  /// Gives the callbacks back.
  func unpin(_ functions: [ScriptFunction]) {
    for function in functions { lua.unpin(function.callback) }
  }

  // MARK: Registering

  private func addRegistering(to library: Table) {
    let function = lua.function { [unowned self] call throws(Failure) in
      do throws(CommandError) { try register(call) } catch {
        throw call.failure(error.message.withView { machine.error($0) })
      }
      return 0
    }
    lua.set(library, "register_function", function)
  }

  /// `redis.register_function(name, callback)`, or with a table of named arguments.
  private func register(_ call: Call) throws(CommandError) {
    guard registered != nil else {
      throw CommandError(
        "ERR redis.register_function can only be called on FUNCTION LOAD command")
    }
    guard (1...2).contains(call.count) else {
      throw CommandError("ERR wrong number of arguments to redis.register_function")
    }
    let function = call.count == 2 ? try positional(call) : try named(call)
    guard FunctionLibraries.isName(function.name) else { throw FunctionLibraries.badName }
    guard registeredNames.insert(FunctionLibraries.folded(function.name)).inserted else {
      throw CommandError("ERR Function already exists in the library")
    }
    lua.pin(function.callback)
    registered?.append(function)
  }

  private func positional(_ call: Call) throws(CommandError) -> ScriptFunction {
    guard let name = text(call[1]) else {
      throw CommandError("ERR first argument to redis.register_function must be a string")
    }
    guard call[2].isFunction else {
      throw CommandError("ERR second argument to redis.register_function must be a function")
    }
    return ScriptFunction(name: name, callback: call[2], flags: [], description: nil)
  }

  private func named(_ call: Call) throws(CommandError) -> ScriptFunction {
    guard call[1].isTable else {
      throw CommandError(
        "ERR calling redis.register_function with a single argument is only applicable to Lua table "
          + "(representing named arguments).")
    }
    var name: [UInt8]?, callback: Value?, flags: ScriptFlags = [], description: [UInt8]?
    var last = Value.nil
    while let (key, value) = lua.next(call[1].table, after: last) {
      last = key
      guard let word = text(key) else {
        throw CommandError(
          "ERR named argument key given to redis.register_function is not a string")
      }
      switch String(decoding: FunctionLibraries.folded(word), as: UTF8.self) {
      case "function_name": name = try needText(value, "function_name")
      case "description": description = try needText(value, "description")
      case "callback":
        guard value.isFunction else {
          throw CommandError(
            "ERR callback argument given to redis.register_function must be a function")
        }
        callback = value
      case "flags": flags = try readFlags(value)
      default: throw CommandError("ERR unknown argument given to redis.register_function")
      }
    }
    guard let name else {
      throw CommandError("ERR redis.register_function must get a function name argument")
    }
    guard let callback else {
      throw CommandError("ERR redis.register_function must get a callback argument")
    }
    return ScriptFunction(name: name, callback: callback, flags: flags, description: description)
  }

  private func readFlags(_ value: Value) throws(CommandError) -> ScriptFlags {
    guard value.isTable else {
      throw CommandError(
        "ERR flags argument to redis.register_function must be a table representing function flags")
    }
    var flags: ScriptFlags = [], index = 1
    while case let name = lua.get(value.table, index: index), !name.isNil {
      guard let flag = text(name).flatMap({ $0.withView { ScriptFlags(name: $0) } }) else {
        throw CommandError("ERR unknown flag given")
      }
      flags.formUnion(flag)
      index += 1
    }
    return flags
  }

  private func text(_ value: Value) -> [UInt8]? {
    value.isString || value.isNumber ? lua.bytes(value) : nil
  }

  private func needText(_ value: Value, _ name: String) throws(CommandError) -> [UInt8] {
    guard let text = text(value) else {
      throw CommandError(
        "ERR \(name) argument given to redis.register_function must be a string")
    }
    return text
  }
}
