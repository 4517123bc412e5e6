// StringOptions.swift: the options that SET and GETEX share, and the times of expiry in them.
//
// Which of them exclude each other is Redis' rule: of one kind the last counts, two kinds of expiry
// are a syntax error.

import RESP

/// When a key shall go, as a request says it.
struct Expiry {
  enum Unit { case seconds, milliseconds }
  let unit: Unit
  /// Whether the number counts from 1970 instead of from now.
  let isAbsolute: Bool
  let number: ByteView

  /// The instant in ms since 1970; not necessarily in the future.
  func deadline(_ c: borrowing Context) throws(CommandError) -> Int64 {
    guard let number = number.integer else { throw .notAnInteger }
    let scale: Int64 = unit == .seconds ? 1000 : 1
    let (time, tooBig) = number.multipliedReportingOverflow(by: scale)
    let (deadline, overflow) = time.addingReportingOverflow(isAbsolute ? 0 : c.wall)
    guard number > 0, !tooBig, !overflow else { throw .invalidExpire(c.table.names[c.command]) }
    return deadline
  }
}

/// The options of one SET or GETEX.
struct StringOptions {
  enum Owner { case set, getex }

  private(set) var isIfAbsent = false
  private(set) var isIfPresent = false
  private(set) var returnsOld = false
  private(set) var keepsDeadline = false
  private(set) var persists = false
  private(set) var expiry: Expiry?

  /// The words from number `start` on.
  init(_ words: Arguments, from start: Int, of owner: Owner) throws(CommandError) {
    var index = start
    while index < words.count {
      let word = words[index]
      let isSet = owner == .set
      if isSet, !isIfPresent, word.matches("nx") {
        isIfAbsent = true
      } else if isSet, !isIfAbsent, word.matches("xx") {
        isIfPresent = true
      } else if isSet, word.matches("get") {
        returnsOld = true
      } else if isSet, expiry == nil, word.matches("keepttl") {
        keepsDeadline = true
      } else if !isSet, expiry == nil, word.matches("persist") {
        persists = true
      } else if index + 1 < words.count, let given = Self.expiry(word, words[index + 1]),
        !keepsDeadline, !persists, allows(given)
      {
        expiry = given
        index += 1
      } else {
        throw .syntax
      }
      index += 1
    }
  }

  private static func expiry(_ name: ByteView, _ number: ByteView) -> Expiry? {
    if name.matches("ex") { return Expiry(unit: .seconds, isAbsolute: false, number: number) }
    if name.matches("px") { return Expiry(unit: .milliseconds, isAbsolute: false, number: number) }
    if name.matches("exat") { return Expiry(unit: .seconds, isAbsolute: true, number: number) }
    if name.matches("pxat") { return Expiry(unit: .milliseconds, isAbsolute: true, number: number) }
    return nil
  }

  /// Whether `given` may stand beside the expiry met so far: only if it is of the same kind.
  private func allows(_ given: Expiry) -> Bool {
    guard let expiry else { return true }
    return expiry.unit == given.unit && expiry.isAbsolute == given.isAbsolute
  }
}
