// Names.swift: where an error happened and what the thing is called that it happened to.
//
// Messages name the variable ("attempt to index local 'x' (a nil value)"). Nothing is kept for that while
// code runs: the instruction that failed says in which register the value is, and the code before it
// how it came there.

extension Ref where Body == MachineBody {
  /// "source:line: " of the Lua function `level` frames out from the current one; nothing if it is native.
  func writePosition(level: Int, to buffer: inout Buffer) throws(Failure) {
    guard let position = position(level: level) else { return }
    try SourceName.write(position.source.bytes, to: &buffer)
    try buffer.append(UInt8(ascii: ":"))
    try buffer.append(number: Double(position.line))
    try buffer.append(": ")
  }

  /// Source and line of the Lua function `level` frames out from the current one; nil if it is native.
  func position(level: Int) -> (source: LuaString, line: Int)? {
    let thread = self.thread
    // A frame that tail calls took over stands for itself and for those that are gone.
    var level = level
    var index = thread.body.frame
    while level > 0 && index > 0 {
      level -= 1
      let tailCalls = Int(thread.body.frames[index].tailCalls)
      index -= 1
      if level < tailCalls { return nil }
      level -= tailCalls
    }
    guard level == 0, index > 0, thread.body.frames[index].isLua else { return nil }
    let prototype = self.prototype(of: index)
    return (prototype.body.source, Int(prototype.body.lines[instruction(of: index)]))
  }

  /// There is a frame `level` frames out from the current one.
  func hasLevel(_ level: Int) -> Bool { level < thread.body.frame }

  private func prototype(of frame: Int) -> Prototype {
    thread.body.stack[thread.body.frames[frame].function].closure.body.prototype
  }

  /// The index of the instruction that runs in a Lua frame.
  private func instruction(of frame: Int) -> Int {
    max(0, thread.body.frames[frame].next - prototype(of: frame).body.code - 1)
  }

  // MARK: Failures

  /// "attempt to index local 'x' (a nil value)". `register` is where `value` is, for an instruction that has many.
  func typeFailure(_ what: StaticString, _ value: Value, register: Int? = nil) -> Failure {
    let name = nameOfOperand(value, register)
    return failure { b throws(Failure) in
      try b.append("attempt to ")
      try b.append(what)
      if let name {
        try b.append(" ")
        try b.append(name.kind)
        try b.append(" '")
        try b.append(name.name)
        try b.append("' (a ")
        try b.append(value.typeName)
        try b.append(" value)")
      } else {
        try b.append(" a ")
        try b.append(value.typeName)
        try b.append(" value")
      }
    }
  }

  func orderFailure(_ a: Value, _ b: Value) -> Failure {
    let (first, second) = (Bytes(a.typeName), Bytes(b.typeName))
    return failure { buffer throws(Failure) in
      try buffer.append("attempt to compare ")
      if first == second {
        try buffer.append("two ")
        try buffer.append(first)
        try buffer.append(" values")
      } else {
        try buffer.append(first)
        try buffer.append(" with ")
        try buffer.append(second)
      }
    }
  }

  // MARK: Names

  typealias Name = (kind: StaticString, name: Bytes)

  /// The name of the operand of the current instruction that has `value`.
  private func nameOfOperand(_ value: Value, _ register: Int?) -> Name? {
    let thread = self.thread
    let frame = thread.body.frames[thread.body.frame]
    guard frame.isLua else { return nil }
    let prototype = self.prototype(of: thread.body.frame)
    let index = instruction(of: thread.body.frame)
    let i = prototype.body.code[index]
    let operands: ClosedRange<Int>
    switch i.operation {
    case .get, .getField, .getIndex, .method, .minus, .length: operands = i.b...i.b
    case .set, .setField, .setIndex, .call, .tailCall: operands = i.a...i.a
    case .concatenate:
      let known = register ?? i.b
      operands = known...known
    case .addK, .subtractK, .multiplyK, .divideK, .moduloK, .powerK: operands = i.b...i.b
    case .add, .subtract, .multiply, .divide, .modulo, .power:
      let register =
        thread.body.stack[frame.base + i.b].bits == value.bits ? i.b : i.c
      operands = register...register
    default: return nil
    }
    for register in operands where thread.body.stack[frame.base + register].bits == value.bits {
      return name(of: register, in: prototype, at: index)
    }
    return nil
  }

  /// What the caller calls the native function of the current frame, if it is a Lua function.
  func nameOfCurrentFunction() -> Name? {
    let caller = thread.body.frame - 1
    guard caller > 0, thread.body.frames[caller].isLua else { return nil }
    let index = instruction(of: caller)
    let i = prototype(of: caller).body.code[index]
    switch i.operation {
    case .call, .tailCall, .iterate: return name(of: i.a, in: prototype(of: caller), at: index)
    default: return nil
    }
  }

  private func name(of register: Int, in prototype: Prototype, at index: Int) -> Name? {
    if let local = localName(register, in: prototype, at: index) { return ("local", local.bytes) }
    guard let setter = instructionSetting(register, in: prototype, before: index) else {
      return nil
    }
    let i = prototype.body.code[setter]
    switch i.operation {
    case .getGlobal: return ("global", prototype.body.constants[i.c].string.bytes)
    case .move: return i.b < i.a ? name(of: i.b, in: prototype, at: setter) : nil
    case .getField: return ("field", prototype.body.constants[i.c].string.bytes)
    case .get, .getIndex: return ("field", Bytes("?"))
    case .getUpvalue: return ("upvalue", prototype.body.upvalueNames[i.b].bytes)
    case .method: return ("method", prototype.body.constants[i.c].string.bytes)
    default: return nil
    }
  }

  /// The variable in scope at an instruction that has `register`.
  private func localName(_ register: Int, in prototype: Prototype, at index: Int) -> LuaString? {
    var rest = register
    for number in 0..<prototype.body.localCount {
      let local = prototype.body.locals[number]
      guard local.start <= index else { break }
      if index < local.end {
        if rest == 0 { return local.name }
        rest -= 1
      }
    }
    return nil
  }

  /// The last instruction before `end` that sets `register`, as far as one can tell without running it.
  private func instructionSetting(
    _ register: Int, in prototype: Prototype, before end: Int
  ) -> Int? {
    var found: Int?
    var index = 0
    while index < end {
      let i = prototype.body.code[index]
      var jump = 0
      switch i.operation {
      case .setUpvalue, .setGlobal, .set, .setField, .setIndex, .setList, .return, .close: break
      case .nils: if i.a <= register && register <= i.b { found = index }
      case .method: if register == i.a || register == i.a + 1 { found = index }
      case .iterate: if register >= i.a + 2 { found = index }
      case .call, .tailCall: if register >= i.a { found = index }
      case .closure:
        if register == i.a { found = index }
        index += i.b
      case .jump, .equal, .equalK, .less, .lessK, .greaterK, .lessEqual, .lessEqualK,
        .greaterEqualK:
        jump = i.c
      case .test:
        // The value may have come from before it or from behind it: `a or b`.
        if register == i.operand { found = index }
        jump = i.c
      case .testSet, .forPrepare, .forLoop, .iterateLoop:
        if register == i.a { found = index }
        jump = i.c
      default: if register == i.a { found = index }
      }
      // A jump forward is taken, unless it goes beyond what we look for.
      index += jump > 0 && index + 1 + jump <= end ? 1 + jump : 1
    }
    // Programs may fail often, in functions that are long.
    charge(end >> 3)
    return found
  }
}
