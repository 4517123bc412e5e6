// ListChunk.swift: a piece of a list, some KiB of elements side by side.
//
// Elements are added and taken at both ends. Two layouts:
//   uniform  every element has the same size: nothing but their bytes, and any is found by
//            multiplication. Queues of ids, receipts or fixed records cost no byte above their data.
//   mixed    head, bytes, tail for each: the head gives the size forwards, the tail backwards.
//
//     head     0x00...0xEF: that size · 0xF0: u8 · 0xF1: u16 · 0xF2: u32 size behind it, little-endian
//              0xF8 · 0xF9 · 0xFA: the same, then the element's mark, u64
//     tail     size of head and bytes, 7 bits a byte, the low ones last; bit 7: more to the left
//
// A mark is a number that says more of an element to who knows it: that of a job's record. Elements
// with a mark lie in mixed chunks alone, and whoever reads bytes does not see it.
// Beside its mark an element has a rank for the moment in which it is put in: a chunk keeps the lowest
// one, so that a search for a low one need not look into it. Without a mark the rank is 0.
// Labels ascend along a list, though neighbours may have the same one. Who notes the label of the chunk
// into which an element was put finds that element by it later (ListFinding.swift).
// Chunks are blocks: a list that finds one shared with a snapshot copies it before it writes.
// Only ListChunk and List touch them.

import Glibc
import RESP

