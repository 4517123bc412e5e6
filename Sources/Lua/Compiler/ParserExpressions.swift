// ParserExpressions.swift: the productions of expressions.

extension Parser {
  /// expressionlist ::= expression {`,´ expression}
  ///
  /// All but the last are in registers when it returns.
  mutating func expressionList() throws(Failure) -> (count: Int, last: Expression) {
    var count = 1
    var e = try expression()
    while try take(.comma) {
      try function.putIntoNext(&e)
      e = try expression()
      count += 1
    }
    return (count, e)
  }

  /// expression ::= subexpression
  mutating func expression() throws(Failure) -> Expression { try subexpression(limit: 0) }

  /// subexpression ::= (simpleexpression | unaryoperator subexpression) {binaryoperator subexpression}
  ///
  /// Reads on while the operators bind more strongly than `limit`.
  private mutating func subexpression(limit: Int) throws(Failure) -> Expression {
    try enterLevel()
    var e: Expression
    if let operation = unaryOperator {
      try next()
      e = try subexpression(limit: BinaryOperator.unaryPriority)
      try function.unary(operation, &e)
    } else {
      e = try simpleExpression()
    }
    while let operation = BinaryOperator(token), operation.priority.left > limit {
      try next()
      try function.infix(operation, &e)
      var right = try subexpression(limit: operation.priority.right)
      try function.posfix(operation, &e, &right)
    }
    leaveLevel()
    return e
  }

  /// unaryoperator ::= `not´ | `-´ | `#´
  private var unaryOperator: UnaryOperator? {
    switch token {
    case .not: .not
    case .minus: .minus
    case .hash: .length
    default: nil
    }
  }

  /// simpleexpression ::= Number | String | `nil´ | `true´ | `false´ | `...´ | constructor |
  ///     `function´ functionbody | primaryexpression
  private mutating func simpleExpression() throws(Failure) -> Expression {
    let e: Expression
    switch token {
    case .number: e = Expression(kind: .number, number: lexer.number)
    case .string: e = Expression(kind: .constant, a: function.constant(lexer.string))
    case .nil: e = Expression(kind: .nil)
    case .true: e = Expression(kind: .true)
    case .false: e = Expression(kind: .false)
    case .dots:
      guard function.isVariadic else {
        throw lexer.failure("cannot use '...' outside a vararg function")
      }
      function.needsArgumentTable = false
      e = Expression(kind: .variadic, a: function.emit(Instruction(.variadic, 0, 2)))
    case .openBrace: return try constructor()
    case .function:
      let line = lexer.line
      try next()
      return try functionBody(isMethod: false, line: line)
    default: return try primaryExpression()
    }
    try next()
    return e
  }

  /// The variable `name` as seen from the function under way.
  mutating func variable(_ name: LuaString) throws(Failure) -> Expression {
    if let found = try find(name, at: enclosing.count) { return found }
    return Expression(kind: .global, a: function.constant(name))
  }

  /// The same for a function around it, by its place in `enclosing`. Each function between it and the one that
  /// declares the variable catches it from the next.
  private mutating func find(_ name: LuaString, at level: Int) throws(Failure) -> Expression? {
    let isInner = level == enclosing.count
    let known = isInner ? function.variable(name) : enclosing[level].variable(name)
    if let known { return known }
    guard level > 0, let outer = try find(name, at: level - 1) else { return nil }
    if outer.kind == .local { enclosing[level - 1].markCaught(outer.a) }
    return isInner
      ? try function.catch(name, outer) : try enclosing[level].catch(name, outer)
  }

  /// prefixexpression ::= Name | `(´ expression `)´
  private mutating func prefixExpression() throws(Failure) -> Expression {
    switch token {
    case .openParenthesis:
      let line = lexer.line
      try next()
      var e = try expression()
      try expect(.closeParenthesis, closing: .openParenthesis, at: line)
      // Parentheses leave one value of many.
      function.discharge(&e)
      return e
    case .name: return try variable(expectName())
    default: throw lexer.failure("unexpected symbol")
    }
  }

  /// primaryexpression ::= prefixexpression {`.´ Name | `[´ expression `]´ | `:´ Name arguments | arguments}
  mutating func primaryExpression() throws(Failure) -> Expression {
    var e = try prefixExpression()
    while true {
      switch token {
      case .dot: try field(&e)
      case .openBracket:
        try function.putIntoAny(&e)
        var key = try bracketedKey()
        try function.index(&e, &key)
      case .colon:
        try next()
        let name = try expectName()
        try function.method(&e, name)
        try arguments(&e)
      case .openParenthesis, .string, .openBrace:
        try function.putIntoNext(&e)
        try arguments(&e)
      default: return e
      }
    }
  }

  /// (`.´ | `:´) Name
  mutating func field(_ e: inout Expression) throws(Failure) {
    try function.putIntoAny(&e)
    try next()
    var key = Expression(kind: .constant, a: function.constant(try expectName()))
    try function.index(&e, &key)
  }

  /// `[´ expression `]´
  private mutating func bracketedKey() throws(Failure) -> Expression {
    try next()
    var key = try expression()
    try function.putValue(&key)
    try expect(.closeBracket)
    return key
  }

