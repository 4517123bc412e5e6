// HashValue.swift: the value of a key of type hash: fields with a value each, in no order.

import RESP

@safe
struct HashValue: HashedValue {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var kind: ValueKind { .hash }
  static var hasValues: Bool { true }
  static func make() -> HashValue { makePacked() }

  var encodingName: StaticString {
    guard form == .table else { return "listpack" }
    guard flags.contains(.countsAsSmall) else { return "hashtable" }
    return flags.contains(.hasHadDeadlines) ? "listpackex" : "listpack"
  }

  /// The value of `field`, unless its deadline has passed at `now`.
  @inline(__always)
  func value(of field: ByteView, _ hash: KeyHash, now: Int64) -> StoredText? {
    guard form == .table else {
      guard let offset = packedOffset(PackedForm(field)) else { return nil }
      return PackedStrings.text(packed, PackedStrings.end(packed, offset))
    }
    guard let item = item(field, hash) else { return nil }
    if let deadline = item.deadline, deadline <= now { return nil }
    return .bytes(item.value)
  }

  /// When `field` goes, in ms since 1970; nil if it does not.
  func deadline(of field: ByteView, _ hash: KeyHash) -> Int64? {
    itemHasDeadlines ? item(field, hash)?.deadline : nil
  }

  /// Whether some field is to go by `now` and has not been taken out yet.
  func hasDue(now: Int64) -> Bool {
    guard itemHasDeadlines else { return false }
    // Fields of one second are in no order.
    return nextDeadline.map { $0 <= now || $0 >> 10 <= now >> 10 } ?? false
  }

  /// Sets or clears (nil) the deadline of `field`, which must be there.
  mutating func setDeadline(_ deadline: Int64?, of field: ByteView, _ hash: KeyHash) {
    if form == .packed { becomeTable(hash, countsAsSmall: true) }
    guard let item = item(field, hash), item.deadline != deadline else { return }
    _ = putItem(field, item.value, deadline: deadline, hash)
  }

  /// Makes `value` the value of `field` and leaves its deadline, if it has one, as it is.
  mutating func putKeepingDeadline(
    _ field: ByteView, _ value: ByteView, _ hash: KeyHash, _ limits: PackedLimits
  ) {
    let deadline = deadline(of: field, hash)
    _ = put(field, value, hash, limits)
    if let deadline { setDeadline(deadline, of: field, hash) }
  }
}
