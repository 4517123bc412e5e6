// Entry.swift: one key with its value, in one block where the value is short.
//
//     offset  size  field
//          0     4  owners
//          4     4  keyCount      bytes of the key
//          8     8  payload       an integer, or the block of a value that does not lie here
//         16     1  kind          ValueKind
//         17     1  encoding      Encoding; bit 7: there is a deadline
//         18     2  inlineCount   bytes of a string that lies behind the key
//         20     4  accessed      coarse seconds of the last access, for OBJECT IDLETIME
//         24     8  deadline      wall clock, ms since 1970        ┐ only with
//         32     8  heapIndex     place in the database's deadlines ┘ a deadline
//     24 | 40    …  the key, then the inline string
//
// An entry that is shared with a snapshot is copied before anything but `accessed` is written.

import Glibc
import RESP

@safe
struct Entry: HashItem {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  /// Where a value lies.
  enum Encoding: UInt8 {
    case inline = 0
    case integer = 1
    case block = 2
  }

  /// Longest string kept behind its key.
  static var inlineMax: Int { 512 }
  private static var shortHeader: Int { 24 }
  private static var longHeader: Int { 40 }

  // MARK: Fields

  @inline(__always) var hasDeadline: Bool { load(17, as: UInt8.self) & 0x80 != 0 }
  @inline(__always) private var keyOffset: Int { hasDeadline ? Self.longHeader : Self.shortHeader }
  @inline(__always) var keyCount: Int { Int(load(4, as: UInt32.self)) }
  @inline(__always) var key: ByteView { view(at: keyOffset, size: keyCount) }
  @inline(__always) var kind: ValueKind {
    ValueKind(rawValue: load(16, as: UInt8.self)).unsafelyUnwrappedKind
  }
  @inline(__always) var encoding: Encoding {
    switch load(17, as: UInt8.self) & 0x7F {
    case 0: .inline
    case 1: .integer
    default: .block
    }
  }
  var accessed: UInt32 {
    get { load(20) }
    nonmutating set { store(newValue, at: 20) }
  }
  /// When the key goes, in ms since 1970.
  var deadline: Int64? { hasDeadline ? load(24, as: Int64.self) : nil }
  var heapIndex: Int {
    get { load(32) }
    nonmutating set { store(newValue, at: 32) }
  }

  private var payload: UInt64 {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }

  // MARK: Making

  /// An entry without a value yet, with room for an inline string of `inlineCount` bytes.
  private static func make(
    _ key: ByteView, kind: ValueKind, encoding: Encoding, inlineCount: Int, deadline: Int64?
  ) -> Entry {
    let header = deadline == nil ? shortHeader : longHeader
    let entry = Entry.allocate(size: header + key.count + inlineCount)
    entry.store(UInt32(key.count), at: 4)
    entry.store(
      UInt64(kind.rawValue) | UInt64(encoding.rawValue | (deadline == nil ? 0 : 0x80)) << 8
        | UInt64(inlineCount) << 16, at: 16)
    if let deadline { entry.store(deadline, at: 24) }
    entry.write(key, at: header)
    return entry
  }

  /// A string, stored as an integer where it is one.
  static func string(_ key: ByteView, _ value: ByteView, deadline: Int64? = nil) -> Entry {
    if let integer = value.integer { return .integer(key, integer, deadline: deadline) }
    guard value.count <= inlineMax else {
      let entry = make(key, kind: .string, encoding: .block, inlineCount: 0, deadline: deadline)
      unsafe entry.setBlock(Blob.copying(value).address)
      return entry
    }
    let entry = make(
      key, kind: .string, encoding: .inline, inlineCount: value.count, deadline: deadline)
    entry.write(value, at: entry.keyOffset + key.count)
    return entry
  }

  static func integer(_ key: ByteView, _ value: Int64, deadline: Int64? = nil) -> Entry {
    let entry = make(key, kind: .string, encoding: .integer, inlineCount: 0, deadline: deadline)
    entry.payload = UInt64(bitPattern: value)
    return entry
  }

  /// A string that lies in `blob`, whose ownership is taken over.
  static func blob(_ key: ByteView, _ blob: Blob, deadline: Int64? = nil) -> Entry {
    let entry = make(key, kind: .string, encoding: .block, inlineCount: 0, deadline: deadline)
    unsafe entry.setBlock(blob.address)
    return entry
  }

  /// Any other value, whose ownership is taken over.
  static func value<V: StoredValue>(_ key: ByteView, _ value: V, deadline: Int64? = nil) -> Entry {
    let entry = make(key, kind: V.kind, encoding: .block, inlineCount: 0, deadline: deadline)
    unsafe entry.setBlock(value.address)
    return entry
  }

