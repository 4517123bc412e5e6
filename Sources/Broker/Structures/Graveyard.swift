// Graveyard.swift: what was deleted and is too big to be freed in one turn.
//
// Deleting a list of millions of chunks takes it out of the keyspace at once and buries it here; a
// slice of each turn frees some hundred chunks. A snapshot that shares them keeps them alive.

/// A structure of many parts that is freed a few of them at a time.
protocol Buried {
  var isEmpty: Bool { get }
  /// Frees about `limit` parts; what turns out to be big itself goes to `graveyard`.
  ///
  /// - Returns: how many it were.
  mutating func freeSome(_ limit: Int, _ graveyard: inout Graveyard) -> Int
  /// Frees all that is left.
  func freeAll()
}

/// Structures that nobody can reach any more, freed in slices.
struct Graveyard: ~Copyable {
  private var spines: [ListSpine] = []
  private var nodes: [SpineNode] = []
  private var chunks: [ListChunk] = []
  private var blobs: [Blob] = []
  private var tables: [any Buried] = []

  /// Bytes that count as one part: freeing the memory costs more than anything else.
  static let partSize = 16 << 10
  /// Parts freed in one slice: 8 MB, which takes about half a millisecond where all of it goes back
  /// to the system.
  static let partsInSlice = 512

  var isEmpty: Bool {
    spines.isEmpty && nodes.isEmpty && chunks.isEmpty && blobs.isEmpty && tables.isEmpty
  }
  /// Values of keys that came here since this was set to 0, as `lazyfreed_objects`.
  var valueCount = 0
  /// Things waiting, as `lazyfree_pending_objects`.
  var count: Int { spines.count + nodes.count + chunks.count + blobs.count + tables.count }

  mutating func bury(_ list: List) {
    guard !list.isShared else { return list.release() }
    if let front = list.front { chunks.append(front) }
    if let back = list.back { chunks.append(back) }
    if let spine = list.spine { spines.append(spine) }
    list.free()
  }
  mutating func bury(_ node: SpineNode) { nodes.append(node) }
  mutating func bury(_ chunk: ListChunk) { chunks.append(chunk) }
  mutating func bury(_ blob: Blob) { blobs.append(blob) }
  mutating func bury(_ table: any Buried) { tables.append(table) }

  deinit {
    for spine in spines { spine.release() }
    for node in nodes { node.release() }
    for chunk in chunks { chunk.release() }
    for blob in blobs { blob.release() }
    for table in tables { table.freeAll() }
  }

  /// Frees up to about `limit` parts.
  mutating func freeSome(_ limit: Int = partsInSlice) {
    var left = limit
    while left > 0 {
      if let chunk = chunks.popLast() {
        free(chunk, &left).map { chunks.append($0) }
      } else if let blob = blobs.popLast() {
        free(blob, &left).map { blobs.append($0) }
      } else if let node = nodes.popLast() {
        left -= 1
        guard !node.isShared else {
          node.release()
          continue
        }
        for index in 0..<node.count { chunks.append(node[index]) }
        node.free()
      } else if let spine = spines.popLast() {
        left -= 1
        guard !spine.isShared, spine.count > 0 else {
          spine.release()
          continue
        }
        nodes.append(spine[spine.count - 1])
        spine.removeNode(at: spine.count - 1)
        spines.append(spine)
      } else if var table = tables.popLast() {
        left -= max(1, table.freeSome(left, &self))
        if !table.isEmpty { tables.append(table) }
      } else {
        return
      }
    }
  }

  /// Frees a block without children, or as much of it as `left` parts are.
  ///
  /// - Returns: what is left of it.
  private func free<B: Block>(_ block: B, _ left: inout Int) -> B? {
    let size = block.usableSize
    if !block.isShared, size > left * Self.partSize, size > Self.partsInSlice * Self.partSize {
      // The allocator gives the end of a block as large as that back to the system.
      let rest = block.resized(to: size - left * Self.partSize)
      left = 0
      return rest
    }
    left -= 1 + size / Self.partSize
    block.release()
    return nil
  }
}
