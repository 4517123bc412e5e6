// Objects.swift: what lies on the heap, field by field. Each begins with a `Header`.

/// What kind of object a header begins.
enum ObjectKind: UInt8 {
  case string, table, closure, native, upvalue, prototype, thread
}

/// The first 16 bytes of every object.
struct Header: BitwiseCopyable {
  /// The next object of the heap; of a string, the next one in its bucket.
  var next: Object?
  var kind: ObjectKind
  /// The collector has reached it (in this collection).
  var isMarked: Bool
  /// Of a table: the metamethods it is known to lack when it serves as a metatable, a bit each.
  var absent: UInt8 = 0
  /// Of a string: 1 + its place among the reserved words, or 0. Of a table: it is read-only if not 0.
  var extra: UInt8 = 0
  /// Of a string: its hash.
  var hash: UInt32 = 0
}

public typealias LuaString = Ref<StringBody>
public typealias Table = Ref<TableBody>
typealias Object = Ref<Header>
typealias Closure = Ref<ClosureBody>
typealias Native = Ref<NativeBody>
typealias Upvalue = Ref<UpvalueBody>
typealias Prototype = Ref<PrototypeBody>
typealias Thread = Ref<ThreadBody>

/// A string; its bytes follow, and a zero that is not counted.
public struct StringBody: BitwiseCopyable {
  var header: Header
  let count: Int
}

/// A table: elements 1 ... arrayCount in an array, all others in nodes (Table.swift).
public struct TableBody: BitwiseCopyable {
  var header: Header
  var metatable: Table?
  var array: Memory<Value>
  var nodes: Memory<Node>
  var arrayCount: Int
  /// The count of nodes is 1 << nodeBits; none at all is one shared empty node.
  var nodeMask: UInt32
  /// Nodes from here on are in use (see `Table.insert`).
  var lastFree: Int32
  /// Of those that the collector found to have weak keys or values: the next one.
  var nextWeak: Table?
}

/// An entry of a table's hash part.
struct Node: BitwiseCopyable {
  var key: Value
  var value: Value
  /// The distance to the next node of the same chain; 0 at its end.
  var next: Int
}

/// A function of Lua: code with the variables it caught. Its upvalues follow.
struct ClosureBody: BitwiseCopyable {
  var header: Header
  let prototype: Prototype
  var environment: Table
  let upvalueCount: Int
}

/// A function of the host. Its own values follow.
struct NativeBody: BitwiseCopyable {
  var header: Header
  /// Its place among the machine's native functions.
  let function: Int
  let valueCount: Int
}

/// A local variable that a closure caught: in its register while that lives ("open"), then in here.
struct UpvalueBody: BitwiseCopyable {
  var header: Header
  /// Where the value is: a register of a thread, or `closed`.
  var location: Memory<Value>
  var closed: Value
  /// The open upvalue of the next register below.
  var nextOpen: Upvalue?
}

/// A compiled function.
struct PrototypeBody: BitwiseCopyable {
  var header: Header
  var code: Memory<Instruction>
  var codeCount: Int
  var constants: Memory<Value>
  var constantCount: Int
  var children: Memory<Prototype>
  var childCount: Int
  /// The source line of each instruction.
  var lines: Memory<Int32>
  /// For messages: which register is which variable where.
  var locals: Memory<LocalName>
  var localCount: Int
  var upvalueNames: Memory<LuaString>
  var upvalueCount: Int
  var parameterCount: Int
  var isVariadic: Bool
  /// It has the old local `arg`, as in Lua 5.0.
  var needsArgumentTable: Bool
  /// Registers it needs, at most 250.
  var registerCount: Int
  var source: LuaString
  var line: Int
  var lastLine: Int
}

/// A local variable's name and the instructions over which it lives.
struct LocalName: BitwiseCopyable {
  var name: LuaString
  var start: Int
  var end: Int
}

/// A coroutine, or the main thread: a stack of values and one of calls.
struct ThreadBody: BitwiseCopyable {
  enum Status: UInt8 {
    case fresh, running, suspended, normal, dead
  }

  var header: Header
  var stack: Memory<Value>
  var stackCount: Int
  /// The first free register: where a native function's values end, or the last result of many.
  var top: Int
  var frames: Memory<Frame>
  var frameCapacity: Int
  /// The current call's index.
  var frame: Int
  var openUpvalues: Upvalue?
  var status: Status
  /// The machine's depth of native calls when the thread was resumed: it may yield only there.
  var nativeDepth: Int
  /// Of a thread that has yielded or returned: where its results begin, up to the top.
  var firstResult: Int
}

/// One call under way.
struct Frame: BitwiseCopyable {
  /// Registers from the stack's begin: the function called, its first register, the end of its registers.
  var function: Int
  var base: Int
  var top: Int
  /// Where a Lua function goes on.
  var next: Memory<Instruction>
  /// Results that the caller wants; -1: all.
  var wanted: Int
  /// Tail calls whose frames this one has taken over.
  var tailCalls: Int32
  var isLua: Bool
  /// The machine was entered for this call and leaves with it.
  var isEntry: Bool
}

extension Ref where Body == StringBody {
  @inline(__always)
  public var count: Int { body.count }

  @inline(__always)
  var bytes: Bytes {
    unsafe Bytes(address.advanced(by: MemoryLayout<StringBody>.size), count: count)
  }

  /// Calls `body` with the string's bytes.
  public func withBytes<R>(_ body: (RawSpan) -> R) -> R {
    body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(bytes.start), byteCount: count))
  }
}

extension Ref where Body == ClosureBody {
  @inline(__always)
  var upvalues: Memory<Upvalue> {
    unsafe Memory(
      address.advanced(by: MemoryLayout<ClosureBody>.size).assumingMemoryBound(to: Upvalue.self))
  }
}

extension Ref where Body == NativeBody {
  @inline(__always)
  var values: Memory<Value> {
    unsafe Memory(
      address.advanced(by: MemoryLayout<NativeBody>.size).assumingMemoryBound(to: Value.self))
  }
}

extension Ref where Body == UpvalueBody {
  /// The place of its own value, which it has when it is closed.
  @inline(__always)
  var ownLocation: Memory<Value> {
    unsafe Memory(
      address.advanced(by: MemoryLayout<UpvalueBody>.offset(of: \.closed).unsafelyUnwrapped)
        .assumingMemoryBound(to: Value.self))
  }
}
