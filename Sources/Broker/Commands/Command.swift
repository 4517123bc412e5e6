// Command.swift: one command: what it is called, what it takes, what it does.
//
// An entry of the table is the one place for a command's facts. Dispatch, the arity check, the keys,
// access control, COMMAND's replies and the reference page are all derived from it.

import RESP

/// How many words a request of the command has, its name included.
enum Arity: Equatable, Sendable {
  case exactly(Int)
  case atLeast(Int)

  @inline(__always)
  func allows(_ count: Int) -> Bool {
    switch self {
    case .exactly(let n): count == n
    case .atLeast(let n): count >= n
    }
  }

  /// As COMMAND INFO shows it: negative for a minimum.
  var code: Int {
    switch self {
    case .exactly(let n): n
    case .atLeast(let n): -n
    }
  }
}

/// What the broker must know before it runs a command. Names are those of COMMAND INFO.
struct CommandFlags: OptionSet, Sendable {
  let rawValue: UInt32
  static let write = CommandFlags(rawValue: 1 << 0)
  static let readOnly = CommandFlags(rawValue: 1 << 1)
  /// Refused when memory is full, because it may grow.
  static let denyOOM = CommandFlags(rawValue: 1 << 2)
  static let admin = CommandFlags(rawValue: 1 << 3)
  static let pubsub = CommandFlags(rawValue: 1 << 4)
  static let noScript = CommandFlags(rawValue: 1 << 5)
  static let blocking = CommandFlags(rawValue: 1 << 6)
  static let loading = CommandFlags(rawValue: 1 << 7)
  static let stale = CommandFlags(rawValue: 1 << 8)
  static let skipMonitor = CommandFlags(rawValue: 1 << 9)
  static let fast = CommandFlags(rawValue: 1 << 10)
  /// Runs before a client has logged in.
  static let noAuth = CommandFlags(rawValue: 1 << 11)
  static let noMulti = CommandFlags(rawValue: 1 << 12)
  static let movableKeys = CommandFlags(rawValue: 1 << 13)
  static let allowBusy = CommandFlags(rawValue: 1 << 14)
  static let skipSlowlog = CommandFlags(rawValue: 1 << 15)
  /// Not shown to clients that are blocked out: runs at once even inside MULTI's queueing.
  static let immediate = CommandFlags(rawValue: 1 << 16)
  static let noAsyncLoading = CommandFlags(rawValue: 1 << 17)
  /// May be called without any key, although it can have some.
  static let noMandatoryKeys = CommandFlags(rawValue: 1 << 18)
  /// Runs only where the settings allow it.
  static let protected = CommandFlags(rawValue: 1 << 20)

  /// A client that has subscribed may run it in RESP2.
  static let whileSubscribed = CommandFlags(rawValue: 1 << 21)
  /// No write, but others see that it ran: a pause of writes holds it back too.
  static let likeWrite = CommandFlags(rawValue: 1 << 22)

  /// It runs a script, which may have said that it writes nothing.
  static let scripted = CommandFlags(rawValue: 1 << 23)
  /// Takes a key and elements, and does the same with them one by one: the log may join calls of it.
  static let joining = CommandFlags(rawValue: 1 << 24)

