// WorkerCore+Stop.swift: how a worker ends: in order, or at once.

extension WorkerCore {
  /// Takes no more jobs; what runs may end within `shutdownTimeout`.
  mutating func shutDown(now: Duration) {
    guard phase == .working else { return }
    phase = .draining
    stopEnd = now + settings.shutdownTimeout
    phaseEnd = stopEnd
    for index in lanes.indices where lanes[index].asked > 0 && !lanes[index].isEnding {
      lanes[index].isEnding = true
      actions.append(.endFetch(lane: index))
    }
  }

  /// Cancels what runs, and gives it back as it ends.
  mutating func cancel(now: Duration) {
    shutDown(now: now)
    guard phase == .draining else { return }
    phase = .cancelling
    phaseEnd = now + settings.cancelGrace
    for index in slots.indices where slots[index].isRunning && slots[index].cancelled == nil {
      slots[index].cancelled = .shutdown
      actions.append(.cancel(SlotID(index: index, run: slots[index].run), .shutdown))
    }
  }

  /// Goes on with a stop that was asked for.
  mutating func proceedWithStop(now: Duration) {
    if phase == .draining, let end = phaseEnd, end <= now { cancel(now: now) }
    if phase == .cancelling, let end = phaseEnd, end <= now { abandon() }
    guard phase == .draining || phase == .cancelling else { return }
    let isFetching = lanes.contains { $0.asked > 0 }
    guard runningCount == 0 else { return }
    if !isFetching, endings.isEmpty, !isSending {
      phase = .over
      return
    }
    // All that is missing is a word with the broker. Jobs come back without it; elements do not.
    phaseEnd = nil
    let end = farewellEnd ?? now + settings.farewell
    farewellEnd = end
    let elements = endings.putBackCount + underWay.count { $0.report.isPutBack }
    giveUpAt = elements > 0 ? max(end, stopEnd) : end
    guard let giveUpAt, giveUpAt <= now else { return }
    let jobs =
      endings.count - endings.putBackCount
      + underWay.reduce(0) { $0 + $1.report.receipts.count }
    if elements > 0 { actions.append(.warn(.elementsLost(elements))) }
    if jobs > 0 { actions.append(.warn(.unsent(jobs))) }
    phase = .over
  }

  /// Gives the jobs back whose handlers do not heed that they were cancelled.
  private mutating func abandon() {
    phaseEnd = nil
    var count = 0
    for index in slots.indices where slots[index].isRunning {
      count += 1
      let slot = slots[index]
      freeSlot(index)
      if let popped = slot.popped {
        endings.add(.putBack(queue: popped.queue, body: popped.body, .next), lease: 0)
      } else if slot.lease > 0, !slot.hasLostLease {
        endings.add(.giveBack([slot.receipt]), lease: slot.lease)
      }
    }
    if count > 0 { actions.append(.warn(.abandoned(count))) }
  }
}
