// EntryChunk.swift: entries of a stream in a row, in the order of their ids.
//
// The names of the first entry's fields are kept once; an entry of the same names has its values
// alone. Ids are counted from the first one's, and a word that is an integer is kept as one.
//
//     offset  size  field
//          0     4  owners
//          4     4  count
//          8     4  removed   entries it had and has no more
//         12     4  charge    bytes of all it ever had as a listpack of Redis has them
//         16     4  start     offset of the first entry; what lies before it was removed
//         20     4  end       offset behind the last entry
//         24     8  (free)
//         32    16  base      id of the first entry it ever had
//         48    16  last      id of the last entry it ever had
//         64     …  number of names, each name; then the entries
//
//     entry: size · 2 + (1 if it has names of its own)     size: of what follows, to the next entry
//            ms above base, sequence (above base's in the same ms)
//            values, or with names of its own their number, and names and values in turns
//     name: size, bytes          value: size · 2, bytes, or size · 2 + 1 and an integer
//
// where numbers are written 7 bits a byte, low ones first, and an integer in 1 to 8 bytes,
// little-endian, its sign in the lowest bit (zigzag).
//
// The charge is there because clients see where Redis begins a new listpack: MAXLEN ~ removes whole
// ones. Invariant: reading stays between start and end; what comes from outside goes through `make`.

import RESP

/// The fields of an entry: names and values in turns.
protocol FieldWords {
  var count: Int { get }
  subscript(index: Int) -> ByteView { get }
}

/// A value as it is kept.
enum PackedWord {
  case bytes(ByteView)
  case integer(Int64)

  /// Calls `body` with the bytes that a client gave.
  @inline(__always)
  func withBytes<R>(_ body: (ByteView) -> R) -> R {
    switch self {
    case .bytes(let bytes): return body(bytes)
    case .integer(let integer):
      var digits = DecimalDigits(integer)
      return digits.withView(body)
    }
  }
}

@safe
struct EntryChunk: Block {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  fileprivate static var headerSize: Int { 64 }
  /// Bytes from which on no entry is added to others.
  static let sizeMax = 64 << 10

