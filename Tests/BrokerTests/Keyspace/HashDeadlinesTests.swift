// HashDeadlinesTests.swift: reminders against a dictionary.

import RESP
import Testing

@testable import Broker

/// Goal: the reminder that comes first is the least in a dictionary, where an earlier one takes the
/// place of a later one and not the other way round. Method: random steps on both.
@Test(arguments: [1, 2, 3] as [UInt64])
func remindersAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed), reminders = HashDeadlines(), model: [String: Int64] = [:]
  for step in 0..<20_000 {
    var name = "key\(random.next() % 60)"
    let deadline = Int64(random.next() % 1000), isForgotten = random.next() % 4 == 0
    name.withUTF8 { bytes in
      let key = unsafe ByteView(UnsafeRawBufferPointer(bytes))
      if isForgotten { reminders.forget(key) } else { reminders.note(key, at: deadline) }
    }
    model[name] = isForgotten ? nil : min(deadline, model[name] ?? .max)
    let first = reminders.first
    #expect(first?.deadline == model.values.min(), "seed \(seed), step \(step)")
    if let first {
      #expect(model[String(decoding: first.key, as: UTF8.self)] == first.deadline)
    }
    let count = reminders.count
    #expect(count == model.count)
    if step % 100 == 0 { reminders.checkInvariants() }
  }
}
