// Block.swift: reference-counted memory, of which every stored value is made.
//
// A block is a piece of memory with its count of owners in the first four bytes. A snapshot owns
// the roots; a writer that finds a block shared copies that one block and goes on with the copy
// (copy-on-write), so that another thread may read what the snapshot holds without any lock.
// Blocks, not classes: a class field costs exclusivity checks and each load of a reference a retain
// and a release, which together were more than the work of a push.
// Only the files of Structures and Keyspace touch blocks, and each type frees its own children.

import CLinux
import RESP
import Glibc
import Synchronization

/// Memory held by all blocks together, in bytes as the allocator rounds them.
///
/// Thread safety: any thread may read or change it.
enum MemoryAccount {
  /// What the empty broker holds besides: tables, buffers, sessions.
  static let base = 1 << 20
  private static let total = Atomic<Int>(base)

  static var used: Int { total.load(ordering: .relaxed) }

  @inline(__always)
  static func add(_ size: Int) { total.wrappingAdd(size, ordering: .relaxed) }
}

/// A trivial handle of a block: copying it changes no count.
@safe
protocol Block {
  var address: UnsafeMutableRawPointer { get }
  init(address: UnsafeMutableRawPointer)
  /// Releases what this block owns; called when its last owner has let go.
  func releaseChildren()
  /// Bytes the allocator gave, those behind the wanted size included.
  var usableSize: Int { get }
  /// Frees the memory alone; its children have found other owners.
  func free()
}

extension Block {
  /// A block of `size` bytes with one owner; what lies behind the count is not initialised.
  @inline(__always)
  static func allocate(size: Int) -> Self {
    guard let address = unsafe malloc(size) else { fatalError("out of memory: \(size) bytes") }
    unsafe address.storeBytes(of: 1, as: UInt32.self)
    unsafe MemoryAccount.add(malloc_usable_size(address) + 8)
    return unsafe Self(address: address)
  }

  @inline(__always)
  var usableSize: Int { mallocSize }

  /// `usableSize` of a block that `allocate` gave.
  @inline(__always)
  var mallocSize: Int { unsafe malloc_usable_size(address) }

  @inline(__always)
  private var owners: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inline(__always)
  var isShared: Bool { unsafe owners.pointee.load(ordering: .acquiring) != 1 }

  /// Whether there are `count` owners: who is all of them shares the block with nobody else.
  @inline(__always)
  func isOwned(by count: UInt32) -> Bool {
    unsafe owners.pointee.load(ordering: .acquiring) == count
  }

  @inline(__always)
  func retain() { unsafe _ = owners.pointee.wrappingAdd(1, ordering: .relaxed) }

  /// Gives up one ownership; the last one frees the block and all that only it held.
  @inline(__always)
  func release() {
    if isShared {
      guard
        unsafe owners.pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
      else { return }
    }
    releaseChildren()
    free()
  }

  @inline(__always)
  func free() { mallocFree() }

  /// `free` of a block that `allocate` gave.
  @inline(__always)
  func mallocFree() {
    unsafe MemoryAccount.add(-(malloc_usable_size(address) + 8))
    unsafe Glibc.free(address)
  }

  /// Asks for the block's first 64 bytes and, where these lie in two lines of the cache, some more.
  @inline(__always)
  func prefetch() {
    unsafe martlet_prefetch(address)
    unsafe martlet_prefetch(address + 64)
  }

  @inline(__always)
  func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type = T.self) -> T {
    unsafe address.load(fromByteOffset: offset, as: T.self)
  }

  @inline(__always)
  func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    unsafe address.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }

  /// The same block with another size, perhaps elsewhere. Only for a block that is not shared.
  func resized(to size: Int) -> Self {
    assert(!isShared)
    let old = usableSize
    guard let moved = unsafe realloc(address, size) else {
      fatalError("out of memory: \(size) bytes")
    }
    unsafe MemoryAccount.add(malloc_usable_size(moved) - old)
    return unsafe Self(address: moved)
  }

  /// `size` bytes of the block from `offset`, valid while the block lives unchanged.
  @inline(__always)
  func view(at offset: Int, size: Int) -> ByteView {
    unsafe ByteView(address + offset, count: size)
  }

  @inline(__always)
  func write(_ bytes: ByteView, at offset: Int) {
    unsafe memcpy(address + offset, bytes.start, bytes.count)
  }

  /// Zeros `size` bytes from `offset`.
  func clear(at offset: Int, size: Int) {
    unsafe memset(address + offset, 0, size)
  }

  /// Moves `size` bytes inside the block; the places may overlap.
  @inline(__always)
  func move(from: Int, to: Int, size: Int) {
    unsafe memmove(address + to, address + from, size)
  }
}

/// A block of bytes: a string too long to lie in its entry. Immutable once it is shared.
///
///     offset  size  field
///          0     4  owners
///          4     4  (free)
///          8     8  count    bytes of the string
///         16     …  the bytes, with room for growth behind them
@safe
struct Blob: Block {
  let address: UnsafeMutableRawPointer
  static let headerSize = 16

  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  /// A string of `count` zero bytes with room for `capacity`.
  static func zeroed(count: Int, capacity: Int) -> Blob {
    let blob = Blob.allocate(size: headerSize + max(count, capacity))
    blob.store(count, at: 8)
    unsafe memset(blob.address + headerSize, 0, count)
    return blob
  }

  static func copying(_ bytes: ByteView, capacity: Int = 0) -> Blob {
    let blob = Blob.allocate(size: headerSize + max(bytes.count, capacity))
    blob.store(bytes.count, at: 8)
    blob.write(bytes, at: headerSize)
    return blob
  }

  var count: Int { load(8) }
  var capacity: Int { usableSize - Self.headerSize }
  var bytes: ByteView { view(at: Self.headerSize, size: count) }

  func releaseChildren() {}

  /// Most bytes of room that growth adds in advance.
  private static var spareMax: Int { 16 << 20 }

  /// The same string with room for `capacity` bytes and half as many again, so that growth is
  /// amortised. Only for a block that is not shared; the caller keeps what is returned instead.
  func grown(to capacity: Int) -> Blob {
    resized(to: Self.headerSize + capacity + min(capacity / 2, Self.spareMax))
  }

  /// Sets the count; bytes gained are zero. Only for a block that is not shared, within its capacity.
  func resize(to count: Int) {
    assert(!isShared)
    precondition(count <= capacity)
    let old = self.count
    if count > old { unsafe memset(address + Self.headerSize + old, 0, count - old) }
    store(count, at: 8)
  }

  func write(_ bytes: ByteView, atIndex index: Int) {
    assert(!isShared)
    precondition(index + bytes.count <= count)
    write(bytes, at: Self.headerSize + index)
  }
}
