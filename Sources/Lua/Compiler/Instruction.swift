// Instruction.swift: the machine's instructions, all on this page.
//
// An instruction is one word of 64 bits:
//
//     bits   0 ..<  8   operation
//     bits   8 ..< 16   a   a register, nearly always the target
//     bits  16 ..< 32   b   a register or a constant; of a test, its highest bit is `sense`
//     bits  32 ..< 64   c   signed: a register, a constant, a number or a jump's distance
//
// Below, R is a register of the current function, K its constants, U its upvalues, RK(x) is R[x] for x < 256 and
// K[x - 256] otherwise. A jump's distance counts from the instruction behind it. "top" is the thread's
// top, which an instruction of an open count of values sets for the next one that takes them.

enum Operation: UInt8 {
  // Values
  case move  // R[a] = R[b]
  case constant  // R[a] = K[c]
  case boolean  // R[a] = (b != 0); jump c
  case nils  // R[a] ... R[b] = nil
  case getUpvalue  // R[a] = U[b]
  case setUpvalue  // U[b] = R[a]
  case getGlobal  // R[a] = environment[K[c]]
  case setGlobal  // environment[K[c]] = R[a]
  // Tables
  case newTable  // R[a] = {} with room for b nodes and c elements
  case get  // R[a] = R[b][R[c]]
  case getField  // R[a] = R[b][K[c]], a string
  case getIndex  // R[a] = R[b][c]
  case set  // R[a][R[c]] = RK(b)
  case setField  // R[a][K[c]] = RK(b), a string
  case setIndex  // R[a][c] = RK(b)
  case method  // R[a + 1] = R[b]; R[a] = R[b][K[c]]
  case setList  // R[a][c + i] = R[a + i] for 1 ≤ i ≤ b; b = 0: up to top
  // Operators. The forms that end in K have K[c] on their right side.
  case add, subtract, multiply, divide, modulo, power  // R[a] = R[b] op R[c]
  case addK, subtractK, multiplyK, divideK, moduloK, powerK  // R[a] = R[b] op K[c]
  case minus  // R[a] = -R[b]
  case not  // R[a] = not R[b]
  case length  // R[a] = #R[b]
  case concatenate  // R[a] = R[b] .. ... .. R[c]
  // Jumps
  case jump  // jump c
  case equal  // if (R[a] == R[b]) == sense, jump c
  case equalK  // if (R[a] == K[b]) == sense, jump c
  case less  // if (R[a] < R[b]) == sense, jump c
  case lessK  // if (R[a] < K[b]) == sense, jump c
  case greaterK  // if (R[a] > K[b]) == sense, jump c
  case lessEqual  // if (R[a] <= R[b]) == sense, jump c
  case lessEqualK  // if (R[a] <= K[b]) == sense, jump c
  case greaterEqualK  // if (R[a] >= K[b]) == sense, jump c
  case test  // if R[b] as a condition == sense, jump c
  case testSet  // as `test`; and when it jumps, R[a] = R[b]
  // Loops
  case forPrepare  // R[a] -= R[a + 2], all three being numbers; jump c
  case forLoop  // R[a] += R[a + 2]; unless it passed R[a + 1]: R[a + 3] = R[a], jump c
  case iterate  // R[a + 3] ... R[a + 2 + b] = R[a](R[a + 1], R[a + 2])
  case iterateLoop  // if R[a + 3] is not nil: R[a + 2] = R[a + 3], jump c
  // Functions
  case call  // R[a] ... = R[a](R[a + 1] ... R[a + b - 1]), c - 1 results; b, c = 0: up to top
  case tailCall  // return R[a](R[a + 1] ... R[a + b - 1])
  case `return`  // return R[a] ... R[a + b - 2]; b = 0: up to top
  case close  // close the upvalues of R[a] and above
  case closure  // R[a] = a closure of child function c; what it catches: instructions that follow
  case variadic  // R[a] ... R[a + b - 2] = ...; b = 0: all, to top
}

struct Instruction: BitwiseCopyable {
  var bits: UInt64

  /// A constant's index from which RK takes it from K.
  static let firstConstant = 256
  /// Above this, a constant must go through a register.
  static let constantMax = 0x7FFF - 256
  static let noRegister = 255
  private static let senseBit: UInt64 = 1 << 31

  init(_ operation: Operation, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, sense: Bool = false) {
    assert(a >= 0 && a <= 255 && b >= 0 && b <= 0xFFFF)
    bits =
      UInt64(operation.rawValue) | UInt64(a) << 8 | UInt64(b) << 16 | (sense ? Self.senseBit : 0)
      | UInt64(UInt32(truncatingIfNeeded: c)) << 32
  }

  @inline(__always)
  var operation: Operation {
    // Only `init` and `operation`'s setter write these bits.
    get { unsafe unsafeBitCast(UInt8(truncatingIfNeeded: bits), to: Operation.self) }
    set { bits = bits & ~0xFF | UInt64(newValue.rawValue) }
  }

  @inline(__always)
  var a: Int {
    get { Int(truncatingIfNeeded: bits >> 8 & 0xFF) }
    set { bits = bits & ~0xFF00 | UInt64(newValue & 0xFF) << 8 }
  }

  @inline(__always)
  var b: Int {
    get { Int(truncatingIfNeeded: bits >> 16 & 0xFFFF) }
    set { bits = bits & ~0xFFFF_0000 | UInt64(newValue & 0xFFFF) << 16 }
  }

  /// `b` of a test.
  @inline(__always)
  var operand: Int { Int(truncatingIfNeeded: bits >> 16 & 0x7FFF) }

  @inline(__always)
  var sense: Bool {
    get { bits & Self.senseBit != 0 }
    set { bits = newValue ? bits | Self.senseBit : bits & ~Self.senseBit }
  }

  @inline(__always)
  var c: Int {
    get { Int(truncatingIfNeeded: Int64(bitPattern: bits) >> 32) }
    set { bits = bits & 0xFFFF_FFFF | UInt64(UInt32(truncatingIfNeeded: newValue)) << 32 }
  }
}
