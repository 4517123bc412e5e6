// SlotQueue.swift: numbered slots in the order in which they came.
//
// Whoever leaves from the middle leaves a gap, so that leaving needs no search; gaps are closed
// once they are more than what is left.
// Invariants (`checkInvariants()`): line[places[s]] == s; all else in the line is gaps.

/// A queue of slots, each in it once at most. All but `all` is O(1), amortised.
struct SlotQueue {
  private static let gap = -1
  private var line: [Int] = []
  private var places: [Int: Int] = [:]

  var isEmpty: Bool { places.isEmpty }
  var count: Int { places.count }

  /// The slots, first come first.
  var all: [Int] { line.filter { $0 != Self.gap } }

  /// Puts `slot`, which is not there, at the end.
  mutating func append(_ slot: Int) {
    precondition(slot >= 0 && places[slot] == nil)
    places[slot] = line.count
    line.append(slot)
  }

  /// Takes `slot` out if it is there.
  mutating func remove(_ slot: Int) {
    guard let place = places.removeValue(forKey: slot) else { return }
    line[place] = Self.gap
    if line.count > 2 * places.count + 16 { closeGaps() }
  }

  private mutating func closeGaps() {
    line = all
    for (place, slot) in line.enumerated() { places[slot] = place }
  }

  func checkInvariants() {
    for (slot, place) in places { precondition(line[place] == slot) }
    precondition(all.count == count)
    precondition(line.count <= 2 * count + 16 || isEmpty)
  }
}
