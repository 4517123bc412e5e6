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

// MARK: Chunks by place

extension List {
  /// Which chunk of the list.
  enum Place: Equatable {
    case front
    case spine(node: Int, slot: Int)
    case back
  }

  func chunk(at place: Place) -> ListChunk? {
    switch place {
    case .front: front
    case .spine(let node, let slot): spine?[node][slot]
    case .back: back
    }
  }

  func place(after place: Place) -> Place? {
    switch place {
    case .front:
      return spine != nil ? .spine(node: 0, slot: 0) : back != nil ? .back : nil
    case .spine(let node, let slot):
      guard let spine else { return nil }
      if slot + 1 < spine[node].count { return .spine(node: node, slot: slot + 1) }
      return node + 1 < spine.count ? .spine(node: node + 1, slot: 0) : .back
    case .back:
      return nil
    }
  }

  func place(before place: Place) -> Place? {
    switch place {
    case .front:
      return nil
    case .spine(let node, let slot):
      guard let spine else { return nil }
      if slot > 0 { return .spine(node: node, slot: slot - 1) }
      return node > 0 ? .spine(node: node - 1, slot: spine[node - 1].count - 1) : .front
    case .back:
      guard let spine else { return .front }
      return .spine(node: spine.count - 1, slot: spine[spine.count - 1].count - 1)
    }
  }

  /// The chunk with the element number `index`, and that element's number within it.
  /// - Complexity: O(nodes of the spine).
  func locate(_ index: Int) -> (place: Place, within: Int) {
    precondition(index >= 0 && index < count)
    guard let front else { preconditionFailure("an empty list has no elements") }
    if index < front.count { return (.front, index) }
    var rest = index - front.count
    guard let spine, rest < spine.elements else {
      return (.back, rest - (spine?.elements ?? 0))
    }
    for node in 0..<spine.count {
      let elements = spine[node].elements
      if rest >= elements {
        rest -= elements
        continue
      }
      for slot in 0..<spine[node].count {
        let inChunk = spine[node][slot].count
        if rest < inChunk { return (.spine(node: node, slot: slot), rest) }
        rest -= inChunk
      }
    }
    preconditionFailure("the spine counts more elements than it has")
  }

  /// The chunk at `place`, not shared with anyone.
  @discardableResult
  func unshare(_ place: Place, _ chunk: ListChunk) -> ListChunk {
    // First what holds the chunk: copying a node makes its chunks shared.
    if case .spine(let node, _) = place { _ = unsharedSpine()?.unshared(node) }
    guard chunk.isShared else { return chunk }
    let copy = chunk.copied(capacity: chunk.capacity, roomAt: .tail)
    copy.recenterLike(chunk)
    switch place {
    case .front: front = copy
    case .back: back = copy
    case .spine(let node, let slot): spine?[node][slot] = copy
    }
    chunk.release()
    return copy
  }

  /// Puts `chunks` in the place of the one there, which is released. Counts are the caller's.
  func splice(_ place: Place, with chunks: [ListChunk]) {
    switch place {
    case .front:
      guard let first = chunks.first else {
        dropChunk(.head)?.release()
        return
      }
      front?.release()
      front = first
      for chunk in chunks.dropFirst().reversed() {
        guard back != nil else {
          back = chunk
          continue
        }
        spine = (unsharedSpine() ?? ListSpine.make(capacity: 4)).prepend(chunk)
      }
    case .back:
      guard let last = chunks.last else {
        dropChunk(.tail)?.release()
        return
      }
      back?.release()
      back = last
      for chunk in chunks.dropLast() {
        spine = (unsharedSpine() ?? ListSpine.make(capacity: 4)).append(chunk)
      }
    case .spine(var node, var slot):
      guard var spine = unsharedSpine() else { return }
      guard let first = chunks.first else {
        spine.remove(node: node, slot: slot).release()
        if spine.count == 0 {
          spine.release()
          self.spine = nil
        }
        return
      }
      let holder = spine.unshared(node)
      let change = first.count - holder[slot].count
      holder[slot].release()
      holder[slot] = first
      holder.note(first.lowestRank)
      holder.elements += change
      spine.elements += change
      for chunk in chunks.dropFirst().reversed() {
        spine = spine.insert(chunk, node: node, slot: slot + 1)
        if slot >= spine[node].count {
          slot -= spine[node].count
          node += 1
        }
      }
      self.spine = spine
    }
  }
}

extension ListChunk {
  /// Puts the elements of a copy where the original has them, so that both ends keep their room.
  fileprivate func recenterLike(_ other: ListChunk) {
    let used = used
    move(from: Self.headerSize + start, to: Self.headerSize + other.start, size: used)
    start = other.start
    end = start + used
  }
}

// MARK: Walking and searching

extension List {
  /// A place between elements, from which a walk goes on in either direction.
  ///
  /// Valid until the list changes.
  struct Cursor {
    fileprivate let list: List
    fileprivate var place: List.Place
    fileprivate var chunk: ListChunk
    fileprivate var offset: Int
    /// Number within the chunk of the element that `next` gives.
    fileprivate var within: Int
    /// Number in the list of the element that `next` gives.
    fileprivate(set) var index: Int
    /// Where in its chunk the element is that was given last.
    fileprivate var given = 0

