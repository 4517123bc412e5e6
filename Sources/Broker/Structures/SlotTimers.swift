// SlotTimers.swift: at most one deadline for each numbered slot.
//
// A binary min-heap of slots by deadline, with the place of each slot beside it, so that a deadline
// is moved or dropped in O(log n). Used for blocked clients.
// Invariants (`checkInvariants()`): deadline(parent) ≤ deadline(child); places[slots[i]] == i.

/// Deadlines by slot, soonest first. The unit is the caller's.
struct SlotTimers: ~Copyable {
  private var heap: [(deadline: Int64, slot: Int)] = []
  private var places: [Int: Int] = [:]

  var first: (deadline: Int64, slot: Int)? { heap.first }
  var isEmpty: Bool { heap.isEmpty }

  /// Sets the deadline of `slot`, which has none.
  mutating func insert(_ slot: Int, at deadline: Int64) {
    precondition(places[slot] == nil)
    heap.append((deadline, slot))
    rise(heap.count - 1)
  }

  mutating func remove(_ slot: Int) {
    guard let index = places.removeValue(forKey: slot) else { return }
    let last = heap.removeLast()
    guard index < heap.count else { return }
    heap[index] = last
    places[last.slot] = index
    rise(index)
    if let place = places[last.slot] { sink(place) }
  }

  private mutating func rise(_ start: Int) {
    var index = start
    let item = heap[index]
    while index > 0, heap[(index - 1) / 2].deadline > item.deadline {
      let parent = (index - 1) / 2
      heap[index] = heap[parent]
      places[heap[index].slot] = index
      index = parent
    }
    heap[index] = item
    places[item.slot] = index
  }

  private mutating func sink(_ start: Int) {
    var index = start
    let item = heap[index]
    while true {
      var child = index * 2 + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
      guard heap[child].deadline < item.deadline else { break }
      heap[index] = heap[child]
      places[heap[index].slot] = index
      index = child
    }
    heap[index] = item
    places[item.slot] = index
  }

  func checkInvariants() {
    precondition(places.count == heap.count)
    for index in heap.indices {
      precondition(places[heap[index].slot] == index)
      if index > 0 { precondition(heap[(index - 1) / 2].deadline <= heap[index].deadline) }
    }
  }
}
