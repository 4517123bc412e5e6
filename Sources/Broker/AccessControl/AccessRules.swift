// AccessRules.swift: a user as data, and the rules of ACL SETUSER that change one.
//
// A user may what any of its selectors allows as a whole: the root one, whose rules stand free, and
// further ones in parentheses. Rules and error texts are those of redis-server 7. Command rules are
// kept as they were given (as Redis 7.2 does, not re-derived from the bits as 7.0 does), so that a
// saved `+@list` still means the whole category when a later release adds a command to it.

import RESP

/// Why a rule was not taken, in Redis' words.
enum RuleError: Error, Equatable {
  case unknownCommand, syntax, patternAfterAllKeys, patternAfterAllChannels
  case noSuchPassword, badHash, duplicateUser, firstArgumentOfSubcommand

  var text: String {
    switch self {
    case .unknownCommand: "Unknown command or category name in ACL"
    case .syntax: "Syntax error"
    case .patternAfterAllKeys:
      "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have "
        + "any effect. Try 'resetkeys' to start with an empty list of patterns"
    case .patternAfterAllChannels:
      "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not "
        + "have any effect. Try 'resetchannels' to start with an empty list of channels"
    case .noSuchPassword: "The password you are trying to remove from the user does not exist"
    case .badHash:
      "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
        + "characters"
    case .duplicateUser:
      "Duplicate user found. A user can only be defined once in config files"
    case .firstArgumentOfSubcommand: "Allowing first-arg of a subcommand is not supported"
    }
  }
}

// MARK: Selectors

/// Commands, keys and channels that go together.
struct Selector: Equatable, Sendable {
  struct KeyPattern: Equatable, Sendable {
    let pattern: [UInt8]
    var access: KeyAccess

    var text: [UInt8] {
      let prefix =
        switch access {
        case .read: "%R~"
        case .write: "%W~"
        default: "~"
        }
      return Array(prefix.utf8) + pattern
    }
  }

  struct CommandRule: Equatable, Sendable {
    /// `get`, `config|get`, `select|0` or `@list`.
    let name: String
    let isAllowed: Bool
    var text: String { (isAllowed ? "+" : "-") + name }
  }

  private(set) var allowsAllKeys = false
  private(set) var allowsAllChannels: Bool
  /// Every command, those of later releases too: since `+@all` nothing was taken away.
  private(set) var allowsAllCommands = false
  private(set) var keyPatterns: [KeyPattern] = []
  private(set) var channels: [[UInt8]] = []
  private(set) var commands: CommandSet
  /// First arguments with which a command is allowed that is not allowed otherwise.
  private(set) var firstArguments: [Int: [[UInt8]]] = [:]
  /// Whether the rules below begin from all commands or from none.
  private(set) var beginsFromAll = false
  private(set) var commandRules: [CommandRule] = []

  init(_ catalog: any CommandCatalog, allowsAllChannels: Bool) {
    commands = CommandSet(count: catalog.commandCount, all: false)
    self.allowsAllChannels = allowsAllChannels
  }

  mutating func apply(_ rule: ByteView, _ catalog: any CommandCatalog) throws(RuleError) {
    if rule.matches("allkeys") || rule.matches("~*") {
      allowsAllKeys = true
      keyPatterns = []
    } else if rule.matches("resetkeys") {
      allowsAllKeys = false
      keyPatterns = []
    } else if rule.matches("allchannels") || rule.matches("&*") {
      allowsAllChannels = true
      channels = []
    } else if rule.matches("resetchannels") {
      allowsAllChannels = false
      channels = []
    } else if rule.matches("allcommands") || rule.matches("+@all") {
      setAll(true, catalog)
    } else if rule.matches("nocommands") || rule.matches("-@all") {
      setAll(false, catalog)
    } else {
      guard let first = rule.isEmpty ? nil : rule[0] else { throw .syntax }
      let rest = rule[1..<rule.count]
      switch first {
      case UInt8(ascii: "~"): try addKeys(rest, [.read, .write])
      case UInt8(ascii: "%"): try addKeysWithAccess(rest)
      case UInt8(ascii: "&"): try addChannel(rest)
      case UInt8(ascii: "+"), UInt8(ascii: "-"):
        let isAllowed = first == UInt8(ascii: "+")
        if !rest.isEmpty, rest[0] == UInt8(ascii: "@") {
          try setCategory(rest[1..<rest.count], to: isAllowed, catalog)
        } else if isAllowed, let bar = rest.lastIndex(of: UInt8(ascii: "|")) {
          try allowPart(rest, bar: bar, catalog)
        } else {
          guard let index = catalog.commandIndex(named: rest) else { throw .unknownCommand }
          setCommand(index, to: isAllowed, catalog)
          note(catalog.commandName(at: index), isAllowed)
        }
      default: throw .syntax
      }
    }
  }

