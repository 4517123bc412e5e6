// Template.swift: a request made once, in which only what changes is written anew.
//
// Made of words as on a command line; a word may hold places:
//   {key}       a random number below the keyspace, in 12 digits, also as part of a word ("user:{key}")
//   {number}    a number that counts up, in 12 digits, likewise
//   {client}    the connection's number, in 12 digits, likewise
//   {now}       milliseconds since 1970, {due} the same when a delayed job is due, likewise
//   {body}      a body; the word alone.    {stamped}   a body with the time in front; the word alone
//   {value}     what an earlier step captured; the word alone
// Writing a request copies its fixed bytes and fills the digits in: nothing is allocated.

import RESP

/// What the places of a template are filled from. One thread owns it.
struct TemplateValues {
  let bodies: Bodies
  let keyspace: Int
  var random: RandomSource
  var cursor: Bodies.Cursor
  /// What `{number}` shows next, and how far it goes on: threads interleave.
  var number: Int
  let numberStep: Int
  /// The connection that a request is for.
  var client = 0
  /// Milliseconds since 1970, and those after which a delayed job is due.
  var wall: Int64 = 0
  var delay: Int64 = 0

  /// - Parameter number: what `{number}` shows first, and `numberStep` what is added each time.
  init(
    bodies: Bodies, keyspace: Int, random: RandomSource, number: Int = 0, numberStep: Int = 1,
    delay: Int64 = 0
  ) {
    self.bodies = bodies
    self.keyspace = keyspace
    self.random = random
    cursor = Bodies.Cursor(random: random)
    self.number = number
    self.numberStep = numberStep
    self.delay = delay
  }
}

struct Template: Sendable {
  private enum Piece: Sendable {
    /// Bytes of `fixed`, with the digits of `digits[range]` in them.
    case fixed(Range<Int>, digits: Range<Int>)
    case body, stamped, value
    /// As lines have them: with no header but the size of a body.
    case lineBody, lineValue
  }

  private enum Digits: Sendable {
    case key, number, client, now, due
    /// Milliseconds since 1970 have a digit more.
    var isTime: Bool { self == .now || self == .due }
  }

  private var pieces: [Piece] = []
  private var fixed: [UInt8] = []
  /// Where digits stand, counted from the start of their piece.
  private var digits: [(place: Int, kind: Digits)] = []
  /// Requests that one writing makes, and so the replies to it.
  private(set) var requestCount = 0
  /// Whether what is written is always the same.
  var isConstant: Bool { pieces.count == 1 && digits.isEmpty }
  private(set) var usesWallClock = false
  /// The commands' words, for people.
  private(set) var text = ""

  /// Digits of a number in a word: enough for a million millions.
  static let digitCount = 12

  struct Malformed: Error, Equatable { let reason: String }

  /// - Parameter requests: one or more commands that are sent as one.
  init(_ requests: [[String]]) throws(Malformed) {
    for words in requests {
      guard !words.isEmpty else { throw Malformed(reason: "a command has no words") }
      text += (text.isEmpty ? "" : "; ") + words.joined(separator: " ")
      requestCount += 1
      literal("*\(words.count)\r\n")
      for word in words { try append(word: word) }
    }
  }

  /// A line of a protocol of lines, for the workloads that stand in this code: `{body}` at its end stands
  /// for the size of a body and, in a line of its own, the body.
  static func line(_ line: String) -> Template {
    var template = Template()
    template.text = line
    template.requestCount = 1
    for (place, piece) in [("{body}", Piece.lineBody), ("{value}", .lineValue)]
    where line.hasSuffix(place) {
      template.literal(String(line.dropLast(place.count)))
      template.pieces.append(piece)
      if place == "{value}" { template.literal("\r\n") }
      return template
    }
    template.literal(line + "\r\n")
    return template
  }

  private init() {}

  /// For the workloads that stand in this code.
  static func known(_ requests: [String]...) -> Template {
    do throws(Malformed) {
      return try Template(requests)
    } catch { preconditionFailure(error.reason) }
  }

