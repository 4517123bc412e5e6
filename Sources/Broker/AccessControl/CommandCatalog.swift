// CommandCatalog.swift: what access rules ask of the command table, sets of commands, and ways to use keys.

import RESP

/// The groups of commands that rules name with an `@`. Redis' own, in its order, and `queue`.
struct CommandCategories: OptionSet, Sendable, Hashable {
  let rawValue: UInt32
  init(rawValue: UInt32) { self.rawValue = rawValue }

  static let keyspace = CommandCategories(rawValue: 1 << 0)
  static let read = CommandCategories(rawValue: 1 << 1)
  static let write = CommandCategories(rawValue: 1 << 2)
  static let set = CommandCategories(rawValue: 1 << 3)
  static let sortedset = CommandCategories(rawValue: 1 << 4)
  static let list = CommandCategories(rawValue: 1 << 5)
  static let hash = CommandCategories(rawValue: 1 << 6)
  static let string = CommandCategories(rawValue: 1 << 7)
  static let bitmap = CommandCategories(rawValue: 1 << 8)
  static let hyperloglog = CommandCategories(rawValue: 1 << 9)
  static let geo = CommandCategories(rawValue: 1 << 10)
  static let stream = CommandCategories(rawValue: 1 << 11)
  static let pubsub = CommandCategories(rawValue: 1 << 12)
  static let admin = CommandCategories(rawValue: 1 << 13)
  static let fast = CommandCategories(rawValue: 1 << 14)
  static let slow = CommandCategories(rawValue: 1 << 15)
  static let blocking = CommandCategories(rawValue: 1 << 16)
  static let dangerous = CommandCategories(rawValue: 1 << 17)
  static let connection = CommandCategories(rawValue: 1 << 18)
  static let transaction = CommandCategories(rawValue: 1 << 19)
  static let scripting = CommandCategories(rawValue: 1 << 20)
  /// Jobs, leases, retries and dead letters: Martlet's own.
  static let queue = CommandCategories(rawValue: 1 << 21)

  /// Names in the order of ACL CAT; bit n has name n.
  static let names = [
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
    "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous",
    "connection", "transaction", "scripting", "queue",
  ]

  /// The one category of that name, case ignored.
  init?(name: ByteView) {
    let name = name.text.lowercased()
    guard let bit = Self.names.firstIndex(of: name) else { return nil }
    self.init(rawValue: 1 << UInt32(bit))
  }

  /// Names of all categories in it, in their order.
  var memberNames: [String] {
    Self.names.indices.filter { rawValue & 1 << UInt32($0) != 0 }.map { Self.names[$0] }
  }
}

/// The command table as access rules see it: commands and subcommands are numbered from 0.
///
/// It must not change while an `AccessControl` uses it: sets of commands are kept by number.
protocol CommandCatalog: Sendable {
  /// Commands and subcommands together.
  var commandCount: Int { get }
  /// The number of `get` or `config|get`, case ignored.
  func commandIndex(named name: ByteView) -> Int?
  /// The full name in lower case: `config|get`.
  func commandName(at index: Int) -> String
  /// The command of which this is a subcommand.
  func commandParent(at index: Int) -> Int?
  /// A subcommand has its own categories; they are not taken from its parent.
  func commandCategories(at index: Int) -> CommandCategories
  /// Whether it is allowed to everybody, even before AUTH: AUTH, HELLO, QUIT, RESET.
  func commandNeedsNoRights(at index: Int) -> Bool
}

extension CommandCatalog {
  func commandChildren(of index: Int) -> [Int] {
    (0..<commandCount).filter { commandParent(at: $0) == index }
  }

  /// The reply of ACL CAT for `category`: full names in the table's order.
  func commandNames(in category: CommandCategories) -> [String] {
    (0..<commandCount).filter { !commandCategories(at: $0).isDisjoint(with: category) }
      .map { commandName(at: $0) }
  }
}

/// A set of commands by their numbers: one bit each.
struct CommandSet: Equatable, Sendable {
  private var words: [UInt64]

  /// - Parameter count: of the catalog's commands.
  init(count: Int, all: Bool) {
    words = Array(repeating: all ? .max : 0, count: (count + 63) / 64)
  }

  @inline(__always)
  func contains(_ index: Int) -> Bool {
    words[index >> 6] & 1 << UInt64(index & 63) != 0
  }

  mutating func set(_ index: Int, to isMember: Bool) {
    let bit: UInt64 = 1 << UInt64(index & 63)
    if isMember { words[index >> 6] |= bit } else { words[index >> 6] &= ~bit }
  }
}

/// What a command does with a key: for access control `read` and `write`, for COMMAND INFO the rest.
///
/// Neither is for commands that show no value, such as EXISTS and STRLEN: any right to the key will do.
struct KeyAccess: OptionSet, Sendable {
  let rawValue: UInt8
  /// The value, or a part of it, is shown or copied.
  static let read = KeyAccess(rawValue: 1)
  /// The value may change.
  static let write = KeyAccess(rawValue: 2)

  /// Ways to write. Data is added and nothing lost; changed; or taken away.
  static let insert = KeyAccess(rawValue: 2 | 4)
  static let update = KeyAccess(rawValue: 2 | 8)
  static let delete = KeyAccess(rawValue: 2 | 16)
  /// The whole value goes: another takes its place, or none.
  static let overwrite = KeyAccess(rawValue: 2 | 32)
  static let remove = KeyAccess(rawValue: 2 | 64)
  /// No key: it stands where a cluster's clients look for one.
  static let notKey = KeyAccess(rawValue: 128)

  /// As COMMAND INFO lists it.
  var names: [StaticString] {
    guard !contains(.notKey) else { return ["not_key"] }
    var names: [StaticString] = []
    if isSuperset(of: .overwrite) {
      names.append("OW")
    } else if isSuperset(of: .remove) {
      names.append("RM")
    } else {
      names.append(contains(.write) ? "RW" : "RO")
    }
    if contains(.read) { names.append("access") }
    let isPlainWrite = contains(.write) && rawValue & (4 | 8 | 16) == 0
    if isSuperset(of: .update) || isPlainWrite { names.append("update") }
    if isSuperset(of: .insert) { names.append("insert") }
    if isSuperset(of: .delete) { names.append("delete") }
    return names
  }
}
