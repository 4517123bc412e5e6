// StreamID.swift: what names an entry of a stream, and gives its place.

import RESP

/// The time at which an entry was added, and a number that tells entries of one millisecond apart.
struct StreamID: Comparable, Hashable, BitwiseCopyable {
  /// ms since 1970.
  var milliseconds: UInt64
  var sequence: UInt64

  init(_ milliseconds: UInt64, _ sequence: UInt64) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }

  static let zero = StreamID(0, 0)
  static let max = StreamID(.max, .max)

  @inline(__always)
  static func < (a: StreamID, b: StreamID) -> Bool {
    a.milliseconds != b.milliseconds
      ? a.milliseconds < b.milliseconds : a.sequence < b.sequence
  }

  /// The least id above this one; nil for the highest.
  var next: StreamID? {
    if sequence < .max { return StreamID(milliseconds, sequence + 1) }
    return milliseconds < .max ? StreamID(milliseconds + 1, 0) : nil
  }

  /// The highest id below this one; nil for the least.
  var previous: StreamID? {
    if sequence > 0 { return StreamID(milliseconds, sequence - 1) }
    return milliseconds > 0 ? StreamID(milliseconds - 1, .max) : nil
  }

  /// Calls `body` with the id as clients know it: `<ms>-<seq>`.
  func withText<R>(_ body: (ByteView) -> R) -> R {
    var storage: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
    return unsafe withUnsafeMutableBytes(of: &storage) { room in
      var start = room.count
      func write(_ number: UInt64) {
        var rest = number
        repeat {
          start -= 1
          let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
          unsafe room[start] = UInt8(truncatingIfNeeded: 0x30 + digit)
          rest = quotient
        } while rest > 0
      }
      write(sequence)
      start -= 1
      unsafe room[start] = 0x2D
      write(milliseconds)
      return unsafe body(ByteView(UnsafeRawBufferPointer(rebasing: room[start...])))
    }
  }
}
