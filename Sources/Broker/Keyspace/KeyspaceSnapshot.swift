// KeyspaceSnapshot.swift: all databases as they were at one moment, block by block as records.
//
// Taking it costs a retained root a database. It may then be read on another thread while the engine
// goes on, which copies what it writes to as long as the snapshot holds it (Block.swift).

/// What a database has beside its keys, on its way into a checkpoint.
protocol SnapshotSection: AnyObject {
  /// Appends the next record.
  ///
  /// - Returns: false at the end.
  func next(into block: inout SnapshotBlock) -> Bool
}

/// A snapshot that is being written out. It belongs to one thread at a time.
struct KeyspaceSnapshot: ~Copyable {
  private var databases: FixedArray<TableItems<Entry>>
  /// Texts of libraries that are still to be written.
  private var libraries: ArraySlice<[UInt8]>
  /// What comes before the keys of each database; nil once it has come.
  private var sections: [(any SnapshotSection)?]
  /// The database being written, and whether a record has said so.
  private var index = 0
  private var isNamed = false
  /// What is left of the list, or of the other long value, being written.
  private var chunks = ListChunks()
  private var pieces: (any ValuePieces)?

  /// Keys in all databases, and how many of them have been begun.
  let keyCount: Int
  private(set) var keysDone = 0

  init(
    _ databases: consuming FixedArray<TableItems<Entry>>, libraries: [[UInt8]],
    sections: [(any SnapshotSection)?] = []
  ) {
    self.libraries = libraries[...]
    self.sections = sections
    var count = 0
    for index in 0..<databases.count { count += databases[index].total }
    keyCount = count
    self.databases = databases
  }

  /// Fills `block`, which is empty, with the next records; with none at the end.
  mutating func fill(_ block: inout SnapshotBlock) {
    while !block.isFull {
      if let library = libraries.popFirst() {
        block.append(library: library)
      } else if let chunk = chunks.next() {
        block.append(chunk: chunk)
      } else if let pieces {
        if !block.appendPiece({ pieces.next(into: &$0) }) { self.pieces = nil }
      } else if index < sections.count, let section = sections[index] {
        if !isNamed { block.append(database: index) }
        isNamed = true
        if !section.next(into: &block) { sections[index] = nil }
      } else if index < databases.count, let entry = databases[index].next() {
        if !isNamed { block.append(database: index) }
        isNamed = true
        keysDone += 1
        append(entry, to: &block)
      } else {
        guard index + 1 < databases.count else { return }
        index += 1
        isNamed = false
      }
    }
  }

  private mutating func append(_ entry: Entry, to block: inout SnapshotBlock) {
    switch entry.kind {
    case .string: block.append(string: entry)
    case .list:
      block.append(list: entry)
      let list = entry.list
      list.retain()
      entry.release()
      chunks = ListChunks(list)
    case .set, .sortedSet, .hash, .stream:
      guard let value = entry.pieced else { preconditionFailure("a value of no kind") }
      block.append(value: value, of: entry)
      if value.isLong {
        value.retain()
        pieces = value.pieces()
      } else {
        _ = block.appendPiece { bytes in
          value.appendPiece(to: &bytes)
          return value.snapshotCount
        }
      }
      entry.release()
    }
  }
}
