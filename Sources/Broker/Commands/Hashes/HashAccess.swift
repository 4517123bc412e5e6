// HashAccess.swift: hashes of the keyspace, as commands read and write them.
//
// A field whose deadline has passed is not there. Who reads passes it over; who is about to change
// such a field takes it out first and logs that, for on replay nothing goes of itself, and what
// follows in the log must find what the command found.

import RESP

extension Settings {
  /// Up to where hashes are packed.
  var hashLimits: PackedLimits {
    PackedLimits(countMax: hashPackedCountMax, sizeMax: hashPackedSizeMax)
  }
}

extension Reply {
  @inline(__always)
  mutating func bulk(_ text: StoredText) {
    switch text {
    case .bytes(let bytes): bulk(bytes)
    case .integer(let number): bulk(integer: number)
    }
  }
}

extension Context {
  /// What fields with a deadline are compared with: while the log is replayed none goes.
  @inline(__always) var fieldTime: Int64 { isLoading ? .min : wall }

  /// The entry of a hash for changing the fields whose words are `fields`.
  @inline(__always)
  mutating func hashEntry(
    _ key: Key, changing fields: some Sequence<Int>
  ) throws(CommandError) -> Entry? {
    guard let entry = try entryForWriting(key, HashValue.self) else { return nil }
    guard entry.value(HashValue.self).itemHasDeadlines else { return entry }
    return removeDue(fields, from: entry, key)
  }

  /// Takes out those of the named fields whose deadline has passed.
  ///
  /// - Returns: the entry, or nil when its hash became empty and went.
  private mutating func removeDue(
    _ fields: some Sequence<Int>, from entry: Entry, _ key: Key
  ) -> Entry? {
    var hash = entry.unsharedValue(HashValue.self)
    for index in fields {
      let field = arguments[index]
      guard let deadline = hash.deadline(of: field, keyHash), deadline <= fieldTime else {
        continue
      }
      _ = hash.remove(field, keyHash, into: &graveyard)
      effects.command("HDEL", key.bytes, field, in: database)
      noteChange(key, in: database)
    }
    entry.keep(hash)
    guard hash.isEmpty else { return entry }
    drop(key)
    return nil
  }

  /// Takes out up to `limit` fields of a hash whose deadline has passed.
  ///
  /// - Returns: how much of the limit that took, at least 1.
  mutating func expireFields(of key: Key, _ limit: Int) -> Int {
    guard let entry = databases[database].findForWriting(key.bytes, hash: key.hash),
      entry.kind == .hash
    else {
      databases[database].forgetFields(of: key.bytes)
      return 1
    }
    var hash = entry.unsharedValue(HashValue.self)
    let due = hash.removeDue(now: wall, limit: limit, keyHash, into: &graveyard)
    entry.keep(hash)
    if !due.isEmpty {
      effects.command(words: 2 + due.count, in: database) { writer in
        writer.word("HDEL")
        writer.word(key.bytes)
        for field in due { unsafe field.withUnsafeBytes { unsafe writer.word(ByteView($0)) } }
      }
      noteChange(key, in: database)
    }
    if hash.isEmpty { drop(key) } else { databases[database].noteFieldsAgain(entry) }
    return max(1, due.count)
  }
}
