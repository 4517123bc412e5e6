// KeyHash.swift: 64 well-mixed bits of a key, different in each process.
//
// Folded multiplication (as in Wang Yi's wyhash): two words of the key, each masked by a secret, are
// multiplied to 128 bits and the halves folded. The secrets come from the seed, so that clients
// cannot choose keys that collide.

import RESP

/// The hash function of one keyspace.
@safe
struct KeyHash {
  private let secret0: UInt64
  private let secret1: UInt64
  private let secret2: UInt64

  init(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    secret0 = random.next()
    secret1 = random.next() | 1
    secret2 = random.next() | 1
  }

  @inline(__always)
  private func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  func callAsFunction(_ key: ByteView) -> UInt64 {
    let count = key.count
    let start = unsafe key.start
    @inline(__always) func word(_ offset: Int) -> UInt64 {
      unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    @inline(__always) func half(_ offset: Int) -> UInt64 {
      unsafe UInt64(start.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    var state = secret0
    var a: UInt64 = 0, b: UInt64 = 0
    if count <= 16 {
      if count >= 8 {
        a = word(0)
        b = word(count - 8)
      } else if count >= 4 {
        a = half(0)
        b = half(count - 4)
      } else if count > 0 {
        a = UInt64(key[0]) << 16 | UInt64(key[count >> 1]) << 8 | UInt64(key[count - 1])
      }
    } else {
      var offset = 0
      while count - offset > 16 {
        state = fold(word(offset) ^ secret1, word(offset + 8) ^ state)
        offset += 16
      }
      a = word(count - 16)
      b = word(count - 8)
    }
    let mixed = fold(a ^ secret1, b ^ state)
    return fold(mixed ^ secret2, UInt64(truncatingIfNeeded: count) ^ secret0 ^ mixed)
  }
}
