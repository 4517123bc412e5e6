// HashedValue.swift: what hashes and sets have in common: names, each once, with or without a value.
//
// Three forms, which a value goes through as it grows and never back:
//   packed    all in the root, one string behind the other as they came (PackedStrings.swift)
//   integers  sets alone: the members in the root as numbers, ascending (SetValue.swift)
//   table     one block an item, in a hash table (FieldItem.swift)
//
//     offset  size  field                    packed              integers       table
//          0     4  owners
//          4     1  form
//          5     1  flags
//          6     2                           count               count          (free)
//          8     …                           size u32, strings   numbers        see below
//
//     table:   8   16  the items
//             24   16  hashes alone: the items in the order of their deadlines, if flags say so
//             40    8  hashes alone: how many items have a deadline
//
// The root of a packed value moves when it grows: who changes a value keeps the handle that it has
// afterwards (`Entry.keep`). A table's items are in its order of deadlines as well; such an item has
// two owners and is never written, but replaced in both.

import RESP

/// A hash or a set.
protocol HashedValue: PiecedValue {
  /// Whether there is a value to each name: fields of a hash have one, members of a set have none.
  static var hasValues: Bool { get }
}

/// How a hashed value lies in memory.
enum HashedForm: UInt8 {
  case packed = 0
  case integers = 1
  case table = 2
}

/// Up to where a value stays packed.
struct PackedLimits: Equatable, Sendable {
  var countMax: Int
  /// Of each name and value, in bytes.
  var sizeMax: Int

  /// Small sets of strings; no setting says so in Redis 7.0, which has no such form.
  static let ofSets = PackedLimits(countMax: 128, sizeMax: 64)
}

struct HashedFlags: OptionSet {
  let rawValue: UInt8
  /// A table for reasons of our own: by the settings the value would still be in its small form.
  static let countsAsSmall = HashedFlags(rawValue: 1)
  /// Items with a deadline are in the order of deadlines.
  static let isOrdered = HashedFlags(rawValue: 2)
  /// Some field had a deadline once.
  static let hasHadDeadlines = HashedFlags(rawValue: 4)
}

extension HashedValue {
  typealias Table = HashTable<FieldItem>

  static var packedHeader: Int { 12 }
  /// Most bytes of strings that are packed whatever the settings say: each change may move them all.
  static var packedSizeMax: Int { 48 << 10 }
  static var packedCountMax: Int { Int(UInt16.max) }
  private static var tableSize: Int { hasValues ? 48 : 24 }

  // MARK: Fields of the root

