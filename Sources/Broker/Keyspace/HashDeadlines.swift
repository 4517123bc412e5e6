// HashDeadlines.swift: which hash of a database is to lose a field first.
//
// A binary min-heap of reminders, each a key and the time at which a field of its hash goes, and
// beside it the reminder that counts for each key. A reminder that has been overtaken stays in the
// heap until it comes first, or until such reminders are most of the heap.
// Invariants (`checkInvariants()`):
//   1. deadline(parent) ≤ deadline(child)
//   2. each key that has a reminder has one in the heap that counts; the first in the heap counts
//   3. heap.count ≤ 2 · keys + 16

import RESP

/// The hashes of one database that have fields with a deadline.
struct HashDeadlines: ~Copyable {
  private struct Reminder {
    let deadline: Int64
    let key: [UInt8]
  }
  private var heap: [Reminder] = []
  private var deadlines: [[UInt8]: Int64] = [:]

  var count: Int { deadlines.count }

  /// The deadline and key that come first.
  var first: (deadline: Int64, key: [UInt8])? { heap.first.map { ($0.deadline, $0.key) } }

  /// Has the hash of `key` looked at when `deadline` has passed, if not earlier.
  mutating func note(_ key: ByteView, at deadline: Int64) {
    let key = key.array
    if let old = deadlines[key], old <= deadline { return }
    deadlines[key] = deadline
    heap.append(Reminder(deadline: deadline, key: key))
    rise(heap.count - 1)
    if heap.count > 2 * deadlines.count + 16 { rebuild() }
    dropOvertaken()
  }

  /// Forgets the hash of `key`, if it is known.
  mutating func forget(_ key: ByteView) {
    guard !deadlines.isEmpty, deadlines.removeValue(forKey: key.array) != nil else { return }
    if heap.count > 2 * deadlines.count + 16 { rebuild() }
    dropOvertaken()
  }

  mutating func removeAll() {
    heap = []
    deadlines = [:]
  }

  private func counts(_ reminder: Reminder) -> Bool { deadlines[reminder.key] == reminder.deadline }

  private mutating func dropOvertaken() {
    while let first = heap.first, !counts(first) {
      let last = heap.removeLast()
      guard !heap.isEmpty else { return }
      heap[0] = last
      sink(0)
    }
  }

  /// Makes the heap anew of the reminders that count.
  private mutating func rebuild() {
    heap = deadlines.map { Reminder(deadline: $1, key: $0) }
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  private mutating func rise(_ start: Int) {
    var index = start
    while index > 0, heap[(index - 1) / 2].deadline > heap[index].deadline {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var child = index * 2 + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
      guard heap[child].deadline < heap[index].deadline else { return }
      heap.swapAt(index, child)
      index = child
    }
  }

  func checkInvariants() {
    for index in heap.indices.dropFirst() {
      precondition(heap[(index - 1) / 2].deadline <= heap[index].deadline)
    }
    let deadlines = deadlines
    let counting = heap.filter { deadlines[$0.key] == $0.deadline }
    precondition(heap.isEmpty || counting.first?.key == heap[0].key)
    precondition(Set(counting.map(\.key)).count == deadlines.count)
    precondition(heap.count <= 2 * deadlines.count + 16)
  }
}
