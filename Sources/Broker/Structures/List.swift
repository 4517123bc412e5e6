// List.swift: a list of byte strings, a queue above all.
//
//     front ─ spine: chunk chunk chunk … ─ back
//
// The first and last chunk are at hand, so that a push or a pop touches one chunk; the others hang
// in the spine. One chunk alone is the front; the spine has chunks only when there is a back.
// Invariants (`checkInvariants()`):
//   1. no chunk is empty; count is the sum of the chunks' counts
//   2. back ⇒ front, spine ⇒ back
// A list may have a line: the number by which its owner knows the marks of its elements (ListChunk).
// Everything is copied on write, chunk by chunk, when a snapshot shares it (Block.swift).

import Glibc
import RESP

///     offset  size  field
///          0     4  owners
///          4     4  line     0 for none: no element has a mark then
///          8     8  count    elements
///         16     8  front    chunk, or 0
///         24     8  back     chunk, or 0
///         32     8  spine    or 0
@safe
struct List: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  typealias End = ListChunk.End

  static func make() -> List {
    let list = List.allocate(size: 40)
    unsafe memset(list.address + 4, 0, 36)
    return list
  }

  @inline(__always) var line: UInt32 {
    get { load(4) }
    nonmutating set { store(newValue, at: 4) }
  }
  @inline(__always) var count: Int {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }
  @inline(__always) var front: ListChunk? {
    get { unsafe load(16, as: UnsafeMutableRawPointer?.self).map { unsafe ListChunk(address: $0) } }
    nonmutating set { unsafe store(newValue?.address, at: 16) }
  }
  @inline(__always) var back: ListChunk? {
    get { unsafe load(24, as: UnsafeMutableRawPointer?.self).map { unsafe ListChunk(address: $0) } }
    nonmutating set { unsafe store(newValue?.address, at: 24) }
  }
  var spine: ListSpine? {
    get { unsafe load(32, as: UnsafeMutableRawPointer?.self).map { unsafe ListSpine(address: $0) } }
    nonmutating set { unsafe store(newValue?.address, at: 32) }
  }
  var isEmpty: Bool { count == 0 }
  /// Whether it is to be freed in slices.
  var isLong: Bool {
    func isLong(_ chunk: ListChunk?) -> Bool {
      chunk.map { $0.capacity > Graveyard.partSize } ?? false
    }
    return spine != nil || isLong(front) || isLong(back)
  }

  func releaseChildren() {
    front?.release()
    back?.release()
    spine?.release()
  }

  /// A list of the same chunks, for the writer who finds this one shared.
  func copied() -> List {
    let copy = List.allocate(size: 40)
    copy.write(view(at: 4, size: 36), at: 4)
    front?.retain()
    back?.retain()
    spine?.retain()
    return copy
  }

  /// A list of the same bytes without marks, which has no line: nothing is shared. O(bytes).
  func withoutMarks() -> List {
    let copy = List.make()
    forEach(in: 0..<count) { copy.push($0, at: .tail) }
    return copy
  }

  // MARK: The ends

  /// The element at `end`, valid until the list changes; the list must not be empty.
  @inline(__always)
  func element(at end: End) -> ByteView {
    guard let front else { preconditionFailure("an empty list has no elements") }
    return end == .head ? front.first : (back ?? front).last
  }

  /// The mark of the element at `end`, 0 for none; the list must not be empty.
  func mark(at end: End) -> UInt64 {
    guard let front else { preconditionFailure("an empty list has no elements") }
    if end == .head { return front.mark(at: front.start) }
    let chunk = back ?? front
    return chunk.mark(at: chunk.previous(to: chunk.end))
  }

  /// Adds `element` at `end`. Amortised O(size).
  @inline(__always)
  func push(_ element: ByteView, mark: UInt64 = 0, rank: UInt8 = 0, at end: End) {
    if let chunk = endChunk(end), chunk.push(element, mark: mark, rank: rank, at: end) {
      count += 1
    } else {
      pushWithoutRoom(element, mark: mark, rank: rank, at: end)
    }
  }

  /// The label of the chunk at `end`; the list must not be empty.
  func label(at end: End) -> Int64 {
    guard let front else { preconditionFailure("an empty list has no chunks") }
    return end == .head ? front.label : (back ?? front).label
  }

  /// Drops the element at `end`; the list must not be empty.
  @inline(__always)
  func remove(at end: End) {
    guard let chunk = endChunk(end) else { preconditionFailure("an empty list has no elements") }
    if end == .head { chunk.removeFirst() } else { chunk.removeLast() }
    count -= 1
    if chunk.count == 0 { dropChunk(end)?.release() }
  }

  /// The chunk at `end`, not shared with anyone.
  @inline(__always)
  private func endChunk(_ end: End) -> ListChunk? {
    if end == .tail, let chunk = back {
      return chunk.isShared ? unshare(.back, chunk) : chunk
    }
    guard let chunk = front else { return nil }
    return chunk.isShared ? unshare(.front, chunk) : chunk
  }

  /// Takes the chunk at `end` out of the list, without its elements being uncounted.
  func dropChunk(_ end: End) -> ListChunk? {
    let spineChunk: (ListSpine, End) -> ListChunk = { spine, end in
      let node = end == .head ? 0 : spine.count - 1
      let chunk = spine.remove(node: node, slot: end == .head ? 0 : spine[node].count - 1)
      if spine.count == 0 {
        spine.release()
        self.spine = nil
      }
      return chunk
    }
    if end == .tail, let old = back {
      back = unsharedSpine().map { spineChunk($0, .tail) }
      return old
    }
    let old = front
    if let spine = unsharedSpine() {
      front = spineChunk(spine, .head)
    } else {
      front = back
      back = nil
    }
    return old
  }

  func unsharedSpine() -> ListSpine? {
    guard let spine, spine.isShared else { return spine }
    let copy = spine.copied()
    spine.release()
    self.spine = copy
    return copy
  }

  private func pushWithoutRoom(_ element: ByteView, mark: UInt64, rank: UInt8, at end: End) {
    // Alone in its chunk an element is as it is, one with a mark has its head and tail.
    let isMarked = mark != 0
    let size = isMarked ? ListChunk.mixedSize(element.count, isMarked: true) : element.count
    count += 1
    guard let chunk = endChunk(end) else {
      let room = size > ListChunk.sizeMax / 2 ? size : max(64, size * 2)
      let first = ListChunk.make(capacity: room, fillingFrom: end)
      _ = first.push(element, mark: mark, rank: rank, at: end)
      front = first
      return
    }
    let needed = chunk.sizeWith(element.count, isMarked: isMarked)
    if needed <= ListChunk.sizeMax, chunk.count < ListChunk.countMax {
      let mixing = chunk.isUniform && (isMarked || Int(chunk.elementSize) != size)
      if !mixing, chunk.used <= chunk.capacity / 2, needed <= chunk.capacity {
        chunk.recenter(for: end)
        _ = chunk.push(element, mark: mark, rank: rank, at: end)
        return
      }
      if mixing || chunk.capacity + size <= ListChunk.sizeMax {
        let isMixed = mixing || isMarked
        let capacity =
          back != nil
          ? roomMax(size, isMixed) : min(max(needed, chunk.capacity) * 2, roomMax(size, isMixed))
        let grown = chunk.copied(capacity: max(capacity, needed), roomAt: end, mixed: mixing)
        if end == .tail, back != nil { back = grown } else { front = grown }
        chunk.release()
        _ = grown.push(element, mark: mark, rank: rank, at: end)
        return
      }
    }
    let next = ListChunk.make(
      capacity: size > ListChunk.sizeMax / 2 ? size : roomMax(size, isMarked), fillingFrom: end)
    _ = next.push(element, mark: mark, rank: rank, at: end)
    addChunk(next, at: end)
  }

  /// The payload of a full chunk: of equal elements no more than they fill.
  func roomMax(_ size: Int, _ mixed: Bool) -> Int {
    guard !mixed, size > 0 else { return ListChunk.sizeMax }
    return max(1, ListChunk.sizeMax / size) * size
  }

  /// Puts a filled chunk at `end`; its elements are counted by the caller.
  func addChunk(_ chunk: ListChunk, at end: End) {
    guard let front else {
      self.front = chunk
      return
    }
    chunk.label =
      end == .head ? front.label.less(Self.labelStep) : (back ?? front).label.more(Self.labelStep)
    guard let back else {
      if end == .tail {
        self.back = chunk
      } else {
        self.back = front
        self.front = chunk
      }
      return
    }
    let spine = unsharedSpine() ?? ListSpine.make(capacity: 4)
    if end == .tail {
      self.spine = spine.append(back)
      self.back = chunk
    } else {
      self.spine = spine.prepend(front)
      self.front = chunk
    }
  }

  /// Adds a whole chunk, not empty, behind the last; its ownership is taken over.
  func append(_ chunk: ListChunk) {
    assert(!isShared && chunk.count > 0)
    count += chunk.count
    addChunk(chunk, at: .tail)
  }

  func checkInvariants() {
    var total = 0
    if let front {
      front.checkInvariants()
      precondition(front.count > 0)
      total += front.count
    }
    if let back {
      precondition(front != nil)
      back.checkInvariants()
      precondition(back.count > 0)
      total += back.count
    }
    if let spine {
      precondition(back != nil && spine.count > 0)
      spine.checkInvariants()
      total += spine.elements
    }
    precondition(total == count)
  }
}

extension List {
  /// Memory of the list, in bytes: exact at its ends, by the mean of one node in between.
  var memoryUsage: Int {
    var total = usableSize + 8
    if let front { total += front.usableSize + 8 }
    if let back { total += back.usableSize + 8 }
    guard let spine else { return total }
    total += spine.usableSize + 8
    let node = spine[0]
    var inNode = node.usableSize + 8
    for slot in 0..<node.count { inNode += node[slot].usableSize + 8 }
    return total + Int(Double(inNode) * Double(spine.elements) / Double(max(1, node.elements)))
  }
}
