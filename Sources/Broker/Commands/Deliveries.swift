// Deliveries.swift: which jobs are in replies that have not been sent.
//
// Each is noted by where its reply ends in all that the client was ever sent, so that bytes that leave
// change nothing but one number, however many jobs wait behind them.
// Invariant (`checkInvariants()`): ends ascend; those of a reply in the making are the last.

/// Jobs of one client that are not delivered yet, in order.
struct Deliveries {
  struct Item {
    let database: Int
    let number: UInt64
    let epoch: UInt32
    /// Where its reply ends, as `sent` counts; `.max` while the reply is in the making.
    fileprivate var end = Int.max
  }

  /// The first `gone` of them have been delivered.
  private var items: [Item] = []
  private var gone = 0
  /// Those in replies that will not be sent.
  private var lost: [Item] = []
  /// Bytes that have left.
  private var sent = 0

  var isEmpty: Bool { count == 0 && lost.isEmpty }
  var count: Int { items.count - gone }

  /// Notes that the reply in the making has a job; `end` is to follow.
  mutating func add(_ number: UInt64, epoch: UInt32, in database: Int) {
    items.append(Item(database: database, number: number, epoch: epoch))
  }

  /// Says that the reply with the jobs from number `first` on ends at `offset` of the output.
  mutating func end(from first: Int, at offset: Int) {
    for index in gone + first..<items.count { items[index].end = sent + offset }
  }

  /// Forgets those whose replies are in the `count` bytes that were sent. Amortised O(1).
  mutating func forgetSent(_ count: Int) {
    sent += count
    while gone < items.count, items[gone].end <= sent { gone += 1 }
    guard gone > 0, gone * 2 >= items.count else { return }
    items.removeFirst(gone)
    gone = 0
  }

  /// Notes that what is beyond `offset` of the output will not be sent.
  mutating func lose(after offset: Int) { lost += takeUnsent(after: offset) }

  /// Takes out those in replies that will not be sent: beyond `offset` of the output, or lost before.
  mutating func takeLost(after offset: Int) -> [Item] {
    lose(after: offset)
    defer { lost = [] }
    return lost
  }

  private mutating func takeUnsent(after offset: Int) -> ArraySlice<Item> {
    var first = items.count
    while first > gone, items[first - 1].end > sent + offset { first -= 1 }
    defer { items.removeSubrange(first...) }
    return items[first...]
  }

  func checkInvariants() {
    precondition(gone <= items.count)
    for index in items.indices.dropFirst() {
      precondition(items[index - 1].end <= items[index].end)
    }
  }
}
