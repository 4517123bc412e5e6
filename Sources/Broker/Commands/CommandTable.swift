// CommandTable.swift: finds a command by its name, in any case.
//
// Open addressing over all names, which are read and folded to lower case eight bytes at a time. Subcommands
// have an index of their own behind those of the commands, so that statistics and permissions can count them.

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

  /// A place of the hash table; free ones have index -1.
  private struct Slot {
    var name = FoldedName(ByteView())
    var index: Int32 = -1
    /// Not every name that folds to the same words is this one.
    var needsLook = false
  }

  private let slots: [Slot]
  /// Bits of a hash that are not looked at.
  private let shift: UInt64

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
    var bits: UInt64 = 6
    while 1 << bits < topLevel.count * 4 { bits += 1 }
    var slots = [Slot](repeating: Slot(), count: 1 << bits)
    for index in topLevel {
      let name = FoldedName(ByteView(commands[index].name))
      var slot = Int(name.hash >> (64 - bits))
      while slots[slot].index >= 0 {
        precondition(names[Int(slots[slot].index)] != names[index], "two commands of one name")
        slot = (slot + 1) & (slots.count - 1)
      }
      let isExact = name.count <= 16 && names[index].utf8.allSatisfy { $0 &- 0x61 < 26 }
      slots[slot] = Slot(name: name, index: Int32(index), needsLook: !isExact)
    }
    self.commands = commands
    self.names = names
    self.parents = parents
    self.children = children
    self.topLevel = topLevel
    self.slots = slots
    shift = 64 - bits
    entries = commands.map {
      let isShort = $0.flags.contains(.fast) || $0.complexity.lowercased.hasPrefix("o(1)")
      return Entry(
        arity: $0.arity.code, flags: $0.flags, body: $0.body, isContainer: !$0.subcommands.isEmpty,
        isTimed: !isShort)
    }
  }

  /// The command called `name`.
  @inline(__always)
  func index(of name: ByteView) -> Int? {
    let folded = FoldedName(name)
    var slot = Int(truncatingIfNeeded: folded.hash >> shift)
    while slots[slot].index >= 0 {
      let index = Int(slots[slot].index)
      if slots[slot].name == folded,
        !slots[slot].needsLook || Self.isSame(name, commands[index].name)
      {
        return index
      }
      slot = (slot + 1) & (slots.count - 1)
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

/// A name in two words, the same for every case of its letters.
///
/// Of two names of one size of up to 16 bytes, those made of letters alone have the same words only if they
/// are the same but for case: bit 5 is all that is lost, and of other bytes it tells some apart.
@safe
private struct FoldedName: Equatable {
  let head: UInt64
  let tail: UInt64
  let count: Int

  /// Reads the first and the last bytes, which overlap in most names.
  @inline(__always)
  init(_ name: ByteView) {
    let lowerCase: UInt64 = 0x2020_2020_2020_2020
    let start = unsafe name.start
    count = name.count
    switch count {
    case 8...:
      head = unsafe start.loadUnaligned(as: UInt64.self) | lowerCase
      tail =
        unsafe start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self) | lowerCase
    case 4..<8:
      let first = unsafe start.loadUnaligned(as: UInt32.self)
      let last = unsafe start.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
      head = UInt64(first) | UInt64(last) &<< 32 | lowerCase
      tail = 0
    case 1..<4:
      let bytes = UInt64(name[0]) | UInt64(name[count / 2]) &<< 8 | UInt64(name[count - 1]) &<< 16
      head = bytes | lowerCase
      tail = 0
    default:
      head = 0
      tail = 0
    }
  }

  /// Its highest bits are the best.
  @inline(__always)
  var hash: UInt64 {
    let mixed = (head ^ tail &>> 7) &* 0x9E37_79B9_7F4A_7C15
    return (mixed ^ mixed &>> 29 ^ tail ^ UInt64(truncatingIfNeeded: count))
      &* 0xBF58_476D_1CE4_E5B9
  }
}

extension StaticString {
  /// The literal in lower case, as clients are shown names.
  var lowercased: String {
    ByteView(self).text.lowercased()
  }
}