  @inline(__always) var form: HashedForm {
    switch load(4, as: UInt8.self) {
    case 0: .packed
    case 1: .integers
    default: .table
    }
  }
  var flags: HashedFlags {
    get { HashedFlags(rawValue: load(5)) }
    nonmutating set { store(newValue.rawValue, at: 5) }
  }
  @inline(__always) var smallCount: Int {
    get { Int(load(6, as: UInt16.self)) }
    nonmutating set { store(UInt16(newValue), at: 6) }
  }
  @inline(__always) private(set) var packedSize: Int {
    get { Int(load(8, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 8) }
  }
  @inline(__always) var packed: ByteView { view(at: Self.packedHeader, size: packedSize) }
  @inline(__always) var items: Table.Kept {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }
  @inline(__always) var itemHasDeadlines: Bool { Self.hasValues && form == .table && load(40) != 0 }

  /// How many fields or members, those whose time is up included.
  @inline(__always) var count: Int { form == .table ? items.count : smallCount }

  static func makePacked(size: Int = 12) -> Self {
    let value = Self.allocate(size: packedHeader + size)
    value.store(UInt64(HashedForm.packed.rawValue), at: 4)  // No flags, no strings.
    return value
  }

  static func makeTable() -> Self {
    let value = Self.allocate(size: tableSize)
    value.store(UInt32(HashedForm.table.rawValue), at: 4)
    value.clear(at: 8, size: tableSize - 8)
    return value
  }

  // MARK: Finding

  /// Where in the packed strings `name` is.
  @inline(__always)
  func packedOffset(_ name: PackedForm) -> Int? {
    let packed = packed
    var offset = 0
    while offset < packed.count {
      if name.matches(packed, at: offset) { return offset }
      offset = PackedStrings.end(packed, offset)
      if Self.hasValues { offset = PackedStrings.end(packed, offset) }
    }
    return nil
  }

  /// The item of `name` in a table.
  @inline(__always)
  func item(_ name: ByteView, _ hash: KeyHash) -> FieldItem? {
    Table.find(name, hash: hash(name), in: items)
  }

  /// Calls `body` with all names and values (those of a set are empty) until it returns false.
  ///
  /// - Parameter now: what is to go by then is passed over.
  /// - Returns: whether it never did.
  @discardableResult
  func walk(now: Int64 = .min, _ body: (StoredText, StoredText) -> Bool) -> Bool {
    switch form {
    case .packed:
      let packed = packed
      var offset = 0
      while offset < packed.count {
        let name = PackedStrings.text(packed, offset)
        offset = PackedStrings.end(packed, offset)
        var value = StoredText.bytes(ByteView())
        if Self.hasValues {
          value = PackedStrings.text(packed, offset)
          offset = PackedStrings.end(packed, offset)
        }
        guard body(name, value) else { return false }
      }
      return true
    case .integers:
      for index in 0..<smallCount
      where !body(.integer(number(at: index)), .bytes(ByteView())) { return false }
      return true
    case .table:
      return Table.walk(items) { item in
        if let deadline = item.deadline, deadline <= now { return true }
        return body(.bytes(item.key), .bytes(item.value))
      }
    }
  }

  /// Calls `body` with all names and values.
  func forEach(now: Int64 = .min, _ body: (StoredText, StoredText) -> Void) {
    walk(now: now) {
      body($0, $1)
      return true
    }
  }

  // MARK: Changing

  /// Makes `value` the value of `name`, which has no deadline then.
  ///
  /// - Returns: whether the name is new.
  mutating func put(
    _ name: ByteView, _ value: ByteView, _ hash: KeyHash, _ limits: PackedLimits
  ) -> Bool {
    assert(!isShared && form != .integers)
    if form == .packed {
      if name.count <= limits.sizeMax, value.count <= limits.sizeMax,
        smallCount <= limits.countMax, let isNew = putPacked(name, value, limits)
      {
        return isNew
      }
      let isSmall =
        name.count <= limits.sizeMax && value.count <= limits.sizeMax && count < limits.countMax
      becomeTable(hash, countsAsSmall: isSmall)
    }
    let isNew = putItem(name, value, deadline: nil, hash)
    if flags.contains(.countsAsSmall),
      count > limits.countMax || name.count > limits.sizeMax || value.count > limits.sizeMax
    {
      flags.remove(.countsAsSmall)
    }
    return isNew
  }

  /// The same among packed strings.
  ///
  /// - Returns: nil when there is no room for it; nothing has changed then.
  @inline(__always)
  private mutating func putPacked(
    _ name: ByteView, _ value: ByteView, _ limits: PackedLimits
  ) -> Bool? {
    let nameForm = PackedForm(name)
    guard let offset = packedOffset(nameForm) else {
      guard smallCount < min(limits.countMax, Self.packedCountMax) else { return nil }
      let end = packedSize
      guard Self.hasValues else {
        guard makeRoom(at: end, insteadOf: 0, nameForm.size) else { return nil }
        nameForm.write(to: self, at: Self.packedHeader + end)
        smallCount += 1
        return true
      }
      let valueForm = PackedForm(value)
      guard makeRoom(at: end, insteadOf: 0, nameForm.size + valueForm.size) else { return nil }
      nameForm.write(to: self, at: Self.packedHeader + end)
      valueForm.write(to: self, at: Self.packedHeader + end + nameForm.size)
      smallCount += 1
      return true
    }
    guard Self.hasValues else { return false }
    let start = offset + nameForm.size, end = PackedStrings.end(packed, start)
    let valueForm = PackedForm(value)
    guard makeRoom(at: start, insteadOf: end - start, valueForm.size) else { return nil }
    valueForm.write(to: self, at: Self.packedHeader + start)
    return false
  }

  /// Has `size` bytes at `offset` of the packed strings in the place of `oldSize`.
  ///
  /// - Returns: false when that would be too many; nothing has changed then.
  private mutating func makeRoom(at offset: Int, insteadOf oldSize: Int, _ size: Int) -> Bool {
    let old = packedSize, new = old - oldSize + size
    guard new <= Self.packedSizeMax else { return false }
    let needed = Self.packedHeader + new
    // A small value has no byte more than it needs; a large one would move too often.
    if needed > usableSize { self = resized(to: needed > 256 ? needed + needed / 8 : needed) }
    let rest = Self.packedHeader + offset
    move(from: rest + oldSize, to: rest + size, size: old - offset - oldSize)
    packedSize = new
    if size < oldSize, usableSize > 2 * needed + 32 { self = resized(to: needed) }
    return true
  }

  /// Takes `name` out.
  ///
  /// - Returns: whether it was there.
  mutating func remove(
    _ name: ByteView, _ hash: KeyHash, into graveyard: inout Graveyard
  ) -> Bool {
    assert(!isShared)
    switch form {
    case .packed:
      guard let start = packedOffset(PackedForm(name)) else { return false }
      var end = PackedStrings.end(packed, start)
      if Self.hasValues { end = PackedStrings.end(packed, end) }
      _ = makeRoom(at: start, insteadOf: end - start, 0)
      smallCount -= 1
      return true
    case .integers:
      guard let number = name.integer else { return false }
      return removeNumber(number)
    case .table:
      var table = Table(items, hash: hash)
      let removed = table.remove(name, hash: hash(name))
      items = table.keep()
      guard let item = removed else { return false }
      forgetDeadline(of: item, hash)
      item.bury(in: &graveyard)
      return true
    }
  }

  // MARK: The table

  /// Makes `value` the value of `name` in a table, to go at `deadline`.
  ///
  /// - Returns: whether the name is new.
  mutating func putItem(
    _ name: ByteView, _ value: ByteView, deadline: Int64?, _ hash: KeyHash
  ) -> Bool {
    let nameHash = hash(name)
    var table = Table(items, hash: hash)
    guard let place = table.place(of: name, hash: nameHash) else {
      let item = FieldItem.make(name, value, deadline: deadline)
      table.insert(item, hash: nameHash)
      items = table.keep()
      noteDeadline(of: item, hash)
      return true
    }
    let old = place.item
    if deadline != nil || old.hasDeadline || Self.hasValues && !old.replaceValue(value) {
      let item = FieldItem.make(old.key, value, deadline: deadline)
      place.replace(with: item)
      items = table.keep()
      forgetDeadline(of: old, hash)
      noteDeadline(of: item, hash)
      old.release()
    } else {
      items = table.keep()
    }
    return false
  }

  /// Turns to the form of a table.
  mutating func becomeTable(_ hash: KeyHash, countsAsSmall: Bool) {
    assert(!isShared && form != .table)
    let value = Self.makeTable()
    if countsAsSmall { value.flags = .countsAsSmall }
    var table = Table(.empty, hash: hash)
    forEach { name, text in
      name.withView { name in
        text.withView { table.insert(FieldItem.make(name, $0), hash: hash(name)) }
      }
    }
    value.items = table.keep()
    free()
    self = value
  }
}
