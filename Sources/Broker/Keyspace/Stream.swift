// Stream.swift: the value of a key of type stream: entries in the order of their ids, and groups.
//
//     chunk chunk chunk … in a tree ─ tail        groups by name, each with what is pending in it
//
// Entries lie in chunks (EntryChunk.swift). The last chunk is at hand, so that adding an entry
// touches it alone; the others hang in a tree by their first id. All is copied on write, chunk by
// chunk and node by node, when a snapshot shares it (Block.swift).
// Invariants (`checkInvariants()`):
//   1. no chunk is empty; each begins above the last id of the one before it
//   2. a tree of chunks ⇒ a tail; count is the sum of the chunks' counts
//   3. no entry has an id above `last`

import RESP

/// A chunk in the tree.
@safe
struct ChunkItem: IDItem {
  let id: StreamID
  private let address: UInt

  init(_ chunk: EntryChunk) {
    id = chunk.base
    unsafe address = UInt(bitPattern: chunk.address)
  }

  var chunk: EntryChunk {
    unsafe EntryChunk(
      address: UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped)
  }
  func retain() { chunk.retain() }
  func release() { chunk.release() }
  func bury(in graveyard: inout Graveyard) { chunk.bury(in: &graveyard) }
}

extension EntryChunk {
  /// Gives up one ownership, of a large chunk for it to be freed in slices.
  func bury(in graveyard: inout Graveyard) {
    guard usableSize > Graveyard.partSize else { return release() }
    unsafe graveyard.bury(Blob(address: address))  // A block without children, as a chunk is.
  }
}

///     offset  size  field
///          0     4  owners
///          8     8  count      entries
///         16    16  last       the highest id that was ever given
///         32    16  deleted    the highest id that XDEL took out
///         48     8  added      entries that were ever added
///         56    16  chunks     but for the tail
///         72     8  tail       or 0
///         80    16  groups
@safe
struct Stream: PiecedValue {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static var size: Int { 96 }

  static var kind: ValueKind { .stream }

  static func make() -> Stream {
    let stream = Stream.allocate(size: size)
    stream.clear(at: 8, size: size - 8)
    return stream
  }

  /// How many entries.
  fileprivate(set) var count: Int {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }
  fileprivate(set) var last: StreamID {
    get { load(16) }
    nonmutating set { store(newValue, at: 16) }
  }
  var deleted: StreamID {
    get { load(32) }
    nonmutating set { store(newValue, at: 32) }
  }
  var added: Int64 {
    get { load(48) }
    nonmutating set { store(newValue, at: 48) }
  }
  fileprivate(set) var chunks: IDTree<ChunkItem> {
    get { load(56) }
    nonmutating set { store(newValue, at: 56) }
  }
  fileprivate(set) var tail: EntryChunk? {
    get {
      unsafe load(72, as: UnsafeMutableRawPointer?.self).map { unsafe EntryChunk(address: $0) }
    }
    nonmutating set { unsafe store(newValue?.address, at: 72) }
  }
  /// Written by StreamGroups.swift alone.
  var groups: HashTable<StreamGroup>.Kept {
    get { load(80) }
    nonmutating set { store(newValue, at: 80) }
  }

  var encodingName: StaticString { "stream" }
  var isLong: Bool {
    !chunks.isEmpty || groups.count > 0 || (tail?.usableSize ?? 0) > Graveyard.partSize
  }

  var memoryUsage: Int {
    var size = usableSize + 8 + chunks.nodesSize + (tail.map { $0.usableSize + 8 } ?? 0)
    // Five chunks stand for the others.
    var cursor = chunks.cursor(), looked = 0, sum = 0
    while looked < 5, let item = cursor.next() {
      looked += 1
      sum += item.chunk.usableSize + 8
    }
    if looked > 0 { size += sum * chunks.count / looked }
    forEachGroup { size += $0.memoryUsage }
    return size
  }

  func releaseChildren() {
    chunks.release()
    tail?.release()
    HashTable<StreamGroup>.release(groups)
  }

  func copied() -> Stream {
    let copy = Stream.allocate(size: Self.size)
    copy.write(view(at: 8, size: Self.size - 8), at: 8)
    chunks.retain()
    tail?.retain()
    HashTable<StreamGroup>.retain(groups)
    return copy
  }

  func bury(in graveyard: inout Graveyard) {
    guard !isShared else { return release() }
    if !chunks.isEmpty { graveyard.bury(chunks.buried()) }
    tail?.bury(in: &graveyard)
    if groups.count > 0 { graveyard.bury(takeGroups()) }
    free()
  }

