// AccessRules.swift: selectors, and the rules of ACL SETUSER that change them (User.swift has the user).
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
