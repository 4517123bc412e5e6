// Ref.swift: the two trivial handles on memory that everything of the interpreter is made of.
//
// Values, objects and frames lie in memory of our own and not in Swift classes: a class would cost
// a retain and a release for every register that moves, which is more than most instructions do.
// What keeps this safe is the collector (Collector.swift): an object is freed only when nothing that
// it can reach from its roots refers to it, and it runs at safe points alone, where every live value is
// in a root. So a handle is good until the next safe point, and longer if its object is rooted.

/// A handle of an object on the heap.
///
/// Invariant: the object lives for as long as the handle is used.
@safe
public struct Ref<Body>: BitwiseCopyable {
  let pointer: UnsafeMutablePointer<Body>

  @inline(__always)
  init(_ pointer: UnsafeMutablePointer<Body>) { unsafe self.pointer = pointer }

  /// The object itself, to read and to change in place.
  var body: Body {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer }
  }

  @inline(__always)
  var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

  /// The address as a number.
  @inline(__always)
  var addressBits: UInt64 { UInt64(UInt(bitPattern: unsafe address)) }

  /// The same object with all its fields, or with its header alone.
  @inline(__always)
  func cast<Other>(to: Other.Type) -> Ref<Other> {
    unsafe Ref<Other>(address.assumingMemoryBound(to: Other.self))
  }

  @inline(__always)
  static func == (a: Ref, b: Ref) -> Bool { unsafe a.pointer == b.pointer }

  @inline(__always)
  static func != (a: Ref, b: Ref) -> Bool { unsafe a.pointer != b.pointer }
}

/// A run of elements in memory of our own: registers, constants, code, nodes, bytes.
///
/// Invariant: an index given to it lies in the run its owner allocated; the compiler's bounds
/// (registers, constants, jumps) and the table's own counts see to that.
@safe
struct Memory<Element: BitwiseCopyable>: BitwiseCopyable {
  let pointer: UnsafeMutablePointer<Element>

  @inline(__always)
  init(_ pointer: UnsafeMutablePointer<Element>) { unsafe self.pointer = pointer }

  /// A run without elements.
  static var none: Memory {
    unsafe Memory(UnsafeMutablePointer(bitPattern: 16).unsafelyUnwrapped)
  }

  /// Room for `count` elements, not yet initialised.
  static func allocate(_ count: Int) -> Memory {
    unsafe Memory(UnsafeMutablePointer<Element>.allocate(capacity: max(1, count)))
  }

  static func allocate(_ count: Int, filledWith element: Element) -> Memory {
    let memory = allocate(count)
    memory.fill(0..<count, with: element)
    return memory
  }

  func free() { unsafe pointer.deallocate() }

  @inline(__always)
  subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer + index) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer + index }
  }

  @inline(__always)
  static func + (memory: Memory, offset: Int) -> Memory { unsafe Memory(memory.pointer + offset) }

  /// Elements from `other` up to here.
  @inline(__always)
  static func - (a: Memory, b: Memory) -> Int { unsafe a.pointer - b.pointer }

  @inline(__always)
  static func == (a: Memory, b: Memory) -> Bool { unsafe a.pointer == b.pointer }

  @inline(__always)
  func fill(_ range: Range<Int>, with element: Element) {
    var index = range.lowerBound
    while index < range.upperBound {
      self[index] = element
      index &+= 1
    }
  }

  /// Copies `count` elements of `source` here; the runs may overlap.
  @inline(__always)
  func copy(_ source: Memory, count: Int) {
    unsafe pointer.update(from: source.pointer, count: count)
  }

  /// The same elements in a run of another size; the old run is gone.
  func resized(from oldCount: Int, to count: Int) -> Memory {
    let memory = Memory.allocate(count)
    memory.copy(self, count: min(oldCount, count))
    free()
    return memory
  }
}
