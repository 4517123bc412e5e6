// ChunkRegions.swift: where the full chunks of lists live, so that memory can be given back bit by bit.
//
// The C library gives memory back from the end of its heap alone: a key that lies above a gigabyte
// of freed chunks keeps all of it, and the turn that frees this key gives back the gigabyte at once
// (65 ms for half of one). Chunks of a long list all have about one size, so they are slots of
// regions of 2 MB, each allocated alone, which is a mapping of its own. A region that falls empty is
// kept for the next chunks: a queue that fills and drains would have its memory taken away and
// cleared again each time, which is 4 to 8 % of what pushing costs. What was not needed for some
// seconds, or is more than the most that is kept, is given back in later turns.
//
//     region   header (Region), then 128 slots
//     slot     address of its region (8 bytes), then the chunk
//
// Invariant: a region is in the list `open` if some of its slots are free and
// some are not, in `empty` if all are free, else in neither.
//
// Thread safety: any thread may call anything here; snapshots end on threads of their own.

import Glibc
import Synchronization

enum ChunkRegions {
  /// Bytes of a slot that are the chunk's.
  static let chunkSizeMax = slotSize - 8
  /// Smaller blocks would waste too much of a slot.
  static let chunkSizeMin = 15 << 10
  /// Empty regions that are kept however long they have been empty, and that are kept at all.
  static let keptCountMax = 32, emptyCountMax = 128
  /// Milliseconds for which a region must not have been needed; it is noticed in twice as long at most.
  static let unusedAge: Int64 = 5_000

  fileprivate static let slotSize = 16 << 10
  fileprivate static let slotCount = 128

  private struct State {
    /// Regions with slots both free and in use, linked both ways; empty ones, linked forwards.
    var open: Region?
    var empty: Region?
    var emptyCount = 0
    /// The fewest there have been since the last review: so many have not been needed.
    var emptyCountMin = 0
    /// More than these are given back.
    var emptyCountWanted = emptyCountMax
    var count = 0
    var nextReview: Int64 = 0
  }
  private static let state = Mutex(State())
  private static let surplus = Atomic<Bool>(false)

  /// Whether there are more empty regions than are kept.
  static var hasSurplus: Bool { surplus.load(ordering: .relaxed) }
  /// How many regions there are, and how many of them are empty.
  static var counts: (all: Int, empty: Int) { state.withLock { ($0.count, $0.emptyCount) } }

  /// Whether a chunk of `size` bytes is to live here.
  @inline(__always)
  static func takes(_ size: Int) -> Bool { size >= chunkSizeMin && size <= chunkSizeMax }

  /// Memory for one chunk, not initialised.
  static func allocate() -> UnsafeMutableRawPointer {
    let slot = state.withLock { state in
      let region = state.open ?? begin(&state)
      let slot = region.takeSlot()
      if region.used == slotCount { close(region, &state) }
      return slot
    }
    MemoryAccount.add(slotSize)
    return unsafe slot.address + 8
  }

  /// Frees the memory at `chunk`, which `allocate` gave.
  static func free(_ chunk: UnsafeMutableRawPointer) {
    let slot = unsafe Slot(address: chunk - 8)
    state.withLock { state in
      let region = slot.region
      if region.used == slotCount { open(region, &state) }
      region.giveSlot(slot)
      guard region.used == 0 else { return }
      close(region, &state)
      region.next = state.empty
      state.empty = region
      state.emptyCount += 1
      noteSurplus(&state)
    }
    MemoryAccount.add(-slotSize)
  }

  /// Finds out which empty regions have not been needed lately. To be called often.
  ///
  /// - Parameter now: monotonic milliseconds.
  static func review(at now: Int64) {
    state.withLock { state in
      guard now >= state.nextReview else { return }
      state.nextReview = now + unusedAge
      let unused = max(0, state.emptyCountMin - keptCountMax)
      state.emptyCountMin = state.emptyCount
      state.emptyCountWanted = min(emptyCountMax, state.emptyCount - unused)
      noteSurplus(&state)
    }
  }

  /// Gives one empty region back if there are more than are kept. It takes the system some 0.1 ms.
  static func giveBackOne() {
    let region: Region? = state.withLock { state in
      guard state.emptyCount > state.emptyCountWanted, let region = state.empty else { return nil }
      takeEmpty(&state)
      state.count -= 1
      return region
    }
    region?.free()
  }

