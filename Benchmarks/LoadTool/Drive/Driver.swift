// Driver.swift: plays the roles of a workload over its connections, on one thread.
//
// The loop: begin what is due; wait; for each connection that has something, read once, take what is
// whole, record, and go on with the next step at once. No allocation and one clock reading a read.
//
//   idle ──begin──▶ in flight ──receive, all replies there──▶ next step ──▶ ... ──▶ cycle done ──▶ idle
//                    ▲    │ empty, to be repeated                                      │
//                    └────┴──pause                        closed loop: begins at once ─┘
//
// Latency counts from the time a request was due (`Pace`), so that a stalled server is charged for the
// requests that could not be sent meanwhile, too; in a closed loop that is when it was sent.

import CLinux
import Glibc
import RESP
import Synchronization

struct Driver: ~Copyable {
  /// What a thread is to do in a round.
  struct Orders: Sendable {
    let roles: [Role]
    /// Whether replies are lines (LineReply.swift) and not RESP.
    var isText = false
    let pipeline: Int
    let pace: Pace
    let begin: Int64
    /// When to stop beginning requests; nil where a count ends the round.
    let end: Int64?
    /// Completed ones of all threads that end the round.
    let countMax: Int?
    let seriesCount: Int
    let bucketWidth: Int64
    /// The number of this thread's first connection among all.
    let firstClient: Int
    /// This thread's share of what may be on the way between a role that waits for workers and them.
    let window: Int

    /// After the end, nanoseconds for which replies that are still to come are waited for: delayed jobs
    /// are due later.
    var grace: Int64 {
      2_000_000_000 + (roles.flatMap(\.steps).map(\.deliveryDelay).max() ?? 0)
    }

    /// Whether some role takes what the offered one makes.
    var delivers: Bool { roles.contains { !$0.isOffered } }
  }

  /// Bytes that are read at most at once.
  static let readSize = 1 << 16

  // Only the files of this room touch what follows.
  let orders: Orders
  let control: Control
  /// What the time is, where a test says so; nil for the system's clock.
  let clock: (any HandClock)?
  var pace: Pace
  var values: TemplateValues
  var connections: Connections
  var recorder: Recorder
  var poller = Poller()
  // What is read and made goes through these two, which stay in the processor's cache; connections
  // keep only what could not be understood or sent yet.
  var scratch = ByteBuffer(capacity: Driver.readSize)
  var outgoing = ByteBuffer()

  /// Connections of the offered role that wait for the pace or for a free worker, oldest first.
  var idle: [Int] = []
  var idleHead = 0
  /// Connections that try again later.
  var paused: [(until: Int64, index: Int)] = []
  /// How much more may be on its way to the workers.
  var free = 0
  /// Connections that have work to do or wait for a reply, but for blocking steps.
  var activeCount = 0
  var isDraining = false
  var drainBegin: Int64 = 0
  var isRecording = true
  var published = (completed: 0, errors: 0, begun: 0)
  var wallReadAt: Int64 = 0

  init(
    _ orders: Orders, control: Control, values: TemplateValues, sockets: [(Socket, role: Int)],
    clock: (any HandClock)? = nil
  ) {
    self.orders = orders
    self.control = control
    self.clock = clock
    self.values = values
    pace = orders.pace
    free = orders.window
    connections = Connections(sockets)
    recorder = Recorder(
      seriesCount: orders.seriesCount, begin: orders.begin, bucketWidth: orders.bucketWidth)
    for index in 0..<connections.count {
      poller.add(connections[index].socket.descriptor, tag: index)
    }
  }

  /// Runs the round to its end and closes the connections.
  mutating func run() {
    awaitBegin()
    let processorBegin = Clock.threadProcessorTime()
    start()
    var now = readClock()
    while !isOver(now) {
      beginIdle(now)
      resumePaused(now)
      let count = wait(nanoseconds: patience(now))
      for event in 0..<count {
        let (index, canRead, canWrite) = poller[event]
        if canWrite { flush(index) }
        if canRead { receive(index) }
      }
      publish()
      now = readClock()
    }
    recordUnanswered(now)
    recorder.processorTime = Clock.threadProcessorTime() - processorBegin
    recorder.wallTime = readClock() - orders.begin
    for index in 0..<connections.count { connections[index].socket.close() }
  }

