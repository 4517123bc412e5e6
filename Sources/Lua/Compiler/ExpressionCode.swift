// ExpressionCode.swift: expressions become code.
//
// An expression goes from variable to value (`discharge`), and from value to a register of the
// caller's choice (`put`). Conditions go another way: `jumpIfFalse` and `jumpIfTrue` leave jumps open
// that are patched when the other branch begins.

extension FunctionBuilder {
  // MARK: Values

  /// Of a call or `...`: how many results are wanted; nil: all.
  mutating func setResults(_ e: Expression, _ count: Int?) throws(Failure) {
    if e.kind == .call {
      code[e.a].c = (count ?? -1) + 1
    } else if e.kind == .variadic {
      code[e.a].b = (count ?? -1) + 1
      code[e.a].a = freeRegister
      try reserve(1)
    }
  }

  mutating func setOneResult(_ e: inout Expression) {
    if e.kind == .call {
      e.kind = .register
      e.a = code[e.a].a
    } else if e.kind == .variadic {
      code[e.a].b = 2
      e.kind = .relocatable
    }
  }

  /// A variable's value is fetched, into a register still open.
  mutating func discharge(_ e: inout Expression) {
    switch e.kind {
    case .local: e.kind = .register
    case .upvalue: relocate(&e, Instruction(.getUpvalue, 0, e.a))
    case .global: relocate(&e, Instruction(.getGlobal, 0, 0, e.a))
    case .indexed:
      // Registers are freed from the top.
      release(max(e.a, e.b))
      release(min(e.a, e.b))
      relocate(&e, Instruction(.get, 0, e.a, e.b))
    case .field:
      release(e.a)
      relocate(&e, Instruction(.getField, 0, e.a, e.b))
    case .element:
      release(e.a)
      relocate(&e, Instruction(.getIndex, 0, e.a, e.b))
    case .call, .variadic: setOneResult(&e)
    default: break
    }
  }

  private mutating func relocate(_ e: inout Expression, _ instruction: Instruction) {
    e.a = emit(instruction)
    e.kind = .relocatable
  }

  private mutating func discharge(_ e: inout Expression, to register: Int) {
    discharge(&e)
    switch e.kind {
    case .nil: emitNils(from: register, count: 1)
    case .true, .false: emit(Instruction(.boolean, register, e.kind == .true ? 1 : 0))
    case .constant: emit(Instruction(.constant, register, 0, e.a))
    case .number: emit(Instruction(.constant, register, 0, constant(Value(e.number))))
    case .relocatable: code[e.a].a = register
    case .register: if e.a != register { emit(Instruction(.move, register, e.a)) }
    default: return  // A jump has no value yet; nothing is nothing.
    }
    e.a = register
    e.kind = .register
  }

  private mutating func dischargeToAny(_ e: inout Expression) throws(Failure) {
    guard e.kind != .register else { return }
    try reserve(1)
    discharge(&e, to: freeRegister - 1)
  }

  /// Puts the value into `register`.
  private mutating func put(_ e: inout Expression, into register: Int) {
    discharge(&e, to: register)
    if e.kind == .jump { concatenate(&e.trueJumps, e.a) }
    if e.hasJumps {
      var whenFalse = Self.noJump
      var whenTrue = Self.noJump
      if needsValue(e.trueJumps) || needsValue(e.falseJumps) {
        let around = e.kind == .jump ? Self.noJump : emitJump()
        _ = label()
        whenFalse = emit(Instruction(.boolean, register, 0, 1))
        _ = label()
        whenTrue = emit(Instruction(.boolean, register, 1))
        patchToHere(around)
      }
      let end = label()
      patch(e.falseJumps, to: end, register: register, otherwise: whenFalse)
      patch(e.trueJumps, to: end, register: register, otherwise: whenTrue)
    }
    e = Expression(kind: .register, a: register)
  }

  mutating func putIntoNext(_ e: inout Expression) throws(Failure) {
    discharge(&e)
    release(e)
    try reserve(1)
    put(&e, into: freeRegister - 1)
  }

