// HashTableItems.swift: what was in a table, item by item: for a snapshot, or to be freed.

/// The items of a snapshot, one by one in the order of their hashes.
///
/// What has been handed out is let go at once: the longer it goes on, the less there is that a writer
/// must copy. It may live on another thread than the table.
struct TableItems<Item: HashItem>: ~Copyable {
  /// What is still to come, the next one last; all of it owned.
  private var twigs: [Twig]
  private var items: [Item] = []
  /// How many items the table had.
  let total: Int

  init(_ root: Twig?, count: Int) {
    twigs = root.map { [$0] } ?? []
    total = count
  }

  deinit {
    for twig in twigs { HashTable<Item>.release(twig) }
    for item in items { item.release() }
  }

  /// The next item, which the caller owns.
  mutating func next() -> Item? {
    while true {
      if let item = items.popLast() { return item }
      guard let twig = twigs.popLast() else { return nil }
      if twig.isNode {
        let node = unsafe TableNode<Item>(address: twig.address)
        let first = twigs.count
        node.forEachChild { child in
          HashTable<Item>.retain(child)
          twigs.append(child)
        }
        twigs[first...].reverse()
        node.release()
      } else {
        let leaf = unsafe TableLeaf<Item>(address: twig.address)
        for index in 0..<leaf.count {
          leaf[index].retain()
          items.append(leaf[index])
        }
        leaf.release()
      }
    }
  }
}

/// What was in a table that has been emptied, to be freed leaf by leaf.
///
/// Parts that a snapshot shares are let go as they are: the snapshot frees them.
struct BuriedTable<Item: HashItem>: Buried {
  private var twigs: [Twig]

  init(_ root: Twig?) { twigs = root.map { [$0] } ?? [] }

  var isEmpty: Bool { twigs.isEmpty }

  mutating func freeSome(_ limit: Int, _ graveyard: inout Graveyard) -> Int {
    var left = limit
    while left > 0, let twig = twigs.popLast() {
      let node = unsafe TableNode<Item>(address: twig.address)
      let leaf = unsafe TableLeaf<Item>(address: twig.address)
      left -= 1
      if twig.isNode {
        guard !node.isShared else {
          node.release()
          continue
        }
        node.forEachChild { twigs.append($0) }
        node.free()
      } else {
        guard !leaf.isShared else {
          leaf.release()
          continue
        }
        left -= leaf.count
        for index in 0..<leaf.count { leaf[index].bury(in: &graveyard) }
        leaf.free()
      }
    }
    return limit - left
  }

  func freeAll() {
    for twig in twigs { HashTable<Item>.release(twig) }
  }
}
