// ListFinding.swift: elements of a list by what is known of them but their number.
//
// A mark is found in O(log chunks) and a walk over one chunk by who has noted the label of the chunk
// (ListChunk.swift) into which the element was put. Elements stay in their chunks but for those of a
// chunk that is split: some of them are in the next one then, behind what is put in between. They are
// searched for from where they were, never before it, and whoever searched notes the label of the right
// chunk for all that are in it, so that this happens once for each split.

import RESP

extension List {
  /// Where an element is; good until the list changes.
  struct Spot {
    let place: List.Place
    let chunk: ListChunk
    /// Its place in the payload of the chunk.
    let offset: Int
    fileprivate let list: List
    fileprivate let within: Int
    /// How many chunks were looked into for it.
    let chunksRead: Int
    /// Whether the label led to it.
    let isWhereNoted: Bool

    var bytes: ByteView { chunk.element(at: offset).bytes }
    /// Its number in the list. O(nodes of the spine).
    var index: Int { list.countBefore(place) + within }

  }

  /// The element with `mark`, which was put into a chunk of `label` or one that was parted from it.
  ///
  /// - Complexity: O(log chunks); where the chunk was split since, plus those that are between its parts.
  func find(_ mark: UInt64, near label: Int64) -> Spot? {
    guard front != nil else { return nil }
    let noted = place(ofLabel: label)
    var next: Place? = noted, chunksRead = 0
    while let place = next, let chunk = chunk(at: place) {
      chunksRead += 1
      if let spot = spot(of: mark, place, chunk, chunksRead, isWhereNoted: true) { return spot }
      // Neighbours may have the same label: the last of them was first.
      guard chunk.label == label else { break }
      next = self.place(before: place)
    }
    next = place(after: noted)
    while let place = next, let chunk = chunk(at: place) {
      chunksRead += 1
      if let spot = spot(of: mark, place, chunk, chunksRead, isWhereNoted: false) { return spot }
      next = self.place(after: place)
    }
    return nil
  }

  private func spot(
    of mark: UInt64, _ place: Place, _ chunk: ListChunk, _ chunksRead: Int, isWhereNoted: Bool
  ) -> Spot? {
    guard !chunk.isUniform else { return nil }
    var offset = chunk.start
    for within in 0..<chunk.count {
      if chunk.mark(at: offset) == mark {
        return Spot(
          place: place, chunk: chunk, offset: offset, list: self, within: within,
          chunksRead: chunksRead, isWhereNoted: isWhereNoted)
      }
      offset = chunk.element(at: offset).next
    }
    return nil
  }

  /// The last chunk whose label is not above `label`, or the front.
  private func place(ofLabel label: Int64) -> Place {
    if let back, back.label <= label { return .back }
    guard let spine, spine[0][0].label <= label else { return .front }
    let index = spine.first(0..<spine.count) { spine[$0][0].label > label } - 1
    let node = spine[index]
    let slot = spine.first(0..<node.count) { node[$0].label > label } - 1
    return .spine(node: index, slot: slot)
  }

  /// Elements before the chunk at `place`.
  fileprivate func countBefore(_ place: Place) -> Int {
    switch place {
    case .front: return 0
    case .back: return count - (back?.count ?? 0)
    case .spine(let node, let slot):
      var before = front?.count ?? 0
      guard let spine else { return before }
      for index in 0..<node { before += spine[index].elements }
      for index in 0..<slot { before += spine[node][index].count }
      return before
    }
  }

  /// Calls `body` with each chunk, in order.
  func forEachChunk(_ body: (ListChunk) -> Void) {
    var next: Place? = front == nil ? nil : .front
    while let place = next, let chunk = chunk(at: place) {
      body(chunk)
      next = self.place(after: place)
    }
  }

  /// How many elements at `end` have at least `rank`, with none of a lower one among them.
  ///
  /// - Parameter rankOf: the rank of an element with a mark; the others have 0.
  /// - Complexity: O(nodes of the spine + elements of a chunk), plus the elements of chunks that had
  ///   a lower rank once, each of which is looked through once.
  func count(ofRank rank: UInt8, at end: End, rankOf: (UInt64) -> UInt8) -> Int {
    guard rank > 0 else { return count }
    var passed = 0
    /// Whether the chunk has an element of a lower rank; else it is passed.
    func endsIn(_ chunk: ListChunk?) -> Bool {
      guard let chunk else { return false }
      guard chunk.lowestRank < rank else {
        passed += chunk.count
        return false
      }
      return chunk.endsWalk(rank, end, &passed, rankOf)
    }
    let (near, far) = end == .head || back == nil ? (front, back) : (back, front)
    if endsIn(near) { return passed }
    if let spine {
      for step in 0..<spine.count {
        let node = spine[end == .head ? step : spine.count - 1 - step]
        guard node.lowestRank < rank else {
          passed += node.elements
          continue
        }
        for slot in 0..<node.count where endsIn(node[end == .head ? slot : node.count - 1 - slot]) {
          return passed
        }
      }
    }
    _ = endsIn(far)
    return passed
  }
}

extension ListSpine {
  /// The first of `range` for which `isAbove` holds, or its end; it holds for all behind it, too.
  fileprivate func first(_ range: Range<Int>, _ isAbove: (Int) -> Bool) -> Int {
    var low = range.lowerBound, high = range.upperBound
    while low < high {
      let middle = (low + high) / 2
      if isAbove(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension ListChunk {
  /// Calls `body` with the mark of each element that has one.
  func forEachMark(_ body: (UInt64) -> Void) {
    guard !isUniform else { return }
    var offset = start
    for _ in 0..<count {
      let mark = mark(at: offset)
      if mark != 0 { body(mark) }
      offset = element(at: offset).next
    }
  }

  /// Adds to `passed` the elements from `end` on that have at least `rank`.
  ///
  /// - Returns: whether there is one that has not.
  fileprivate func endsWalk(
    _ rank: UInt8, _ end: End, _ passed: inout Int, _ rankOf: (UInt64) -> UInt8
  ) -> Bool {
    guard !isUniform else { return true }
    var offset = end == .head ? start : self.end, lowest = UInt8.max
    for _ in 0..<count {
      if end == .tail { offset = previous(to: offset) }
      let mark = mark(at: offset), here = mark == 0 ? 0 : rankOf(mark)
      guard here >= rank else { return true }
      lowest = min(lowest, here)
      passed += 1
      if end == .head { offset = element(at: offset).next }
    }
    if !isShared { raiseLowest(to: lowest) }
    return false
  }
}
