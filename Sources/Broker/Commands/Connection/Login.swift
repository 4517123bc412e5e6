// Login.swift: HELLO and AUTH: who speaks, and in which version of the protocol.

import RESP

extension Connection {
  static let login: [Command] = [
    Command(
      "HELLO", arity: .atLeast(1),
      flags: [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy], group: .connection,
      since: "6.0.0", summary: "Greets, chooses the version of RESP and logs in.",
      complexity: "O(1)", body: hello),
    Command(
      "AUTH", arity: .atLeast(2),
      flags: [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy], group: .connection,
      since: "1.0.0", summary: "Logs in.", complexity: "O(N), N passwords of the user", body: auth),
  ]

  /// `HELLO [2|3 [AUTH user password] [SETNAME name]]` → map of what the server is.
  ///
  /// What stood before a bad option has been done by then, as in Redis.
  static func hello(_ c: inout Context) throws(CommandError) {
    var version: Int64 = 0
    if c.arguments.count >= 2 {
      guard let asked = c.arguments[1].integer else {
        throw CommandError("ERR Protocol version is not an integer or out of range")
      }
      guard asked == 2 || asked == 3 else {
        throw CommandError("NOPROTO unsupported protocol version")
      }
      version = asked
    }
    var index = 2
    while index < c.arguments.count {
      let option = c.arguments[index], left = c.arguments.count - 1 - index
      if option.matches("auth"), left >= 2 {
        c.redact([index + 1, index + 2])
        guard c.logIn(c.slot, user: c.arguments[index + 1], password: c.arguments[index + 2]) else {
          throw .wrongPassword
        }
        index += 3
      } else if option.matches("setname"), left >= 1 {
        try Clients.rename(&c, c.arguments[index + 1])
        index += 2
      } else {
        throw CommandError("ERR Syntax error in HELLO option '", option, "'")
      }
    }
    guard c.sessions[c.slot].flags.contains(.authenticated) else {
      throw CommandError(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
          + "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
          + "protocol version at the same time")
    }
    if version != 0 { c.reply.version = Int(version) }

    c.reply.map(7)
    c.reply.bulk("server")
    c.reply.bulk("redis")
    c.reply.bulk("version")
    c.reply.bulk(Version.redis)
    c.reply.bulk("proto")
    c.reply.integer(c.reply.version)
    c.reply.bulk("id")
    c.reply.integer(Int(c.sessions[c.slot].id))
    c.reply.bulk("mode")
    c.reply.bulk("standalone")
    c.reply.bulk("role")
    c.reply.bulk("master")
    c.reply.bulk("modules")
    c.reply.array(0)
  }

  /// `AUTH [user] password` → OK.
  static func auth(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .syntax }
    c.redact([1, 2])
    let isLoggedIn: Bool
    if c.arguments.count == 2 {
      guard c.access[.default]?.needsNoPassword != true else {
        throw CommandError(
          "ERR AUTH <password> called without any password configured for the default user. "
            + "Are you sure your configuration is correct?")
      }
      isLoggedIn = c.logIn(c.slot, user: ByteView("default"), password: c.arguments[1])
    } else {
      isLoggedIn = c.logIn(c.slot, user: c.arguments[1], password: c.arguments[2])
    }
    guard isLoggedIn else { throw .wrongPassword }
    c.reply.ok()
  }
}

extension CommandError {
  static let wrongPassword = CommandError(
    "WRONGPASS invalid username-password pair or user is disabled.")
}

/// What we say we are.
enum Version {
  static let martlet = "0.1.0"
  /// The Redis whose commands we have, by which client libraries choose their features.
  static let redis = "7.2.4"
}