  // MARK: Time

  @inline(__always)
  func readClock() -> Int64 { clock?.now ?? Clock.now() }

  private func awaitBegin() {
    guard let clock else { return Clock.sleep(until: orders.begin) }
    clock.pass(nanoseconds: orders.begin - clock.now)
  }

  /// Waits until a connection has something or `nanoseconds` are over.
  ///
  /// - Returns: how many have.
  private mutating func wait(nanoseconds: Int64) -> Int {
    guard let clock else { return poller.wait(nanoseconds: nanoseconds) }
    clock.pass(nanoseconds: nanoseconds)
    return poller.wait(nanoseconds: 0)
  }

  // MARK: Beginning and ending

  mutating func start() {
    let now = readClock()
    for index in 0..<connections.count where !isGated(index) { begin(index, now) }
    for index in 0..<connections.count where isGated(index) { idle.append(index) }
  }

  /// Whether the connection begins a cycle only when it may.
  func isGated(_ index: Int) -> Bool {
    let role = connections[index].role
    return orders.roles[role].handover == .waitsForWorker
      || orders.roles[role].isOffered && (pace.interval != nil)
  }

  /// Whether the round has come to its end, at the latest when nothing was begun for `Orders.grace`.
  mutating func isOver(_ now: Int64) -> Bool {
    if control.isStopped.load(ordering: .relaxed) {
      if control.reason != nil { return true }
      drain(now, records: false)
    }
    if let countMax = orders.countMax, control.finished >= countMax {
      control.stop()
      drain(now, records: false)
    }
    if let end = orders.end, now >= end { drain(now, records: pace.interval != nil) }
    guard isDraining else { return isIdle }
    if now >= drainBegin + orders.grace { return true }
    if isRecording {
      // With a rate, all that was due counts: what could not be sent in time, and what is delivered
      // by others than those who sent it.
      if pace.available(at: drainBegin - 1, limit: 1) > 0 { return false }
      if orders.delivers, control.finished < control.begun.load(ordering: .relaxed) { return false }
    }
    return activeCount == 0
  }

  /// From now on no cycle begins, but for those that were due before.
  mutating func drain(_ now: Int64, records: Bool) {
    guard !isDraining else { return }
    isDraining = true
    isRecording = records
    drainBegin = orders.end ?? now
  }

  /// Whether cycles may begin and be repeated: until the end, or until all that was due is done.
  var takesUp: Bool { !isDraining || isRecording }

  /// Whether nobody here does or waits for anything: all are retired, or have begun all they were to.
  var isIdle: Bool {
    activeCount == 0 && paused.isEmpty && !hasBlocked
      && (idleHead == idle.count || pace.remaining == 0)
  }

  var hasBlocked: Bool {
    for index in 0..<connections.count where connections[index].expected > 0 { return true }
    return false
  }

  /// How long the poller may sleep.
  func patience(_ now: Int64) -> Int64 {
    var until = now + 50_000_000
    if let end = orders.end, now < end { until = min(until, end) }
    if idleHead < idle.count, pace.interval != nil, pace.remaining != 0 {
      until = min(until, pace.due(pace.begun))
    }
    for each in paused { until = min(until, each.until) }
    if orders.countMax != nil { until = min(until, now + 5_000_000) }
    return until - now
  }

  /// Begins cycles on idle connections while some are due, or workers free.
  mutating func beginIdle(_ now: Int64) {
    while idleHead < idle.count {
      let index = idle[idleHead]
      guard begin(index, now) else { break }
      idleHead += 1
    }
    if idleHead > 256 {
      idle.removeFirst(idleHead)
      idleHead = 0
    }
  }

  mutating func resumePaused(_ now: Int64) {
    var place = 0
    while place < paused.count {
      if paused[place].until <= now {
        let index = paused.remove(at: place).index
        activeCount -= 1
        if takesUp { send(index, count: connections[index].emptyCount, now) }
      } else {
        place += 1
      }
    }
  }

