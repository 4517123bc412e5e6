// Bytes.swift: bytes seen (`Bytes`) and bytes being put together (`Buffer`).

import Glibc

/// Bytes that somebody else keeps: of a string, of a buffer, of a literal.
///
/// Invariant: they live, unchanged, for as long as the view is used.
@safe
struct Bytes: BitwiseCopyable {
  let start: UnsafeRawPointer
  let count: Int

  @inline(__always)
  init(_ start: UnsafeRawPointer, count: Int) {
    unsafe self.start = start
    self.count = count
  }

  init(_ buffer: UnsafeRawBufferPointer) {
    // An empty buffer may have no address.
    unsafe start = buffer.baseAddress ?? Bytes("").start
    count = buffer.count
  }

  @inline(__always)
  init(_ literal: StaticString) {
    unsafe start = UnsafeRawPointer(literal.utf8Start)
    count = literal.utf8CodeUnitCount
  }

  @inline(__always)
  subscript(offset: Int) -> UInt8 { unsafe start.load(fromByteOffset: offset, as: UInt8.self) }

  @inline(__always)
  subscript(range: Range<Int>) -> Bytes {
    unsafe Bytes(start + range.lowerBound, count: range.count)
  }

  @inline(__always)
  func from(_ offset: Int) -> Bytes { self[offset..<count] }

  /// What C takes for all of it: up to the first zero.
  var untilZero: Bytes { self[0..<(firstOffset(of: 0) ?? count)] }

  static func == (a: Bytes, b: Bytes) -> Bool {
    unsafe a.count == b.count && memcmp(a.start, b.start, a.count) == 0
  }

  static func == (a: Bytes, b: StaticString) -> Bool { a == Bytes(b) }

  /// Below 0, 0 or above 0 as `a` comes before, with or after `b`, byte by byte.
  static func compare(_ a: Bytes, _ b: Bytes) -> Int {
    let order = unsafe Int(memcmp(a.start, b.start, min(a.count, b.count)))
    return order != 0 ? order : a.count - b.count
  }

  func firstOffset(of byte: UInt8, from offset: Int = 0) -> Int? {
    guard offset < count else { return nil }
    guard let found = unsafe memchr(start + offset, Int32(byte), count - offset) else { return nil }
    return unsafe UnsafeRawPointer(found) - start
  }
}

/// Bytes that grow at their end. Its memory comes from the machine's spare buffer and returns there, so
/// that a function which makes a string allocates nothing else.
///
/// Invariant: 0 ≤ count ≤ capacity.
@safe
struct Buffer: ~Copyable {
  /// More than this is not kept for the next one.
  static let spareMax = 1 << 16

  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  private(set) var count = 0
  private let machine: Machine

  init(_ machine: Machine) {
    self.machine = machine
    if let spare = unsafe machine.body.spareBuffer {
      unsafe memory = spare
      capacity = machine.body.spareCapacity
      unsafe machine.body.spareBuffer = nil
    } else {
      capacity = 256
      unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    }
  }

  deinit {
    if unsafe capacity <= Self.spareMax && machine.body.spareBuffer == nil {
      unsafe machine.body.spareBuffer = memory
      machine.body.spareCapacity = capacity
    } else {
      unsafe memory.deallocate()
    }
  }

  /// What is there now; not to be used after the next change.
  var bytes: Bytes { unsafe Bytes(memory, count: count) }

  @inline(__always)
  mutating func append(_ byte: UInt8) throws(Failure) {
    if count == capacity { try grow(1) }
    unsafe memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  mutating func append(_ bytes: Bytes) throws(Failure) {
    if bytes.count > capacity - count { try grow(bytes.count) }
    unsafe memcpy(memory + count, bytes.start, bytes.count)
    count += bytes.count
  }

  /// Appends `bytes` as often as `count` says: what is there already is copied, twice as much each time.
  mutating func append(_ bytes: Bytes, count times: Int) throws(Failure) {
    guard times > 0, bytes.count > 0 else { return }
    let start = count, size = bytes.count * times
    try reserve(size)
    try append(bytes)
    while count - start < size {
      let copied = min(count - start, size - (count - start))
      unsafe memcpy(memory + count, memory + start, copied)
      count += copied
    }
  }

  mutating func append(_ text: StaticString) throws(Failure) { try append(Bytes(text)) }

  mutating func append(number: Double) throws(Failure) {
    if count + NumberText.sizeMax > capacity { try grow(NumberText.sizeMax) }
    count += unsafe NumberText.write(number, to: memory + count)
  }

  mutating func append(integer: Int64) throws(Failure) {
    if count + NumberText.sizeMax > capacity { try grow(NumberText.sizeMax) }
    count += unsafe NumberText.write(integer, to: memory + count)
  }

  /// Appends what `write` puts into room of `size` bytes; it answers how many it used.
  mutating func append(
    size: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int
  ) throws(Failure) {
    if size > capacity - count { try grow(size) }
    count += unsafe write(UnsafeMutableRawBufferPointer(start: memory + count, count: size))
  }

  mutating func removeAll() { count = 0 }

  mutating func truncate(to count: Int) {
    precondition(count <= self.count)
    self.count = count
  }

  func store(_ byte: UInt8, at offset: Int) {
    precondition(offset < count)
    unsafe memory.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
  }

  /// Makes room for `size` more bytes.
  mutating func reserve(_ size: Int) throws(Failure) {
    if size > capacity - count { try grow(size) }
  }

  private mutating func grow(_ size: Int) throws(Failure) {
    try machine.checkRoom(size)
    let wanted = max(capacity * 2, count + size)
    // The string that is made of it comes beside it.
    if wanted > Self.spareMax { try machine.checkRoom(wanted + count + size) }
    machine.charge(count >> 6)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
    unsafe memcpy(larger, memory, count)
    unsafe memory.deallocate()
    unsafe memory = larger
    capacity = wanted
  }
}
