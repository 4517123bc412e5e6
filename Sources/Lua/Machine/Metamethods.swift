// Metamethods.swift: what a metatable may say about a value, and how values are read and written with it.

/// The events, in the order of their names. Of the first eight a metatable remembers that it lacks them.
enum Event: UInt8, CaseIterable {
  case index, newIndex, mode, equal, length, call, metatable, toString
  case add, subtract, multiply, divide, modulo, power, minus, less, lessEqual, concatenate

  var name: StaticString {
    switch self {
    case .index: "__index"
    case .newIndex: "__newindex"
    case .mode: "__mode"
    case .equal: "__eq"
    case .length: "__len"
    case .call: "__call"
    case .metatable: "__metatable"
    case .toString: "__tostring"
    case .add: "__add"
    case .subtract: "__sub"
    case .multiply: "__mul"
    case .divide: "__div"
    case .modulo: "__mod"
    case .power: "__pow"
    case .minus: "__unm"
    case .less: "__lt"
    case .lessEqual: "__le"
    case .concatenate: "__concat"
    }
  }
}

extension Ref where Body == TableBody {
  /// What this metatable has for `event`, or nil.
  func metamethod(_ event: Event, machine: Machine) -> Value? {
    let bit: UInt8 = event.rawValue < 8 ? 1 << event.rawValue : 0
    guard body.header.absent & bit == 0 else { return nil }
    let value = get(machine.body.eventNames[Int(event.rawValue)])
    guard value.isNil else { return value }
    body.header.absent |= bit
    return nil
  }
}

extension Ref where Body == MachineBody {
  /// How long a chain of `__index` or `__newindex` may be.
  private static var chainMax: Int { 100 }

  func metatable(of value: Value) -> Table? {
    if value.isTable { return value.table.body.metatable }
    return value.isString ? body.stringMetatable : nil
  }

  func metamethod(_ event: Event, of value: Value) -> Value? {
    metatable(of: value)?.metamethod(event, machine: self)
  }

  // MARK: Reading and writing

  /// `value[key]`, with metamethods.
  @inline(never)
  func get(_ value: Value, _ key: Value) throws(Failure) -> Value {
    var value = value
    for _ in 0..<Self.chainMax {
      let handler: Value
      if value.isTable {
        let found = value.table.get(key)
        guard found.isNil, let index = value.table.body.metatable?.metamethod(.index, machine: self)
        else { return found }
        handler = index
      } else {
        guard let index = metamethod(.index, of: value) else { throw typeFailure("index", value) }
        handler = index
      }
      if handler.isFunction { return try callMetamethod(handler, value, key) }
      value = handler
    }
    throw failure("loop in gettable")
  }

  /// `target[key] = value`, with metamethods.
  @inline(never)
  func set(_ target: Value, _ key: Value, _ value: Value) throws(Failure) {
    var target = target
    for _ in 0..<Self.chainMax {
      let handler: Value
      if target.isTable {
        let table = target.table
        if let location = table.location(of: key), !location[0].isNil {
          try checkWritable(table)
          location[0] = value
          return
        }
        guard let index = table.body.metatable?.metamethod(.newIndex, machine: self) else {
          return try rawSet(table, key, value)
        }
        handler = index
      } else {
        guard let index = metamethod(.newIndex, of: target) else {
          throw typeFailure("index", target)
        }
        handler = index
      }
      if handler.isFunction {
        let thread = self.thread
        let function = thread.pushPosition
        try thread.ensure(4, above: function, machine: self)
        let stack = thread.body.stack
        stack[function] = handler
        stack[function + 1] = target
        stack[function + 2] = key
        stack[function + 3] = value
        thread.body.top = function + 4
        return try call(function, wanted: 0)
      }
      target = handler
    }
    throw failure("loop in settable")
  }

  /// `table[key] = value` without metamethods. Throws for a key that can't be one, for a read-only table
  /// and when the table would outgrow the memory that is left.
  func rawSet(_ table: Table, _ key: Value, _ value: Value) throws(Failure) {
    try checkWritable(table)
    if key.isNil { throw failure("table index is nil") }
    if key.isNumber && key.number.isNaN { throw failure("table index is NaN") }
    // Growing may double the table.
    if table.nodeCount > 1 << 12 || table.body.arrayCount > 1 << 14 {
      try checkRoom(table.ownedSize)
    }
    table.set(key, value, machine: self)
  }

  func checkWritable(_ table: Table) throws(Failure) {
    if table.isReadOnly { throw failure("Attempt to modify a readonly table") }
  }

  // MARK: Calling

  /// The first result of a metamethod.
  func callMetamethod(_ handler: Value, _ a: Value, _ b: Value) throws(Failure) -> Value {
    let thread = self.thread
    let function = thread.pushPosition
    try thread.ensure(4, above: function, machine: self)
    let stack = thread.body.stack
    stack[function] = handler
    stack[function + 1] = a
    stack[function + 2] = b
    thread.body.top = function + 3
    try call(function, wanted: 1)
    thread.body.top = function
    return thread.body.stack[function]
  }

  // MARK: Operators

