// Bits.swift: bytes as a row of bits, counted from 0, the highest bit of each byte first.

import RESP

enum Bits {
  /// How many of the bits in `range` are 1.
  /// - Complexity: O(bytes), eight a step.
  static func count(_ bytes: ByteView, in range: Range<Int>) -> Int {
    guard !range.isEmpty else { return 0 }
    let first = range.lowerBound >> 3, last = (range.upperBound - 1) >> 3
    let head = UInt8(0xFF) >> UInt8(range.lowerBound & 7)
    let tail = UInt8(truncatingIfNeeded: 0xFF00 >> ((range.upperBound - 1) & 7 + 1))
    guard first < last else { return (bytes[first] & head & tail).nonzeroBitCount }
    return (bytes[first] & head).nonzeroBitCount + ones(bytes[first + 1..<last])
      + (bytes[last] & tail).nonzeroBitCount
  }

  private static func ones(_ bytes: ByteView) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      var count = 0, index = 0
      while index + 8 <= bytes.count {
        unsafe count +=
          bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).nonzeroBitCount
        index += 8
      }
      while index < bytes.count {
        unsafe count += bytes[index].nonzeroBitCount
        index += 1
      }
      return count
    }
  }

  /// The first bit in `range` that is `bit`.
  /// - Complexity: O(bytes passed), eight a step.
  static func first(_ bit: Bool, _ bytes: ByteView, in range: Range<Int>) -> Int? {
    // Looking for a 1 in what is inverted is looking for a 0.
    let flip: UInt8 = bit ? 0 : 0xFF
    let plain: UInt64 = bit ? 0 : .max
    return unsafe bytes.withUnsafeBytes { bytes in
      var place = range.lowerBound
      while place < range.upperBound {
        if place & 7 == 0, place + 64 <= range.upperBound,
          unsafe bytes.loadUnaligned(fromByteOffset: place >> 3, as: UInt64.self) == plain
        {
          place += 64
          continue
        }
        let byte = unsafe (bytes[place >> 3] ^ flip) << UInt8(place & 7)
        if byte != 0 {
          let found = place + byte.leadingZeroBitCount
          return found < range.upperBound ? found : nil
        }
        place = (place | 7) + 1
      }
      return nil
    }
  }

  /// Up to 64 bits of a row, with the bytes that they touch; what is behind the row's end is 0.
  struct Field {
    /// Index of the first byte it touches.
    let index: Int
    /// How many bytes it touches, 1 ... 9.
    let size: Int
    private let width: Int
    private var window: UInt128 = 0
    private let shift: Int

    /// The `width` bits (1 ... 64) from `offset` on.
    init(_ bytes: ByteView, at offset: Int, width: Int) {
      let lead = offset & 7
      index = offset >> 3
      size = (lead + width + 7) >> 3
      self.width = width
      shift = size * 8 - lead - width
      for place in index..<index + size {
        window = window << 8 | UInt128(place < bytes.count ? bytes[place] : 0)
      }
    }

    private var mask: UInt128 { (UInt128(1) << UInt128(width)) - 1 }

    /// The bits as a number; of a new value the lowest bits count.
    var value: UInt64 {
      get { UInt64(truncatingIfNeeded: window >> UInt128(shift) & mask) }
      set {
        window =
          window & ~(mask << UInt128(shift)) | (UInt128(newValue) & mask) << UInt128(shift)
      }
    }

    /// The bytes it touches.
    var bytes: [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: window >> UInt128(8 * (size - 1 - $0))) }
    }
  }
}

extension UInt64 {
  /// The same bits from the other end.
  var bitsReversed: UInt64 {
    var x = byteSwapped
    x = (x >> 4) & 0x0F0F_0F0F_0F0F_0F0F | (x & 0x0F0F_0F0F_0F0F_0F0F) << 4
    x = (x >> 2) & 0x3333_3333_3333_3333 | (x & 0x3333_3333_3333_3333) << 2
    return (x >> 1) & 0x5555_5555_5555_5555 | (x & 0x5555_5555_5555_5555) << 1
  }
}
