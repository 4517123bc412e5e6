// SampleLog.swift: a log whose states are known frame by frame and block by block, to be damaged.

import RESP

@testable import Broker

/// A stopped log on a disk.
struct SampleLog {
  static let folder = OpenLog.directory

  let disk: SimulatedDisk
  /// What the keys are, as `start` gives them, after so many of `pieces`.
  private(set) var states: [[String: String]] = [[:]]
  /// The blocks of the checkpoint and the frames behind it, in the order of the log.
  private(set) var pieces: [Piece] = []
  /// The last command.
  private(set) var commands = 0

  struct Piece {
    let path: String
    /// Where it lies in the file; `end` is where the next one begins.
    let start: Int, end: Int
  }

  /// - Parameter hasCheckpoint: a checkpoint of four blocks stands for the first commands.
  init(hasCheckpoint: Bool) throws {
    disk = SimulatedDisk()
    var log = try OpenLog(disk)
    if hasCheckpoint {
      for number in 0..<5 { _ = try set(number, &log) }
      states = [[:]]
      pieces = []
      try writeCheckpoint(&log)
    }
    for number in 5..<17 { try set(number, &log) }
    commands = Int(log.writer.written)
    try log.writer.finish()
  }

  private mutating func set(_ number: Int, _ log: inout OpenLog) throws {
    let value = "value\(number)" + String(repeating: "x", count: 280)
    let bytes = request("SET", "key\(number % 4)", value)
    guard try log.write([SampleCommit(bytes: bytes, count: 1)]) == 1 else {
      throw LogError.full(path: Self.folder)
    }
    try log.writer.sync()
    let size = FrameHeader.size + bytes.count
    pieces.append(
      Piece(path: log.writer.file.path, start: log.writer.end - size, end: log.writer.end))
    states.append(states.last!.merging(["key\(number % 4)": value]) { $1 })
  }

  private mutating func writeCheckpoint(_ log: inout OpenLog) throws {
    try log.writer.beginSegment()
    var writer = try CheckpointWriter.begin(
      CheckpointHeader(identity: log.writer.manifest.identity, sequence: log.writer.written),
      in: log.writer.folder)
    let blocks: [([UInt8], [String: String])] = [
      (Self.database(0) + Self.string("key0", "zero"), ["key0": "zero"]),
      (
        Self.string("text", "t", deadline: 4_000_000_000_000) + Self.list("list", count: 4)
          + Self.chunk("ab"), ["text": "t @4000000000000", "list": "a,b,"]
      ),
      (Self.chunk("cd"), ["list": "a,b,c,d,"]),
      (Self.database(3) + Self.string("key3", "three"), ["3/key3": "three"]),
    ]
    for (records, keys) in blocks {
      var body = ByteBuffer()
      body.append(records)
      let start = writer.size
      try writer.append(body.view, records: 1)
      pieces.append(
        Piece(
          path: "\(Self.folder)/\(writer.name)", start: start, end: writer.size))
      states.append(states.last!.merging(keys) { $1 })
    }
    try writer.finish()
    let checkpoint = Manifest.Checkpoint(name: writer.name, sequence: writer.header.sequence)
    for name in try log.writer.adopt(checkpoint, size: writer.size).get() {
      try log.writer.folder.remove(name)
    }
  }

  // MARK: Records

  private static func number<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    RDBBuilder.littleEndian(number)
  }

  private static func database(_ index: Int) -> [UInt8] { [1] + number(UInt32(index)) }

  private static func string(_ key: String, _ value: String, deadline: Int64? = nil) -> [UInt8] {
    [2, deadline == nil ? 0 : 1] + number(UInt32(key.utf8.count)) + number(UInt64(value.utf8.count))
      + (deadline.map { number($0) } ?? []) + Array(key.utf8) + Array(value.utf8)
  }

  private static func list(_ key: String, count: Int) -> [UInt8] {
    [4, 0] + number(UInt32(key.utf8.count)) + number(UInt64(count)) + Array(key.utf8)
  }

  /// A chunk with an element for each letter.
  private static func chunk(_ letters: String) -> [UInt8] {
    let count = letters.utf8.count
    return [5] + number(UInt32(count)) + number(UInt32(1)) + number(UInt32(count))
      + Array(letters.utf8)
  }

  // MARK: Starting

  /// What a server has after a start from `disk`; or why it refuses.
  static func start(_ disk: SimulatedDisk) throws -> [String: String] {
    let recovery = try Recovery(disk: disk, directory: folder, options: .small)
    var engine = Engine(seed: 7, databases: 16, host: FakeHost())
    try loadCheckpoint(recovery, into: &engine)
    let position = try recovery.replay { body, count throws(ReplayError) in
      do throws(Engine.ReplayError) { try engine.replay(body, count: count) } catch {
        throw ReplayError(reason: error.reason)
      }
    }
    _ = LogWriter(position)  // Closes the file.
    var all: [String: String] = [:]
    for database in 0..<16 {
      engine.context.databases[database].table.forEach { entry in
        var value = ""
        switch entry.kind {
        case .string: value = entry.withString { $0.text }
        case .list: entry.list.forEach(in: 0..<entry.list.count) { value += "\($0.text)," }
        default: entry.pieced!.digest(KeyHash(seed: 1)) { value += "\($0)," }
        }
        if let deadline = entry.deadline { value += " @\(deadline)" }
        all[(database == 0 ? "" : "\(database)/") + entry.key.text] = value
      }
    }
    return all
  }
}
