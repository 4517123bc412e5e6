// Round.swift: one measurement of one workload on one server.
//
// prepare: delete our keys, fill, connect all clients ── drive: every thread at once ── tidy up: our
// keys are deleted again and the server's background freeing is waited for, so that the next round
// does not pay for this one.

import RESP
import Synchronization

/// How long, how much and how fast.
struct Load: Equatable, Sendable {
  var threads = 1
  /// Seconds; without effect when `count` is set.
  var duration = 3.0
  /// Requests that the round has, in place of a duration.
  var count: Int?
  /// Requests a second; nil is a closed loop.
  var rate: Double?
  var seed: UInt64 = 1
}

/// What a round has shown.
struct RoundResult: Sendable {
  /// Nothing was recorded when the round could not begin.
  var recorder: Recorder
  /// Seconds that the throughput is over.
  var seconds = 0.0
  /// Why it ended early; what was recorded until then is kept.
  var failure: Failure?
  /// Microseconds of server processor time for one of the primary series; nil when unknown.
  var processorPerOperation: Double?
  /// Bytes of the server in RAM at the end of the load.
  var resident: Int?

  /// Completed ones of the primary series a second.
  var throughput: Double { seconds > 0 ? Double(recorder.completed) / seconds : 0 }
  /// How busy the tool's threads were, 0 ... 1. Near 1 the tool is what is measured.
  var toolLoad: Double {
    recorder.wallTime > 0 ? Double(recorder.processorTime) / Double(recorder.wallTime) : 0
  }
}

struct Round: Sendable {
  let workload: Workload
  let parameters: Parameters
  let load: Load
  let bodies: Bodies
  let address: ServerAddress
  let facts: ServerFacts

  /// Runs the round. `watch` is called some times a second with how much is completed, and the seconds.
  func run(_ watch: (Int, Double) -> Void) throws(SessionError) -> RoundResult {
    let session = try Session(address)
    guard workload.isText == address.isBeanstalk else {
      let words = workload.isText ? "lines, as beanstalkd" : "RESP"
      return RoundResult(empty: self, .unknownCommand("this workload needs a server of \(words)"))
    }
    try deleteKeys(session)
    if let failure = try prepare(session) { return RoundResult(empty: self, failure) }
    var result = try drive(session, watch)
    // A server that is gone has no keys to delete any more.
    do throws(SessionError) { try deleteKeys(session) } catch {
      result.failure = result.failure ?? .serverGone(error.message)
    }
    return result
  }

  // MARK: Driving

  private func drive(
    _ session: Session, _ watch: (Int, Double) -> Void
  ) throws(SessionError) -> RoundResult {
    let sockets = try connectAll()
    let before = try ServerUse(facts, session)
    let control = Control()
    let begin = Clock.now() + 5_000_000
    let results = Mutex<[Recorder]>([])
    let rate = load.rate ?? workload.rateDefault
    let end = load.count == nil ? begin + Int64(load.duration * 1e9) : nil
    var firstClient = 0
    var threads: [Thread] = []
    for (number, own) in sockets.enumerated() {
      let orders = Driver.Orders(
        roles: workload.roles, isText: workload.isText, pipeline: parameters.pipeline,
        pace: Pace(
          rate: rate, thread: number, threadCount: sockets.count, begin: begin, count: load.count),
        begin: begin, end: end, countMax: load.count, seriesCount: workload.series.count,
        bucketWidth: bucketWidth, firstClient: firstClient,
        window: share(workload.window, number, sockets.count))
      let values = TemplateValues(
        bodies: bodies, keyspace: parameters.keyspace,
        random: RandomSource(seed: load.seed &* 0x1_0001 &+ UInt64(number)), number: number,
        numberStep: sockets.count, delay: Int64(parameters.delay))
      firstClient += own.count
      threads.append(
        Thread {
          var driver = Driver(orders, control: control, values: values, sockets: own)
          driver.run()
          let recorder = driver.recorder
          results.withLock { $0.append(recorder) }
        })
    }
    while results.withLock({ $0.count }) < threads.count {
      Clock.sleep(seconds: 0.05)
      if Interruption.isRequested { control.stop(.interrupted) }
      watch(control.completed.load(ordering: .relaxed), Double(Clock.now() - begin) / 1e9)
    }
    for thread in threads { thread.join() }
    return try conclude(results.withLock { $0 }, control, end, before, session)
  }