  /// Puts the value into any register and answers which.
  @discardableResult
  mutating func putIntoAny(_ e: inout Expression) throws(Failure) -> Int {
    discharge(&e)
    if e.kind == .register {
      if !e.hasJumps { return e.a }
      if e.a >= activeCount {
        // It is not a local variable's: the jumps' values may go there too.
        put(&e, into: e.a)
        return e.a
      }
    }
    try putIntoNext(&e)
    return e.a
  }

  mutating func putValue(_ e: inout Expression) throws(Failure) {
    if e.hasJumps { try putIntoAny(&e) } else { discharge(&e) }
  }

  /// The index of the constant that the expression is, if it is one.
  private mutating func constantIndex(_ e: Expression) -> Int? {
    guard !e.hasJumps else { return nil }
    let index: Int
    switch e.kind {
    case .nil: index = constant(.nil)
    case .true: index = constant(.true)
    case .false: index = constant(.false)
    case .number: index = constant(Value(e.number))
    case .constant: index = e.a
    default: return nil
    }
    return index <= Instruction.constantMax ? index : nil
  }

  /// A register, or a constant as RK has it.
  private mutating func registerOrConstant(_ e: inout Expression) throws(Failure) -> Int {
    try putValue(&e)
    if let index = constantIndex(e) { return Instruction.firstConstant + index }
    return try putIntoAny(&e)
  }

  // MARK: Variables

  /// Assigns the value `e` to `variable`.
  mutating func store(_ variable: Expression, _ e: inout Expression) throws(Failure) {
    switch variable.kind {
    case .local:
      release(e)
      put(&e, into: variable.a)
      return
    case .upvalue: emit(Instruction(.setUpvalue, try putIntoAny(&e), variable.a))
    case .global: emit(Instruction(.setGlobal, try putIntoAny(&e), 0, variable.a))
    case .field:
      emit(Instruction(.setField, variable.a, try registerOrConstant(&e), variable.b))
    case .element:
      emit(Instruction(.setIndex, variable.a, try registerOrConstant(&e), variable.b))
    default: emit(Instruction(.set, variable.a, try registerOrConstant(&e), variable.b))
    }
    release(e)
  }

  /// `e:key`: the function and its first argument in two new registers.
  mutating func method(_ e: inout Expression, _ key: LuaString) throws(Failure) {
    try putIntoAny(&e)
    release(e)
    let function = freeRegister
    try reserve(2)
    emit(Instruction(.method, function, e.a, constant(key)))
    e = Expression(kind: .register, a: function)
  }

  /// `table[key]`, where the table is in a register.
  mutating func index(_ table: inout Expression, _ key: inout Expression) throws(Failure) {
    if !key.hasJumps {
      if key.kind == .constant, constantValue(key.a).isString {
        table = Expression(kind: .field, a: table.a, b: key.a)
        return
      }
      if key.kind == .number, let index = Value(key.number).index {
        table = Expression(kind: .element, a: table.a, b: index)
        return
      }
    }
    let register = try putIntoAny(&key)
    table = Expression(kind: .indexed, a: table.a, b: register)
  }

  // MARK: Conditions

  /// Goes on when `e` is true; the jumps for false are left open in `e.falseJumps`.
  mutating func jumpIfFalse(_ e: inout Expression) throws(Failure) {
    discharge(&e)
    let jump: Int
    switch e.kind {
    case .constant, .number, .true: jump = Self.noJump
    case .false: jump = emitJump()
    case .jump:
      code[e.a].sense.toggle()
      jump = e.a
    default: jump = try emitTest(&e, sense: false)
    }
    concatenate(&e.falseJumps, jump)
    patchToHere(e.trueJumps)
    e.trueJumps = Self.noJump
  }

