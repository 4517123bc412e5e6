// ListMiddle.swift: changes of a list elsewhere than at its ends.
//
// A change touches one chunk: its elements are moved aside in place, or it is split where the new
// element goes, so that what is inserted at one place again and again fills the chunk before it. A
// chunk of which little is left gives back the rest of its memory.

import RESP

extension List {
  /// How far apart the labels of chunks are that are added at an end, and in between. 2^43 chunks may be
  /// added at an end, 2^14 between two that were neighbours; after that labels repeat, and what is
  /// found by them is found more slowly.
  static var labelStep: Int64 { 1 << 20 }
  private static var innerLabelStep: Int64 { 1 << 6 }

  /// A label between two, near the first or the second.
  private static func label(_ low: Int64, _ high: Int64, near end: End) -> Int64 {
    let gap = high - low
    let step = gap > 2 * innerLabelStep ? innerLabelStep : gap / 2
    return end == .head ? low + step : high - step
  }

  /// Replaces the element number `index` by one without a mark.
  func set(_ element: ByteView, at index: Int) {
    let (place, within) = locate(index)
    guard let chunk = chunk(at: place) else { return }
    let offset = chunk.offset(ofIndex: within)
    if chunk.element(at: offset).bytes.count == element.count, chunk.mark(at: offset) == 0 {
      let start = chunk.start
      let own = unshare(place, chunk)
      own.overwrite(at: own.start + offset - start, with: element)
      return
    }
    insert(element, at: index)
    remove(at: index + 1)
  }

  /// Removes the element number `index`.
  func remove(at index: Int) {
    guard index > 0 else { return remove(at: .head) }
    guard index < count - 1 else { return remove(at: .tail) }
    let (place, within) = locate(index)
    guard let chunk = chunk(at: place) else { return }
    remove(place, chunk, chunk.offset(ofIndex: within))
  }

  /// Removes the element at `spot`.
  func remove(_ spot: Spot) { remove(spot.place, spot.chunk, spot.offset) }

  private func remove(_ place: Place, _ chunk: ListChunk, _ offset: Int) {
    count -= 1
    guard chunk.count > 1 else { return splice(place, with: []) }
    let start = chunk.start
    let own = unshare(place, chunk)
    own.remove(at: own.start + offset - start)
    recount(place, -1)
    if case .spine = place, own.used <= own.capacity / 4, own.capacity > Self.sparseMax {
      splice(place, with: [own.copied(capacity: own.used, roomAt: .tail)])
    }
  }

  /// Bytes that a chunk in the middle may keep however few elements it has.
  private static var sparseMax: Int { 512 }

  /// Inserts before the element number `index`, which may be `count`.
  ///
  /// - Returns: the label of the chunk in which the element is.
  @discardableResult
  func insert(
    _ element: ByteView, mark: UInt64 = 0, rank: UInt8 = 0, at index: Int
  ) -> Int64 {
    guard index > 0, index < count else {
      let end: End = index > 0 ? .tail : .head
      push(element, mark: mark, rank: rank, at: end)
      return label(at: end)
    }
    let (place, within) = locate(index)
    if within == 0, let before = self.place(before: place),
      let chunk = roomy(before, element.count, isMarked: mark != 0)
    {
      _ = chunk.insertLast(element, mark: mark, rank: rank)
      return counted(before, chunk)
    }
    if let chunk = roomy(place, element.count, isMarked: mark != 0) {
      chunk.insert(element, mark: mark, rank: rank, at: chunk.offset(ofIndex: within))
      return counted(place, chunk)
    }
    guard let full = chunk(at: place) else { preconditionFailure("an element is in a chunk") }
    if within > 0 {
      let left = full.part(0..<within), right = full.part(within..<full.count)
      let next = self.place(after: place).flatMap { chunk(at: $0)?.label }
      right.label = Self.label(
        full.label, next ?? full.label.more(Self.labelStep), near: .tail)
      splice(place, with: [left, right])
      // The element is the first of its chunk now, and most likely the one before has room.
      return insert(element, mark: mark, rank: rank, at: index)
    }
    let size = ListChunk.mixedSize(element.count, isMarked: mark != 0)
    let own = ListChunk.make(
      capacity: size > ListChunk.sizeMax / 2 ? size : roomMax(size, true), fillingFrom: .tail)
    _ = own.push(element, mark: mark, rank: rank, at: .tail)
    let before = self.place(before: place).flatMap { chunk(at: $0)?.label }
    own.label = Self.label(
      before ?? full.label.less(Self.labelStep), full.label, near: .head)
    count += 1
    put(own, before: place)
    return own.label
  }

