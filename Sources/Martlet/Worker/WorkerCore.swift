// WorkerCore.swift: what a worker does next: a function of what happened, without clock, socket or task.
//
// It is told what came (jobs, endings of handlers, replies, instants) and says what to do in `actions`. The
// loop around it (WorkerLoop.swift) does that and comes back. So all rules of a worker are in here and in
// WorkerCore+Sending.swift, WorkerCore+Leases.swift and WorkerCore+Stop.swift, and are tested with instants
// made up by the test.
//
//            fetched ──▶ RUNNING ──finished──▶ an ending waits ──sent──▶ free
//                           │ ▲                     ▲
//   lost, cancelled: cancel │ └── handler goes on   │ nothing is sent for a lost lease
//                           ▼                       │
//                        CANCELLED ────finished─────┘
//
// Invariants (`checkInvariants()`, run after every step of a test):
//   1. running + asked for ≤ concurrency, in each lane
//   2. a receipt is in one place: a slot that runs, an ending that waits, or an ending under way
//   3. at most one batch is under way
// Instants are Durations since an origin that the loop chooses.

/// Names one run of a slot: what comes for an earlier run has no effect.
struct SlotID: Hashable, Sendable {
  let index: Int
  let run: UInt32
}

struct WorkerCore {
  struct Settings: Sendable {
    /// How many jobs each lane runs at once.
    var concurrency: [Int] = [1]
    /// How long handlers may go on after a stop was asked for, and then after they were cancelled.
    var shutdownTimeout: Duration = .seconds(25)
    var cancelGrace: Duration = .seconds(2)
    /// How long the last endings may take to reach the broker after that.
    var farewell: Duration = .seconds(2)
    /// Most jobs that one call takes.
    var fetchCountMax = 1000
    /// Calls of a lane under way at one time: while the broker writes what one takes, the jobs of others run.
    var callsMax = 4
    /// How long what has ended waits for what ends with it, so that both are told together.
    var gatherMax: Duration = .zero
    static let gatherUsual: Duration = .microseconds(500)
  }

  /// What the loop is to do.
  enum Action: Equatable, Sendable {
    /// Take up to `count` jobs for a lane, and wait for them.
    case fetch(lane: Int, count: Int)
    /// End the call that takes jobs for a lane.
    case endFetch(lane: Int)
    case start(SlotID, Delivery)
    /// Cancel the handler.
    case cancel(SlotID, CancelReason)
    /// Send in one batch; the next comes after the replies.
    case send([Report])
    /// Give the batch under way up: it was not answered in time.
    case endSend
    case warn(Warning)
  }

  /// Why a handler is cancelled.
  enum CancelReason: Equatable, Sendable {
    /// Its job may be with another worker by now.
    case leaseLost
    /// Somebody cancelled the job.
    case jobCancelled
    case timedOut(after: Duration)
    /// The worker stops.
    case shutdown
  }

  /// What a person might want to know.
  enum Warning: Equatable, Sendable {
    /// So many acknowledgements came after the lease was lost.
    case lateAcknowledgements(Int)
    /// The broker refused a report, for good.
    case refused(String)
    /// So many handlers did not end although they were cancelled.
    case abandoned(Int)
    /// A handler goes on after its time is over, which was so long.
    case overrun(limit: Duration)
    /// So many endings could not be told to the broker before the worker had to stop.
    case unsent(Int)
    /// So many popped elements could not be put back before the worker had to stop.
    case elementsLost(Int)
  }

  /// How a worker ends: each arrow is a call or an instant.
  ///
  ///     working ──shutDown──▶ draining ──all done, or shutdownTimeout──▶ cancelling ──▶ over
  enum Phase: Equatable, Sendable { case working, draining, cancelling, over }

  struct Slot {
    let lane: Int
    var run: UInt32 = 0
    var isRunning = false
    var receipt: Receipt = Receipt()
    /// The element that was popped for it and is nowhere else; nil for what is leased.
    var popped: Delivery?
    /// The length of the lease, ms; 0 when there is none.
    var lease: Int64 = 0
    /// When the job came.
    var begin: Duration = .zero
    /// When the handler has had its time, and how long that is.
    var deadline: Duration?
    var limit: Duration = .zero
    var cancelled: CancelReason?
    /// From when on the lease is not renewed: the handler does not heed that its time is over.
    var renewedUntil: Duration?
    /// That instant was met, and told.
    var isOverrun = false
  }

  struct Lane {
    let concurrency: Int
    var running = 0
    /// Jobs that the calls under way may bring, and how many calls these are.
    var asked = 0
    var calls = 0
    var isEnding = false
    var retryAt: Duration = .zero
    var failures = 0
  }

  let settings: Settings
  var lanes: [Lane]
  var slots: [Slot]
  /// Slots of each lane that are free.
  var free: [[Int]]
  var phase = Phase.working
  var actions: [Action] = []
  var counts = WorkerStatistics()