  /// In the order in which COMMAND INFO lists them; those without a name are ours alone.
  static let names: [(CommandFlags, StaticString)] = [
    (.write, "write"), (.readOnly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"),
    (.pubsub, "pubsub"), (.noScript, "noscript"), (.blocking, "blocking"), (.loading, "loading"),
    (.stale, "stale"), (.skipMonitor, "skip_monitor"), (.skipSlowlog, "skip_slowlog"),
    (.fast, "fast"), (.noAuth, "no_auth"), (.noMandatoryKeys, "no_mandatory_keys"),
    (.noAsyncLoading, "no_async_loading"), (.noMulti, "no_multi"), (.movableKeys, "movablekeys"),
    (.allowBusy, "allow_busy"),
  ]
}

/// Where a command's keys stand among its words; the name is word 0.
struct KeySpec: Sendable {
  enum Place: Sendable {
    /// Words `first`, `first + step`, … up to `last`; a negative `last` counts from the end.
    case range(first: Int, last: Int, step: Int)
    /// Word `count` says how many keys follow it.
    case counted(count: Int)
    /// The first half of the words behind the option called `keyword`, which ends the options and
    /// commonly stands from word `start` on. `others` are the options before it with arguments, and
    /// how many of them.
    case half(
      behind: StaticString, start: Int, others: [(name: StaticString, count: Int)])
    /// All words behind the option called `keyword`. `others` are the options before it with
    /// arguments, and how many of them.
    case rest(behind: StaticString, others: [(name: StaticString, count: Int)])
    /// The word behind the last option called `keyword`, looking from word `start`. `others` are
    /// the options with arguments, whose number of them is passed over: these are no keywords.
    case option(keyword: StaticString, start: Int, others: [(name: StaticString, count: Int)])
    /// The same where whatever word `keyword` comes first from word `start` on is that option, so that
    /// clients can find the key as well.
    case word(
      behind: StaticString, start: Int, others: [(name: StaticString, count: Int)])
  }
  let place: Place
  let access: KeyAccess
  /// What a request does else than `access` says, by its words.
  enum Variation: Sendable {
    /// The key is read as well where this word stands among the options, as GET in SET.
    case readsWith(StaticString)
    /// The key is only read when all that follows it are these words, each with so many arguments,
    /// as in BITFIELD.
    case onlyReads([(name: StaticString, count: Int)])
  }
  var variation: Variation?

  /// What the request in `words` does with the keys of this spec.
  func access(in words: Arguments) -> KeyAccess {
    switch variation {
    case nil: return access
    case .readsWith(let name):
      guard words.count > 3 else { return access }
      return (3..<words.count).contains { words[$0].matches(name) } ? [.read, .update] : access
    case .onlyReads(let others):
      var index = 2
      while index < words.count {
        guard let other = others.first(where: { words[index].matches($0.name) }),
          other.count < words.count - index
        else { return access }
        index += 1 + other.count
      }
      return .read
    }
  }

  /// What COMMAND INFO says of them: the most that a request may do.
  var accessNames: [StaticString] {
    variation == nil ? access.names : KeyAccess([.read, .update]).names + ["variable_flags"]
  }

  /// The key at word `index`.
  static func one(_ index: Int, _ access: KeyAccess) -> KeySpec {
    KeySpec(place: .range(first: index, last: index, step: 1), access: access)
  }
  static func range(_ first: Int, _ last: Int, step: Int = 1, _ access: KeyAccess) -> KeySpec {
    KeySpec(place: .range(first: first, last: last, step: step), access: access)
  }
  static func counted(_ index: Int, _ access: KeyAccess) -> KeySpec {
    KeySpec(place: .counted(count: index), access: access)
  }
  static func option(
    _ keyword: StaticString, from start: Int, others: [(name: StaticString, count: Int)],
    _ access: KeyAccess
  ) -> KeySpec {
    KeySpec(place: .option(keyword: keyword, start: start, others: others), access: access)
  }

  static func word(
    behind keyword: StaticString, from start: Int, others: [(name: StaticString, count: Int)],
    _ access: KeyAccess
  ) -> KeySpec {
    KeySpec(place: .word(behind: keyword, start: start, others: others), access: access)
  }