  private mutating func setAll(_ isAllowed: Bool, _ catalog: any CommandCatalog) {
    commands = CommandSet(count: catalog.commandCount, all: isAllowed)
    allowsAllCommands = isAllowed
    beginsFromAll = isAllowed
    firstArguments = [:]
    commandRules = []
  }

  private mutating func setCommand(
    _ index: Int, to isAllowed: Bool, _ catalog: any CommandCatalog
  ) {
    commands.set(index, to: isAllowed)
    firstArguments[index] = nil
    for child in catalog.commandChildren(of: index) { commands.set(child, to: isAllowed) }
    if !isAllowed { allowsAllCommands = false }
  }

  private mutating func setCategory(
    _ name: ByteView, to isAllowed: Bool, _ catalog: any CommandCatalog
  ) throws(RuleError) {
    guard let category = CommandCategories(name: name) else { throw .unknownCommand }
    for index in 0..<catalog.commandCount
    where !catalog.commandCategories(at: index).isDisjoint(with: category) {
      setCommand(index, to: isAllowed, catalog)
    }
    note("@\(category.memberNames[0])", isAllowed)
  }

  /// `+command|part`: a subcommand, or the first argument of a command that has none.
  private mutating func allowPart(
    _ rule: ByteView, bar: Int, _ catalog: any CommandCatalog
  ) throws(RuleError) {
    guard let index = catalog.commandIndex(named: rule[0..<bar]) else { throw .unknownCommand }
    guard catalog.commandParent(at: index) == nil else { throw .firstArgumentOfSubcommand }
    guard bar + 1 < rule.count else { throw .syntax }
    guard catalog.commandChildren(of: index).isEmpty else {
      guard let child = catalog.commandIndex(named: rule) else { throw .unknownCommand }
      commands.set(child, to: true)
      note(catalog.commandName(at: child), true)
      return
    }
    let argument = Array(rule[bar + 1..<rule.count].text.lowercased().utf8)
    if firstArguments[index]?.contains(argument) != true {
      firstArguments[index, default: []].append(argument)
    }
    let name = "\(catalog.commandName(at: index))|\(String(decoding: argument, as: UTF8.self))"
    note(name, true)
  }

  /// Adds a rule for printing; it replaces the earlier ones of the same name and of its parts.
  private mutating func note(_ name: String, _ isAllowed: Bool) {
    commandRules.removeAll { $0.name == name || $0.name.hasPrefix(name + "|") }
    commandRules.append(CommandRule(name: name, isAllowed: isAllowed))
  }

  private mutating func addKeysWithAccess(_ rule: ByteView) throws(RuleError) {
    guard !allowsAllKeys else { throw .patternAfterAllKeys }
    var access: KeyAccess = []
    for index in 0..<rule.count {
      switch rule[index] {
      case UInt8(ascii: "R"), UInt8(ascii: "r"):
        guard access.insert(.read).inserted else { throw .syntax }
      case UInt8(ascii: "W"), UInt8(ascii: "w"):
        guard access.insert(.write).inserted else { throw .syntax }
      case UInt8(ascii: "~"):
        guard !access.isEmpty else { throw .syntax }
        try addKeys(rule[index + 1..<rule.count], access)
        return
      default: throw .syntax
      }
    }
    // Redis takes `%R` for `%R~`: a pattern that only the empty key matches. So do we.
    guard !access.isEmpty else { throw .syntax }
    try addKeys(ByteView(), access)
  }

  private mutating func addKeys(_ pattern: ByteView, _ access: KeyAccess) throws(RuleError) {
    guard !allowsAllKeys else { throw .patternAfterAllKeys }
    guard !pattern.hasBlanks else { throw .syntax }
    let pattern = pattern.array
    if let index = keyPatterns.firstIndex(where: { $0.pattern == pattern }) {
      keyPatterns[index].access.formUnion(access)
    } else {
      keyPatterns.append(KeyPattern(pattern: pattern, access: access))
    }
  }

