// Waiters.swift: who waits for which key, first come, first served.
//
// One queue per key for every kind of waiter. A session that waits for several keys stands in each
// of their queues and leaves all of them when one serves it. Queues are linked through a pool of
// places, so that joining and leaving cost O(1) however many wait.
// Invariants (`checkInvariants()`):
//   1. each place is in the queue that its key names, between its neighbours
//   2. a key has a queue only while somebody waits for it

import RESP

/// A key of a numbered database, kept beyond the request that named it.
struct StoredKey: Hashable {
  let database: Int
  let bytes: [UInt8]

  init(_ database: Int, _ key: ByteView) {
    self.database = database
    bytes = key.array
  }

  init(_ database: Int, _ bytes: [UInt8]) {
    self.database = database
    self.bytes = bytes
  }

  /// Calls `body` with the key as a view.
  func withView<R>(_ body: (ByteView) -> R) -> R {
    unsafe bytes.withUnsafeBytes { unsafe body(ByteView($0)) }
  }
}

/// The queues of all keys.
struct Waiters: ~Copyable {
  private struct Queue {
    var first: Int32
    var last: Int32
  }
  private struct Place {
    var slot: Int32
    var previous: Int32
    var next: Int32
    var key: StoredKey?
  }
  private static let none: Int32 = -1

  private var queues: [StoredKey: Queue] = [:]
  private var places: [Place] = []
  private var free: [Int32] = []
  /// The places of each waiting session, by its slot.
  private var bySession: [Int: [Int32]] = [:]

  var isEmpty: Bool { queues.isEmpty }
  /// How many keys are waited for.
  var keyCount: Int { queues.count }

  /// Puts the session in `slot` at the end of the queue of each of `keys`, once each.
  mutating func add(_ slot: Int, keys: [StoredKey]) {
    var taken: [Int32] = []
    var seen: Set<StoredKey> = []
    for key in keys {
      if keys.count > 1, !seen.insert(key).inserted { continue }
      let place = Place(slot: Int32(slot), previous: Self.none, next: Self.none, key: key)
      let index: Int32
      if let reused = free.popLast() {
        index = reused
        places[Int(index)] = place
      } else {
        index = Int32(places.count)
        places.append(place)
      }
      if let queue = queues[key] {
        places[Int(index)].previous = queue.last
        places[Int(queue.last)].next = index
        queues[key]?.last = index
      } else {
        queues[key] = Queue(first: index, last: index)
      }
      taken.append(index)
    }
    bySession[slot] = taken
  }

  /// Takes the session in `slot` out of all queues.
  mutating func remove(_ slot: Int) {
    guard let taken = bySession.removeValue(forKey: slot) else { return }
    for index in taken {
      let place = places[Int(index)]
      guard let key = place.key, var queue = queues[key] else { continue }
      if place.previous == Self.none {
        queue.first = place.next
      } else {
        places[Int(place.previous)].next = place.next
      }
      if place.next == Self.none {
        queue.last = place.previous
      } else {
        places[Int(place.next)].previous = place.previous
      }
      queues[key] = queue.first == Self.none ? nil : queue
      places[Int(index)].key = nil
      free.append(index)
    }
  }

  func isWaited(for key: StoredKey) -> Bool { queues[key] != nil }

  /// The keys of `database` that are waited for, in the order of their bytes: what follows from them
  /// must not depend on a hash table.
  func keys(in database: Int) -> [StoredKey] {
    queues.keys.filter { $0.database == database }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  /// The sessions that wait for `key`, longest first.
  func slots(for key: StoredKey) -> [Int] {
    var result: [Int] = []
    var index = queues[key]?.first ?? Self.none
    while index != Self.none {
      result.append(Int(places[Int(index)].slot))
      index = places[Int(index)].next
    }
    return result
  }

  /// The session that has waited longest for `key` and is not in `passedOver`.
  func first(for key: StoredKey, passing passedOver: Set<Int> = []) -> Int? {
    var index = queues[key]?.first ?? Self.none
    while index != Self.none {
      let slot = Int(places[Int(index)].slot)
      if passedOver.isEmpty || !passedOver.contains(slot) { return slot }
      index = places[Int(index)].next
    }
    return nil
  }

  func checkInvariants() {
    var seen = 0
    for (key, queue) in queues {
      precondition(queue.first != Self.none)
      var index = queue.first, previous = Self.none
      while index != Self.none {
        let place = places[Int(index)]
        precondition(place.key == key && place.previous == previous)
        precondition(bySession[Int(place.slot)]?.contains(index) == true)
        previous = index
        index = place.next
        seen += 1
      }
      precondition(queue.last == previous)
    }
    precondition(seen == bySession.values.reduce(0) { $0 + $1.count })
    precondition(seen + free.count == places.count)
  }
}
