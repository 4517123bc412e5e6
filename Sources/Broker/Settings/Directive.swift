// Directive.swift: what one option is: its names, how it is read, printed and changed.
//
// The table in `Directives.swift` is made of these. Parsing of files and of the command line,
// CONFIG GET, SET and REWRITE and `--help` are all derived from them. Error texts are Redis'.

import RESP

/// Why a value was not taken, in the words that Redis has for it.
struct Refusal: Error, Equatable {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

struct Directive: Sendable {
  /// When a directive may change.
  enum Change: Sendable {
    /// At any time.
    case running
    /// At the start alone; CONFIG SET calls it immutable.
    case atStart
    /// At the start alone, but CONFIG SET takes the value it has already.
    case afterRestart
    /// By CONFIG SET where `enable-protected-configs` allows.
    case protected
  }

  typealias Path<Value> = WritableKeyPath<Settings, Value> & Sendable
  typealias Write = @Sendable (inout Settings, [String]) throws(Refusal) -> Void

  let name: String
  private(set) var alias: String? = nil
  private(set) var change = Change.running
  /// What values look like, for `--help`.
  private(set) var form: String
  private(set) var help: String
  /// Takes several words, and one word is cut at its blanks.
  private(set) var takesWords = false
  /// Further lines of a file add to the first.
  private(set) var accumulates = false
  /// A password: kept out of the logs.
  private(set) var isSecret = false
  /// Seen by CONFIG GET and SET. The others are lines of files and of the command line alone.
  private(set) var isListed = true
  /// False when the directive is taken for compatibility and changes nothing.
  private(set) var hasEffect = true

  /// The value as CONFIG GET prints it.
  let read: @Sendable (Settings) -> String
  /// Puts the words in place, or throws and leaves the settings as they were.
  private(set) var write: Write
  /// The value as a line of a file has it; nil when there is nothing to write.
  private(set) var line: @Sendable (Settings) -> String?

  init(
    _ name: String, form: String, help: String, read: @escaping @Sendable (Settings) -> String,
    write: @escaping Write
  ) {
    self.name = name
    self.form = form
    self.help = help
    self.read = read
    self.write = write
    line = { Words.quoted(read($0)) }
  }

  var defaultText: String { read(Settings()) }

  func goes(by word: String) -> Bool {
    let word = word.lowercased()
    return word == name || word == alias
  }
}

// MARK: Kinds

extension Directive {
  static func flag(_ name: String, _ path: Path<Bool>, _ help: String = "") -> Directive {
    Directive(name, form: "yes|no", help: help) {
      $0[keyPath: path] ? "yes" : "no"
    } write: { (settings, words) throws(Refusal) in
      let word = try one(words).lowercased()
      guard word == "yes" || word == "no" else { throw Refusal("argument must be 'yes' or 'no'") }
      settings[keyPath: path] = word == "yes"
    }
  }

  static func integer(
    _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ help: String = ""
  ) -> Directive {
    Directive(name, form: "number", help: help) {
      "\($0[keyPath: path])"
    } write: { (settings, words) throws(Refusal) in
      var word = try one(words)
      guard let value = word.withView({ $0.integer }) else {
        throw Refusal("argument couldn't be parsed into an integer")
      }
      settings[keyPath: path] = try check(Int(value), range)
    }
  }

  static func octal(
    _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ help: String = ""
  ) -> Directive {
    Directive(name, form: "octal number", help: help) {
      String($0[keyPath: path], radix: 8)
    } write: { (settings, words) throws(Refusal) in
      guard let value = Int(try one(words), radix: 8) else {
        throw Refusal("argument couldn't be parsed as an octal number")
      }
      guard range.contains(value) else {
        let lowest = String(range.lowerBound, radix: 8),
          highest = String(range.upperBound, radix: 8)
        throw Refusal("argument must be between \(lowest) and \(highest) inclusive")
      }
      settings[keyPath: path] = value
    }
  }

  static func memory(
    _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ help: String = ""
  ) -> Directive {
    var directive = Directive(name, form: "bytes", help: help) {
      "\($0[keyPath: path])"
    } write: { (settings, words) throws(Refusal) in
      var word = try one(words)
      guard let value = word.withView({ MemorySize.parse($0) }) else {
        throw Refusal("argument must be a memory value")
      }
      settings[keyPath: path] = try check(value, range)
    }
    directive.line = { MemorySize.exact($0[keyPath: path]) }
    return directive
  }

  /// Bytes, or a percentage, which is stored and checked as a negative number.
  static func memoryOrPercent(_ name: String, _ path: Path<Int>, _ help: String = "") -> Directive {
    Directive(name, form: "bytes|percent", help: help) {
      let value = $0[keyPath: path]
      return value < 0 ? "\(-value)%" : "\(value)"
    } write: { (settings, words) throws(Refusal) in
      var word = try one(words)
      if let value = word.withView({ MemorySize.parse($0) }) {
        settings[keyPath: path] = value
        return
      }
      guard word.hasSuffix("%") else {
        throw Refusal("argument must be a memory or percent value")
      }
      word.removeLast()
      guard let percent = word.withView({ $0.integer }), percent >= 0 else {
        throw Refusal("argument must be a memory or percent value")
      }
      guard percent <= 100 else {
        throw Refusal("percentage argument must be less or equal to 100")
      }
      settings[keyPath: path] = -Int(percent)
    }
  }

