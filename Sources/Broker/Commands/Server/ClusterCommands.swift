// ClusterCommands.swift: CLUSTER and what clients of a cluster send: there is none.
//
// Clients that can use a cluster ask for one first, and go on without it when they are told so.

import RESP

enum ClusterCommands {
  static let commands: [Command] = [
    Command(
      "CLUSTER", arity: .atLeast(2), flags: [], group: .cluster, since: "3.0.0",
      summary: "Commands of a cluster, which this server is not part of.",
      complexity: "O(1)", subcommands: subcommands, body: Help.container),
    Command(
      "READONLY", arity: .exactly(1), flags: [.loading, .stale, .fast], group: .cluster,
      since: "3.0.0", summary: absent, complexity: "O(1)", categories: ["@connection"],
      body: refuse),
    Command(
      "READWRITE", arity: .exactly(1), flags: [.loading, .stale, .fast], group: .cluster,
      since: "3.0.0", summary: absent, complexity: "O(1)", categories: ["@connection"],
      body: refuse),
    Command(
      "ASKING", arity: .exactly(1), flags: [.fast], group: .cluster, since: "3.0.0",
      summary: absent, complexity: "O(1)", categories: ["@connection"], body: refuse),
  ]

  private static let absent: StaticString = "Refused: there is no cluster."
  private static let changes: CommandFlags = [.admin, .stale, .noAsyncLoading]

  private static let subcommands: [Command] =
    [
      sub("ADDSLOTS", .atLeast(3), changes), sub("ADDSLOTSRANGE", .atLeast(4), changes),
      sub("BUMPEPOCH", .exactly(2), changes),
      sub("COUNT-FAILURE-REPORTS", .exactly(3), [.admin, .stale]),
      sub("COUNTKEYSINSLOT", .exactly(3)), sub("DELSLOTS", .atLeast(3), changes),
      sub("DELSLOTSRANGE", .atLeast(4), changes), sub("FAILOVER", .atLeast(2), changes),
      sub("FLUSHSLOTS", .exactly(2), changes), sub("FORGET", .exactly(3), changes),
      sub("GETKEYSINSLOT", .exactly(4)), sub("HELP", .exactly(2), [.loading, .stale]),
      sub("INFO", .exactly(2)), sub("KEYSLOT", .exactly(3)), sub("LINKS", .exactly(2)),
      sub("MEET", .atLeast(4), changes), sub("MYID", .exactly(2)), sub("NODES", .exactly(2)),
      sub("REPLICAS", .exactly(3), [.admin, .stale]), sub("REPLICATE", .exactly(3), changes),
      sub("RESET", .atLeast(2), [.admin, .noScript, .stale]),
      sub("SAVECONFIG", .exactly(2), changes), sub("SET-CONFIG-EPOCH", .exactly(3), changes),
      sub("SETSLOT", .atLeast(4), changes), sub("SHARDS", .exactly(2)),
      sub("SLAVES", .exactly(3), [.admin, .stale]), sub("SLOTS", .exactly(2)),
    ]

  private static func sub(
    _ name: StaticString, _ arity: Arity, _ flags: CommandFlags = .stale
  ) -> Command {
    Command(
      name, arity: arity, flags: flags, group: .cluster, since: "3.0.0", summary: absent,
      complexity: "O(1)", body: refuse)
  }

  /// Any of them → an error.
  static func refuse(_ c: inout Context) throws(CommandError) {
    throw CommandError("ERR This instance has cluster support disabled")
  }
}
