// ConnectionCommands.swift: commands about the connection itself.
//
// HELLO and AUTH are in Login.swift, CLIENT in ClientCommands.swift, COMMAND in CommandList.swift.

import RESP

enum Connection {
  static let commands: [Command] =
    [
      Command(
        "PING", arity: .atLeast(1), flags: [.fast, .whileSubscribed], group: .connection,
        since: "1.0.0",
        summary: "Answers PONG, or with its argument.", complexity: "O(1)", body: ping),
      Command(
        "ECHO", arity: .exactly(2), flags: [.loading, .stale, .fast], group: .connection,
        since: "1.0.0", summary: "Answers with its argument.", complexity: "O(1)", body: echo),
      Command(
        "QUIT", arity: .atLeast(1),
        flags: [
          .noScript, .loading, .stale, .fast, .noAuth, .allowBusy, .immediate, .whileSubscribed,
        ],
        group: .connection, since: "1.0.0", summary: "Closes the connection after the reply.",
        complexity: "O(1)", body: quit),
      Command(
        "RESET", arity: .exactly(1),
        flags: [
          .noScript, .loading, .stale, .fast, .noAuth, .allowBusy, .immediate, .whileSubscribed,
        ],
        group: .connection, since: "6.2.0",
        summary: "Makes the connection what it was when it began.",
        complexity: "O(1)", body: reset),
    ] + login

  /// `PING [message]` → PONG or the message.
  static func ping(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 2 else { throw .wrongArity("ping") }
    if c.sessions[c.slot].flags.contains(.pubsub), c.reply.version == 2 {
      c.reply.array(2)
      c.reply.bulk("pong")
      c.reply.bulk(c.arguments.count == 2 ? c.arguments[1] : ByteView())
    } else if c.arguments.count == 2 {
      c.reply.bulk(c.arguments[1])
    } else {
      c.reply.simple("PONG")
    }
  }

  /// `ECHO message` → the message.
  static func echo(_ c: inout Context) throws(CommandError) { c.reply.bulk(c.arguments[1]) }

  /// `QUIT` → OK, and the connection ends.
  static func quit(_ c: inout Context) throws(CommandError) {
    c.reply.ok()
    c.sessions[c.slot].flags.insert(.closing)
  }

  /// `RESET` → RESET: no transaction, no name, RESP2, database 0, the default user.
  static func reset(_ c: inout Context) throws(CommandError) {
    c.stopMonitoring(c.slot)
    c.resetTransaction(c.slot)
    c.database = 0
    c.reply.version = 2
    c.sessions[c.slot].name = []
    c.unsubscribeAll(c.slot)
    c.sessions[c.slot].flags.subtract([.replyOff, .replySkipNext])
    c.logInAsDefault(c.slot)
    c.reply.simple("RESET")
  }
}
