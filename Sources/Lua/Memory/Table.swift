// Table.swift: the one data structure of Lua: an array and a hash table in one.
//
// Elements 1 ... arrayCount lie in an array; all other keys in `1 << bits` nodes, chained by distances
// within them (a chained scatter table with Brent's variation): a node that is not in its main
// position gives way to a key whose main position that is, so that a chain holds keys of one main
// position only, and the table may be full before it grows. When no node is free, the table counts its
// keys and splits itself anew: the array becomes the largest n of which more than half is used.
// The sizes, hashes and order are those of Lua 5.1, to the letter: they are what `pairs`, `next`,
// `#` of a table with holes and so the texts of cjson show to scripts.

extension Ref where Body == TableBody {
  @inline(__always)
  var nodeCount: Int { Int(body.nodeMask) &+ 1 }

  /// The nodes are its own, and not the shared empty one.
  @inline(__always)
  var hasNodes: Bool { body.header.hash != 0 }

  @inline(__always)
  var isReadOnly: Bool { body.header.extra != 0 }

  // MARK: Getting

  @inline(__always)
  func get(_ key: LuaString) -> Value {
    let bits = Value(key).bits
    var node = body.nodes + Int(key.body.header.hash & body.nodeMask)
    while true {
      if node[0].key.bits == bits { return node[0].value }
      let next = node[0].next
      if next == 0 { return .nil }
      node = node + next
    }
  }

  /// The element at an index that fits into 32 bits.
  @inline(__always)
  func get(index: Int) -> Value {
    if UInt(bitPattern: index &- 1) < UInt(bitPattern: body.arrayCount) {
      return body.array[index &- 1]
    }
    return getFromNodes(index: index)
  }

  @inline(never)
  private func getFromNodes(index: Int) -> Value {
    guard hasNodes else { return .nil }
    return find(Value(index))?[0].value ?? .nil
  }

  func get(_ key: Value) -> Value {
    if key.isString { return get(key.string) }
    if key.isNumber, let index = key.index { return get(index: index) }
    if key.isNil { return .nil }
    return find(key)?[0].value ?? .nil
  }

  /// The node of `key`, in the hash part.
  private func find(_ key: Value) -> Memory<Node>? {
    var node = mainPosition(of: key)
    while true {
      if Value.rawEqual(node[0].key, key) { return node }
      let next = node[0].next
      if next == 0 { return nil }
      node = node + next
    }
  }

  /// Where `key` has its value, or nil when it is not in the table.
  @inline(__always)
  func location(of key: LuaString) -> Memory<Value>? {
    let bits = Value(key).bits
    var node = body.nodes + Int(key.body.header.hash & body.nodeMask)
    while true {
      if node[0].key.bits == bits { return valueLocation(node) }
      let next = node[0].next
      if next == 0 { return nil }
      node = node + next
    }
  }

  @inline(__always)
  private func valueLocation(_ node: Memory<Node>) -> Memory<Value> {
    unsafe Memory(
      UnsafeMutableRawPointer(node.pointer).advanced(by: 8).assumingMemoryBound(to: Value.self))
  }

  /// Where `key` has its value, or nil when it is not in the table.
  func location(of key: Value) -> Memory<Value>? {
    if key.isNumber, let index = key.index, index > 0, index <= body.arrayCount {
      return body.array + (index - 1)
    }
    guard !key.isNil, let node = find(key) else { return nil }
    return valueLocation(node)
  }

  private func mainPosition(of key: Value) -> Memory<Node> {
    if key.isString { return body.nodes + Int(key.string.body.header.hash & body.nodeMask) }
    if key.isNumber {
      // Both zeros are one key.
      guard key.number != 0 else { return body.nodes }
      return position(
        UInt32(truncatingIfNeeded: key.bits) &+ UInt32(truncatingIfNeeded: key.bits >> 32))
    }
    if key.isBoolean { return body.nodes + Int((key.isTruthy ? 1 : 0) & body.nodeMask) }
    return position(UInt32(truncatingIfNeeded: key.bits))
  }

  /// For hashes whose low bits are alike: the rest of a division by an odd number.
  private func position(_ hash: UInt32) -> Memory<Node> {
    body.nodes + Int(hash % (body.nodeMask | 1))
  }

  // MARK: Setting

  /// Sets `key`, which is neither nil nor NaN, to `value`. The table is not read-only.
  func set(_ key: Value, _ value: Value, machine: Machine) {
    body.header.absent = 0
    if let location = location(of: key) {
      location[0] = value
    } else {
      // A new key takes its node even for nil, as in Lua 5.1: the order of later keys shows it.
      insert(key, machine: machine)[0] = value
    }
  }

  func set(_ key: LuaString, _ value: Value, machine: Machine) {
    set(Value(key), value, machine: machine)
  }

