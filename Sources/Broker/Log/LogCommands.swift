// LogCommands.swift: a log read as commands: those that make its data, in order.
//
// First those for the keys of the checkpoint, then those of the frames behind it, all in batches
// that are as the body of a frame: each begins in database 0. So export and repair believe what
// recovery believes, and no more.

import RESP

/// Turns the blocks of a checkpoint, whose records the log does not know, into commands.
protocol BlockCommands {
  /// Goes on with the next block, which stays as it is until the one after it.
  mutating func begin(_ block: ByteView)
  /// Appends the next commands, about a megabyte of them, to `body`, which is empty.
  ///
  /// - Returns: how many; none at the end of the block.
  mutating func next(into body: inout ByteBuffer) throws(BlockFlaw) -> Int
  /// Appends what must not be left out when no block follows.
  mutating func finish(into body: inout ByteBuffer) -> Int
  /// The key that has begun and lacks elements, should no block follow.
  var openKey: OpenKey? { get }
  /// The keys whose records are in a block, whatever came before it.
  func keys(in block: ByteView) -> [[UInt8]]
}

struct OpenKey {
  let key: [UInt8]
  /// Elements that are still to come.
  let missing: Int
}

/// What in a block cannot be turned, though its checksum is right.
struct BlockFlaw: Error {
  /// Where in the block.
  let offset: Int
  let reason: String
}

struct LogCommands<Blocks: BlockCommands> {
  let folder: Folder
  let manifest: Manifest
  private(set) var blocks: Blocks
  /// Takes the manifest's word where the first bytes of a file are damaged.
  var believesManifest = false

  /// Blocks of the checkpoint that have been handed over; and whether those were all.
  private(set) var blockCount = 0
  private(set) var isCheckpointWhole = true
  /// The last command that has been handed over, with all before it; 0 for none.
  private(set) var sequence: UInt64 = 0
  /// Commands that have been handed over, those for the keys of the checkpoint included.
  private(set) var count = 0

  init(_ manifest: Manifest, in folder: Folder, _ blocks: Blocks) {
    self.manifest = manifest
    self.folder = folder
    self.blocks = blocks
  }

  /// Hands all commands over, batch by batch.
  ///
  /// - Throws: what `take` threw; or what is wrong with the log, once all before it has been handed
  ///   over.
  mutating func read(
    _ take: (_ commands: ByteView, _ count: Int) throws(LogError) -> Void
  ) throws(LogError) {
    if let checkpoint = manifest.checkpoint {
      isCheckpointWhole = false
      try read(checkpoint, take)
      isCheckpointWhole = true
      sequence = checkpoint.sequence
    }
    if let segment = manifest.segments.first, segment.first > sequence + 1 {
      throw .foreignFile(
        path: folder.path(of: segment.name),
        reason: "goes on from command \(segment.first - 1), and nothing has all before it")
    }
    var walk = LogWalk(manifest, in: folder)
    walk.believesManifest = believesManifest
    for index in manifest.segments.indices { try read(index, &walk, take) }
  }

  private mutating func read(
    _ checkpoint: Manifest.Checkpoint,
    _ take: (_ commands: ByteView, _ count: Int) throws(LogError) -> Void
  ) throws(LogError) {
    var reader = try CheckpointReader.open(
      checkpoint, manifest.identity, in: folder, believesManifest: believesManifest)
    var block = ByteBuffer(), body = ByteBuffer()
    do throws(LogError) {
      while let next = try reader.next() {
        block.reset(keeping: SegmentReader.stepSize)
        try next.read(into: &block)
        blocks.begin(block.view)
        while true {
          body.truncate(to: 0)
          let count: Int
          do throws(BlockFlaw) { count = try blocks.next(into: &body) } catch {
            throw next.damage(at: next.offset + error.offset, error.reason)
          }
          guard count > 0 else { break }
          try take(body.view, count)
          self.count += count
        }
        blockCount += 1
      }
      guard blocks.openKey == nil else {
        throw reader.damage(at: reader.offset, "a value ends before its last element")
      }
    } catch {
      body.truncate(to: 0)
      let count = blocks.finish(into: &body)
      if count > 0 { try take(body.view, count) }
      self.count += count
      throw error
    }
  }

  private mutating func read(
    _ index: Int, _ walk: inout LogWalk,
    _ take: (_ commands: ByteView, _ count: Int) throws(LogError) -> Void
  ) throws(LogError) {
    let file = try walk.open(index, for: .reading)
    defer { folder.close(file) }
    var failure: LogError?
    do throws(LogError) {
      _ = try walk.read(index, file) { header, body throws(ReplayError) in
        guard try manifest.goesOn(with: header) else { return }
        do throws(LogError) { try take(body, Int(header.count)) } catch {
          failure = error
          throw ReplayError(reason: "\(error)")
        }
        sequence = header.last
        count += Int(header.count)
      }
    } catch { throw failure ?? error }
  }
}

/// The first two words of each command in the body of a frame; for many the second is a key.
func forEachCommand(
  in body: ByteView, _ visit: (_ name: ByteView, _ second: ByteView?) -> Void
) throws(ReplayError) {
  let flaw = ReplayError(reason: "its commands are no RESP")
  var offset = 0

  /// The number between `mark` and the line break at `offset`, which is stepped over.
  func number(after mark: UInt8) throws(ReplayError) -> Int {
    guard offset < body.count, body[offset] == mark else { throw flaw }
    guard let end = body.firstIndex(of: UInt8(ascii: "\r"), from: offset) else { throw flaw }
    guard let number = body[offset + 1..<end].integer, number >= 0 else { throw flaw }
    guard number <= body.count, end + 2 <= body.count else { throw flaw }
    offset = end + 2
    return Int(number)
  }

  while offset < body.count {
    var name = ByteView(), second: ByteView?
    for index in 0..<(try number(after: UInt8(ascii: "*"))) {
      let size = try number(after: UInt8(ascii: "$"))
      guard size + 2 <= body.count - offset else { throw flaw }
      if index == 0 { name = body[offset..<offset + size] }
      if index == 1 { second = body[offset..<offset + size] }
      offset += size + 2
    }
    visit(name, second)
  }
}
