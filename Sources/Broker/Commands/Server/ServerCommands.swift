// ServerCommands.swift: small commands about the server as a whole.

import RESP

enum ServerCommands {
  static let commands: [Command] = [
    Command(
      "INFO", arity: .atLeast(1), flags: [.loading, .stale], group: .server, since: "1.0.0",
      summary: "Describes the server's state.", complexity: "O(1)", categories: ["@dangerous"],
      body: info),
    Command(
      "TIME", arity: .exactly(1), flags: [.loading, .stale, .fast], group: .server,
      since: "2.6.0", summary: "Returns the server's time.", complexity: "O(1)", body: time),
    Command(
      "MONITOR", arity: .exactly(1), flags: [.admin, .noScript, .loading, .stale], group: .server,
      since: "1.0.0", summary: "Shows all commands as they run.", complexity: "O(1)",
      body: monitor),
    Command(
      "ROLE", arity: .exactly(1), flags: [.noScript, .loading, .stale, .fast], group: .server,
      since: "2.8.12", summary: "Returns the role in replication.", complexity: "O(1)",
      categories: ["@admin", "@dangerous"], body: role),
    Command(
      "REPLICAOF", arity: .exactly(3), flags: [.admin, .noScript, .stale, .noAsyncLoading],
      group: .server, since: "5.0.0", summary: "Follows another server; NO ONE ends it.",
      complexity: "O(1)", body: replicaOf),
    Command(
      "SLAVEOF", arity: .exactly(3), flags: [.admin, .noScript, .stale, .noAsyncLoading],
      group: .server, since: "1.0.0", summary: "The old name of REPLICAOF.",
      complexity: "O(1)", body: replicaOf),
  ]

  /// `TIME` → [seconds since 1970, microseconds].
  static func time(_ c: inout Context) throws(CommandError) {
    c.reply.array(2)
    c.reply.bulk(integer: c.wall / 1000)
    c.reply.bulk(integer: c.wall % 1000 * 1000 + c.wallMicroseconds)
  }

  /// `ROLE` → ["master", 0, []]: there is no replication.
  static func role(_ c: inout Context) throws(CommandError) {
    c.reply.array(3)
    c.reply.bulk("master")
    c.reply.integer(0)
    c.reply.array(0)
  }

  /// `REPLICAOF NO ONE` → OK, since that is so; another server is refused.
  static func replicaOf(_ c: inout Context) throws(CommandError) {
    if c.arguments[1].matches("no"), c.arguments[2].matches("one") { return c.reply.ok() }
    guard let port = c.arguments[2].integer, (0...65535).contains(port) else {
      throw CommandError("ERR Invalid master port")
    }
    throw CommandError("ERR replication is not supported")
  }
}
