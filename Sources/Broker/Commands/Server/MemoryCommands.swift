// MemoryCommands.swift: MEMORY: what keys and the server hold.

import RESP

enum MemoryCommands {
  private static func sub(
    _ name: StaticString, arity: Arity = .exactly(2), flags: CommandFlags = [],
    keys: [KeySpec] = [], syntax: StaticString = "", _ summary: StaticString,
    complexity: StaticString = "O(1)", _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: flags, keys: keys, group: .server, since: "4.0.0",
      summary: summary, complexity: complexity, syntax: syntax, body: body)
  }

  static let commands: [Command] = [
    Command(
      "MEMORY", arity: .atLeast(2), flags: [], group: .server, since: "4.0.0",
      summary: "Commands about memory.", complexity: "Depends on the subcommand",
      subcommands: [
        sub("DOCTOR", "Reports on memory in words.", doctor),
        sub("MALLOC-STATS", "Returns the allocator's own figures.", mallocStats),
        sub("PURGE", "Gives free memory back to the system.", purge),
        sub("STATS", "Returns where memory goes.", stats),
        sub(
          "USAGE", arity: .atLeast(3), flags: [.readOnly], keys: [.one(2, [])],
          syntax: "<key> [SAMPLES <count>]",
          "Returns the bytes that a key and its value hold.", complexity: "O(N), N samples", usage),
        Help.command(group: .server, since: "4.0.0"),
      ], body: Help.container)
  ]

  /// `MEMORY USAGE key [SAMPLES count]` → bytes, or null. Memory is counted, so no samples are
  /// needed.
  static func usage(_ c: inout Context) throws(CommandError) {
    var index = 3
    while index < c.arguments.count {
      guard c.arguments[index].matches("samples"), index + 1 < c.arguments.count else {
        throw .syntax
      }
      guard let samples = c.arguments[index + 1].integer else { throw .notAnInteger }
      guard samples >= 0 else { throw .syntax }
      index += 2
    }
    guard let entry = c.peek(c.key(2)) else { return c.reply.null() }
    c.reply.integer(entry.memoryUsage())
  }

  /// `MEMORY STATS` → map.
  static func stats(_ c: inout Context) throws(CommandError) {
    let memory = MemoryFigures(c)
    var fields: [(String, Int)] = [
      ("peak.allocated", memory.peak), ("total.allocated", memory.used),
      ("startup.allocated", MemoryAccount.base), ("replication.backlog", 0), ("clients.slaves", 0),
      ("clients.normal", memory.clients), ("cluster.links", 0), ("aof.buffer", memory.logBuffer),
      ("lua.caches", c.scripts.figures.scriptSize),
      ("functions.caches", c.scripts.figures.librarySize),
    ]
    let databases = (0..<c.databases.count).filter { c.databases[$0].count > 0 }
    c.reply.map(27 + databases.count)
    for (name, value) in fields {
      c.reply.bulk(name)
      c.reply.integer(value)
    }
    for database in databases {
      c.reply.bulk("db.\(database)")
      c.reply.map(3)
      c.reply.bulk("overhead.hashtable.main")
      c.reply.integer(c.databases[database].count * 8)
      c.reply.bulk("overhead.hashtable.expires")
      c.reply.integer(c.databases[database].deadlines.count * 16)
      c.reply.bulk("overhead.hashtable.slot-to-keys")
      c.reply.integer(0)
    }
    fields = [
      ("overhead.total", memory.overhead), ("keys.count", memory.keys),
      ("keys.bytes-per-key", memory.keys == 0 ? 0 : memory.dataset / memory.keys),
      ("dataset.bytes", memory.dataset),
    ]
    for (name, value) in fields {
      c.reply.bulk(name)
      c.reply.integer(value)
    }
    ratio(&c, "dataset.percentage", memory.dataset, 100, of: memory.used)
    ratio(&c, "peak.percentage", memory.used, 100, of: memory.peak)
    for (name, value) in [
      ("allocator.allocated", memory.used), ("allocator.active", memory.used),
      ("allocator.resident", memory.resident),
    ] {
      c.reply.bulk(name)
      c.reply.integer(value)
    }
    for (part, excess) in [
      ("allocator-fragmentation", 0), ("allocator-rss", memory.excess), ("rss-overhead", 0),
    ] {
      ratio(&c, "\(part).ratio", memory.used + excess, of: memory.used)
      c.reply.bulk("\(part).bytes")
      c.reply.integer(excess)
    }
    ratio(&c, "fragmentation", memory.resident, of: memory.used)
    c.reply.bulk("fragmentation.bytes")
    c.reply.integer(memory.excess)
  }

  private static func ratio(
    _ c: inout Context, _ name: String, _ part: Int, _ unit: Double = 1, of whole: Int
  ) {
    c.reply.bulk(name)
    c.reply.double(text: decimal(unit * Double(part) / Double(max(1, whole)), places: 4))
  }

  /// `MEMORY DOCTOR` → a report in words.
  static func doctor(_ c: inout Context) throws(CommandError) {
    let memory = MemoryFigures(c)
    let limit = c.settings.memoryMax
    var text = "\(MemorySize.rounded(memory.used)) of data in \(memory.keys) keys, "
    text += "at most \(MemorySize.rounded(memory.peak)) so far, "
    text += limit > 0 ? "of \(MemorySize.rounded(limit)) allowed.\n" : "without a limit.\n"
    if limit > 0, memory.used > limit / 10 * 9 {
      text += "Memory is nearly full: writes that grow it are about to be refused.\n"
    }
    c.reply.verbatim(text)
  }

  /// `MEMORY MALLOC-STATS` → text.
  static func mallocStats(_ c: inout Context) throws(CommandError) {
    c.reply.bulk("Stats not supported for the current allocator")
  }

  /// `MEMORY PURGE` → OK.
  static func purge(_ c: inout Context) throws(CommandError) { c.reply.ok() }
}

/// What INFO memory and MEMORY STATS say, in bytes.
struct MemoryFigures {
  let used: Int
  let peak: Int
  let keys: Int
  let clients: Int
  let logBuffer: Int
  /// As the system counts it, pages that are free included.
  let resident: Int

  init(_ c: borrowing Context) {
    used = MemoryAccount.used
    peak = max(c.statistics.peakMemory, used)
    var keys = 0
    for index in 0..<c.databases.count { keys += c.databases[index].count }
    self.keys = keys
    var clients = 0
    for slot in 0..<c.sessions.count where c.sessions[slot].flags.contains(.open) {
      clients += c.sessions[slot].outputSize + c.sessions[slot].queryBufferSize
      clients += c.sessions[slot].queryBufferFree + c.sessions[slot].transactionSize
    }
    self.clients = clients
    logBuffer = c.effects.bytes.count
    let host = c.host.information(section: "memory")
    resident = host.first { $0.name == "used_memory_rss" }.flatMap { Int($0.value) } ?? used
  }

  var overhead: Int { min(used, MemoryAccount.base + keys * 8) }
  var dataset: Int { used - overhead }
  var excess: Int { max(0, resident - used) }
}
