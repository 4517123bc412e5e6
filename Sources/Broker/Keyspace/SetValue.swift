// SetValue.swift: the value of a key of type set: members, each once, in no order.
//
// A set begins as one of integers, and is that until the first member which is none.

import RESP

@safe
struct SetValue: HashedValue {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var kind: ValueKind { .set }
  static var hasValues: Bool { false }
  static func make() -> SetValue { makeIntegers() }
  /// Most numbers side by side whatever the settings say: each change may move them all.
  private static var integersCountMax: Int { 4096 }

  var encodingName: StaticString {
    form == .integers || flags.contains(.countsAsSmall) && form == .table ? "intset" : "hashtable"
  }

  @inline(__always)
  func contains(_ member: ByteView, _ hash: KeyHash) -> Bool {
    switch form {
    case .packed: packedOffset(PackedForm(member)) != nil
    case .integers: member.integer.map { place(of: $0).isThere } ?? false
    case .table: item(member, hash) != nil
    }
  }

  func contains(_ member: StoredText, _ hash: KeyHash) -> Bool {
    if form == .integers { return member.integer.map { place(of: $0).isThere } ?? false }
    return member.withView { contains($0, hash) }
  }

  /// Adds `member`.
  ///
  /// - Parameter integersMax: how many integers may be side by side.
  /// - Returns: whether it is new.
  @inline(__always)
  mutating func add(_ member: ByteView, _ hash: KeyHash, integersMax: Int) -> Bool {
    if form == .integers, let number = member.integer, smallCount < Self.integersCountMax {
      let isNew = insertNumber(number)
      if isNew, smallCount > integersMax { leaveIntegers(hash, countsAsSmall: false) }
      return isNew
    }
    return addToOther(member, hash, integersMax)
  }

  private mutating func addToOther(_ member: ByteView, _ hash: KeyHash, _ integersMax: Int) -> Bool
  {
    let isInteger = member.integer != nil
    if form == .integers {
      guard !contains(member, hash) else { return false }
      leaveIntegers(hash, countsAsSmall: isInteger)
    }
    guard form == .table, flags.contains(.countsAsSmall) else {
      return put(member, ByteView(), hash, .ofSets)
    }
    let isNew = putItem(member, ByteView(), deadline: nil, hash)
    if isNew, !isInteger || count > integersMax { flags.remove(.countsAsSmall) }
    return isNew
  }

  private mutating func leaveIntegers(_ hash: KeyHash, countsAsSmall: Bool) {
    guard smallCount <= PackedLimits.ofSets.countMax, !countsAsSmall else {
      return becomeTable(hash, countsAsSmall: countsAsSmall)
    }
    var value = SetValue.makePacked()
    forEach { member, _ in
      _ = member.withView { value.put($0, ByteView(), hash, .ofSets) }
    }
    free()
    self = value
  }
}
