// HashedValue+Deadlines.swift: fields of a hash that go at a time of their own.
//
// A hash with such fields is a table. While it is small, its items are looked through for what goes
// next; of a big one those with a deadline are in a second table besides, in the order of the seconds
// in which they go. Nothing goes of itself: the keyspace asks what is due, and takes it out.

import RESP

extension HashedValue {
  typealias Deadlines = HashTable<ItemDeadline>

  /// Items that are looked through: above, they are in order.
  private static var unorderedMax: Int { 256 }

  var deadlines: Deadlines.Kept {
    get { load(24) }
    nonmutating set { store(newValue, at: 24) }
  }
  private(set) var deadlineCount: Int {
    get { load(40) }
    nonmutating set { store(newValue, at: 40) }
  }

  /// Makes the deadlines of another owner of the same items ours as well.
  func shareDeadlines(of other: Self) {
    deadlineCount = other.deadlineCount
    deadlines = other.deadlines
    Deadlines.retain(deadlines)
  }

  /// Takes in an item that has come into the table.
  @inline(__always)
  func noteDeadline(of item: FieldItem, _ hash: KeyHash) {
    guard Self.hasValues else { return }
    if item.hasDeadline {
      deadlineCount += 1
      flags.insert(.hasHadDeadlines)
    }
    guard deadlineCount > 0 else { return }
    if flags.contains(.isOrdered) {
      if item.hasDeadline { order(item, hash) }
    } else if count > Self.unorderedMax {
      flags.insert(.isOrdered)
      guard deadlineCount > 1 || !item.hasDeadline else { return order(item, hash) }
      // The table has just come above the bound: those within it are few.
      Table.walk(items) { item in
        if item.hasDeadline { order(item, hash) }
        return deadlines.count < deadlineCount
      }
    }
  }

  private func order(_ item: FieldItem, _ hash: KeyHash) {
    item.retain()
    let entry = ItemDeadline(item)
    var table = Deadlines(deadlines, hash: hash)
    table.insert(entry, hash: entry.hash(by: hash))
    deadlines = table.keep()
  }

  /// Takes in that an item has left the table.
  @inline(__always)
  func forgetDeadline(of item: FieldItem, _ hash: KeyHash) {
    guard Self.hasValues, item.hasDeadline else { return }
    deadlineCount -= 1
    guard flags.contains(.isOrdered) else { return }
    let entry = ItemDeadline(item)
    var table = Deadlines(deadlines, hash: hash)
    table.remove(item.key, hash: entry.hash(by: hash))?.release()
    deadlines = table.keep()
    if deadlineCount == 0 { flags.remove(.isOrdered) }
  }

  /// The items among which is the one that goes first, but for those which go in the same second.
  private func firstItems() -> [FieldItem] {
    guard itemHasDeadlines else { return [] }
    var first: [FieldItem] = []
    if flags.contains(.isOrdered) {
      let table = Deadlines(deadlines, hash: KeyHash(seed: 0))  // Nothing is hashed here.
      first = table.firstItems().map(\.item)
      _ = table.keep()
    } else {
      Table.walk(items) { item in
        if item.hasDeadline { first.append(item) }
        return true
      }
    }
    return first
  }

  /// When the next field goes, in ms since 1970, up to a second late; nil when none does.
  var nextDeadline: Int64? { firstItems().compactMap(\.deadline).min() }

  /// Takes out fields whose deadline has passed, a few at a time.
  ///
  /// - Returns: which; none when there are no more.
  mutating func removeDue(
    now: Int64, limit: Int, _ hash: KeyHash, into graveyard: inout Graveyard
  ) -> [[UInt8]] {
    let due = firstItems().filter { $0.deadline! <= now }.prefix(limit).map(\.key.array)
    for name in due {
      unsafe name.withUnsafeBytes { _ = unsafe remove(ByteView($0), hash, into: &graveyard) }
    }
    return due
  }

  /// Checks that the items with a deadline are as many as counted, and all of them in order.
  func checkDeadlines(_ hash: KeyHash) {
    guard Self.hasValues else { return }
    var found = 0
    Table.walk(items) { item in
      if item.hasDeadline {
        found += 1
        let entryHash = ItemDeadline(item).hash(by: hash)
        let entry = Deadlines.find(item.key, hash: entryHash, in: deadlines)
        let isSame = entry.map { unsafe $0.address == item.address } ?? false
        precondition(isSame == flags.contains(.isOrdered))
      }
      return true
    }
    precondition(found == deadlineCount)
    precondition(deadlines.count == (flags.contains(.isOrdered) ? found : 0))
    precondition(flags.contains(.isOrdered) || found == 0 || count <= Self.unorderedMax)
    let table = Deadlines(deadlines, hash: hash)
    table.checkInvariants()
    _ = table.keep()
  }
}
