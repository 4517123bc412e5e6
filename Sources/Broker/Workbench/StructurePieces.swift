// StructurePieces.swift: lists, tables and timers at work.

import RESP

extension Workpiece {
  static let structures = [
    Workpiece("structures", "list: push and pop, 100 bytes", listEnds),
    Workpiece("structures", "list: index in 100,000", listIndex),
    Workpiece("structures", "table: find in 100,000 keys", tableFind),
    Workpiece("structures", "table: insert and remove in 100,000 keys", tableChange),
    Workpiece("structures", "table: hash of a key of 16 bytes", keyHash),
    Workpiece("structures", "timers: insert and remove in 1,000", timers),
  ]

  /// The list stays some 1,000 elements long, as a queue that keeps up.
  @Sendable private static func listEnds(_ count: Int) {
    let element = ByteBuffer(filledWith: 0x78, count: 100)
    let list = List.make()
    for _ in 0..<1000 { list.push(element.view, at: .head) }
    for _ in 0..<count {
      list.push(element.view, at: .head)
      keep(list.element(at: .tail))
      list.remove(at: .tail)
    }
    list.release()
  }

  @Sendable private static func listIndex(_ count: Int) {
    let element = ByteBuffer(filledWith: 0x78, count: 100)
    let list = List.make()
    for _ in 0..<100_000 { list.push(element.view, at: .head) }
    var random = SplitMix64(seed: 1)
    for _ in 0..<count {
      var cursor = list.cursor(at: Int(random.next() % 100_000))
      keep(cursor?.next())
    }
    list.release()
  }

  @Sendable private static func tableFind(_ count: Int) {
    let table = WorkTable(count: 100_000)
    var random = SplitMix64(seed: 1)
    for _ in 0..<count { table.find(random.next() % 100_000) }
  }

  @Sendable private static func tableChange(_ count: Int) {
    var table = WorkTable(count: 100_000)
    for number in 0..<count {
      table.insert(UInt64(100_000 + number))
      table.remove(UInt64(number))
    }
  }

  @Sendable private static func keyHash(_ count: Int) {
    let hash = KeyHash(seed: 1), key = ByteBuffer(filledWith: 0x6B, count: 16)
    var sum: UInt64 = 0
    for _ in 0..<count { sum &+= hash(key.view) }
    keep(sum)
  }

  @Sendable private static func timers(_ count: Int) {
    var timers = SlotTimers(), random = SplitMix64(seed: 1)
    for slot in 0..<1000 { timers.insert(slot, at: Int64(random.next() >> 20)) }
    for number in 0..<count {
      timers.remove(number % 1000)
      timers.insert(number % 1000, at: Int64(random.next() >> 20))
    }
  }
}

/// A block whose key is a number.
@safe
private struct WorkItem: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static func make(_ number: UInt64) -> WorkItem {
    let item = WorkItem.allocate(size: 16)
    item.store(number, at: 8)
    return item
  }

  var key: ByteView { view(at: 8, size: 8) }
  func releaseChildren() {}
}

/// A table of numbers.
private struct WorkTable: ~Copyable {
  private let hash = KeyHash(seed: 1)
  private var table: HashTable<WorkItem>

  init(count: Int) {
    table = HashTable(hash: hash)
    for number in 0..<count { insert(UInt64(number)) }
  }

  mutating func insert(_ number: UInt64) {
    let item = WorkItem.make(number)
    table.insert(item, hash: hash(item.key))
  }

  func find(_ number: UInt64) {
    unsafe withUnsafeBytes(of: number) {
      let key = unsafe ByteView($0)
      Broker.keep(table.find(key, hash: hash(key)))
    }
  }

  mutating func remove(_ number: UInt64) {
    unsafe withUnsafeBytes(of: number) {
      let key = unsafe ByteView($0)
      table.remove(key, hash: hash(key))?.release()
    }
  }
}

extension ByteBuffer {
  init(filledWith byte: UInt8, count: Int) {
    self.init(capacity: count)
    for _ in 0..<count { append(byte: byte) }
  }
}