  fileprivate(set) var count: Int {
    get { Int(load(4, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 4) }
  }
  fileprivate(set) var removed: Int {
    get { Int(load(8, as: UInt32.self)) }
    nonmutating set { store(UInt32(truncatingIfNeeded: newValue), at: 8) }
  }
  fileprivate(set) var charge: Int {
    get { Int(load(12, as: UInt32.self)) }
    nonmutating set { store(UInt32(truncatingIfNeeded: newValue), at: 12) }
  }
  fileprivate var start: Int {
    get { Int(load(16, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 16) }
  }
  fileprivate var end: Int {
    get { Int(load(20, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 20) }
  }
  fileprivate(set) var base: StreamID {
    get { load(32) }
    nonmutating set { store(newValue, at: 32) }
  }
  fileprivate(set) var last: StreamID {
    get { load(48) }
    nonmutating set { store(newValue, at: 48) }
  }

  func releaseChildren() {}

  func copied() -> EntryChunk {
    let copy = EntryChunk.allocate(size: max(end, min(usableSize, Self.sizeMax)))
    copy.write(view(at: 4, size: end - 4), at: 4)
    return copy
  }

  // MARK: Numbers

  /// The number at `offset`, and what is behind it.
  @inline(__always)
  fileprivate func number(at offset: Int) -> (UInt64, Int) {
    var value: UInt64 = 0, shift: UInt64 = 0, offset = offset
    while true {
      let byte = UInt64(load(offset, as: UInt8.self))
      offset += 1
      value |= (byte & 0x7F) &<< shift
      if byte < 0x80 { return (value, offset) }
      shift &+= 7
    }
  }

  /// Writes `number` at `offset`.
  ///
  /// - Returns: the offset behind it.
  @inline(__always)
  fileprivate func put(_ number: UInt64, at offset: Int) -> Int {
    var rest = number, offset = offset
    while rest >= 0x80 {
      store(UInt8(truncatingIfNeeded: rest) | 0x80, at: offset)
      rest &>>= 7
      offset += 1
    }
    store(UInt8(truncatingIfNeeded: rest), at: offset)
    return offset + 1
  }

  // MARK: Adding

  /// A chunk without entries, whose first one will be `id` with `fields`.
  private static func make(_ id: StreamID, _ fields: some FieldWords, room: Int) -> EntryChunk {
    var namesSize = 10
    for index in stride(from: 0, to: fields.count, by: 2) { namesSize += fields[index].count + 5 }
    let chunk = EntryChunk.allocate(size: headerSize + namesSize + room)
    chunk.count = 0
    chunk.removed = 0
    chunk.base = id
    chunk.last = id
    var charge = ListpackSize.integer(Int64(fields.count / 2)) + ListpackSize.integer(0)
    var offset = chunk.put(UInt64(fields.count / 2), at: headerSize)
    for index in stride(from: 0, to: fields.count, by: 2) {
      let name = fields[index]
      charge += ListpackSize.word(name, name.integer)
      offset = chunk.put(UInt64(name.count), at: offset)
      chunk.write(name, at: offset)
      offset += name.count
    }
    chunk.charge = charge
    chunk.start = offset
    chunk.end = offset
    return chunk
  }

  /// A chunk of one entry.
  static func make(_ id: StreamID, _ fields: some FieldWords) -> EntryChunk {
    make(id, fields, room: roomFor(fields)).adding(id, fields)
  }

  /// Bytes that an entry takes at most.
  private static func roomFor(_ fields: some FieldWords) -> Int {
    var room = 5 + 10 + 10 + 5
    for index in 0..<fields.count { room += fields[index].count + 5 }
    return room
  }

  /// Whether Redis would begin a new listpack for an entry of `fields` behind those here, or ours
  /// would become too large.
  func isFull(for fields: some FieldWords, sizeMax: Int, countMax: Int) -> Bool {
    var size = 0
    for index in 0..<fields.count { size += fields[index].count }
    return ListpackSize.ofNode(charge: charge, count: count, removed: removed) + size >= sizeMax
      || (countMax > 0 && count + removed >= countMax) || end + size > Self.sizeMax
  }

  /// Adds an entry behind the last one; `id` must be above that.
  ///
  /// - Returns: the chunk to use from now on, which may be another block.
  func adding(_ id: StreamID, _ fields: some FieldWords) -> EntryChunk {
    assert(!isShared && (count + removed == 0 || id > last))
    let room = Self.roomFor(fields), needed = end + room
    var chunk = self
    if needed > usableSize {
      chunk = resized(to: end * 2 <= Self.sizeMax ? max(needed, end * 2) : needed)
    }
    chunk.add(id, fields)
    return chunk
  }

  private func add(_ id: StreamID, _ fields: some FieldWords) {
    // The entry is written where its size takes five bytes at most, and moved up to what it takes.
    let place = end, body = place + 5
    let above = id.milliseconds &- base.milliseconds
    let hasNames = !hasSameNames(fields)
    var offset = put(above, at: body)
    offset = put(above == 0 ? id.sequence &- base.sequence : id.sequence, at: offset)
    var charge = ListpackSize.integer(0)  // Flags.
    charge += ListpackSize.integer(Int64(truncatingIfNeeded: above))
    charge += ListpackSize.integer(Int64(truncatingIfNeeded: id.sequence &- base.sequence))
    if hasNames {
      offset = put(UInt64(fields.count / 2), at: offset)
      charge += ListpackSize.integer(Int64(fields.count / 2))
    }
    for index in 0..<fields.count {
      let word = fields[index]
      if index % 2 == 1 {
        let integer = word.integer
        charge += ListpackSize.word(word, integer)
        offset = put(word, integer, at: offset)
      } else if hasNames {
        charge += ListpackSize.word(word, word.integer)
        offset = put(UInt64(word.count), at: offset)
        write(word, at: offset)
        offset += word.count
      }
    }
    let pairs = fields.count / 2
    charge += ListpackSize.integer(Int64(3 + (hasNames ? 2 * pairs + 1 : pairs)))
    let size = offset - body
    let start = put(UInt64(size) << 1 | (hasNames ? 1 : 0), at: place)
    if start != body { move(from: body, to: start, size: size) }
    end = start + size
    count += 1
    last = id
    self.charge += charge
  }

  private func put(_ value: ByteView, _ integer: Int64?, at offset: Int) -> Int {
    guard let integer else {
      let offset = put(UInt64(value.count) << 1, at: offset)
      write(value, at: offset)
      return offset + value.count
    }
    let zigzag = UInt64(bitPattern: integer &<< 1 ^ integer &>> 63)
    let size = max(1, (64 - zigzag.leadingZeroBitCount + 7) / 8)
    store(UInt8(size << 1 | 1), at: offset)
    for place in 0..<size {
      store(UInt8(truncatingIfNeeded: zigzag &>> UInt64(place * 8)), at: offset + 1 + place)
    }
    return offset + 1 + size
  }

  private func hasSameNames(_ fields: some FieldWords) -> Bool {
    var (names, offset) = number(at: Self.headerSize)
    guard names == UInt64(fields.count / 2) else { return false }
    var index = 0
    while names > 0 {
      let (name, next) = name(at: offset)
      guard name == fields[index] else { return false }
      offset = next
      index += 2
      names -= 1
    }
    return true
  }

  /// Gives back the memory that only further entries would need.
  ///
  /// - Returns: the chunk to use from now on.
  func shrunk() -> EntryChunk { isShared ? self : resized(to: end) }

  // MARK: Reading

  @inline(__always)
  fileprivate func name(at offset: Int) -> (ByteView, Int) {
    let (size, start) = number(at: offset)
    return (view(at: start, size: Int(size)), start + Int(size))
  }

  @inline(__always)
  fileprivate func value(at offset: Int) -> (PackedWord, Int) {
    let (head, start) = number(at: offset)
    let size = Int(head >> 1)
    guard head & 1 == 1 else { return (.bytes(view(at: start, size: size)), start + size) }
    var zigzag: UInt64 = 0
    for place in 0..<size {
      zigzag |= UInt64(load(start + place, as: UInt8.self)) &<< UInt64(place * 8)
    }
    let integer = Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
    return (.integer(integer), start + size)
  }

  /// How many names are kept once, for all entries that have these.
  var nameCount: Int { Int(number(at: Self.headerSize).0) }

  /// Calls `body` with each of those names.
  ///
  /// - Returns: the offset behind the last of them.
  @discardableResult
  func forEachName(_ body: (ByteView) -> Void) -> Int {
    var (left, offset) = number(at: Self.headerSize)
    while left > 0 {
      let (name, next) = name(at: offset)
      body(name)
      offset = next
      left -= 1
    }
    return offset
  }

  /// One entry, valid until the chunk changes.
  struct Entry {
    fileprivate let chunk: EntryChunk
    let id: StreamID
    fileprivate let offset: Int
    fileprivate let fields: Int
    /// Whether its names are others than the chunk's.
    let hasNames: Bool
    fileprivate let next: Int

    /// How many fields.
    var fieldCount: Int {
      Int(chunk.number(at: hasNames ? fields : EntryChunk.headerSize).0)
    }

    /// Calls `body` with each name and its value.
    func forEachField(_ body: (ByteView, PackedWord) -> Void) {
      var (left, names) = chunk.number(at: hasNames ? fields : EntryChunk.headerSize)
      var values = fields
      while left > 0 {
        let name: ByteView, value: PackedWord
        if hasNames {
          (name, values) = chunk.name(at: names)
          (value, values) = chunk.value(at: values)
          names = values
        } else {
          (name, names) = chunk.name(at: names)
          (value, values) = chunk.value(at: values)
        }
        body(name, value)
        left -= 1
      }
    }
  }

  /// The entry at `offset`, which must be one's.
  @inline(__always)
  fileprivate func entry(at offset: Int) -> Entry {
    let (head, body) = number(at: offset)
    let (above, behind) = number(at: body)
    let (sequence, fields) = number(at: behind)
    let id = StreamID(
      base.milliseconds &+ above, above == 0 ? base.sequence &+ sequence : sequence)
    return Entry(
      chunk: self, id: id, offset: offset, fields: fields, hasNames: head & 1 == 1,
      next: body + Int(head >> 1))
  }

  /// The first entry; the chunk must not be empty.
  var first: Entry { entry(at: start) }

  /// The entry behind `entry`.
  @inline(__always)
  func entry(after entry: Entry) -> Entry? { entry.next < end ? self.entry(at: entry.next) : nil }

  /// The first entry whose id is `id` or above.
  func entry(from id: StreamID) -> Entry? {
    var offset = start
    while offset < end {
      let entry = entry(at: offset)
      if entry.id >= id { return entry }
      offset = entry.next
    }
    return nil
  }

  func find(_ id: StreamID) -> Entry? {
    guard let entry = entry(from: id), entry.id == id else { return nil }
    return entry
  }

  /// All entries from the last one whose id is `id` or below to the first.
  func entries(downFrom id: StreamID) -> [Entry] {
    var all: [Entry] = [], offset = start
    all.reserveCapacity(count)
    while offset < end {
      let entry = entry(at: offset)
      if entry.id > id { break }
      all.append(entry)
      offset = entry.next
    }
    return all.reversed()
  }

  // MARK: Removing

  /// Forgets that it had an entry with an id above `id`, which it has not any more.
  func forgetLast(above id: StreamID) {
    assert(!isShared)
    last = id
  }

  /// Takes out `entry`; the chunk may be empty afterwards. Only when not shared.
  func remove(_ entry: Entry) {
    assert(!isShared)
    if entry.offset == start {
      start = entry.next
    } else {
      move(from: entry.next, to: entry.offset, size: end - entry.next)
      end -= entry.next - entry.offset
    }
    count -= 1
    removed += 1
  }

  /// Takes out the `number` first entries, of which there must be more.
  func removeFirst(_ number: Int) {
    assert(!isShared)
    precondition(number < count)
    for _ in 0..<number { start = entry(at: start).next }
    count -= number
    removed += number
  }

  /// How many entries have ids below `id`.
  func countBelow(_ id: StreamID) -> Int {
    var below = 0, offset = start
    while offset < end {
      let entry = entry(at: offset)
      if entry.id >= id { break }
      below += 1
      offset = entry.next
    }
    return below
  }

  // MARK: As bytes

  /// Names and entries as they lie here.
  var payload: (names: ByteView, entries: ByteView) {
    (
      view(at: Self.headerSize, size: namesEnd - Self.headerSize),
      view(at: start, size: end - start)
    )
  }

  private var namesEnd: Int { forEachName { _ in } }

  /// A chunk of bytes that need not be what they say; nil when they are not.
  static func make(
    count: Int, removed: Int, charge: Int, base: StreamID, last: StreamID, names: ByteView,
    entries: ByteView
  ) -> EntryChunk? {
    guard count > 0, base <= last, names.count + entries.count < Int(Int32.max) else { return nil }
    var check = EntryCheck(names)
    guard check.names(), check.isAtEnd else { return nil }
    let nameCount = check.nameCount
    check = EntryCheck(entries)
    var before: StreamID?
    for _ in 0..<count {
      guard let id = check.entry(nameCount, base), id <= last else { return nil }
      if let before { guard before < id else { return nil } }
      before = id
    }
    guard check.isAtEnd else { return nil }
    let chunk = EntryChunk.allocate(size: headerSize + names.count + entries.count)
    chunk.count = count
    chunk.removed = removed
    chunk.charge = charge
    chunk.base = base
    chunk.last = last
    chunk.start = headerSize + names.count
    chunk.end = chunk.start + entries.count
    chunk.write(names, at: headerSize)
    chunk.write(entries, at: chunk.start)
    return chunk
  }

  func checkInvariants() {
    precondition(count > 0)
    precondition(start >= namesEnd && start < end && end <= usableSize)
    let (names, entries) = payload
    let copy = EntryChunk.make(
      count: count, removed: removed, charge: charge, base: base, last: last, names: names,
      entries: entries)
    precondition(copy != nil)
    copy?.release()
  }
}