  /// Begins a cycle if one may begin.
  @discardableResult
  mutating func begin(_ index: Int, _ now: Int64) -> Bool {
    guard takesUp else { return false }
    let role = connections[index].role
    var count = orders.roles[role].steps[0].isBlocking ? 1 : orders.pipeline
    if orders.roles[role].isOffered {
      count = pace.available(at: min(now, (orders.end ?? .max) - 1), limit: count)
    }
    if orders.roles[role].handover == .waitsForWorker, pace.interval == nil {
      count = min(count, free)
      free -= count
    }
    guard count > 0 else { return false }
    var dueAt = now
    if orders.roles[role].isOffered {
      let number = pace.take(count)
      connections[index].arrival = number
      if pace.interval != nil {
        dueAt = pace.due(number)
        recorder.lateness.record(now - max(dueAt, connections[index].idleSince))
      }
    }
    connections[index].step = 0
    connections[index].cycleAt = dueAt
    connections[index].alive = count
    connections[index].forgetCaptured()
    send(index, count: count, now)
    return true
  }

  // MARK: Going on

  /// All replies of the batch are there: the next step, or the next cycle.
  mutating func finish(_ index: Int, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    if !orders.roles[role].steps[step].isBlocking { activeCount -= 1 }
    connections[index].batchSize = 0
    let empty = connections[index].emptyCount
    if empty > 0 {
      switch orders.roles[role].steps[step].onEmpty {
      case .counts: break
      case .ends: return
      case .repeats(let pause):
        guard takesUp else { return }
        if pause == 0 { return send(index, count: empty, now) }
        activeCount += 1  // Until it is resumed.
        paused.append((now + pause, index))
        return
      }
    }
    if orders.roles[role].steps[step].capturePath != nil {
      connections[index].alive = connections[index].capturedRanges.count
    }
    connections[index].step = step + 1
    if step + 1 < orders.roles[role].steps.count, connections[index].alive > 0 {
      // A cycle that has begun is finished, so that nothing half done is left behind.
      return send(index, count: connections[index].alive, now)
    }
    if let series = orders.roles[role].cycleSeries, connections[index].alive > 0, isRecording {
      recordCycle(index, series, now)
    }
    if orders.roles[role].handover == .isWorker { free += connections[index].alive }
    if isGated(index) {
      connections[index].idleSince = now
      idle.append(index)
      beginIdle(now)
    } else {
      begin(index, now)
      if orders.roles[role].handover == .isWorker { beginIdle(now) }
    }
  }

  mutating func recordCycle(_ index: Int, _ series: Int, _ now: Int64) {
    let role = connections[index].role, alive = connections[index].alive
    guard orders.roles[role].isOffered, pace.interval != nil else {
      recorder.record(series, now - connections[index].cycleAt, times: alive, at: now)
      return
    }
    for number in 0..<alive {
      let due = pace.due(connections[index].arrival + number)
      recorder.record(series, now - due, times: 1, at: now)
    }
  }

  /// At the end of a fixed rate: what was due and has no reply counts with its latency so far, or a
  /// server that stands still at the end would look well.
  mutating func recordUnanswered(_ now: Int64) {
    guard pace.interval != nil, let end = orders.end else { return }
    let role = orders.roles.firstIndex { $0.isOffered } ?? 0
    guard let series = orders.roles[role].cycleSeries ?? orders.roles[role].steps[0].series else {
      return
    }
    for index in 0..<connections.count where connections[index].role == role {
      guard connections[index].batchSize > 0, connections[index].step == 0 else { continue }
      for number in connections[index].received..<connections[index].batchSize {
        recorder.recordUnfinished(series, now - pace.due(connections[index].arrival + number))
      }
    }
    while pace.available(at: end - 1, limit: 1) > 0 {
      recorder.recordUnfinished(series, now - pace.due(pace.take(1)))
    }
  }

  /// Tells the others how far this thread is.
  mutating func publish() {
    let completed = recorder.completed - published.completed
    let errors = recorder.errors - published.errors
    if completed > 0 { control.completed.add(completed, ordering: .relaxed) }
    if errors > 0 { control.errors.add(errors, ordering: .relaxed) }
    let begun = pace.begun - published.begun
    if begun > 0 { control.begun.add(begun, ordering: .relaxed) }
    published = (recorder.completed, recorder.errors, pace.begun)
  }

  mutating func fail(_ reason: String) {
    control.stop(.serverGone(reason))
  }
}
