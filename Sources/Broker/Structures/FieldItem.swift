// FieldItem.swift: a field of a big hash with its value, or a member of a big set: one block.
//
//     offset  size  field
//          0     4  owners
//          4     1  shape       bit 0: there is a deadline; bit 1: sizes are long
//          5     1  fieldSize   ┐ short sizes
//          6     2  valueSize   ┘
//          8     8  fieldSize   ┐ long sizes
//         16     8  valueSize   ┘
//     8 | 24     8  deadline    ms since 1970, only if there is one
//          …     …  the field, then the value
//
// An item whose value changes is changed in place where the memory is the same and nobody shares it,
// else it gets a successor. A deadline never changes: other tables have the item in its order.

import RESP

@safe
struct FieldItem: HashItem {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static let hasDeadline: UInt8 = 1, isLong: UInt8 = 2

  @inline(__always) private var shape: UInt8 { load(4) }
  @inline(__always) private var isLong: Bool { shape & Self.isLong != 0 }
  @inline(__always) private var deadlineOffset: Int { isLong ? 24 : 8 }
  @inline(__always) private var fieldOffset: Int {
    Self.fieldOffset(isLong: isLong, hasDeadline: hasDeadline)
  }
  @inline(__always) private var fieldSize: Int {
    isLong ? load(8) : Int(load(5, as: UInt8.self))
  }
  @inline(__always) private var valueSize: Int {
    isLong ? load(16) : Int(load(6, as: UInt16.self))
  }

  @inline(__always)
  private static func fieldOffset(isLong: Bool, hasDeadline: Bool) -> Int {
    (isLong ? 24 : 8) + (hasDeadline ? 8 : 0)
  }

  @inline(__always) var key: ByteView { view(at: fieldOffset, size: fieldSize) }
  @inline(__always) var value: ByteView { view(at: fieldOffset + fieldSize, size: valueSize) }
  @inline(__always) var hasDeadline: Bool { shape & Self.hasDeadline != 0 }
  /// When the field goes, in ms since 1970.
  var deadline: Int64? { hasDeadline ? load(deadlineOffset) : nil }

  static func make(_ field: ByteView, _ value: ByteView, deadline: Int64? = nil) -> FieldItem {
    let isLong = !isShort(field.count, value.count)
    let offset = fieldOffset(isLong: isLong, hasDeadline: deadline != nil)
    let item = FieldItem.allocate(size: offset + field.count + value.count)
    item.store((deadline == nil ? 0 : Self.hasDeadline) | (isLong ? Self.isLong : 0), at: 4)
    if isLong {
      item.store(field.count, at: 8)
      item.store(value.count, at: 16)
    } else {
      item.store(UInt8(field.count), at: 5)
      item.store(UInt16(value.count), at: 6)
    }
    if let deadline { item.store(deadline, at: item.deadlineOffset) }
    item.write(field, at: offset)
    item.write(value, at: offset + field.count)
    return item
  }

  private static func isShort(_ fieldSize: Int, _ valueSize: Int) -> Bool {
    fieldSize <= UInt8.max && valueSize <= UInt16.max
  }

  /// Puts another value in the place of the one there, where that takes the same memory.
  ///
  /// - Returns: false when it needs an item of its own; nothing has changed then.
  func replaceValue(_ value: ByteView) -> Bool {
    guard !isShared, Self.isShort(fieldSize, value.count) != isLong else { return false }
    let spare = usableSize - (fieldOffset + fieldSize + value.count)
    guard spare >= 0, spare < 16 else { return false }  // The step of the allocator's sizes.
    if isLong { store(value.count, at: 16) } else { store(UInt16(value.count), at: 6) }
    write(value, at: fieldOffset + fieldSize)
    return true
  }

  func releaseChildren() {}

  /// Frees the item, out of its table: a large one in slices.
  func bury(in graveyard: inout Graveyard) {
    if usableSize > Graveyard.partSize {
      unsafe graveyard.bury(Blob(address: address))  // No item has anything but its memory.
    } else {
      release()
    }
  }
}

/// An item in the order of deadlines: whose second comes first lies first.
@safe
struct ItemDeadline: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  init(_ item: FieldItem) { unsafe address = item.address }

  var item: FieldItem { unsafe FieldItem(address: address) }
  var key: ByteView { item.key }
  func releaseChildren() { item.releaseChildren() }

  /// Deadlines end here: some two thousand years from now.
  static let deadlineMax = Int64(1) << 46 - 1

  /// The second of the deadline, then bits of the field's hash: they tell apart what goes together.
  func hash(by hash: KeyHash) -> UInt64 {
    (UInt64(bitPattern: item.deadline ?? 0) >> 10) << 28 | hash(key) >> 36
  }
}
