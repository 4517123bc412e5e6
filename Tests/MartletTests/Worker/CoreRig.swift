// CoreRig.swift: a worker's core without a worker, for tests: instants and events are made up.

import Testing

@testable import Martlet

/// A core with one lane, and what it wanted done in the last turn.
struct Rig {
  var core: WorkerCore
  var now: Duration = .zero
  var actions: [WorkerCore.Action] = []

  init(_ concurrency: Int..., change: (inout WorkerCore.Settings) -> Void = { _ in }) {
    var settings = WorkerCore.Settings()
    settings.concurrency = concurrency
    change(&settings)
    core = WorkerCore(settings)
    turn()
  }

  mutating func turn(at instant: Duration? = nil) {
    now = instant ?? now
    core.turn(now: now)
    actions = core.takeActions()
    core.checkInvariants()
  }

  /// Jobs come for a lane, and start.
  @discardableResult
  mutating func deliver(_ names: String..., lane: Int = 0, lease: Int64 = 30_000) -> [SlotID] {
    deliver(names.map { delivery($0, lease: lease) }, lane: lane)
  }

  @discardableResult
  mutating func deliver(
    _ deliveries: [Delivery], lane: Int = 0, asked: Int? = nil
  ) -> [SlotID] {
    core.fetched(lane: lane, asked: asked, deliveries, now: now)
    turn()
    return actions.compactMap { if case .start(let slot, _) = $0 { slot } else { nil } }
  }

  mutating func finish(_ slot: SlotID, _ ending: Ending = .done) {
    core.finished(slot, ending)
    turn()
  }

  mutating func reply(_ replies: BatchReply...) {
    core.sent(replies, now: now)
    turn()
  }
}

func delivery(_ name: String, lease: Int64 = 30_000) -> Delivery {
  Delivery(queue: "q", receipt: Array(name.utf8), body: [], lease: lease)
}

func receipts(_ names: String...) -> [Receipt] { names.map { Array($0.utf8) } }

func failure(_ wait: Duration?) -> Ending.Failure {
  Ending.Failure(error: "no", retryAfter: wait)
}

extension WorkerCore {
  func checkInvariants() {
    for (index, lane) in lanes.enumerated() {
      #expect(lane.running + lane.asked <= lane.concurrency)
      #expect(lane.running == slots.count { $0.isRunning && $0.lane == index })
      #expect(free[index].count == lane.concurrency - lane.running)
    }
    #expect(isSending == !underWay.isEmpty)
  }
}