  /// What is known of all entries there ever were.
  var counters: StreamCounters {
    StreamCounters(
      count: count, added: added, first: firstEntry?.id ?? .zero, last: last, deleted: deleted)
  }

  func digest(_ hash: KeyHash, _ add: (UInt64) -> Void) {
    add(UInt64(count))
    add(UInt64(bitPattern: added))
    for id in [last, deleted] {
      add(id.milliseconds)
      add(id.sequence)
    }
    forEach { entry in
      add(entry.id.milliseconds)
      add(entry.id.sequence)
      entry.forEachField { name, value in
        add(hash(name))
        add(value.withBytes { hash($0) })
      }
      return true
    }
    // Groups come in any order, so their digests are added up.
    var sum: UInt64 = 0
    forEachGroup { sum &+= $0.digest(hash) }
    add(sum)
  }

  func checkInvariants() {
    chunks.checkInvariants()
    var total = 0, before: StreamID?
    func check(_ chunk: EntryChunk) {
      chunk.checkInvariants()
      if let before { precondition(before < chunk.base) }
      before = chunk.last
      total += chunk.count
    }
    var cursor = chunks.cursor()
    while let item = cursor.next() {
      precondition(item.id == item.chunk.base)
      check(item.chunk)
    }
    if let tail { check(tail) } else { precondition(chunks.isEmpty) }
    precondition(total == count)
    if let before { precondition(before <= last) }
    forEachGroup { $0.checkInvariants() }
  }
}

// MARK: Entries

extension Stream {
  typealias Entry = EntryChunk.Entry

  var chunkCount: Int { chunks.count + (tail == nil ? 0 : 1) }

  private var firstChunk: EntryChunk? { chunks.first?.chunk ?? tail }

  /// The first and the last entry; nil of an empty stream.
  var firstEntry: Entry? { firstChunk?.first }
  var lastEntry: Entry? { tail?.entries(downFrom: .max).first }

  /// The chunk that has `id`, if any has it; else the one before its place.
  private func chunk(for id: StreamID) -> EntryChunk? {
    guard let tail else { return nil }
    return tail.base <= id ? tail : chunks.item(upTo: id)?.chunk
  }

  /// The first chunk that begins at `id` or above.
  func chunk(from id: StreamID) -> EntryChunk? {
    chunks.item(from: id)?.chunk ?? tail.flatMap { $0.base >= id ? $0 : nil }
  }

  func find(_ id: StreamID) -> Entry? { chunk(for: id)?.find(id) }

  /// Hands the entries from `first` up to `last`, or in reverse, to `body` until it returns false.
  ///
  /// - Complexity: O(log n) for the first one, O(1) for each.
  func forEach(
    from first: StreamID = .zero, to last: StreamID = .max, reversed: Bool = false,
    _ body: (Entry) -> Bool
  ) {
    guard first <= last else { return }
    if reversed { forEachReversed(from: first, to: last, body) } else { forEach(first, last, body) }
  }

  private func forEach(_ first: StreamID, _ last: StreamID, _ body: (Entry) -> Bool) {
    guard let start = chunk(for: first) ?? firstChunk, let tail else { return }
    var cursor = chunks.cursor(from: start.base)
    while let chunk = cursor.next()?.chunk {
      guard walk(chunk) else { return }
    }
    _ = walk(tail)

    func walk(_ chunk: EntryChunk) -> Bool {
      var next = chunk.base >= first ? chunk.first : chunk.entry(from: first)
      while let entry = next {
        guard entry.id <= last, body(entry) else { return false }
        next = chunk.entry(after: entry)
      }
      return true
    }
  }

  private func forEachReversed(
    from first: StreamID, to last: StreamID, _ body: (Entry) -> Bool
  ) {
    var current = chunk(for: last)
    while let chunk = current {
      for entry in chunk.entries(downFrom: last) {
        guard entry.id >= first, body(entry) else { return }
      }
      current = chunk.base.previous.flatMap { chunks.item(upTo: $0)?.chunk }
    }
  }

  /// Adds an entry; `id` must be above `last`. Chunks are as large as Redis makes its nodes, by the
  /// settings of that name.
  ///
  /// - Complexity: O(size), amortised.
  func append(_ id: StreamID, _ fields: some FieldWords, nodeSizeMax: Int, nodeCountMax: Int) {
    assert(!isShared && id > last)
    last = id
    count += 1
    added = added.next
    guard let tail else {
      self.tail = EntryChunk.make(id, fields)
      return
    }
    if tail.isFull(for: fields, sizeMax: nodeSizeMax, countMax: nodeCountMax) {
      seal(tail)
      self.tail = EntryChunk.make(id, fields)
    } else {
      self.tail = unshared(tail).adding(id, fields)
    }
  }

