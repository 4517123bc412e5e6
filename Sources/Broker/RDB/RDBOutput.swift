// RDBOutput.swift: values in Redis' RDB format, as redis-server 7.0 and later read them.

import RESP

/// Bytes in RDB format in the making.
struct RDBOutput: ~Copyable {
  /// The version of the format that is written: that of Redis 7.0.
  static let version: UInt16 = 10

  private(set) var bytes = ByteBuffer()

  mutating func byte(_ byte: UInt8) { bytes.append(byte: byte) }

  /// The lowest `size` bytes of `number`.
  mutating func append(littleEndian number: UInt64, size: Int) {
    bytes.append(littleEndian: number, size: size)
  }

  /// Bytes that are in the format already.
  mutating func append(_ encoded: ByteView) { bytes.append(encoded) }

  mutating func length(_ length: Int) { self.length(UInt64(length)) }

  /// A length, or another number, in its shortest form.
  mutating func length(_ length: UInt64) {
    switch length {
    case ..<0x40: byte(UInt8(length))
    case ..<0x4000:
      byte(0x40 | UInt8(length >> 8))
      byte(UInt8(length & 0xFF))
    case ...UInt64(UInt32.max):
      byte(0x80)
      bytes.append(bigEndian: length, size: 4)
    default:
      byte(0x81)
      bytes.append(bigEndian: length, size: 8)
    }
  }

  /// The lowest `size` bytes of `number`, the highest first.
  mutating func append(bigEndian number: UInt64, size: Int) {
    bytes.append(bigEndian: number, size: size)
  }

  /// A string; one that spells an integer of 32 bits at most is written as that.
  mutating func string(_ string: ByteView) {
    if let number = string.integer.flatMap(Int32.init(exactly:)) { return integer(number) }
    length(string.count)
    bytes.append(string)
  }

  private mutating func integer(_ number: Int32) {
    let form: UInt8 = Int8(exactly: number) != nil ? 0 : Int16(exactly: number) != nil ? 1 : 2
    byte(0xC0 | form)
    bytes.append(littleEndian: UInt64(bitPattern: Int64(number)), size: 1 << Int(form))
  }

  /// Ends what DUMP gives: the version and a checksum over all.
  mutating func endDump() {
    bytes.append(littleEndian: UInt64(Self.version), size: 2)
    bytes.append(littleEndian: CRC64.checksum(bytes.view), size: 8)
  }
}

/// A listpack in the making; `Listpack` says how one is laid out.
struct ListpackWriter: ~Copyable {
  private var bytes = ByteBuffer()
  private var count = 0

  init() { bytes.append(littleEndian: 0, size: 6) }

  var size: Int { bytes.count + 1 }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ element: ByteView) {
    if let number = element.integer { return append(integer: number) }
    let start = bytes.count
    append(text: element)
    appendSize(bytes.count - start)
    count += 1
  }

  mutating func append(integer number: Int64) {
    let start = bytes.count
    append(mark: number)
    appendSize(bytes.count - start)
    count += 1
  }

  private mutating func append(text: ByteView) {
    switch text.count {
    case ..<64: bytes.append(byte: 0x80 | UInt8(text.count))
    case ..<4096: bytes.append(bigEndian: UInt64(0xE000 | text.count), size: 2)
    default:
      bytes.append(byte: 0xF0)
      bytes.append(littleEndian: UInt64(text.count), size: 4)
    }
    bytes.append(text)
  }

  private mutating func append(mark number: Int64) {
    switch number {
    case 0...127: bytes.append(byte: UInt8(number))
    case -4096...4095: bytes.append(bigEndian: UInt64(0xC000 | number & 0x1FFF), size: 2)
    default:
      let sizes: [(mark: UInt8, size: Int)] = [(0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8)]
      for (mark, size) in sizes where size == 8 || number >> (8 * Int64(size) - 1) == number >> 63 {
        bytes.append(byte: mark)
        return bytes.append(littleEndian: UInt64(bitPattern: number), size: size)
      }
    }
  }

  /// The size of an entry, readable from behind.
  private mutating func appendSize(_ size: Int) {
    let count = Listpack.sizeBehind(size)
    for place in 0..<count {
      let bits = UInt8(truncatingIfNeeded: size >> (7 * (count - 1 - place))) & 0x7F
      bytes.append(byte: place == 0 ? bits : bits | 0x80)
    }
  }

  /// Hands the whole over, and begins another.
  mutating func take() -> ByteBuffer {
    var done = ByteBuffer()
    swap(&done, &bytes)
    done.append(byte: 0xFF)
    done.overwrite(at: 0, littleEndian: UInt32(done.count))
    done.overwrite(at: 4, littleEndian: UInt16(clamping: count))
    self = ListpackWriter()
    return done
  }
}

extension ByteBuffer {
  /// Appends the lowest `size` bytes of `number`.
  mutating func append(littleEndian number: UInt64, size: Int) {
    for place in 0..<size { append(byte: UInt8(truncatingIfNeeded: number >> UInt64(8 * place))) }
  }

  fileprivate mutating func append(bigEndian number: UInt64, size: Int) {
    for place in (0..<size).reversed() {
      append(byte: UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
    }
  }
}
