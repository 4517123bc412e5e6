// AccessControl.swift: all users, and the question whether one of them may run a command.
//
// Pure data: files, sockets and the clock are the caller's. A connection keeps the `UserID` of who
// logged in; the rights behind it change in place, so every connection has the new ones at once. An
// ID whose user was deleted may nothing, even before its connections are closed.
// Invariant: slots[0] is the user `default`, which can't be deleted.

import RESP

/// Names a user for as long as it exists. A user of the same name made later has another one.
struct UserID: Equatable, Hashable, Sendable {
  fileprivate let slot: Int32
  fileprivate let generation: UInt32

  /// Who everybody is before AUTH.
  static let `default` = UserID(slot: 0, generation: 0)
}

/// A change of users that was refused as a whole, as the error reply says it.
struct AccessError: Error, Equatable {
  let reply: String

  init(_ text: String) {
    reply = "ERR " + String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 })
  }
}

struct AccessControl: Sendable {
  /// What the turn asks for at each command, apart from the users so that asking copies nothing.
  private struct Gate: Sendable {
    var generation: UInt32 = 0
    var scope: AccessScope
  }

  private let catalog: any CommandCatalog
  private let needsNoRights: CommandSet
  /// Users by slot. A free slot keeps the last one's place; its gate's generation has moved on.
  private var slots: [User] = []
  private var gates: [Gate] = []
  private var free: [Int] = []
  private var places: [[UInt8]: Int] = [:]
  /// `acl-pubsub-default allchannels`: new users and selectors may use all channels.
  var newUsersHaveAllChannels = false

  init(_ catalog: any CommandCatalog) {
    self.catalog = catalog
    var needsNoRights = CommandSet(count: catalog.commandCount, all: false)
    for index in 0..<catalog.commandCount where catalog.commandNeedsNoRights(at: index) {
      needsNoRights.set(index, to: true)
    }
    self.needsNoRights = needsNoRights
    put(Self.unrestricted(catalog))
  }

  private static func unrestricted(_ catalog: any CommandCatalog) -> User {
    var user = User(name: Array("default".utf8), catalog, allowsAllChannels: true)
    for rule: StaticString in ["+@all", "~*", "&*", "on", "nopass"] {
      do {
        try user.apply(ByteView(rule), catalog, allowsAllChannels: true)
      } catch {
        preconditionFailure("rule \(rule): \(error)")
      }
    }
    return user
  }

  // MARK: Asking

  /// What has to be checked before each command of this user. Empty: nothing, it may everything.
  ///
  /// The turn asks this first, and gathers keys and channels only where they matter.
  @inline(__always)
  func scope(of id: UserID) -> AccessScope {
    let gate = gates[Int(id.slot)]
    return gate.generation == id.generation ? gate.scope : [.commands, .keys, .channels]
  }

  /// Whether the user may run `command` on these keys and channels; nil when it may.
  ///
  /// - Parameter firstArgument: what follows the command's name, for rules such as `+select|0`.
  /// - Complexity: O(selectors × (keys + channels) × patterns); a few steps for an empty scope.
  func check(
    _ id: UserID, command: Int, firstArgument: ByteView?, keys: [KeyUse] = [],
    channels: [ChannelUse] = [], readingAll: Bool = false
  ) -> Denial? {
    let slot = Int(id.slot)
    guard gates[slot].generation == id.generation else { return .command }
    if gates[slot].scope.isEmpty { return nil }
    func check(_ selector: borrowing Selector) -> Denial? {
      guard
        needsNoRights.contains(command)
          || selector.allows(command: command, firstArgument: firstArgument),
        !readingAll || selector.readsAllKeys
      else { return .command }
      for key in keys where !selector.allows(key: key.name, key.access) {
        return .key(position: key.position)
      }
      for channel in channels
      where !selector.allows(channel: channel.name, isPattern: channel.isPattern) {
        return .channel(position: channel.position)
      }
      return nil
    }
    guard var denial = check(slots[slot].root) else { return nil }
    for index in slots[slot].selectors.indices {
      guard let other = check(slots[slot].selectors[index]) else { return nil }
      denial = Denial.graver(denial, other)
    }
    return denial
  }

  /// Whether any selector lets the user use this key, whatever the command: for SORT BY and the like.
  func allows(_ id: UserID, key: ByteView, _ access: KeyAccess) -> Bool {
    guard let user = self[id] else { return false }
    return user.root.allows(key: key, access)
      || user.selectors.contains { $0.allows(key: key, access) }
  }

  /// Whether a subscription may go on after its user's rights became fewer.
  func allows(_ id: UserID, channel: ByteView, isPattern: Bool) -> Bool {
    guard let user = self[id] else { return false }
    return user.root.allows(channel: channel, isPattern: isPattern)
      || user.selectors.contains { $0.allows(channel: channel, isPattern: isPattern) }
  }

  /// Who logs in with this name and password; nil for a wrong one, and for a user that is off.
  func authenticate(_ name: ByteView, password: ByteView) -> UserID? {
    guard let id = id(of: name), let user = self[id], user.accepts(password: password) else {
      return nil
    }
    return id
  }

