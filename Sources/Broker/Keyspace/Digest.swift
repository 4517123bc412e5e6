// Digest.swift: a checksum of a keyspace, whatever the order of its keys.
//
// Two engines with the same keys, values and deadlines have the same digest, though each hashes its
// table by a seed of its own. Says a test or a person: the replay gave back what was there.

import RESP

/// 128 bits over keys with their databases, values and deadlines.
struct Digest: Equatable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0
  private static let lowHash = KeyHash(seed: 0x4D41_5254), highHash = KeyHash(seed: 0x4C45_5421)

  mutating func add(_ entry: Entry, in database: Int) {
    low &+= Self.digest(of: entry, in: database, Self.lowHash)
    high &+= Self.digest(of: entry, in: database, Self.highHash)
  }

  /// Adds what a database has beside its keys, a sum by some hash.
  mutating func add(_ database: Int, _ sum: (KeyHash) -> UInt64) {
    low &+= sum(Self.lowHash) &* UInt64(database + 1)
    high &+= sum(Self.highHash) &* UInt64(database + 1)
  }

  private static func digest(of entry: Entry, in database: Int, _ hash: KeyHash) -> UInt64 {
    var state = hash(entry.key)
    func add(_ word: UInt64) {
      let product = (state ^ word &+ 0x9E37_79B9_7F4A_7C15)
        .multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      state = product.high ^ product.low
    }
    add(UInt64(database))
    add(UInt64(entry.kind.rawValue))
    add(UInt64(bitPattern: entry.deadline ?? -1))
    if let value = entry.composite {
      value.digest(hash, add)
    } else {
      entry.withString { add(hash($0)) }
    }
    return state
  }

  /// 32 hexadecimal digits.
  var text: String { Self.hex(high) + Self.hex(low) }

  private static func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