    /// The mark of the element that was given last, 0 for none.
    var mark: UInt64 { chunk.mark(at: given) }

    /// The element behind the cursor, over which it moves; nil at the end.
    mutating func next() -> ByteView? {
      if within == chunk.count {
        guard let place = list.place(after: place), let chunk = list.chunk(at: place) else {
          return nil
        }
        self.place = place
        self.chunk = chunk
        offset = chunk.start
        within = 0
      }
      let element = chunk.element(at: offset)
      given = offset
      offset = element.next
      within += 1
      index += 1
      return element.bytes
    }

    /// The element before the cursor, over which it moves back; nil at the start.
    mutating func previous() -> ByteView? {
      if within == 0 {
        guard let place = list.place(before: place), let chunk = list.chunk(at: place) else {
          return nil
        }
        self.place = place
        self.chunk = chunk
        offset = chunk.end
        within = chunk.count
      }
      offset = chunk.previous(to: offset)
      given = offset
      within -= 1
      index -= 1
      return chunk.element(at: offset).bytes
    }
  }

  /// A cursor before the element number `index`; `count` means behind the last.
  func cursor(at index: Int) -> Cursor? {
    guard count > 0, let front else { return nil }
    if index == count {
      let chunk = back ?? front
      return Cursor(
        list: self, place: back != nil ? .back : .front, chunk: chunk, offset: chunk.end,
        within: chunk.count, index: index)
    }
    let (place, within) = locate(index)
    guard let chunk = chunk(at: place) else { return nil }
    return Cursor(
      list: self, place: place, chunk: chunk, offset: chunk.offset(ofIndex: within),
      within: within, index: index)
  }

  /// The element number `index`, valid until the list changes.
  subscript(index: Int) -> ByteView {
    guard var cursor = cursor(at: index), let element = cursor.next() else {
      preconditionFailure("index out of range")
    }
    return element
  }

  /// Calls `body` with the elements `range`, in order.
  func forEach(in range: Range<Int>, _ body: (ByteView) -> Void) {
    guard !range.isEmpty, var cursor = cursor(at: range.lowerBound) else { return }
    for _ in range {
      guard let element = cursor.next() else { return }
      body(element)
    }
  }
}

// MARK: Many at an end

extension List {
  /// Drops `number` elements at `end`; whole chunks and nodes go to `graveyard` unread.
  func remove(_ number: Int, at end: End, into graveyard: inout Graveyard) {
    precondition(number <= count)
    var left = number
    while left > 0, let chunk = end == .tail ? back ?? front : front, chunk.count <= left {
      left -= chunk.count
      count -= chunk.count
      if let dropped = dropChunk(end) { graveyard.bury(dropped) }
      // The chunk just taken from the spine is at the end now: whole nodes behind it can go at once.
      while let spine, spine.count > 1 {
        let index = end == .head ? 0 : spine.count - 1
        let endCount = (end == .head ? front : back)?.count ?? 0
        guard spine[index].elements + endCount <= left, let writable = unsharedSpine() else {
          break
        }
        left -= writable[index].elements
        count -= writable[index].elements
        graveyard.bury(writable.takeNode(at: index))
      }
    }
    for _ in 0..<left { remove(at: end) }
  }
}

extension ListSpine {
  /// Takes the whole node at `index` out and hands over its ownership.
  fileprivate func takeNode(at index: Int) -> SpineNode {
    assert(!isShared)
    let node = self[index]
    elements -= node.elements
    removeNode(at: index)
    return node
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

// MARK: Snapshots

/// The chunks of a list in a snapshot, one by one from the head.
///
/// What has been handed out is let go at once, as `TableItems` does. It may live on another thread
/// than the list.
struct ListChunks: ~Copyable {
  private var front: ListChunk?, back: ListChunk?
  /// What is still to come of the spine, the next one last; all of it owned.
  private var nodes: [SpineNode] = []
  private var chunks: [ListChunk] = []

  /// No chunks.
  init() {
    front = nil
    back = nil
  }

  /// Takes over one ownership of `list`.
  init(_ list: List) {
    front = list.front
    back = list.back
    front?.retain()
    back?.retain()
    if let spine = list.spine {
      for index in (0..<spine.count).reversed() {
        spine[index].retain()
        nodes.append(spine[index])
      }
    }
    list.release()
  }

  deinit {
    front?.release()
    back?.release()
    for node in nodes { node.release() }
    for chunk in chunks { chunk.release() }
  }

  /// The next chunk, which the caller owns.
  mutating func next() -> ListChunk? {
    if let first = front {
      front = nil
      return first
    }
    if let chunk = chunks.popLast() { return chunk }
    if let node = nodes.popLast() {
      for index in (0..<node.count).reversed() {
        node[index].retain()
        chunks.append(node[index])
      }
      node.release()
      return chunks.popLast()
    }
    defer { back = nil }
    return back
  }
}
