// Checkpoint.swift: the file that stands for all commands up to one.
//
// A header, blocks of records, and a last block that says how many there were. What a record is, the
// log does not know (Keyspace/SnapshotRecord.swift). The file is written by one pass from front to
// back and counts from the moment the manifest names it; before, it is a leftover. Every byte of it
// was durable then, so whatever does not match later is damage.

import RESP

/// The first bytes of a checkpoint. Little-endian.
///
///     offset  size  field
///          0     8  magic      "MARTCKP1"; the digit is the version of this layout
///          8     4  checksum   CRC-32C of bytes 12 ..< 32
///         12     4  (zero)
///         16     8  identity   of the log
///         24     8  sequence   the last command that is in it
struct CheckpointHeader: Equatable {
  static let size = 32
  static let magic: StaticString = "MARTCKP1"

  var identity: LogIdentity
  var sequence: UInt64

  /// `<sequence, 20 digits>.checkpoint`
  static func name(_ sequence: UInt64) -> String {
    let digits = String(sequence)
    return String(repeating: "0", count: 20 - digits.utf8.count) + digits + suffix
  }
  static let suffix = ".checkpoint"

  /// What the checksums of its blocks go on from, so that those of another file do not pass.
  var salt: UInt32 {
    var bytes = ByteBuffer()
    bytes.append(littleEndian: sequence)
    return CRC32C.checksum(bytes.view, after: identity.salt)
  }

  func encode(into buffer: inout ByteBuffer) {
    var fields = ByteBuffer()
    fields.append(littleEndian: UInt32(0))
    fields.append(littleEndian: identity.number)
    fields.append(littleEndian: sequence)
    buffer.append(Self.magic)
    buffer.append(littleEndian: CRC32C.checksum(fields.view))
    buffer.append(fields.view)
  }

  /// The header in the first 32 of `bytes`, or nil when they are none.
  init?(decoding bytes: ByteView) {
    guard bytes.count >= Self.size else { return nil }
    guard bytes[0..<8] == ByteView(Self.magic) else { return nil }
    guard bytes.littleEndian(at: 8) == CRC32C.checksum(bytes[12..<Self.size]) else { return nil }
    guard bytes.littleEndian(at: 12, as: UInt32.self) == 0 else { return nil }
    identity = LogIdentity(number: bytes.littleEndian(at: 16))
    sequence = bytes.littleEndian(at: 24)
  }

  init(identity: LogIdentity, sequence: UInt64) {
    self.identity = identity
    self.sequence = sequence
  }
}

/// What is before each block. Little-endian.
///
///     offset  size  field
///          0     4  magic         "MCB1"
///          4     4  checksum      CRC-32C of bytes 8 ..< 28, going on from the checkpoint's salt
///          8     4  bodyChecksum  CRC-32C of the body
///         12     8  bodySize      bytes
///         20     4  records       in the body; 0 for the last block, whose body is a `CheckpointEnd`
///         24     4  index         of the block, from 0
struct BlockHeader: Sendable {
  static let size = 28
  /// "MCB1" as its bytes read in little-endian order.
  static let magic: UInt32 = 0x3142_434D

  var bodyChecksum: UInt32
  var bodySize: Int
  var records: UInt32
  var index: UInt32

  var isLast: Bool { records == 0 }

  func encode(into buffer: inout ByteBuffer, salt: UInt32) {
    var fields = ByteBuffer()
    fields.append(littleEndian: bodyChecksum)
    fields.append(littleEndian: UInt64(bodySize))
    fields.append(littleEndian: records)
    fields.append(littleEndian: index)
    buffer.append(littleEndian: Self.magic)
    buffer.append(littleEndian: CRC32C.checksum(fields.view, after: salt))
    buffer.append(fields.view)
  }

  /// The header in the first 28 of `bytes`, or nil when they are none of this checkpoint.
  init?(decoding bytes: ByteView, salt: UInt32) {
    guard bytes.count >= Self.size else { return nil }
    guard bytes.littleEndian(at: 0) == Self.magic else { return nil }
    let checksum = CRC32C.checksum(bytes[8..<Self.size], after: salt)
    guard bytes.littleEndian(at: 4) == checksum else { return nil }
    bodyChecksum = bytes.littleEndian(at: 8)
    guard let size = Int(exactly: bytes.littleEndian(at: 12, as: UInt64.self)) else { return nil }
    bodySize = size
    records = bytes.littleEndian(at: 20)
    index = bytes.littleEndian(at: 24)
  }

