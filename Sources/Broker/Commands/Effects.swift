// Effects.swift: what the turn's commands changed, as commands that change it again.
//
// The log keeps effects, not requests: absolute times, chosen members, popped values. They are RESP
// already, and each frame starts in database 0, so a frame can be read alone.
//
// Pushes to one list that follow each other are one command with all their elements: a fifth less
// to write, where it is the disk that is waited for, of elements of 100 bytes.

import RESP

/// The records of the frame in the making.
struct Effects: ~Copyable {
  /// The commands in RESP.
  var bytes = ByteBuffer()
  /// How many commands that is, the SELECTs included.
  private(set) var count = 0
  /// False with `appendonly no` and while the log is being replayed: nothing is kept then.
  var isEnabled = true
  /// The database in which the next command of the frame runs.
  private var database = 0
  /// The last command, while it may be joined.
  private var open: OpenCommand?

  /// Only small requests are joined, and so many words: whatever the command holds is moved when it
  /// ends, to make room for the digits of its count.
  static let joinedSizeMax = 1 << 10, joinedWordsMax = 1_000

  /// A command that takes elements from those behind it. Its count of words is still its first one.
  private struct OpenCommand {
    /// Where in `bytes` it begins, and how many bytes come before its first element.
    let start: Int, headSize: Int
    /// With those that have been taken.
    var words: Int
  }

  var isEmpty: Bool { count == 0 }

  /// Begins a command of `words` words in `database`.
  private mutating func begin(_ words: Int, in database: Int) {
    endCommand()
    if database != self.database {
      self.database = database
      append(["SELECT"], integer: Int64(database))
    }
    header(0x2A, words)
    count += 1
  }

  private mutating func header(_ mark: UInt8, _ value: Int) {
    bytes.append(byte: mark)
    var digits = DecimalDigits(Int64(value))
    digits.withView { bytes.append($0) }
    bytes.append("\r\n")
  }

  private mutating func word(_ word: ByteView) {
    header(0x24, word.count)
    bytes.append(word)
    bytes.append("\r\n")
  }

  private mutating func append(_ words: [StaticString], integer: Int64) {
    header(0x2A, words.count + 1)
    for literal in words { word(ByteView(literal)) }
    var digits = DecimalDigits(integer)
    digits.withView { word($0) }
    count += 1
  }

  /// The command as the client sent it: a RESP array, byte for byte.
  @inline(__always)
  mutating func verbatim(_ request: ByteView, in database: Int) {
    guard isEnabled else { return }
    endCommand()
    if database != self.database {
      self.database = database
      append(["SELECT"], integer: Int64(database))
    }
    bytes.append(request)
    count += 1
  }

  /// A command `name key element ...` as the client sent it, which does the same with its elements
  /// in the command before it, if that has the same name and key.
  ///
  /// - Parameter arguments: the words of `request`, in its bytes.
  mutating func joining(_ request: ByteView, _ arguments: Arguments, in database: Int) {
    guard isEnabled else { return }
    let words = arguments.count, key = arguments[1]
    // Up to the length of the first element.
    let headSize = unsafe key.start - request.start + key.count + 2
    // The count must be one digit, which all that is compared lies behind.
    let prefix = 4
    guard words <= 9, request.count <= Self.joinedSizeMax, request[2] == 0x0D else {
      return verbatim(request, in: database)
    }
    if let command = open, command.headSize == headSize, database == self.database,
      command.words < Self.joinedWordsMax,
      bytes.view(at: command.start + prefix, size: headSize - prefix) == request[prefix..<headSize]
    {
      bytes.append(request[headSize..<request.count])
      open!.words += words - 2
    } else {
      verbatim(request, in: database)
      open = OpenCommand(start: bytes.count - request.count, headSize: headSize, words: words)
    }
  }

  /// The last command is joined no more: it gets its count.
  private mutating func endCommand() {
    guard let command = open else { return }
    open = nil
    guard command.words > 9 || bytes.view[command.start + 1] != 0x30 + UInt8(command.words) else {
      return
    }
    var digits = DecimalDigits(Int64(command.words))
    digits.withView {
      bytes.overwrite(at: command.start + 1, with: $0[0..<1])
      if $0.count > 1 { bytes.insert($0[1..<$0.count], at: command.start + 2) }
    }
  }

  mutating func command(_ words: Arguments, in database: Int) {
    guard isEnabled else { return }
    begin(words.count, in: database)
    for index in 0..<words.count { word(words[index]) }
  }

  mutating func command(_ name: StaticString, in database: Int) {
    guard isEnabled else { return }
    begin(1, in: database)
    word(ByteView(name))
  }

  mutating func command(_ name: StaticString, _ a: ByteView, in database: Int) {
    guard isEnabled else { return }
    begin(2, in: database)
    word(ByteView(name))
    word(a)
  }

  mutating func command(_ name: StaticString, _ a: ByteView, _ b: ByteView, in database: Int) {
    guard isEnabled else { return }
    begin(3, in: database)
    word(ByteView(name))
    word(a)
    word(b)
  }

  mutating func command(_ name: StaticString, _ a: ByteView, integer: Int64, in database: Int) {
    var digits = DecimalDigits(integer)
    digits.withView { command(name, a, $0, in: database) }
  }

  mutating func command(
    _ name: StaticString, _ a: ByteView, _ b: ByteView, _ c: ByteView, in database: Int
  ) {
    guard isEnabled else { return }
    begin(4, in: database)
    word(ByteView(name))
    word(a)
    word(b)
    word(c)
  }

  mutating func command(
    _ name: StaticString, _ a: ByteView, _ b: ByteView, _ c: ByteView, integer: Int64,
    in database: Int
  ) {
    guard isEnabled else { return }
    begin(5, in: database)
    word(ByteView(name))
    word(a)
    word(b)
    word(c)
    var digits = DecimalDigits(integer)
    digits.withView { word($0) }
  }

  /// A command of any words, which `body` writes; it must write exactly `words` of them.
  mutating func command(words: Int, in database: Int, _ body: (inout WordWriter) -> Void) {
    guard isEnabled else { return }
    begin(words, in: database)
    var writer = WordWriter()
    swap(&writer.bytes, &bytes)
    body(&writer)
    swap(&writer.bytes, &bytes)
    assert(writer.count == words)
  }

  /// Writes the words of one command.
  struct WordWriter: ~Copyable {
    fileprivate var bytes = ByteBuffer()
    fileprivate var count = 0

    mutating func word(_ word: ByteView) {
      bytes.append(byte: 0x24)
      var digits = DecimalDigits(Int64(word.count))
      digits.withView { bytes.append($0) }
      bytes.append("\r\n")
      bytes.append(word)
      bytes.append("\r\n")
      count += 1
    }

    mutating func word(_ literal: StaticString) { word(ByteView(literal)) }

    mutating func word(integer: Int64) {
      var digits = DecimalDigits(integer)
      digits.withView { word($0) }
    }
  }

  /// A place in the frame in the making.
  struct Mark {
    fileprivate let size: Int, count: Int, database: Int
  }

  var mark: Mark {
    mutating get {
      endCommand()
      return Mark(size: bytes.count, count: count, database: database)
    }
  }

  /// Forgets what came behind `mark`.
  mutating func truncate(to mark: Mark) {
    open = nil
    bytes.truncate(to: mark.size)
    (count, database) = (mark.count, mark.database)
  }

  /// Hands the frame's bytes over and begins the next one with `spare`. Read `count` before.
  mutating func take(spare: consuming ByteBuffer) -> ByteBuffer {
    endCommand()
    count = 0
    database = 0
    swap(&bytes, &spare)
    return spare
  }
}
