// User.swift: a user: name, passwords, flags and selectors.

import RESP

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
