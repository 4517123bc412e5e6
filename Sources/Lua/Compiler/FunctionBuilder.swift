// FunctionBuilder.swift: the code of one function while it grows: instructions, constants, registers,
// variables, blocks.
//
// Registers are a stack: local variables at its bottom in the order of their declaration, temporary
// values above. What makes code of expressions is in ExpressionCode.swift, of jumps in Jumps.swift.

struct FunctionBuilder {
  /// A block of statements: the variables declared in it, and for a loop its `break`s.
  struct Block {
    /// Local variables active outside of it.
    let activeCount: Int
    let isLoop: Bool
    /// One of its variables was caught by a closure.
    var hasCaught = false
    var breaks = FunctionBuilder.noJump
  }

  /// Where a closure finds a variable when it is made.
  struct CaughtVariable {
    let name: LuaString
    /// A register of the enclosing function, or one of its upvalues.
    let isLocal: Bool
    let index: Int
  }

  let machine: Machine
  let source: LuaString

  var code: [Instruction] = []
  private var lines: [Int32] = []
  private var constants: [Value] = []
  private var nilConstant: Int?
  /// The index of each constant.
  private let constantIndexes: Table
  private var children: [Prototype] = []
  private var locals: [LocalName] = []
  /// The indexes in `locals` of the variables in scope.
  private var active: [Int] = []
  private var declared: [Int] = []
  private(set) var upvalues: [CaughtVariable] = []
  var blocks: [Block] = []

  var freeRegister = 0
  private var registerCount = 2
  /// It needs more registers than there are: the parser says so, and where.
  private(set) var isTooComplex = false
  /// Where a jump went last: code there can't be merged with what is before.
  var lastTarget = -1
  /// Jumps that go to the next instruction.
  var pendingJumps = FunctionBuilder.noJump

  var parameterCount = 0
  var isVariadic = false
  var hasArgumentTable = false
  var needsArgumentTable = false
  let line: Int
  /// The line of the token that was read last, and of the one being looked at.
  var lastLine = 0
  var currentLine = 0

  init(machine: Machine, source: LuaString, line: Int) {
    self.machine = machine
    self.source = source
    self.line = line
    constantIndexes = machine.table()
  }

  // MARK: Instructions

  /// Bytes that the code takes at most, with the room its arrays have in reserve.
  @inline(__always)
  var codeSize: Int { code.count &* 2 &* (MemoryLayout<Instruction>.stride + 4) }

  @discardableResult
  mutating func emit(_ instruction: Instruction) -> Int {
    // Whoever waits to jump here now knows where that is.
    dischargePendingJumps()
    code.append(instruction)
    lines.append(Int32(lastLine))
    return code.count - 1
  }

  mutating func removeLast() {
    code.removeLast()
    lines.removeLast()
  }

  /// Gives the last instruction another line.
  mutating func setLine(_ line: Int) { lines[lines.count - 1] = Int32(line) }

  mutating func emitNils(from first: Int, count: Int) {
    if code.count > lastTarget, let last = code.last, last.operation == .nils,
      last.a <= first, first <= last.b + 1
    {
      code[code.count - 1].b = max(last.b, first + count - 1)
      return
    }
    emit(Instruction(.nils, first, first + count - 1))
  }

  mutating func emitReturn(from first: Int, count: Int?) {
    emit(Instruction(.return, first, (count ?? -1) + 1))
  }

  // MARK: Constants

  mutating func constant(_ value: Value) -> Int {
    if value.isNil {
      if nilConstant == nil {
        nilConstant = constants.count
        constants.append(value)
      }
      return nilConstant ?? 0
    }
    let known = constantIndexes.get(value)
    if known.isNumber { return Int(known.number) }
    constants.append(value)
    constantIndexes.set(value, Value(constants.count - 1), machine: machine)
    return constants.count - 1
  }

  mutating func constant(_ string: LuaString) -> Int { constant(Value(string)) }

  func constantValue(_ index: Int) -> Value { constants[index] }

  // MARK: Registers

  mutating func checkRegisters(_ count: Int) throws(Failure) {
    let needed = freeRegister + count
    guard needed > registerCount else { return }
    guard needed < Limits.registersMax else {
      isTooComplex = true
      throw .error
    }
    registerCount = needed
  }

  mutating func reserve(_ count: Int) throws(Failure) {
    try checkRegisters(count)
    freeRegister += count
  }

  mutating func release(_ register: Int) {
    guard register >= active.count else { return }
    freeRegister -= 1
    assert(register == freeRegister)
  }