  private func conclude(
    _ recorders: [Recorder], _ control: Control, _ end: Int64?, _ before: ServerUse,
    _ session: Session
  ) throws(SessionError) -> RoundResult {
    var total = recorders[0]
    for other in recorders.dropFirst() { total.merge(other) }
    if load.rate ?? workload.rateDefault != nil, workload.roles.contains(where: { !$0.isOffered }) {
      // What was sent and reached no worker until the end.
      total.unanswered += max(0, control.begun.load(ordering: .relaxed) - control.finished)
    }
    var result = RoundResult(recorder: total, failure: control.reason)
    // What ran dry or broke off ended with its last reply; a rate may go on for a while after its end.
    let isWhole = control.reason == nil && end != nil && total.lastAt > end! - 200_000_000
    let last = isWhole ? max(end!, load.rate == nil ? end! : total.lastAt) : total.lastAt
    result.seconds = Double(max(1, last - total.begin)) / 1e9
    guard let after = try? ServerUse(facts, session) else { return result }
    result.resident = after.resident
    if let used = before.processorSeconds, let now = after.processorSeconds, total.completed > 0 {
      result.processorPerOperation = (now - used) * 1e6 / Double(total.completed)
    }
    return result
  }

  /// Tenths of a second where the round is short.
  private var bucketWidth: Int64 { Self.bucketWidth(load) }
  static func bucketWidth(_ load: Load) -> Int64 {
    load.count == nil && load.duration >= 20 ? 1_000_000_000 : 100_000_000
  }

  private func share(_ total: Int, _ number: Int, _ of: Int) -> Int {
    total / of + (number < total % of ? 1 : 0)
  }

  /// Connections of all roles, dealt out to the threads.
  private func connectAll() throws(SessionError) -> [[(Socket, role: Int)]] {
    let total = workload.roles.reduce(0) { $0 + $1.clients }
    let allowed = DescriptorLimit.raise() - 32
    guard total <= allowed else {
      throw SessionError(message: "\(total) clients are more than the system lets us: \(allowed)")
    }
    var dealt = Array(
      repeating: [(Socket, role: Int)](), count: max(1, min(load.threads, total)))
    var next = 0
    for (role, each) in workload.roles.enumerated() {
      for _ in 0..<each.clients {
        let socket = try Session.openSocket(address)
        socket.setNonBlocking()
        dealt[next % dealt.count].append((socket, role))
        next += 1
      }
    }
    return dealt
  }

  // MARK: Before and after

  /// Brings the server to where the workload begins; returns what it refused.
  private func prepare(_ session: Session) throws(SessionError) -> Failure? {
    let preparation = workload.preparation
    for command in preparation.commands {
      if case .error(let text) = try session.call(command) { return Self.failure(text) }
    }
    guard let fill = preparation.fill, preparation.fillCount > 0 else { return nil }
    var values = TemplateValues(
      bodies: bodies, keyspace: parameters.keyspace, random: RandomSource(seed: load.seed))
    let batch = max(1, min(1000, (1 << 20) / (bodies.averageSize + 64)))
    return try session.pipeline(preparation.fillCount, batch: batch) { output in
      fill.write(to: &output, &values, value: ByteView(), stamp: Clock.now())
    }.map { Self.failure($0) }
  }

  private static func failure(_ text: String) -> Failure {
    text.lowercased().contains("unknown command") ? .unknownCommand(text) : .refused(text)
  }

  private func deleteKeys(_ session: Session) throws(SessionError) {
    let keys = workload.keys
    if keys.names.isEmpty, keys.queues.isEmpty, keys.numbered == nil { return }
    // Whoever lacks the command has nothing to drop.
    for queue in keys.queues { _ = try session.call(["QDROP", queue]) }
    for name in keys.names + keys.queues { _ = try session.call(["DEL", name]) }
    if let (prefix, count) = keys.numbered {
      var number = 0
      _ = try session.pipeline((count + 99) / 100, batch: 10) { output in
        let names = (number..<min(count, number + 100)).map {
          prefix + String(repeating: "0", count: Template.digitCount - "\($0)".count) + "\($0)"
        }
        output.append(request: ["DEL"] + names)
        number += 100
      }
    }
    let deadline = Clock.now() + 5_000_000_000
    while let pending = try session.information()["lazyfree_pending_objects"], pending != "0",
      Clock.now() < deadline
    { Clock.sleep(seconds: 0.01) }
  }
}

extension RoundResult {
  /// A round that could not begin.
  init(empty round: Round, _ failure: Failure) {
    self.init(
      recorder: Recorder(
        seriesCount: round.workload.series.count, begin: 0,
        bucketWidth: Round.bucketWidth(round.load)),
      failure: failure)
  }
}

extension Session {
  /// Sends `count` requests that `write` makes, `batch` at a time; returns the first error reply.
  func pipeline(
    _ count: Int, batch: Int, _ write: (inout ByteBuffer) -> Void
  ) throws(SessionError) -> String? {
    var left = count
    var output = ByteBuffer()
    while left > 0 {
      let size = min(batch, left)
      output.truncate(to: 0)
      for _ in 0..<size { write(&output) }
      try send(output.view)
      for _ in 0..<size {
        if case .error(let text) = try answer() { return text }
      }
      left -= size
    }
    return nil
  }
}
