// Library.swift: native functions are registered under their names.

extension Ref where Body == MachineBody {
  /// Registers a function; answers its place among the native ones.
  func register(_ function: @escaping NativeFunction) -> Int {
    body.natives.append(function)
    return body.natives.count - 1
  }

  func set(_ table: Table, _ name: StaticString, _ value: Value) {
    table.set(string(name), value, machine: self)
  }

  func set(_ table: Table, _ name: StaticString, _ function: @escaping NativeFunction) {
    set(table, name, Value(native(register(function))))
  }

  /// A new table of functions, in the global `name`.
  func library(
    _ name: StaticString, _ functions: KeyValuePairs<StaticString, NativeFunction>
  ) -> Table {
    let table = self.table(nodeCount: functions.count)
    for (name, function) in functions { set(table, name, function) }
    set(body.globals, name, Value(table))
    return table
  }

  /// All libraries, as Redis gives them to scripts.
  func openLibraries() {
    BaseLibrary.open(self)
    StringLibrary.open(self)
    TableLibrary.open(self)
    MathLibrary.open(self)
    CoroutineLibrary.open(self)
    BitLibrary.open(self)
    StructLibrary.open(self)
    MessagePackLibrary.open(self)
    JSONLibrary.open(self)
  }
}

/// The places of native functions that the machine itself knows or that other functions refer to.
enum NativeIndex {
  static let next = 0
  static let nextElement = 1
  static let nextMatch = 2
  static let resumeWrapped = 3
}