  private mutating func addChannel(_ pattern: ByteView) throws(RuleError) {
    guard !allowsAllChannels else { throw .patternAfterAllChannels }
    guard !pattern.hasBlanks else { throw .syntax }
    let pattern = pattern.array
    if !channels.contains(pattern) { channels.append(pattern) }
  }

  // Asking.

  func allows(command: Int, firstArgument: ByteView?) -> Bool {
    if allowsAllCommands || commands.contains(command) { return true }
    guard !firstArguments.isEmpty, let allowed = firstArguments[command], let firstArgument else {
      return false
    }
    let argument = Array(firstArgument.text.lowercased().utf8)
    return allowed.contains(argument)
  }

  func allows(key: ByteView, _ access: KeyAccess) -> Bool {
    if allowsAllKeys { return true }
    return keyPatterns.contains { known in
      known.access.isSuperset(of: access)
        && known.pattern.withView { Glob.matches($0, key) }
    }
  }

  /// Whether it lets every key be read that there may ever be.
  var readsAllKeys: Bool {
    allowsAllKeys
      || keyPatterns.contains { $0.access.contains(.read) && $0.pattern == [UInt8(ascii: "*")] }
  }

  /// A pattern to subscribe to must be one of ours to the letter; a channel must match one.
  func allows(channel: ByteView, isPattern: Bool) -> Bool {
    if allowsAllChannels { return true }
    return channels.contains { known in
      known.withView { isPattern ? $0 == channel : Glob.matches($0, channel) }
    }
  }

  // Printing.

  /// `-@all +@list -lpush`: the field `commands` of ACL GETUSER.
  var commandsText: String {
    ([beginsFromAll ? "+@all" : "-@all"] + commandRules.map(\.text)).joined(separator: " ")
  }

  /// The field `keys` of ACL GETUSER.
  var keysText: [UInt8] {
    allowsAllKeys ? Array("~*".utf8) : Array(keyPatterns.map(\.text).joined(separator: [0x20]))
  }

  /// The field `channels` of ACL GETUSER.
  var channelsText: [UInt8] {
    allowsAllChannels
      ? Array("&*".utf8)
      : Array(channels.map { [UInt8(ascii: "&")] + $0 }.joined(separator: [0x20]))
  }

  /// The whole as ACL LIST prints it.
  var text: [UInt8] {
    var text: [UInt8] = []
    if !keysText.isEmpty { text += keysText + [0x20] }
    if allowsAllChannels {
      text += Array("&* ".utf8)
    } else {
      text += Array("resetchannels ".utf8)
      if !channels.isEmpty { text += channelsText + [0x20] }
    }
    return text + Array(commandsText.utf8)
  }
}

// MARK: Users

struct User: Equatable, Sendable {
  enum Sanitizing: Sendable { case unsaid, skipped, done }

  let name: [UInt8]
  private(set) var isOn = false
  private(set) var needsNoPassword = false
  /// Hashes in hexadecimal, in the order in which they were added.
  private(set) var passwords: [String] = []
  /// Kept and printed; RESTORE checks every payload whoever sends it.
  private(set) var sanitizing = Sanitizing.unsaid
  private(set) var root: Selector
  private(set) var selectors: [Selector] = []

  /// A user that is off and may nothing but, where `allowsAllChannels`, use channels.
  init(name: [UInt8], _ catalog: any CommandCatalog, allowsAllChannels: Bool) {
    self.name = name
    root = Selector(catalog, allowsAllChannels: allowsAllChannels)
  }

