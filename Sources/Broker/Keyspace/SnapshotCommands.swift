// SnapshotCommands.swift: records of a checkpoint as commands that make the same keys.
//
// For our own log, jobs are kept as they are (`JOBLOAD`); elsewhere they are the bytes of elements.
// For those who take the data elsewhere: SELECT, SET, RPUSH, PEXPIREAT and what the other types say of
// their pieces, which any server of the protocol knows. They come in batches that are as the body of a frame of the log: each begins in
// database 0. A value is made part by part, and its deadline follows the last one, for a value
// whose deadline has passed would go before the rest of it comes.

import RESP

/// The commands for one block of records after the other.
struct SnapshotCommands {
  /// About how many bytes a batch is to have, a large command besides.
  static let sizeWanted = 1 << 20

  private var records = SnapshotRecords(ByteView())
  private var database = 0
  private let keepsJobs: Bool
  /// Names of the queues of jobs in this database, by their ids.
  private var queues: [UInt32: [UInt8]] = [:]
  /// The value whose chunks or pieces are being read.
  private(set) var open: OpenValue?

  struct OpenValue {
    let key: [UInt8]
    let kind: ValueKind
    let elements: Int
    let deadline: Int64?
    /// Elements that are still to come.
    var missing: Int
    /// Of a list with jobs that are kept.
    var line: UInt32 = 0
  }

  /// - Parameter keepsJobs: whether the commands are for our own log.
  init(keepsJobs: Bool = false) { self.keepsJobs = keepsJobs }

  /// What does not fit together.
  struct Flaw: Error {
    /// Where in the block.
    let offset: Int
    let reason: String
  }

  /// Goes on with the records in `block`, which stays as it is until the next one.
  mutating func begin(_ block: ByteView) { records = SnapshotRecords(block) }

  /// Appends the next commands to `body`, which is empty.
  ///
  /// - Returns: how many; none at the end of the block.
  mutating func next(into body: inout ByteBuffer) throws(Flaw) -> Int {
    var batch = CommandBatch(database: database)
    swap(&batch.bytes, &body)
    defer { swap(&batch.bytes, &body) }
    while batch.bytes.count < Self.sizeWanted {
      let offset = records.offset, record: SnapshotRecord?
      do throws(SnapshotRecords.Flaw) { record = try records.next() } catch {
        throw Flaw(offset: error.offset, reason: "no record begins here")
      }
      guard let record else { break }
      guard try !append(partIn: record, at: offset, &batch) else { continue }
      guard open == nil else {
        throw Flaw(offset: offset, reason: "a value ends before its last element")
      }
      append(keyIn: record, &batch)
    }
    return batch.count
  }

  /// Appends what must not be left out when no block follows: the deadline of a list cut short.
  ///
  /// - Returns: how many commands that is.
  mutating func finish(into body: inout ByteBuffer) -> Int {
    var batch = CommandBatch(database: database)
    swap(&batch.bytes, &body)
    defer { swap(&batch.bytes, &body) }
    if let open, open.missing < open.elements { append(deadline: open.deadline, open, &batch) }
    return batch.count
  }

  /// The keys whose records are in `block`, whatever came before it.
  static func keys(in block: ByteView) -> [[UInt8]] {
    var records = SnapshotRecords(block), keys: [[UInt8]] = []
    while let record = try? records.next() {
      switch record {
      case .string(let key, _, _), .integer(let key, _, _), .list(let key, _, _, _),
        .value(_, let key, _, _):
        keys.append(key.array)
      case .database, .chunk, .piece, .library, .jobQueue, .job, .jobNote: break
      }
    }
    return keys
  }

  // MARK: Commands

  /// Appends the commands for a key, or for what of it is in its first record.
  private mutating func append(keyIn record: SnapshotRecord, _ batch: inout CommandBatch) {
    switch record {
    case .database(let number):
      database = number
      batch.database = number
      queues = [:]
    case .jobQueue(let id, let name, let rest) where keepsJobs:
      batch.begin("JOBLOAD", words: 5)
      batch.word("QUEUE")
      batch.word(integer: Int64(id))
      batch.word(name)
      batch.word(rest)
    case .job(_, let body, let rest) where keepsJobs:
      batch.begin("JOBLOAD", words: 4)
      batch.word("JOB")
      batch.word(body)
      batch.word(rest)
    case .jobNote(let bytes) where keepsJobs:
      batch.begin("JOBLOAD", words: 3)
      batch.word("NOTE")
      batch.word(bytes)
    case .jobQueue(let id, let name, _): queues[id] = name.array
    case .job(let id, let body, _):
      // What is under way or waits for its time is an element of its list: the last to be taken.
      guard let name = queues[id] else { break }
      batch.begin("RPUSH", words: 3)
      unsafe name.withUnsafeBytes { unsafe batch.word(ByteView($0)) }
      batch.word(body)
    case .jobNote: break
    case .string(let key, let value, let deadline):
      batch.begin("SET", words: 3)
      batch.word(key)
      batch.word(value)
      append(deadline: deadline, key, &batch)
    case .integer(let key, let value, let deadline):
      batch.begin("SET", words: 3)
      batch.word(key)
      batch.word(integer: value)
      append(deadline: deadline, key, &batch)
    case .list(let key, let elements, let deadline, let line):
      open = OpenValue(
        key: key.array, kind: .list, elements: elements, deadline: deadline, missing: elements,
        line: keepsJobs ? line : 0)
    case .value(let kind, let key, let elements, let deadline):
      open = OpenValue(
        key: key.array, kind: kind, elements: elements, deadline: deadline, missing: elements)
    case .library(let code):
      batch.beginAnywhere("FUNCTION", words: 4)
      batch.word("LOAD")
      batch.word("REPLACE")
      batch.word(code)
    case .chunk, .piece: break
    }
  }

