// Database.swift: the keys of one database, with their deadlines.
//
// It stores and finds; it knows no clock, no commands and no effects. Whether a key has run out is
// asked by Context, which also logs that it went.

import RESP

/// One of the numbered databases.
struct Database: ~Copyable {
  private(set) var table: HashTable<Entry>
  private(set) var deadlines = Deadlines()
  private(set) var hashDeadlines = HashDeadlines()
  private let hash: KeyHash

  init(hash: KeyHash) {
    self.hash = hash
    table = HashTable(hash: hash)
  }

  var count: Int { table.count }
  /// Whether a key or a field of a hash is to go at some time.
  var hasDeadlines: Bool { deadlines.count > 0 || hashDeadlines.count > 0 }

  /// The entry of `key` for reading, even if its deadline has passed.
  @inline(__always)
  func find(_ key: ByteView, hash: UInt64) -> Entry? { table.find(key, hash: hash) }

  /// The entry of `key` for writing: it is shared with nobody.
  @inline(__always)
  mutating func findForWriting(_ key: ByteView, hash: UInt64) -> Entry? {
    guard let place = table.place(of: key, hash: hash) else { return nil }
    let entry = place.item
    guard entry.isShared else { return entry }
    let copy = entry.copied(key: entry.key, deadline: entry.deadline)
    deadlines.replace(entry, with: copy)
    place.replace(with: copy)
    entry.release()
    return copy
  }

  /// Takes over `entry`, whose key is not there yet.
  mutating func insert(_ entry: Entry, hash: UInt64) {
    table.insert(entry, hash: hash)
    deadlines.insert(entry)
    noteFields(entry)
  }

  /// Has the fields of a hash go when it is time, those that have a deadline.
  @inline(__always)
  mutating func noteFields(_ entry: Entry) {
    if let deadline = entry.nextFieldDeadline { hashDeadlines.note(entry.key, at: deadline) }
  }

  /// The same once some fields have gone, for what is left of them.
  mutating func noteFieldsAgain(_ entry: Entry) {
    hashDeadlines.forget(entry.key)
    noteFields(entry)
  }

  /// Forgets fields of a hash that has left its key.
  @inline(__always)
  private mutating func forgetFields(_ entry: Entry) {
    if entry.kind == .hash { hashDeadlines.forget(entry.key) }
  }

  /// Forgets a key that has no hash with such fields.
  mutating func forgetFields(of key: ByteView) { hashDeadlines.forget(key) }

  /// Takes over `entry`; what was there under its key is handed out for the caller to free.
  @inline(__always)
  mutating func put(_ entry: Entry, hash: UInt64) -> Entry? {
    guard let place = table.place(of: entry.key, hash: hash) else {
      insert(entry, hash: hash)
      return nil
    }
    let old = place.item
    place.replace(with: entry)
    deadlines.remove(old)
    deadlines.insert(entry)
    forgetFields(old)
    noteFields(entry)
    return old
  }

  /// Makes `value` the value of `key`, to go at `deadline`: in place where it takes no other memory.
  ///
  /// - Returns: the entry that was there and is not any more, for the caller to free.
  @inline(__always)
  mutating func setString(
    _ key: ByteView, hash: UInt64, _ value: ByteView, deadline: Int64?, accessed: UInt32
  ) -> Entry? {
    let place = table.place(of: key, hash: hash)
    if let old = place?.item, old.deadline == deadline, old.replaceString(value) {
      old.accessed = accessed
      return nil
    }
    let entry = Entry.string(key, value, deadline: deadline)
    entry.accessed = accessed
    guard let place else {
      insert(entry, hash: hash)
      return nil
    }
    let old = place.item
    place.replace(with: entry)
    deadlines.remove(old)
    deadlines.insert(entry)
    forgetFields(old)
    return old
  }

  /// Takes the entry of `key` out and hands it over.
  mutating func remove(_ key: ByteView, hash: UInt64) -> Entry? {
    guard let entry = table.remove(key, hash: hash) else { return nil }
    deadlines.remove(entry)
    forgetFields(entry)
    return entry
  }

  /// Sets or clears (nil) the deadline of `key`.
  ///
  /// - Returns: false when there is no such key.
  mutating func setDeadline(_ deadline: Int64?, of key: ByteView, hash: UInt64) -> Bool {
    guard let place = table.place(of: key, hash: hash) else { return false }
    let entry = place.item
    guard entry.deadline != deadline else { return true }
    let copy = entry.copied(key: entry.key, deadline: deadline)
    place.replace(with: copy)
    deadlines.remove(entry)
    deadlines.insert(copy)
    entry.release()
    return true
  }

  /// Empties the database and hands over what was in it, for the caller to bury.
  mutating func takeAll() -> BuriedTable<Entry> {
    deadlines.removeAll()
    hashDeadlines.removeAll()
    return table.takeAll()
  }

  mutating func snapshotsEnded() { table.snapshotsEnded() }

  /// All entries as they are now, for another thread; `snapshotsEnded` is to follow.
  mutating func snapshot() -> TableItems<Entry> { table.snapshot().takeItems() }

  mutating func randomEntry(using random: inout SplitMix64) -> Entry? {
    table.randomItem(using: &random)
  }

  func checkInvariants() {
    table.checkInvariants()
    deadlines.checkInvariants()
    hashDeadlines.checkInvariants()
  }
}
