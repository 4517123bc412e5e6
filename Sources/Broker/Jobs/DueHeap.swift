// DueHeap.swift: which job's time comes first.
//
// A binary min-heap of records. Each record remembers its place (`heapIndex`), so that an
// acknowledgement takes a lease out in O(log n), without a search. Jobs due at the same moment come in
// the order of their numbers; leases that end at the same moment in the opposite one, for each is put
// back before the others, and so they stand as they stood. Checkpoints do not have the heap: it is
// made again from the records.
// Invariants (`checkInvariants()`):
//   1. a parent comes before its children
//   2. items[i].record.heapIndex == i

/// Jobs by the time of their next change.
struct DueHeap: ~Copyable {
  private struct Item {
    var due: Int64
    var order: UInt64
    var record: JobRecord

    @inline(__always)
    func precedes(_ other: Item) -> Bool {
      due != other.due ? due < other.due : order < other.order
    }
  }
  private var items: [Item] = []

  var count: Int { items.count }
  var first: (record: JobRecord, due: Int64)? { items.first.map { ($0.record, $0.due) } }

  /// Puts in `record`, to be due at `due`.
  mutating func insert(_ record: JobRecord, due: Int64) {
    let order = record.state == .leased ? ~record.number : record.number
    items.append(Item(due: due, order: order, record: record))
    rise(items.count - 1)
  }

  mutating func remove(_ record: JobRecord) {
    let index = Int(record.heapIndex)
    record.heapIndex = JobRecord.unplaced
    let last = items.removeLast()
    guard index < items.count else { return }
    items[index] = last
    last.record.heapIndex = UInt32(index)
    rise(index)
    sink(Int(last.record.heapIndex))
  }

  /// Puts `copy` in the place of `record`, whose copy it is.
  mutating func replace(_ record: JobRecord, with copy: JobRecord) {
    items[Int(record.heapIndex)].record = copy
    copy.heapIndex = record.heapIndex
  }

  private mutating func rise(_ start: Int) {
    var index = start
    let item = items[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard item.precedes(items[parent]) else { break }
      items[index] = items[parent]
      items[index].record.heapIndex = UInt32(index)
      index = parent
    }
    items[index] = item
    item.record.heapIndex = UInt32(index)
  }

  private mutating func sink(_ start: Int) {
    var index = start
    let item = items[index]
    while true {
      var child = index * 2 + 1
      guard child < items.count else { break }
      if child + 1 < items.count, items[child + 1].precedes(items[child]) { child += 1 }
      guard items[child].precedes(item) else { break }
      items[index] = items[child]
      items[index].record.heapIndex = UInt32(index)
      index = child
    }
    items[index] = item
    item.record.heapIndex = UInt32(index)
  }

  func checkInvariants() {
    for index in items.indices {
      precondition(Int(items[index].record.heapIndex) == index)
      let record = items[index].record
      precondition(record.state == .ready || record.due == items[index].due)
      if index > 0 { precondition(!items[index].precedes(items[(index - 1) / 2])) }
    }
  }
}
