// WorkerCoreTests.swift: what a worker does and when, without a worker: instants are made up.

import Testing

@testable import Martlet

@Suite struct WorkerCoreTests {
  @Test func takesForFreeSlotsAlone() {
    var rig = Rig(3)
    #expect(rig.actions == [.fetch(lane: 0, count: 3)])
    let slots = rig.deliver("a", "b")
    #expect(slots.count == 2)
    #expect(rig.actions.contains(.fetch(lane: 0, count: 1)))
    // The call under way may bring one: no other is made for the slot that gets free.
    rig.finish(slots[0])
    #expect(rig.actions == [.send([.acknowledge(receipts("a"))])])
    rig.deliver("c")
    #expect(rig.actions.contains(.fetch(lane: 0, count: 1)))
  }

  @Test func lanesHaveSlotsOfTheirOwn() {
    var rig = Rig(1, 2)
    #expect(rig.actions == [.fetch(lane: 0, count: 1), .fetch(lane: 1, count: 2)])
    rig.deliver("a", lane: 0)
    #expect(!rig.actions.contains { if case .fetch(lane: 0, _) = $0 { true } else { false } })
    rig.deliver("b", "c", lane: 1)
    #expect(rig.core.runningCount == 3)
  }

  @Test func whatEndsWhileABatchIsUnderWayGoesTogetherInTheNext() {
    var rig = Rig(4)
    let slots = rig.deliver("a", "b", "c", "d")
    rig.finish(slots[0])
    #expect(rig.actions.contains(.send([.acknowledge(receipts("a"))])))
    rig.finish(slots[1])
    rig.finish(slots[2], .result([1], keep: nil))
    rig.finish(slots[3])
    #expect(!rig.actions.contains { if case .send = $0 { true } else { false } })
    rig.reply(.count(1))
    #expect(
      rig.actions.contains(
        .send([
          .acknowledge(receipts("b", "d")), .complete(receipts("c")[0], result: [1], keep: nil),
        ])))
  }

  @Test func extendsAllLeasesOfALengthTogetherEachThirdOfIt() {
    var rig = Rig(3)
    rig.deliver("a", lease: 30_000)
    rig.turn(at: .seconds(5))
    rig.deliver("b", lease: 30_000)
    rig.deliver("c", lease: 60_000)
    #expect(rig.core.nextDeadline == .seconds(10))
    rig.turn(at: .milliseconds(9_999))
    #expect(rig.actions.isEmpty)
    rig.turn(at: .seconds(10))
    guard case .send(let reports)? = rig.actions.first,
      case .extend(30_000, let leases)? = reports.first
    else { return #expect(Bool(false), "\(rig.actions)") }
    #expect(reports.count == 1)
    #expect(Set(leases.map(\.receipt)) == Set(receipts("a", "b")))
    rig.reply(.flags([1, 1]))
    #expect(rig.core.nextDeadline == .seconds(20))
    rig.turn(at: .seconds(25))
    guard case .send(let later)? = rig.actions.first else { return #expect(Bool(false)) }
    #expect(later.count == 2)
  }

  @Test func aLeaseThatItsHandlerExtendedIsNotCutBackByABeatUnderWay() {
    var rig = Rig(1)
    let slot = rig.deliver("a")[0]
    rig.turn(at: .seconds(10))
    guard case .send(let beat)? = rig.actions.first, case .extend(30_000, _)? = beat.first else {
      return #expect(Bool(false))
    }
    // The broker has heard of both, in whatever order.
    rig.core.extended(slot, to: 600_000, now: rig.now)
    rig.turn()
    rig.reply(.flags([1]))
    guard case .send(let next)? = rig.actions.first, case .extend(600_000, let leases)? = next.first
    else { return #expect(Bool(false)) }
    #expect(leases.map(\.receipt) == receipts("a"))
    rig.reply(.flags([1]))
    rig.turn(at: .seconds(209))
    #expect(!rig.actions.contains { if case .send = $0 { true } else { false } })
    rig.turn(at: .seconds(210))
    #expect(rig.actions.contains { if case .send = $0 { true } else { false } })
  }

  @Test func aHandlerThatDoesNotHeedItsTimeoutKeepsItsSlotButNotItsJob() {
    var rig = Rig(1) { $0.cancelGrace = .seconds(2) }
    let slot = rig.deliver("a")[0]
    rig.core.limit(slot, to: .seconds(9))
    rig.turn(at: .seconds(9))
    #expect(rig.actions.contains(.cancel(slot, .timedOut(after: .seconds(9)))))
    // It has a while to end, in which the job stays its own.
    rig.turn(at: .seconds(10))
    #expect(rig.actions.contains { if case .send = $0 { true } else { false } })
    rig.reply(.flags([1]))
    rig.turn(at: .seconds(20))
    #expect(rig.actions == [.warn(.overrun(limit: .seconds(9)))])
    rig.turn(at: .seconds(30))
    #expect(rig.actions == [])
    #expect(rig.core.runningCount == 1)
  }

  @Test func aLostLeaseCancelsItsHandlerAndNothingIsSentForIt() {
    var rig = Rig(2)
    let slots = rig.deliver("a", "b")
    rig.turn(at: .seconds(10))
    guard case .send(let reports)? = rig.actions.first, case .extend(_, let leases)? = reports.first
    else { return #expect(Bool(false)) }
    rig.reply(.flags(leases.map { $0.receipt == receipts("a")[0] ? 0 : 1 }))
    #expect(rig.actions == [.cancel(slots[0], .leaseLost)])
    rig.finish(slots[0])
    #expect(!rig.actions.contains { if case .send = $0 { true } else { false } })
    #expect(rig.core.counts.lost == 1)
    // It is not extended any more either.
    rig.turn(at: .seconds(20))
    guard case .send(let next)? = rig.actions.first, case .extend(_, let left)? = next.first else {
      return #expect(Bool(false))
    }
    #expect(left.map(\.receipt) == receipts("b"))
  }

  @Test func aReplyToAnEarlierRunOfASlotHasNoEffect() {
    var rig = Rig(1)
    let first = rig.deliver("a")[0]
    rig.turn(at: .seconds(10))
    rig.finish(first)
    rig.reply(.flags([0]))
    #expect(rig.actions.contains(.send([.acknowledge(receipts("a"))])))
    #expect(!rig.actions.contains { if case .cancel = $0 { true } else { false } })
    let second = rig.deliver("b")[0]
    #expect(second.index == first.index && second != first)
    rig.core.finished(first, .dead("twice"))
    rig.turn()
    #expect(rig.core.runningCount == 1)
  }

  @Test func anAckWithoutAnswerIsSentAgainAndSlotsGoOn() {
    var rig = Rig(2)
    let slots = rig.deliver("a", "b")
    rig.finish(slots[0])
    rig.core.sendFailed(now: rig.now)
    rig.finish(slots[1])
    // Not at once: who was cut off does not come back running.
    #expect(rig.actions.isEmpty)
    #expect(rig.core.nextDeadline == .milliseconds(50))
    rig.turn(at: .milliseconds(50))
    #expect(rig.actions == [.send([.acknowledge(receipts("a", "b"))])])
    rig.reply(.count(1))
    #expect(rig.core.counts.late == 1)
    #expect(rig.actions.contains(.warn(.lateAcknowledgements(1))))
  }

  @Test func noJobsAreTakenWhileTheBrokerDoesNotHearOfThoseThatEnded() {
    var rig = Rig(1)
    var fetches = 0
    while rig.core.endings.count < rig.core.endingsMax {
      let slot = rig.deliver("a")[0]
      rig.finish(slot)
      if rig.core.isSending { rig.core.sendFailed(now: rig.now) }
      rig.turn()
      fetches += 1
      guard fetches < 10_000 else { return #expect(Bool(false), "no bound") }
    }
    rig.deliver("last")
    rig.turn(at: .seconds(100))
    #expect(!rig.actions.contains { if case .fetch = $0 { true } else { false } })
  }

  @Test func aCallThatFailsIsRepeatedWithGrowingPauses() {
    var rig = Rig(1)
    var pauses: [Duration] = []
    for _ in 0..<10 {
      rig.core.fetchFailed(lane: 0, now: rig.now)
      rig.turn()
      #expect(rig.actions.isEmpty)
      let next = rig.core.nextDeadline ?? .zero
      pauses.append(next - rig.now)
      rig.turn(at: next)
      #expect(rig.actions == [.fetch(lane: 0, count: 1)])
    }
    #expect(pauses.first == .milliseconds(50) && pauses.last == .seconds(5))
    #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $0 <= $1 })
  }

  // MARK: Time limits

  @Test func aHandlerWhoseTimeIsOverIsCancelledAndItsJobHasFailed() {
    var rig = Rig(2)
    let slots = rig.deliver("a", "b")
    rig.core.limit(slots[0], to: .seconds(3))
    rig.core.limit(slots[1], to: .seconds(4))
    #expect(rig.core.nextDeadline == .seconds(3))
    rig.turn(at: .seconds(3))
    #expect(rig.actions == [.cancel(slots[0], .timedOut(after: .seconds(3)))])
    #expect(rig.core.nextDeadline == .seconds(4))
    rig.finish(slots[0], .cancelled(failure(.seconds(1))))
    #expect(
      rig.actions.contains(
        .send([.fail(receipts("a")[0], after: .seconds(1), error: "timed out after 3.0 seconds")])))
    rig.finish(slots[1])
    rig.turn(at: .seconds(5))
    #expect(!rig.actions.contains { if case .cancel = $0 { true } else { false } })
  }

  @Test func whatIsDoneAfterItsTimeIsDone() {
    var rig = Rig(1)
    let slot = rig.deliver("a")[0]
    rig.core.limit(slot, to: .seconds(3))
    rig.turn(at: .seconds(3))
    rig.finish(slot)
    #expect(rig.actions.contains(.send([.acknowledge(receipts("a"))])))
  }

  // MARK: Endings

  @Test func eachEndingIsToldAsItIs() {
    var rig = Rig(5)
    let slots = rig.deliver("a", "b", "c", "d", "e")
    rig.core.finished(slots[0], .failed(failure(.seconds(2))))
    rig.core.finished(slots[1], .failed(failure(nil)))
    rig.core.finished(slots[2], .dead("broken"))
    rig.core.finished(slots[3], .release(after: .seconds(30), error: "unknown"))
    rig.core.finished(slots[4], .cancelled(failure(.seconds(1))))
    rig.turn()
    #expect(
      rig.actions.contains(
        .send([
          .fail(receipts("a")[0], after: .seconds(2), error: "no"),
          .bury(receipts("b")[0], error: "no"), .bury(receipts("c")[0], error: "broken"),
          .release(receipts("d")[0], after: .seconds(30), error: "unknown"),
          // It was not cancelled by the worker: a failure like others.
          .fail(receipts("e")[0], after: .seconds(1), error: "no"),
        ])))
  }

  @Test func aJobWithoutLeaseIsNotToldOf() {
    var rig = Rig(1)
    let slot = rig.deliver("a", lease: 0)[0]
    rig.finish(slot)
    #expect(rig.actions == [.fetch(lane: 0, count: 1)])
    #expect(rig.core.nextDeadline == nil)
  }

  @Test func whatWasPoppedGoesBackUnlessItIsDone() {
    var rig = Rig(5)
    let bodies = (0..<5).map { [UInt8($0)] }
    rig.core.fetched(
      lane: 0,
      bodies.map { Delivery(queue: "q", receipt: [], body: $0, isPopped: true) }, now: rig.now)
    rig.turn()
    let slots = rig.actions.compactMap { if case .start(let slot, _) = $0 { slot } else { nil } }
    rig.core.finished(slots[0], .done)
    rig.core.finished(slots[1], .failed(failure(nil)))
    rig.core.finished(slots[2], .dead("x"))
    rig.core.shutDown(now: rig.now)
    rig.core.cancel(now: rig.now)
    rig.core.finished(slots[3], .cancelled(failure(nil)))
    rig.turn(at: .seconds(2))
    #expect(
      rig.actions.contains(
        .send([
          .putBack(queue: "q", body: bodies[1], .dead),
          .putBack(queue: "q", body: bodies[2], .dead),
          .putBack(queue: "q", body: bodies[3], .next),
          // Its handler does not heed that it was cancelled.
          .putBack(queue: "q", body: bodies[4], .next),
        ])))
  }

  @Test func aRefusalForNowIsTriedAgainAndOneForGoodIsTold() {
    var rig = Rig(2)
    let slots = rig.deliver("a", "b")
    rig.core.finished(slots[0], .result([1], keep: nil))
    rig.core.finished(slots[1], .dead("x"))
    rig.turn()
    rig.reply(.refusedForNow("OOM"), .refused("ERR"))
    #expect(rig.actions.contains(.warn(.refused("ERR"))))
    rig.turn(at: .milliseconds(50))
    #expect(rig.actions == [.send([.complete(receipts("a")[0], result: [1], keep: nil)])])
  }

  // MARK: Stopping

  @Test func aWorkerThatStopsLetsHandlersEndAndTellsOfThem() {
    var rig = Rig(2)
    let slot = rig.deliver("a")[0]
    rig.core.shutDown(now: rig.now)
    rig.turn()
    #expect(rig.actions == [.endFetch(lane: 0)])
    #expect(rig.core.phaseEnd == .seconds(25))
    // The call had been answered by then: nobody here does that job.
    rig.core.fetched(lane: 0, [delivery("late")], now: rig.now)
    rig.turn()
    #expect(rig.actions == [.send([.giveBack(receipts("late"))])])
    rig.reply(.count(1))
    #expect(!rig.core.isOver)
    rig.finish(slot)
    #expect(rig.actions == [.send([.acknowledge(receipts("a"))])])
    rig.reply(.count(1))
    #expect(rig.core.isOver)
  }

  @Test func whatDoesNotEndInTimeIsCancelledAndGivenBack() {
    var rig = Rig(2) { $0.shutdownTimeout = .seconds(5) }
    let slots = rig.deliver("a", "b")
    rig.core.shutDown(now: rig.now)
    rig.turn(at: .seconds(5))
    #expect(
      rig.actions == [
        .cancel(slots[0], .shutdown), .cancel(slots[1], .shutdown),
      ])
    rig.finish(slots[0], .cancelled(failure(.seconds(1))))
    #expect(rig.actions == [.send([.giveBack(receipts("a"))])])
    rig.reply(.count(1))
    // The other does not heed it.
    rig.turn(at: .seconds(7))
    #expect(rig.actions.contains(.send([.giveBack(receipts("b"))])))
    #expect(rig.actions.contains(.warn(.abandoned(1))))
    rig.reply(.count(1))
    #expect(rig.core.isOver)
    rig.core.finished(slots[1], .done)
    #expect(rig.core.endings.isEmpty)
  }

  @Test func aWorkerEndsEvenIfTheBrokerIsGone() {
    var rig = Rig(1)
    let slot = rig.deliver("a")[0]
    rig.core.shutDown(now: rig.now)
    rig.finish(slot)
    var steps = 0
    while !rig.core.isOver, steps < 1000 {
      steps += 1
      if rig.core.isSending { rig.core.sendFailed(now: rig.now) }
      rig.turn(at: max(rig.now, rig.core.nextDeadline ?? rig.now))
    }
    #expect(rig.core.isOver)
    #expect(rig.actions.contains(.warn(.unsent(1))))
    #expect(rig.now <= .seconds(3))
  }

  /// Goal: whatever comes in whatever order, no receipt is told of twice, none is forgotten, and the
  /// worker ends. Method: random steps; each job that came must be told of once, or have lost its lease.
  @Test(arguments: 1...20) func nothingIsForgottenAndNothingToldTwice(seed: Int) {
    var random = RandomSteps(state: UInt64(seed))
    var rig = Rig(seed.isMultiple(of: 2) ? 3 : 40, 2) {
      if seed.isMultiple(of: 3) { $0.gatherMax = .milliseconds(20) }
    }
    var running: [SlotID: Receipt] = [:], told: [Receipt: Int] = [:], lost: Set<Receipt> = []
    var asked: [(lane: Int, count: Int)] = [], underWay: [Report]?, number = 0, came = 0, unsent = 0
    func take(_ actions: [WorkerCore.Action]) {
      for action in actions {
        switch action {
        case .fetch(let lane, let count): asked.append((lane, count))
        case .start(let slot, let delivery): running[slot] = delivery.receipt
        case .send(let reports): underWay = reports
        case .warn(.unsent(let count)): unsent += count
        default: break
        }
      }
    }
    take(rig.actions)
    for step in 0..<3000 where !rig.core.isOver {
      if step == 2000 { rig.core.shutDown(now: rig.now) }
      switch random.next(6) {
      case 0:
        guard !asked.isEmpty else { break }
        let (lane, count) = asked.remove(at: random.next(asked.count))
        if random.next(5) == 0 {
          rig.core.fetchFailed(lane: lane, asked: count, now: rig.now)
        } else {
          let jobs = (0..<random.next(count + 1)).map { _ -> Delivery in
            number += 1
            return delivery("\(number)", lease: [3000, 9000][random.next(2)])
          }
          came += jobs.count
          rig.core.fetched(lane: lane, asked: count, jobs, now: rig.now)
        }
      case 1, 2:
        guard let (slot, _) = running.randomElement(using: &random) else { break }
        running[slot] = nil
        rig.core.finished(slot, [.done, .failed(failure(.zero)), .dead("x")][random.next(3)])
      case 3:
        guard let reports = underWay else { break }
        underWay = nil
        if random.next(3) == 0 {
          rig.core.sendFailed(now: rig.now)
          break
        }
        let replies = reports.map { report -> BatchReply in
          switch report {
          case .acknowledge(let receipts), .giveBack(let receipts):
            for receipt in receipts { told[receipt, default: 0] += 1 }
            return .count(receipts.count)
          case .fail(let receipt, _, _), .bury(let receipt, _), .release(let receipt, _, _),
            .complete(let receipt, _, _):
            told[receipt, default: 0] += 1
            return .count(1)
          case .putBack: return .count(1)
          case .extend(_, let leases):
            return .flags(
              leases.map { held in
                guard let slot = held.slot, random.next(10) == 0, running[slot] == held.receipt
                else { return 1 }
                lost.insert(held.receipt)
                return 0
              })
          }
        }
        rig.core.sent(replies, now: rig.now)
      default: rig.now += .milliseconds(random.next(500))
      }
      rig.turn()
      take(rig.actions)
    }
    #expect(rig.core.isOver, "seed \(seed)")
    #expect(told.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    #expect(lost.isDisjoint(with: told.keys), "seed \(seed)")
    #expect(told.count + lost.count + unsent == came, "seed \(seed)")
  }
}

/// Random numbers from a seed.
private struct RandomSteps: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func next(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
