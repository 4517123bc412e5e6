// TableGrowth.swift: a table splits its keys anew between its array and its nodes.

extension Ref where Body == TableBody {
  /// `counts[i]` is how many of the keys are integers in 2^(i-1) + 1 ... 2^i.
  private typealias Counts = InlineArray<32, Int>

  /// Grows so that `key`, for which there is no free node, has a place.
  func rehash(for key: Value, machine: Machine) {
    var counts = Counts(repeating: 0)
    let elements = countElements(&counts)
    let (entries, integers) = countNodes(&counts)
    var candidates = elements + integers
    if Self.count(key, &counts) { candidates += 1 }
    let total = elements + entries + 1
    // A table that is kept full to the brim pays for all of it with each new key.
    machine.charge(total >> 2)
    let (arrayCount, used) = Self.bestArray(counts, candidates: candidates)
    resize(arrayCount: arrayCount, nodeCount: total - used, machine: machine)
  }

  private static func count(_ key: Value, _ counts: inout Counts) -> Bool {
    guard key.isNumber, let index = key.index, index > 0, index <= 1 << 26 else { return false }
    counts[ceilingLog2(index)] += 1
    return true
  }

  /// The least n with 2^n ≥ `number`, which is above 0.
  static func ceilingLog2(_ number: Int) -> Int {
    Int.bitWidth - (number - 1).leadingZeroBitCount
  }

  private func countElements(_ counts: inout Counts) -> Int {
    var total = 0
    var start = 0
    var bits = 0
    while start < body.arrayCount {
      let end = min(1 << bits, body.arrayCount)
      var used = 0
      for index in start..<end where !body.array[index].isNil { used += 1 }
      counts[bits] += used
      total += used
      start = end
      bits += 1
    }
    return total
  }

  private func countNodes(_ counts: inout Counts) -> (entries: Int, integers: Int) {
    guard hasNodes else { return (0, 0) }
    var entries = 0
    var integers = 0
    for index in 0..<nodeCount where !body.nodes[index].value.isNil {
      if Self.count(body.nodes[index].key, &counts) { integers += 1 }
      entries += 1
    }
    return (entries, integers)
  }

  /// The largest power of two of which more than half would be used, and how many keys would be in it.
  private static func bestArray(_ counts: Counts, candidates: Int) -> (count: Int, used: Int) {
    var count = 0
    var used = 0
    var sum = 0
    var bits = 0
    var power = 1
    while power / 2 < candidates && bits < 32 {
      if counts[bits] > 0 {
        sum += counts[bits]
        if sum > power / 2 {
          count = power
          used = sum
        }
      }
      if sum == candidates { break }
      bits += 1
      power *= 2
    }
    return (count, used)
  }

  /// Makes the array and the nodes anew, and puts every entry where it belongs then.
  private func resize(arrayCount: Int, nodeCount: Int, machine: Machine) {
    let oldCount = body.arrayCount
    let oldArraySize = arraySize
    let oldNodes = body.nodes
    let oldNodeCount = hasNodes ? self.nodeCount : 0
    let oldNodesSize = nodesSize
    if arrayCount > oldCount { resizeArray(to: arrayCount, machine: machine) }
    makeNodes(nodeCount, machine: machine)
    if arrayCount < oldCount {
      // Elements beyond the new end move to the nodes.
      let array = body.array
      body.arrayCount = arrayCount
      for index in arrayCount..<oldCount where !array[index].isNil {
        set(index: index + 1, array[index], machine: machine)
      }
      if arrayCount > 0 {
        body.array = array.resized(from: oldCount, to: arrayCount)
      } else {
        array.free()
      }
      machine.body.used -= oldArraySize - arraySize
    }
    var index = oldNodeCount - 1
    while index >= 0 {
      let node = oldNodes[index]
      if !node.value.isNil { set(node.key, node.value, machine: machine) }
      index -= 1
    }
    if oldNodeCount > 0 {
      oldNodes.free()
      machine.body.used -= oldNodesSize
    }
  }

  /// Gives the array at least `count` elements; those that were in nodes move there.
  func growArray(to count: Int, machine: Machine) {
    guard count > body.arrayCount else { return }
    if hasNodes {
      resize(arrayCount: count, nodeCount: nodeCount, machine: machine)
    } else {
      resizeArray(to: count, machine: machine)
    }
  }

  /// Gives the array `count` elements, which is not below what it has. No key of theirs is in a node.
  func resizeArray(to count: Int, machine: Machine) {
    let oldCount = body.arrayCount
    precondition(count >= oldCount)
    guard count > oldCount else { return }
    let oldSize = arraySize
    body.array = oldCount > 0 ? body.array.resized(from: oldCount, to: count) : .allocate(count)
    body.array.fill(oldCount..<count, with: .nil)
    body.arrayCount = count
    machine.body.used += arraySize - oldSize
  }

  /// Empty nodes for `count` entries. The nodes that were there are the caller's.
  func makeNodes(_ count: Int, machine: Machine) {
    guard count > 0 else {
      body.nodes = machine.body.emptyNode
      body.nodeMask = 0
      body.lastFree = 0
      body.header.hash = 0
      return
    }
    let size = 1 << Self.ceilingLog2(count)
    body.nodes = .allocate(size, filledWith: Node(key: .nil, value: .nil, next: 0))
    body.nodeMask = UInt32(size - 1)
    body.lastFree = Int32(size)
    // A table has no hash; the field says that the nodes are its own.
    body.header.hash = 1
    machine.body.used += nodesSize
  }
}
