// ClientCommands.swift: CLIENT: its table, and what a client says of itself.
//
// Lists and killing are in ClientList.swift, pausing and unblocking in ClientPause.swift.

import RESP

/// The subcommands of CLIENT.
enum Clients {
  private static let plain: CommandFlags = [.noScript, .loading, .stale]
  private static let admin: CommandFlags = [.admin, .noScript, .loading, .stale]

  private static func sub(
    _ name: StaticString, _ arity: Arity, _ flags: CommandFlags, since: StaticString,
    syntax: StaticString = "", _ summary: StaticString, complexity: StaticString = "O(1)",
    _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: flags, group: .connection, since: since, summary: summary,
      complexity: complexity, syntax: syntax, body: body)
  }

  static let commands: [Command] = [
    Command(
      "CLIENT", arity: .atLeast(2), flags: [], group: .connection, since: "2.4.0",
      summary: "Commands about connections.", complexity: "Depends on the subcommand",
      subcommands: [
        sub(
          "CACHING", .exactly(3), plain, since: "6.0.0", syntax: "(YES|NO)",
          "Chooses whether the next command's keys are tracked.", caching),
        sub(
          "GETNAME", .exactly(2), plain, since: "2.6.9",
          "Returns the name of this connection.", getName),
        sub(
          "GETREDIR", .exactly(2), plain, since: "6.0.0",
          "Returns the client that tracking messages go to.", getRedirection),
        sub("ID", .exactly(2), plain, since: "5.0.0", "Returns the number of this client.", id),
        sub(
          "INFO", .exactly(2), plain, since: "6.2.0", "Returns what LIST says of this client.",
          info),
        sub(
          "KILL", .atLeast(3), admin, since: "2.4.0",
          syntax: "<ip:port> | (ID|TYPE|USER|ADDR|LADDR) <value> [...] [SKIPME (YES|NO)]",
          "Closes the connections from <ip:port>, or those that all of ID, TYPE, USER, ADDR, LADDR fit.",
          complexity: "O(N), N clients", kill),
        sub(
          "LIST", .atLeast(2), admin, since: "2.4.0",
          syntax: "[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> [<id> ...]]",
          "Describes clients, one a line.", complexity: "O(N), N clients", list),
        sub(
          "NO-EVICT", .exactly(3), admin, since: "7.0.0", syntax: "(ON|OFF)",
          "Spares this connection when memory for clients runs out.", noEvict),
        sub(
          "NO-TOUCH", .exactly(3), plain, since: "7.2.0", syntax: "(ON|OFF)",
          "Leaves the idle time of keys as it is.", noTouch),
        sub(
          "PAUSE", .atLeast(3), admin, since: "2.9.50", syntax: "<milliseconds> [WRITE|ALL]",
          "Holds back all commands, or those that write.", pause),
        sub(
          "REPLY", .exactly(3), plain, since: "3.2.0", syntax: "(ON|OFF|SKIP)",
          "Chooses whether this connection is sent replies.", reply),
        sub(
          "SETINFO", .exactly(4), plain, since: "7.2.0", syntax: "(LIB-NAME|LIB-VER) <text>",
          "Says which library the client uses.", setInfo),
        sub(
          "SETNAME", .exactly(3), plain, since: "2.6.9", syntax: "<name>", "Names this connection.",
          setName),
        sub(
          "TRACKING", .atLeast(3), plain, since: "6.0.0",
          syntax:
            "(ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
          "Not supported: ON is refused.", tracking),
        sub(
          "TRACKINGINFO", .exactly(2), plain, since: "6.2.0",
          "Describes the tracking of this connection's keys.", trackingInfo),
        sub(
          "UNBLOCK", .atLeast(3), admin, since: "5.0.0", syntax: "<id> [TIMEOUT|ERROR]",
          "Ends the wait of a blocked client.", complexity: "O(log N), N blocked clients", unblock),
        sub(
          "UNPAUSE", .exactly(2), admin, since: "6.2.0", "Ends the pause.",
          complexity: "O(N), N commands held back", unpause),
        Help.command(group: .connection, since: "5.0.0"),
      ], body: Help.container)
  ]

  /// `CLIENT ID` → integer.
  static func id(_ c: inout Context) throws(CommandError) {
    c.reply.integer(Int(c.sessions[c.slot].id))
  }

  // MARK: Names

  /// `CLIENT GETNAME` → the name, or null.
  static func getName(_ c: inout Context) throws(CommandError) {
    let name = c.sessions[c.slot].name
    if name.isEmpty { c.reply.null() } else { c.reply.bulk(name) }
  }

  /// `CLIENT SETNAME name` → OK. An empty name takes the name away.
  static func setName(_ c: inout Context) throws(CommandError) {
    try rename(&c, c.arguments[2])
    c.reply.ok()
  }

  static func rename(_ c: inout Context, _ name: ByteView) throws(CommandError) {
    guard isPlain(name) else {
      throw CommandError(
        "ERR Client names cannot contain spaces, newlines or special characters.")
    }
    c.sessions[c.slot].name = name.array
  }

  /// `CLIENT SETINFO LIB-NAME|LIB-VER text` → OK.
  static func setInfo(_ c: inout Context) throws(CommandError) {
    let attribute = c.arguments[2], value = c.arguments[3]
    guard isPlain(value) else {
      throw CommandError(
        "ERR ", attribute, " cannot contain spaces, newlines or special characters.")
    }
    if attribute.matches("lib-name") {
      c.sessions[c.slot].libraryName = value.array
    } else if attribute.matches("lib-ver") {
      c.sessions[c.slot].libraryVersion = value.array
    } else {
      throw CommandError("ERR Unrecognized option '", attribute, "'")
    }
    c.reply.ok()
  }

  /// Whether `text` can stand in a line of CLIENT LIST.
  private static func isPlain(_ text: ByteView) -> Bool {
    (0..<text.count).allSatisfy { text[$0] >= 0x21 && text[$0] <= 0x7E }
  }

  // MARK: Switches

  /// `CLIENT REPLY ON|OFF|SKIP` → OK for ON, nothing for the others. Dispatch drops the replies.
  static func reply(_ c: inout Context) throws(CommandError) {
    let mode = c.arguments[2]
    if mode.matches("on") {
      c.sessions[c.slot].flags.subtract([.replyOff, .replySkip])
      c.reply.ok()
    } else if mode.matches("off") {
      c.sessions[c.slot].flags.insert(.replyOff)
    } else if mode.matches("skip") {
      if !c.sessions[c.slot].flags.contains(.replyOff) {
        c.sessions[c.slot].flags.insert(.replySkipNext)
      }
    } else {
      throw .syntax
    }
  }

  /// `CLIENT NO-EVICT ON|OFF` → OK.
  static func noEvict(_ c: inout Context) throws(CommandError) { try toggle(&c, .noEvict) }

  /// `CLIENT NO-TOUCH ON|OFF` → OK.
  static func noTouch(_ c: inout Context) throws(CommandError) { try toggle(&c, .noTouch) }

  private static func toggle(_ c: inout Context, _ flag: Session.Flags) throws(CommandError) {
    if c.arguments[2].matches("on") {
      c.sessions[c.slot].flags.insert(flag)
    } else if c.arguments[2].matches("off") {
      c.sessions[c.slot].flags.remove(flag)
    } else {
      throw .syntax
    }
    c.reply.ok()
  }

  // MARK: Tracking, which there is none of

  /// `CLIENT TRACKING ON|OFF ...` → OK for OFF; ON is refused.
  static func tracking(_ c: inout Context) throws(CommandError) {
    guard !c.arguments[2].matches("on") else {
      throw CommandError("ERR client tracking is not supported")
    }
    guard c.arguments[2].matches("off") else { throw .syntax }
    c.reply.ok()
  }

  /// `CLIENT CACHING YES|NO` → an error, since nothing is tracked.
  static func caching(_ c: inout Context) throws(CommandError) {
    throw CommandError(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        + "OPTOUT mode enabled")
  }

  /// `CLIENT GETREDIR` → -1: nothing is tracked.
  static func getRedirection(_ c: inout Context) throws(CommandError) { c.reply.integer(-1) }

  /// `CLIENT TRACKINGINFO` → map: flags (off), redirect (-1), prefixes (none).
  static func trackingInfo(_ c: inout Context) throws(CommandError) {
    c.reply.map(3)
    c.reply.bulk("flags")
    c.reply.set(1)
    c.reply.bulk("off")
    c.reply.bulk("redirect")
    c.reply.integer(-1)
    c.reply.bulk("prefixes")
    c.reply.array(0)
  }
}