///     offset  size  field
///          0     4  owners
///          4     3  count        elements
///          7     1  lowest       of a mixed chunk: no element has a lower rank
///          8     4  start        bytes start ..< end of the payload are in use
///         12     4  end
///         16     4  capacity     bytes of payload
///         20     4  elementSize  of a uniform chunk, else `mixed`
///         24     8  label        of its place in the list
///         32     …  payload
@safe
struct ListChunk: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var headerSize: Int { 32 }
  static var mixed: UInt32 { .max }
  /// Payload above which a chunk takes no further element; a bigger element lies alone.
  static var sizeMax: Int { (16 << 10) - headerSize - 8 }
  static var countMax: Int { 1 << 16 }

  enum End { case head, tail }

  @inline(__always) var count: Int {
    get { Int(load(4, as: UInt32.self) & 0xFF_FFFF) }
    nonmutating set {
      store(UInt32(truncatingIfNeeded: newValue) | load(4, as: UInt32.self) & 0xFF00_0000, at: 4)
    }
  }
  @inline(__always) private var lowest: UInt8 {
    get { load(7) }
    nonmutating set { store(newValue, at: 7) }
  }
  /// No element has a rank below this.
  var lowestRank: UInt8 { isUniform ? 0 : lowest }
  var label: Int64 {
    get { load(24) }
    nonmutating set { store(newValue, at: 24) }
  }
  @inline(__always) var start: Int {
    get { Int(load(8, as: UInt32.self)) }
    nonmutating set { store(UInt32(truncatingIfNeeded: newValue), at: 8) }
  }
  @inline(__always) var end: Int {
    get { Int(load(12, as: UInt32.self)) }
    nonmutating set { store(UInt32(truncatingIfNeeded: newValue), at: 12) }
  }
  @inline(__always) var capacity: Int { Int(load(16, as: UInt32.self)) }
  @inline(__always) var elementSize: UInt32 {
    get { load(20) }
    nonmutating set { store(newValue, at: 20) }
  }
  var isUniform: Bool { elementSize != Self.mixed }
  var used: Int { end - start }

  func releaseChildren() {}

  private var isInRegion: Bool { ChunkRegions.takes(Self.headerSize + capacity) }

  var usableSize: Int { isInRegion ? ChunkRegions.chunkSizeMax : mallocSize }

  func free() {
    if isInRegion { unsafe ChunkRegions.free(address) } else { mallocFree() }
  }

  /// An empty chunk with room at `end`'s side for what will be pushed there.
  static func make(capacity: Int, fillingFrom end: End) -> ListChunk {
    let size = headerSize + capacity
    let chunk =
      ChunkRegions.takes(size)
      ? unsafe ListChunk(address: ChunkRegions.allocate()) : ListChunk.allocate(size: size)
    chunk.store(UInt64(1), at: 0)  // One owner, no elements.
    chunk.label = 0
    let place = end == .head ? capacity : 0
    chunk.start = place
    chunk.end = place
    chunk.store(UInt32(capacity), at: 16)
    chunk.elementSize = 0
    return chunk
  }

  @inline(__always)
  private func bytes(_ offset: Int, _ size: Int) -> ByteView {
    view(at: Self.headerSize + offset, size: size)
  }

  @inline(__always)
  private func byte(_ offset: Int) -> UInt8 { load(Self.headerSize + offset) }

  @inline(__always)
  private func put(_ byte: UInt8, _ offset: Int) { store(byte, at: Self.headerSize + offset) }

  // MARK: Layout of one mixed element

  static func headSize(_ size: Int, isMarked: Bool = false) -> Int {
    if isMarked { return markSize + (size <= 0xFF ? 2 : size <= 0xFFFF ? 3 : 5) }
    return size < 0xF0 ? 1 : size <= 0xFF ? 2 : size <= 0xFFFF ? 3 : 5
  }

  /// Bytes of a mark.
  static var markSize: Int { 8 }

  static func tailSize(_ size: Int) -> Int {
    size < 1 << 7 ? 1 : size < 1 << 14 ? 2 : size < 1 << 21 ? 3 : size < 1 << 28 ? 4 : 5
  }

  /// Bytes that an element of `size` takes in a mixed chunk.
  static func mixedSize(_ size: Int, isMarked: Bool = false) -> Int {
    let front = headSize(size, isMarked: isMarked) + size
    return front + tailSize(front)
  }

  private func writeMixed(_ element: ByteView, mark: UInt64 = 0, at offset: Int) {
    let size = element.count
    let head = Self.headSize(size, isMarked: mark != 0)
    let flag: UInt8 = mark == 0 ? 0 : 8
    switch mark == 0 ? head : head - Self.markSize {
    case 1: put(UInt8(size), offset)
    case 2:
      put(0xF0 | flag, offset)
      put(UInt8(size), offset + 1)
    case 3:
      put(0xF1 | flag, offset)
      unsafe address.storeBytes(
        of: UInt16(size).littleEndian, toByteOffset: Self.headerSize + offset + 1, as: UInt16.self)
    default:
      put(0xF2 | flag, offset)
      unsafe address.storeBytes(
        of: UInt32(size).littleEndian, toByteOffset: Self.headerSize + offset + 1, as: UInt32.self)
    }
    if mark != 0 {
      let place = Self.headerSize + offset + head - Self.markSize
      unsafe address.storeBytes(of: mark.littleEndian, toByteOffset: place, as: UInt64.self)
    }
    write(element, at: Self.headerSize + offset + head)
    var left = head + size
    let tail = Self.tailSize(left)
    var place = offset + head + size + tail - 1
    for index in 0..<tail {
      put(UInt8(left & 0x7F) | (index + 1 < tail ? 0x80 : 0), place)
      left >>= 7
      place -= 1
    }
  }

  /// The head at `offset`: its size and that of the element behind it.
  @inline(__always)
  private func readHead(_ offset: Int) -> (head: Int, size: Int) {
    let first = byte(offset)
    if first < 0xF0 { return (1, Int(first)) }
    let place = unsafe address + Self.headerSize + offset + 1
    let mark = first & 8 == 0 ? 0 : Self.markSize
    switch first & 0xF7 {
    case 0xF0: return (2 + mark, Int(byte(offset + 1)))
    case 0xF1:
      return unsafe (3 + mark, Int(UInt16(littleEndian: place.loadUnaligned(as: UInt16.self))))
    default:
      return unsafe (5 + mark, Int(UInt32(littleEndian: place.loadUnaligned(as: UInt32.self))))
    }
  }

  /// Where the element that ends before `offset` begins.
  @inline(__always)
  private func elementStart(before offset: Int) -> Int {
    var place = offset - 1
    var value = 0, shift = 0
    while true {
      let next = byte(place)
      value |= Int(next & 0x7F) << shift
      if next & 0x80 == 0 { break }
      shift += 7
      place -= 1
    }
    return place - value
  }

  // MARK: Reading

  /// The element whose place in the payload is `offset`, and the place of the next one.
  @inline(__always)
  func element(at offset: Int) -> (bytes: ByteView, next: Int) {
    let size = elementSize
    if size != Self.mixed { return (bytes(offset, Int(size)), offset + Int(size)) }
    let head = readHead(offset)
    let front = head.head + head.size
    return (bytes(offset + head.head, head.size), offset + front + Self.tailSize(front))
  }

  /// The mark of the element whose place in the payload is `offset`; 0 for none.
  @inline(__always)
  func mark(at offset: Int) -> UInt64 {
    guard elementSize == Self.mixed else { return 0 }
    let first = byte(offset)
    guard first >= 0xF8 else { return 0 }
    let place = Self.headerSize + offset + readHead(offset).head - Self.markSize
    return unsafe UInt64(
      littleEndian: address.loadUnaligned(fromByteOffset: place, as: UInt64.self))
  }

  /// The place of the element that ends where `offset` begins.
  @inline(__always)
  func previous(to offset: Int) -> Int {
    let size = elementSize
    return size != Self.mixed ? offset - Int(size) : elementStart(before: offset)
  }

  /// The place of the element number `index`, walking from the nearer end.
  func offset(ofIndex index: Int) -> Int {
    if isUniform { return start + index * Int(elementSize) }
    let count = count
    if index <= count / 2 {
      var offset = start
      for _ in 0..<index { offset = element(at: offset).next }
      return offset
    }
    var offset = end
    for _ in index..<count { offset = elementStart(before: offset) }
    return offset
  }

  @inline(__always) var first: ByteView { element(at: start).bytes }
  @inline(__always) var last: ByteView { element(at: previous(to: end)).bytes }

  // MARK: Writing, on chunks that are not shared

  @inline(__always)
  func removeFirst() {
    assert(!isShared)
    start = element(at: start).next
    count -= 1
  }

  @inline(__always)
  func removeLast() {
    assert(!isShared)
    end = previous(to: end)
    count -= 1
  }

  /// Adds `element` where there is room for it without moving anything.
  ///
  /// - Returns: false when it does not fit here as the chunk is; nothing has changed then.
  @inline(__always)
  func push(_ element: ByteView, mark: UInt64 = 0, rank: UInt8 = 0, at side: End) -> Bool {
    assert(!isShared)
    let size = element.count
    if mark == 0, elementSize == UInt32(truncatingIfNeeded: size) || count == 0 {
      let count = count
      if count == 0 { elementSize = UInt32(truncatingIfNeeded: size) }
      guard count < Self.countMax else { return false }
      if side == .tail {
        let end = end
        guard capacity - end >= size else { return false }
        write(element, at: Self.headerSize + end)
        self.end = end + size
      } else {
        let start = start
        guard start >= size else { return false }
        write(element, at: Self.headerSize + start - size)
        self.start = start - size
      }
      self.count = count + 1
      return true
    }
    if mark != 0, count == 0 {
      elementSize = Self.mixed
      lowest = rank
    }
    guard elementSize == Self.mixed else { return false }
    let whole = Self.mixedSize(size, isMarked: mark != 0)
    if side == .tail {
      guard capacity - end >= whole else { return false }
      writeMixed(element, mark: mark, at: end)
      end += whole
    } else {
      guard start >= whole else { return false }
      start -= whole
      writeMixed(element, mark: mark, at: start)
    }
    count += 1
    noteRank(of: mark, rank)
    return true
  }

  @inline(__always)
  private func noteRank(of mark: UInt64, _ rank: UInt8) {
    let rank = mark == 0 ? 0 : rank
    if rank < lowest { lowest = rank }
  }

  /// Says that every element of a mixed chunk has at least `rank`.
  func raiseLowest(to rank: UInt8) { if !isUniform { lowest = rank } }

  /// Inserts `element` before that at `offset`, in the layout that the chunk has; there must be room
  /// for it, on whichever side.
  func insert(_ element: ByteView, mark: UInt64 = 0, rank: UInt8 = 0, at offset: Int) {
    assert(!isShared && count > 0)
    var offset = offset
    let size = isUniform ? element.count : Self.mixedSize(element.count, isMarked: mark != 0)
    if capacity - end < size, start < size {
      offset -= start
      recenter(for: .tail)
    }
    let isBefore = start >= size && (offset - start < end - offset || capacity - end < size)
    if isBefore {
      move(from: Self.headerSize + start, to: Self.headerSize + start - size, size: offset - start)
      start -= size
      offset -= size
    } else {
      precondition(capacity - end >= size)
      move(
        from: Self.headerSize + offset, to: Self.headerSize + offset + size, size: end - offset)
      end += size
    }
    count += 1
    guard !isUniform else { return write(element, at: Self.headerSize + offset) }
    writeMixed(element, mark: mark, at: offset)
    noteRank(of: mark, rank)
  }

  /// Removes the element at `offset`, which is not the only one.
  func remove(at offset: Int) {
    assert(!isShared && count > 1)
    let next = element(at: offset).next, size = next - offset
    if offset - start < end - next {
      move(from: Self.headerSize + start, to: Self.headerSize + start + size, size: offset - start)
      start += size
    } else {
      move(from: Self.headerSize + next, to: Self.headerSize + offset, size: end - next)
      end -= size
    }
    count -= 1
  }

  /// The elements `range` in a chunk of their own with room for as many again, up to `sizeMax`.
  func part(_ range: Range<Int>) -> ListChunk {
    let from = offset(ofIndex: range.lowerBound), to = offset(ofIndex: range.upperBound)
    let capacity = max(to - from, min(Self.sizeMax, 2 * (to - from)))
    let part = ListChunk.make(capacity: capacity, fillingFrom: .tail)
    part.write(bytes(from, to - from), at: Self.headerSize)
    part.end = to - from
    part.elementSize = elementSize
    part.count = range.count
    part.lowest = lowest
    part.label = label
    return part
  }

  /// Writes `element` over the one at `offset`, which has the same size and no mark.
  func overwrite(at offset: Int, with element: ByteView) {
    assert(!isShared)
    let head = isUniform ? 0 : readHead(offset).head
    write(element, at: Self.headerSize + offset + head)
  }

  /// The payload that this chunk's elements and one of `size` more would take together.
  func sizeWith(_ size: Int, isMarked: Bool = false) -> Int {
    let isUniform = elementSize == UInt32(truncatingIfNeeded: size) || count == 0
    if isUniform, !isMarked { return used + size }
    let whole = Self.mixedSize(size, isMarked: isMarked)
    if elementSize == Self.mixed || count == 0 { return used + whole }
    return count * Self.mixedSize(Int(elementSize)) + whole
  }

  /// Makes room inside the chunk by moving its elements to the side away from `side`.
  func recenter(for side: End) {
    assert(!isShared)
    let used = used
    let place = side == .head ? capacity - used : 0
    move(from: Self.headerSize + start, to: Self.headerSize + place, size: used)
    start = place
    end = place + used
  }

  /// The same elements in a chunk of `capacity`, with room at `side`; mixed, if `mixed` says so.
  func copied(capacity: Int, roomAt side: End, mixed: Bool = false) -> ListChunk {
    let used = used
    let copy: ListChunk
    if mixed, isUniform, count > 0 {
      let each = Self.mixedSize(Int(elementSize))
      let whole = each * count
      precondition(whole <= capacity)
      copy = ListChunk.make(capacity: capacity, fillingFrom: .tail)
      copy.start = side == .head ? capacity - whole : 0
      var offset = start
      var place = copy.start
      for _ in 0..<count {
        let next = element(at: offset)
        copy.writeMixed(next.bytes, at: place)
        offset = next.next
        place += each
      }
      copy.end = place
      copy.elementSize = Self.mixed
    } else {
      precondition(used <= capacity)
      copy = ListChunk.make(capacity: capacity, fillingFrom: .tail)
      copy.start = side == .head ? capacity - used : 0
      copy.end = copy.start + used
      copy.write(bytes(start, used), at: Self.headerSize + copy.start)
      copy.elementSize = elementSize
    }
    copy.count = count
    copy.lowest = lowestRank
    copy.label = label
    return copy
  }

  /// The elements for which `keeps` holds, in a chunk of the same layout and capacity, which they fit.
  func copied(keeping keeps: (_ index: Int, _ element: ByteView) -> Bool) -> ListChunk {
    let copy = ListChunk.make(capacity: capacity, fillingFrom: .tail)
    copy.elementSize = elementSize
    copy.lowest = lowest
    copy.label = label
    var offset = start, end = 0, kept = 0
    for index in 0..<count {
      let (element, next) = self.element(at: offset)
      if keeps(index, element) {
        copy.write(bytes(offset, next - offset), at: Self.headerSize + end)
        end += next - offset
        kept += 1
      }
      offset = next
    }
    copy.end = end
    copy.count = kept
    return copy
  }

  /// The bytes of all elements as they lie here; with `count` and `elementSize` they are the chunk.
  var payload: ByteView { bytes(start, used) }

  func checkInvariants() {
    precondition(start >= 0 && start <= end && end <= capacity)
    var offset = start
    for _ in 0..<count {
      let next = element(at: offset)
      precondition(previous(to: next.next) == offset)
      offset = next.next
    }
    precondition(offset == end)
  }
}
