// ImportRig.swift: imports on a simulated disk, and what a server finds afterwards.

import RESP

@testable import Broker

enum ImportRig {
  static let file = "/dump"
  static let folder = "/data"
  /// When imports happen, in ms since 1970.
  static let wall: Int64 = 1_700_000_000_000

  static func disk(_ file: [UInt8]) -> SimulatedDisk {
    let disk = SimulatedDisk()
    disk[self.file] = file
    return disk
  }

  @discardableResult
  static func run(
    _ disk: SimulatedDisk, _ source: String = file, skipsUnknown: Bool = false
  ) throws(ImportError) -> ImportSummary {
    try importData(
      disk,
      ImportJob(
        source: source, directory: folder, skipsUnknown: skipsUnknown, wall: wall, seed: 1,
        log: .small))
  }

  /// Imports `file` and gives what a server then finds.
  static func imported(_ file: [UInt8], skipsUnknown: Bool = false) throws -> [String: Value] {
    let disk = disk(file)
    try run(disk, skipsUnknown: skipsUnknown)
    return try values(disk)
  }

  /// The line of the error that an import of `file` ends with.
  static func refusal(_ file: [UInt8]) -> String {
    do { return "\(try run(disk(file)))" } catch { return "\(error)" }
  }

  /// What is under a key.
  struct Value: Equatable {
    var kind = ValueKind.string
    /// The elements of a list, the members of a set, those of a sorted
    /// set with their scores, or the fields of a hash, each with its value and
    /// its deadline, in the order of their bytes; or the one string.
    var elements: [[UInt8]] = []
    var deadline: Int64?

    static func string(_ text: String, deadline: Int64? = nil) -> Value {
      Value(elements: [Array(text.utf8)], deadline: deadline)
    }

    static func list(_ elements: [String]) -> Value {
      Value(kind: .list, elements: elements.map { Array($0.utf8) })
    }

    static func set(_ members: [String]) -> Value {
      Value(kind: .set, elements: members.sorted().map { Array($0.utf8) })
    }

    /// Fields as `name=value`, behind those with a deadline `@` and that.
    static func hash(_ fields: [String]) -> Value {
      Value(kind: .hash, elements: fields.sorted().map { Array($0.utf8) })
    }

    /// Members and scores in turn, in order.
    static func sortedSet(_ elements: [String]) -> Value {
      Value(kind: .sortedSet, elements: elements.map { Array($0.utf8) })
    }
  }

  /// A server that has read the folder.
  static func server(_ disk: SimulatedDisk) throws -> EngineHarness {
    var harness = EngineHarness()
    harness.engine.context.wall = wall
    let recovery = try Recovery(disk: disk, directory: folder, options: .small)
    let position = try recovery.replay { body, count throws(ReplayError) in
      do throws(Engine.ReplayError) { try harness.engine.replay(body, count: count) } catch {
        throw ReplayError(reason: error.reason)
      }
    }
    let writer = LogWriter(position)  // Closes the file.
    _ = consume writer
    harness.checkInvariants()
    return harness
  }

  /// All keys that a server finds in the folder; those of other databases as `3/key`. Streams are left
  /// out.
  static func values(_ disk: SimulatedDisk) throws -> [String: Value] {
    var harness = try server(disk)
    let client = harness.client()
    var values: [String: Value] = [:]
    for database in 0..<16 {
      _ = harness.send(client, "SELECT \(database)")
      for key in bulks(harness.sendForBytes(client, [Array("KEYS".utf8), [0x2A]])) {
        let words = { (name: String) in [Array(name.utf8), key] }
        if harness.send(client, words("TYPE")) == "+stream\r\n" { continue }
        var value = Value()
        let type = harness.send(client, words("TYPE"))
        value.kind = ValueKind.allCases.first { type == "+\($0.name)\r\n" } ?? .string
        switch value.kind {
        case .list:
          let range = words("LRANGE") + [Array("0".utf8), Array("-1".utf8)]
          value.elements = bulks(harness.sendForBytes(client, range))
        case .set:
          value.elements = bulks(harness.sendForBytes(client, words("SMEMBERS")))
            .sorted { $0.lexicographicallyPrecedes($1) }
        case .hash: value.elements = fields(&harness, client, key)
        case .sortedSet:
          let range = words("ZRANGE") + ["0", "-1", "WITHSCORES"].map { Array($0.utf8) }
          value.elements = bulks(harness.sendForBytes(client, range))
        default:
          value.elements = bulks(Array("*1\r\n".utf8) + harness.sendForBytes(client, words("GET")))
        }
        let deadline = harness.send(client, words("PEXPIRETIME")).dropFirst().prefix {
          $0 != "\r\n"
        }
        value.deadline = deadline == "-1" ? nil : Int64(deadline)
        let name = String(decoding: key, as: UTF8.self)
        values[database == 0 ? name : "\(database)/\(name)"] = value
      }
    }
    return values
  }

  private static func fields(
    _ harness: inout EngineHarness, _ client: Int, _ key: [UInt8]
  ) -> [[UInt8]] {
    let pairs = bulks(harness.sendForBytes(client, [Array("HGETALL".utf8), key]))
    let fields = stride(from: 0, to: pairs.count, by: 2).map { index -> [UInt8] in
      let words = ["HPEXPIRETIME", "", "FIELDS", "1"].map { $0.isEmpty ? key : Array($0.utf8) }
      let reply = harness.send(client, words + [pairs[index]]).dropFirst(4).prefix { $0 != "\r\n" }
      let deadline = reply == "-1" ? "" : "@\(reply)"
      return pairs[index] + [0x3D] + pairs[index + 1] + Array(deadline.utf8)
    }
    return fields.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The strings of a reply that is an array of them: requests look the same.
  private static func bulks(_ reply: [UInt8]) -> [[UInt8]] {
    var bytes = ByteBuffer(), parser = RequestParser()
    bytes.append(reply)
    guard case .request = try? parser.parse(bytes.view, limits: RequestLimits()) else { return [] }
    let words = unsafe Arguments(bytes.view, parser.arguments)
    return (0..<words.count).map { words[$0].array }
  }
}

/// A command in RESP.
func request(_ words: String...) -> [UInt8] {
  Array(words.reduce("*\(words.count)\r\n") { $0 + "$\($1.utf8.count)\r\n\($1)\r\n" }.utf8)
}
