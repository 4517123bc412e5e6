// ListPlaces.swift: the chunks of a list by their place: finding one, and putting others there.
//
// Places are good until the list changes. What is shared with a snapshot is copied before it is written.

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
