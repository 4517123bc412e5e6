// LogRig.swift: commits to write, and logs to write them to, as tests of the log need them.

import RESP

@testable import Broker

/// A commit as the engine would submit it.
struct SampleCommit: Equatable {
  var bytes: [UInt8]
  var count: Int

  /// `count` commands that say which they are, of about `size` bytes each.
  init(number: Int, count: Int, size: Int) {
    var text = ""
    for index in 0..<count {
      let value = "\(number).\(index)." + String(repeating: "x", count: size)
      text += "*3\r\n$5\r\nRPUSH\r\n$1\r\nq\r\n$\(value.utf8.count)\r\n\(value)\r\n"
    }
    bytes = Array(text.utf8)
    self.count = count
  }

  init(bytes: [UInt8], count: Int) {
    self.bytes = bytes
    self.count = count
  }
}

/// A writer with what was replayed before it.
struct OpenLog: ~Copyable {
  static let directory = "/var/lib/data"

  var writer: LogWriter
  let replayed: [SampleCommit]
  let notes: [String]

  /// Opens the log of `disk`, with segments that are full after a few commits.
  init(_ disk: SimulatedDisk, options: LogOptions = .small) throws(LogError) {
    let recovery = try Recovery(disk: disk, directory: Self.directory, options: options)
    var replayed: [SampleCommit] = []
    let position = try recovery.replay { body, count in
      replayed.append(SampleCommit(bytes: body.array, count: count))
    }
    self.replayed = replayed
    notes = position.notes
    writer = LogWriter(position)
  }

  /// Writes `commits` at once.
  ///
  /// - Returns: how many were written.
  mutating func write(_ commits: [SampleCommit]) throws(LogError) -> Int {
    var bodies = ByteBuffer(), offsets: [Int] = []
    for commit in commits {
      offsets.append(bodies.count)
      bodies.append(commit.bytes)
    }
    for (commit, offset) in zip(commits, offsets) {
      writer.stage(bodies.view(at: offset, size: commit.bytes.count), count: commit.count)
    }
    return try writer.write()
  }
}

extension LogOptions {
  static var small: LogOptions {
    var options = LogOptions(identity: 0x0123_4567_89AB_CDEF, processID: 4711)
    options.segmentSize = 1500
    options.reserveStep = 1024
    options.zeroStep = 1024
    return options
  }
}
