// ParserStatements.swift: the productions of statements.

extension Parser {
  /// statement ::= ifstatement | whilestatement | `do´ block `end´ | forstatement | repeatstatement |
  ///     functionstatement | localfunction | localstatement | laststatement | expressionstatement
  ///
  /// laststatement ::= return | break
  ///
  /// Answers whether it must be the last of its block.
  mutating func statement() throws(Failure) -> Bool {
    let line = lexer.line
    switch token {
    case .if: try ifStatement(line)
    case .while: try whileStatement(line)
    case .do:
      try next()
      try block()
      try expect(.end, closing: .do, at: line)
    case .for: try forStatement(line)
    case .repeat: try repeatStatement(line)
    case .function: try functionStatement(line)
    case .local:
      try next()
      if try take(.function) { try localFunction() } else { try localStatement() }
    case .return:
      try returnStatement()
      return true
    case .break:
      try next()
      try breakStatement()
      return true
    default: try expressionStatement()
    }
    return false
  }

  /// ifstatement ::= `if´ condition `then´ block {`elseif´ condition `then´ block} [`else´ block] `end´
  private mutating func ifStatement(_ line: Int) throws(Failure) {
    var exits = FunctionBuilder.noJump
    var otherwise = try thenBlock()
    while token == .elseif {
      function.concatenate(&exits, function.emitJump())
      function.patchToHere(otherwise)
      otherwise = try thenBlock()
    }
    if token == .else {
      function.concatenate(&exits, function.emitJump())
      function.patchToHere(otherwise)
      try next()
      try block()
    } else {
      function.concatenate(&exits, otherwise)
    }
    function.patchToHere(exits)
    try expect(.end, closing: .if, at: line)
  }

  /// Behind it, the jumps for when the condition is false are open.
  private mutating func thenBlock() throws(Failure) -> Int {
    try next()
    let otherwise = try condition()
    try expect(.then)
    try block()
    return otherwise
  }

  /// condition ::= expression
  private mutating func condition() throws(Failure) -> Int {
    var e = try expression()
    if e.kind == .nil { e.kind = .false }
    try function.jumpIfFalse(&e)
    return e.falseJumps
  }

  /// whilestatement ::= `while´ condition `do´ block `end´
  private mutating func whileStatement(_ line: Int) throws(Failure) {
    try next()
    let start = function.label()
    let exit = try condition()
    function.enterBlock(isLoop: true)
    try expect(.do)
    try block()
    function.emitJumpBack(to: start)
    try expect(.end, closing: .while, at: line)
    function.leaveBlock()
    function.patchToHere(exit)
  }

  /// repeatstatement ::= `repeat´ block `until´ condition
  ///
  /// The condition sees the block's variables.
  private mutating func repeatStatement(_ line: Int) throws(Failure) {
    let start = function.label()
    function.enterBlock(isLoop: true)
    function.enterBlock(isLoop: false)
    try next()
    try chunk()
    try expect(.until, closing: .repeat, at: line)
    let exit = try condition()
    // Both ways out of the block close what was caught, and the way back is a jump that counts.
    try breakStatement()
    function.patchToHere(exit)
    function.leaveBlock()
    function.emitJumpBack(to: start)
    function.leaveBlock()
  }

  /// forstatement ::= `for´ (fornumber | forlist) `end´
  private mutating func forStatement(_ line: Int) throws(Failure) {
    function.enterBlock(isLoop: true)
    try next()
    let name = try expectName()
    switch token {
    case .assign: try forNumber(name, line)
    case .comma, .in: try forList(name)
    default: throw lexer.failure("'=' or 'in' expected")
    }
    try expect(.end, closing: .for, at: line)
    function.leaveBlock()
  }

  /// fornumber ::= Name `=´ expression `,´ expression [`,´ expression] forbody
  private mutating func forNumber(_ name: LuaString, _ line: Int) throws(Failure) {
    let base = function.freeRegister
    try function.declare("(for index)")
    try function.declare("(for limit)")
    try function.declare("(for step)")
    try function.declare(name)
    try expect(.assign)
    try expressionIntoNext()
    try expect(.comma)
    try expressionIntoNext()
    if try take(.comma) {
      try expressionIntoNext()
    } else {
      let one = function.constant(Value(1))
      function.emit(Instruction(.constant, function.freeRegister, 0, one))
      try function.reserve(1)
    }
    try forBody(base, line, names: 1, isNumeric: true)
  }

  private mutating func expressionIntoNext() throws(Failure) {
    var e = try expression()
    try function.putIntoNext(&e)
  }

  /// forlist ::= Name {`,´ Name} `in´ expressionlist forbody
  private mutating func forList(_ first: LuaString) throws(Failure) {
    let base = function.freeRegister
    try function.declare("(for generator)")
    try function.declare("(for state)")
    try function.declare("(for control)")
    try function.declare(first)
    var names = 1
    while try take(.comma) {
      try function.declare(expectName())
      names += 1
    }
    try expect(.in)
    let line = lexer.line
    var (count, last) = try expressionList()
    try adjust(3, count, &last)
    // Room for the call of the iterator.
    try function.checkRegisters(3)
    try forBody(base, line, names: names, isNumeric: false)
  }

  /// forbody ::= `do´ block
  private mutating func forBody(
    _ base: Int, _ line: Int, names: Int, isNumeric: Bool
  ) throws(Failure) {
    function.activate(3)
    try expect(.do)
    let prepare =
      isNumeric
      ? function.emit(Instruction(.forPrepare, base, 0, FunctionBuilder.noJump))
      : function.emitJump()
    function.enterBlock(isLoop: false)
    function.activate(names)
    try function.reserve(names)
    try block()
    function.leaveBlock()
    function.patchToHere(prepare)
    let loop: Int
    if isNumeric {
      loop = function.emit(Instruction(.forLoop, base, 0, FunctionBuilder.noJump))
    } else {
      function.emit(Instruction(.iterate, base, names))
      function.setLine(line)
      loop = function.emit(Instruction(.iterateLoop, base, 0, FunctionBuilder.noJump))
    }
    function.setLine(line)
    function.patch(loop, to: prepare + 1)
  }

