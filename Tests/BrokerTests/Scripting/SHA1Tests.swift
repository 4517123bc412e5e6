// SHA1Tests.swift: the hash of scripts against the examples of its standard.

import RESP
import Testing

@testable import Broker

private func hex(_ bytes: [UInt8]) -> String {
  String(decoding: bytes.withView { SHA1($0) }.hex, as: UTF8.self)
}

@Test(arguments: [
  ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
  ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
  (
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
  ),
  ("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
])
func knownTextsHaveTheirHashes(text: String, hash: String) {
  #expect(hex(Array(text.utf8)) == hash)
}

/// Goal: any size is padded well. Method: sizes around the ends of blocks, by redis.sha1hex of 7.0.15.
@Test func everySizeIsPadded() {
  let hashes = [
    55: "c1c8bbdc22796e28c0e15163d20899b65621d65a",
    56: "c2db330f6083854c99d4b5bfb6e8f29f201be699",
    63: "03f09f5b158a7a8cdad920bddc29b81c18a551f5",
    64: "0098ba824b5c16427bd7a1122a5a442a25ec644d",
    65: "11655326c708d70319be2610e8a57d9a5b959d3b",
    1000: "291e9a6c66994949b57ba5e650361e98fc36b1ba",
  ]
  for (size, hash) in hashes {
    #expect(hex([UInt8](repeating: UInt8(ascii: "a"), count: size)) == hash, "size \(size)")
  }
}

@Test func aHashIsReadInAnyCase() {
  let hash = Array("abc".utf8).withView { SHA1($0) }
  let digits = String(decoding: hash.hex, as: UTF8.self)
  for text in [digits, digits.uppercased()] {
    let read = Array(text.utf8).withView { SHA1(hex: $0) }
    #expect(read == hash)
  }
  for text in ["", "abc", String(digits.dropLast()), digits + "0", "g" + digits.dropFirst()] {
    let read = Array(text.utf8).withView { SHA1(hex: $0) }
    #expect(read == nil, "\(text)")
  }
}