  /// Goes on when `e` is false; the jumps for true are left open in `e.trueJumps`.
  mutating func jumpIfTrue(_ e: inout Expression) throws(Failure) {
    discharge(&e)
    let jump: Int
    switch e.kind {
    case .nil, .false: jump = Self.noJump
    case .true: jump = emitJump()
    case .jump: jump = e.a
    default: jump = try emitTest(&e, sense: true)
    }
    concatenate(&e.trueJumps, jump)
    patchToHere(e.falseJumps)
    e.falseJumps = Self.noJump
  }

  private mutating func emitTest(_ e: inout Expression, sense: Bool) throws(Failure) -> Int {
    if e.kind == .relocatable, code[e.a].operation == .not {
      let operand = code[e.a].b
      removeLast()
      return emit(Instruction(.test, 0, operand, Self.noJump, sense: !sense))
    }
    try dischargeToAny(&e)
    release(e)
    return emit(Instruction(.testSet, Instruction.noRegister, e.a, Self.noJump, sense: sense))
  }

  // MARK: Operators

  mutating func unary(_ operation: UnaryOperator, _ e: inout Expression) throws(Failure) {
    switch operation {
    case .not: try not(&e)
    case .minus:
      // -nil and the like fail when they run.
      if e.isNumeral, !e.number.isNaN {
        e.number = -e.number
        return
      }
      try putIntoAny(&e)
      release(e)
      relocate(&e, Instruction(.minus, 0, e.a))
    case .length:
      try putIntoAny(&e)
      release(e)
      relocate(&e, Instruction(.length, 0, e.a))
    }
  }

  private mutating func not(_ e: inout Expression) throws(Failure) {
    discharge(&e)
    switch e.kind {
    case .nil, .false: e.kind = .true
    case .constant, .number, .true: e.kind = .false
    case .jump: code[e.a].sense.toggle()
    default:
      try dischargeToAny(&e)
      release(e)
      relocate(&e, Instruction(.not, 0, e.a))
    }
    swap(&e.trueJumps, &e.falseJumps)
    removeValues(e.trueJumps)
    removeValues(e.falseJumps)
  }

  /// Behind the left operand, before the right one is read.
  mutating func infix(_ operation: BinaryOperator, _ e: inout Expression) throws(Failure) {
    switch operation {
    case .and: try jumpIfFalse(&e)
    case .or: try jumpIfTrue(&e)
    case .concatenate: try putIntoNext(&e)
    case .add, .subtract, .multiply, .divide, .modulo, .power:
      if !e.isNumeral { try putIntoAny(&e) }
    case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual:
      try putValue(&e)
      if constantIndex(e) == nil { try putIntoAny(&e) }
    }
  }

  /// Behind the right operand; the result is left in `e`.
  mutating func posfix(
    _ operation: BinaryOperator, _ e: inout Expression, _ right: inout Expression
  ) throws(Failure) {
    switch operation {
    case .and:
      discharge(&right)
      concatenate(&right.falseJumps, e.falseJumps)
      e = right
    case .or:
      discharge(&right)
      concatenate(&right.trueJumps, e.trueJumps)
      e = right
    case .concatenate: try concatenation(&e, &right)
    case .add: try arithmetic(.add, .addK, &e, &right)
    case .subtract: try arithmetic(.subtract, .subtractK, &e, &right)
    case .multiply: try arithmetic(.multiply, .multiplyK, &e, &right)
    case .divide: try arithmetic(.divide, .divideK, &e, &right)
    case .modulo: try arithmetic(.modulo, .moduloK, &e, &right)
    case .power: try arithmetic(.power, .powerK, &e, &right)
    case .equal: try equality(&e, &right, sense: true)
    case .notEqual: try equality(&e, &right, sense: false)
    case .less: try order(.less, .lessK, .greaterK, &e, &right)
    case .lessEqual: try order(.lessEqual, .lessEqualK, .greaterEqualK, &e, &right)
    case .greater: try order(.less, .lessK, .greaterK, &e, &right, isSwapped: true)
    case .greaterEqual:
      try order(.lessEqual, .lessEqualK, .greaterEqualK, &e, &right, isSwapped: true)
    }
  }

