// BitsTests.swift: rows of bits against an array of them.

import RESP
import Testing

@testable import Broker

/// Goal: counting, finding and fields agree with an array of bits. Method: random rows, long and
/// short, mostly of one kind of bit, and random ranges in them.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func bitsAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  for step in 0..<2_000 {
    let trace: Comment = "seed \(seed), step \(step)"
    let plain: UInt8 = Bool.random(using: &random) ? 0 : 0xFF
    var bytes = [UInt8](repeating: plain, count: Int.random(in: 0...60, using: &random))
    for index in bytes.indices where random.next() % 12 == 0 {
      bytes[index] = UInt8.random(in: 0...255, using: &random)
    }
    let model = row(of: bytes)
    let start = Int.random(in: 0...model.count, using: &random)
    let range = start..<Int.random(in: start...model.count, using: &random)
    unsafe bytes.withUnsafeBytes {
      let view = unsafe ByteView($0)
      #expect(Bits.count(view, in: range) == model[range].count { $0 }, trace)
      for bit in [false, true] {
        #expect(Bits.first(bit, view, in: range) == model[range].firstIndex(of: bit), trace)
      }
    }
    // A field reaches beyond the row's end at times, where it finds zeros.
    let width = Int.random(in: 1...64, using: &random)
    let value = random.next()
    var bits = model + [Bool](repeating: false, count: 80)
    var field = unsafe bytes.withUnsafeBytes {
      unsafe Bits.Field(ByteView($0), at: start, width: width)
    }
    let expected = bits[start..<start + width].reduce(UInt64(0)) { $0 << 1 | ($1 ? 1 : 0) }
    #expect(field.value == expected, trace)
    field.value = value
    for place in 0..<width { bits[start + place] = value >> UInt64(width - 1 - place) & 1 == 1 }
    let written = bits[field.index * 8..<(field.index + field.size) * 8]
    #expect(
      row(of: field.bytes) == Array(written), trace)
  }
}

private func row(of bytes: [UInt8]) -> [Bool] {
  var row: [Bool] = []
  for byte in bytes { for place in 0..<8 { row.append(byte >> UInt8(7 - place) & 1 == 1) } }
  return row
}

@Test func bitsAreReversed() {
  var random = SplitMix64(seed: 1)
  for _ in 0..<1_000 {
    let word = random.next()
    var reversed: UInt64 = 0
    for bit in 0..<64 where word >> bit & 1 == 1 { reversed |= 1 << (63 - bit) }
    #expect(word.bitsReversed == reversed)
  }
}
