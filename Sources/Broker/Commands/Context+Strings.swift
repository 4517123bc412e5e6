// Context+Strings.swift: strings of the keyspace, as commands read and write them.

import RESP

extension Context {
  /// The entry of `key` for reading, which holds a string.
  @inline(__always)
  mutating func string(_ key: Key) throws(CommandError) -> Entry? {
    guard let entry = find(key) else { return nil }
    guard entry.kind == .string else { throw .wrongType }
    return entry
  }

  /// The entry of `key` for changing it, which holds a string.
  @inline(__always)
  mutating func stringForWriting(_ key: Key) throws(CommandError) -> Entry? {
    guard let entry = findForWriting(key) else { return nil }
    guard entry.kind == .string else { throw .wrongType }
    return entry
  }

  /// Makes `value` the value of `key`, whatever was there, to go at `deadline`.
  ///
  /// `value` must not lie in the keyspace. Nothing is logged or signalled.
  @inline(__always)
  mutating func setString(_ value: ByteView, _ key: Key, deadline: Int64? = nil) {
    notifyIfNew(key)
    let old = databases[database].setString(
      key.bytes, hash: key.hash, value, deadline: deadline,
      accessed: UInt32(truncatingIfNeeded: wall / 1000))
    if let old { bury(old) }
  }

  /// Writes `bytes` at `index` of the string of `key`, which is `entry`, or none yet; what it gains
  /// before them is zero. Nothing is logged or signalled.
  ///
  /// - Returns: the entry of the key from now on.
  @discardableResult
  mutating func write(_ bytes: ByteView, at index: Int, _ key: Key, _ entry: Entry?) -> Entry {
    let old = entry ?? .string(key.bytes, ByteView())
    guard let other = old.writing(bytes, at: index) else {
      if entry == nil { insert(old, key) }
      return old
    }
    if entry == nil { old.release() }
    put(other, key)
    return other
  }

  @discardableResult
  mutating func write(_ bytes: [UInt8], at index: Int, _ key: Key, _ entry: Entry?) -> Entry {
    unsafe bytes.withUnsafeBytes { unsafe write(ByteView($0), at: index, key, entry) }
  }

  /// The size of a string of `size` bytes that grows by `growth`, if strings may be so long.
  ///
  /// What the log has was allowed when it was written.
  func grownSize(_ size: Int, by growth: Int) throws(CommandError) -> Int {
    let (grown, overflow) = size.addingReportingOverflow(growth)
    guard !overflow, grown <= settings.bulkSizeMax || isLoading else { throw .stringTooLong }
    return grown
  }

  /// Logs that `key` has `value` now, and goes at `deadline`.
  mutating func propagateString(_ key: Key, _ value: ByteView, deadline: Int64?) {
    if let deadline {
      hasPropagated = true
      effects.command("SET", key.bytes, value, ByteView("PXAT"), integer: deadline, in: database)
    } else {
      propagate("SET", key.bytes, value)
    }
  }
}
