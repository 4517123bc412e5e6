// CommandList.swift: COMMAND: what commands there are, from the table.

import RESP

/// The subcommands of COMMAND.
enum CommandList {
  private static func sub(
    _ name: StaticString, _ arity: Arity, since: StaticString, _ syntax: StaticString,
    _ summary: StaticString, complexity: StaticString, _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: [.loading, .stale], group: .connection, since: since,
      summary: summary, complexity: complexity, syntax: syntax, body: body)
  }

  static let commands: [Command] = [
    Command(
      "COMMAND", arity: .atLeast(1), flags: [.loading, .stale], group: .connection,
      since: "2.8.13", summary: "Describes all commands.", complexity: "O(N), N commands",
      subcommands: [
        sub(
          "COUNT", .exactly(2), since: "2.8.13", "", "Counts the commands.", complexity: "O(1)",
          count),
        sub(
          "DOCS", .atLeast(2), since: "7.0.0", "[<command> ...]", "Documents commands.",
          complexity: "O(N), N commands", docs),
        sub(
          "GETKEYS", .atLeast(4), since: "2.8.13", "<full-command>", "Finds the keys of a request.",
          complexity: "O(N), N words", getKeys),
        sub(
          "GETKEYSANDFLAGS", .atLeast(4), since: "7.0.0", "<full-command>",
          "Finds the keys of a request and what is done with them.", complexity: "O(N), N words",
          getKeysAndFlags),
        sub(
          "INFO", .atLeast(2), since: "2.8.13", "[<command> ...]", "Describes commands.",
          complexity: "O(N), N commands", info),
        sub(
          "LIST", .atLeast(2), since: "7.0.0", "[FILTERBY (MODULE|ACLCAT|PATTERN) <filter>]",
          "Lists the names of commands.", complexity: "O(N), N commands", list),
        Help.command(group: .connection, since: "5.0.0"),
      ], body: all)
  ]

  /// `COMMAND COUNT` → integer.
  static func count(_ c: inout Context) throws(CommandError) {
    c.reply.integer(c.table.topLevel.count)
  }

  /// `COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN filter]` → names, subcommands too.
  static func list(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    var names = c.table.names
    if words.count != 2 {
      guard words.count == 5, words[2].matches("filterby") else { throw .syntax }
      let filter = words[4]
      if words[3].matches("module") {
        names = []
      } else if words[3].matches("aclcat") {
        names = CommandCategories(name: filter).map(c.table.commandNames) ?? []
      } else if words[3].matches("pattern") {
        names = names.filter { Glob.matches(filter, text: $0, ignoringCase: true) }
      } else {
        throw .syntax
      }
    }
    c.reply.array(names.count)
    for name in names { c.reply.bulk(name) }
  }

  // MARK: INFO

  /// `COMMAND` → one array of ten for each command.
  static func all(_ c: inout Context) throws(CommandError) {
    c.reply.array(c.table.topLevel.count)
    for index in c.table.topLevel { describe(&c, index) }
  }

  /// `COMMAND INFO [command ...]` → one array of ten for each, null for what is no command.
  static func info(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count > 2 else { return try all(&c) }
    c.reply.array(c.arguments.count - 2)
    for word in 2..<c.arguments.count {
      if let index = c.table.index(fullName: c.arguments[word]) {
        describe(&c, index)
      } else {
        c.reply.null()
      }
    }
  }

  /// Name, arity, flags, first key, last key, step, categories, tips, key specifications and
  /// subcommands.
  private static func describe(_ c: inout Context, _ index: Int) {
    let command = c.table.commands[index]
    c.reply.array(10)
    c.reply.bulk(c.table.names[index])
    c.reply.integer(command.arity.code)
    simple(&c, CommandFlags.names.filter { command.flags.contains($0.0) }.map { $0.1 })
    let (first, last, step) = command.legacyKeys
    c.reply.integer(first)
    c.reply.integer(last)
    c.reply.integer(step)
    let categories = command.allCategories.memberNames
    c.reply.set(categories.count)
    for category in categories { c.reply.simple("@\(category)") }
    c.reply.set(0)
    c.reply.set(command.keys.count)
    for spec in command.keys { describe(&c, spec) }
    let children = c.table.children[index]
    if children.isEmpty { c.reply.set(0) } else { c.reply.array(children.count) }
    for child in children { describe(&c, child) }
  }

  private static func simple(_ c: inout Context, _ names: [StaticString]) {
    c.reply.set(names.count)
    for name in names { c.reply.simple(name) }
  }

  private static func describe(_ c: inout Context, _ spec: KeySpec) {
    c.reply.map(3)
    c.reply.bulk("flags")
    simple(&c, spec.accessNames)
    switch spec.place {
    case .range(let first, let last, let step):
      place(&c, "begin_search", "index", [("index", first)])
      place(
        &c, "find_keys", "range",
        [("lastkey", last < 0 ? last : last - first), ("keystep", step), ("limit", 0)])
    case .counted(let index):
      place(&c, "begin_search", "index", [("index", index)])
      place(&c, "find_keys", "keynum", [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)])
    case .half(let keyword, let start, _):
      self.keyword(&c, keyword, start)
      place(&c, "find_keys", "range", [("lastkey", -1), ("keystep", 1), ("limit", 2)])
    case .rest(let keyword, _):
      self.keyword(&c, keyword, 1)
      place(&c, "find_keys", "range", [("lastkey", -1), ("keystep", 1), ("limit", 0)])
    case .word(let keyword, let start, _):
      self.keyword(&c, keyword, start)
      place(&c, "find_keys", "range", [("lastkey", 0), ("keystep", 1), ("limit", 0)])
    case .option:
      // An option may stand anywhere: clients are to ask GETKEYS.
      place(&c, "begin_search", "unknown", [])
      place(&c, "find_keys", "unknown", [])
    }
  }

  private static func place(
    _ c: inout Context, _ part: String, _ type: String, _ values: [(String, Int)]
  ) {
    c.reply.bulk(part)
    c.reply.map(2)
    c.reply.bulk("type")
    c.reply.bulk(type)
    c.reply.bulk("spec")
    c.reply.map(values.count)
    for (name, value) in values {
      c.reply.bulk(name)
      c.reply.integer(value)
    }
  }

  private static func keyword(_ c: inout Context, _ keyword: StaticString, _ start: Int) {
    c.reply.bulk("begin_search")
    c.reply.map(2)
    c.reply.bulk("type")
    c.reply.bulk("keyword")
    c.reply.bulk("spec")
    c.reply.map(2)
    c.reply.bulk("keyword")
    c.reply.bulk(ByteView(keyword).text.uppercased())
    c.reply.bulk("startfrom")
    c.reply.integer(start)
  }

  // MARK: DOCS

  /// `COMMAND DOCS [command ...]` → map of name → map; what is no command is left out.
  static func docs(_ c: inout Context) throws(CommandError) {
    var indices = c.table.topLevel
    if c.arguments.count > 2 {
      indices = (2..<c.arguments.count).compactMap { c.table.index(fullName: c.arguments[$0]) }
    }
    c.reply.map(indices.count)
    for index in indices {
      c.reply.bulk(c.table.names[index])
      document(&c, index)
    }
  }

  private static func document(_ c: inout Context, _ index: Int) {
    let command = c.table.commands[index], children = c.table.children[index]
    c.reply.map(children.isEmpty ? 4 : 5)
    c.reply.bulk("summary")
    c.reply.bulk(ByteView(command.summary))
    c.reply.bulk("since")
    c.reply.bulk(ByteView(command.since))
    c.reply.bulk("group")
    c.reply.bulk(command.group.rawValue)
    c.reply.bulk("complexity")
    c.reply.bulk(ByteView(command.complexity))
    guard !children.isEmpty else { return }
    c.reply.bulk("subcommands")
    c.reply.map(children.count)
    for child in children {
      c.reply.bulk(c.table.names[child])
      document(&c, child)
    }
  }

  // MARK: Keys

  /// `COMMAND GETKEYS command [arg ...]` → the keys among the words.
  static func getKeys(_ c: inout Context) throws(CommandError) {
    let found = try keys(&c)
    c.reply.array(found.count)
    for key in found { c.reply.bulk(c.arguments[key.index + 2]) }
  }

  /// `COMMAND GETKEYSANDFLAGS command [arg ...]` → [key, [flag ...]] for each key.
  static func getKeysAndFlags(_ c: inout Context) throws(CommandError) {
    let found = try keys(&c)
    c.reply.array(found.count)
    for key in found {
      c.reply.array(2)
      c.reply.bulk(c.arguments[key.index + 2])
      simple(&c, key.access.names)
    }
  }

  private static func keys(_ c: inout Context) throws(CommandError) -> [KeyReference] {
    let words = c.arguments.dropFirst(2)
    guard let index = c.table.index(of: words) else {
      throw CommandError("ERR Invalid command specified")
    }
    let command = c.table.commands[index]
    guard command.keys.contains(where: { !$0.access.contains(.notKey) }) else {
      throw CommandError("ERR The command has no key arguments")
    }
    guard command.arity.allows(words.count) else {
      throw CommandError("ERR Invalid number of arguments specified for command")
    }
    let (found, isWhole) = command.keys(in: words)
    guard isWhole || command.flags.contains(.noMandatoryKeys) else {
      throw CommandError("ERR Invalid arguments specified for command")
    }
    return isWhole ? found : []
  }
}

