// SnapshotCommands.swift: records of a checkpoint as commands that make the same keys.
//
// For those who take the data elsewhere: SELECT, SET, RPUSH and PEXPIREAT, which any server of the
// protocol knows. They come in batches that are as the body of a frame of the log: each begins in
// database 0. A list is pushed chunk by chunk, and its deadline follows its last chunk, for a list
// whose deadline has passed would go before the rest of it comes.

import RESP

/// The commands for one block of records after the other.
struct SnapshotCommands {
  /// About how many bytes a batch is to have, a large command besides.
  static let sizeWanted = 1 << 20

  private var records = SnapshotRecords(ByteView())
  private var database = 0
  /// The list whose chunks are being read.
  private(set) var list: OpenList?

  struct OpenList {
    let key: [UInt8]
    let elements: Int
    let deadline: Int64?
    /// Elements that are still to come.
    var missing: Int
  }

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
    var batch = Batch()
    while body.count < Self.sizeWanted {
      let offset = records.offset, record: SnapshotRecord?
      do throws(SnapshotRecords.Flaw) { record = try records.next() } catch {
        throw Flaw(offset: error.offset, reason: "no record begins here")
      }
      guard let record else { break }
      if case .chunk(let elements, let elementSize, let payload) = record {
        guard let list, elements <= list.missing,
          let chunk = ListChunk.make(count: elements, elementSize: elementSize, payload: payload)
        else { throw Flaw(offset: offset, reason: "a part of a list is out of place") }
        defer { chunk.release() }
        push(chunk, list, &batch, &body)
        continue
      }
      guard list == nil else {
        throw Flaw(offset: offset, reason: "a list ends before its last element")
      }
      append(record, &batch, &body)
    }
    return batch.count
  }

  /// Appends what must not be left out when no block follows: the deadline of a list cut short.
  ///
  /// - Returns: how many commands that is.
  mutating func finish(into body: inout ByteBuffer) -> Int {
    var batch = Batch()
    if let list, list.missing < list.elements {
      unsafe list.key.withUnsafeBytes {
        unsafe append(deadline: list.deadline, ByteView($0), &batch, &body)
      }
    }
    return batch.count
  }

  /// The keys whose records are in `block`, whatever came before it.
  static func keys(in block: ByteView) -> [[UInt8]] {
    var records = SnapshotRecords(block), keys: [[UInt8]] = []
    while let record = try? records.next() {
      switch record {
      case .string(let key, _, _), .integer(let key, _, _), .list(let key, _, _):
        keys.append(key.array)
      case .database, .chunk: break
      }
    }
    return keys
  }

  // MARK: Commands

  private mutating func append(
    _ record: SnapshotRecord, _ batch: inout Batch, _ body: inout ByteBuffer
  ) {
    switch record {
    case .database(let number): database = number
    case .string(let key, let value, let deadline):
      batch.begin("SET", words: 3, in: database, &body)
      batch.word(key, &body)
      batch.word(value, &body)
      append(deadline: deadline, key, &batch, &body)
    case .integer(let key, let value, let deadline):
      batch.begin("SET", words: 3, in: database, &body)
      batch.word(key, &body)
      batch.word(integer: value, &body)
      append(deadline: deadline, key, &batch, &body)
    case .list(let key, let elements, let deadline):
      list = OpenList(key: key.array, elements: elements, deadline: deadline, missing: elements)
    case .chunk: break
    }
  }

  private mutating func push(
    _ chunk: ListChunk, _ list: OpenList, _ batch: inout Batch, _ body: inout ByteBuffer
  ) {
    batch.begin("RPUSH", words: 2 + chunk.count, in: database, &body)
    unsafe list.key.withUnsafeBytes { unsafe batch.word(ByteView($0), &body) }
    var offset = chunk.start
    for _ in 0..<chunk.count {
      let (element, next) = chunk.element(at: offset)
      batch.word(element, &body)
      offset = next
    }
    self.list!.missing -= chunk.count
    guard list.missing == chunk.count else { return }
    unsafe list.key.withUnsafeBytes {
      unsafe append(deadline: list.deadline, ByteView($0), &batch, &body)
    }
    self.list = nil
  }

  private func append(
    deadline: Int64?, _ key: ByteView, _ batch: inout Batch, _ body: inout ByteBuffer
  ) {
    guard let deadline else { return }
    batch.begin("PEXPIREAT", words: 3, in: database, &body)
    batch.word(key, &body)
    batch.word(integer: deadline, &body)
  }

  /// Commands in RESP, the first of which runs in database 0.
  private struct Batch {
    private(set) var count = 0
    private var database = 0

    mutating func begin(
      _ name: StaticString, words: Int, in database: Int, _ body: inout ByteBuffer
    ) {
      if database != self.database {
        self.database = database
        begin("SELECT", words: 2, &body)
        word(integer: Int64(database), &body)
      }
      begin(name, words: words, &body)
    }

    private mutating func begin(_ name: StaticString, words: Int, _ body: inout ByteBuffer) {
      count += 1
      header(UInt8(ascii: "*"), words, &body)
      word(ByteView(name), &body)
    }

    private func header(_ mark: UInt8, _ number: Int, _ body: inout ByteBuffer) {
      body.append(byte: mark)
      var digits = DecimalDigits(Int64(number))
      digits.withView { body.append($0) }
      body.append("\r\n")
    }

    func word(_ word: ByteView, _ body: inout ByteBuffer) {
      header(UInt8(ascii: "$"), word.count, &body)
      body.append(word)
      body.append("\r\n")
    }

    func word(integer: Int64, _ body: inout ByteBuffer) {
      var digits = DecimalDigits(integer)
      digits.withView { word($0, &body) }
    }
  }
}
