// WorkerSendingTests.swift: how endings and beats reach the broker, and jobs the worker, when all is not well or
// there is much of it.

import Testing

@testable import Martlet

extension Rig {
  /// The batch that the last turn sent.
  fileprivate var batch: [Report]? {
    actions.lazy.compactMap { if case .send(let reports) = $0 { reports } else { nil } }.first
  }

  fileprivate var fetches: [Int] {
    actions.compactMap { if case .fetch(_, let count) = $0 { count } else { nil } }
  }
}

private func popped(_ body: UInt8) -> Delivery {
  Delivery(queue: "q", receipt: [], body: [body], isPopped: true)
}

@Suite struct WorkerSendingTests {
  // MARK: Beats

  @Test func aBatchThatIsNotAnsweredWithinABeatIsSentAgain() {
    var rig = Rig(1)
    rig.deliver("a", lease: 3000)
    rig.turn(at: .seconds(1))
    #expect(rig.batch?.count == 1)
    #expect(rig.core.nextDeadline == .seconds(2))
    rig.turn(at: .seconds(2))
    #expect(rig.actions == [.endSend])
    rig.core.sendFailed(now: rig.now)
    rig.turn()
    guard case .extend(3000, let leases)? = rig.batch?.first else { return #expect(Bool(false)) }
    #expect(leases.map(\.receipt) == receipts("a"))
  }

  /// Goal: pauses after failures grow, but not so that leases run out.
  @Test func leasesDoNotWaitForGrowingPauses() {
    var rig = Rig(1), beats: [Duration] = []
    rig.deliver("a", lease: 3000)
    while rig.now < .seconds(60) {
      rig.turn(at: max(rig.now, rig.core.nextDeadline ?? .seconds(60)))
      if rig.batch != nil {
        beats.append(rig.now)
        rig.core.sendFailed(now: rig.now)
      }
    }
    #expect(zip(beats, beats.dropFirst()).allSatisfy { $1 - $0 <= .milliseconds(1000) })
  }

  /// Goal: a job that is done stays its worker's while the broker does not hear of it. Method: the broker
  /// refuses for longer than a lease; the beats for the job must never be as far apart as its lease is long.
  @Test func theLeaseOfAnEndingIsKeptUntilTheBrokerHasHeardIt() {
    var rig = Rig(1), beats: [Duration] = [.zero]
    let slot = rig.deliver("a")[0]
    rig.finish(slot)
    while rig.now < .seconds(200) {
      if let batch = rig.batch {
        rig.core.sent(
          batch.map { report in
            guard case .extend(_, let leases) = report else { return .refusedForNow("OOM") }
            #expect(leases.map(\.receipt) == receipts("a"))
            #expect(leases.map(\.slot) == [nil])
            beats.append(rig.now)
            return .flags([1])
          }, now: rig.now)
      }
      rig.turn(at: max(rig.now, rig.core.nextDeadline ?? .seconds(200)))
    }
    #expect(beats.count > 10)
    #expect(zip(beats, beats.dropFirst()).allSatisfy { $1 - $0 < .seconds(30) })
    while rig.batch == nil { rig.turn(at: rig.core.nextDeadline) }
    rig.core.sent(
      rig.batch?.map { if case .extend = $0 { .flags([1]) } else { .count(1) } } ?? [],
      now: rig.now)
    rig.turn(at: rig.now + .seconds(30))
    #expect(rig.batch == nil)
    #expect(rig.core.counts.late == 0)
  }

  @Test func endingsThatCameTooLateAreCounted() {
    var rig = Rig(5)
    let slots = rig.deliver("a", "b", "c", "d")
    rig.core.finished(slots[0], .failed(failure(.seconds(1))))
    rig.core.finished(slots[1], .failed(failure(nil)))
    rig.core.finished(slots[2], .dead("x"))
    rig.core.finished(slots[3], .release(after: .seconds(1), error: "y"))
    rig.turn()
    rig.reply(.count(0), .count(0), .count(1), .count(0))
    #expect(rig.core.counts.late == 2)
    #expect(rig.core.counts.lost == 1)
    #expect(rig.actions.count { $0 == .warn(.lateAcknowledgements(1)) } == 2)
  }

  // MARK: Elements that are nowhere else

  @Test func anElementThatTheDeadListDoesNotTakeIsKeptAndGoesBackAtTheEnd() {
    var rig = Rig(1)
    let slot = rig.deliver([popped(7)])[0]
    rig.finish(slot, .dead("x"))
    for _ in 0..<3 {
      #expect(rig.batch == [.putBack(queue: "q", body: [7], .dead)])
      rig.reply(.refused("WRONGTYPE"))
      #expect(rig.actions.contains(.warn(.refused("WRONGTYPE"))))
      rig.turn(at: rig.core.sendAgainAt)
    }
    rig.core.shutDown(now: rig.now)
    rig.core.fetched(lane: 0, [], now: rig.now)
    rig.reply(.refused("WRONGTYPE"))
    rig.turn(at: rig.core.sendAgainAt)
    #expect(rig.batch == [.putBack(queue: "q", body: [7], .next)])
    rig.reply(.count(1))
    #expect(rig.core.isOver)
  }

  @Test func elementsArePutBackUntilTheTimeToStopIsOver() {
    var rig = Rig(2) { $0.shutdownTimeout = .seconds(25) }
    let slots = rig.deliver([popped(7)]) + rig.deliver("a")
    rig.core.shutDown(now: rig.now)
    rig.core.cancel(now: rig.now)
    rig.finish(slots[0], .cancelled(failure(nil)))
    rig.finish(slots[1])
    var steps = 0
    while !rig.core.isOver, steps < 1000 {
      steps += 1
      if rig.core.isSending { rig.core.sendFailed(now: rig.now) }
      rig.turn(at: max(rig.now, rig.core.nextDeadline ?? rig.now))
    }
    #expect(rig.now == .seconds(25))
    #expect(rig.actions.contains(.warn(.elementsLost(1))))
    #expect(rig.actions.contains(.warn(.unsent(1))))
  }

  // MARK: Much to do

  @Test func whileOneCallIsUnderWayAnotherTakesForManyFreeSlots() {
    var rig = Rig(64)
    #expect(rig.fetches == [64])
    let slots = rig.deliver((0..<64).map { delivery("\($0)") })
    for slot in slots[..<32] { rig.core.finished(slot, .done) }
    rig.turn()
    #expect(rig.fetches == [32])
    for slot in slots[32..<39] { rig.core.finished(slot, .done) }
    rig.turn()
    #expect(rig.fetches == [])
    rig.core.finished(slots[39], .done)
    rig.turn()
    #expect(rig.fetches == [8])
    for slot in slots[40..<56] { rig.core.finished(slot, .done) }
    rig.turn()
    #expect(rig.fetches == [16])
    // As many as may be under way are; one slot gets no call of its own.
    rig.core.finished(slots[56], .done)
    rig.turn()
    #expect(rig.fetches == [])
    rig.deliver((100..<132).map { delivery("\($0)") }, asked: 32)
    #expect(rig.core.lanes[0].asked == 24)
  }

  @Test func whatEndsTogetherIsToldTogetherAndNothingWaitsLong() {
    var rig = Rig(8) { $0.gatherMax = .microseconds(500) }
    let slots = rig.deliver((0..<8).map { delivery("\($0)") })
    #expect(rig.core.quorum == 1)
    rig.finish(slots[0])
    #expect(rig.actions == [])
    #expect(rig.core.nextDeadline == .microseconds(500))
    #expect(rig.core.quorum == 3)
    for slot in slots[1...3] { rig.core.finished(slot, .done) }
    rig.turn()
    #expect(rig.batch == [.acknowledge(receipts("0", "1", "2", "3"))])
    #expect(rig.fetches == [4])
    rig.reply(.count(4))
    rig.finish(slots[4])
    #expect(rig.actions == [])
    rig.turn(at: .microseconds(500))
    #expect(rig.batch == [.acknowledge(receipts("4"))])
    rig.reply(.count(1))
    // The last ones have nothing to wait for.
    for slot in slots[5...] { rig.core.finished(slot, .done) }
    rig.turn()
    #expect(rig.batch == [.acknowledge(receipts("5", "6", "7"))])
  }
}
