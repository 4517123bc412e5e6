// Configuration.swift: CONFIG, over the table of options.

import RESP

enum Configuration {
  private static let admin: CommandFlags = [.admin, .noScript, .loading, .stale]

  static let commands: [Command] = [
    Command(
      "CONFIG", arity: .atLeast(2), flags: [], group: .server, since: "2.0.0",
      summary: "Commands about options.", complexity: "Depends on the subcommand",
      subcommands: [
        Command(
          "GET", arity: .atLeast(3), flags: admin, group: .server, since: "2.0.0",
          summary: "Returns the options that patterns match.", complexity: "O(N), N patterns",
          syntax: "<pattern> [<pattern> ...]", body: get),
        Command(
          "RESETSTAT", arity: .exactly(2), flags: admin, group: .server, since: "2.0.0",
          summary: "Begins the statistics of INFO anew.", complexity: "O(1)", body: resetStatistics),
        Command(
          "REWRITE", arity: .exactly(2), flags: admin, group: .server, since: "2.8.0",
          summary: "Writes the options to the file they came from.", complexity: "O(1)",
          body: rewrite),
        Command(
          "SET", arity: .atLeast(4), flags: admin, group: .server, since: "2.0.0",
          summary: "Sets options, all or none.", complexity: "O(N), N options",
          syntax: "<option> <value> [<option> <value> ...]", body: set),
        Help.command(group: .server, since: "5.0.0"),
      ], body: Help.container)
  ]

  /// `CONFIG GET pattern [pattern ...]` → map of option → value.
  static func get(_ c: inout Context) throws(CommandError) {
    let found = c.settings.matching((2..<c.arguments.count).map { c.arguments[$0] })
    c.reply.map(found.count)
    for (name, value) in found {
      c.reply.bulk(name)
      c.reply.bulk(value)
    }
  }

  /// `CONFIG SET option value [option value ...]` → OK, or an error and nothing is set.
  static func set(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count % 2 == 0 else { throw .syntax }
    var pairs: [(name: ByteView, value: ByteView)] = []
    for index in stride(from: 2, to: c.arguments.count, by: 2) {
      pairs.append((c.arguments[index], c.arguments[index + 1]))
      if Directive.named(c.arguments[index].text)?.isSecret == true {
        c.redact([index + 1])
      }
    }
    var settings = c.settings
    c.requests.settingsChanged = true  // A refusal may have replaced listeners by their like, too.
    do {
      let mayChangeProtected = c.isAllowed(settings.protectedConfigs)
      let changed = try settings.set(pairs, mayChangeProtected: mayChangeProtected)
      try c.host.apply(settings, changed: changed)
      c.take(settings, changed: changed)
    } catch {
      throw CommandError(error.reply)
    }
    c.reply.ok()
  }

  /// `CONFIG REWRITE` → OK.
  static func rewrite(_ c: inout Context) throws(CommandError) {
    let users = c.settings.aclFile.isEmpty ? c.userLines() : nil
    try c.host.rewriteSettings(c.settings, users: users)
    c.reply.ok()
  }

  /// `CONFIG RESETSTAT` → OK.
  static func resetStatistics(_ c: inout Context) throws(CommandError) {
    c.statistics.reset()
    c.graveyard.valueCount = 0
    c.reply.ok()
  }
}

extension Context {
  /// Puts settings in the place of those before.
  mutating func take(_ settings: Settings, changed: [String]) {
    self.settings = settings
    setTiming()
    setCare()
    setNotifications()
    access.newUsersHaveAllChannels = settings.channelsOfNewUsers == .allchannels
    guard changed.contains("requirepass") else { return }
    var password = settings.password
    password.withUTF8 { unsafe access.setDefaultPassword(ByteView(UnsafeRawBufferPointer($0))) }
    rightsChanged()
  }

  /// Whether a permission of the settings covers the session being served.
  func isAllowed(_ permission: Settings.Permission) -> Bool {
    switch permission {
    case .no: return false
    case .yes: return true
    case .local:
      let address = sessions[slot].address
      return sessions[slot].flags.contains(.unixSocket) || address.hasPrefix("127.")
        || address.hasPrefix("[::1]:")
    }
  }
}