  /// Appends the commands for a chunk or a piece.
  ///
  /// - Returns: false when `record` is neither.
  private mutating func append(
    partIn record: SnapshotRecord, at offset: Int, _ batch: inout CommandBatch
  ) throws(Flaw) -> Bool {
    let elements: Int, isRead: Bool
    switch record {
    case .chunk(let count, let elementSize, let payload):
      guard let open, open.kind == .list, count <= open.missing,
        let chunk = ListChunk.make(count: count, elementSize: elementSize, payload: payload)
      else { throw Flaw(offset: offset, reason: "a part of a value is out of place") }
      push(chunk, open, &batch)
      chunk.release()
      (elements, isRead) = (count, true)
    case .piece(let count, let bytes):
      guard let open, count <= open.missing else {
        throw Flaw(offset: offset, reason: "a part of a value is out of place")
      }
      isRead = unsafe open.key.withUnsafeBytes {
        let key = unsafe ByteView($0)
        return switch open.kind {
        case .string, .list: false
        case .set: SetValue.appendCommands(key, elements: count, bytes, &batch)
        case .sortedSet: SortedSet.appendCommands(key, elements: count, bytes, &batch)
        case .hash: HashValue.appendCommands(key, elements: count, bytes, &batch)
        case .stream: Stream.appendCommands(key, elements: count, bytes, &batch)
        }
      }
      elements = count
    default: return false
    }
    guard isRead, let open else {
      throw Flaw(offset: offset, reason: "a part of a value cannot be read")
    }
    self.open!.missing -= elements
    if open.missing == elements {
      append(deadline: open.deadline, open, &batch)
      self.open = nil
    }
    return true
  }

  private func push(_ chunk: ListChunk, _ list: OpenValue, _ batch: inout CommandBatch) {
    guard list.line == 0 else {
      batch.begin("JOBLOAD", words: 7)
      batch.word("CHUNK")
      unsafe list.key.withUnsafeBytes { unsafe batch.word(ByteView($0)) }
      batch.word(integer: Int64(list.line))
      batch.word(integer: Int64(chunk.count))
      batch.word(integer: Int64(chunk.elementSize))
      return batch.word(chunk.payload)
    }
    batch.begin("RPUSH", words: 2 + chunk.count)
    unsafe list.key.withUnsafeBytes { unsafe batch.word(ByteView($0)) }
    var offset = chunk.start
    for _ in 0..<chunk.count {
      let (element, next) = chunk.element(at: offset)
      batch.word(element)
      offset = next
    }
  }

  private func append(deadline: Int64?, _ value: OpenValue, _ batch: inout CommandBatch) {
    unsafe value.key.withUnsafeBytes {
      unsafe append(deadline: deadline, ByteView($0), &batch)
    }
  }

  private func append(deadline: Int64?, _ key: ByteView, _ batch: inout CommandBatch) {
    guard let deadline else { return }
    batch.begin("PEXPIREAT", words: 3)
    batch.word(key)
    batch.word(integer: deadline)
  }
}

/// Commands in RESP, the first of which runs in database 0.
struct CommandBatch: ~Copyable {
  fileprivate(set) var bytes = ByteBuffer()
  private(set) var count = 0
  /// The database in which the next command is to run, and that in which the last one does.
  fileprivate var database: Int
  private var current = 0

  init(database: Int) { self.database = database }

  /// Begins a command of `words` words, its name included; the others are to follow.
  mutating func begin(_ name: StaticString, words: Int) {
    if database != current {
      current = database
      beginAnywhere("SELECT", words: 2)
      word(integer: Int64(database))
    }
    beginAnywhere(name, words: words)
  }

  mutating func beginAnywhere(_ name: StaticString, words: Int) {
    count += 1
    header(UInt8(ascii: "*"), words)
    word(ByteView(name))
  }

  private mutating func header(_ mark: UInt8, _ number: Int) {
    bytes.append(byte: mark)
    var digits = DecimalDigits(Int64(number))
    digits.withView { bytes.append($0) }
    bytes.append("\r\n")
  }

  mutating func word(_ word: ByteView) {
    header(UInt8(ascii: "$"), word.count)
    bytes.append(word)
    bytes.append("\r\n")
  }

  mutating func word(_ word: StaticString) { self.word(ByteView(word)) }

  mutating func word(integer: Int64) {
    var digits = DecimalDigits(integer)
    digits.withView { word($0) }
  }
}
