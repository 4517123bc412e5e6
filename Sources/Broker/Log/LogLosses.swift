// LogLosses.swift: what lay behind the damage of a log, as far as it can still be read.
//
// For a person to read after a repair: it looks for headers of frames that can be believed by
// themselves, wherever they are, and never fails: what cannot be read is not counted.

import RESP

struct LogLosses {
  /// Keys are told apart up to so many, and named up to so many.
  private static let keysMax = 1 << 20, namedMax = 20

  /// What was kept and what was lost, a few lines.
  private(set) var text = ""
  private var highest: UInt64 = 0
  private var keys: Set<[UInt8]> = []

  /// - Parameter kept: what has read all that is good of the log.
  init<Blocks: BlockCommands>(behind kept: LogCommands<Blocks>) {
    let manifest = kept.manifest, folder = kept.folder
    if let checkpoint = manifest.checkpoint, !kept.isCheckpointWhole {
      readBlocks(checkpoint, of: kept)
    }
    for (index, segment) in manifest.segments.enumerated() {
      highest = max(highest, max(1, segment.first) - 1)
      // Of a segment that does not say where it begins nothing is known of the one before either.
      let following = manifest.segments[(index + 1)...].first?.first ?? 0
      guard following == 0 || following - 1 > kept.sequence,
        let file = try? folder.open(segment.name, for: .reading)
      else { continue }
      defer { folder.close(file) }
      try? readFrames(file, folder, manifest.identity.salt, behind: kept.sequence)
    }
    text = keptText(kept) + lostText(kept)
  }

  // MARK: Reading

  private mutating func note(_ key: [UInt8]) {
    if keys.count < Self.keysMax { keys.insert(key) }
  }

  /// Takes in the keys of the blocks that were not kept.
  private mutating func readBlocks<Blocks: BlockCommands>(
    _ checkpoint: Manifest.Checkpoint, of kept: LogCommands<Blocks>
  ) {
    guard
      var reader = try? CheckpointReader.open(
        checkpoint, kept.manifest.identity, in: kept.folder, believesManifest: true)
    else { return }
    var bytes = ByteBuffer(), index = 0
    while let block = try? reader.next() {
      index += 1
      guard index > kept.blockCount else { continue }
      bytes.reset(keeping: SegmentReader.stepSize)
      guard (try? block.read(into: &bytes)) != nil else { continue }
      for key in kept.blocks.keys(in: bytes.view) { note(key) }
    }
  }

  /// Takes in the frames of a segment that have commands behind `sequence`.
  private mutating func readFrames(
    _ file: DiskFile, _ folder: Folder, _ salt: UInt32, behind sequence: UInt64
  ) throws(DiskError) {
    var held = ByteBuffer(), large = ByteBuffer(), start = SegmentHeader.size
    while true {
      held.truncate(to: 0)
      try folder.readAll(file, SegmentReader.stepSize, at: start, into: &held)
      guard held.count >= FrameHeader.size else { return }
      let bytes = held.view
      var index = 0
      while let found = bytes.firstIndex(of: UInt8(ascii: "M"), from: index) {
        index = found + 1
        let header = FrameHeader(decoding: bytes[found..<bytes.count], salt: salt)
        guard let header, header.last > sequence else { continue }
        highest = max(highest, header.last)
        let place = found + FrameHeader.size, size = Int(header.bodySize)
        var body = bytes[place..<min(place + size, bytes.count)]
        if body.count < size {
          large.reset(keeping: SegmentReader.stepSize)
          try folder.readAll(file, size, at: start + place, into: &large)
          body = large.view
        }
        guard body.count == size, CRC32C.checksum(body) == header.bodyChecksum else { continue }
        readKeys(body)
        index = place + size
      }
      // A header may lie across two steps.
      start += max(index, bytes.count - (FrameHeader.size - 1))
    }
  }

  private mutating func readKeys(_ commands: ByteView) {
    try? forEachCommand(in: commands) { name, second in
      // Their second word, if they have one, is no key.
      let hasKey = !name.matches("select") && !name.matches("swapdb") && !name.matches("flushall")
      if hasKey, !name.matches("flushdb"), let second { note(second.array) }
    }
  }

  // MARK: Telling

  private func keptText<Blocks: BlockCommands>(_ kept: LogCommands<Blocks>) -> String {
    guard kept.isCheckpointWhole else {
      var text = "kept: the first \(kept.blockCount) blocks of the checkpoint"
      if let open = kept.blocks.openKey {
        text += "; the list \(Self.shown(open.key)) lacks its last \(open.missing) elements"
      }
      return text + "\n"
    }
    guard kept.sequence > 0 else { return "kept: nothing\n" }
    let source = kept.manifest.checkpoint.map { ", the first \($0.sequence) in the checkpoint" }
    return "kept: commands 1...\(kept.sequence)\(source ?? "")\n"
  }

  private func lostText<Blocks: BlockCommands>(_ kept: LogCommands<Blocks>) -> String {
    var parts: [String] = [], first = kept.sequence + 1
    if let checkpoint = kept.manifest.checkpoint, !kept.isCheckpointWhole {
      parts.append("the rest of the checkpoint, of commands 1...\(checkpoint.sequence)")
      first = checkpoint.sequence + 1
    }
    if highest >= first {
      parts.append("at least \(highest - first + 1) commands, \(first)...\(highest)")
    }
    guard !parts.isEmpty else { return "lost: nothing that can be seen\n" }
    let text = "lost: \(parts.joined(separator: ", and "))\n"
    guard !keys.isEmpty else { return text + "no key that it wrote to can be read\n" }
    let names = keys.sorted { $0.lexicographicallyPrecedes($1) }.prefix(Self.namedMax)
    let more = keys.count > names.count ? ", ..." : ""
    return text + "it wrote to at least \(keys.count) keys: "
      + names.map(Self.shown).joined(separator: ", ") + more + "\n"
  }

  /// A key for people: shortened, without line breaks.
  private static func shown(_ key: [UInt8]) -> String {
    let text = String(decoding: key.prefix(64), as: UTF8.self)
    let isShown = { (scalar: Unicode.Scalar) in scalar.value >= 0x20 && scalar.value != 0x7F }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isShown($0) ? $0 : "?" }))
      + (key.count > 64 ? "..." : "")
  }
}