  init(bodyChecksum: UInt32, bodySize: Int, records: UInt32, index: UInt32) {
    self.bodyChecksum = bodyChecksum
    self.bodySize = bodySize
    self.records = records
    self.index = index
  }
}

/// The body of the last block: what all others had.
struct CheckpointEnd: Equatable {
  static let size = 16
  var blocks: UInt64 = 0
  var records: UInt64 = 0

  func encode(into buffer: inout ByteBuffer) {
    buffer.append(littleEndian: blocks)
    buffer.append(littleEndian: records)
  }

  init?(decoding bytes: ByteView) {
    guard bytes.count == Self.size else { return nil }
    blocks = bytes.littleEndian(at: 0)
    records = bytes.littleEndian(at: 8)
  }

  init() {}
}

// MARK: - Writing

/// A checkpoint in the making. Given up before `finish`, its file is removed.
struct CheckpointWriter: ~Copyable {
  let folder: Folder
  let header: CheckpointHeader
  private let file: DiskFile
  private(set) var size = 0
  private var total = CheckpointEnd()
  private var head = ByteBuffer()
  private var isFinished = false

  var name: String { CheckpointHeader.name(header.sequence) }

  /// Begins the file, in the place of a leftover of its name.
  static func begin(
    _ header: CheckpointHeader, in folder: Folder
  ) throws(DiskError) -> CheckpointWriter {
    let file = try folder.open(CheckpointHeader.name(header.sequence), for: .replacing)
    var writer = CheckpointWriter(folder: folder, header: header, file: file)
    header.encode(into: &writer.head)
    try writer.write([writer.head.view])
    return writer
  }

  private init(folder: Folder, header: CheckpointHeader, file: DiskFile) {
    self.folder = folder
    self.header = header
    self.file = file
  }

  deinit {
    folder.close(file)
    if !isFinished { try? folder.remove(CheckpointHeader.name(header.sequence)) }
  }

  /// Appends a block of `records` records, the bytes of `tail` behind those of `body`.
  mutating func append(
    _ body: ByteView, _ tail: ByteView = ByteView(), records: Int
  ) throws(DiskError) {
    precondition(records > 0)
    try write(body, tail, records: UInt32(records))
    total.blocks += 1
    total.records += UInt64(records)
  }

  private mutating func write(
    _ body: ByteView, _ tail: ByteView, records: UInt32
  ) throws(DiskError) {
    let checksum = CRC32C.checksum(tail, after: CRC32C.checksum(body))
    head.truncate(to: 0)
    BlockHeader(
      bodyChecksum: checksum, bodySize: body.count + tail.count, records: records,
      index: UInt32(truncatingIfNeeded: total.blocks)
    ).encode(into: &head, salt: header.salt)
    try write([head.view, body, tail])
  }

  private mutating func write(_ pieces: [ByteView]) throws(DiskError) {
    for piece in pieces {
      try folder.writeAll(file, piece, at: size)
      size += piece.count
    }
  }

  /// Has the system begin to write what was appended, so that the sync at the end finds little left.
  func startWriteback(from offset: Int) { folder.startWriteback(file, from: offset) }

  /// Writes the last block and makes the file and its name durable.
  mutating func finish() throws(DiskError) {
    var body = ByteBuffer()
    total.encode(into: &body)
    try write(body.view, ByteView(), records: 0)
    try folder.sync(file)
    try folder.sync()
    isFinished = true
  }
}

// MARK: - Reading

/// A checkpoint being read from front to back. Memory grows with the bytes that are there, never
/// with what a header claims.
struct CheckpointReader: ~Copyable {
  let folder: Folder
  let file: DiskFile
  let size: Int
  let sequence: UInt64
  private let salt: UInt32
  private(set) var offset = CheckpointHeader.size
  private var total = CheckpointEnd()
  private var head = ByteBuffer()
  private(set) var isAtEnd = false

