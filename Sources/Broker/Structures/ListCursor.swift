// ListCursor.swift: walking through a list, element by element, from any place in either direction.

import RESP

extension List {
  /// A place between elements, from which a walk goes on in either direction.
  ///
  /// Valid until the list changes.
  struct Cursor {
    fileprivate let list: List
    fileprivate var place: List.Place
    fileprivate var chunk: ListChunk
    fileprivate var offset: Int
    /// Number within the chunk of the element that `next` gives.
    fileprivate var within: Int
    /// Number in the list of the element that `next` gives.
    fileprivate(set) var index: Int
    /// Where in its chunk the element is that was given last.
    fileprivate var given = 0

    /// The mark of the element that was given last, 0 for none.
    var mark: UInt64 { chunk.mark(at: given) }

    /// The element behind the cursor, over which it moves; nil at the end.
    mutating func next() -> ByteView? {
      if within == chunk.count {
        guard let place = list.place(after: place), let chunk = list.chunk(at: place) else {
          return nil
        }
        self.place = place
        self.chunk = chunk
        offset = chunk.start
        within = 0
      }
      let element = chunk.element(at: offset)
      given = offset
      offset = element.next
      within += 1
      index += 1
      return element.bytes
    }

    /// The element before the cursor, over which it moves back; nil at the start.
    mutating func previous() -> ByteView? {
      if within == 0 {
        guard let place = list.place(before: place), let chunk = list.chunk(at: place) else {
          return nil
        }
        self.place = place
        self.chunk = chunk
        offset = chunk.end
        within = chunk.count
      }
      offset = chunk.previous(to: offset)
      given = offset
      within -= 1
      index -= 1
      return chunk.element(at: offset).bytes
    }
  }

  /// A cursor before the element number `index`; `count` means behind the last.
  func cursor(at index: Int) -> Cursor? {
    guard count > 0, let front else { return nil }
    if index == count {
      let chunk = back ?? front
      return Cursor(
        list: self, place: back != nil ? .back : .front, chunk: chunk, offset: chunk.end,
        within: chunk.count, index: index)
    }
    let (place, within) = locate(index)
    guard let chunk = chunk(at: place) else { return nil }
    return Cursor(
      list: self, place: place, chunk: chunk, offset: chunk.offset(ofIndex: within),
      within: within, index: index)
  }

  /// The element number `index`, valid until the list changes.
  subscript(index: Int) -> ByteView {
    guard var cursor = cursor(at: index), let element = cursor.next() else {
      preconditionFailure("index out of range")
    }
    return element
  }

  /// Calls `body` with the elements `range`, in order.
  func forEach(in range: Range<Int>, _ body: (ByteView) -> Void) {
    guard !range.isEmpty, var cursor = cursor(at: range.lowerBound) else { return }
    for _ in range {
      guard let element = cursor.next() else { return }
      body(element)
    }
  }
}