  /// An empty value of `kind`, which is in pieces; nil for strings and lists, which are not.
  static func pieced(_ kind: ValueKind, _ key: ByteView, deadline: Int64?) -> Entry? {
    switch kind {
    case .string, .list: nil
    case .set: value(key, SetValue.make(), deadline: deadline)
    case .sortedSet: value(key, SortedSet.make(), deadline: deadline)
    case .hash: value(key, HashValue.make(), deadline: deadline)
    case .stream: value(key, Stream.make(), deadline: deadline)
    }
  }

  private func setBlock(_ block: UnsafeMutableRawPointer) {
    unsafe store(block, at: 8)
  }

  private var block: UnsafeMutableRawPointer { unsafe load(8, as: UnsafeMutableRawPointer.self) }

  /// The same value under `key` with `deadline`; a value in a block is shared, not copied.
  func copied(key: ByteView, deadline: Int64?) -> Entry {
    let inlineCount = encoding == .inline ? inlineString.count : 0
    let copy = Self.make(
      key, kind: kind, encoding: encoding, inlineCount: inlineCount, deadline: deadline)
    copy.payload = payload
    copy.accessed = accessed
    if encoding == .inline { copy.write(inlineString, at: copy.keyOffset + key.count) }
    retainValue()
    return copy
  }

  private func retainValue() {
    guard encoding == .block else { return }
    // The count of owners lies at the same place in all blocks.
    unsafe List(address: block).retain()
  }

  func releaseChildren() {
    guard encoding == .block else { return }
    switch kind {
    case .string: unsafe Blob(address: block).release()
    case .list: unsafe List(address: block).release()
    default: pieced!.release()
    }
  }

  // MARK: Values

  private var inlineString: ByteView {
    view(at: keyOffset + keyCount, size: Int(load(18, as: UInt16.self)))
  }

  /// The integer of a string that is stored as one.
  @inline(__always) var storedInteger: Int64? {
    encoding == .integer ? Int64(bitPattern: payload) : nil
  }

  /// Puts another integer in the place of the one stored. Only when not shared.
  func replaceInteger(_ value: Int64) {
    assert(encoding == .integer && !isShared)
    payload = UInt64(bitPattern: value)
  }

  /// Calls `body` with the bytes of a string, however they are stored.
  @inline(__always)
  func withString<R>(_ body: (ByteView) -> R) -> R {
    switch encoding {
    case .inline: return body(inlineString)
    case .block: return unsafe body(Blob(address: block).bytes)
    case .integer:
      var digits = DecimalDigits(Int64(bitPattern: payload))
      return digits.withView(body)
    }
  }

  /// The bytes of a string that is not stored as an integer, valid while the entry lives.
  var storedString: ByteView {
    assert(kind == .string && encoding != .integer)
    return blob?.bytes ?? inlineString
  }

  var stringCount: Int { withString { $0.count } }

  private func setInlineCount(_ count: Int) { store(UInt16(count), at: 18) }

  /// Overwrites an inline string with one that takes the same memory.
  func replaceInline(_ value: ByteView) -> Bool {
    guard encoding == .inline, !isShared, value.count <= Self.inlineMax else { return false }
    let spare = usableSize - (keyOffset + keyCount + value.count)
    guard spare >= 0, spare < 16 else { return false }  // The step of the allocator's sizes.
    setInlineCount(value.count)
    write(value, at: keyOffset + keyCount)
    return true
  }

  /// Puts another string in the place of the one stored, where that takes no other memory.
  ///
  /// - Returns: false when it needs an entry of its own; nothing has changed then.
  @inline(__always)
  func replaceString(_ value: ByteView) -> Bool {
    guard kind == .string, !isShared else { return false }
    let integer = value.integer
    switch encoding {
    case .integer:
      guard let integer else { return false }
      replaceInteger(integer)
      return true
    case .inline:
      return integer == nil && replaceInline(value)
    case .block:
      guard value.count > Self.inlineMax, let blob, !blob.isShared, value.count <= blob.capacity,
        value.count > blob.capacity / 2
      else { return false }
      blob.resize(to: value.count)
      blob.write(value, atIndex: 0)
      return true
    }
  }

