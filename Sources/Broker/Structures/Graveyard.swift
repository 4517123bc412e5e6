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
  private var lists: [List] = []
  private var nodes: [SpineNode] = []
  private var chunks: [ListChunk] = []
  private var tables: [any Buried] = []

  var isEmpty: Bool { lists.isEmpty && nodes.isEmpty && chunks.isEmpty && tables.isEmpty }
  /// Things waiting, as `lazyfree_pending_objects`.
  var count: Int { lists.count + nodes.count + chunks.count + tables.count }

  mutating func bury(_ list: List) { lists.append(list) }
  mutating func bury(_ node: SpineNode) { nodes.append(node) }
  mutating func bury(_ chunk: ListChunk) { chunks.append(chunk) }
  mutating func bury(_ table: any Buried) { tables.append(table) }

  deinit {
    for list in lists { list.release() }
    for node in nodes { node.release() }
    for chunk in chunks { chunk.release() }
    for table in tables { table.freeAll() }
  }

  /// Frees up to about `limit` chunks.
  mutating func freeSome(_ limit: Int = 512) {
    var left = limit
    while left > 0 {
      if let chunk = chunks.popLast() {
        chunk.release()
        left -= 1
      } else if let node = nodes.popLast() {
        left -= node.count
        node.release()
      } else if let list = lists.popLast() {
        left -= 1
        guard !list.isShared, let spine = list.spine, !spine.isShared, spine.count > 1 else {
          left -= list.spine?.elements ?? 0 > 0 ? SpineNode.slots : 2
          list.release()
          continue
        }
        lists.append(list)
        let node = spine[spine.count - 1]
        spine.removeNode(at: spine.count - 1)
        nodes.append(node)
      } else if var table = tables.popLast() {
        left -= max(1, table.freeSome(left, &self))
        if !table.isEmpty { tables.append(table) }
      } else {
        return
      }
    }
  }
}
