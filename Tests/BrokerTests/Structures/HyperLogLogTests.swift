// HyperLogLogTests.swift: registers in both forms, and estimates.

import RESP
import Testing

@testable import Broker

private func mark(_ number: UInt64) -> HyperLogLog.Mark {
  var digits = DecimalDigits(Int64(truncatingIfNeeded: number))
  return digits.withView { HyperLogLog.Mark(of: $0) }
}

private func ranks(_ log: HyperLogLog) throws -> [UInt8] {
  var registers = HyperLogLogRegisters()
  try registers.raise(to: log)
  return registers.ranks
}

/// Goal: both forms keep the highest rank of each register. Method: random marks, near each other so that
/// runs are split and joined, to a sparse one, a dense one and an array.
@Test(arguments: [1, 2, 3] as [UInt64])
func bothFormsKeepTheHighestRanks(seed: UInt64) throws {
  var random = SplitMix64(seed: seed)
  var sparse = HyperLogLog(), dense = HyperLogLog()
  try dense.makeDense()
  var model = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
  for step in 0..<2_000 {
    let near = Int.random(in: 0..<8, using: &random) * 2048 % HyperLogLog.registerCount
    let mark = HyperLogLog.Mark(
      register: min(HyperLogLog.registerCount - 1, near + Int.random(in: 0..<40, using: &random)),
      rank: UInt8.random(in: 1...(step < 1_990 ? 6 : 51), using: &random))
    let isHigher = model[mark.register] < mark.rank
    model[mark.register] = max(model[mark.register], mark.rank)
    #expect(try sparse.raise(mark, sparseMax: .max) == isHigher, "seed \(seed), step \(step)")
    #expect(try dense.raise(mark, sparseMax: 0) == isHigher, "seed \(seed), step \(step)")
    if step % 100 == 99 {
      #expect(try ranks(sparse) == model, "seed \(seed), step \(step)")
      #expect(try ranks(dense) == model, "seed \(seed), step \(step)")
    }
  }
  try sparse.makeDense()
  #expect(sparse.bytes == dense.bytes)
}

@Test func aSparseOneBecomesDenseAtItsLimitOrForAHighRank() throws {
  var log = HyperLogLog()
  #expect(log.bytes.count == 18)
  for number in 0..<20 { _ = try log.raise(mark(UInt64(number)), sparseMax: 60) }
  #expect(log.isDense)
  var other = HyperLogLog()
  _ = try other.raise(HyperLogLog.Mark(register: 7, rank: 32), sparseMax: 60)
  #expect(!other.isDense)
  _ = try other.raise(HyperLogLog.Mark(register: 7, rank: 33), sparseMax: 60)
  #expect(other.isDense)
  #expect(try ranks(other)[7] == 33)
}

@Test(arguments: [10, 1_000, 30_000, 300_000])
func anEstimateIsCloseToTheCount(count: Int) throws {
  var log = HyperLogLog()
  for number in 0..<count { _ = try log.raise(mark(UInt64(number)), sparseMax: 3000) }
  var registers = HyperLogLogRegisters()
  try registers.raise(to: log)
  let estimate = Double(registers.estimate), error = abs(estimate - Double(count)) / Double(count)
  #expect(error < 0.025, "\(estimate) for \(count)")
}

/// Goal: bytes from elsewhere never trap. Method: cut and change a sparse one at every byte.
@Test func brokenBytesAreRefusedOrRead() throws {
  var log = HyperLogLog()
  for number in 0..<50 { _ = try log.raise(mark(UInt64(number)), sparseMax: 3000) }
  for index in log.bytes.indices {
    for change in [0x00, 0x3F, 0x40, 0x7F, 0x80, 0xFF] as [UInt8] {
      var bytes = log.bytes
      bytes[index] = change
      for bytes in [bytes, Array(bytes[..<index])] {
        let result = unsafe bytes.withUnsafeBytes { bytes in
          Result { () throws(HyperLogLog.Flaw) in
            var log = try unsafe HyperLogLog(ByteView(bytes))
            var registers = HyperLogLogRegisters()
            try registers.raise(to: log)
            for number: UInt64 in 100..<110 { _ = try log.raise(mark(number), sparseMax: 3000) }
            try log.makeDense()
          }
        }
        if case .success = result { #expect(bytes.count == log.bytes.count) }
      }
    }
  }
}