  static func choice<Choice: RawRepresentable & CaseIterable & Sendable>(
    _ name: String, _ path: Path<Choice>, _ help: String = ""
  ) -> Directive where Choice.RawValue == String {
    let names = Choice.allCases.map(\.rawValue)
    return Directive(name, form: names.joined(separator: "|"), help: help) {
      $0[keyPath: path].rawValue
    } write: { (settings, words) throws(Refusal) in
      settings[keyPath: path] = Choice(rawValue: try choose(try one(words), of: names))!
    }
  }

  static func text(
    _ name: String, _ path: Path<String>, _ help: String = "", form: String = "text"
  ) -> Directive {
    Directive(name, form: form, help: help) {
      $0[keyPath: path]
    } write: { (settings, words) throws(Refusal) in
      settings[keyPath: path] = try one(words)
    }
  }

  static func words(
    _ name: String, _ path: Path<[String]>, _ help: String, form: String, countMax: Int,
    check: @escaping @Sendable (String) throws(Refusal) -> Void
  ) -> Directive {
    var directive = Directive(name, form: form, help: help) {
      $0[keyPath: path].joined(separator: " ")
    } write: { (settings, words) throws(Refusal) in
      let words = words == [""] ? [] : words
      guard words.count <= countMax else {
        throw Refusal("at most \(countMax) arguments are taken")
      }
      for word in words { try check(word) }
      settings[keyPath: path] = words
    }
    directive.takesWords = true
    directive.line = { settings in
      let words = settings[keyPath: path]
      return words.isEmpty ? "\"\"" : words.map(Words.quoted).joined(separator: " ")
    }
    return directive
  }

  // What Redis has and we take without a use for it.

  static func kept(_ name: String, _ value: Int, _ range: ClosedRange<Int>) -> Directive {
    integer(name, \.[keptInteger: name, default: value], range).withoutEffect()
  }

  static func kept(_ name: String, _ value: Bool) -> Directive {
    flag(name, \.[keptFlag: name, default: value]).withoutEffect()
  }

  static func kept(memory name: String, _ value: Int, _ range: ClosedRange<Int>) -> Directive {
    memory(name, \.[keptInteger: name, default: value], range).withoutEffect()
  }

  static func kept(_ name: String, _ value: String, of names: [String]) -> Directive {
    let path: Path<String> = \.[keptText: name, default: value]
    return Directive(name, form: names.joined(separator: "|"), help: "") {
      $0[keyPath: path]
    } write: { (settings, words) throws(Refusal) in
      settings[keyPath: path] = try choose(try one(words), of: names)
    }.withoutEffect()
  }

  static func kept(text name: String, _ value: String) -> Directive {
    let path: Path<String> = \.[keptText: name, default: value]
    return Directive(name, form: "text", help: "") {
      $0[keyPath: path]
    } write: { settings, words in
      settings[keyPath: path] = words.joined(separator: " ")
    }.withoutEffect()
  }

  // Checks that several kinds share.

  static func one(_ words: [String]) throws(Refusal) -> String {
    guard words.count == 1 else { throw Refusal("wrong number of arguments") }
    return words[0]
  }

  private static func check(_ value: Int, _ range: ClosedRange<Int>) throws(Refusal) -> Int {
    guard range.contains(value) else {
      throw Refusal(
        "argument must be between \(range.lowerBound) and \(range.upperBound) inclusive")
    }
    return value
  }

  private static func choose(_ word: String, of names: [String]) throws(Refusal) -> String {
    guard let name = names.first(where: { $0 == word.lowercased() }) else {
      throw Refusal(
        "argument(s) must be one of the following: \(names.joined(separator: ", "))")
    }
    return name
  }
}

// MARK: What sets a directive apart

extension Directive {
  func alias(_ alias: String) -> Directive { with { $0.alias = alias } }
  func change(_ change: Change) -> Directive { with { $0.change = change } }
  func secret() -> Directive { with { $0.isSecret = true } }
  func addingUp() -> Directive { with { $0.accumulates = true } }
  func ofWords() -> Directive { with { $0.takesWords = true } }
  func unlisted() -> Directive { with { $0.isListed = false } }
  func written(_ line: @escaping @Sendable (Settings) -> String?) -> Directive {
    with { $0.line = line }
  }
  func explained(_ help: String) -> Directive { with { $0.help = help } }

  /// Taken, shown, and nothing more; `because` says why nothing hangs on it.
  func withoutEffect(_ because: String? = nil) -> Directive {
    with {
      $0.hasEffect = false
      $0.help = "accepted for compatibility, no effect here" + (because.map { ": \($0)" } ?? "")
    }
  }

  /// Takes `value` alone of what Redis would take: the rest would promise what is not kept.
  func only(_ value: String, because reason: String) -> Directive {
    with { directive in
      let write = directive.write, read = directive.read, name = directive.name
      directive.form = value.isEmpty ? "\"\"" : value
      directive.write = { (settings, words) throws(Refusal) in
        var changed = settings
        try write(&changed, words)
        guard read(changed) == value else {
          throw Refusal("only \(name) \(value.isEmpty ? "\"\"" : value) is supported: \(reason)")
        }
        settings = changed
      }
    }
  }

  private func with(_ change: (inout Directive) -> Void) -> Directive {
    var copy = self
    change(&copy)
    return copy
  }
}

extension String {
  /// Calls `body` with the text's bytes.
  mutating func withView<R>(_ body: (ByteView) -> R) -> R {
    withUTF8 { unsafe body(ByteView(UnsafeRawBufferPointer($0))) }
  }
}