  func set(index: Int, _ value: Value, machine: Machine) {
    if index > 0 && index <= body.arrayCount {
      body.array[index - 1] = value
    } else {
      set(Value(index), value, machine: machine)
    }
  }

  /// A place for `key`, which the table has not; the caller puts a value there.
  func insert(_ key: Value, machine: Machine) -> Memory<Value> {
    var node = mainPosition(of: key)
    if !node[0].value.isNil || !hasNodes {
      guard let free = takeFreeNode() else {
        rehash(for: key, machine: machine)
        return location(of: key) ?? insert(key, machine: machine)
      }
      var other = mainPosition(of: node[0].key)
      if other == node {
        // The one here is at home: the new key goes to the free node, behind it.
        free[0].next = node[0].next == 0 ? 0 : (node + node[0].next) - free
        node[0].next = free - node
        node = free
      } else {
        // The one here is a guest of another chain: it moves to the free node.
        while !(other + other[0].next == node) { other = other + other[0].next }
        other[0].next = free - other
        free[0] = node[0]
        if node[0].next != 0 { free[0].next += node - free }
        node[0].next = 0
        node[0].value = .nil
      }
    }
    node[0].key = key
    return valueLocation(node)
  }

  private func takeFreeNode() -> Memory<Node>? {
    while body.lastFree > 0 {
      body.lastFree -= 1
      let node = body.nodes + Int(body.lastFree)
      if node[0].key.isNil { return node }
    }
    return nil
  }

  /// The collector found the node empty: its key stays for `next` to find, but is not followed.
  func killKey(at index: Int) {
    let key = body.nodes[index].key
    if key.isObject {
      body.nodes[index].key = Value(bits: Value.Tag.dead | key.bits & Value.Tag.payload)
    }
  }

  // MARK: Going through

  /// The entry behind `key` (at the begin: behind nil), or nil at the end.
  /// - Returns: false in `isKnown` when the table has no such key.
  func next(
    after key: Value, machine: Machine
  ) -> (isKnown: Bool, entry: (key: Value, value: Value)?) {
    guard let position = position(of: key) else { return (false, nil) }
    guard let (entry, next) = entryAndNext(from: position) else {
      machine.charge((body.arrayCount &+ nodeCount &- position) >> 2)
      return (true, nil)
    }
    // A table that was emptied is long to look through.
    machine.charge((next &- position) >> 2)
    return (true, entry)
  }

  /// The first entry at or behind a position, elements first, then nodes, and the position behind it: to go
  /// through a table that does not change meanwhile.
  func entryAndNext(from position: Int) -> (entry: (key: Value, value: Value), next: Int)? {
    var position = position
    while position < body.arrayCount {
      let value = body.array[position]
      position += 1
      if !value.isNil { return ((Value(position), value), position) }
    }
    guard hasNodes else { return nil }
    while position - body.arrayCount < nodeCount {
      let node = body.nodes[position - body.arrayCount]
      position += 1
      if !node.value.isNil { return ((node.key, node.value), position) }
    }
    return nil
  }

  /// The position behind `key`; nil when the table has it not.
  private func position(of key: Value) -> Int? {
    if key.isNil { return 0 }
    if key.isNumber, let index = key.index, index > 0, index <= body.arrayCount { return index }
    guard hasNodes else { return nil }
    var node = mainPosition(of: key)
    while true {
      let isDead = node[0].key.isDead && key.isObject
      if Value.rawEqual(node[0].key, key)
        || (isDead && (node[0].key.bits ^ key.bits) & Value.Tag.payload == 0)
      {
        return body.arrayCount + (node - body.nodes) + 1
      }
      let next = node[0].next
      if next == 0 { return nil }
      node = node + next
    }
  }

  // MARK: Its length

  /// A border: n with element n there and n + 1 not, or 0.
  @inline(__always)
  func length(_ machine: Machine) -> Int {
    let count = body.arrayCount
    if count > 0 && body.array[count &- 1].isNil { return border(below: count) }
    if !hasNodes { return count }
    return unboundBorder(from: count, machine)
  }

  /// By halving: element `end` is nil.
  @inline(never)
  private func border(below end: Int) -> Int {
    var low = 0
    var high = end
    while high - low > 1 {
      let middle = (low + high) / 2
      if body.array[middle - 1].isNil { high = middle } else { low = middle }
    }
    return low
  }

  @inline(never)
  private func unboundBorder(from start: Int, _ machine: Machine) -> Int {
    var low = start
    var high = start + 1
    while !get(index: high).isNil {
      low = high
      high *= 2
      if high > Int(Int32.max) {
        // A table made to mislead: look one by one.
        var index = 1
        while !get(index: index).isNil { index += 1 }
        machine.charge(index >> 2)
        return index - 1
      }
    }
    while high - low > 1 {
      let middle = (low + high) / 2
      if get(index: middle).isNil { high = middle } else { low = middle }
    }
    return low
  }
}
