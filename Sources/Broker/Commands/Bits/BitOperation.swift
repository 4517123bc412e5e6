// BitOperation.swift: BITOP: strings joined bit by bit.
//
// The result is made a piece at a time, each from the same piece of all sources, so that it stays in
// the processor's cache however long the strings are.

import RESP

extension BitCommands {
  static let operations: [Command] = [
    Command(
      "BITOP", arity: .atLeast(4), flags: [.write, .denyOOM],
      keys: [.one(2, [.overwrite, .update]), .range(3, -1, [.read])], group: .bitmap,
      since: "2.6.0",
      summary: "Joins strings bit by bit and stores the result.",
      complexity: "O(N), N bytes of all sources", body: bitop)
  ]

  private enum Operation {
    case and, or, xor, not

    init?(_ word: ByteView) {
      if word.matches("and") {
        self = .and
      } else if word.matches("or") {
        self = .or
      } else if word.matches("xor") {
        self = .xor
      } else if word.matches("not") {
        self = .not
      } else {
        return nil
      }
    }
  }

  /// `BITOP AND|OR|XOR|NOT destination key [key ...]` → integer: bytes of the result. Shorter strings
  /// count as filled up with zeros. An empty result deletes the destination.
  static func bitop(_ c: inout Context) throws(CommandError) {
    guard let operation = Operation(c.arguments[1]) else { throw .syntax }
    guard operation != .not || c.arguments.count == 4 else {
      throw CommandError("ERR BITOP NOT must be called with a single source key.")
    }
    var sources: [Entry?] = []
    for index in 3..<c.arguments.count { sources.append(try c.string(c.key(index))) }
    let size = sources.reduce(0) { max($0, $1?.stringCount ?? 0) }
    let key = c.key(2)
    c.reply.integer(size)
    guard size > 0 else {
      guard c.peek(key) != nil else { return }
      c.drop(key)
      c.modified(key)
      return c.notify(.generic, "del", key)
    }
    let result = Blob.zeroed(count: size, capacity: size)
    var piece = [UInt8](repeating: 0, count: min(size, pieceSize))
    for start in stride(from: 0, to: size, by: pieceSize) {
      let end = min(size, start + pieceSize)
      join(sources, operation, start..<end, &piece)
      unsafe piece.withUnsafeBytes {
        unsafe result.write(ByteView($0)[0..<end - start], atIndex: start)
      }
    }
    if size <= Entry.inlineMax {
      c.setString(result.bytes, key)
      result.release()
    } else {
      c.put(.blob(key.bytes, result), key)
    }
    c.modified(key)
    c.notify(.string, "set", key)
  }

  private static let pieceSize = 4096

  /// Makes the bytes `range` of the result at the front of `piece`.
  private static func join(
    _ sources: [Entry?], _ operation: Operation, _ range: Range<Int>, _ piece: inout [UInt8]
  ) {
    for (number, source) in sources.enumerated() {
      guard let source else {
        join(ByteView(), operation, range.count, isFirst: number == 0, &piece)
        continue
      }
      source.withString { bytes in
        let start = min(range.lowerBound, bytes.count), end = min(range.upperBound, bytes.count)
        join(bytes[start..<end], operation, range.count, isFirst: number == 0, &piece)
      }
    }
  }

  /// Joins `bytes`, and zeros up to `size`, to what is in `piece`.
  private static func join(
    _ bytes: ByteView, _ operation: Operation, _ size: Int, isFirst: Bool, _ piece: inout [UInt8]
  ) {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe piece.withUnsafeMutableBufferPointer { piece in
        if isFirst {
          let flip: UInt8 = operation == .not ? 0xFF : 0
          for index in 0..<bytes.count { unsafe piece[index] = bytes[index] ^ flip }
          for index in bytes.count..<size { unsafe piece[index] = flip }
          return
        }
        switch operation {
        case .and:
          for index in 0..<bytes.count { unsafe piece[index] &= bytes[index] }
          for index in bytes.count..<size { unsafe piece[index] = 0 }
        case .or: for index in 0..<bytes.count { unsafe piece[index] |= bytes[index] }
        case .xor: for index in 0..<bytes.count { unsafe piece[index] ^= bytes[index] }
        case .not: break  // It has one source.
        }
      }
    }
  }
}
