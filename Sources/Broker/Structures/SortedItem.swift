// SortedItem.swift: a member of a sorted set with its score, once in memory.
//
// The index by rank and the table by member both own the item, so a member's bytes exist once. An
// item is written only by who knows all its owners; otherwise a change of score makes a new item.

import RESP

///     offset  size  field
///          0     4  owners
///          4     4  size     bytes of the member
///          8     8  score
///         16     …  the member
@safe
struct SortedItem: HashItem {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static var headerSize: Int { 16 }

  /// An item with one owner.
  static func make(_ member: ByteView, _ score: Double) -> SortedItem {
    let item = SortedItem.allocate(size: headerSize + member.count)
    item.store(UInt32(member.count), at: 4)
    item.store(score, at: 8)
    item.write(member, at: headerSize)
    return item
  }

  /// The member.
  @inline(__always)
  var key: ByteView { view(at: Self.headerSize, size: Int(load(4, as: UInt32.self))) }

  @inline(__always) var score: Double {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }

  @inline(__always)
  static func == (a: SortedItem, b: SortedItem) -> Bool { unsafe a.address == b.address }

  func releaseChildren() {}
}