  mutating func release(_ expression: Expression) {
    if expression.kind == .register { release(expression.a) }
  }

  // MARK: Variables

  var activeCount: Int { active.count }

  /// Declares a local variable; it comes into scope with `activate`.
  mutating func declare(_ name: LuaString) throws(Failure) {
    try checkLimit(active.count + declared.count + 1, Limits.localsMax, "local variables")
    locals.append(LocalName(name: name, start: 0, end: 0))
    declared.append(locals.count - 1)
  }

  mutating func declare(_ name: StaticString) throws(Failure) { try declare(machine.string(name)) }

  /// Brings the first `count` declared variables into scope.
  mutating func activate(_ count: Int) {
    for index in declared.prefix(count) {
      locals[index].start = code.count
      active.append(index)
    }
    declared.removeFirst(count)
  }

  /// The variable declared last begins here: it was in scope before, for its own function to see.
  mutating func restartLastVariable() { locals[active[active.count - 1]].start = code.count }

  mutating func deactivate(to count: Int) {
    while active.count > count { locals[active.removeLast()].end = code.count }
  }

  private func register(of name: LuaString) -> Int? {
    var index = active.count - 1
    while index >= 0 {
      if locals[active[index]].name == name { return index }
      index -= 1
    }
    return nil
  }

  /// The variable `name` if it is one of this function, or one that it has caught.
  func variable(_ name: LuaString) -> Expression? {
    if let register = register(of: name) { return Expression(kind: .local, a: register) }
    guard let index = upvalues.firstIndex(where: { $0.name == name }) else { return nil }
    return Expression(kind: .upvalue, a: index)
  }

  /// Catches `variable`, which is `name` in the enclosing function.
  mutating func `catch`(_ name: LuaString, _ variable: Expression) throws(Failure) -> Expression {
    try checkLimit(upvalues.count + 1, Limits.upvaluesMax, "upvalues")
    upvalues.append(
      CaughtVariable(name: name, isLocal: variable.kind == .local, index: variable.a))
    return Expression(kind: .upvalue, a: upvalues.count - 1)
  }

  /// The block that declared the variable must close it at its end.
  mutating func markCaught(_ register: Int) {
    if let index = blocks.lastIndex(where: { $0.activeCount <= register }) {
      blocks[index].hasCaught = true
    }
  }

  // MARK: Blocks

  mutating func enterBlock(isLoop: Bool) {
    blocks.append(Block(activeCount: active.count, isLoop: isLoop))
  }

  mutating func leaveBlock() {
    let block = blocks.removeLast()
    deactivate(to: block.activeCount)
    if block.hasCaught { emit(Instruction(.close, block.activeCount)) }
    freeRegister = active.count
    patchToHere(block.breaks)
  }

  // MARK: Children, and the end

  /// Adds a function defined in this one; answers its index.
  mutating func addChild(_ child: consuming FunctionBuilder) -> Int {
    children.append(child.finish())
    return children.count - 1
  }

  /// The function, ready to run.
  mutating func finish() -> Prototype {
    emitReturn(from: 0, count: 0)
    deactivate(to: 0)
    return machine.prototype(
      PrototypeBody(
        header: Header(kind: .prototype, isMarked: false), code: Self.memory(code),
        codeCount: code.count, constants: Self.memory(constants), constantCount: constants.count,
        children: Self.memory(children), childCount: children.count, lines: Self.memory(lines),
        locals: Self.memory(locals), localCount: locals.count,
        upvalueNames: Self.memory(upvalues.map(\.name)), upvalueCount: upvalues.count,
        parameterCount: parameterCount, isVariadic: isVariadic,
        needsArgumentTable: needsArgumentTable, registerCount: registerCount, source: source,
        line: line, lastLine: currentLine))
  }

  private static func memory<Element: BitwiseCopyable>(_ elements: [Element]) -> Memory<Element> {
    let memory = Memory<Element>.allocate(elements.count)
    for (index, element) in elements.enumerated() { memory[index] = element }
    return memory
  }

  // MARK: Failing

  func checkLimit(_ count: Int, _ max: Int, _ what: StaticString) throws(Failure) {
    guard count > max else { return }
    throw SourceName.failure(machine, source, line: currentLine, near: nil) { b throws(Failure) in
      if line == 0 {
        try b.append("main function")
      } else {
        try b.append("function at line ")
        try b.append(number: Double(line))
      }
      try b.append(" has more than ")
      try b.append(number: Double(max))
      try b.append(" ")
      try b.append(what)
    }
  }
}
