// Value.swift: any Lua value, in eight bytes.
//
// A value is a double, or, in the space that IEEE 754 leaves to quiet NaNs of negative sign, sixteen
// bits of tag and 48 bits of payload (NaN boxing). A register is then one machine word, and "is it
// a number" one comparison:
//
//     0x0000… … 0xFFF8 0000 0000 0000   a number; NaNs have no payload (see `init(foreign:)`)
//     0xFFF9   nil 0, false 1, true 2
//     0xFFFA   light userdata: a bare word; only cjson.null is one
//     0xFFFB   a dead key of a table: the address of what the collector freed, never followed
//     0xFFFC   string        the tags from here on carry the address of an object
//     0xFFFD   table
//     0xFFFE   function, of Lua or native
//     0xFFFF   thread, that is a coroutine

public struct Value: BitwiseCopyable, Sendable {
  let bits: UInt64

  enum Tag {
    static let simple: UInt64 = 0xFFF9 << 48
    static let light: UInt64 = 0xFFFA << 48
    static let dead: UInt64 = 0xFFFB << 48
    static let string: UInt64 = 0xFFFC << 48
    static let table: UInt64 = 0xFFFD << 48
    static let function: UInt64 = 0xFFFE << 48
    static let thread: UInt64 = 0xFFFF << 48
    static let payload: UInt64 = 1 << 48 - 1
    static let lastNumber: UInt64 = 0xFFF8 << 48
  }

  @inline(__always)
  init(bits: UInt64) { self.bits = bits }

  public static let `nil` = Value(bits: Tag.simple)
  public static let `false` = Value(bits: Tag.simple | 1)
  public static let `true` = Value(bits: Tag.simple | 2)

  /// The light userdata zero, which cjson has for JSON's null.
  public static let null = Value(bits: Tag.light)

  /// No value at all: what a search of a table answers for a key it has not, told from a stored nil.
  @inline(__always)
  static var emptyKey: Value { .nil }

  @inline(__always)
  public init(_ number: Double) { bits = number.bitPattern }

  @inline(__always)
  public init(_ integer: Int) { bits = Double(integer).bitPattern }

  @inline(__always)
  public init(_ bool: Bool) { bits = Tag.simple | (bool ? 2 : 1) }

  /// A number that did not come from arithmetic of ours: the payload of a NaN, which could pass for a
  /// tag, is taken away.
  public init(foreign number: Double) {
    bits =
      number.isNaN ? (number.sign == .minus ? Tag.lastNumber : 0x7FF8 << 48) : number.bitPattern
  }

  @inline(__always)
  public init(_ string: LuaString) { bits = Tag.string | string.addressBits }
  @inline(__always)
  public init(_ table: Table) { bits = Tag.table | table.addressBits }
  @inline(__always)
  init(_ closure: Closure) { bits = Tag.function | closure.addressBits }
  @inline(__always)
  init(_ native: Native) { bits = Tag.function | native.addressBits }
  @inline(__always)
  init(_ thread: Thread) { bits = Tag.thread | thread.addressBits }

  // MARK: What it is

  @inline(__always)
  public var isNumber: Bool { bits <= Tag.lastNumber }
  @inline(__always)
  public var isNil: Bool { bits == Tag.simple }
  /// nil and false alone are false.
  @inline(__always)
  public var isFalsy: Bool { bits &- Tag.simple <= 1 }
  @inline(__always)
  public var isTruthy: Bool { bits &- Tag.simple > 1 }
  @inline(__always)
  public var isBoolean: Bool { bits == Tag.simple | 1 || bits == Tag.simple | 2 }
  @inline(__always)
  public var isString: Bool { bits >> 48 == 0xFFFC }
  @inline(__always)
  public var isTable: Bool { bits >> 48 == 0xFFFD }
  @inline(__always)
  public var isFunction: Bool { bits >> 48 == 0xFFFE }
  @inline(__always)
  var isThread: Bool { bits >> 48 == 0xFFFF }
  @inline(__always)
  var isLight: Bool { bits >> 48 == 0xFFFA }
  @inline(__always)
  var isDead: Bool { bits >> 48 == 0xFFFB }
  /// It carries the address of an object.
  @inline(__always)
  var isObject: Bool { bits >= Tag.string }

  // MARK: What it carries; only for a value that is one

  @inline(__always)
  public var number: Double { Double(bitPattern: bits) }
  @inline(__always)
  public var string: LuaString {
    unsafe LuaString(address.assumingMemoryBound(to: StringBody.self))
  }
  @inline(__always)
  public var table: Table { unsafe Table(address.assumingMemoryBound(to: TableBody.self)) }
  @inline(__always)
  var closure: Closure { unsafe Closure(address.assumingMemoryBound(to: ClosureBody.self)) }
  @inline(__always)
  var native: Native { unsafe Native(address.assumingMemoryBound(to: NativeBody.self)) }
  @inline(__always)
  var thread: Thread { unsafe Thread(address.assumingMemoryBound(to: ThreadBody.self)) }
  @inline(__always)
  var object: Object { unsafe Object(address.assumingMemoryBound(to: Header.self)) }

  @inline(__always)
  private var address: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(bits & Tag.payload)).unsafelyUnwrapped
  }

  /// A function that is written in Lua.
  @inline(__always)
  var isClosure: Bool { isFunction && object.body.kind == .closure }

  // MARK: Equality

  /// Equality without metamethods. Strings are interned, so that one comparison of words does for all but
  /// numbers, of which 0 equals -0 and NaN nothing.
  @inline(__always)
  public static func rawEqual(_ a: Value, _ b: Value) -> Bool {
    if a.isNumber && b.isNumber { return a.number == b.number }
    return a.bits == b.bits
  }

  /// The integer in a number that is one and fits into 32 bits, which every index of an array does.
  @inline(__always)
  var index: Int? {
    let number = Double(bitPattern: bits)
    // Adding 1.5 · 2^52 moves the integer into the low bits; other values do not survive the way back.
    let integer = Int32(
      truncatingIfNeeded: Int64(bitPattern: (number + 6755399441055744).bitPattern))
    guard Double(integer) == number else { return nil }
    return Int(integer)
  }

  /// The kind's name in Lua: what `type` answers.
  public var typeName: StaticString {
    if isNumber { return "number" }
    switch bits >> 48 {
    case 0xFFFA: return "userdata"
    case 0xFFFC: return "string"
    case 0xFFFD: return "table"
    case 0xFFFE: return "function"
    case 0xFFFF: return "thread"
    default: return isNil ? "nil" : "boolean"
    }
  }
}
