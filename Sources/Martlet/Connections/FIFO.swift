// FIFO.swift: what waits in line, first in and first out.

/// A line in a ring of memory: both ends in O(1), and no memory moved but to grow.
struct FIFO<Element> {
  private var ring: [Element?] = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var first: Element? { count == 0 ? nil : ring[head] }

  mutating func append(_ element: Element) {
    if count == ring.count { grow() }
    ring[(head + count) & (ring.count - 1)] = element
    count += 1
  }

  /// Puts an element before all others.
  mutating func prepend(_ element: Element) {
    if count == ring.count { grow() }
    head = (head - 1) & (ring.count - 1)
    ring[head] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = ring[head]
    ring[head] = nil
    head = (head + 1) & (ring.count - 1)
    count -= 1
    return element
  }

  /// Keeps those that satisfy `isKept`, in their order.
  mutating func filter(_ isKept: (Element) -> Bool) {
    var kept = FIFO()
    forEach { if isKept($0) { kept.append($0) } }
    self = kept
  }

  func forEach(_ body: (Element) -> Void) {
    for index in 0..<count {
      if let element = ring[(head + index) & (ring.count - 1)] { body(element) }
    }
  }

  private mutating func grow() {
    var larger: [Element?] = []
    larger.reserveCapacity(max(16, ring.count * 2))
    forEach { larger.append($0) }
    while larger.count < max(16, ring.count * 2) { larger.append(nil) }
    ring = larger
    head = 0
  }
}