  /// Opens the file and checks its header against the manifest.
  ///
  /// - Parameter believesManifest: takes the manifest's word where the header is damaged.
  static func open(
    _ checkpoint: Manifest.Checkpoint, _ identity: LogIdentity, in folder: Folder,
    believesManifest: Bool = false
  ) throws(LogError) -> CheckpointReader {
    let path = folder.path(of: checkpoint.name), file: DiskFile, size: Int
    do throws(DiskError) {
      file = try folder.open(checkpoint.name, for: .reading)
    } catch {
      throw error.isMissing ? .missingFile(path: path) : .disk(error)
    }
    let header = CheckpointHeader(identity: identity, sequence: checkpoint.sequence)
    do throws(LogError) {
      size = try onDisk { () throws(DiskError) in try folder.size(file) }
      var bytes = ByteBuffer()
      try onDisk { () throws(DiskError) in
        try folder.readAll(file, CheckpointHeader.size, at: 0, into: &bytes)
      }
      guard !bytes.isEmpty else { throw .foreignFile(path: path, reason: "has been emptied") }
      guard let found = CheckpointHeader(decoding: bytes.view) ?? (believesManifest ? header : nil)
      else {
        throw .foreignFile(
          path: path, reason: "does not begin as a checkpoint does, or its first bytes are damaged")
      }
      guard found.identity == identity else {
        throw .foreignFile(path: path, reason: "belongs to the log of another data folder")
      }
      guard found == header else {
        throw .foreignFile(path: path, reason: "ends with command \(found.sequence)")
      }
    } catch {
      folder.close(file)
      throw error
    }
    return CheckpointReader(folder: folder, file: file, size: size, header: header)
  }

  private init(folder: Folder, file: DiskFile, size: Int, header: CheckpointHeader) {
    self.folder = folder
    self.file = file
    self.size = size
    sequence = header.sequence
    salt = header.salt
  }

  deinit { folder.close(file) }

  /// A block whose header has been read, and whose body has not.
  ///
  /// Thread safety: any thread may read it, as long as the reader lives.
  struct Block: Sendable {
    fileprivate let folder: Folder
    fileprivate let file: DiskFile
    fileprivate let sequence: UInt64
    fileprivate let header: BlockHeader
    /// Where the body begins, and the block ends.
    let offset: Int
    var end: Int { offset + header.bodySize }

    /// Appends the body to `bytes`, which is empty, and holds it against its checksum.
    func read(into bytes: inout ByteBuffer) throws(LogError) {
      try onDisk { () throws(DiskError) in
        try folder.readAll(file, header.bodySize, at: offset, into: &bytes)
      }
      guard bytes.count == header.bodySize, CRC32C.checksum(bytes.view) == header.bodyChecksum
      else { throw damage(at: offset, "the block does not match its checksum") }
    }

    /// The error that says what is wrong at `offset` of the file.
    func damage(at offset: Int, _ reason: String) -> LogError {
      .damage(LogDamage(path: file.path, offset: offset, sequence: sequence, reason: reason))
    }
  }

  /// The next block, its body still to be read; nil behind the last.
  mutating func next() throws(LogError) -> Block? {
    guard !isAtEnd else { return nil }
    head.truncate(to: 0)
    try onDisk { () throws(DiskError) in
      try folder.readAll(file, BlockHeader.size, at: offset, into: &head)
    }
    guard let header = BlockHeader(decoding: head.view, salt: salt) else {
      throw damage(at: offset, "no block begins here, or its header does not match its checksum")
    }
    guard UInt64(header.index) == total.blocks & UInt64(UInt32.max) else {
      throw damage(at: offset, "block \(header.index) is in the place of \(total.blocks)")
    }
    let block = Block(
      folder: folder, file: file, sequence: sequence, header: header,
      offset: offset + BlockHeader.size)
    guard header.bodySize <= size - block.offset else {
      throw damage(at: offset, "a block is cut short")
    }
    guard !header.isLast else {
      try readEnd(block)
      return nil
    }
    total.blocks += 1
    total.records += UInt64(header.records)
    offset = block.end
    return block
  }

  private mutating func readEnd(_ block: Block) throws(LogError) {
    var body = ByteBuffer()
    try block.read(into: &body)
    guard let end = CheckpointEnd(decoding: body.view), end == total else {
      throw damage(at: offset, "blocks are missing")
    }
    offset = block.end
    guard offset == size else { throw damage(at: offset, "bytes follow the last block") }
    isAtEnd = true
  }

  borrowing func damage(at offset: Int, _ reason: String) -> LogError {
    .damage(LogDamage(path: file.path, offset: offset, sequence: sequence, reason: reason))
  }
}
