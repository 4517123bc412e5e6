// WorkerCore+Sending.swift: endings and beats on their way to the broker: a batch at a time.
//
// A batch begins with the beats: they keep the leases also of endings that the broker does not take
// for now. It is given up when it is not answered within a beat, so that the next one is not too late.

extension WorkerCore {
  /// The least time that a batch is given, however short leases are.
  static let answerMin: Duration = .milliseconds(100)

  /// The interval of the beats of the shortest lease; nil when there is none.
  private var shortestBeat: Duration? { beats.keys.min().map(Self.beatInterval) }

  mutating func send(now: Duration, isGathering: Bool) {
    guard !isSending, now >= sendAgainAt, phase != .over else { return }
    var batch = beat(now: now).map { LeasedReport(report: $0, lease: 0) }
    if !batch.isEmpty || !isGathering { batch += endings.take() }
    guard !batch.isEmpty else { return }
    underWay = batch
    isSending = true
    answerDue = shortestBeat.map { now + max($0, Self.answerMin) }
    actions.append(.send(batch.map(\.report)))
  }

  /// The batch under way was answered, each report with a reply.
  mutating func sent(_ replies: [BatchReply], now: Duration) {
    var isBusy = false
    for (leased, reply) in zip(underWay, replies) {
      switch (leased.report, reply) {
      case (.acknowledge, .count(let count)), (.complete, .count(let count)),
        (.fail, .count(let count)), (.bury, .count(let count)):
        late(leased.report.receipts.count - count)
      case (.giveBack, .count(let count)), (.release, .count(let count)):
        counts.lost += max(0, leased.report.receipts.count - count)
      case (.extend(_, let leases), .flags(let flags)):
        for (held, flag) in zip(leases, flags) where flag != 1 {
          if let slot = held.slot { lose(slot, flag < 0 ? .jobCancelled : .leaseLost) }
        }
      case (_, .refusedForNow):
        isBusy = true
        addAgain(leased, now: now)
      case (.putBack(let queue, let body, let place), .refused(let error)):
        // It is nowhere else: it waits here, and goes back to its list when the worker stops.
        isBusy = true
        actions.append(.warn(.refused(error)))
        let other = phase == .working ? place : .next
        endings.add(.putBack(queue: queue, body: body, other), lease: 0)
      case (_, .refused(let error)): actions.append(.warn(.refused(error)))
      default: break
      }
    }
    endedSend(isFailure: isBusy, now: now)
  }

  private mutating func late(_ count: Int) {
    guard count > 0 else { return }
    counts.late += count
    actions.append(.warn(.lateAcknowledgements(count)))
  }

  /// The batch under way was not answered. It may have had its effect: endings are sent again, for a receipt
  /// ends its job once and is stale afterwards; so are beats.
  mutating func sendFailed(now: Duration) {
    for leased in underWay { addAgain(leased, now: now) }
    endedSend(isFailure: true, now: now)
  }

  /// Has a report sent again, and its leases kept until the broker has heard it.
  private mutating func addAgain(_ leased: LeasedReport, now: Duration) {
    if case .extend(let lease, _) = leased.report {
      beats[lease] = now
    } else {
      endings.add(leased.report, lease: leased.lease)
      if leased.lease > 0, beats[leased.lease] == nil { beats[leased.lease] = now }
    }
  }

  private mutating func endedSend(isFailure: Bool, now: Duration) {
    let wasGivenUp = isGivenUp
    isSending = false
    isGivenUp = false
    answerDue = nil
    underWay = []
    sendFailures = isFailure ? sendFailures + 1 : 0
    // What waited for an answer has waited enough.
    guard isFailure, !wasGivenUp else { return sendAgainAt = .zero }
    // Leases do not wait for growing pauses.
    let pause = Self.pause(failures: sendFailures)
    sendAgainAt = now + min(pause, shortestBeat.map { $0 / 2 } ?? pause)
  }
}