  /// Puts the tail, to which nothing is added any more, into the tree.
  private func seal(_ tail: EntryChunk) {
    var chunks = self.chunks
    chunks.insert(ChunkItem(tail.shrunk()))
    self.chunks = chunks
  }

  /// Adds a whole chunk, taking over its ownership.
  ///
  /// - Returns: false when it does not come behind the others; it is the caller's then.
  func append(_ chunk: EntryChunk) -> Bool {
    if let tail {
      guard chunk.base > tail.last else { return false }
      seal(tail)
    }
    tail = chunk
    count += chunk.count
    last = max(last, chunk.last)
    return true
  }

  /// Makes `id` the highest id that was ever given; no entry may be above it.
  func setLast(_ id: StreamID) {
    assert(!isShared)
    last = id
    // The entry that had a higher id was deleted.
    if let tail, tail.last > id { change(tail) { $0.forgetLast(above: id) } }
  }

  private func unshared(_ chunk: EntryChunk) -> EntryChunk {
    guard chunk.isShared else { return chunk }
    let copy = chunk.copied()
    chunk.release()
    return copy
  }

  /// Lets `body` change `chunk`, which stays where it is.
  private func change(_ chunk: EntryChunk, _ body: (EntryChunk) -> Void) {
    if chunk.base == tail?.base {
      let writable = unshared(chunk)
      tail = writable
      return body(writable)
    }
    var chunks = self.chunks
    chunks.change(chunk.base) { item in
      item = ChunkItem(unshared(item.chunk))
      body(item.chunk)
    }
    self.chunks = chunks
  }

  /// Takes a whole chunk out and hands over its ownership.
  private func take(_ chunk: EntryChunk) -> EntryChunk {
    var chunks = self.chunks
    defer { self.chunks = chunks }
    guard chunk.base == tail?.base else {
      guard let item = chunks.remove(chunk.base) else { preconditionFailure("no such chunk") }
      return item.chunk
    }
    tail = chunks.last.flatMap { chunks.remove($0.id)?.chunk }
    return chunk
  }

  /// Deletes the entry of `id`.
  ///
  /// - Returns: whether there was one.
  /// - Complexity: O(log n).
  func remove(_ id: StreamID) -> Bool {
    assert(!isShared)
    guard let chunk = chunk(for: id), chunk.find(id) != nil else { return false }
    count -= 1
    deleted = max(deleted, id)
    if chunk.count == 1 {
      take(chunk).release()
    } else {
      change(chunk) { chunk in
        if let entry = chunk.find(id) { chunk.remove(entry) }
      }
    }
    return true
  }

  /// Which entries are to stay.
  enum Bound {
    /// So many at most, the last ones.
    case count(Int)
    /// Those at or above an id.
    case from(StreamID)
  }

  /// Chunks freed at once by a trim; more of them are freed later.
  private static var freedAtOnce: Int { 64 }

  /// Removes entries from the front.
  ///
  /// - Parameters:
  ///   - wholeChunks: leaves entries that share a chunk with one that is to stay.
  ///   - limit: removes no chunk that would make it more entries than this; 0 for any number.
  /// - Returns: how many it removed.
  func trim(
    to bound: Bound, wholeChunks: Bool, limit: Int, _ graveyard: inout Graveyard
  ) -> Int {
    assert(!isShared)
    var removed = 0, taken = 0
    while let chunk = firstChunk {
      let inChunk = chunk.count
      if case .count(let most) = bound, count <= most { break }
      if limit > 0, removed + inChunk > limit { break }
      let below: Int
      switch bound {
      case .count(let most): below = min(inChunk, count - most)
      case .from(let id): below = chunk.last < id ? inChunk : wholeChunks ? 0 : chunk.countBelow(id)
      }
      guard below == inChunk || (!wholeChunks && below > 0) else { break }
      removed += below
      count -= below
      guard below == inChunk else {
        change(chunk) { $0.removeFirst(below) }
        break
      }
      taken += 1
      let whole = take(chunk)
      if taken > Self.freedAtOnce {
        unsafe graveyard.bury(Blob(address: whole.address))
      } else {
        whole.bury(in: &graveyard)
      }
    }
    return removed
  }
}
