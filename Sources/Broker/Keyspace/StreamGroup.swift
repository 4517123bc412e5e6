// StreamGroup.swift: a group of consumers that share the entries of a stream, and each of them.
//
// What was delivered and not yet acknowledged is pending: once in the group, with whom it was given
// to, when and how often, and once in its consumer, as an id alone. A pending entry names its
// consumer by the block of the consumer's name, which stays the same however often the consumer is
// copied; only what is pending for a consumer that is there names it so.
// Invariants (`checkInvariants()`):
//   1. an id is pending in the group exactly if it is pending in its owner
//   2. the owner's name is the block of a consumer of the group

import RESP

/// An entry that was delivered and not acknowledged.
@safe
struct PendingEntry: IDItem {
  let id: StreamID
  private var ownerAddress: UInt
  /// When it was last delivered, in ms since 1970.
  var delivered: Int64
  /// How often it was delivered.
  var deliveries: Int64

  init(_ id: StreamID, _ owner: StreamConsumer, delivered: Int64, deliveries: Int64) {
    self.id = id
    unsafe ownerAddress = UInt(bitPattern: owner.nameBlock.address)
    self.delivered = delivered
    self.deliveries = deliveries
  }

  /// The name of the consumer it was given to.
  var owner: ByteView {
    unsafe Blob(
      address: UnsafeMutableRawPointer(bitPattern: ownerAddress).unsafelyUnwrapped
    ).bytes
  }

  func isOwned(by consumer: StreamConsumer) -> Bool {
    unsafe ownerAddress == UInt(bitPattern: consumer.nameBlock.address)
  }

  func retain() {}
  func release() {}
}

/// What is pending for one consumer.
struct OwnedEntry: IDItem {
  let id: StreamID
  func retain() {}
  func release() {}
}

///     offset  size  field
///          0     4  owners
///          8     8  name      block, not changed by anyone
///         16     8  seen      when it was last heard of, in ms since 1970
///         24    16  pending   ids
@safe
struct StreamConsumer: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static var size: Int { 40 }

  static func make(_ name: ByteView, seen: Int64) -> StreamConsumer {
    let consumer = StreamConsumer.allocate(size: size)
    unsafe consumer.store(Blob.copying(name).address, at: 8)
    consumer.seen = seen
    consumer.pending = IDTree()
    return consumer
  }

  fileprivate var nameBlock: Blob {
    unsafe Blob(address: load(8, as: UnsafeMutableRawPointer.self))
  }
  var key: ByteView { nameBlock.bytes }
  var seen: Int64 {
    get { load(16) }
    nonmutating set { store(newValue, at: 16) }
  }
  fileprivate(set) var pending: IDTree<OwnedEntry> {
    get { load(24) }
    nonmutating set { store(newValue, at: 24) }
  }

  func releaseChildren() {
    nameBlock.release()
    pending.release()
  }

  func copied() -> StreamConsumer {
    let copy = StreamConsumer.allocate(size: Self.size)
    copy.write(view(at: 8, size: Self.size - 8), at: 8)
    nameBlock.retain()
    pending.retain()
    return copy
  }

  func bury(in graveyard: inout Graveyard) {
    guard !isShared, pending.count > StreamGroup.pendingFreedAtOnce else { return release() }
    graveyard.bury(pending.buried())
    nameBlock.release()
    free()
  }

  fileprivate func own(_ id: StreamID) {
    var pending = self.pending
    pending.insert(OwnedEntry(id: id))
    self.pending = pending
  }

  fileprivate func disown(_ id: StreamID) {
    var pending = self.pending
    _ = pending.remove(id)
    self.pending = pending
  }
}

