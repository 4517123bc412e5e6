// WorkerCore+Leases.swift: leases are kept while handlers run, and handlers end with their leases.
//
// All leases of one length are extended together, each third of that length: one that was taken just
// after a beat is a third old at the next, and two beats may fail before it runs out. A job that has ended
// keeps its lease until the broker has heard of that.

extension WorkerCore {
  /// The shortest time between two beats, whatever the lease.
  static let beatMin: Duration = .milliseconds(10)

  static func beatInterval(_ lease: Int64) -> Duration { max(.milliseconds(lease) / 3, beatMin) }

  mutating func beginBeat(_ lease: Int64, now: Duration) {
    if beats[lease] == nil { beats[lease] = now + Self.beatInterval(lease) }
  }

  /// The reports that extend what is due.
  mutating func beat(now: Duration) -> [Report] {
    guard beats.values.contains(where: { $0 <= now }) else { return [] }
    var reports: [Report] = []
    for (lease, due) in beats where due <= now {
      var leases: [Report.Held] = []
      for (index, slot) in slots.enumerated()
      where slot.isRunning && slot.lease == lease && !slot.hasLostLease {
        if let end = slot.renewedUntil, end <= now {
          if !slot.isOverrun { actions.append(.warn(.overrun(limit: slot.limit))) }
          slots[index].isOverrun = true
          continue
        }
        leases.append(
          Report.Held(receipt: slot.receipt, slot: SlotID(index: index, run: slot.run)))
      }
      leases += endings.receipts(lease: lease).map { Report.Held(receipt: $0, slot: nil) }
      if leases.isEmpty {
        beats[lease] = nil
      } else {
        beats[lease] = now + Self.beatInterval(lease)
        reports.append(.extend(lease, leases))
      }
    }
    return reports
  }

  /// The handler itself has extended its lease, to `lease` ms from now on.
  mutating func extended(_ id: SlotID, to lease: Int64, now: Duration) {
    guard isCurrent(id) else { return }
    slots[id.index].lease = lease
    // At once: a beat that was on its way may have cut the lease back to its old length.
    beats[lease] = now
  }

  /// The lease of a running job is gone: its handler is cancelled, and what it says is not heard.
  mutating func lose(_ id: SlotID, _ reason: CancelReason) {
    guard isCurrent(id), !slots[id.index].hasLostLease else { return }
    counts.lost += 1
    let wasCancelled = slots[id.index].cancelled != nil
    slots[id.index].cancelled = reason
    if !wasCancelled { actions.append(.cancel(id, reason)) }
  }

  /// The handler of `id` may take so long, counted from when its job came.
  mutating func limit(_ id: SlotID, to limit: Duration) {
    guard isCurrent(id) else { return }
    let deadline = slots[id.index].begin + limit
    slots[id.index].deadline = deadline
    slots[id.index].limit = limit
    earliestDeadline = min(earliestDeadline ?? deadline, deadline)
  }

  /// Cancels the handlers whose time is over.
  mutating func endOverdue(now: Duration) {
    guard let earliest = earliestDeadline, earliest <= now else { return }
    // A bound was met: this looks at all slots once, and finds the next bound.
    earliestDeadline = nil
    for index in slots.indices {
      guard slots[index].isRunning, let deadline = slots[index].deadline else { continue }
      if deadline > now {
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
        continue
      }
      slots[index].deadline = nil
      guard slots[index].cancelled == nil else { continue }
      let reason = CancelReason.timedOut(after: slots[index].limit)
      slots[index].cancelled = reason
      // One that does not heed it keeps its slot, but not its job: that comes back with its lease.
      slots[index].renewedUntil = now + settings.cancelGrace
      actions.append(.cancel(SlotID(index: index, run: slots[index].run), reason))
    }
  }
}

extension WorkerCore.Slot {
  /// Whether the job may be with another worker.
  var hasLostLease: Bool { cancelled == .leaseLost || cancelled == .jobCancelled }
}
