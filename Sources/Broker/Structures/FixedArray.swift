// FixedArray.swift: values that cannot be copied, side by side.

/// An array of non-copyable values, which are changed in place.
@safe
struct FixedArray<Element: ~Copyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private(set) var count: Int
  private var capacity: Int

  init() {
    capacity = 4
    count = 0
    unsafe base = .allocate(capacity: 4)
  }

  init(count: Int, _ make: (Int) -> Element) {
    self.init()
    for index in 0..<count { append(make(index)) }
  }

  deinit {
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  mutating func append(_ element: consuming Element) {
    if count == capacity {
      let moved = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
      unsafe moved.moveInitialize(from: base, count: count)
      unsafe base.deallocate()
      unsafe base = moved
      capacity *= 2
    }
    unsafe (base + count).initialize(to: element)
    count += 1
  }

  @inline(__always)
  subscript(index: Int) -> Element {
    unsafeAddress {
      precondition(index >= 0 && index < count)
      return unsafe UnsafePointer(base + index)
    }
    unsafeMutableAddress {
      precondition(index >= 0 && index < count)
      return unsafe base + index
    }
  }

  /// Exchanges the values at two places.
  mutating func swapAt(_ a: Int, _ b: Int) {
    guard a != b else { return }
    precondition(a >= 0 && a < count && b >= 0 && b < count)
    let moved = unsafe (base + a).move()
    unsafe (base + a).initialize(to: (base + b).move())
    unsafe (base + b).initialize(to: moved)
  }
}