  // MARK: Under the lock

  private static func begin(_ state: inout State) -> Region {
    let region: Region
    if let empty = state.empty {
      region = empty
      takeEmpty(&state)
    } else {
      region = .make()
      state.count += 1
    }
    open(region, &state)
    return region
  }

  private static func takeEmpty(_ state: inout State) {
    state.empty = state.empty?.next
    state.emptyCount -= 1
    state.emptyCountMin = min(state.emptyCountMin, state.emptyCount)
    noteSurplus(&state)
  }

  private static func noteSurplus(_ state: inout State) {
    let hasSurplus = state.emptyCount > state.emptyCountWanted
    // Once what was too old has gone, others may come to be as old.
    if !hasSurplus { state.emptyCountWanted = emptyCountMax }
    surplus.store(hasSurplus, ordering: .relaxed)
  }

  private static func open(_ region: Region, _ state: inout State) {
    region.previous = nil
    region.next = state.open
    state.open?.previous = region
    state.open = region
  }

  private static func close(_ region: Region, _ state: inout State) {
    region.next?.previous = region.previous
    if let previous = region.previous {
      previous.next = region.next
    } else {
      state.open = region.next
    }
  }
}

/// 128 slots in one piece of memory. Free slots that were in use before are linked.
///
///     offset  size  field
///          0     8  next       region in its list, or 0
///          8     8  previous
///         16     8  firstFree  slot of those linked, or 0
///         24     4  used       slots in use
///         28     4  touched    slots that were in use at some time: the first ones
///         32    24  (free)     so that chunks lie at multiples of 16
///         56     …  slots
@safe
private struct Region: @unchecked Sendable {
  let address: UnsafeMutableRawPointer
  private static var headerSize: Int { 56 }

  static func make() -> Region {
    let size = headerSize + ChunkRegions.slotCount * ChunkRegions.slotSize
    guard let address = unsafe malloc(size) else { fatalError("out of memory: \(size) bytes") }
    unsafe memset(address, 0, headerSize)
    return unsafe Region(address: address)
  }

  func free() { unsafe Glibc.free(address) }

  private func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type = T.self) -> T {
    unsafe address.load(fromByteOffset: offset, as: T.self)
  }
  private func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    unsafe address.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }
  private func region(at offset: Int) -> Region? {
    unsafe load(offset, as: UnsafeMutableRawPointer?.self).map { unsafe Region(address: $0) }
  }

  var next: Region? {
    get { region(at: 0) }
    nonmutating set { unsafe store(newValue?.address, at: 0) }
  }
  var previous: Region? {
    get { region(at: 8) }
    nonmutating set { unsafe store(newValue?.address, at: 8) }
  }
  private var firstFree: Slot? {
    get { unsafe load(16, as: UnsafeMutableRawPointer?.self).map { unsafe Slot(address: $0) } }
    nonmutating set { unsafe store(newValue?.address, at: 16) }
  }
  private(set) var used: Int {
    get { Int(load(24, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 24) }
  }
  private var touched: Int {
    get { Int(load(28, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: 28) }
  }

  /// A free slot, of which there must be one.
  func takeSlot() -> Slot {
    used += 1
    if let slot = firstFree {
      firstFree = slot.next
      slot.region = self
      return slot
    }
    precondition(touched < ChunkRegions.slotCount)
    let slot = unsafe Slot(address: address + Self.headerSize + touched * ChunkRegions.slotSize)
    touched += 1
    slot.region = self
    return slot
  }

  func giveSlot(_ slot: Slot) {
    used -= 1
    slot.next = firstFree
    firstFree = slot
  }
}

/// Room for one chunk. Its first eight bytes name its region or, when it is free, the next free slot.
@safe
private struct Slot: @unchecked Sendable {
  let address: UnsafeMutableRawPointer

  var region: Region {
    get { unsafe Region(address: address.load(as: UnsafeMutableRawPointer.self)) }
    nonmutating set {
      unsafe address.storeBytes(of: newValue.address, as: UnsafeMutableRawPointer.self)
    }
  }
  var next: Slot? {
    get { unsafe address.load(as: UnsafeMutableRawPointer?.self).map { unsafe Slot(address: $0) } }
    nonmutating set {
      unsafe address.storeBytes(of: newValue?.address, as: UnsafeMutableRawPointer?.self)
    }
  }
}
