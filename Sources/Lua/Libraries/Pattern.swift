// Pattern.swift: Lua's patterns, matched by backtracking.
//
// A pattern that needs many ways through is bounded twice: its items recurse no deeper than `depthMax`
// ("pattern too complex"), and its steps count against the script's budget, so that the host can end it.

struct Pattern {
  enum Capture {
    /// It has begun, and not ended yet.
    case open(start: Int)
    case text(start: Int, end: Int)
    /// `()`: the position itself.
    case position(Int)
  }

  static let capturesMax = 32
  /// Items that wait for the rest of the pattern, each with a frame of native stack.
  private static let depthMax = 400
  private static let escape = UInt8(ascii: "%")

  let call: Call
  let subject: Bytes
  let pattern: Bytes
  private(set) var captures: [Capture] = []
  private var depth = 0
  private var steps = 0

  init(call: Call, subject: Bytes, pattern: Bytes) {
    self.call = call
    self.subject = subject
    self.pattern = pattern
  }

  /// Where a match that begins at `start` ends, or nil. The pattern is read from `from`.
  mutating func match(at start: Int, from: Int) throws(Failure) -> Int? {
    captures.removeAll(keepingCapacity: true)
    depth = 0
    return try match(start, from)
  }

  private mutating func countSteps(_ count: Int = 1) throws(Failure) {
    steps += count
    guard steps >= 128 else { return }
    let spent = steps
    steps = 0
    try call.machine.spend(spent)
  }