  /// Endings that wait to be sent, and those under way.
  var endings = Endings()
  var underWay: [LeasedReport] = []
  var isSending = false
  /// When the batch under way is given up.
  var answerDue: Duration?
  var isGivenUp = false
  var sendFailures = 0
  var sendAgainAt: Duration = .zero

  /// When the leases of each length (ms) are extended next.
  var beats: [Int64: Duration] = [:]
  /// No handler's deadline is earlier.
  var earliestDeadline: Duration?
  /// Handlers that ended and wait for others that end with them; and until when.
  private var gathered = 0
  private var gatherEnd: Duration?
  /// When draining and cancelling end.
  var phaseEnd: Duration?
  /// When handlers have had the time that they have after a stop was asked for.
  var stopEnd: Duration = .zero
  /// When the worker ends whatever the broker has heard: the least time for it, and what it comes to.
  var farewellEnd: Duration?
  var giveUpAt: Duration?

  init(_ settings: Settings) {
    precondition(settings.concurrency.allSatisfy { $0 > 0 })
    self.settings = settings
    lanes = settings.concurrency.map { Lane(concurrency: $0) }
    slots = []
    free = []
    for (lane, count) in settings.concurrency.enumerated() {
      free.append((slots.count..<slots.count + count).reversed())
      slots += (0..<count).map { _ in Slot(lane: lane) }
    }
  }

  /// What is to be done since the last time.
  mutating func takeActions() -> [Action] {
    defer { actions.removeAll(keepingCapacity: true) }
    return actions
  }

  var runningCount: Int { lanes.reduce(0) { $0 + $1.running } }
  var isOver: Bool { phase == .over }

  /// Does what is to be done at `now`: call it after all else that came in the same turn.
  mutating func turn(now: Duration) {
    endOverdue(now: now)
    proceedWithStop(now: now)
    if isSending, let due = answerDue, due <= now {
      answerDue = nil
      isGivenUp = true
      actions.append(.endSend)
    }
    if gathered > 0, gatherEnd == nil, settings.gatherMax > .zero {
      gatherEnd = now + settings.gatherMax
    }
    let isGathering = isGathering(now: now)
    if !isGathering {
      gathered = 0
      gatherEnd = nil
      fetch(now: now)
    }
    send(now: now, isGathering: isGathering)
    counts.running = runningCount
  }

  /// When `turn` is to be called if nothing comes before.
  var nextDeadline: Duration? {
    guard phase != .over else { return nil }
    var next = phaseEnd ?? giveUpAt
    func consider(_ instant: Duration?) {
      guard let instant else { return }
      next = min(next ?? instant, instant)
    }
    consider(earliestDeadline)
    consider(gatherEnd)
    if isSending {
      consider(answerDue)
    } else {
      consider(beats.values.min().map { max($0, sendAgainAt) })
      if !endings.isEmpty, gatherEnd == nil { consider(sendAgainAt) }
    }
    if phase == .working, endings.count < endingsMax, gatherEnd == nil {
      for lane in lanes where lane.calls == 0 && lane.running < lane.concurrency {
        consider(lane.retryAt)
      }
    }
    return next
  }

  // MARK: Gathering

  /// Whether what has ended waits for what may end with it: not for long, and not for fewer than have ended.
  private func isGathering(now: Duration) -> Bool {
    guard phase == .working, let end = gatherEnd, now < end else { return false }
    return gathered < runningCount
  }

  /// How many more handlers have ended when it is time for the next turn, if nothing else happens.
  var quorum: Int {
    guard phase == .working, settings.gatherMax > .zero else { return 1 }
    // Nothing can be done for them before an answer comes.
    if isSending, lanes.allSatisfy({ $0.calls == settings.callsMax }) { return .max }
    return gatherEnd == nil ? 1 : max(1, (runningCount - gathered + 1) / 2)
  }

  // MARK: Taking

  /// While more endings than this wait, no jobs are taken: the broker does not hear of what is done.
  var endingsMax: Int { 4 * slots.count + 256 }

  private mutating func fetch(now: Duration) {
    guard phase == .working, endings.count < endingsMax else { return }
    for index in lanes.indices where lanes[index].retryAt <= now {
      let lane = lanes[index]
      let count = min(lane.concurrency - lane.running - lane.asked, settings.fetchCountMax)
      // One beside others is worth it for many jobs alone.
      let least = lane.calls == 0 ? 1 : max(Self.nextCallMin, lane.concurrency / 8)
      guard count >= least, lane.calls < settings.callsMax else { continue }
      lanes[index].asked += count
      lanes[index].calls += 1
      actions.append(.fetch(lane: index, count: count))
    }
  }

  /// Free slots that are worth a call beside those under way.
  private static let nextCallMin = 8

