// HashedValue+Parts.swift: hashes and sets as the keyspace sees them: owned, copied, freed, measured.

import RESP

extension HashedValue {
  /// Items and bytes up to which a table is freed at once and written as one piece.
  private static var shortCountMax: Int { 64 }
  private static var shortSizeMax: Int { 64 << 10 }

  /// Whether it is to be freed in slices, and written in pieces.
  var isLong: Bool {
    guard form == .table else { return false }
    var left = count <= Self.shortCountMax ? Self.shortSizeMax : 0
    return !Table.walk(items) { item in
      left -= item.usableSize
      return left > 0
    }
  }

  func releaseChildren() {
    guard form == .table else { return }
    Table.release(items)
    if flags.contains(.isOrdered) { HashTable<ItemDeadline>.release(deadlines) }
  }

  func copied() -> Self {
    guard form == .table else {
      let header = form == .packed ? Self.packedHeader + packedSize : usableSize
      let copy = Self.allocate(size: header)
      copy.write(view(at: 4, size: header - 4), at: 4)
      return copy
    }
    let copy = Self.makeTable()
    copy.flags = flags
    copy.items = items
    Table.retain(items)
    if Self.hasValues { copy.shareDeadlines(of: self) }
    return copy
  }

  /// Gives up one ownership of a value, which is freed in slices if that was the last.
  func bury(in graveyard: inout Graveyard) {
    guard form == .table, !isShared else { return release() }
    if flags.contains(.isOrdered) { graveyard.bury(HashTable<ItemDeadline>.bury(deadlines)) }
    graveyard.bury(Table.bury(items))
    free()
  }

  /// Items of a table that are looked at to tell the memory of all.
  private static var sampleCount: Int { 64 }

  var memoryUsage: Int {
    let own = usableSize + 8
    guard form == .table, count > 0 else { return own }
    var seen = 0, bytes = 0
    Table.walk(items) { item in
      seen += 1
      bytes += item.usableSize + 8
      return seen < Self.sampleCount
    }
    let perSlot = Self.hasValues && flags.contains(.isOrdered) ? 24 : 12
    return own + Int(Double(bytes) * Double(count) / Double(seen)) + count * perSlot
  }

  /// The words tell what is there, not in which form or order.
  func digest(_ hash: KeyHash, _ add: (UInt64) -> Void) {
    var sum: UInt64 = 0
    func take(_ name: ByteView, _ value: ByteView, _ deadline: Int64?) {
      let mixed = hash(name).multipliedFullWidth(by: hash(value) | 1)
      sum &+= (mixed.high ^ mixed.low) &+ UInt64(bitPattern: deadline ?? 0)
    }
    if form == .table {
      Table.walk(items) { item in
        take(item.key, item.value, item.deadline)
        return true
      }
    } else {
      forEach { name, value in name.withView { name in value.withView { take(name, $0, nil) } } }
    }
    add(UInt64(count))
    add(sum)
  }

  func checkInvariants(_ hash: KeyHash) {
    switch form {
    case .packed:
      precondition(Self.packedHeader + packedSize <= usableSize)
      var offset = 0, strings = 0
      while offset < packed.count {
        guard let end = PackedStrings.checkedEnd(packed, offset) else {
          preconditionFailure("no string is packed here")
        }
        let form = PackedForm(PackedStrings.text(packed, offset))
        precondition(form.size == end - offset && form.matches(packed, at: offset))
        offset = end
        strings += 1
      }
      precondition(offset == packedSize && strings == (Self.hasValues ? 2 : 1) * smallCount)
    case .integers:
      precondition(!Self.hasValues && 8 + smallCount * numberSize <= usableSize)
      for index in 1..<max(1, smallCount) {
        precondition(number(at: index - 1) < number(at: index))
      }
    case .table:
      let table = Table(items, hash: hash)
      table.checkInvariants()
      _ = table.keep()
      checkDeadlines(hash)
    }
  }
}
