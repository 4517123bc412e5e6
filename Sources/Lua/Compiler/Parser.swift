// Parser.swift: the grammar of Lua 5.1, a function for each production, which is written above it.
//
// It is read once, from left to right: each function asks the lexer for tokens and hands what it
// understands to the `FunctionBuilder` of the function it is in. In the productions, {x} is any number of x,
// [x] one or none. Statements are in ParserStatements.swift, expressions in ParserExpressions.swift.

struct Parser: ~Copyable {
  var lexer: Lexer
  let machine: Machine
  var function: FunctionBuilder
  /// The functions around it, the outermost first.
  var enclosing: [FunctionBuilder] = []
  /// Bytes of their code.
  var enclosingSize = 0
  /// Productions within productions: each takes native stack.
  private(set) var depth: Int

  private init(_ text: Bytes, source: LuaString, machine: Machine) {
    self.machine = machine
    lexer = Lexer(text, source: source, machine: machine)
    function = FunctionBuilder(machine: machine, source: source, line: 0)
    depth = machine.body.nativeDepth
  }

  /// Compiles a chunk. `source` is its name as `SourceName` takes it.
  static func compile(
    _ text: Bytes, source: LuaString, machine: Machine
  ) throws(Failure) -> Prototype {
    try machine.checkRoom(text.count)
    var parser = Parser(text, source: source, machine: machine)
    parser.function.isVariadic = true
    do throws(Failure) {
      try parser.next()
      try parser.chunk()
      try parser.check(.endOfSource)
    } catch {
      guard parser.function.isTooComplex else { throw error }
      throw parser.lexer.failure("function or expression too complex")
    }
    return parser.function.finish()
  }

  // MARK: Tokens

  var token: Token { lexer.token }

  mutating func next() throws(Failure) {
    try machine.spend(2)
    try machine.checkRoom(enclosingSize &+ function.codeSize)
    try lexer.next()
    function.lastLine = lexer.lastLine
    function.currentLine = lexer.line
  }

  /// Takes `token` if it is the current one.
  mutating func take(_ token: Token) throws(Failure) -> Bool {
    guard self.token == token else { return false }
    try next()
    return true
  }

  func check(_ token: Token) throws(Failure) {
    guard self.token == token else { throw expected(token) }
  }

  mutating func expect(_ token: Token) throws(Failure) {
    try check(token)
    try next()
  }

  /// Expects what closes the construct that `opening` opened in `line`.
  mutating func expect(_ token: Token, closing opening: Token, at line: Int) throws(Failure) {
    if self.token == token { return try next() }
    if line == lexer.line { throw expected(token) }
    throw lexer.failure { b throws(Failure) in
      try b.append("'")
      try b.append(token.text)
      try b.append("' expected (to close '")
      try b.append(opening.text)
      try b.append("' at line ")
      try b.append(number: Double(line))
      try b.append(")")
    }
  }

  private func expected(_ token: Token) -> Failure {
    lexer.failure { b throws(Failure) in
      try b.append("'")
      try b.append(token.text)
      try b.append("' expected")
    }
  }

  mutating func expectName() throws(Failure) -> LuaString {
    try check(.name)
    let name = lexer.string
    try next()
    return name
  }

  mutating func enterLevel() throws(Failure) {
    depth += 1
    guard depth <= Limits.nativeDepthMax else {
      throw lexer.failure(near: nil) { b throws(Failure) in
        try b.append("chunk has too many syntax levels")
      }
    }
  }

  mutating func leaveLevel() { depth -= 1 }

  // MARK: Blocks

  /// The token ends a block.
  var endsBlock: Bool {
    switch token {
    case .else, .elseif, .end, .until, .endOfSource: true
    default: false
    }
  }

  /// chunk ::= {statement [`;´]} [laststatement [`;´]]
  mutating func chunk() throws(Failure) {
    try enterLevel()
    var isLast = false
    while !isLast && !endsBlock {
      isLast = try statement()
      _ = try take(.semicolon)
      // All that is left is the local variables.
      function.freeRegister = function.activeCount
    }
    leaveLevel()
  }

  /// block ::= chunk
  mutating func block() throws(Failure) {
    function.enterBlock(isLoop: false)
    try chunk()
    function.leaveBlock()
  }
}