  /// Applies one rule, or throws and leaves the user as it was.
  mutating func apply(
    _ rule: ByteView, _ catalog: any CommandCatalog, allowsAllChannels: Bool
  ) throws(RuleError) {
    guard !rule.isEmpty else { return }
    let rest = rule[1..<rule.count]
    if rule.matches("on") {
      isOn = true
    } else if rule.matches("off") {
      isOn = false
    } else if rule.matches("skip-sanitize-payload") {
      sanitizing = .skipped
    } else if rule.matches("sanitize-payload") {
      sanitizing = .done
    } else if rule.matches("nopass") {
      needsNoPassword = true
      passwords = []
    } else if rule.matches("resetpass") {
      needsNoPassword = false
      passwords = []
    } else if rule.matches("clearselectors") {
      selectors = []
    } else if rule.matches("reset") {
      let name = name
      self = User(name: name, catalog, allowsAllChannels: allowsAllChannels)
      sanitizing = .done
    } else {
      switch rule[0] {
      case UInt8(ascii: ">"): add(password: SHA256.hex(rest))
      case UInt8(ascii: "#"): add(password: try Self.hash(rest))
      case UInt8(ascii: "<"): try remove(password: SHA256.hex(rest))
      case UInt8(ascii: "!"): try remove(password: try Self.hash(rest))
      case UInt8(ascii: "(") where rule[rule.count - 1] == UInt8(ascii: ")"):
        guard rule.count >= 2, let words = Words.split(rule[1..<rule.count - 1]) else {
          throw .syntax
        }
        var selector = Selector(catalog, allowsAllChannels: allowsAllChannels)
        for word in words {
          let result = word.withView { word in
            Result { () throws(RuleError) in try selector.apply(word, catalog) }
          }
          try result.get()
        }
        selectors.append(selector)
      default: try root.apply(rule, catalog)
      }
    }
  }

  private mutating func add(password: String) {
    needsNoPassword = false
    if !passwords.contains(password) { passwords.append(password) }
  }

  private mutating func remove(password: String) throws(RuleError) {
    guard let index = passwords.firstIndex(of: password) else { throw .noSuchPassword }
    passwords.remove(at: index)
  }

  private static func hash(_ text: ByteView) throws(RuleError) -> String {
    let isHash =
      text.count == 64
      && text.array.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    guard isHash else { throw .badHash }
    return text.text
  }

  /// Whether it may log in with `password`; takes the same time wherever a wrong one differs.
  func accepts(password: ByteView) -> Bool {
    guard isOn else { return false }
    if needsNoPassword { return true }
    let hash = Array(SHA256.hex(password).utf8)
    var found = false
    for known in passwords {
      let difference = zip(hash, known.utf8).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) }
      if difference == 0 { found = true }
    }
    return found
  }

  /// The field `flags` of ACL GETUSER.
  var flags: [String] {
    var flags = [isOn ? "on" : "off"]
    if needsNoPassword { flags.append("nopass") }
    switch sanitizing {
    case .unsaid: break
    case .skipped: flags.append("skip-sanitize-payload")
    case .done: flags.append("sanitize-payload")
    }
    return flags
  }

  /// The line of ACL LIST and of files: `user name flag ... #hash ... rule ...`.
  var line: [UInt8] {
    var text = Array("user ".utf8) + name + [0x20]
    text += Array((flags + passwords.map { "#\($0)" }).joined(separator: " ").utf8)
    text += [0x20] + root.text
    for selector in selectors {
      text += Array(" (".utf8) + selector.text + [UInt8(ascii: ")")]
    }
    return text
  }

  /// What has to be looked at before this user's commands: nothing for one that may everything.
  var scope: AccessScope {
    var scope = root.scope
    // What the root may not, a selector may, and then the selector's own bounds hold.
    if !scope.isEmpty { for selector in selectors { scope.formUnion(selector.scope) } }
    return scope
  }
}

extension Selector {
  fileprivate var scope: AccessScope {
    var scope: AccessScope = []
    if !allowsAllCommands { scope.insert(.commands) }
    if !allowsAllKeys { scope.insert(.keys) }
    if !allowsAllChannels { scope.insert(.channels) }
    return scope
  }
}

/// What a user's rights depend on.
struct AccessScope: OptionSet, Sendable {
  let rawValue: UInt8
  static let commands = AccessScope(rawValue: 1)
  static let keys = AccessScope(rawValue: 2)
  static let channels = AccessScope(rawValue: 4)
}

extension [UInt8] {
  /// Calls `body` with these bytes.
  func withView<R>(_ body: (ByteView) -> R) -> R {
    unsafe withUnsafeBytes { unsafe body(ByteView($0)) }
  }
}

extension ByteView {
  /// Whether it has white space or a zero byte, which names and patterns of users may not.
  var hasBlanks: Bool {
    for index in 0..<count where self[index] == 0x20 || self[index] == 0 || self[index] &- 9 < 5 {
      return true
    }
    return false
  }

  func lastIndex(of byte: UInt8) -> Int? {
    (0..<count).last { self[$0] == byte }
  }
}
