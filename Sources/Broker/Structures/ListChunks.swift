// ListChunks.swift: the chunks of a list in a snapshot.

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