  /// Matches the pattern from `p` on at `s`.
  private mutating func match(_ s: Int, _ p: Int) throws(Failure) -> Int? {
    var (s, p) = (s, p)
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw call.failure("pattern too complex") }
    while true {
      try countSteps()
      guard p < pattern.count else { return s }
      switch pattern[p] {
      case UInt8(ascii: "("):
        if p + 1 < pattern.count && pattern[p + 1] == UInt8(ascii: ")") {
          return try startCapture(.position(s), s, p + 2)
        }
        return try startCapture(.open(start: s), s, p + 1)
      case UInt8(ascii: ")"): return try endCapture(s, p + 1)
      case UInt8(ascii: "$") where p + 1 == pattern.count: return s == subject.count ? s : nil
      case Self.escape where p + 1 < pattern.count:
        switch pattern[p + 1] {
        case UInt8(ascii: "b"):
          guard let end = try matchBalance(s, p + 2) else { return nil }
          (s, p) = (end, p + 4)
          continue
        case UInt8(ascii: "f"):
          p += 2
          guard p < pattern.count && pattern[p] == UInt8(ascii: "[") else {
            throw call.failure("missing '[' after '%f' in pattern")
          }
          let end = try itemEnd(p)
          try countSteps((end - p) >> 2)
          let before = s == 0 ? 0 : subject[s - 1]
          let here = s < subject.count ? subject[s] : 0
          guard !matchesSet(before, p, end - 1) && matchesSet(here, p, end - 1) else { return nil }
          p = end
          continue
        case let digit where digit.isDigit:
          guard let end = try matchCapture(s, digit) else { return nil }
          (s, p) = (end, p + 2)
          continue
        default: break
        }
      default: break
      }
      let end = try itemEnd(p)
      // A set may be long.
      try countSteps((end - p) >> 2)
      let isMatch = s < subject.count && matchesItem(subject[s], p, end)
      switch end < pattern.count ? pattern[end] : 0 {
      case UInt8(ascii: "?"):
        if isMatch, let found = try match(s + 1, end + 1) { return found }
        p = end + 1
      case UInt8(ascii: "*"): return try matchMost(s, p, end)
      case UInt8(ascii: "+"): return isMatch ? try matchMost(s + 1, p, end) : nil
      case UInt8(ascii: "-"): return try matchLeast(s, p, end)
      default:
        guard isMatch else { return nil }
        (s, p) = (s + 1, end)
      }
    }
  }

  // MARK: Items

  /// The offset behind the single item at `p`.
  private func itemEnd(_ p: Int) throws(Failure) -> Int {
    var p = p + 1
    switch pattern[p - 1] {
    case Self.escape:
      guard p < pattern.count else { throw call.failure("malformed pattern (ends with '%')") }
      return p + 1
    case UInt8(ascii: "["):
      if p < pattern.count && pattern[p] == UInt8(ascii: "^") { p += 1 }
      // A `]` that comes first is one of the set.
      repeat {
        guard p < pattern.count else { throw call.failure("malformed pattern (missing ']')") }
        p += pattern[p] == Self.escape && p + 1 < pattern.count ? 2 : 1
      } while p >= pattern.count || pattern[p] != UInt8(ascii: "]")
      return p + 1
    default: return p
    }
  }

  private func matchesItem(_ byte: UInt8, _ p: Int, _ end: Int) -> Bool {
    switch pattern[p] {
    case UInt8(ascii: "."): true
    case Self.escape: Self.matchesClass(byte, pattern[p + 1])
    case UInt8(ascii: "["): matchesSet(byte, p, end - 1)
    default: pattern[p] == byte
    }
  }

  static func matchesClass(_ byte: UInt8, _ name: UInt8) -> Bool {
    let matches: Bool
    switch name | 32 {
    case UInt8(ascii: "a"): matches = byte.isLetter
    case UInt8(ascii: "c"): matches = byte.isControl
    case UInt8(ascii: "d"): matches = byte.isDigit
    case UInt8(ascii: "l"): matches = byte.isLower
    case UInt8(ascii: "p"): matches = byte.isPunctuation
    case UInt8(ascii: "s"): matches = byte.isSpace
    case UInt8(ascii: "u"): matches = byte.isUpper
    case UInt8(ascii: "w"): matches = byte.isAlphanumeric
    case UInt8(ascii: "x"): matches = byte.isHexDigit
    case UInt8(ascii: "z"): matches = byte == 0
    default: return name == byte
    }
    guard name.isLetter else { return name == byte }
    return name.isUpper ? !matches : matches
  }

  /// `last` is the offset of the closing bracket.
  private func matchesSet(_ byte: UInt8, _ p: Int, _ last: Int) -> Bool {
    var p = p + 1
    var isIn = true
    if pattern[p] == UInt8(ascii: "^") {
      isIn = false
      p += 1
    }
    while p < last {
      if pattern[p] == Self.escape {
        p += 1
        if Self.matchesClass(byte, pattern[p]) { return isIn }
        p += 1
      } else if pattern[p + 1] == UInt8(ascii: "-") && p + 2 < last {
        if pattern[p] <= byte && byte <= pattern[p + 2] { return isIn }
        p += 3
      } else {
        if pattern[p] == byte { return isIn }
        p += 1
      }
    }
    return !isIn
  }

  private func matchBalance(_ s: Int, _ p: Int) throws(Failure) -> Int? {
    guard p + 1 < pattern.count else { throw call.failure("unbalanced pattern") }
    let (open, close) = (pattern[p], pattern[p + 1])
    guard s < subject.count && subject[s] == open else { return nil }
    var level = 1
    var end = s + 1
    while end < subject.count {
      let byte = subject[end]
      end += 1
      if byte == close {
        level -= 1
        if level == 0 { break }
      } else if byte == open {
        level += 1
      }
    }
    try call.machine.spend((end - s) >> 2)
    return level == 0 ? end : nil
  }

  // MARK: Repetition

  /// As many as there are, then fewer until the rest matches.
  private mutating func matchMost(_ s: Int, _ p: Int, _ end: Int) throws(Failure) -> Int? {
    var count = 0
    let cost = (end - p) >> 2
    while s + count < subject.count && matchesItem(subject[s + count], p, end) {
      count += 1
      if cost > 0 || count & 3 == 0 { try countSteps(cost | 1) }
    }
    while count >= 0 {
      if let found = try match(s + count, end + 1) { return found }
      count -= 1
    }
    return nil
  }

  /// As few as the rest needs.
  private mutating func matchLeast(_ s: Int, _ p: Int, _ end: Int) throws(Failure) -> Int? {
    var s = s
    while true {
      if let found = try match(s, end + 1) { return found }
      guard s < subject.count && matchesItem(subject[s], p, end) else { return nil }
      try countSteps((end - p) >> 2)
      s += 1
    }
  }

  // MARK: Captures

  private mutating func startCapture(
    _ capture: Capture, _ s: Int, _ p: Int
  ) throws(Failure) -> Int? {
    guard captures.count < Self.capturesMax else { throw call.failure("too many captures") }
    captures.append(capture)
    if let found = try match(s, p) { return found }
    captures.removeLast()
    return nil
  }

  private mutating func endCapture(_ s: Int, _ p: Int) throws(Failure) -> Int? {
    for index in captures.indices.reversed() {
      guard case .open(let start) = captures[index] else { continue }
      captures[index] = .text(start: start, end: s)
      if let found = try match(s, p) { return found }
      captures[index] = .open(start: start)
      return nil
    }
    throw call.failure("invalid pattern capture")
  }

  /// `%1`: the same text once more.
  private func matchCapture(_ s: Int, _ digit: UInt8) throws(Failure) -> Int? {
    let index = Int(digit) - Int(UInt8(ascii: "1"))
    guard index >= 0, index < captures.count, case .text(let start, let end) = captures[index]
    else {
      if index >= 0, index < captures.count, case .position = captures[index] { return nil }
      throw call.failure("invalid capture index")
    }
    try call.machine.spend((end - start) >> 6)
    guard subject.count - s >= end - start, subject[start..<end] == subject[s..<s + end - start]
    else {
      return nil
    }
    return s + end - start
  }

  /// How many values a match gives: its captures, or all of it.
  func valueCount(hasWhole: Bool) -> Int { captures.isEmpty && hasWhole ? 1 : captures.count }

  /// Capture `index`, from 0, of a match of `range`; the first is all of it when there are none.
  func value(_ index: Int, whole range: Range<Int>) throws(Failure) -> Value {
    guard index < captures.count else {
      guard index == 0 else { throw call.failure("invalid capture index") }
      return Value(call.machine.string(subject[range]))
    }
    switch captures[index] {
    case .open: throw call.failure("unfinished capture")
    case .text(let start, let end): return Value(call.machine.string(subject[start..<end]))
    case .position(let position): return Value(position + 1)
    }
  }
}