  /// `a op b` for what are not two numbers.
  @inline(never)
  func arithmetic(_ event: Event, _ a: Value, _ b: Value) throws(Failure) -> Value {
    if let x = number(a), let y = number(b) {
      return Value(Arithmetic.compute(event, x, y))
    }
    guard let handler = metamethod(event, of: a) ?? metamethod(event, of: b) else {
      throw typeFailure("perform arithmetic on", number(a) == nil ? a : b)
    }
    return try callMetamethod(handler, a, b)
  }

  /// A number, or a string that is one.
  @inline(__always)
  func number(_ value: Value) -> Double? {
    if value.isNumber { return value.number }
    guard value.isString else { return nil }
    charge(value.string.count >> 3)
    return NumberText.parse(value.string.bytes)
  }

  /// `a == b` for what are not raw-equal.
  @inline(never)
  func equal(_ a: Value, _ b: Value) throws(Failure) -> Bool {
    guard a.isTable && b.isTable, let handler = commonMetamethod(.equal, a, b) else { return false }
    return try callMetamethod(handler, a, b).isTruthy
  }

  /// The metamethod that both have.
  private func commonMetamethod(_ event: Event, _ a: Value, _ b: Value) -> Value? {
    guard let first = metatable(of: a), let handler = first.metamethod(event, machine: self) else {
      return nil
    }
    guard let second = metatable(of: b) else { return nil }
    if first == second { return handler }
    guard let other = second.metamethod(event, machine: self), Value.rawEqual(handler, other) else {
      return nil
    }
    return handler
  }

  @inline(never)
  func less(_ a: Value, _ b: Value) throws(Failure) -> Bool {
    if a.isNumber && b.isNumber { return a.number < b.number }
    if a.isString && b.isString { return compare(a.string, b.string) < 0 }
    if haveSameType(a, b), let handler = orderMetamethod(.less, a, b) {
      return try callMetamethod(handler, a, b).isTruthy
    }
    throw orderFailure(a, b)
  }

  @inline(never)
  func lessEqual(_ a: Value, _ b: Value) throws(Failure) -> Bool {
    if a.isNumber && b.isNumber { return a.number <= b.number }
    if a.isString && b.isString { return compare(a.string, b.string) <= 0 }
    if haveSameType(a, b) {
      if let handler = orderMetamethod(.lessEqual, a, b) {
        return try callMetamethod(handler, a, b).isTruthy
      }
      // a <= b is not b < a.
      if let handler = orderMetamethod(.less, b, a) {
        return try !callMetamethod(handler, b, a).isTruthy
      }
    }
    throw orderFailure(a, b)
  }

  private func compare(_ a: LuaString, _ b: LuaString) -> Int {
    charge(min(a.count, b.count) >> 6)
    return Bytes.compare(a.bytes, b.bytes)
  }

  private func haveSameType(_ a: Value, _ b: Value) -> Bool {
    a.isNumber == b.isNumber && (a.isNumber || a.bits >> 48 == b.bits >> 48)
  }

  private func orderMetamethod(_ event: Event, _ a: Value, _ b: Value) -> Value? {
    guard let handler = metamethod(event, of: a), let other = metamethod(event, of: b),
      Value.rawEqual(handler, other)
    else { return nil }
    return handler
  }

  /// `#value` for what is no table.
  @inline(never)
  func length(_ value: Value) throws(Failure) -> Value {
    if value.isString { return Value(value.string.count) }
    if value.isTable { return Value(value.table.length(self)) }
    guard let handler = metamethod(.length, of: value) else {
      throw typeFailure("get length of", value)
    }
    return try callMetamethod(handler, value, .nil)
  }

  /// `R[first] .. … .. R[last]` of the frame whose registers begin at `base`; leaves it in R[first].
  @inline(never)
  func concatenate(base: Int, first: Int, last: Int) throws(Failure) {
    let thread = self.thread
    var end = last
    while end > first {
      let registers = thread.body.stack + base
      // As many strings and numbers as there are at the end become one string.
      var start = end
      while start >= first, registers[start].isString || registers[start].isNumber { start -= 1 }
      start += 1
      if start < end {
        var buffer = Buffer(self)
        for index in start...end {
          let value = registers[index]
          if value.isNumber {
            try buffer.append(number: value.number)
          } else {
            guard value.string.count < Limits.stringSizeMax - buffer.count else {
              throw failure("string length overflow")
            }
            try buffer.append(value.string.bytes)
          }
        }
        registers[start] = Value(string(buffer.bytes))
        end = start
        continue
      }
      let (a, b) = (registers[end - 1], registers[end])
      guard let handler = metamethod(.concatenate, of: a) ?? metamethod(.concatenate, of: b) else {
        let isFirstGood = a.isString || a.isNumber
        throw typeFailure(
          "concatenate", isFirstGood ? b : a, register: isFirstGood ? end : end - 1)
      }
      let result = try callMetamethod(handler, a, b)
      thread.body.stack[base + end - 1] = result
      end -= 1
    }
  }
}

/// Arithmetic as C has it.
enum Arithmetic {
  @inline(__always)
  static func modulo(_ a: Double, _ b: Double) -> Double { a - (a / b).rounded(.down) * b }

  static func compute(_ event: Event, _ a: Double, _ b: Double) -> Double {
    switch event {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .modulo: modulo(a, b)
    case .power: power(a, b)
    default: -a
    }
  }

  static func compute(_ operation: Operation, _ a: Double, _ b: Double) -> Double {
    switch operation {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .modulo: modulo(a, b)
    default: power(a, b)
    }
  }
}
