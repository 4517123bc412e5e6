// WorkerLoop.swift: the loop of a worker: it hears what happened, asks the core what to do, and does it.
//
// One pass takes all events that have gathered, so acknowledgements of jobs that ended together go out
// together. Jobs and calls are tasks of their own; each ends with an event, and the loop ends when the core has
// nothing under way any more. The loop and its calls live on the client's I/O thread, and jobs in the
// program's pool: however long these compute, leases are renewed.

struct WorkerLoop {
  private var core: WorkerCore
  private let calls: WorkerCalls
  private let runner: JobRunner
  private let time: Timekeeper
  private let gate: Gate
  private let mailbox: Mailbox
  private let logger: any WorkerLogger
  /// Is told what the worker has done, after each pass.
  private let report: @Sendable (WorkerStatistics) -> Void

  /// What runs in each slot, and the calls of each lane by their number.
  private var jobs: [Task<Void, Never>?]
  private var fetches: [[Int: Task<Void, Never>]]
  private var fetchesMade = 0
  /// The batch under way.
  private var sending: Task<Void, Never>?
  /// Wakes the loop at an instant.
  private var alarm: (instant: Duration, task: Task<Void, Never>?)?
  /// Why the worker cannot go on.
  private var failure: MartletError?

  init(
    _ settings: WorkerCore.Settings, calls: WorkerCalls, runner: JobRunner, time: Timekeeper,
    report: @escaping @Sendable (WorkerStatistics) -> Void
  ) {
    core = WorkerCore(settings)
    self.calls = calls
    self.runner = runner
    self.time = time
    self.report = report
    gate = calls.client.gate
    mailbox = runner.reporter.mailbox
    logger = runner.reporter.logger
    jobs = Array(repeating: nil, count: core.slots.count)
    fetches = Array(repeating: [:], count: settings.concurrency.count)
  }

  /// Works until the core is done.
  ///
  /// - Throws: what makes going on senseless: the server has no jobs.
  mutating func run() async throws(MartletError) {
    var events: [WorkerEvent] = []
    while true {
      let now = time.now
      for event in events { hear(event, now: now) }
      core.turn(now: now)
      for action in core.takeActions() { perform(action) }
      report(core.counts)
      if core.isOver { break }
      setAlarm()
      await mailbox.next(core.quorum, into: &events)
    }
    alarm?.task?.cancel()
    if let failure { throw failure }
  }

  // MARK: Hearing

  private mutating func hear(_ event: WorkerEvent, now: Duration) {
    switch event {
    case .fetched(let lane, let call, let asked, let result):
      fetches[lane][call] = nil
      heard(lane, asked, result, now: now)
    case .sent(.success(let replies)): core.sent(replies, now: now)
    case .sent(.failure(let error)):
      logger.log(.debug, "the broker could not be told, and will be: \(error)", [:])
      core.sendFailed(now: now)
    case .finished(let slot, let ending):
      if core.isCurrent(slot) { jobs[slot.index] = nil }
      core.finished(slot, ending)
    case .limited(let slot, let limit): core.limit(slot, to: limit)
    case .extended(let slot, let lease): core.extended(slot, to: lease, now: now)
    case .time: alarm = nil
    case .shutDown: core.shutDown(now: now)
    case .cancel: core.cancel(now: now)
    }
  }

  private mutating func heard(
    _ lane: Int, _ asked: Int, _ result: Result<[Delivery], MartletError>, now: Duration
  ) {
    switch result {
    case .success(let deliveries): core.fetched(lane: lane, asked: asked, deliveries, now: now)
    case .failure(let error):
      core.fetchFailed(lane: lane, asked: asked, now: now)
      if error.code == .unsupported || error.code == .closed {
        failure = failure ?? error
        core.shutDown(now: now)
      } else if core.phase == .working, core.lanes[lane].failures == 1 {
        let queues = calls.lanes[lane].names.joined(separator: ",")
        logger.log(.warning, "no jobs can be taken, trying again: \(error)", ["queues": queues])
      }
    }
  }

  // MARK: Doing

  private mutating func perform(_ action: WorkerCore.Action) {
    let calls = calls, mailbox = mailbox
    switch action {
    case .start(let slot, let delivery):
      let runner = runner
      jobs[slot.index] = Task { await runner.run(delivery, slot) }
    case .fetch(let lane, let count):
      fetchesMade += 1
      let call = fetchesMade
      fetches[lane][call] = Task(executorPreference: gate) {
        let result: Result<[Delivery], MartletError>
        do throws(MartletError) {
          result = .success(try await calls.fetch(lane: lane, count: count))
        } catch { result = .failure(error) }
        mailbox.post(.fetched(lane: lane, call: call, asked: count, result))
      }
    case .send(let reports):
      sending = Task(executorPreference: gate) {
        let result: Result<[BatchReply], MartletError>
        do throws(MartletError) { result = .success(try await calls.send(reports)) } catch {
          result = .failure(error)
        }
        mailbox.post(.sent(result))
      }
    case .endSend: sending?.cancel()
    case .endFetch(let lane): for call in fetches[lane].values { call.cancel() }
    case .cancel(let slot, let reason):
      jobs[slot.index]?.cancel()
      if reason == .leaseLost {
        logger.log(.warning, "a lease was lost while its job ran: the job is cancelled here", [:])
      }
    case .warn(let warning): logger.log(.warning, warning.text, [:])
    }
  }

  /// Has the loop come by when the core next wants to.
  private mutating func setAlarm() {
    guard let next = core.nextDeadline else { return }
    if let alarm {
      // One that rings too early does no harm.
      guard next < alarm.instant else { return }
      alarm.task?.cancel()
    }
    alarm = (next, time.wake(mailbox, at: next, gate))
  }
}

extension WorkerCore.Warning {
  fileprivate var text: String {
    switch self {
    case .lateAcknowledgements(let count):
      "\(count) jobs ended after their lease was lost: they are done again"
    case .refused(let error): "the broker refused to hear how a job ended: \(error)"
    case .elementsLost(let count):
      "\(count) elements could not be put back to their lists before the worker had to stop: they are lost"
    case .abandoned(let count):
      "\(count) handlers went on although they were cancelled: their jobs were given back"
    case .overrun(let limit):
      "a handler does not heed that its time of \(limit) is over: its lease is not renewed any more"
    case .unsent(let count):
      "\(count) jobs that ended could not be told to the broker: they come back when their leases end"
    }
  }
}
