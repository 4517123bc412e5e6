// ListChunk+Bytes.swift: a chunk made of bytes that may be anything.

import RESP

extension ListChunk {
  /// The chunk whose three parts these are, or nil when they are those of none.
  static func make(count: Int, elementSize: UInt32, payload: ByteView) -> ListChunk? {
    guard count > 0, count <= countMax, payload.count <= Int(UInt32.max) else { return nil }
    let isWhole =
      elementSize == mixed
      ? countMixed(payload) == count : payload.count == count * Int(elementSize)
    guard isWhole else { return nil }
    let chunk = ListChunk.make(capacity: payload.count, fillingFrom: .tail)
    chunk.write(payload, at: headerSize)
    chunk.end = payload.count
    chunk.count = count
    chunk.elementSize = elementSize
    return chunk
  }

  /// How many elements lie in a mixed payload, or nil when it does not end with one.
  private static func countMixed(_ payload: ByteView) -> Int? {
    var offset = 0, count = 0
    while offset < payload.count {
      let first = payload[offset]
      let isMarked = first >= 0xF8
      let lengths: Int
      switch first & (isMarked ? 0xF7 : 0xFF) {
      case 0..<0xF0: lengths = 0
      case 0xF0: lengths = 1
      case 0xF1: lengths = 2
      case 0xF2: lengths = 4
      default: return nil
      }
      let head = 1 + lengths + (isMarked ? markSize : 0)
      guard head <= payload.count - offset else { return nil }
      var size = lengths == 0 ? Int(first) : 0
      for place in stride(from: lengths, to: 0, by: -1) {
        size = size << 8 | Int(payload[offset + place])
      }
      if isMarked, payload.littleEndian(at: offset + 1 + lengths, as: UInt64.self) == 0 {
        return nil
      }
      let front = head + size, tail = tailSize(front)
      guard headSize(size, isMarked: isMarked) == head, front + tail <= payload.count - offset
      else { return nil }
      var left = front
      for place in stride(from: offset + front + tail - 1, through: offset + front, by: -1) {
        let isLast = place == offset + front
        guard payload[place] == UInt8(left & 0x7F) | (isLast ? 0 : 0x80) else { return nil }
        left >>= 7
      }
      offset += front + tail
      count += 1
    }
    return count
  }
}
