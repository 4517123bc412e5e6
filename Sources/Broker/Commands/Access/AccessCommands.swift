// AccessCommands.swift: ACL: users and what they may, as commands.

import RESP

enum AccessCommands {
  private static let plain: CommandFlags = [.noScript, .loading, .stale]
  private static let admin: CommandFlags = [.admin, .noScript, .loading, .stale]

  private static func sub(
    _ name: StaticString, _ arity: Arity, _ flags: CommandFlags, since: StaticString = "6.0.0",
    syntax: StaticString = "", _ summary: StaticString, complexity: StaticString = "O(1)",
    _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: flags, group: .server, since: since, summary: summary,
      complexity: complexity, syntax: syntax, body: body)
  }

  static let commands: [Command] = [
    Command(
      "ACL", arity: .atLeast(2), flags: [], group: .server, since: "6.0.0",
      summary: "Commands about users and their rights.", complexity: "Depends on the subcommand",
      subcommands: [
        sub(
          "CAT", .atLeast(2), plain, syntax: "[<category>]",
          "Lists the categories, or the commands of one.", complexity: "O(N), N commands",
          categories),
        sub(
          "DELUSER", .atLeast(3), admin, syntax: "<username> [<username> ...]",
          "Deletes users and closes their connections.", complexity: "O(N), N clients", delete),
        sub(
          "DRYRUN", .atLeast(4), admin, since: "7.0.0", syntax: "<username> <command> [<arg> ...]",
          "Says whether a user could run a command.", complexity: "O(N), N patterns", dryRun),
        sub(
          "GENPASS", .atLeast(2), plain, syntax: "[<bits>]",
          "Makes a password that nobody guesses (default: 256 bits).", makePassword),
        sub(
          "GETUSER", .exactly(3), admin, syntax: "<username>", "Returns a user's rules.",
          complexity: "O(N), N rules", get),
        sub(
          "LIST", .exactly(2), admin, "Returns all users as lines of a file.",
          complexity: "O(N), N users", list),
        sub(
          "LOAD", .exactly(2), admin, "Reads the file of users anew.",
          complexity: "O(N), N users", load),
        sub(
          "LOG", .atLeast(2), admin, syntax: "[<count> | RESET]",
          "Returns who was refused what, newest first (default: 10).",
          complexity: "O(N), N entries", log),
        sub(
          "SAVE", .exactly(2), admin, "Writes the file of users.", complexity: "O(N), N users",
          save),
        sub(
          "SETUSER", .atLeast(3), admin, syntax: "<username> [<rule> ...]",
          "Makes or changes a user.", complexity: "O(N), N rules", set),
        sub(
          "USERS", .exactly(2), admin, "Returns the names of all users.",
          complexity: "O(N), N users", users),
        sub("WHOAMI", .exactly(2), plain, "Returns the name of this connection's user.", whoAmI),
        Help.command(group: .server, since: "6.0.0"),
      ], body: Help.container)
  ]

  private static func refused(_ error: AccessError) -> CommandError { CommandError(error.reply) }

  // MARK: Users

  /// `ACL SETUSER name [rule ...]` → OK, or an error and nothing changed.
  static func set(_ c: inout Context) throws(CommandError) {
    c.redact(2..<c.arguments.count)
    let rules = (3..<max(3, c.arguments.count)).map { c.arguments[$0] }
    do {
      c.take(try c.access.setUser(c.arguments[2], rules))
    } catch {
      throw refused(error)
    }
    c.reply.ok()
  }

  /// `ACL DELUSER name [name ...]` → how many were deleted.
  static func delete(_ c: inout Context) throws(CommandError) {
    let names = (2..<c.arguments.count).map { c.arguments[$0] }
    do {
      let change = try c.access.deleteUsers(names)
      c.take(change)
      c.reply.integer(change.gone.count)
    } catch {
      throw refused(error)
    }
  }

  /// `ACL GETUSER name` → map: flags, passwords, commands, keys, channels, selectors; or null.
  static func get(_ c: inout Context) throws(CommandError) {
    guard let id = c.access.id(of: c.arguments[2]), let user = c.access[id] else {
      return c.reply.null()
    }
    c.reply.map(6)
    c.reply.bulk("flags")
    c.reply.set(user.flags.count)
    for flag in user.flags { c.reply.bulk(flag) }
    c.reply.bulk("passwords")
    c.reply.array(user.passwords.count)
    for password in user.passwords { c.reply.bulk(password) }
    describe(&c, user.root)
    c.reply.bulk("selectors")
    c.reply.array(user.selectors.count)
    for selector in user.selectors {
      c.reply.map(3)
      describe(&c, selector)
    }
  }

  private static func describe(_ c: inout Context, _ selector: Selector) {
    c.reply.bulk("commands")
    c.reply.bulk(selector.commandsText)
    c.reply.bulk("keys")
    c.reply.bulk(selector.keysText)
    c.reply.bulk("channels")
    c.reply.bulk(selector.channelsText)
  }

  /// `ACL LIST` → a line for each user, by name.
  static func list(_ c: inout Context) throws(CommandError) {
    let users = c.access.users
    c.reply.array(users.count)
    for user in users { c.reply.bulk(user.line) }
  }

  /// `ACL USERS` → names.
  static func users(_ c: inout Context) throws(CommandError) {
    let users = c.access.users
    c.reply.array(users.count)
    for user in users { c.reply.bulk(user.name) }
  }

  /// `ACL WHOAMI` → name.
  static func whoAmI(_ c: inout Context) throws(CommandError) {
    c.reply.bulk(c.access[c.sessions[c.slot].user]?.name ?? [])
  }

  // MARK: Rights

  /// `ACL CAT [category]` → names of categories, or of the category's commands.
  static func categories(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .wrongSubcommand(c) }
    var names = CommandCategories.names
    if c.arguments.count == 3 {
      guard let category = CommandCategories(name: c.arguments[2]) else {
        throw CommandError("ERR Unknown category '", c.arguments[2], "'")
      }
      names = c.table.commandNames(in: category)
    }
    c.reply.array(names.count)
    for name in names { c.reply.bulk(name) }
  }

  /// `ACL DRYRUN name command [arg ...]` → OK, or the reason as text.
  static func dryRun(_ c: inout Context) throws(CommandError) {
    guard let id = c.access.id(of: c.arguments[2]) else {
      throw CommandError("ERR User '", c.arguments[2], "' not found")
    }
    let words = c.arguments.dropFirst(3)
    guard let index = c.table.index(of: words) else {
      throw CommandError("ERR Command '", words[0], "' not found")
    }
    guard c.table.commands[index].arity.allows(words.count) else {
      throw .wrongArity(c.table.names[index])
    }
    guard let denial = c.denial(of: id, index, words) else { return c.reply.ok() }
    let position: Int
    switch denial {
    case .command: position = 0
    case .key(let place), .channel(let place): position = place
    }
    c.reply.bulk(
      denial.dryRunText(command: c.table.names[index], argument: words[position]))
  }

  /// `ACL GENPASS [bits]` → hexadecimal digits.
  static func makePassword(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .wrongSubcommand(c) }
    var bits = 256
    if c.arguments.count == 3 {
      guard let number = c.arguments[2].integer else { throw .notAnInteger }
      bits = Int(number)
    }
    var random = HostRandom(host: c.host)
    guard let password = AccessControl.password(bits: bits, &random) else {
      throw CommandError(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
          + "number up to 4096")
    }
    c.reply.bulk(password)
  }

  /// The engine's own random is of a known seed, which is no good for a password.
  private struct HostRandom: RandomNumberGenerator {
    let host: any Host
    mutating func next() -> UInt64 { host.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
  }

  /// `ACL LOG [count | RESET]` → a map for each refusal, newest first; OK for RESET.
  static func log(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 3 else { throw .wrongSubcommand(c) }
    var limit = 10
    if c.arguments.count == 3 {
      if c.arguments[2].matches("reset") {
        c.accessLog.reset()
        return c.reply.ok()
      }
      guard let count = c.arguments[2].integer else { throw .notAnInteger }
      limit = Int(max(0, count))
    }
    let entries = c.accessLog.entries.prefix(limit)
    c.reply.array(entries.count)
    for entry in entries {
      c.reply.map(10)
      c.reply.bulk("count")
      c.reply.integer(entry.count)
      c.reply.bulk("reason")
      c.reply.bulk(entry.reason.rawValue)
      c.reply.bulk("context")
      c.reply.bulk(entry.context.rawValue)
      c.reply.bulk("object")
      c.reply.bulk(entry.object)
      c.reply.bulk("username")
      c.reply.bulk(entry.user)
      c.reply.bulk("age-seconds")
      c.reply.double(text: decimal(entry.age(at: c.wall), places: 3))
      c.reply.bulk("client-info")
      c.reply.bulk(entry.client)
      c.reply.bulk("entry-id")
      c.reply.integer(entry.id)
      c.reply.bulk("timestamp-created")
      c.reply.integer(entry.created)
      c.reply.bulk("timestamp-last-updated")
      c.reply.integer(entry.updated)
    }
  }

  // MARK: The file

  /// `ACL LOAD` → OK, or an error and nothing changed.
  static func load(_ c: inout Context) throws(CommandError) {
    try needFile(c)
    do {
      try c.loadUsers()
    } catch {
      throw refused(error)
    }
    c.reply.ok()
  }

  /// `ACL SAVE` → OK.
  static func save(_ c: inout Context) throws(CommandError) {
    try needFile(c)
    guard c.host.writeUsers(c.access.fileText, path: c.settings.aclFile) else {
      throw CommandError(
        "ERR There was an error trying to save the ACLs. Please check the server logs for more "
          + "information")
    }
    c.reply.ok()
  }

  private static func needFile(_ c: borrowing Context) throws(CommandError) {
    guard c.settings.aclFile.isEmpty else { return }
    throw CommandError(
      "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
        + "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
        + "configuration file set) in order to store users in the Redis configuration.")
  }
}
