// Deadlines.swift: which key of a database goes first.
//
// A binary min-heap of entries by deadline. Each entry remembers its place (`heapIndex`), so that a
// key that is deleted or gets another deadline leaves the heap in O(log n), without a search.
// Invariants (`checkInvariants()`):
//   1. deadline(parent) ≤ deadline(child)
//   2. items[i].entry.heapIndex == i

/// The entries of one database that have a deadline.
struct Deadlines: ~Copyable {
  private struct Item {
    var deadline: Int64
    var entry: Entry
  }
  private var items: [Item] = []

  var count: Int { items.count }

  /// The deadline and entry that come first.
  var first: (deadline: Int64, entry: Entry)? { items.first.map { ($0.deadline, $0.entry) } }

  mutating func insert(_ entry: Entry) {
    guard let deadline = entry.deadline else { return }
    items.append(Item(deadline: deadline, entry: entry))
    rise(items.count - 1)
  }

  mutating func remove(_ entry: Entry) {
    guard entry.hasDeadline else { return }
    let index = entry.heapIndex
    let last = items.removeLast()
    guard index < items.count else { return }
    items[index] = last
    last.entry.heapIndex = index
    rise(index)
    sink(last.entry.heapIndex)
  }

  /// Puts `copy` in the place of `entry`, which has the same deadline.
  mutating func replace(_ entry: Entry, with copy: Entry) {
    guard entry.hasDeadline else { return }
    let index = entry.heapIndex
    items[index].entry = copy
    copy.heapIndex = index
  }

  mutating func removeAll() { items = [] }

  private mutating func rise(_ start: Int) {
    var index = start
    let item = items[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard items[parent].deadline > item.deadline else { break }
      items[index] = items[parent]
      items[index].entry.heapIndex = index
      index = parent
    }
    items[index] = item
    item.entry.heapIndex = index
  }

  private mutating func sink(_ start: Int) {
    var index = start
    let item = items[index]
    while true {
      var child = index * 2 + 1
      guard child < items.count else { break }
      if child + 1 < items.count, items[child + 1].deadline < items[child].deadline { child += 1 }
      guard items[child].deadline < item.deadline else { break }
      items[index] = items[child]
      items[index].entry.heapIndex = index
      index = child
    }
    items[index] = item
    item.entry.heapIndex = index
  }

  /// Mean time left of all deadlines, in ms from `now`: a look at a few of them.
  func averageLeft(now: Int64) -> Int64 {
    guard !items.isEmpty else { return 0 }
    let step = max(1, items.count / 64)
    var sum: Int64 = 0, seen: Int64 = 0
    for index in stride(from: 0, to: items.count, by: step) {
      sum &+= max(0, items[index].deadline &- now)
      seen += 1
    }
    return sum / seen
  }

  func checkInvariants() {
    for index in items.indices {
      precondition(items[index].entry.heapIndex == index)
      precondition(items[index].entry.deadline == items[index].deadline)
      if index > 0 { precondition(items[(index - 1) / 2].deadline <= items[index].deadline) }
    }
  }
}