  private mutating func concatenation(_ e: inout Expression, _ right: inout Expression)
    throws(Failure)
  {
    try putValue(&right)
    if right.kind == .relocatable, code[right.a].operation == .concatenate {
      // a .. (b .. c): one instruction makes one string of all of them.
      release(e)
      code[right.a].b = e.a
      e.kind = .relocatable
      e.a = right.a
      return
    }
    try putIntoNext(&right)
    let (first, last) = (e.a, right.a)
    release(right)
    release(e)
    relocate(&e, Instruction(.concatenate, 0, first, last))
  }

  private mutating func releaseBoth(_ a: Expression, _ b: Expression) {
    if a.kind == .register && b.kind == .register && a.a > b.a {
      release(a)
      release(b)
    } else {
      release(b)
      release(a)
    }
  }

  private mutating func arithmetic(
    _ operation: Operation, _ operationK: Operation, _ e: inout Expression,
    _ right: inout Expression
  ) throws(Failure) {
    if e.isNumeral, right.isNumeral, let folded = fold(operation, e.number, right.number) {
      e.number = folded
      return
    }
    if right.isNumeral, let index = constantIndex(right) {
      let left = try putIntoAny(&e)
      release(e)
      relocate(&e, Instruction(operationK, 0, left, index))
      return
    }
    let second = try putIntoAny(&right)
    let first = try putIntoAny(&e)
    releaseBoth(e, right)
    relocate(&e, Instruction(operation, 0, first, second))
  }

  private mutating func fold(_ operation: Operation, _ a: Double, _ b: Double) -> Double? {
    if operation == .divide || operation == .modulo, b == 0 { return nil }
    let result = Arithmetic.compute(operation, a, b)
    return result.isNaN ? nil : result
  }

  private mutating func test(_ e: inout Expression, _ instruction: Instruction) {
    let jump = emit(instruction)
    e = Expression(kind: .jump, a: jump)
  }

  private mutating func equality(
    _ e: inout Expression, _ right: inout Expression, sense: Bool
  ) throws(Failure) {
    try putValue(&right)
    if let index = constantIndex(right) {
      let left = try putIntoAny(&e)
      release(e)
      test(&e, Instruction(.equalK, left, index, Self.noJump, sense: sense))
    } else if let index = constantIndex(e) {
      let second = try putIntoAny(&right)
      release(right)
      test(&e, Instruction(.equalK, second, index, Self.noJump, sense: sense))
    } else {
      let second = try putIntoAny(&right)
      let first = try putIntoAny(&e)
      releaseBoth(e, right)
      test(&e, Instruction(.equal, first, second, Self.noJump, sense: sense))
    }
  }

  /// `isSwapped`: the right operand is to be less than the left one.
  private mutating func order(
    _ operation: Operation, _ less: Operation, _ greater: Operation, _ e: inout Expression,
    _ right: inout Expression, isSwapped: Bool = false
  ) throws(Failure) {
    if right.isNumeral, let index = constantIndex(right) {
      let left = try putIntoAny(&e)
      release(e)
      test(&e, Instruction(isSwapped ? greater : less, left, index, Self.noJump, sense: true))
      return
    }
    let second = try putIntoAny(&right)
    if e.isNumeral, let index = constantIndex(e) {
      release(right)
      test(&e, Instruction(isSwapped ? less : greater, second, index, Self.noJump, sense: true))
      return
    }
    let first = try putIntoAny(&e)
    releaseBoth(e, right)
    let (a, b) = isSwapped ? (second, first) : (first, second)
    test(&e, Instruction(operation, a, b, Self.noJump, sense: true))
  }

  // MARK: Table constructors

  /// Stores the last `count` values (nil: as many as there are) behind element `index` of the table in `base`.
  mutating func emitSetList(_ base: Int, behind index: Int, count: Int?) {
    emit(Instruction(.setList, base, count ?? 0, index))
    freeRegister = base + 1
  }
}
