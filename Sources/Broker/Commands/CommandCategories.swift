// CommandCategories.swift: the table as access control sees it.
//
// The categories of a command follow from its flags and its group; only what does not follow stands
// in its entry.

import RESP

extension CommandTable: CommandCatalog {
  var commandCount: Int { count }
  func commandIndex(named name: ByteView) -> Int? { index(fullName: name) }
  func commandName(at index: Int) -> String { names[index] }
  func commandParent(at index: Int) -> Int? { parents[index] }
  func commandCategories(at index: Int) -> CommandCategories { commands[index].allCategories }
  func commandNeedsNoRights(at index: Int) -> Bool { commands[index].flags.contains(.noAuth) }
}

extension Command {
  /// All categories of the command.
  var allCategories: CommandCategories {
    var found: CommandCategories = []
    for name in categories {
      let name = ByteView(name)
      if let category = CommandCategories(name: name[1..<name.count]) { found.formUnion(category) }
    }
    // A container does nothing itself, unless it can be called without a subcommand. A generic
    // command that names another family, such as SORT, is of that one alone.
    let isBare = !subcommands.isEmpty && !arity.allows(1)
    if !isBare {
      let family = group.category
      if family != .keyspace || found.isDisjoint(with: .families) { found.formUnion(family) }
    }
    if flags.contains(.write) { found.formUnion(.write) }
    if flags.contains(.readOnly), !found.contains(.scripting) { found.formUnion(.read) }
    if flags.contains(.admin) { found.formUnion([.admin, .dangerous]) }
    if flags.contains(.pubsub) { found.formUnion(.pubsub) }
    if flags.contains(.blocking) { found.formUnion(.blocking) }
    found.formUnion(flags.contains(.fast) ? .fast : .slow)
    return found
  }
}

extension CommandCategories {
  fileprivate static let families: CommandCategories = [
    .set, .sortedset, .list, .hash, .string, .stream, .connection, .scripting,
  ]
}

extension CommandGroup {
  fileprivate var category: CommandCategories {
    switch self {
    case .generic: .keyspace
    case .string: .string
    case .list: .list
    case .transactions: .transaction
    case .connection: .connection
    case .hash: .hash
    case .set: .set
    case .sortedSet: .sortedset
    case .stream: .stream
    case .scripting: .scripting
    case .bitmap: .bitmap
    case .hyperloglog: .hyperloglog
    case .geo: .geo
    case .queue: .queue
    case .server, .pubsub, .cluster: []
    }
  }
}
