// HashedValue+Integers.swift: sets of integers, as numbers side by side in ascending order.
//
// All have the size that the widest of them needs: 2, 4 or 8 bytes, little-endian; its logarithm is
// in the two upper bits of the flags. One that needs more makes all of them wider.

import RESP

extension HashedValue {
  private static var numbersOffset: Int { 8 }
  private static var sizeShift: UInt8 { 6 }

  /// An empty set with room for a few small numbers.
  static func makeIntegers() -> Self {
    let value = Self.allocate(size: 24)
    value.store(UInt32(HashedForm.integers.rawValue), at: 4)
    value.numberSize = 2
    return value
  }

  /// Bytes of each number.
  @inline(__always) private(set) var numberSize: Int {
    get { 1 << Int(load(5, as: UInt8.self) >> Self.sizeShift) }
    nonmutating set {
      let other = load(5, as: UInt8.self) & (1 << Self.sizeShift - 1)
      store(other | UInt8(newValue.trailingZeroBitCount) << Self.sizeShift, at: 5)
    }
  }

  /// The number at `index`, counted from the smallest.
  @inline(__always)
  func number(at index: Int) -> Int64 {
    switch numberSize {
    case 2: Int64(load(Self.numbersOffset + index * 2, as: Int16.self))
    case 4: Int64(load(Self.numbersOffset + index * 4, as: Int32.self))
    default: load(Self.numbersOffset + index * 8)
    }
  }

  private func setNumber(_ number: Int64, at index: Int) {
    switch numberSize {
    case 2: store(Int16(number), at: Self.numbersOffset + index * 2)
    case 4: store(Int32(number), at: Self.numbersOffset + index * 4)
    default: store(number, at: Self.numbersOffset + index * 8)
    }
  }

  /// Where `number` is, or would come.
  func place(of number: Int64) -> (index: Int, isThere: Bool) {
    var low = 0, high = smallCount
    if high > 0, self.number(at: high - 1) < number { return (high, false) }
    while low < high {
      let middle = (low + high) / 2, found = self.number(at: middle)
      if found == number { return (middle, true) }
      if found < number { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  /// Adds a number; there must be room for one more in the count.
  ///
  /// - Returns: whether it is new.
  mutating func insertNumber(_ number: Int64) -> Bool {
    let (index, isThere) = place(of: number)
    guard !isThere else { return false }
    let count = smallCount
    let size = max(numberSize, Self.size(of: number))
    let needed = Self.numbersOffset + (count + 1) * size
    if needed > usableSize { self = resized(to: needed > 256 ? needed + needed / 8 : needed) }
    if size > numberSize { widen(to: size) }
    let place = Self.numbersOffset + index * size
    move(from: place, to: place + size, size: (count - index) * size)
    setNumber(number, at: index)
    smallCount = count + 1
    return true
  }

  private static func size(of number: Int64) -> Int {
    Int16(exactly: number) != nil ? 2 : Int32(exactly: number) != nil ? 4 : 8
  }

  /// Gives each number `size` bytes; there is room for them.
  private func widen(to size: Int) {
    let old = numberSize
    for index in (0..<smallCount).reversed() {
      numberSize = old
      let number = number(at: index)
      numberSize = size
      setNumber(number, at: index)
    }
    numberSize = size
  }

  /// Takes a number out.
  ///
  /// - Returns: whether it was there.
  mutating func removeNumber(_ number: Int64) -> Bool {
    let (index, isThere) = place(of: number)
    guard isThere else { return false }
    let count = smallCount, size = numberSize
    let place = Self.numbersOffset + index * size
    move(from: place + size, to: place, size: (count - 1 - index) * size)
    smallCount = count - 1
    let needed = Self.numbersOffset + (count - 1) * size
    if usableSize > 2 * needed + 32 { self = resized(to: max(24, needed)) }
    return true
  }
}
