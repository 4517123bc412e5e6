// NameTimes.swift: when names that are held for a time are free again.
//
// A binary min-heap of instants, each with where in its table the name stands: the bits of its hash
// that a scan's cursor has. That is enough to find it again, and costs 16 bytes however long it is.
// Invariant (`checkInvariants()`): time(parent) ≤ time(child).

struct NameTimes {
  private struct Item {
    var time: Int64
    var cursor: UInt64
  }
  private var items: [Item] = []

  var first: Int64? { items.first?.time }
  var count: Int { items.count }

  mutating func insert(_ time: Int64, cursor: UInt64) {
    let item = Item(time: time, cursor: cursor)
    items.append(item)
    var index = items.count - 1
    while index > 0, items[(index - 1) / 2].time > time {
      items[index] = items[(index - 1) / 2]
      index = (index - 1) / 2
    }
    items[index] = item
  }

  /// Takes out the earliest time if it has come, and gives the place of its name.
  mutating func popFirst(until now: Int64) -> UInt64? {
    guard let first = items.first, first.time <= now else { return nil }
    let last = items.removeLast()
    guard !items.isEmpty else { return first.cursor }
    var index = 0
    while true {
      var child = index * 2 + 1
      guard child < items.count else { break }
      if child + 1 < items.count, items[child + 1].time < items[child].time { child += 1 }
      guard items[child].time < last.time else { break }
      items[index] = items[child]
      index = child
    }
    items[index] = last
    return first.cursor
  }

  func checkInvariants() {
    for index in items.indices.dropFirst() {
      precondition(items[(index - 1) / 2].time <= items[index].time)
    }
  }
}
