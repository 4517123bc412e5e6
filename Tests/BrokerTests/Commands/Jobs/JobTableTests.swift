// JobTableTests.swift: records in the order in which their table has them.

import RESP
import Testing

@testable import Broker

private func table(of numbers: some Sequence<UInt64>) -> HashTable<JobRecord> {
  var table = HashTable<JobRecord>(hash: KeyHash(seed: 1))
  for number in numbers {
    JobRecord.withKey(number) {
      table.insert(JobRecord.make(number, .ready, place: 1), hash: $1)
    }
  }
  return table
}

/// Goal: jobs that follow each other are found in one place of memory. Method: a walk in the table's
/// order meets each sixteen without a break.
@Test func neighboursStandTogether() {
  let records = table(of: 0..<100_000)
  records.checkInvariants()
  var order: [UInt64] = []
  records.forEach { order.append($0.number >> 4) }
  #expect(order.count == 100_000)
  var sixteens = 1
  for index in 1..<order.count where order[index] != order[index - 1] { sixteens += 1 }
  // A leaf may have two sixteens whose records were put in by turns.
  #expect(sixteens <= 100_000 / 16 * 2)
}

/// Goal: no pattern of jobs that stay makes the table large or slow. Method: of long rows of numbers
/// each so many'th stays; memory for each is looked at, and each is found. In a process of its own,
/// for memory is counted for all threads.
@Test func whateverStaysIsFoundInLittleMemory() async {
  await #expect(processExitsWith: .success) {
    for step in [1, 3, 16, 17, 256, 1024, 4096, 65_536] as [UInt64] {
      let before = MemoryAccount.used
      var records = table(of: (0..<20_000).lazy.map { $0 * step })
      records.checkInvariants()
      // 56 bytes of a record and what malloc adds, and its part of a leaf and of nodes.
      let memory = (MemoryAccount.used - before) / 20_000
      precondition(memory <= 96, "\(memory) bytes a job with step \(step)")
      for number in 0..<(20_000 as UInt64) {
        precondition(
          JobRecord.withKey(number * step) { records.find($0, hash: $1) != nil }
            && JobRecord.withKey((number + 20_000) * step) { records.find($0, hash: $1) == nil })
      }
      for number in 0..<(20_000 as UInt64) {
        JobRecord.withKey(number * step) { records.remove($0, hash: $1)?.release() }
      }
      records.checkInvariants()
      precondition(records.count == 0 && MemoryAccount.used == before)
    }
  }
}
