// HashedValue+Random.swift: some fields or members: by chance, each as likely as the others, or in
// the steps of a walk.

import RESP

extension HashedValue {
  typealias Pair = (name: StoredText, value: StoredText)

  /// Some field or member; the value must not be empty.
  /// - Complexity: O(1); of a packed value what it takes to reach it.
  func randomPair(using random: inout SplitMix64) -> Pair {
    switch form {
    case .packed:
      var left = Int.random(in: 0..<smallCount, using: &random)
      var found: Pair?
      walk { name, value in
        if left == 0 { found = (name, value) }
        left -= 1
        return found == nil
      }
      guard let found else { preconditionFailure("fewer strings are packed than counted") }
      return found
    case .integers:
      let index = Int.random(in: 0..<smallCount, using: &random)
      return (.integer(number(at: index)), .bytes(ByteView()))
    case .table:
      let table = Table(items, hash: KeyHash(seed: 0))  // Nothing is hashed here.
      let item = table.randomItem(using: &random)
      _ = table.keep()
      guard let item else { preconditionFailure("an empty table has no items") }
      return (.bytes(item.key), .bytes(item.value))
    }
  }

  /// `limit` different ones, or all if there are no more.
  ///
  /// - Parameter now: what is to go by then is passed over; pass it only if there is such.
  /// - Complexity: O(limit) of a table, unless there are fields to be passed over.
  func randomPairs(
    _ limit: Int, now: Int64 = .min, using random: inout SplitMix64
  ) -> [Pair] {
    var pairs: [Pair] = []
    guard form == .table, limit < count / 3, now == .min else {
      pairs.reserveCapacity(count)
      forEach(now: now) { pairs.append(($0, $1)) }
      guard limit < pairs.count else { return pairs }
      for index in 0..<limit {
        pairs.swapAt(index, Int.random(in: index..<pairs.count, using: &random))
      }
      pairs.removeLast(pairs.count - limit)
      return pairs
    }
    pairs.reserveCapacity(limit)
    var chosen: Set<UInt> = []
    let table = Table(items, hash: KeyHash(seed: 0))
    while pairs.count < limit, let item = table.randomItem(using: &random) {
      if unsafe chosen.insert(UInt(bitPattern: item.address)).inserted {
        pairs.append((.bytes(item.key), .bytes(item.value)))
      }
    }
    _ = table.keep()
    return pairs
  }

  /// Calls `body` with at least `atLeast` of a table from `cursor` on, or all that are left; of what
  /// is no table with all.
  ///
  /// - Returns: the cursor to go on with; 0 when the whole value has been walked.
  func scan(
    from cursor: UInt64, atLeast: Int, now: Int64, _ hash: KeyHash, _ body: (Pair) -> Void
  ) -> UInt64 {
    guard form == .table else {
      forEach { body(($0, $1)) }
      return 0
    }
    let table = Table(items, hash: hash)
    let next = table.scan(from: cursor, atLeast: atLeast) { item in
      if let deadline = item.deadline, deadline <= now { return }
      body((.bytes(item.key), .bytes(item.value)))
    }
    _ = table.keep()
    return next
  }
}