/// A key among the words of a request.
struct KeyReference {
  let index: Int
  let access: KeyAccess
}

extension Command {
  /// The keys of a request, in the order of their specifications, and whether it has the form that
  /// all of these need.
  func keys(in words: Arguments) -> (found: [KeyReference], isWhole: Bool) {
    var found: [KeyReference] = []
    var isWhole = true
    for spec in keys where !spec.access.contains(.notKey) {
      let access = spec.access(in: words)
      if !spec.forEachKey(in: words, { found.append(KeyReference(index: $0, access: access)) }) {
        isWhole = false
      }
    }
    return (found, isWhole)
  }

  /// First key, last key and step as clients before key specifications read them; zeros when the
  /// keys do not stand at fixed places.
  fileprivate var legacyKeys: (Int, Int, Int) {
    if keys.count == 1, case .range(let first, let last, let step) = keys[0].place {
      return (first, last, step)
    }
    var first = Int.max, last = 0
    for spec in keys {
      guard case .range(let from, let to, 1) = spec.place, last == 0 || last == from - 1 else {
        continue
      }
      first = min(first, from)
      last = to
    }
    return first == .max ? (0, 0, 0) : (first, last, 1)
  }
}

extension CommandTable {
  /// The command called `get` or `client|list`.
  func index(fullName: ByteView) -> Int? {
    guard let bar = fullName.firstIndex(of: UInt8(ascii: "|")) else { return index(of: fullName) }
    guard let container = index(of: fullName[0..<bar]) else { return nil }
    return subcommand(of: container, fullName[bar + 1..<fullName.count])
  }

  /// The command that a request's words name, its subcommand if it has any.
  func index(of words: Arguments) -> Int? {
    guard words.count > 0, let index = index(of: words[0]) else { return nil }
    guard words.count > 1, !children[index].isEmpty else { return index }
    return subcommand(of: index, words[1])
  }
}

extension Glob {
  static func matches(_ pattern: ByteView, text: String, ignoringCase: Bool = false) -> Bool {
    var text = text
    return text.withUTF8 {
      unsafe matches(pattern, ByteView(UnsafeRawBufferPointer($0)), ignoringCase: ignoringCase)
    }
  }
}
