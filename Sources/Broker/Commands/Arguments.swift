// Arguments.swift: the words of the request being run.

import RESP

/// The words of one request, as views into what the client sent. Word 0 is the command's name.
///
/// Validity: until the request's command returns.
@safe
struct Arguments {
  private let base: UnsafeRawPointer
  private let ranges: UnsafePointer<ArgumentRange>?
  let count: Int

  /// The request whose ranges are counted from the start of `bytes`.
  @inline(__always)
  init(_ bytes: ByteView, _ ranges: UnsafeBufferPointer<ArgumentRange>) {
    unsafe base = bytes.start
    unsafe self.ranges = ranges.baseAddress
    count = ranges.count
  }

  init() {
    unsafe base = ByteView().start
    unsafe ranges = nil
    count = 0
  }

  @inline(__always)
  subscript(index: Int) -> ByteView {
    precondition(index >= 0 && index < count)
    let range = unsafe ranges.unsafelyUnwrapped[index]
    return unsafe ByteView(base + Int(range.offset), count: Int(range.size))
  }

  /// The words from number `index` on, as a request of their own.
  func dropFirst(_ index: Int) -> Arguments {
    precondition(index <= count)
    return unsafe Arguments(
      base: base, ranges: ranges.map { unsafe $0 + index }, count: count - index)
  }

  private init(base: UnsafeRawPointer, ranges: UnsafePointer<ArgumentRange>?, count: Int) {
    unsafe self.base = base
    unsafe self.ranges = ranges
    self.count = count
  }

  /// Copies the words, for a transaction that runs later.
  func stored() -> StoredArguments {
    let stored = StoredArguments()
    for index in 0..<count { stored.append(self[index]) }
    return stored
  }
}

/// The words of a request that outlive it.
final class StoredArguments {
  private var bytes: [UInt8] = []
  private var ranges: [ArgumentRange] = []

  var count: Int { ranges.count }
  /// Bytes held.
  var size: Int { bytes.count + ranges.count * 8 }

  func append(_ word: ByteView) {
    ranges.append(ArgumentRange(offset: bytes.count, size: word.count))
    unsafe word.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// Drops the last `count` words; their memory is kept for others.
  func removeLast(_ count: Int) {
    guard count > 0 else { return }
    let first = ranges[ranges.count - count]
    bytes.removeLast(bytes.count - Int(first.offset))
    ranges.removeLast(count)
  }

  /// The words as arguments, for as long as `body` runs.
  func withArguments<R>(_ body: (Arguments) -> R) -> R {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe ranges.withUnsafeBufferPointer { ranges in
        unsafe body(Arguments(ByteView(bytes), ranges))
      }
    }
  }
}
