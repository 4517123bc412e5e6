// HashTable+Walking.swift: walks through a table, whole or by cursors, and a look at a random place of it.

extension HashTable {
  /// Bits of the hash that a cursor keeps: clients read cursors as numbers below 2^53.
  private static var cursorBits: UInt64 { 48 }

  /// The cursor from which a scan begins with the item whose hash this is, among few others.
  static func cursor(of hash: UInt64) -> UInt64 { hash >> (64 - cursorBits) }

  /// Calls `body` with at least `atLeast` items from `cursor` on, or all that are left.
  ///
  /// - Returns: the cursor to go on with; 0 when the whole table has been walked.
  /// Guarantee: an item that is in the table from cursor 0 until 0 returns is met at least once.
  func scan(from cursor: UInt64, atLeast: Int, _ body: (Item) -> Void) -> UInt64 {
    guard let root else { return 0 }
    let shift = 64 - Self.cursorBits
    guard cursor < 1 << Self.cursorBits else { return 0 }
    var position = cursor << shift
    var met = 0
    var leaves = 0
    while true {
      var twig = root
      while twig.isNode {
        let node = unsafe Node(address: twig.address)
        twig = node[node.slot(of: position)]
      }
      let leaf = unsafe Leaf(address: twig.address)
      for index in 0..<leaf.count { body(leaf[index]) }
      met += leaf.count
      leaves += 1
      guard leaf.depth > 0 else { return 0 }
      let span = UInt64(1) << UInt64(64 - leaf.depth)
      let (next, wrapped) = (position & ~(span - 1)).addingReportingOverflow(span)
      if wrapped { return 0 }
      position = next
      let isBoundary = position & (1 << shift - 1) == 0
      if isBoundary, met >= atLeast || leaves / 10 >= atLeast { return position >> shift }
    }
  }

  /// Calls `body` with every item, in the order of their hashes.
  func forEach(_ body: (Item) -> Void) {
    guard let root else { return }
    _ = Self.walk(root) {
      body($0)
      return true
    }
  }

  /// Calls `body` with the items below `twig`, in the order of their hashes, until it returns false.
  static func walk(_ twig: Twig, _ body: (Item) -> Bool) -> Bool {
    guard twig.isNode else {
      let leaf = unsafe Leaf(address: twig.address)
      for index in 0..<leaf.count where !body(leaf[index]) { return false }
      return true
    }
    let node = unsafe Node(address: twig.address)
    var slot = 0
    while slot < node.slots.upperBound {
      let child = node[slot]
      slot += node.run(of: child)
      guard walk(child, body) else { return false }
    }
    return true
  }

  /// Items with the least hashes, at most a leaf of them, in no order; none of an empty table.
  func firstItems() -> [Item] {
    var items: [Item] = [], position: UInt64 = 0
    while items.isEmpty, count > 0, let leaf = leaf(position) {
      for index in 0..<leaf.count { items.append(leaf[index]) }
      guard leaf.depth > 0 else { break }
      position &+= UInt64(1) << UInt64(64 - leaf.depth)  // Leaves that are empty are few.
    }
    return items
  }

  /// How many times as dense as the mean a leaf may be for its items to be as likely as others.
  private static var densityMax: Double { 4 }

  /// Some item, each as likely as the others.
  ///
  /// A random point of the hashes meets a leaf the rarer the deeper it lies, and one of its items the
  /// rarer the more there are: who lies dense is accepted as much more often.
  /// - Complexity: O(1): about four leaves are looked at.
  func randomItem(using random: inout SplitMix64) -> Item? {
    guard count > 0, let root else { return nil }
    while true {
      guard let leaf = leaf(random.next()) else { return nil }
      guard leaf.count > 0 else { continue }
      let density = Double(sign: .plus, exponent: leaf.depth, significand: Double(leaf.count))
      let chance = root.isNode ? density / (Double(count) * Self.densityMax) : 1
      guard Double(random.next() >> 11) * 0x1p-53 < chance else { continue }
      return leaf[Int(random.next() % UInt64(leaf.count))]
    }
  }

  func checkInvariants() {
    var seen = 0
    func check(_ twig: Twig, prefix: UInt64, within parent: Node?) {
      if twig.isNode {
        let node = unsafe Node(address: twig.address)
        precondition(node.depth == (parent.map { $0.depth + 8 } ?? 0))
        precondition(parent.map { $0.bits == Node.bitsMax } ?? true)
        var slot = 0
        while slot < node.slots.upperBound {
          let child = node[slot]
          let run = node.run(of: child)
          precondition(slot % run == 0)
          for other in slot..<slot + run {
            unsafe precondition(node[other].address == child.address)
          }
          check(
            child, prefix: prefix | UInt64(slot) << UInt64(64 - node.bits - node.depth),
            within: node)
          slot += run
        }
      } else {
        let leaf = unsafe Leaf(address: twig.address)
        precondition(leaf.count <= leaf.capacity && leaf.capacity <= Leaf.countMax)
        for index in 0..<leaf.count {
          let itemHash = leaf[index].hash(by: hash)
          if leaf.depth > 0 {
            let shift = UInt64(64 - leaf.depth)
            precondition(itemHash >> shift == prefix >> shift)
          }
          precondition(leaf.load(8 + index, as: UInt8.self) == UInt8(truncatingIfNeeded: itemHash))
        }
        seen += leaf.count
      }
    }
    if let root { check(root, prefix: 0, within: nil) }
    precondition(seen == count)
  }
}