  /// Jobs came, or none did within the time of the call.
  ///
  /// - Parameter asked: how many the call was for; nil if there is no other.
  mutating func fetched(
    lane: Int, asked: Int? = nil, _ deliveries: [Delivery], now: Duration
  ) {
    endedFetch(lane, asked)
    lanes[lane].failures = 0
    counts.taken += deliveries.count
    for delivery in deliveries {
      guard phase == .working, let index = free[lane].popLast() else {
        if delivery.isPopped {
          endings.add(.putBack(queue: delivery.queue, body: delivery.body, .next), lease: 0)
        } else if delivery.lease > 0 {
          endings.add(.giveBack([delivery.receipt]), lease: delivery.lease)
        }
        continue
      }
      lanes[lane].running += 1
      slots[index].run &+= 1
      slots[index].isRunning = true
      slots[index].receipt = delivery.receipt
      slots[index].popped = delivery.isPopped ? delivery : nil
      slots[index].lease = delivery.lease
      slots[index].begin = now
      slots[index].deadline = nil
      slots[index].cancelled = nil
      slots[index].renewedUntil = nil
      slots[index].isOverrun = false
      if delivery.lease > 0 { beginBeat(delivery.lease, now: now) }
      actions.append(.start(SlotID(index: index, run: slots[index].run), delivery))
    }
  }

  /// A call that takes jobs failed; the next one comes after a while.
  mutating func fetchFailed(lane: Int, asked: Int? = nil, now: Duration) {
    endedFetch(lane, asked)
    lanes[lane].failures += 1
    lanes[lane].retryAt = now + Self.pause(failures: lanes[lane].failures)
  }

  private mutating func endedFetch(_ lane: Int, _ asked: Int?) {
    lanes[lane].asked -= asked ?? lanes[lane].asked
    lanes[lane].calls = max(0, lanes[lane].calls - 1)
    if lanes[lane].calls == 0 { lanes[lane].isEnding = false }
  }

  /// How long to wait after so many failures in a row: 50 ms, doubling, at most 5 s.
  static func pause(failures: Int) -> Duration {
    .milliseconds(min(5000, 50 << min(max(failures - 1, 0), 7)))
  }

  // MARK: Endings

  /// A handler has ended.
  mutating func finished(_ id: SlotID, _ ending: Ending) {
    guard isCurrent(id) else { return }
    let slot = slots[id.index]
    freeSlot(id.index)
    gathered += 1
    let reason = slot.cancelled
    if let popped = slot.popped { return finished(popped, ending, wasCancelled: reason != nil) }
    // The job is with somebody else, or there is nothing to tell.
    guard reason != .leaseLost, reason != .jobCancelled, slot.lease > 0 else { return }
    func end(_ report: Report) { endings.add(report, lease: slot.lease) }
    switch (ending, reason) {
    case (.failed, .shutdown), (.cancelled, .shutdown):
      // What the shutdown cut off is no failure of the job.
      end(.giveBack([slot.receipt]))
    case (.failed(let failure), .timedOut(let limit)),
      (.cancelled(let failure), .timedOut(let limit)):
      counts.failed += 1
      end(failure.report(slot.receipt, error: "timed out after \(limit)"))
    case (.failed(let failure), _), (.cancelled(let failure), _):
      counts.failed += 1
      end(failure.report(slot.receipt))
    case (.done, _):
      counts.done += 1
      end(.acknowledge([slot.receipt]))
    case (.result(let bytes, let keep), _):
      counts.done += 1
      end(.complete(slot.receipt, result: bytes, keep: keep))
    case (.dead(let error), _):
      counts.dead += 1
      end(.bury(slot.receipt, error: error))
    case (.release(let delay, let error), _):
      end(.release(slot.receipt, after: delay, error: error))
    }
  }

  /// The handler of a popped element has ended: the element goes back if it was not done.
  private mutating func finished(_ popped: Delivery, _ ending: Ending, wasCancelled: Bool) {
    let place: Report.Place
    switch ending {
    case .done, .result:
      counts.done += 1
      return
    case .failed(let failure), .cancelled(let failure):
      counts.failed += 1
      place = wasCancelled || failure.retryAfter != nil ? .next : .dead
    case .dead:
      counts.dead += 1
      place = .dead
    case .release: place = .next
    }
    endings.add(.putBack(queue: popped.queue, body: popped.body, place), lease: 0)
  }

  func isCurrent(_ id: SlotID) -> Bool {
    slots[id.index].isRunning && slots[id.index].run == id.run
  }

  mutating func freeSlot(_ index: Int) {
    let lane = slots[index].lane
    slots[index].isRunning = false
    slots[index].deadline = nil
    slots[index].popped = nil
    lanes[lane].running -= 1
    free[lane].append(index)
  }
}
