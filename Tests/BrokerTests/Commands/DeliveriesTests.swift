// DeliveriesTests.swift: which jobs are delivered by the bytes that have left.

import RESP
import Testing

@testable import Broker

/// Goal: a reply with very many jobs that is read slowly costs what its bytes cost. Method: as many jobs as
/// one GETJOB may take, and as many small pieces, within a time that is long for both and short for their
/// product.
@Test(.timeLimit(.minutes(1)))
func jobsInALongReplyCostNothingWhileItIsRead() {
  var deliveries = Deliveries()
  for _ in 0..<2 {
    let first = deliveries.count
    for number in 0..<400_000 as Range<UInt64> { deliveries.add(number, epoch: 1, in: 0) }
    deliveries.end(from: first, at: 400_000 * 60)
    for _ in 0..<400_000 - 1 {
      deliveries.forgetSent(60)
      precondition(deliveries.count == 400_000)
    }
    deliveries.forgetSent(60)
    #expect(deliveries.isEmpty)
  }
}

/// Goal: the jobs of whole replies are delivered and no others. Method: random replies, sends, and outputs
/// that are cut, beside an array of ends from the front of the output.
@Test(arguments: 1...5 as ClosedRange<UInt64>)
func deliveriesAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed), deliveries = Deliveries()
  var model: [(number: UInt64, end: Int)] = [], lost: [UInt64] = [], size = 0, next: UInt64 = 0
  for step in 0..<5_000 {
    let trace: Comment = "seed \(seed), step \(step)"
    switch random.next() % 10 {
    case 0..<5:
      let first = deliveries.count
      size += Int(random.next() % 50) + 1
      for _ in 0..<random.next() % 4 {
        next += 1
        deliveries.add(next, epoch: 1, in: 0)
        model.append((next, size))
      }
      deliveries.end(from: first, at: size)
    case 5..<8:
      let sent = Int(random.next() % UInt64(size + 1))
      deliveries.forgetSent(sent)
      size -= sent
      model = model.filter { $0.end > sent }.map { ($0.number, $0.end - sent) }
    default:
      size = Int(random.next() % UInt64(size + 1))
      lost += model.filter { $0.end > size }.map(\.number)
      model.removeAll { $0.end > size }
      guard random.next() % 2 == 0 else {
        deliveries.lose(after: size)
        break
      }
      #expect(deliveries.takeLost(after: size).map(\.number) == lost, trace)
      lost = []
    }
    #expect(deliveries.count == model.count, trace)
    #expect(deliveries.isEmpty == (model.isEmpty && lost.isEmpty), trace)
    deliveries.checkInvariants()
  }
}
