// ListRemoving.swift: dropping many elements at an end of a list, whole chunks and nodes unread.

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
