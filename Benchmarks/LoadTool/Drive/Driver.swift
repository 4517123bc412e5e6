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

  private static let readSize = 1 << 16

  private let orders: Orders
  private let control: Control
  private var pace: Pace
  private var values: TemplateValues
  private var connections: Connections
  private(set) var recorder: Recorder
  private var poller = Poller()
  // What is read and made goes through these two, which stay in the processor's cache; connections
  // keep only what could not be understood or sent yet.
  private var scratch = ByteBuffer(capacity: Driver.readSize)
  private var outgoing = ByteBuffer()

  /// Connections of the offered role that wait for the pace or for a free worker, oldest first.
  private var idle: [Int] = []
  private var idleHead = 0
  /// Connections that try again later.
  private var paused: [(until: Int64, index: Int)] = []
  /// How much more may be on its way to the workers.
  private var free = 0
  /// Connections that have work to do or wait for a reply, but for blocking steps.
  private var activeCount = 0
  private var isDraining = false
  private var drainBegin: Int64 = 0
  private var isRecording = true
  private var published = (completed: 0, errors: 0, begun: 0)
  private var wallReadAt: Int64 = 0

  init(
    _ orders: Orders, control: Control, values: TemplateValues, sockets: [(Socket, role: Int)]
  ) {
    self.orders = orders
    self.control = control
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
    Clock.sleep(until: orders.begin)
    let processorBegin = Clock.threadProcessorTime()
    start()
    var now = Clock.now()
    while !isOver(now) {
      beginIdle(now)
      resumePaused(now)
      let count = poller.wait(nanoseconds: patience(now))
      for event in 0..<count {
        let (index, canRead, canWrite) = poller[event]
        if canWrite { flush(index) }
        if canRead { receive(index) }
      }
      publish()
      now = Clock.now()
    }
    recordUnanswered(now)
    recorder.processorTime = Clock.threadProcessorTime() - processorBegin
    recorder.wallTime = Clock.now() - orders.begin
    for index in 0..<connections.count { connections[index].socket.close() }
  }

  // MARK: Beginning and ending

  private mutating func start() {
    let now = Clock.now()
    for index in 0..<connections.count where !isGated(index) { begin(index, now) }
    for index in 0..<connections.count where isGated(index) { idle.append(index) }
  }

  /// Whether the connection begins a cycle only when it may.
  private func isGated(_ index: Int) -> Bool {
    let role = connections[index].role
    return orders.roles[role].handover == .waitsForWorker
      || orders.roles[role].isOffered && (pace.interval != nil)
  }

  /// Whether the round has come to its end, at the latest when nothing was begun for `Orders.grace`.
  private mutating func isOver(_ now: Int64) -> Bool {
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
  private mutating func drain(_ now: Int64, records: Bool) {
    guard !isDraining else { return }
    isDraining = true
    isRecording = records
    drainBegin = orders.end ?? now
  }

  /// Whether cycles may begin and be repeated: until the end, or until all that was due is done.
  private var takesUp: Bool { !isDraining || isRecording }

  /// Whether nobody here does or waits for anything: all are retired, or have begun all they were to.
  private var isIdle: Bool {
    activeCount == 0 && paused.isEmpty && !hasBlocked
      && (idleHead == idle.count || pace.remaining == 0)
  }

  private var hasBlocked: Bool {
    for index in 0..<connections.count where connections[index].expected > 0 { return true }
    return false
  }

  /// How long the poller may sleep.
  private func patience(_ now: Int64) -> Int64 {
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
  private mutating func beginIdle(_ now: Int64) {
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

  private mutating func resumePaused(_ now: Int64) {
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
  private mutating func begin(_ index: Int, _ now: Int64) -> Bool {
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

  // MARK: Sending

  /// Sends the connection's step `count` times at once.
  private mutating func send(_ index: Int, count: Int, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    if orders.roles[role].steps[step].template.usesWallClock, now - wallReadAt > 100_000 {
      values.wall = Clock.wallMilliseconds()
      wallReadAt = now
    }
    let isPaced = step == 0 && orders.roles[role].isOffered && pace.interval != nil
    values.client = orders.firstClient + index
    let capturedCount = connections[index].capturedRanges.count
    for number in 0..<count {
      let value =
        number < capturedCount
        ? connections[index].captured.view(
          at: connections[index].capturedRanges[number].lowerBound,
          size: connections[index].capturedRanges[number].count) : ByteView()
      let stamp = isPaced ? pace.due(connections[index].arrival + number) : now
      orders.roles[role].steps[step].template.write(
        to: &outgoing, &values, value: value, stamp: stamp)
    }
    connections[index].batchSize = count
    connections[index].expected =
      count * orders.roles[role].steps[step].template.requestCount
    connections[index].received = 0
    connections[index].emptyCount = 0
    connections[index].sentAt = now
    if !orders.roles[role].steps[step].isBlocking { activeCount += 1 }
    sendOutgoing(index)
  }

  /// Sends what was made; what the system does not take now waits in the connection.
  private mutating func sendOutgoing(_ index: Int) {
    defer { outgoing.truncate(to: 0) }
    let size: Int
    switch connections[index].socket.write(outgoing.view) {
    case .bytes(let sent): size = sent
    case .wouldBlock: size = 0
    case .ended: return
    case .failed(let code): return fail(SystemError(call: "write", code: code).reason)
    }
    if size < outgoing.count {
      connections[index].output.append(outgoing.view[size..<outgoing.count])
      watchWriting(index, true)
    }
  }

  private mutating func flush(_ index: Int) {
    while !connections[index].output.isEmpty {
      switch connections[index].socket.write(connections[index].output.view) {
      case .bytes(let size): connections[index].output.removeFirst(size)
      case .wouldBlock:
        watchWriting(index, true)
        return
      case .ended: return
      case .failed(let code): return fail(SystemError(call: "write", code: code).reason)
      }
    }
    watchWriting(index, false)
  }

  private mutating func watchWriting(_ index: Int, _ isWaiting: Bool) {
    guard connections[index].isWaitingToWrite != isWaiting else { return }
    connections[index].isWaitingToWrite = isWaiting
    poller.watch(connections[index].socket.descriptor, tag: index, forWriting: isWaiting)
  }

  // MARK: Receiving

  /// Reads once and takes what is whole.
  private mutating func receive(_ index: Int) {
    let isEmpty = connections[index].input.isEmpty
    let transfer =
      isEmpty
      ? connections[index].socket.read(into: &scratch, upTo: Self.readSize)
      : connections[index].socket.read(into: &connections[index].input, upTo: Self.readSize)
    let now = Clock.now()
    switch transfer {
    case .wouldBlock: return
    case .ended: return fail("it closed the connection")
    case .failed(let code): return fail(SystemError(call: "read", code: code).reason)
    case .bytes: break
    }
    let input = isEmpty ? scratch.view : connections[index].input.view
    do throws(ReplyFormatError) {
      let size = try take(index, input, now)
      if isEmpty {
        if size < input.count { connections[index].input.append(input[size..<input.count]) }
        scratch.truncate(to: 0)
      } else {
        connections[index].input.removeFirst(size)
      }
    } catch {
      scratch.truncate(to: 0)
      control.stop(.badReply(error.reason))
      return
    }
    if connections[index].expected == 0, connections[index].batchSize > 0 { finish(index, now) }
  }

  /// Takes the replies at the start of `input`; returns how many bytes they had.
  private mutating func take(
    _ index: Int, _ input: ByteView, _ now: Int64
  ) throws(ReplyFormatError) -> Int {
    let role = connections[index].role, step = connections[index].step
    let looksInside = orders.roles[role].steps[step].looksInside
    var offset = 0, plain = 0
    while connections[index].expected > 0 {
      let rest = input[offset..<input.count]
      guard case .reply(let size) = try connections[index].parser.parse(rest) else { break }
      offset += size
      let mark = rest[0]
      if mark == 0x3E { continue }  // A push answers no request.
      connections[index].expected -= 1
      if mark == 0x2D || mark == 0x21 {
        noteError(index, rest[0..<size])
      } else if looksInside {
        look(index, rest[0..<size], now)
      } else {
        plain += 1
      }
    }
    if plain > 0 { record(index, replies: plain, now) }
    return offset
  }

  /// Records `replies` more of the batch in the series of its step.
  private mutating func record(_ index: Int, replies: Int, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    let each = orders.roles[role].steps[step].template.requestCount
    let before = connections[index].received / each
    connections[index].received += replies
    let count = connections[index].received / each - before
    guard count > 0, let series = orders.roles[role].steps[step].series, isRecording else { return }
    if step == 0, orders.roles[role].isOffered, pace.interval != nil {
      for number in before..<before + count {
        let due = pace.due(connections[index].arrival + number)
        recorder.record(series, now - due, times: 1, at: now)
      }
    } else {
      recorder.record(series, now - connections[index].sentAt, times: count, at: now)
    }
  }

  /// Reads one reply of a step that wants to know what it says.
  private mutating func look(_ index: Int, _ reply: ByteView, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    if Self.isEmpty(reply), orders.roles[role].steps[step].onEmpty != .counts {
      connections[index].emptyCount += 1
      return
    }
    if let series = orders.roles[role].steps[step].deliverySeries,
      let body = ReplyReader.value(of: reply, at: orders.roles[role].steps[step].bodyPath)?.bytes,
      let stamp = Stamp.read(body)
    {
      let delay = orders.roles[role].steps[step].deliveryDelay
      if isRecording { recorder.record(series, now - stamp - delay, times: 1, at: now) }
    }
    if let path = orders.roles[role].steps[step].capturePath,
      let bytes = ReplyReader.value(of: reply, at: path)?.bytes
    {
      connections[index].capture(bytes)
    }
    record(index, replies: 1, now)
  }

  /// Whether a reply says that there is nothing: `$-1`, `*-1`, `_`, `*0`.
  private static func isEmpty(_ reply: ByteView) -> Bool {
    if reply[0] == 0x5F { return true }
    guard reply.count >= 4, reply[0] == 0x24 || reply[0] == 0x2A else { return false }
    return reply[1] == 0x2D || reply[0] == 0x2A && reply[1] == 0x30
  }

  private mutating func noteError(_ index: Int, _ reply: ByteView) {
    guard case .error(let text)? = ReplyReader.value(of: reply, at: []) else { return }
    let message = text.text
    let lowercased = message.lowercased()
    if lowercased.contains("unknown command") || lowercased.contains("unknown subcommand") {
      return control.stop(.unknownCommand(message))
    }
    connections[index].received += 1
    if isRecording { recorder.errors += 1 }
    recorder.firstError = recorder.firstError ?? message
  }

  // MARK: Going on

  /// All replies of the batch are there: the next step, or the next cycle.
  private mutating func finish(_ index: Int, _ now: Int64) {
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

  private mutating func recordCycle(_ index: Int, _ series: Int, _ now: Int64) {
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
  private mutating func recordUnanswered(_ now: Int64) {
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
  private mutating func publish() {
    let completed = recorder.completed - published.completed
    let errors = recorder.errors - published.errors
    if completed > 0 { control.completed.add(completed, ordering: .relaxed) }
    if errors > 0 { control.errors.add(errors, ordering: .relaxed) }
    let begun = pace.begun - published.begun
    if begun > 0 { control.begun.add(begun, ordering: .relaxed) }
    published = (recorder.completed, recorder.errors, pace.begun)
  }

  private mutating func fail(_ reason: String) {
    control.stop(.serverGone(reason))
  }
}