///     offset  size  field
///          0     4  owners
///          4     4  nameSize
///          8    16  delivered   the highest id that was given to a consumer
///         24     8  read        entries up to there that were ever added; -1: not known
///         32    16  consumers   by name
///         48    16  pending
///         64     …  name
@safe
struct StreamGroup: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static var headerSize: Int { 64 }
  fileprivate static var pendingFreedAtOnce: Int { 256 }

  static func make(_ name: ByteView, delivered: StreamID, read: Int64?) -> StreamGroup {
    let group = StreamGroup.allocate(size: headerSize + name.count)
    group.store(UInt32(name.count), at: 4)
    group.delivered = delivered
    group.read = read
    group.consumers = .empty
    group.pending = IDTree()
    group.write(name, at: headerSize)
    return group
  }

  var key: ByteView { view(at: Self.headerSize, size: Int(load(4, as: UInt32.self))) }
  var delivered: StreamID {
    get { load(8) }
    nonmutating set { store(newValue, at: 8) }
  }
  /// How many entries were ever added up to `delivered`, as far as that is known.
  var read: Int64? {
    get { load(24, as: Int64.self) < 0 ? nil : load(24) }
    nonmutating set { store(newValue ?? -1, at: 24) }
  }
  private var consumers: HashTable<StreamConsumer>.Kept {
    get { load(32) }
    nonmutating set { store(newValue, at: 32) }
  }
  private(set) var pending: IDTree<PendingEntry> {
    get { load(48) }
    nonmutating set { store(newValue, at: 48) }
  }

  func releaseChildren() {
    HashTable<StreamConsumer>.release(consumers)
    pending.release()
  }

  func copied() -> StreamGroup {
    let size = Self.headerSize + key.count
    let copy = StreamGroup.allocate(size: size)
    copy.write(view(at: 4, size: size - 4), at: 4)
    HashTable<StreamConsumer>.retain(consumers)
    pending.retain()
    return copy
  }

  func bury(in graveyard: inout Graveyard) {
    guard !isShared else { return release() }
    if pending.count > Self.pendingFreedAtOnce {
      graveyard.bury(pending.buried())
    } else {
      pending.release()
    }
    var table = HashTable<StreamConsumer>(consumers, hash: KeyHash(seed: 0))
    if table.count > Self.pendingFreedAtOnce || pending.count > Self.pendingFreedAtOnce {
      graveyard.bury(table.takeAll())
    }
    free()
    // What the table still has goes with it.
  }

  /// Bytes of all its memory, consumers by about what they take.
  var memoryUsage: Int {
    usableSize + 8 + pending.nodesSize + consumers.count * 160 + pending.count * 20
  }

  // MARK: Consumers

  var consumerCount: Int { consumers.count }

  /// The consumers by their names.
  var sortedConsumers: [StreamConsumer] {
    var all: [StreamConsumer] = []
    let table = HashTable<StreamConsumer>(consumers, hash: KeyHash(seed: 0))
    table.forEach { all.append($0) }
    _ = table.keep()
    return all.sorted { $0.key < $1.key }
  }

  /// The consumer called `name`, for reading.
  func consumer(_ name: ByteView, _ hash: KeyHash) -> StreamConsumer? {
    let table = HashTable<StreamConsumer>(consumers, hash: hash)
    let consumer = table.find(name, hash: hash(name))
    _ = table.keep()
    return consumer
  }

  /// The same for writing: a copy takes the place of one that is shared.
  func consumerForWriting(_ name: ByteView, _ hash: KeyHash) -> StreamConsumer? {
    assert(!isShared)
    var table = HashTable<StreamConsumer>(consumers, hash: hash)
    let found = table.place(of: name, hash: hash(name))
    consumers = table.keep()
    guard let place = found else { return nil }
    let consumer = place.item
    guard consumer.isShared else { return consumer }
    let copy = consumer.copied()
    place.replace(with: copy)
    consumer.release()
    return copy
  }

  /// A new consumer called `name`, which is not there.
  func makeConsumer(_ name: ByteView, _ hash: KeyHash, seen: Int64) -> StreamConsumer {
    assert(!isShared)
    let consumer = StreamConsumer.make(name, seen: seen)
    var table = HashTable<StreamConsumer>(consumers, hash: hash)
    table.insert(consumer, hash: hash(name))
    consumers = table.keep()
    return consumer
  }

  /// Removes the consumer called `name` with all that is pending for it.
  ///
  /// - Returns: how many entries that was; nil when there is no such consumer.
  /// - Complexity: O(n log n) for n of them.
  func removeConsumer(
    _ name: ByteView, _ hash: KeyHash, _ graveyard: inout Graveyard
  ) -> Int? {
    assert(!isShared)
    var table = HashTable<StreamConsumer>(consumers, hash: hash)
    let removed = table.remove(name, hash: hash(name))
    consumers = table.keep()
    guard let consumer = removed else { return nil }
    let count = consumer.pending.count
    var pending = self.pending
    var cursor = consumer.pending.cursor()
    while let entry = cursor.next() { _ = pending.remove(entry.id) }
    self.pending = pending
    consumer.bury(in: &graveyard)
    return count
  }

  // MARK: Pending entries

  /// Makes `consumer`, one of this group for writing, the owner of `id`, whoever was before.
  func assign(
    _ id: StreamID, to consumer: StreamConsumer, delivered: Int64, deliveries: Int64,
    _ hash: KeyHash
  ) {
    assert(!isShared)
    let entry = PendingEntry(id, consumer, delivered: delivered, deliveries: deliveries)
    var pending = self.pending
    if let old = pending.find(id) {
      pending.change(id) { $0 = entry }
      if !old.isOwned(by: consumer) {
        consumerForWriting(old.owner, hash)?.disown(id)
        consumer.own(id)
      }
    } else {
      pending.insert(entry)
      consumer.own(id)
    }
    self.pending = pending
  }

  /// Takes `id` out of what is pending.
  ///
  /// - Returns: whether it was.
  /// - Complexity: O(log n).
  func acknowledge(_ id: StreamID, _ hash: KeyHash) -> Bool {
    assert(!isShared)
    var pending = self.pending
    guard let entry = pending.remove(id) else { return false }
    self.pending = pending
    consumerForWriting(entry.owner, hash)?.disown(id)
    return true
  }

  // MARK: The whole

  /// What it says, but for when its consumers were seen, which no log has.
  func digest(_ hash: KeyHash) -> UInt64 {
    var state = hash(key)
    func add(_ word: UInt64) {
      state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
      state ^= state >> 29
    }
    add(delivered.milliseconds)
    add(delivered.sequence)
    add(UInt64(bitPattern: read ?? -1))
    var cursor = pending.cursor()
    while let entry = cursor.next() {
      add(entry.id.milliseconds)
      add(entry.id.sequence)
      add(hash(entry.owner))
      add(UInt64(bitPattern: entry.delivered))
      add(UInt64(bitPattern: entry.deliveries))
    }
    for consumer in sortedConsumers { add(hash(consumer.key)) }
    return state
  }

  func checkInvariants() {
    pending.checkInvariants()
    var owned = 0
    for consumer in sortedConsumers {
      consumer.pending.checkInvariants()
      owned += consumer.pending.count
      var cursor = consumer.pending.cursor()
      while let entry = cursor.next() {
        precondition(pending.find(entry.id)?.isOwned(by: consumer) == true)
      }
    }
    precondition(owned == pending.count)
  }
}

