// ByteBuffer.swift: bytes that grow at the end and are taken from the front.
//
// Used for what a connection has sent but we have not run, for replies on their way out and for the
// records of a turn. It owns its memory alone; no pointer leaves it but for one call.
// Invariant: 0 ≤ start ≤ end ≤ capacity, and bytes start ..< end are initialised.

#if canImport(Glibc)
  import Glibc
#endif

/// A queue of bytes in one block of memory.
///
/// Appending is amortised O(n) of what is appended; taking from the front is O(1). An empty buffer
/// holds no memory until the first append and gives it back on `reset(keeping:)`.
@safe
public struct ByteBuffer: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer?
  @usableFromInline var start = 0
  @usableFromInline var end = 0
  /// Bytes that fit before more memory is needed.
  public internal(set) var capacity = 0

  @inlinable
  public init() { unsafe base = nil }

  public init(capacity: Int) {
    unsafe base = nil
    if capacity > 0 { reserve(capacity) }
  }

  deinit { unsafe free(base) }

  @inlinable public var count: Int { end - start }
  @inlinable public var isEmpty: Bool { end == start }

  /// The bytes held, valid until the next mutation.
  @inlinable
  public var view: ByteView {
    guard count > 0, let base = unsafe base else { return ByteView() }
    return unsafe ByteView(base + start, count: count)
  }

  /// Bytes `offset ..< offset + size` of what is held, valid until the next mutation.
  @inlinable
  public func view(at offset: Int, size: Int) -> ByteView {
    precondition(offset >= 0 && size >= 0 && offset + size <= count)
    guard size > 0, let base = unsafe base else { return ByteView() }
    return unsafe ByteView(base + start + offset, count: size)
  }

  /// Makes room for `size` more bytes, moving what is held to the front first where that suffices.
  @inlinable
  public mutating func reserve(_ size: Int) {
    if capacity - end < size { makeRoom(size) }
  }

  @usableFromInline
  mutating func makeRoom(_ size: Int) {
    let held = count
    if start > 0, capacity - held >= size, start >= held, let base = unsafe base {
      unsafe memcpy(base, base + start, held)
      start = 0
      end = held
      return
    }
    let (needed, overflow) = held.addingReportingOverflow(size)
    precondition(!overflow)
    var grown = max(64, capacity)
    while grown < needed { grown += max(grown, 64) }
    if start > 0, let base = unsafe base {
      unsafe memmove(base, base + start, held)
      start = 0
      end = held
    }
    guard let moved = unsafe realloc(base, grown) else { fatalOutOfMemory(grown) }
    unsafe base = moved
    capacity = grown
  }

  /// The next `size` bytes at the end, now part of the buffer, for the caller to fill at once.
  @inlinable
  public mutating func grow(_ size: Int) -> UnsafeMutableRawPointer {
    reserve(size)
    let free = unsafe base.unsafelyUnwrapped + end
    end += size
    return unsafe free
  }

  @inlinable
  public mutating func append(_ bytes: ByteView) {
    guard bytes.count > 0 else { return }
    let free = unsafe grow(bytes.count)
    unsafe memcpy(free, bytes.base, bytes.count)
  }

  @inlinable
  public mutating func append(_ literal: StaticString) { append(ByteView(literal)) }

  @inlinable
  public mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append(ByteView($0)) }
  }

  @inlinable
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { unsafe append(ByteView(UnsafeRawBufferPointer($0))) }
  }

  @inlinable
  public mutating func append(byte: UInt8) {
    let free = unsafe grow(1)
    unsafe free.storeBytes(of: byte, as: UInt8.self)
  }

  /// Drops `size` bytes from the front.
  @inlinable
  public mutating func removeFirst(_ size: Int) {
    precondition(size >= 0 && size <= count)
    start += size
    if start == end {
      start = 0
      end = 0
    }
  }

  /// Keeps the first `size` bytes.
  @inlinable
  public mutating func truncate(to size: Int) {
    precondition(size >= 0 && size <= count)
    end = start + size
  }

  /// Writes `bytes` over what stands at `offset`.
  public mutating func overwrite(at offset: Int, with bytes: ByteView) {
    precondition(offset >= 0 && offset + bytes.count <= count)
    guard bytes.count > 0, let base = unsafe base else { return }
    unsafe memcpy(base + start + offset, bytes.base, bytes.count)
  }

  /// Writes `value` over what stands at `offset`.
  @inlinable
  public mutating func overwrite<Number: FixedWidthInteger>(
    at offset: Int, littleEndian value: Number
  ) {
    unsafe withUnsafeBytes(of: value.littleEndian) {
      unsafe overwrite(at: offset, with: ByteView($0))
    }
  }

  /// Puts `bytes`, which lie elsewhere, at `offset`, moving what follows.
  public mutating func insert(_ bytes: ByteView, at offset: Int) {
    precondition(offset >= 0 && offset <= count)
    guard bytes.count > 0 else { return }
    let behind = count - offset
    _ = unsafe grow(bytes.count)
    guard let base = unsafe base else { return }
    let place = unsafe base + start + offset
    unsafe memmove(place + bytes.count, place, behind)
    unsafe memcpy(place, bytes.start, bytes.count)
  }

  /// Empties the buffer; memory above `keeping` bytes goes back to the system.
  public mutating func reset(keeping: Int = 0) {
    start = 0
    end = 0
    if capacity > keeping {
      unsafe free(base)
      unsafe base = nil
      capacity = 0
    }
  }

  /// Gives `read` up to `size` free bytes to fill and takes in as many as it says it filled.
  ///
  /// - Returns: what `read` returned; values below 1 leave the buffer as it was.
  public mutating func fill(_ size: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    reserve(size)
    guard let base = unsafe base else { return 0 }
    let filled = unsafe read(UnsafeMutableRawBufferPointer(start: base + end, count: size))
    if filled > 0 {
      precondition(filled <= size)
      end += filled
    }
    return filled
  }
}

/// Ends the process with a line: the system refused memory that the limits had promised.
@usableFromInline
func fatalOutOfMemory(_ size: Int) -> Never {
  fatalError("out of memory: \(size) bytes refused by the system")
}
