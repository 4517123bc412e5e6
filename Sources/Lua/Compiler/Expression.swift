// Expression.swift: what the compiler knows of an expression whose value is not yet in a register.
//
// Code is made as late as possible: a constant may become an operand, a local variable needs no move, a
// comparison in a condition is a jump and never a boolean.

struct Expression {
  enum Kind {
    case void
    case `nil`, `true`, `false`
    case number  // `number`
    case constant  // `a`: index of the constant
    case local  // `a`: its register
    case upvalue  // `a`: its index
    case global  // `a`: the constant that is its name
    case indexed  // `a`: the table's register, `b`: the key's
    case field  // `a`: the table's register, `b`: the constant that is the key, a string
    case element  // `a`: the table's register, `b`: the key, an integer
    case jump  // `a`: the test that jumps when the expression is true
    case relocatable  // `a`: the instruction that makes it, whose target is still open
    case register  // `a`: the register it is in
    case call  // `a`: the instruction; its count of results is still open
    case variadic  // likewise
  }

  var kind: Kind
  var a = 0
  var b = 0
  var number = 0.0
  /// Jumps that leave when it is true, and when it is false (see `FunctionBuilder.concatenate`).
  var trueJumps = FunctionBuilder.noJump
  var falseJumps = FunctionBuilder.noJump

  static let void = Expression(kind: .void)

  var hasJumps: Bool { trueJumps != falseJumps }
  var isNumeral: Bool { kind == .number && !hasJumps }
  var hasManyResults: Bool { kind == .call || kind == .variadic }
  var isVariable: Bool {
    switch kind {
    case .local, .upvalue, .global, .indexed, .field, .element: true
    default: false
    }
  }
}

enum BinaryOperator {
  case add, subtract, multiply, divide, modulo, power, concatenate
  case equal, notEqual, less, lessEqual, greater, greaterEqual
  case and, or

  init?(_ token: Token) {
    switch token {
    case .plus: self = .add
    case .minus: self = .subtract
    case .star: self = .multiply
    case .slash: self = .divide
    case .percent: self = .modulo
    case .caret: self = .power
    case .concatenate: self = .concatenate
    case .equal: self = .equal
    case .notEqual: self = .notEqual
    case .less: self = .less
    case .lessEqual: self = .lessEqual
    case .greater: self = .greater
    case .greaterEqual: self = .greaterEqual
    case .and: self = .and
    case .or: self = .or
    default: return nil
    }
  }

  static let unaryPriority = 8

  /// How strongly it binds to its left and to its right; an operator that binds less to the right than to
  /// the left is right associative.
  var priority: (left: Int, right: Int) {
    switch self {
    case .or: (1, 1)
    case .and: (2, 2)
    case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual: (3, 3)
    case .concatenate: (5, 4)
    case .add, .subtract: (6, 6)
    case .multiply, .divide, .modulo: (7, 7)
    case .power: (10, 9)
    }
  }
}

enum UnaryOperator {
  case not, minus, length
}