// MARK: Groups of a stream

extension Stream {
  var groupCount: Int { groups.count }

  func forEachGroup(_ body: (StreamGroup) -> Void) {
    let table = HashTable<StreamGroup>(groups, hash: KeyHash(seed: 0))
    table.forEach(body)
    _ = table.keep()
  }

  /// The groups by their names.
  var sortedGroups: [StreamGroup] {
    var all: [StreamGroup] = []
    forEachGroup { all.append($0) }
    return all.sorted { $0.key < $1.key }
  }

  /// The group called `name`, for reading.
  func group(_ name: ByteView, _ hash: KeyHash) -> StreamGroup? {
    let table = HashTable<StreamGroup>(groups, hash: hash)
    let group = table.find(name, hash: hash(name))
    _ = table.keep()
    return group
  }

  /// The same for writing: a copy takes the place of one that is shared.
  func groupForWriting(_ name: ByteView, _ hash: KeyHash) -> StreamGroup? {
    assert(!isShared)
    var table = HashTable<StreamGroup>(groups, hash: hash)
    let found = table.place(of: name, hash: hash(name))
    groups = table.keep()
    guard let place = found else { return nil }
    let group = place.item
    guard group.isShared else { return group }
    let copy = group.copied()
    place.replace(with: copy)
    group.release()
    return copy
  }

  /// Takes over a group, whose name is not there.
  func insert(_ group: StreamGroup, _ hash: KeyHash) {
    assert(!isShared)
    var table = HashTable<StreamGroup>(groups, hash: hash)
    table.insert(group, hash: hash(group.key))
    groups = table.keep()
  }

  /// Removes the group called `name`.
  ///
  /// - Returns: whether there was one.
  func removeGroup(_ name: ByteView, _ hash: KeyHash, _ graveyard: inout Graveyard) -> Bool {
    assert(!isShared)
    var table = HashTable<StreamGroup>(groups, hash: hash)
    let group = table.remove(name, hash: hash(name))
    groups = table.keep()
    group?.bury(in: &graveyard)
    return group != nil
  }

  /// All groups, out of a stream that is going to be freed.
  func takeGroups() -> BuriedTable<StreamGroup> {
    var table = HashTable<StreamGroup>(groups, hash: KeyHash(seed: 0))
    let all = table.takeAll()
    groups = table.keep()
    return all
  }
}
