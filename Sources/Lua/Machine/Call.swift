// Call.swift: what a native function can do with its call: read arguments, push results, fail.

extension Call {
  /// Values a native function may push without asking for room.
  static let valuesReady = 24

  /// The argument at `index`, from 1; nil behind the last.
  @inline(__always)
  public subscript(index: Int) -> Value {
    index <= count ? thread.body.stack[base &+ index &- 1] : .nil
  }

  @inline(__always)
  public func push(_ value: Value) {
    thread.body.stack[thread.body.top] = value
    thread.body.top &+= 1
  }

  /// Makes room for `count` more pushes.
  public func reserve(_ count: Int) throws(Failure) {
    try thread.ensure(count, above: thread.body.top, machine: machine)
  }

  /// Room for `count` more, as Lua's `luaL_checkstack` has it: a native function may use 8000.
  func checkRoom(_ count: Int, _ what: StaticString) throws(Failure) {
    guard count <= Limits.nativeValuesMax - (thread.body.top - base) else {
      throw failure { b throws(Failure) in
        try b.append("stack overflow (")
        try b.append(what)
        try b.append(")")
      }
    }
    try reserve(count)
  }

  /// Throws when there is no room for `size` bytes of values.
  public func checkMemory(_ size: Int) throws(Failure) { try machine.checkRoom(size) }

  /// Notes that the function does the work of about `steps` instructions.
  public func spend(_ steps: Int) throws(Failure) { try machine.spend(steps) }

  /// Pushes the one result of a function.
  @inline(__always)
  public func result(_ value: Value) -> Int {
    push(value)
    return 1
  }

  @inline(__always)
  func result(_ bytes: Bytes) -> Int { result(Value(machine.string(bytes))) }

  // MARK: Arguments

  @inline(__always)
  func number(_ index: Int) throws(Failure) -> Double {
    let value = self[index]
    if value.isNumber { return value.number }
    guard let number = machine.number(value) else { throw typeFailure(index, "number") }
    return number
  }

  /// A number as an integer, cut like C does; what is out of range is the least integer.
  @inline(__always)
  func integer(_ index: Int) throws(Failure) -> Int { Self.integer(try number(index)) }

  @inline(__always)
  func integer(_ index: Int, otherwise: Int) throws(Failure) -> Int {
    self[index].isNil ? otherwise : try integer(index)
  }

  /// An integer as C's `int` has it: the low 32 bits.
  func smallInteger(_ index: Int) throws(Failure) -> Int {
    Int(Int32(truncatingIfNeeded: try integer(index)))
  }

  func smallInteger(_ index: Int, otherwise: Int) throws(Failure) -> Int {
    self[index].isNil ? otherwise : try smallInteger(index)
  }

  @inline(__always)
  static func integer(_ number: Double) -> Int {
    number > -9.2e18 && number < 9.2e18 ? Int(number) : Int.min
  }

  /// A string, or a number as one.
  @inline(__always)
  func string(_ index: Int) throws(Failure) -> LuaString {
    let value = self[index]
    if value.isString { return value.string }
    guard value.isNumber else { throw typeFailure(index, "string") }
    return try numberAsString(index)
  }

  /// The number becomes a string where it is, as in Lua: then it is also rooted.
  private func numberAsString(_ index: Int) throws(Failure) -> LuaString {
    var buffer = Buffer(machine)
    try buffer.append(number: self[index].number)
    let string = machine.string(buffer.bytes)
    thread.body.stack[base + index - 1] = Value(string)
    return string
  }

  func table(_ index: Int) throws(Failure) -> Table {
    guard self[index].isTable else { throw typeFailure(index, "table") }
    return self[index].table
  }

  func function(_ index: Int) throws(Failure) -> Value {
    guard self[index].isFunction else { throw typeFailure(index, "function") }
    return self[index]
  }

  /// Any value, but there must be one.
  func any(_ index: Int) throws(Failure) -> Value {
    guard index <= count else { throw argumentFailure(index, "value expected") }
    return self[index]
  }

  // MARK: Failing

  /// The failure with any value as its error.
  public func failure(_ value: Value) -> Failure { machine.failure(value) }

  /// The failure with a text behind the position of the caller.
  public func failure(_ text: StaticString) -> Failure {
    failure { b throws(Failure) in try b.append(text) }
  }

  func failure(_ write: (inout Buffer) throws(Failure) -> Void) -> Failure {
    do throws(Failure) {
      var buffer = Buffer(machine)
      try machine.writePosition(level: 1, to: &buffer)
      try write(&buffer)
      return machine.failure(Value(machine.string(buffer.bytes)))
    } catch {
      return error
    }
  }

  func typeFailure(_ index: Int, _ expected: StaticString) -> Failure {
    argumentFailure(index) { b throws(Failure) in
      try b.append(expected)
      try b.append(" expected, got ")
      try b.append(index <= count ? self[index].typeName : "no value")
    }
  }

  func argumentFailure(_ index: Int, _ text: StaticString) -> Failure {
    argumentFailure(index) { b throws(Failure) in try b.append(text) }
  }

  /// "bad argument #2 to 'rep' (…)".
  func argumentFailure(
    _ index: Int, _ write: (inout Buffer) throws(Failure) -> Void
  ) -> Failure {
    let name = machine.nameOfCurrentFunction()
    var index = index
    var isSelf = false
    if let name, Bytes(name.kind) == "method" {
      index -= 1
      isSelf = index == 0
    }
    return failure { b throws(Failure) in
      if isSelf, let name {
        try b.append("calling '")
        try b.append(name.name)
        try b.append("' on bad self (")
      } else {
        try b.append("bad argument #")
        try b.append(number: Double(index))
        try b.append(" to '")
        try b.append(name?.name ?? Bytes("?"))
        try b.append("' (")
      }
      try write(&b)
      try b.append(")")
    }
  }
}
