// HashedValue+Pieces.swift: hashes and sets in checkpoints.
//
// A piece is a byte for the form of the value, then packed strings (PackedStrings.swift): each name,
// behind it its value if names have one, behind that its deadline if the form says so.
//
//     bits 0-1  HashedForm   of the value; all of its pieces say the same
//     bit  2    the table counts as small: HashedFlags.countsAsSmall
//     bit  3    deadlines follow: ms since 1970, 0 for none

import RESP

private struct PieceHead {
  let form: HashedForm
  let countsAsSmall: Bool
  let hasDeadlines: Bool

  init(form: HashedForm, countsAsSmall: Bool, hasDeadlines: Bool) {
    self.form = form
    self.countsAsSmall = countsAsSmall
    self.hasDeadlines = hasDeadlines
  }

  init?(_ byte: UInt8) {
    guard byte < 16, let form = HashedForm(rawValue: byte & 3) else { return nil }
    self.init(form: form, countsAsSmall: byte & 4 != 0, hasDeadlines: byte & 8 != 0)
  }

  var byte: UInt8 { form.rawValue | (countsAsSmall ? 4 : 0) | (hasDeadlines ? 8 : 0) }
}

extension HashedValue {
  private var pieceHead: PieceHead {
    PieceHead(
      form: form, countsAsSmall: flags.contains(.countsAsSmall) && form == .table,
      hasDeadlines: itemHasDeadlines)
  }

  var snapshotCount: Int { count }

  func appendPiece(to bytes: inout ByteBuffer) {
    let head = pieceHead
    bytes.append(byte: head.byte)
    switch form {
    case .packed: bytes.append(packed)
    case .integers:
      for index in 0..<smallCount { PackedForm(number(at: index)).append(to: &bytes) }
    case .table:
      Table.walk(items) { item in
        item.append(to: &bytes, hasValue: Self.hasValues, hasDeadline: head.hasDeadlines)
        return true
      }
    }
  }

  func pieces() -> any ValuePieces {
    let (items, head) = (items, pieceHead)
    Table.retain(items)
    release()
    return ItemPieces(Table.items(of: items), head, hasValues: Self.hasValues)
  }

  // MARK: Reading

  mutating func takePiece(elements: Int, _ piece: ByteView, _ hash: KeyHash) -> Bool {
    guard piece.count > 0, let head = PieceHead(piece[0]), fits(head) else { return false }
    if count == 0 { begin(head) }
    let strings = piece[1..<piece.count], before = count
    guard head.form != .packed else { return takeStrings(elements, strings) }
    var isTaken = true
    let isWhole = Self.read(strings, head) { name, value, deadline in
      isTaken = isTaken && take(name, value, deadline, hash)
    }
    return isWhole && isTaken && count - before == elements
  }

  /// Whether a piece that says so may come next.
  private func fits(_ head: PieceHead) -> Bool {
    if Self.hasValues ? head.form == .integers : head.hasDeadlines { return false }
    // Only a table has more pieces than one.
    return count == 0 || form == .table && head.form == .table
  }

  /// Makes the empty value one of that form.
  private mutating func begin(_ head: PieceHead) {
    let value =
      switch head.form {
      case .packed: Self.makePacked()
      case .integers: Self.makeIntegers()
      case .table: Self.makeTable()
      }
    if head.countsAsSmall { value.flags.insert(.countsAsSmall) }
    release()
    self = value
  }

  /// Takes in packed strings as they are.
  private mutating func takeStrings(_ elements: Int, _ strings: ByteView) -> Bool {
    guard elements <= Self.packedCountMax, strings.count <= Self.packedSizeMax else { return false }
    var offset = 0, found = 0
    while offset < strings.count {
      guard let end = PackedStrings.checkedEnd(strings, offset) else { return false }
      offset = end
      found += 1
    }
    guard found == (Self.hasValues ? 2 * elements : elements) else { return false }
    let value = Self.makePacked(size: strings.count)
    value.write(strings, at: Self.packedHeader)
    value.store(UInt32(strings.count), at: 8)
    value.smallCount = elements
    release()
    self = value
    return true
  }

