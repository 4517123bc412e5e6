// ListpackSize.swift: what entries of a stream would take in Redis, which decides where it begins a new node.

import RESP

/// What words take in a listpack of Redis, in bytes.
enum ListpackSize {
  /// An entry of `size` bytes and its size behind it.
  private static func withSize(_ size: Int) -> Int {
    switch size {
    case ...127: size + 1
    case ..<16_383: size + 2
    case ..<2_097_151: size + 3
    case ..<268_435_455: size + 4
    default: size + 5
    }
  }

  static func integer(_ value: Int64) -> Int {
    switch value {
    case 0...127: 2
    case -4096..<4096: 3
    case -(1 << 15)..<(1 << 15): 4
    case -(1 << 23)..<(1 << 23): 5
    case -(1 << 31)..<(1 << 31): 6
    default: 10
    }
  }

  @inline(__always)
  static func word(_ bytes: ByteView, _ value: Int64?) -> Int {
    if let value { return integer(value) }
    return withSize(bytes.count + (bytes.count < 64 ? 1 : bytes.count < 4096 ? 2 : 5))
  }

  /// A node of a stream: its size and end, its counts, and what is in it.
  static func ofNode(charge: Int, count: Int, removed: Int) -> Int {
    7 + integer(Int64(count)) + integer(Int64(removed)) + charge
  }
}