  /// Writes `bytes` at `index` of the string; what it gains before them is zero. Only when not shared.
  ///
  /// - Returns: nil when that was done in place, else the entry to put in the place of this one.
  func writing(_ bytes: ByteView, at index: Int) -> Entry? {
    let old = stringCount
    let count = max(old, index + bytes.count)
    if let blob = unsharedBlob(capacity: count) {
      if count > old { blob.resize(to: count) }
      blob.write(bytes, atIndex: index)
      return nil
    }
    guard count <= Self.inlineMax else {
      let blob = Blob.zeroed(count: count, capacity: count)
      withString { blob.write($0, atIndex: 0) }
      blob.write(bytes, atIndex: index)
      return .blob(key, blob, deadline: deadline)
    }
    let isRoomy = encoding == .inline && keyOffset + keyCount + count <= usableSize
    let entry =
      isRoomy
      ? self
      : .make(key, kind: .string, encoding: .inline, inlineCount: count, deadline: deadline)
    let place = entry.keyOffset + entry.keyCount
    if !isRoomy { withString { entry.write($0, at: place) } }
    entry.setInlineCount(count)
    if index > old { entry.clear(at: place + old, size: index - old) }
    entry.write(bytes, at: place + index)
    return isRoomy ? nil : entry
  }

  /// The blob of a long string, if that is how it is stored.
  var blob: Blob? { encoding == .block && kind == .string ? unsafe Blob(address: block) : nil }

  /// The blob of a long string for writing: a copy takes the place of one that is shared.
  func unsharedBlob(capacity: Int) -> Blob? {
    guard let old = blob else { return nil }
    assert(!isShared)
    if !old.isShared, old.capacity >= capacity { return old }
    let new: Blob
    if old.isShared {
      new = Blob.copying(old.bytes, capacity: capacity)
      old.release()
    } else {
      new = old.grown(to: capacity)
    }
    unsafe setBlock(new.address)
    return new
  }

  /// A value of the type that `kind` says, for reading.
  @inline(__always)
  func value<V: StoredValue>(_ type: V.Type = V.self) -> V {
    assert(kind == V.kind)
    return unsafe V(address: block)
  }

  /// The same for writing: a copy takes the place of one that is shared.
  @inline(__always)
  func unsharedValue<V: StoredValue>(_ type: V.Type = V.self) -> V {
    let value = value(type)
    guard value.isShared else { return value }
    assert(!isShared)
    let copy = value.copied()
    unsafe setBlock(copy.address)
    value.release()
    return copy
  }

  /// Keeps a value that has changed and may lie in another block by that.
  @inline(__always)
  func keep<V: StoredValue>(_ value: V) {
    assert(kind == V.kind)
    unsafe setBlock(value.address)
  }

  /// When the next field of a hash goes, in ms since 1970; nil when none does.
  @inline(__always)
  var nextFieldDeadline: Int64? {
    guard kind == .hash else { return nil }
    let hash = value(HashValue.self)
    return hash.itemHasDeadlines ? hash.nextDeadline : nil
  }

  /// The list, for reading.
  @inline(__always) var list: List { value() }

  /// The list for writing.
  @inline(__always) var unsharedList: List { unsharedValue() }

  /// The value for who need not know which it is; nil for strings and lists.
  var pieced: (any PiecedValue)? {
    switch kind {
    case .string, .list: nil
    case .set: value(SetValue.self)
    case .sortedSet: value(SortedSet.self)
    case .hash: value(HashValue.self)
    case .stream: value(Stream.self)
    }
  }

  /// The value for who need not know which it is; nil for strings.
  var composite: (any StoredValue)? { kind == .list ? list : pieced }

  /// Frees the entry, which is out of its table: a long list or string in slices.
  func bury(in graveyard: inout Graveyard) {
    if !isShared, encoding == .block {
      switch kind {
      case .string:
        let blob = unsafe Blob(address: block)
        if blob.count > Graveyard.partSize {
          forgetBlock()
          graveyard.valueCount += 1
          graveyard.bury(blob)
        }
      case .list:
        let list = list
        if list.isLong {
          forgetBlock()
          graveyard.valueCount += 1
          list.bury(in: &graveyard)
        }
      default:
        if let value = pieced, value.isLong {
          forgetBlock()
          graveyard.valueCount += 1
          value.bury(in: &graveyard)
        }
      }
    }
    release()
  }

  /// Makes the value an integer: its block belongs to another owner now.
  private func forgetBlock() {
    store(UInt8(Encoding.integer.rawValue) | (hasDeadline ? 0x80 : 0), at: 17)
    store(ValueKind.string.rawValue, at: 16)
    payload = 0
  }

  /// Memory of the entry and its value, in bytes; `samples` elements of a big value are looked at.
  func memoryUsage() -> Int {
    let own = usableSize + 8
    guard encoding == .block else { return own }
    guard let composite else { return unsafe own + Blob(address: block).usableSize + 8 }
    return own + composite.memoryUsage
  }
}

extension Optional where Wrapped == ValueKind {
  /// The kind of an entry, which only this file writes.
  @inline(__always) fileprivate var unsafelyUnwrappedKind: ValueKind {
    guard let kind = self else { preconditionFailure("an entry of no kind") }
    return kind
  }
}