  /// Puts `spot`'s bytes in the place of what they were; the mark and its rank stay.
  ///
  /// - Returns: the label of the chunk in which the element is.
  func replace(_ spot: Spot, with element: ByteView, mark: UInt64, rank: UInt8) -> Int64 {
    let index = spot.index
    let label = insert(element, mark: mark, rank: rank, at: index)
    remove(at: index + 1)
    return label
  }

  private func put(_ chunk: ListChunk, before place: Place) {
    let spine = unsharedSpine() ?? ListSpine.make(capacity: 4)
    switch place {
    case .front: preconditionFailure("what goes before all is pushed")
    case .spine(let node, let slot): self.spine = spine.insert(chunk, node: node, slot: slot)
    case .back: self.spine = spine.append(chunk)
    }
  }

  /// Takes in that the chunk at `place`, which nobody shares, has one more element.
  private func counted(_ place: Place, _ chunk: ListChunk) -> Int64 {
    count += 1
    recount(place, 1)
    if case .spine(let node, _) = place { spine?[node].note(chunk.lowestRank) }
    return chunk.label
  }

  private func recount(_ place: Place, _ change: Int) {
    guard case .spine(let node, _) = place, let spine else { return }
    spine[node].elements += change
    spine.elements += change
  }

  /// The chunk at `place`, not shared, of the layout and with the room that one more element needs;
  /// nil when it is full.
  private func roomy(_ place: Place, _ size: Int, isMarked: Bool) -> ListChunk? {
    guard let chunk = chunk(at: place) else { return nil }
    let needed = chunk.sizeWith(size, isMarked: isMarked)
    guard needed <= ListChunk.sizeMax, chunk.count < ListChunk.countMax else { return nil }
    let mixing = chunk.isUniform && (isMarked || Int(chunk.elementSize) != size)
    if !mixing, needed <= chunk.capacity { return unshare(place, chunk) }
    let grown = chunk.copied(
      capacity: max(needed, min(2 * needed, ListChunk.sizeMax)), roomAt: .tail, mixed: mixing)
    splice(place, with: [grown])
    return grown
  }

  /// Removes elements equal to `element`: the first `limit` of them from the element number `from` on.
  ///
  /// - Parameter ending: called with the mark of each that had one, while it is still there.
  /// - Returns: how many went.
  func removeAll(
    equalTo element: ByteView, from: Int = 0, limit: Int, ending: (UInt64) -> Void = { _ in }
  ) -> Int {
    guard count > from, limit > 0 else { return 0 }
    let start = locate(from)
    var place = start.place
    var skip = start.within
    var removed = 0
    while removed < limit, let chunk = chunk(at: place) {
      let isLast = place == .back || (place == .front && back == nil)
      let goes = matches(of: element, in: chunk, skipping: skip, limit: limit - removed)
      let unskipped = skip
      skip = 0
      if goes > 0 {
        let keep = chunk.count - goes
        if keep == 0 {
          chunk.forEachMark(ending)
          splice(place, with: [])
        } else {
          // One chunk for one: the next place is that of the next chunk.
          var left = goes
          var offset = chunk.start
          let rest = chunk.copied { position, old in
            let mark = chunk.mark(at: offset)
            offset = chunk.element(at: offset).next
            guard left > 0, position >= unskipped, old == element else { return true }
            left -= 1
            if mark != 0 { ending(mark) }
            return false
          }
          splice(place, with: [rest])
        }
        removed += goes
        count -= goes
        if keep == 0 {
          if isLast { break }
          // What followed now stands at this place, unless its node is gone or was the last.
          if case .spine(let node, let slot) = place {
            if let spine, node < spine.count {
              place =
                slot < spine[node].count
                ? place : self.place(after: .spine(node: node, slot: slot - 1)) ?? .back
            } else {
              place = .back
            }
          }
          continue
        }
      }
      guard let next = self.place(after: place) else { break }
      place = next
    }
    return removed
  }

  private func matches(of element: ByteView, in chunk: ListChunk, skipping: Int, limit: Int) -> Int
  {
    if chunk.isUniform, Int(chunk.elementSize) != element.count { return 0 }
    var found = 0
    var offset = chunk.offset(ofIndex: skipping)
    for _ in skipping..<chunk.count {
      let old = chunk.element(at: offset)
      if old.bytes == element {
        found += 1
        if found == limit { break }
      }
      offset = old.next
    }
    return found
  }
}

extension ListChunk {
  /// Adds `element` behind the last, where there is room for it on whichever side.
  fileprivate func insertLast(_ element: ByteView, mark: UInt64, rank: UInt8) -> Bool {
    if push(element, mark: mark, rank: rank, at: .tail) { return true }
    recenter(for: .tail)
    return push(element, mark: mark, rank: rank, at: .tail)
  }
}

extension Int64 {
  /// The sum, or the greatest number.
  func more(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
  /// The difference, or the least number.
  func less(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? .min : difference
  }
}