  private mutating func take(
    _ name: StoredText, _ value: StoredText, _ deadline: Int64?, _ hash: KeyHash
  ) -> Bool {
    if form == .integers {
      guard case .integer(let number) = name, smallCount < Self.packedCountMax else { return false }
      return insertNumber(number)
    }
    return name.withView { name in
      value.withView { putItem(name, $0, deadline: deadline, hash) }
    }
  }

  /// Calls `body` with the names, values and deadlines that are packed in `strings`.
  ///
  /// - Returns: false when there is something else.
  private static func read(
    _ strings: ByteView, _ head: PieceHead, _ body: (StoredText, StoredText, Int64?) -> Void
  ) -> Bool {
    var offset = 0
    func next() -> StoredText? {
      guard let end = PackedStrings.checkedEnd(strings, offset) else { return nil }
      defer { offset = end }
      return PackedStrings.text(strings, offset)
    }
    while offset < strings.count {
      var value: StoredText? = .bytes(ByteView()), deadline: Int64?
      let name = next()
      if hasValues { value = next() }
      if head.hasDeadlines {
        guard case .integer(let number)? = next(), number >= 0,
          number <= ItemDeadline.deadlineMax
        else { return false }
        deadline = number == 0 ? nil : number
      }
      guard let name, let value else { return false }
      body(name, value, deadline)
    }
    return true
  }

  // MARK: As commands

  /// Names that one command has.
  private static var commandCountMax: Int { 1000 }

  static func appendCommands(
    _ key: ByteView, elements: Int, _ piece: ByteView, _ batch: inout CommandBatch
  ) -> Bool {
    guard piece.count > 0, let head = PieceHead(piece[0]) else { return false }
    var pairs: [(name: StoredText, value: StoredText)] = []
    var deadlines: [(name: StoredText, deadline: Int64)] = []
    let isWhole = read(piece[1..<piece.count], head) { name, value, deadline in
      pairs.append((name, value))
      if let deadline { deadlines.append((name, deadline)) }
    }
    guard isWhole, pairs.count == elements else { return false }
    for start in stride(from: 0, to: pairs.count, by: commandCountMax) {
      let some = pairs[start..<min(pairs.count, start + commandCountMax)]
      batch.begin(hasValues ? "HSET" : "SADD", words: 2 + (hasValues ? 2 : 1) * some.count)
      batch.word(key)
      for (name, value) in some {
        name.withView { batch.word($0) }
        if hasValues { value.withView { batch.word($0) } }
      }
    }
    for (name, deadline) in deadlines {
      batch.begin("HPEXPIREAT", words: 6)
      batch.word(key)
      batch.word(integer: deadline)
      batch.word("FIELDS")
      batch.word(integer: 1)
      name.withView { batch.word($0) }
    }
    return true
  }
}

extension FieldItem {
  fileprivate func append(to bytes: inout ByteBuffer, hasValue: Bool, hasDeadline: Bool) {
    PackedForm(key).append(to: &bytes)
    if hasValue { PackedForm(value).append(to: &bytes) }
    if hasDeadline { PackedForm(deadline ?? 0).append(to: &bytes) }
  }
}

/// The items of a table on their way into a checkpoint.
private final class ItemPieces: ValuePieces {
  private static let sizeWanted = 64 << 10

  private var items: TableItems<FieldItem>
  private let head: PieceHead
  private let hasValues: Bool

  init(_ items: consuming TableItems<FieldItem>, _ head: PieceHead, hasValues: Bool) {
    self.items = items
    self.head = head
    self.hasValues = hasValues
  }

  func next(into bytes: inout ByteBuffer) -> Int {
    let start = bytes.count
    var elements = 0
    while bytes.count - start < Self.sizeWanted, let item = items.next() {
      if elements == 0 { bytes.append(byte: head.byte) }
      item.append(to: &bytes, hasValue: hasValues, hasDeadline: head.hasDeadlines)
      item.release()
      elements += 1
    }
    return elements
  }
}
