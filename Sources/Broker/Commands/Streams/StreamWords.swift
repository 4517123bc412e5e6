// StreamWords.swift: ids and ranges of ids as clients write them, and entries as they are shown.

import RESP

/// The stream commands; each file has a family of them.
enum Streams {}

extension StreamID {
  /// The id that a word spells: `<ms>-<seq>`, or `<ms>` and `missing`; also `-` and `+` for the ends.
  ///
  /// - Throws: `.noStreamID`.
  init(_ word: ByteView, missing: UInt64 = 0) throws(CommandError) {
    if let mark = word.singleMark {
      if mark == UInt8(ascii: "-") { self = .zero; return }
      if mark == UInt8(ascii: "+") { self = .max; return }
    }
    try self.init(strict: word, missing: missing)
  }

  /// The same where the ends have no names.
  init(strict word: ByteView, missing: UInt64 = 0) throws(CommandError) {
    let (milliseconds, sequence) = try Self.parts(word)
    guard let sequence else {
      self.init(milliseconds, missing)
      return
    }
    guard let number = sequence.streamNumber else { throw .noStreamID }
    self.init(milliseconds, number)
  }

  /// The halves of a word; nil when there is no second one.
  fileprivate static func parts(_ word: ByteView) throws(CommandError) -> (UInt64, ByteView?) {
    guard word.count < 128 else { throw .noStreamID }
    let word = word.untilNUL
    let dash = word.firstIndex(of: UInt8(ascii: "-"))
    guard let milliseconds = word[0..<(dash ?? word.count)].streamNumber else {
      throw .noStreamID
    }
    return (milliseconds, dash.map { word[$0 + 1..<word.count] })
  }
}

extension ByteView {
  /// The bytes before the first zero, where Redis' strings end.
  fileprivate var untilNUL: ByteView { firstIndex(of: 0).map { self[0..<$0] } ?? self }

  /// The only byte of the word, if it is but one.
  fileprivate var singleMark: UInt8? { untilNUL.count == 1 ? self[0] : nil }

  /// An unsigned number as strtoull reads it: blanks, a plus and zeros may stand before it.
  fileprivate var streamNumber: UInt64? {
    var index = 0
    while index < count, self[index] == 0x20 || (0x09...0x0D).contains(self[index]) { index += 1 }
    if index < count, self[index] == UInt8(ascii: "+") { index += 1 }
    guard index < count else { return nil }
    var number: UInt64 = 0
    while index < count {
      let digit = self[index] &- 0x30
      guard digit <= 9 else { return nil }
      let (product, isTooBig) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
      guard !isTooBig, !overflow else { return nil }
      number = sum
      index += 1
    }
    return number
  }

  /// Whether these are the bytes of `word`, case and all, up to the first zero byte.
  func isExactly(_ word: StaticString) -> Bool { untilNUL == ByteView(word) }
}

/// The id that XADD is to give.
enum WantedID {
  /// The time, and what is free.
  case next
  /// A time, and what is free in it.
  case nextAt(UInt64)
  case exactly(StreamID)

  /// What a word spells; `*` in the place of the sequence leaves it open.
  init(_ word: ByteView) throws(CommandError) {
    if word.isExactly("*") {
      self = .next
      return
    }
    let (milliseconds, sequence) = try StreamID.parts(word)
    if let sequence, sequence == ByteView("*") {
      self = .nextAt(milliseconds)
    } else {
      self = .exactly(try StreamID(strict: word))
    }
  }
}

/// A range of ids, both ends in it.
struct IDRange {
  let first: StreamID
  let last: StreamID

  /// What two words spell; `(` before one leaves that id out.
  init(first: ByteView, last: ByteView) throws(CommandError) {
    self.first = try Self.first(first)
    let (last, isOpen) = try Self.end(last, missing: .max)
    guard let last = isOpen ? last.previous : last else {
      throw CommandError("ERR invalid end ID for the interval")
    }
    self.last = last
  }

  /// The start of a range.
  static func first(_ word: ByteView) throws(CommandError) -> StreamID {
    let (first, isOpen) = try end(word, missing: 0)
    guard let first = isOpen ? first.next : first else {
      throw CommandError("ERR invalid start ID for the interval")
    }
    return first
  }

  private static func end(
    _ word: ByteView, missing: UInt64
  ) throws(CommandError) -> (StreamID, isOpen: Bool) {
    guard word.count > 1, word[0] == UInt8(ascii: "(") else {
      return (try StreamID(word, missing: missing), false)
    }
    return (try StreamID(strict: word[1..<word.count], missing: missing), true)
  }
}

extension CommandError {
  static let noStreamID = CommandError(
    "ERR Invalid stream ID specified as stream command argument")

  /// Redis' words for a group that is not there.
  static func noGroup(_ key: ByteView, _ group: ByteView, _ where: String = "") -> CommandError {
    CommandError(
      message: Array("NOGROUP No such key '".utf8) + key.quoted(.max)
        + Array("' or consumer group '".utf8) + group.quoted(.max) + Array("'\(`where`)".utf8))
  }

  static func noGroup(_ group: ByteView, ofKey key: ByteView) -> CommandError {
    CommandError(
      message: Array("NOGROUP No such consumer group '".utf8) + group.quoted(.max)
        + Array("' for key name '".utf8) + key.quoted(.max) + Array("'".utf8))
  }
}

extension Reply {
  mutating func bulk(_ id: StreamID) { id.withText { bulk($0) } }

  /// An entry: its id, and names and values in turns.
  mutating func entry(_ entry: Stream.Entry) {
    array(2)
    bulk(entry.id)
    array(2 * entry.fieldCount)
    entry.forEachField { name, value in
      bulk(name)
      value.withBytes { bulk($0) }
    }
  }

  /// The entries of a range, `limit` at most; 0 means all.
  ///
  /// - Returns: how many there were.
  @discardableResult
  mutating func entries(
    of stream: Stream, from first: StreamID = .zero, to last: StreamID = .max,
    reversed: Bool = false, limit: Int
  ) -> Int {
    let mark = beginArray()
    var count = 0
    stream.forEach(from: first, to: last, reversed: reversed) {
      entry($0)
      count += 1
      return count != limit && !isOverfull
    }
    endArray(mark, count: count)
    return count
  }
}

extension Effects.WordWriter {
  mutating func word(_ id: StreamID) { id.withText { word($0) } }
}

extension Context {
  /// The count that a word spells; what is below 0 counts as 0.
  func streamCount(_ word: ByteView) throws(CommandError) -> Int {
    guard let number = word.integer else { throw .notAnInteger }
    return max(0, Int(number))
  }
}
