// Debugging.swift: DEBUG, for tests and for looking inside. Only where `enable-debug-command` allows.

import RESP

enum Debugging {
  static let commands: [Command] = [
    Command(
      "DEBUG", arity: .atLeast(2), flags: [.admin, .noScript, .loading, .stale, .protected],
      group: .server, since: "1.0.0", summary: "Helps to debug and to test.",
      complexity: "Depends on the subcommand", categories: ["@dangerous"], body: debug)
  ]

  /// `DEBUG subcommand [argument ...]`.
  static func debug(_ c: inout Context) throws(CommandError) {
    guard c.mayDebug else { throw .debugNotAllowed }
    let name = c.arguments[1]
    switch c.arguments.count {
    case 2 where name.matches("help"): help(&c)
    case 2 where name.matches("digest"): digest(&c)
    case 2 where name.matches("jmap"): jmap(&c)
    case 3 where name.matches("sleep"): sleep(&c)
    case 3 where name.matches("object"): try object(&c)
    case 3 where name.matches("error"): c.replyError(CommandError(message: c.arguments[2].array))
    case 3 where name.matches("set-active-expire"):
      c.expiresActively = (c.arguments[2].integer ?? 0) != 0
      c.reply.ok()
    default:
      throw CommandError(
        "ERR unknown subcommand or wrong number of arguments for '", name, "'. Try DEBUG HELP.")
    }
  }

  private static func help(_ c: inout Context) {
    c.reply.help(
      "DEBUG",
      [
        ("DIGEST", "Gives a checksum of all databases that tells nothing of the order of keys."),
        ("ERROR <string>", "Answers with an error of these words."),
        ("JMAP", "Counts the keys and the bytes of each database."),
        ("OBJECT <key>", "Tells how the value of <key> is kept."),
        ("SET-ACTIVE-EXPIRE <0|1>", "Whether keys whose time is up go without being touched."),
        ("SLEEP <seconds>", "Stands still for so long. Decimals allowed."),
        ("HELP", "Prints this help."),
      ])
  }

  /// `DEBUG SLEEP seconds` → OK, once the time is over.
  private static func sleep(_ c: inout Context) {
    let seconds = c.arguments[2].double ?? 0
    c.requests.sleep += Int64(min(max(0, seconds), 1e6) * 1e9)
    c.reply.ok()
  }

  /// `DEBUG OBJECT key` → a line of names and values.
  private static func object(_ c: inout Context) throws(CommandError) {
    guard let entry = c.find(c.key(2), touching: false) else { throw .noSuchKey }
    c.reply.simple(
      "Value at:0x0 refcount:1 encoding:\(entry.encodingName) "
        + "serializedlength:\(entry.memoryUsage()) lru:\(entry.accessed) "
        + "lru_seconds_idle:\(entry.idleSeconds(now: c.wall))")
  }

  /// `DEBUG DIGEST` → 32 hexadecimal digits.
  private static func digest(_ c: inout Context) {
    c.seeEverything()
    c.reply.simple(c.digest().text)
  }

  /// `DEBUG JMAP` → lines, one for each database that has keys.
  private static func jmap(_ c: inout Context) {
    var lines: [String] = []
    for index in 0..<c.databases.count where c.databases[index].count > 0 {
      var bytes = 0, counts = [ValueKind: Int]()
      c.databases[index].table.forEach { entry in
        bytes += entry.memoryUsage()
        counts[entry.kind, default: 0] += 1
      }
      // Strings and lists are always said, other types where there are some.
      let kinds = ValueKind.allCases.filter { $0 == .string || $0 == .list || counts[$0] != nil }
        .map { "\($0.plural.split(separator: " ").joined(separator: "_")):\(counts[$0] ?? 0) " }
      lines.append(
        "db\(index) keys:\(c.databases[index].count) \(kinds.joined())"
          + "expires:\(c.databases[index].deadlines.count) bytes:\(bytes)")
    }
    c.seeEverything()
    c.reply.array(lines.count)
    for line in lines { c.reply.simple(line) }
  }
}

extension Context {
  /// The digest of all databases, keys whose time is up included.
  /// - Complexity: O(bytes held).
  func digest() -> Digest {
    var digest = Digest()
    for index in 0..<databases.count {
      databases[index].table.forEach { digest.add($0, in: index) }
      digest.add(index) { jobs.spaces[index].digest($0, now: jobs.stamp) }
    }
    return digest
  }
}

extension Context {
  /// Whether the settings let this session debug.
  var mayDebug: Bool { isAllowed(settings.debugCommand) }
}

extension CommandError {
  static let debugNotAllowed = CommandError(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can "
      + "run it from a local connection, otherwise you need to set this option in the configuration "
      + "file, and then restart the server.")
}
