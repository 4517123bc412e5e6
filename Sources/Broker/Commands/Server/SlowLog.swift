// SlowLog.swift: the commands that took long, and SLOWLOG.

import RESP

/// The newest of the slow commands, at most as many as `slowlog-max-len`.
struct SlowLog {
  struct Entry {
    let id: Int
    /// When it ended, seconds since 1970.
    let seconds: Int64
    let microseconds: Int64
    let words: [[UInt8]]
    let address: String
    let name: [UInt8]
  }
  static let wordCountMax = 32
  static let wordSizeMax = 128

  private var entries: [Entry] = []
  /// Entries before this one have been dropped; they are taken out in bulk.
  private var first = 0
  private var nextID = 0

  var count: Int { entries.count - first }

  /// The newest `limit` entries, newest first.
  func newest(_ limit: Int) -> [Entry] { entries[first...].suffix(limit).reversed() }

  mutating func add(
    _ words: [[UInt8]], microseconds: Int64, seconds: Int64, address: String, name: [UInt8],
    countMax: Int
  ) {
    entries.append(
      Entry(
        id: nextID, seconds: seconds, microseconds: microseconds, words: words, address: address,
        name: name))
    nextID += 1
    trim(to: countMax)
  }

  mutating func trim(to countMax: Int) {
    if count > countMax { first = entries.count - countMax }
    guard first > entries.count / 2 else { return }
    entries.removeSubrange(..<first)
    first = 0
  }

  mutating func reset() {
    entries = []
    first = 0
  }
}

enum SlowLogCommands {
  private static let admin: CommandFlags = [.admin, .loading, .stale]

  static let commands: [Command] = [
    Command(
      "SLOWLOG", arity: .atLeast(2), flags: [], group: .server, since: "2.2.12",
      summary: "Commands about the log of slow commands.", complexity: "Depends on the subcommand",
      subcommands: [
        Command(
          "GET", arity: .atLeast(2), flags: admin, group: .server, since: "2.2.12",
          summary: "Returns the newest entries (default: 10, -1 for all).",
          complexity: "O(N), N entries returned", syntax: "[<count>]", body: get),
        Command(
          "LEN", arity: .exactly(2), flags: admin, group: .server, since: "2.2.12",
          summary: "Counts the entries.", complexity: "O(1)", body: count),
        Command(
          "RESET", arity: .exactly(2), flags: admin, group: .server, since: "2.2.12",
          summary: "Drops all entries.", complexity: "O(N), N entries", body: reset),
        Help.command(group: .server, since: "6.2.0"),
      ], body: Help.container)
  ]

  /// `SLOWLOG GET [count]` → [id, seconds, microseconds, [word ...], address, name] each, newest
  /// first.
  static func get(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .wrongSubcommand(c) }
    var limit = 10
    if c.arguments.count == 3 {
      guard let count = c.arguments[2].integer, count >= -1 else {
        throw CommandError("ERR count should be greater than or equal to -1")
      }
      limit = count == -1 ? c.slowLog.count : Int(count)
    }
    let entries = c.slowLog.newest(limit)
    c.reply.array(entries.count)
    for entry in entries {
      c.reply.array(6)
      c.reply.integer(entry.id)
      c.reply.integer(entry.seconds)
      c.reply.integer(entry.microseconds)
      c.reply.array(entry.words.count)
      for word in entry.words { c.reply.bulk(word) }
      c.reply.bulk(entry.address)
      c.reply.bulk(entry.name)
    }
  }

  /// `SLOWLOG LEN` → integer.
  static func count(_ c: inout Context) throws(CommandError) { c.reply.integer(c.slowLog.count) }

  /// `SLOWLOG RESET` → OK.
  static func reset(_ c: inout Context) throws(CommandError) {
    c.slowLog.reset()
    c.reply.ok()
  }
}

extension Context {
  /// Notes how long the command of `arguments` took: statistics, slow log and latency monitor.
  mutating func noteDuration(
    _ nanoseconds: Int64, of index: Int, _ entry: CommandTable.Entry, calls: Int
  ) {
    statistics.perCommand[index].nanoseconds += nanoseconds * Int64(calls)
    if settings.tracksLatency { statistics.noteDuration(nanoseconds, of: index, calls: calls) }
    let threshold = settings.slowLogThreshold
    if threshold >= 0, nanoseconds / 1000 >= Int64(threshold) { noteSlow(nanoseconds, entry) }
    noteEvent(entry.flags.contains(.fast) ? "fast-command" : "command", nanoseconds: nanoseconds)
  }

  private mutating func noteSlow(_ nanoseconds: Int64, _ entry: CommandTable.Entry) {
    guard !isLoading, !entry.flags.contains(.skipSlowlog) else { return }
    guard !sessions[slot].flags.contains(.blocked) else { return }
    slowLog.add(
      shortened(), microseconds: nanoseconds / 1000, seconds: wall / 1000,
      address: sessions[slot].address, name: sessions[slot].name,
      countMax: settings.slowLogCountMax)
  }

  /// The words of the request, as many and as much of them as the slow log keeps.
  private func shortened() -> [[UInt8]] {
    let shown = min(arguments.count, SlowLog.wordCountMax)
    var words: [[UInt8]] = []
    for index in 0..<shown {
      let word = arguments[index]
      if shown < arguments.count, index == shown - 1 {
        words.append(Array("... (\(arguments.count - shown + 1) more arguments)".utf8))
      } else if redacted.contains(index) {
        words.append(Array("(redacted)".utf8))
      } else if word.count > SlowLog.wordSizeMax {
        let rest = word.count - SlowLog.wordSizeMax
        words.append(word[0..<SlowLog.wordSizeMax].array + Array("... (\(rest) more bytes)".utf8))
      } else {
        words.append(word.array)
      }
    }
    return words
  }

  /// Takes the timing that the settings ask for: all commands are timed when short ones could be
  /// slow by them.
  mutating func setTiming() {
    let slow = settings.slowLogThreshold
    let timesAll = (slow >= 0 && slow <= 1000) || settings.latencyThreshold > 0
    timingMask = timesAll ? 0 : 15
    slowLog.trim(to: settings.slowLogCountMax)
  }
}