  /// Whether clients are `default` without AUTH: it is on and needs no password.
  var defaultNeedsNoPassword: Bool { slots[0].isOn && slots[0].needsNoPassword }

  subscript(id: UserID) -> User? {
    gates[Int(id.slot)].generation == id.generation ? slots[Int(id.slot)] : nil
  }

  func id(of name: ByteView) -> UserID? {
    guard let place = places[name.array] else { return nil }
    return UserID(slot: Int32(place), generation: gates[place].generation)
  }

  /// All users in the order of their names, byte by byte.
  var users: [User] {
    places.values.map { slots[$0] }.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  // MARK: Changing

  struct Change: Equatable, Sendable {
    /// Users that are no more: their connections must be closed.
    var gone: [UserID] = []
    /// Users that lost channels: their subscriptions must be asked for again by `allows(channel:)`.
    var lostChannels: [UserID] = []
  }

  /// ACL SETUSER: makes or changes a user by all of `rules`, or throws and changes nothing.
  mutating func setUser(_ name: ByteView, _ rules: [ByteView]) throws(AccessError) -> Change {
    guard !name.hasBlanks else {
      throw AccessError("Usernames can't contain spaces or null characters")
    }
    var user = id(of: name).flatMap { self[$0] } ?? newUser(name.array)
    let merged: [[UInt8]]
    switch Self.merged(rules.map(\.array)) {
    case .success(let rules): merged = rules
    case .failure(let unmatched):
      let text = String(decoding: unmatched.rule, as: UTF8.self)
      throw AccessError("Unmatched parenthesis in acl selector starting at '\(text)'.")
    }
    for rule in merged {
      do throws(RuleError) {
        try apply(rule, to: &user)
      } catch {
        let text = String(decoding: rule, as: UTF8.self)
        throw AccessError("Error in ACL SETUSER modifier '\(text)': \(error.text)")
      }
    }
    return replace(with: user)
  }

  /// ACL DELUSER: how many of `names` there were, and whose connections must be closed.
  mutating func deleteUsers(_ names: [ByteView]) throws(AccessError) -> Change {
    guard !names.contains(where: { $0 == ByteView("default") }) else {
      throw AccessError("The 'default' user cannot be removed")
    }
    var change = Change()
    for name in names {
      guard let id = id(of: name) else { continue }
      remove(id)
      change.gone.append(id)
    }
    return change
  }

  /// The option `requirepass`: the one password of `default`, or none when empty.
  mutating func setDefaultPassword(_ password: ByteView) {
    var user = slots[0]
    let rule: [UInt8] =
      password.isEmpty ? Array("nopass".utf8) : [UInt8(ascii: ">")] + password.array
    do throws(RuleError) {
      try apply(Array("resetpass".utf8), to: &user)
      try apply(rule, to: &user)
    } catch {
      preconditionFailure("\(error)")
    }
    _ = replace(with: user)
  }

  /// The `user` lines of the options, each a name and its rules; `default` begins from nothing then.
  ///
  /// - Returns: the names of the users that are off, which may be a slip worth a line in the log.
  mutating func define(_ lines: [[String]]) throws(AccessError) -> [String] {
    var copy = self
    var seen: Set<String> = []
    var off: [String] = []
    for line in lines {
      guard var name = line.first else { continue }
      let text = name
      func refused(_ reason: String) -> AccessError {
        AccessError("Error in user declaration '\(text)': \(reason)")
      }
      guard !name.withView({ $0.hasBlanks }) else {
        throw AccessError("Spaces not allowed in ACL usernames")
      }
      guard seen.insert(name).inserted else { throw refused(RuleError.duplicateUser.text) }
      var user = newUser(Array(name.utf8))
      guard case .success(let rules) = Self.merged(line.dropFirst().map { Array($0.utf8) }) else {
        throw refused("Unmatched parenthesis in selector definition")
      }
      for rule in rules {
        do throws(RuleError) {
          try apply(rule, to: &user)
        } catch {
          throw AccessError(
            "Error loading ACL rule '\(String(decoding: rule, as: UTF8.self))' for the user named "
              + "'\(name)': \(error.text)")
        }
      }
      if !user.isOn { off.append(name) }
      _ = copy.replace(with: user)
    }
    self = copy
    return off
  }

  // MARK: Files of users

  /// ACL SAVE: the text of a file of users.
  var fileText: [UInt8] { users.flatMap { $0.line + [0x0A] } }

  /// ACL LOAD: puts the users of a file in the place of all there are, or throws and changes nothing.
  ///
  /// `default` is made anew when the file has none. Users of both keep their IDs, so their
  /// connections live on with the new rights; Redis 7.0 closes those.
  /// - Parameter path: for the messages.
  mutating func load(_ text: ByteView, path: String) throws(AccessError) -> Change {
    var errors = ""
    var loaded: [User] = []
    for (number, line) in SettingsReader.lines(of: text) where !line.isEmpty {
      let words = line.array.split(separator: 0x20, omittingEmptySubsequences: false).map(
        Array.init)
      guard words[0] == Array("user".utf8), words.count >= 2 else {
        errors += "\(path):\(number) should start with user keyword followed by the username. "
        continue
      }
      let name = words[1], nameText = String(decoding: name, as: UTF8.self)
      guard !name.withView({ $0.hasBlanks }) else {
        errors += "'\(path):\(number): username '\(nameText)' contains invalid characters. "
        continue
      }
      guard !loaded.contains(where: { $0.name == name }) else {
        errors += "WARNING: Duplicate user '\(nameText)' found on line \(number). "
        continue
      }
      var user = newUser(name)
      guard case .success(let rules) = Self.merged(Array(words[2...])) else {
        errors += "\(path):\(number): Unmatched parenthesis in selector definition."
        continue
      }
      var hasTold = false
      for rule in rules {
        do throws(RuleError) {
          try apply(rule, to: &user)
        } catch {
          // A wrong command is told by name; of what may be a password only the first reason.
          if error == .unknownCommand {
            let text = String(decoding: rule, as: UTF8.self)
            errors += "\(path):\(number): Error in applying operation '\(text)': \(error.text). "
          } else if !hasTold {
            errors += "\(path):\(number): \(error.text). "
            hasTold = true
          }
        }
      }
      loaded.append(user)
    }
    guard errors.isEmpty else {
      throw AccessError(
        errors
          + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
      )
    }
    if !loaded.contains(where: { $0.name == Array("default".utf8) }) {
      loaded.append(Self.unrestricted(catalog))
    }
    var change = Change()
    for user in users where !loaded.contains(where: { $0.name == user.name }) {
      guard let id = user.name.withView({ id(of: $0) }) else { continue }
      remove(id)
      change.gone.append(id)
    }
    for user in loaded { change.lostChannels += replace(with: user).lostChannels }
    return change
  }

  // MARK: Within

  private func newUser(_ name: [UInt8]) -> User {
    User(name: name, catalog, allowsAllChannels: newUsersHaveAllChannels)
  }

  private func apply(_ rule: [UInt8], to user: inout User) throws(RuleError) {
    let result = rule.withView { rule in
      Result { () throws(RuleError) in
        try user.apply(rule, catalog, allowsAllChannels: newUsersHaveAllChannels)
      }
    }
    try result.get()
  }

  private mutating func put(_ user: User) {
    if let slot = free.popLast() {
      slots[slot] = user
      gates[slot].scope = user.scope
      places[user.name] = slot
    } else {
      places[user.name] = slots.count
      slots.append(user)
      gates.append(Gate(scope: user.scope))
    }
  }

  private mutating func replace(with user: User) -> Change {
    guard let slot = places[user.name] else {
      put(user)
      return Change()
    }
    let loses = Self.loses(slots[slot], user)
    slots[slot] = user
    gates[slot].scope = user.scope
    let id = UserID(slot: Int32(slot), generation: gates[slot].generation)
    return Change(lostChannels: loses ? [id] : [])
  }

  private mutating func remove(_ id: UserID) {
    let slot = Int(id.slot)
    precondition(slot != 0)
    guard gates[slot].generation == id.generation else { return }
    places[slots[slot].name] = nil
    slots[slot] = newUser([])
    gates[slot].generation &+= 1
    free.append(slot)
  }

  /// Whether `new` lacks a channel pattern that `old` has.
  private static func loses(_ old: User, _ new: User) -> Bool {
    let after = [new.root] + new.selectors, before = [old.root] + old.selectors
    if after.contains(where: { $0.allowsAllChannels }) { return false }
    if before.contains(where: { $0.allowsAllChannels }) { return true }
    let kept = Set(after.flatMap(\.channels))
    return !before.allSatisfy { $0.channels.allSatisfy(kept.contains) }
  }

  private struct Unmatched: Error { let rule: [UInt8] }

  /// Joins the words of a selector that came apart: `(~a`, `+get)` is `(~a +get)`.
  private static func merged(_ rules: [[UInt8]]) -> Result<[[UInt8]], Unmatched> {
    var merged: [[UInt8]] = []
    var open: [UInt8]?
    var first: [UInt8] = []
    var forgotten: [UInt8]?
    for rule in rules {
      let begins = rule.first == UInt8(ascii: "("), ends = rule.last == UInt8(ascii: ")")
      if begins, !ends {
        // Redis forgets a selector that is open here: rights would vanish without a word.
        if open != nil { forgotten = forgotten ?? first }
        open = rule
        first = rule
      } else if let begun = open {
        let joined = begun + [0x20] + rule
        open = ends ? nil : joined
        if ends { merged.append(joined) }
      } else {
        merged.append(rule)
      }
    }
    if open != nil { return .failure(Unmatched(rule: first)) }
    if let forgotten { return .failure(Unmatched(rule: forgotten)) }
    return .success(merged)
  }
}

extension AccessControl {
  /// ACL GENPASS: a password of so many bits in hexadecimal, a quarter as many letters.
  static func password(bits: Int, _ random: inout some RandomNumberGenerator) -> String? {
    guard (1...4096).contains(bits) else { return nil }
    let digits = Array("0123456789abcdef")
    return String((0..<(bits + 3) / 4).map { _ in digits[Int.random(in: 0..<16, using: &random)] })
  }
}