  /// Calls `body` with the number of each word that is a key of this spec.
  ///
  /// - Returns: false when the request is not of the form the spec needs.
  func forEachKey(in words: Arguments, _ body: (Int) -> Void) -> Bool {
    switch place {
    case .range(let first, let last, let step):
      let end = last < 0 ? words.count + last : last
      guard first < words.count, end < words.count, first <= end else { return false }
      for index in stride(from: first, through: end, by: step) { body(index) }
    case .counted(let index):
      guard index < words.count, let count = words[index].integer, count > 0,
        count < words.count - index
      else { return false }
      for key in index + 1...index + Int(count) { body(key) }
    case .half(let keyword, _, let others):
      var index = 1
      while index < words.count, !words[index].matches(keyword) {
        index += 1 + (others.first { words[index].matches($0.name) }?.count ?? 0)
      }
      let count = words.count - index - 1
      guard count > 0, count % 2 == 0 else { return false }
      for key in index + 1...index + count / 2 { body(key) }
    case .rest(let keyword, let others):
      var index = 1
      while index < words.count, !words[index].matches(keyword) {
        index += 1 + (others.first { words[index].matches($0.name) }?.count ?? 0)
      }
      guard index + 1 < words.count else { return false }
      for key in index + 1..<words.count { body(key) }
    case .option(let keyword, let start, let others),
      .word(let keyword, let start, let others):
      var index = start
      var found: Int?
      while index + 1 < words.count {
        if let other = others.first(where: { words[index].matches($0.name) }) {
          index += other.count
        } else if words[index].matches(keyword) {
          index += 1
          found = index
        }
        index += 1
      }
      if let found { body(found) }
    }
    return true
  }
}

/// Where the channels stand that a command publishes to or listens to, for access control.
struct ChannelSpec: Sendable {
  /// Words `first` up to `last`; a negative `last` counts from the end.
  let first: Int, last: Int
  /// They are patterns.
  var isPattern = false

  func words(in words: Arguments) -> ClosedRange<Int> {
    first...(last < 0 ? words.count + last : last)
  }
}

/// Where the words stand that name jobs, by receipt or id, for access control: to touch a job takes the
/// right to its queue.
struct JobSpec: Sendable {
  /// Words `first` up to `last`; a negative `last` counts from the end.
  let first: Int, last: Int
  /// They are receipts, not ids.
  var isByReceipt = false
  /// What is done with the queue.
  let access: KeyAccess
  /// Options, the first of which ends the names.
  var options: [StaticString] = []

  func words(in words: Arguments) -> Range<Int> {
    let end = min(words.count, last < 0 ? words.count + last + 1 : last + 1)
    guard first < end else { return first..<first }
    let option = (first..<end).first { index in options.contains { words[index].matches($0) } }
    return first..<(option ?? end)
  }
}

/// The families that COMMAND DOCS calls groups.
enum CommandGroup: String, Sendable {
  case generic, string, list, transactions, connection, server
  case pubsub, hash, set
  case sortedSet = "sorted-set"
  case stream, scripting, bitmap, hyperloglog, geo, cluster
  case queue
}

/// One command, or one subcommand of a container such as CLIENT.
struct Command: Sendable {
  typealias Body = @Sendable (inout Context) throws(CommandError) -> Void

  let name: StaticString
  let arity: Arity
  let flags: CommandFlags
  let keys: [KeySpec]
  let channels: ChannelSpec?
  let jobs: JobSpec?
  let group: CommandGroup
  let since: StaticString
  let summary: StaticString
  let complexity: StaticString
  /// ACL categories beyond those which follow from flags and group, such as "@dangerous".
  let categories: [StaticString]
  let subcommands: [Command]
  /// The arguments as HELP shows them; empty when there are none.
  let syntax: StaticString
  let body: Body

  init(
    _ name: StaticString, arity: Arity, flags: CommandFlags, keys: [KeySpec] = [],
    channels: ChannelSpec? = nil, jobs: JobSpec? = nil, group: CommandGroup, since: StaticString,
    summary: StaticString, complexity: StaticString,
    categories: [StaticString] = [], subcommands: [Command] = [], syntax: StaticString = "",
    body: @escaping Body
  ) {
    self.name = name
    self.arity = arity
    self.flags = flags
    self.keys = keys
    self.channels = channels
    self.jobs = jobs
    self.group = group
    self.since = since
    self.summary = summary
    self.complexity = complexity
    self.categories = categories
    self.subcommands = subcommands
    self.syntax = syntax
    self.body = body
  }
}