  private mutating func append(word: String) throws(Malformed) {
    switch word {
    case "{body}": pieces.append(.body)
    case "{stamped}": pieces.append(.stamped)
    case "{value}": pieces.append(.value)
    default:
      var content: [UInt8] = []
      var found: [(place: Int, kind: Digits)] = []
      var rest = word[...]
      while let character = rest.first {
        if let (name, kind) = Self.place(rest) {
          found.append((content.count, kind))
          content += [UInt8](repeating: 0x30, count: Self.digitCount + (kind.isTime ? 1 : 0))
          rest = rest.dropFirst(name.count)
          usesWallClock = usesWallClock || kind.isTime
        } else {
          if character == "{", let end = rest.firstIndex(of: "}"),
            ["{body}", "{stamped}", "{value}"].contains(rest[...end])
          {
            throw Malformed(reason: "\(rest[...end]) stands alone as a word")
          }
          content += String(character).utf8
          rest = rest.dropFirst()
        }
      }
      literal("$\(content.count)\r\n")
      for each in found { digits.append((each.place + openSize, each.kind)) }
      literal(content)
      if !found.isEmpty, case .fixed(let range, let old)? = pieces.last {
        pieces[pieces.count - 1] = .fixed(range, digits: old.lowerBound..<digits.count)
      }
      literal("\r\n")
    }
  }

  private static func place(_ text: Substring) -> (String, Digits)? {
    for (name, kind) in [
      ("{key}", Digits.key), ("{number}", .number), ("{client}", .client), ("{now}", .now),
      ("{due}", .due), ("__rand_int__", .key),
    ] where text.hasPrefix(name) { return (name, kind) }
    return nil
  }

  /// Size so far of the piece that literals are added to.
  private var openSize: Int {
    guard case .fixed(let range, _)? = pieces.last else { return 0 }
    return range.count
  }

  private mutating func literal(_ text: String) { literal(Array(text.utf8)) }

  private mutating func literal(_ bytes: [UInt8]) {
    let start = fixed.count
    fixed += bytes
    if case .fixed(let range, let digits)? = pieces.last {
      pieces[pieces.count - 1] = .fixed(range.lowerBound..<fixed.count, digits: digits)
    } else {
      pieces.append(.fixed(start..<fixed.count, digits: digits.count..<digits.count))
    }
  }

  /// Appends one request.
  ///
  /// - Parameter value: what `{value}` stands for.
  /// - Parameter stamp: what `{stamped}` has in front.
  @inline(__always)
  func write(
    to output: inout ByteBuffer, _ values: inout TemplateValues, value: ByteView, stamp: Int64
  ) {
    for piece in pieces {
      switch piece {
      case .fixed(let range, let places):
        let start = output.count
        unsafe fixed.withUnsafeBytes { unsafe output.append(ByteView($0)[range]) }
        for index in places { fill(digits[index], start, &output, &values) }
      case .body:
        values.bodies.append(to: &output, &values.cursor)
      case .stamped:
        values.bodies.append(to: &output, stamp: stamp, &values.cursor)
      case .lineBody: values.bodies.appendLines(to: &output, &values.cursor)
      case .lineValue: output.append(value)
      case .value:
        output.appendBulkHeader(value.count)
        output.append(value)
        output.append("\r\n")
      }
    }
  }

  @inline(__always)
  private func fill(
    _ digits: (place: Int, kind: Digits), _ start: Int, _ output: inout ByteBuffer,
    _ values: inout TemplateValues
  ) {
    var size = Self.digitCount
    var number: Int
    switch digits.kind {
    case .key: number = values.random.below(values.keyspace)
    case .number:
      number = values.number
      values.number &+= values.numberStep
    case .client: number = values.client
    case .now:
      number = Int(values.wall)
      size += 1
    case .due:
      number = Int(values.wall + values.delay) + 1  // The millisecond has begun: never too early.
      size += 1
    }
    output.overwriteDigits(at: start + digits.place, size: size, &number)
  }
}

extension ByteBuffer {
  /// Writes `number` in decimal over `size` bytes, with zeros before it; its top digits are lost when
  /// it is longer.
  @inline(__always)
  mutating func overwriteDigits(at offset: Int, size: Int, _ number: inout Int) {
    precondition(size <= 16)
    var bytes: (UInt64, UInt64) = (0, 0)
    unsafe withUnsafeMutableBytes(of: &bytes) { room in
      for index in stride(from: size - 1, through: 0, by: -1) {
        unsafe room[index] = UInt8(truncatingIfNeeded: 0x30 + number % 10)
        number /= 10
      }
      unsafe overwrite(
        at: offset, with: ByteView(UnsafeRawBufferPointer(rebasing: room[0..<size])))
    }
  }
}