  /// functionstatement ::= `function´ functionname functionbody
  ///
  /// functionname ::= Name {`.´ Name} [`:´ Name]
  private mutating func functionStatement(_ line: Int) throws(Failure) {
    try next()
    var variable = try variable(expectName())
    var isMethod = false
    while token == .dot { try field(&variable) }
    if token == .colon {
      isMethod = true
      try field(&variable)
    }
    var body = try functionBody(isMethod: isMethod, line: line)
    try function.store(variable, &body)
    // The store happens where the definition begins.
    function.setLine(line)
  }

  /// localfunction ::= `local´ `function´ Name functionbody
  private mutating func localFunction() throws(Failure) {
    try function.declare(expectName())
    let variable = Expression(kind: .local, a: function.freeRegister)
    try function.reserve(1)
    // The function may call itself.
    function.activate(1)
    var body = try functionBody(isMethod: false, line: lexer.line)
    try function.store(variable, &body)
    function.restartLastVariable()
  }

  /// localstatement ::= `local´ Name {`,´ Name} [`=´ expressionlist]
  private mutating func localStatement() throws(Failure) {
    var names = 0
    repeat {
      try function.declare(expectName())
      names += 1
    } while try take(.comma)
    var last = Expression.void
    var count = 0
    if try take(.assign) { (count, last) = try expressionList() }
    try adjust(names, count, &last)
    function.activate(names)
  }

  /// return ::= `return´ [expressionlist]
  private mutating func returnStatement() throws(Failure) {
    try next()
    guard !endsBlock && token != .semicolon else { return function.emitReturn(from: 0, count: 0) }
    var (count, last) = try expressionList()
    if last.hasManyResults {
      try function.setResults(last, nil)
      if last.kind == .call && count == 1 { function.code[last.a].operation = .tailCall }
      function.emitReturn(from: function.activeCount, count: nil)
    } else if count == 1 {
      let register = try function.putIntoAny(&last)
      function.emitReturn(from: register, count: 1)
    } else {
      try function.putIntoNext(&last)
      function.emitReturn(from: function.activeCount, count: count)
    }
  }

  /// break ::= `break´
  private mutating func breakStatement() throws(Failure) {
    var index = function.blocks.count - 1
    var hasCaught = false
    while index >= 0 && !function.blocks[index].isLoop {
      hasCaught = hasCaught || function.blocks[index].hasCaught
      index -= 1
    }
    guard index >= 0 else { throw lexer.failure("no loop to break") }
    if hasCaught { function.emit(Instruction(.close, function.blocks[index].activeCount)) }
    var breaks = function.blocks[index].breaks
    function.concatenate(&breaks, function.emitJump())
    function.blocks[index].breaks = breaks
  }

  /// expressionstatement ::= functioncall | assignment
  private mutating func expressionStatement() throws(Failure) {
    let e = try primaryExpression()
    if e.kind == .call {
      try function.setResults(e, 0)
    } else {
      try assignment(e)
    }
  }

  /// assignment ::= primaryexpression {`,´ primaryexpression} `=´ expressionlist
  private mutating func assignment(_ first: Expression) throws(Failure) {
    var targets = [first]
    guard first.isVariable else { throw lexer.failure("syntax error") }
    while try take(.comma) {
      let target = try primaryExpression()
      guard target.isVariable else { throw lexer.failure("syntax error") }
      if target.kind == .local { try saveFromConflict(&targets, with: target.a) }
      try function.checkLimit(
        targets.count, Limits.nativeDepthMax - depth, "variables in assignment")
      targets.append(target)
    }
    try expect(.assign)
    var (count, last) = try expressionList()
    if count == targets.count {
      function.setOneResult(&last)
      try function.store(targets.removeLast(), &last)
    } else {
      try adjust(targets.count, count, &last)
      // Values that nobody wants are dropped.
      if count > targets.count { function.freeRegister -= count - targets.count }
    }
    while let target = targets.popLast() {
      var value = Expression(kind: .register, a: function.freeRegister - 1)
      try function.store(target, &value)
    }
  }

  /// In `a[i], i = ...` the variable `i` is assigned first: the targets before it go on with a copy.
  private mutating func saveFromConflict(
    _ targets: inout [Expression], with register: Int
  ) throws(Failure) {
    let copy = function.freeRegister
    var hasConflict = false
    for index in targets.indices {
      switch targets[index].kind {
      case .indexed, .field, .element:
        if targets[index].a == register {
          targets[index].a = copy
          hasConflict = true
        }
        if targets[index].kind == .indexed && targets[index].b == register {
          targets[index].b = copy
          hasConflict = true
        }
      default: break
      }
    }
    guard hasConflict else { return }
    function.emit(Instruction(.move, copy, register))
    try function.reserve(1)
  }

  /// Makes of `count` expressions, of which `last` is the last, values in `wanted` registers.
  mutating func adjust(
    _ wanted: Int, _ count: Int, _ last: inout Expression
  ) throws(Failure) {
    let missing = wanted - count
    if last.hasManyResults {
      let extra = max(0, missing + 1)
      try function.setResults(last, extra)
      if extra > 1 { try function.reserve(extra - 1) }
      return
    }
    if last.kind != .void { try function.putIntoNext(&last) }
    guard missing > 0 else { return }
    let register = function.freeRegister
    try function.reserve(missing)
    function.emitNils(from: register, count: missing)
  }
}
