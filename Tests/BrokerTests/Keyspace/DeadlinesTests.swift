// DeadlinesTests.swift: the heap of deadlines against a naive model.

import RESP
import Testing

@testable import Broker

/// Goal: the key that goes first is first, and any key can leave. Method: random steps on the heap
/// and on an array of entries, compared after each.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func deadlinesAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var deadlines = Deadlines()
  var model: [Entry] = []
  func entry(_ deadline: Int64?) -> Entry { .integer(ByteView("key"), 7, deadline: deadline) }
  for step in 0..<1_000 {
    switch random.next() % 10 {
    case 0..<5:
      let new = entry(Int64(random.next() % 200))
      deadlines.insert(new)
      model.append(new)
    case 5..<7 where !model.isEmpty:
      let old = model.remove(at: Int(random.next() % UInt64(model.count)))
      deadlines.remove(old)
      old.release()
    case 7 where !model.isEmpty:
      let index = Int(random.next() % UInt64(model.count))
      let copy = model[index].copied(key: model[index].key, deadline: model[index].deadline)
      deadlines.replace(model[index], with: copy)
      model[index].release()
      model[index] = copy
    case 8:
      let eternal = entry(nil)
      deadlines.insert(eternal)
      deadlines.remove(eternal)
      eternal.release()
    case 9 where random.next() % 3 == 0:
      if let (deadline, first) = deadlines.first {
        #expect(first.deadline == deadline)
        let index = model.firstIndex { $0.heapIndex == 0 } ?? 0
        deadlines.remove(first)
        model.remove(at: index).release()
      }
    default: break
    }
    deadlines.checkInvariants()
    #expect(deadlines.count == model.count, "seed \(seed), step \(step)")
    let expected = model.compactMap(\.deadline).min()
    #expect(deadlines.first?.deadline == expected, "seed \(seed), step \(step)")
  }
  while let (_, first) = deadlines.first {
    deadlines.remove(first)
    deadlines.checkInvariants()
  }
  for entry in model { entry.release() }
}
