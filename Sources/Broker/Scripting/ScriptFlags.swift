// ScriptFlags.swift: what a script or a function says of itself.
//
// A script may say it in a first line `#!lua flags=no-writes,allow-oom`, which the interpreter does
// not see; a function when it is registered. A script without that line is taken as before there
// were flags: it may do anything, and memory is looked at when it first writes.

import RESP

struct ScriptFlags: OptionSet, Sendable {
  let rawValue: UInt8
  static let noWrites = ScriptFlags(rawValue: 1 << 0)
  /// It may run, and write, when memory is full.
  static let allowOOM = ScriptFlags(rawValue: 1 << 1)
  static let allowStale = ScriptFlags(rawValue: 1 << 2)
  static let noCluster = ScriptFlags(rawValue: 1 << 3)
  static let allowCrossSlotKeys = ScriptFlags(rawValue: 1 << 4)

  /// All of them, in the order in which FUNCTION LIST shows them.
  static let named: [(flag: ScriptFlags, name: StaticString)] = [
    (.noWrites, "no-writes"), (.allowOOM, "allow-oom"), (.allowStale, "allow-stale"),
    (.noCluster, "no-cluster"), (.allowCrossSlotKeys, "allow-cross-slot-keys"),
  ]

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init?(name: ByteView) {
    guard let known = Self.named.first(where: { ByteView($0.name) == name }) else { return nil }
    self = known.flag
  }

  var names: [StaticString] { Self.named.filter { contains($0.flag) }.map { $0.name } }

  /// Whether it needs no room: what does not write is not refused when memory is full.
  var needsNoRoom: Bool { !isDisjoint(with: [.noWrites, .allowOOM]) }
}

/// The first line of a script, if it begins with `#!`.
struct Shebang {
  /// Bytes before the line's end, which stays, so that lines are counted as the author counts them.
  let size: Int
  /// The engine and what follows it, cut into words; none when its quotes are unbalanced.
  let words: [[UInt8]]

  /// - Returns: nil when the script has no such line.
  /// - Throws: when the line does not end.
  init?(_ script: ByteView) throws(CommandError) {
    guard script.count >= 2, script[0..<2] == ByteView("#!") else { return nil }
    guard let end = script.firstIndex(of: 0x0A) else {
      throw CommandError("ERR Invalid script shebang")
    }
    size = end
    words = Words.split(script[0..<end]) ?? []
  }

  /// The flags that the line gives to a script of EVAL.
  func flags() throws(CommandError) -> ScriptFlags {
    guard let engine = words.first else {
      throw CommandError("ERR Invalid engine in script shebang")
    }
    guard engine == Array("#!lua".utf8) else {
      throw Self.refusal("Unexpected engine in script shebang: ", engine)
    }
    var flags: ScriptFlags = []
    for word in words.dropFirst() {
      guard word.starts(with: "flags=".utf8) else {
        throw Self.refusal("Unknown lua shebang option: ", word)
      }
      let names = word.dropFirst(6)
      guard !names.isEmpty else { continue }
      for name in names.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        guard let flag = Array(name).withView({ ScriptFlags(name: $0) }) else {
          throw Self.refusal("Unexpected flag in script shebang: ", Array(name))
        }
        flags.formUnion(flag)
      }
    }
    return flags
  }

  private static func refusal(_ reason: String, _ word: [UInt8]) -> CommandError {
    CommandError(message: Array("ERR \(reason)".utf8) + word)
  }
}
