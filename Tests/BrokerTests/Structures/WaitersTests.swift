// WaitersTests.swift: queues of waiters and their timers against naive models.

import RESP
import Testing

@testable import Broker

/// Goal: waiters are served first come, first served, for each key. Method: random steps on the
/// queues and on arrays, compared after each.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func waitersAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var waiters = Waiters()
  var model: [StoredKey: [Int]] = [:]
  var waiting: Set<Int> = []
  let keys = (0..<6).map { StoredKey($0 % 2, Array("key\($0 / 2)".utf8)) }
  for step in 0..<4_000 {
    let trace: Comment = "seed \(seed), step \(step)"
    let slot = Int(random.next() % 20)
    if waiting.contains(slot) || random.next() % 8 == 0 {
      waiters.remove(slot)
      waiting.remove(slot)
      for key in keys { model[key]?.removeAll { $0 == slot } }
    } else {
      var wanted: [StoredKey] = []
      for _ in 0...random.next() % 4 { wanted.append(keys[Int(random.next() % 6)]) }
      waiters.add(slot, keys: wanted)
      waiting.insert(slot)
      for key in Set(wanted) { model[key, default: []].append(slot) }
    }
    waiters.checkInvariants()
    let passedOver = Set((0..<random.next() % 4).map { _ in Int(random.next() % 20) })
    for key in keys {
      let expected = model[key] ?? []
      #expect(waiters.slots(for: key) == expected, trace)
      #expect(waiters.isWaited(for: key) == !expected.isEmpty, trace)
      #expect(waiters.first(for: key) == expected.first, trace)
      #expect(
        waiters.first(for: key, passing: passedOver) == expected.first { !passedOver.contains($0) },
        trace)
    }
    let busy = model.filter { !$0.value.isEmpty }.map(\.key)
    #expect(waiters.keyCount == busy.count, trace)
    // In the order of their bytes, whatever the process hashes by.
    let there = keys.filter { $0.database == 1 && busy.contains($0) }
    #expect(
      waiters.keys(in: 1) == there.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }, trace)
    let isEmpty = waiters.isEmpty
    #expect(isEmpty == waiting.isEmpty, trace)
  }
}

/// The seconds of processor time that `body` takes: what runs beside it does not count.
private func processorSeconds(_ body: () -> Void) -> Double {
  let begin = SystemClock.threadProcessorTime()
  body()
  return Double(SystemClock.threadProcessorTime() - begin) / 1e9
}

/// Goal: one session may wait for very many keys. Method: a number at which a search of those already
/// taken, for each key, would take minutes.
@Test func manyKeysAreWaitedForWithoutASearch() {
  let seconds = processorSeconds {
    var waiters = Waiters()
    let keys = (0..<100_000).map { StoredKey(0, Array("key\($0)".utf8)) }
    waiters.add(1, keys: keys + keys)
    #expect(waiters.keyCount == 100_000)
    waiters.remove(1)
    waiters.checkInvariants()
    #expect(waiters.keyCount == 0)
  }
  #expect(seconds < 60)
}

/// Goal: the soonest deadline comes first, and each slot has one. Method: random steps on the heap
/// and on a dictionary, compared after each.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func slotTimersAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var timers = SlotTimers()
  var model: [Int: Int64] = [:]
  for step in 0..<5_000 {
    let slot = Int(random.next() % 60)
    if model[slot] != nil || random.next() % 10 == 0 {
      timers.remove(slot)
      model[slot] = nil
    } else {
      let deadline = Int64(random.next() % 100) - 20
      timers.insert(slot, at: deadline)
      model[slot] = deadline
    }
    if random.next() % 50 == 0, let (deadline, slot) = timers.first {
      #expect(model[slot] == deadline)
      timers.remove(slot)
      model[slot] = nil
    }
    timers.checkInvariants()
    #expect(timers.first?.deadline == model.values.min(), "seed \(seed), step \(step)")
    if let (deadline, slot) = timers.first { #expect(model[slot] == deadline) }
  }
  var last = Int64.min
  while let (deadline, slot) = timers.first {
    #expect(deadline >= last)
    last = deadline
    timers.remove(slot)
    model[slot] = nil
  }
  #expect(model.isEmpty)
}

/// Goal: a queue of slots agrees with an array. Method: random steps on both.
@Test(arguments: [1, 2, 3] as [UInt64])
func aSlotQueueAgreesWithItsModel(seed: UInt64) {
  var random = SplitMix64(seed: seed), queue = SlotQueue(), model: [Int] = []
  for step in 0..<4_000 {
    let slot = Int.random(in: 0..<100, using: &random)
    if model.contains(slot) || Int.random(in: 0..<3, using: &random) == 0 {
      queue.remove(slot)
      model.removeAll { $0 == slot }
    } else {
      queue.append(slot)
      model.append(slot)
    }
    queue.checkInvariants()
    #expect(queue.all == model, "seed \(seed), step \(step)")
    #expect(queue.count == model.count && queue.isEmpty == model.isEmpty)
  }
}

/// Goal: who leaves is not searched for. Method: a number at which searches would take minutes.
@Test func leavingAQueueNeedsNoSearch() {
  let seconds = processorSeconds {
    var queue = SlotQueue()
    for slot in 0..<300_000 { queue.append(slot) }
    for slot in (0..<300_000).reversed() { queue.remove(slot) }
    #expect(queue.isEmpty)
  }
  #expect(seconds < 60)
}
