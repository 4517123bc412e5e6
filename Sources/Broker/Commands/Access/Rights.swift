// Rights.swift: who a session is, and what it may.
//
// A session carries what dispatch must know as flags: `authenticated`, and `restricted` if its user
// has not all rights. Every change of users goes through `rightsChanged`, which sets them anew.

import RESP

extension Context {
  // MARK: Logging in

  /// Makes the session in `slot` the user `default`, logged in if that needs no password.
  mutating func logInAsDefault(_ slot: Int) {
    sessions[slot].user = .default
    setRights(slot)
    if access.defaultNeedsNoPassword {
      sessions[slot].flags.insert(.authenticated)
    } else {
      sessions[slot].flags.remove(.authenticated)
    }
  }

  /// - Returns: false for a wrong name or password, and for a user that is off; that is noted.
  mutating func logIn(_ slot: Int, user: ByteView, password: ByteView) -> Bool {
    guard let id = access.authenticate(user, password: password) else {
      statistics.accessDenials.login += 1
      noteDenial(.auth, object: arguments[0].array, user: user.array)
      return false
    }
    sessions[slot].user = id
    sessions[slot].flags.insert(.authenticated)
    setRights(slot)
    return true
  }

  private mutating func setRights(_ slot: Int) {
    if access.scope(of: sessions[slot].user).isEmpty {
      sessions[slot].flags.remove(.restricted)
    } else {
      sessions[slot].flags.insert(.restricted)
    }
  }

  /// Gives every session the rights that its user has now.
  /// - Complexity: O(n) sessions.
  mutating func rightsChanged() {
    let isOpen = access.defaultNeedsNoPassword
    for slot in 1..<max(1, sessions.count) where sessions[slot].flags.contains(.open) {
      setRights(slot)
      if isOpen { sessions[slot].flags.insert(.authenticated) }
    }
  }

  /// Does what a change of users asks of the sessions.
  mutating func take(_ change: AccessControl.Change) {
    for slot in clientSlots() {
      let user = sessions[slot].user
      let isOver =
        change.gone.contains(user)
        || sessions[slot].flags.contains(.pubsub) && change.lostChannels.contains(user)
          && !mayKeepSubscriptions(slot)
      guard isOver else { continue }
      if slot == self.slot { sessions[slot].flags.insert(.closing) } else { kill(slot) }
    }
    rightsChanged()
  }

  /// Puts the users of the file in the place of all there are.
  mutating func loadUsers() throws(AccessError) {
    let path = settings.aclFile
    guard let text = host.readUsers(path: path) else {
      throw AccessError("Error loading ACLs, opening file '\(path)'")
    }
    var copy = access
    let result = text.withView { text in
      Result { () throws(AccessError) in try copy.load(text, path: path) }
    }
    let change = try result.get()
    access = copy
    take(change)
  }

  /// The users as lines of a file of options.
  func userLines() -> [String] { access.users.map { String(decoding: $0.line, as: UTF8.self) } }

  // MARK: Being allowed

  /// Whether the session may run its command and read, besides the keys that this names, any other:
  /// a pattern such as SORT takes may come to any key.
  func mayReadAllKeys() -> Bool {
    guard sessions[slot].flags.contains(.restricted) else { return true }
    return denial(of: sessions[slot].user, command, arguments, readingAll: true) == nil
  }

  /// Whether the session may run its command and use, besides the keys that this names, that one: the
  /// queue of a job that is to be shown, or to which one is to be moved.
  func mayAlsoUse(_ key: ByteView, _ access: KeyAccess) -> Bool {
    guard sessions[slot].flags.contains(.restricted) else { return true }
    return denial(of: sessions[slot].user, command, arguments, using: key, access) == nil
  }

  /// The error for a key that `mayAlsoUse` has denied; it is noted in ACL LOG.
  mutating func refusal(ofKey key: ByteView) -> CommandError {
    refusal(because: .key(position: 0), object: key.array)
  }

  /// Why the user may not run the command at `index` with these words; nil when it may.
  ///
  /// - Parameter readingAll: and all keys are to be read.
  /// - Parameter other: and this key is to be used, as `otherAccess` says.
  func denial(
    of user: UserID, _ index: Int, _ words: Arguments, readingAll: Bool = false,
    using other: ByteView? = nil, _ otherAccess: KeyAccess = []
  ) -> Denial? {
    let scope = access.scope(of: user)
    guard !scope.isEmpty else { return nil }
    let command = table.commands[index]
    var keys: [KeyUse] = []
    if scope.contains(.keys), !command.keys.isEmpty {
      for key in command.keys(in: words).found {
        let access = key.access.intersection([.read, .write])
        keys.append(KeyUse(name: words[key.index], access: access, position: key.index))
      }
    }
    if scope.contains(.keys), let spec = command.jobs {
      for index in spec.words(in: words) {
        let job = spec.isByReceipt ? record(receipt: words[index]) : record(id: words[index])
        guard let queue = job.flatMap({ jobs.spaces[database].queue(of: $0)?.key }) else {
          continue
        }
        keys.append(
          KeyUse(name: queue, access: spec.access.intersection([.read, .write]), position: index))
      }
    }
    if let other {
      let access = otherAccess.intersection([.read, .write])
      keys.append(KeyUse(name: other, access: access, position: 0))
    }
    var channels: [ChannelUse] = []
    if scope.contains(.channels), let spec = command.channels {
      for index in spec.words(in: words) {
        channels.append(
          ChannelUse(name: words[index], isPattern: spec.isPattern, position: index))
      }
    }
    let first = table.parents[index] == nil ? 1 : 2
    return access.check(
      user, command: index, firstArgument: first < words.count ? words[first] : nil, keys: keys,
      channels: channels, readingAll: readingAll)
  }

  /// The error for a command that the session may not run; it is noted in ACL LOG.
  mutating func permissionRefusal(_ index: Int) -> CommandError? {
    guard let denial = denial(of: sessions[slot].user, index, arguments) else { return nil }
    switch denial {
    case .command: return refusal(because: denial, object: Array(table.names[index].utf8), index)
    case .key(let position), .channel(let position):
      return refusal(because: denial, object: arguments[position].array, index)
    }
  }

  /// The error for `denial` of the command at `index`, nil for the one that runs; it is noted in ACL LOG.
  private mutating func refusal(
    because denial: Denial, object: [UInt8], _ index: Int? = nil
  ) -> CommandError {
    let reason: AccessLog.Reason
    switch denial {
    case .command:
      reason = .command
      statistics.accessDenials.command += 1
    case .key:
      reason = .key
      statistics.accessDenials.key += 1
    case .channel:
      reason = .channel
      statistics.accessDenials.channel += 1
    }
    noteDenial(reason, object: object, user: access[sessions[slot].user]?.name ?? [])
    if isInScript { return CommandError("ERR \(denial.textInScript)") }
    return CommandError(
      isInExec
        ? denial.replyInTransaction : denial.reply(command: table.names[index ?? command]))
  }

  private mutating func noteDenial(
    _ reason: AccessLog.Reason, object: [UInt8], user: [UInt8]
  ) {
    let isQueued = isInExec || sessions[slot].flags.contains(.inTransaction)
    accessLog.add(
      reason, isInScript ? .lua : isQueued ? .multi : .toplevel, object: object, user: user,
      client: Array(describe(slot).utf8), at: wall, countMax: settings.aclLogCountMax)
  }
}