  /// arguments ::= `(´ [expressionlist] `)´ | constructor | String
  private mutating func arguments(_ e: inout Expression) throws(Failure) {
    let line = lexer.line
    var last = Expression.void
    switch token {
    case .openParenthesis:
      if line != lexer.lastLine {
        throw lexer.failure("ambiguous syntax (function call x new statement)")
      }
      try next()
      if token != .closeParenthesis {
        last = try expressionList().last
        if last.hasManyResults { try function.setResults(last, nil) }
      }
      try expect(.closeParenthesis, closing: .openParenthesis, at: line)
    case .openBrace: last = try constructor()
    case .string:
      last = Expression(kind: .constant, a: function.constant(lexer.string))
      try next()
    default: throw lexer.failure("function arguments expected")
    }
    let base = e.a
    var count = 0
    if !last.hasManyResults {
      if last.kind != .void { try function.putIntoNext(&last) }
      count = function.freeRegister - base
    }
    e = Expression(kind: .call, a: function.emit(Instruction(.call, base, count, 2)))
    function.setLine(line)
    // The results take the places of function and arguments: one register, unless more are wanted.
    function.freeRegister = base + 1
  }

  // MARK: Functions

  /// functionbody ::= `(´ parameters `)´ chunk `end´
  mutating func functionBody(isMethod: Bool, line: Int) throws(Failure) -> Expression {
    let source = function.source, outerSize = function.codeSize
    enclosing.append(function)
    enclosingSize += outerSize
    function = FunctionBuilder(machine: machine, source: source, line: line)
    function.lastLine = lexer.lastLine
    function.currentLine = lexer.line
    try expect(.openParenthesis)
    if isMethod {
      try function.declare("self")
      function.activate(1)
    }
    try parameters()
    try expect(.closeParenthesis)
    try chunk()
    function.currentLine = lexer.line
    try expect(.end, closing: .function, at: line)
    let child = function, caught = child.upvalues
    function = enclosing.removeLast()
    enclosingSize -= outerSize
    function.lastLine = lexer.lastLine
    function.currentLine = lexer.line
    let index = function.addChild(child)
    let e = Expression(
      kind: .relocatable, a: function.emit(Instruction(.closure, 0, caught.count, index)))
    for variable in caught {
      function.emit(Instruction(variable.isLocal ? .move : .getUpvalue, 0, variable.index))
    }
    return e
  }

  /// parameters ::= [Name {`,´ Name} [`,´ `...´] | `...´]
  private mutating func parameters() throws(Failure) {
    var count = 0
    if token != .closeParenthesis {
      var goesOn = true
      while goesOn {
        switch token {
        case .name:
          try function.declare(expectName())
          count += 1
        case .dots:
          try next()
          // As Lua 5.0 had it: unless `...` is used, the arguments are in a table `arg`.
          try function.declare("arg")
          count += 1
          function.isVariadic = true
          function.hasArgumentTable = true
          function.needsArgumentTable = true
        default: throw lexer.failure("<name> or '...' expected")
        }
        goesOn = function.isVariadic ? false : try take(.comma)
      }
    }
    function.activate(count)
    function.parameterCount = function.activeCount - (function.hasArgumentTable ? 1 : 0)
    try function.reserve(function.activeCount)
  }

  // MARK: Table constructors

  /// Values that are collected in registers before they are stored.
  private static let valuesPerStore = 50

  /// constructor ::= `{´ [item {(`,´ | `;´) item} [`,´ | `;´]] `}´
  ///
  /// item ::= Name `=´ expression | `[´ expression `]´ `=´ expression | expression
  private mutating func constructor() throws(Failure) -> Expression {
    let line = lexer.line
    let newTable = function.emit(Instruction(.newTable))
    var table = Expression(kind: .relocatable, a: newTable)
    try function.putIntoNext(&table)
    var last = Expression.void
    var elements = 0
    var entries = 0
    var pending = 0
    try expect(.openBrace)
    while token != .closeBrace {
      if last.kind != .void {
        // The element before this item.
        try function.putIntoNext(&last)
        last = .void
        if pending == Self.valuesPerStore {
          function.emitSetList(table.a, behind: elements - pending, count: pending)
          pending = 0
        }
      }
      if try isRecordItem() {
        try recordItem(table)
        entries += 1
      } else {
        last = try expression()
        elements += 1
        pending += 1
      }
      var hasSeparator = try take(.comma)
      if !hasSeparator { hasSeparator = try take(.semicolon) }
      if !hasSeparator { break }
    }
    try expect(.closeBrace, closing: .openBrace, at: line)
    if pending > 0 {
      if last.hasManyResults {
        try function.setResults(last, nil)
        function.emitSetList(table.a, behind: elements - pending, count: nil)
        elements -= 1
      } else {
        if last.kind != .void { try function.putIntoNext(&last) }
        function.emitSetList(table.a, behind: elements - pending, count: pending)
      }
    }
    function.code[newTable].c = Self.roundedUp(elements)
    function.code[newTable].b = min(Self.roundedUp(entries), 0xFFFF)
    return table
  }

  /// Sizes in a constructor have four significant bits in Lua 5.1; where a border of the table is shows it.
  private static func roundedUp(_ count: Int) -> Int {
    var mantissa = count
    var exponent = 0
    while mantissa >= 16 {
      mantissa = (mantissa + 1) >> 1
      exponent += 1
    }
    return mantissa << exponent
  }

  private mutating func isRecordItem() throws(Failure) -> Bool {
    switch token {
    case .openBracket: true
    case .name: try lexer.peek() == .assign
    default: false
    }
  }

  private mutating func recordItem(_ table: Expression) throws(Failure) {
    let register = function.freeRegister
    var key: Expression
    if token == .name {
      key = Expression(kind: .constant, a: function.constant(try expectName()))
    } else {
      key = try bracketedKey()
    }
    try expect(.assign)
    var target = table
    try function.index(&target, &key)
    var value = try expression()
    try function.store(target, &value)
    function.freeRegister = register
  }
}
