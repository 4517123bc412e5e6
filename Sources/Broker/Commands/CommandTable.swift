// CommandTable.swift: finds a command by its name, in any case.
//
// Open addressing over all names, folded to lower case eight bytes at a time. Subcommands have an
// index of their own behind those of the commands, so that statistics and permissions can count them.

import RESP

/// All commands. Immutable once made.
@safe
final class CommandTable: Sendable {
  /// Commands by index, subcommands behind the containers that hold them.
  let commands: [Command]
  /// What dispatch needs of each command, side by side.
  struct Entry: Sendable {
    let arity: Int
    let flags: CommandFlags
    let body: Command.Body
    let isContainer: Bool
    /// Each run is timed; short commands are sampled instead.
    let isTimed: Bool
  }
  let entries: [Entry]
  /// Name as users see it: `get`, `client|list`.
  let names: [String]
  /// Index of the container of a subcommand, else nil.
  let parents: [Int?]
  /// Indices of a container's subcommands.
  let children: [[Int]]
  /// Indices of the commands that are not subcommands.
  let topLevel: [Int]

  private let slots: [Int16]
  private let mask: Int

  var count: Int { commands.count }

  init(families: [[Command]]) {
    var commands: [Command] = [], names: [String] = [], parents: [Int?] = []
    var children: [[Int]] = [], topLevel: [Int] = []
    for command in families.joined() {
      let index = commands.count
      topLevel.append(index)
      commands.append(command)
      names.append(command.name.lowercased)
      parents.append(nil)
      children.append([])
      for sub in command.subcommands {
        children[index].append(commands.count)
        commands.append(sub)
        names.append("\(command.name.lowercased)|\(sub.name.lowercased)")
        parents.append(index)
        children.append([])
      }
    }
    var size = 64
    while size < topLevel.count * 4 { size *= 2 }
    var slots = [Int16](repeating: -1, count: size)
    for index in topLevel {
      var slot = Int(
        truncatingIfNeeded: Self.hash(ByteView(commands[index].name)) & UInt64(size - 1))
      while slots[slot] >= 0 {
        precondition(names[Int(slots[slot])] != names[index], "two commands of one name")
        slot = (slot + 1) & (size - 1)
      }
      slots[slot] = Int16(index)
    }
    self.commands = commands
    self.names = names
    self.parents = parents
    self.children = children
    self.topLevel = topLevel
    self.slots = slots
    mask = size - 1
    entries = commands.map {
      let isShort = $0.flags.contains(.fast) || $0.complexity.lowercased.hasPrefix("o(1)")
      return Entry(
        arity: $0.arity.code, flags: $0.flags, body: $0.body, isContainer: !$0.subcommands.isEmpty,
        isTimed: !isShort)
    }
  }

  /// Folds a name; the case of its letters does not matter.
  @inline(__always)
  private static func hash(_ name: ByteView) -> UInt64 {
    var state: UInt64 = UInt64(truncatingIfNeeded: name.count) &* 0x9E37_79B9_7F4A_7C15
    for index in 0..<name.count {
      state = (state ^ UInt64(name[index] | 0x20)) &* 0x0000_0100_0000_01B3
    }
    return state ^ (state >> 29)
  }

  /// The command called `name`.
  @inline(__always)
  func index(of name: ByteView) -> Int? {
    guard name.count <= 64 else { return nil }
    var slot = Int(truncatingIfNeeded: Self.hash(name)) & mask
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if Self.isSame(name, commands[index].name) { return index }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// The subcommand `name` of the container at `index`.
  func subcommand(of index: Int, _ name: ByteView) -> Int? {
    children[index].first { Self.isSame(name, commands[$0].name) }
  }

  @inline(__always)
  private static func isSame(_ name: ByteView, _ upper: StaticString) -> Bool {
    guard name.count == upper.utf8CodeUnitCount else { return false }
    for index in 0..<name.count {
      var byte = name[index]
      if byte &- 0x61 < 26 { byte &-= 0x20 }
      if unsafe byte != upper.utf8Start[index] { return false }
    }
    return true
  }
}

extension StaticString {
  /// The literal in lower case, as clients are shown names.
  var lowercased: String {
    ByteView(self).text.lowercased()
  }
}
