// CheckpointRig.swift: checkpoints written and read step by step, on one thread.

import RESP

@testable import Broker

/// A checkpoint in the making, block by block, while its engine goes on.
struct CheckpointSteps: ~Copyable {
  private var snapshot: KeyspaceSnapshot
  private var writer: CheckpointWriter
  private var block = SnapshotBlock(sizeWanted: 200)

  /// Begins with what `engine` has now, all of which `log` has written.
  init(_ engine: inout Engine, _ log: inout LogWriter) throws {
    precondition(log.manifest.checkpoint?.sequence != log.written)
    let header = CheckpointHeader(identity: log.manifest.identity, sequence: log.written)
    snapshot = engine.snapshot()
    do {
      try log.beginSegment()
      writer = try CheckpointWriter.begin(header, in: log.folder)
    } catch {
      engine.snapshotEnded()
      throw error
    }
  }

  /// Writes the next block.
  ///
  /// - Returns: false when there was none left.
  mutating func step() throws -> Bool {
    block.removeAll()
    snapshot.fill(&block)
    guard block.records > 0 else { return false }
    try writer.append(block.bytes.view, block.tail, records: block.records)
    return true
  }

  /// Ends the file and has `log` list it.
  consuming func finish(_ log: inout LogWriter) throws {
    try writer.finish()
    let checkpoint = Manifest.Checkpoint(name: writer.name, sequence: writer.header.sequence)
    switch try log.adopt(checkpoint, size: writer.size) {
    case .success(let names): for name in names { try log.folder.remove(name) }
    case .failure(let error): throw error
    }
  }
}

/// Loads the checkpoint of `recovery`, if there is one, into `engine`.
func loadCheckpoint(_ recovery: borrowing Recovery, into engine: inout Engine) throws {
  guard var reader = try recovery.openCheckpoint() else { return }
  var load = SnapshotLoad(), body = ByteBuffer()
  while let block = try reader.next() {
    body.reset(keeping: .max)
    try block.read(into: &body)
    try load.add(try SnapshotParts(body.view, hash: engine.context.keyHash), to: &engine)
  }
  try load.finish(&engine)
}
