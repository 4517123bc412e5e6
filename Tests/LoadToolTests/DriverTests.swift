// DriverTests.swift: the driver against a server of our own at the other end of a socket pair.

import Glibc
import RESP
import Synchronization
import Testing

@testable import LoadTool

/// Answers each request it reads with what `answer` says (bytes on the wire), on its own thread, until
/// the other end closes.
private func serve(
  _ socket: Socket, _ answer: @escaping @Sendable ([String], Int) -> String?
) -> Thread {
  Thread {
    var input = ByteBuffer(), parser = RequestParser()
    var number = 0
    reading: while true {
      guard case .bytes = socket.read(into: &input, upTo: 65_536) else { break }
      while case .request(let size)? = try? parser.parse(input.view, limits: RequestLimits()) {
        let words = unsafe parser.arguments.map {
          input.view(at: Int($0.offset), size: Int($0.size)).text
        }
        input.removeFirst(size)
        guard let reply = answer(words, number) else { break reading }
        number += 1
        var output = ByteBuffer()
        output.append(reply)
        while !output.isEmpty, case .bytes(let size) = socket.write(output.view) {
          output.removeFirst(size)
        }
      }
    }
    socket.close()
  }
}

/// Runs `roles` for a while, each connection with a server thread that answers as `answer` says; says when
/// the driver has ended, for servers that wait in vain.
private func run(
  _ roles: [Role], seriesCount: Int = 1, pipeline: Int = 1, seconds: Double? = nil,
  count: Int? = nil, window: Int = 0, whenOver: () -> Void = {},
  _ answer: @escaping @Sendable ([String], Int) -> String?
) -> (recorder: Recorder, control: Control) {
  var sockets: [(Socket, role: Int)] = [], servers: [Thread] = []
  for (role, each) in roles.enumerated() {
    for _ in 0..<each.clients {
      let (ours, theirs) = socketPair()
      sockets.append((ours, role))
      servers.append(serve(theirs, answer))
    }
  }
  let begin = Clock.now()
  let orders = Driver.Orders(
    roles: roles, pipeline: pipeline,
    pace: Pace(rate: nil, thread: 0, threadCount: 1, begin: begin, count: count), begin: begin,
    end: seconds.map { begin + Int64($0 * 1e9) }, countMax: count, seriesCount: seriesCount,
    bucketWidth: 100_000_000, firstClient: 0, window: window)
  let control = Control()
  var driver = Driver(orders, control: control, values: someValues(), sockets: sockets)
  driver.run()
  whenOver()
  let recorder = driver.recorder
  for server in servers { server.join() }
  return (recorder, control)
}

/// The driver's end of a connection, which never waits, and a server's.
private func socketPair() -> (Socket, Socket) {
  var pair: [Int32] = [0, 0]
  unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
  let ours = Socket(descriptor: pair[0])
  ours.setNonBlocking()
  return (ours, Socket(descriptor: pair[1]))
}

private func someValues() -> TemplateValues {
  TemplateValues(
    bodies: Bodies(.fixed(20), isCompressible: true), keyspace: 10, random: RandomSource(seed: 1))
}

/// The other end of one connection, and the time: both go on while the driver waits, and only then.
///
/// It does one request after the other, each in as many nanoseconds as `duration` says of its number, and
/// answers `+OK`; from the first of which it says none, it stands still.
private final class SlowServer: HandClock {
  private(set) var now: Int64 = 1_000_000_000
  private let socket: Socket
  private let duration: (Int) -> Int64?
  private var input = ByteBuffer(), parser = RequestParser()
  /// When the replies to what has come are due; the last one says until when it is busy.
  private var due: [Int64] = []
  private var busyUntil: Int64? = 0
  private var number = 0

  init(_ socket: Socket, _ duration: @escaping (Int) -> Int64?) {
    self.socket = socket
    self.duration = duration
    socket.setNonBlocking()
  }

  deinit { socket.close() }

  func pass(nanoseconds: Int64) {
    takeRequests()
    let until = now + max(0, nanoseconds)
    guard let next = due.first, next <= until else {
      now = until
      return
    }
    now = max(now, next)
    due.removeFirst()
    #expect(socket.write(ByteView("+OK\r\n")) == .bytes(5))
  }

  private func takeRequests() {
    while case .bytes = socket.read(into: &input, upTo: 65_536) {}
    while case .request(let size)? = try? parser.parse(input.view, limits: RequestLimits()) {
      input.removeFirst(size)
      let duration = self.duration(number)
      number += 1
      busyUntil = busyUntil.flatMap { busy in duration.map { max(busy, now) + $0 } }
      if let busyUntil { due.append(busyUntil) }
    }
  }
}

/// Runs one client for so long, of a time that nobody has to wait for, beside a server that takes `duration`
/// nanoseconds for request number n.
private func run(
  seconds: Double, rate: Double? = nil, _ duration: @escaping (Int) -> Int64?
) -> Recorder {
  let (ours, theirs) = socketPair()
  let server = SlowServer(theirs, duration), begin = server.now + 5_000_000
  let orders = Driver.Orders(
    roles: [client(Step(template: .known(["PING"]), series: 0))], pipeline: 1,
    pace: Pace(rate: rate, thread: 0, threadCount: 1, begin: begin, count: nil), begin: begin,
    end: begin + Int64(seconds * 1e9), countMax: nil, seriesCount: 1, bucketWidth: 100_000_000,
    firstClient: 0, window: 0)
  var driver = Driver(
    orders, control: Control(), values: someValues(), sockets: [(ours, 0)], clock: server)
  driver.run()
  return driver.recorder
}

private func client(_ steps: Step..., clients: Int = 1, cycleSeries: Int? = nil) -> Role {
  Role(
    name: "client", clients: clients, steps: steps, cycleSeries: cycleSeries, isOffered: true)
}

@Test(arguments: [1, 3, 16])
func aCountIsDoneExactly(pipeline: Int) {
  let (recorder, _) = run(
    [client(Step(template: .known(["PING"]), series: 0), clients: 3)], pipeline: pipeline,
    count: 100
  ) { _, _ in "+PONG\r\n" }
  #expect(recorder.completed == 100)
  #expect(recorder.histograms[0].count == 100)
  #expect(recorder.buckets.reduce(0, +) == 100)
}

/// Goal: a server that stands still is charged for what it held up. Method: 1000 requests a second for
/// 0.6 seconds; one reply comes 300 ms late. Some 300 requests were due meanwhile, and waited.
@Test func aStallIsChargedToAllThatWereDue() {
  func duration(_ number: Int) -> Int64 { number == 100 ? 300_000_000 : 50_000 }
  let open = run(seconds: 0.6, rate: 1000, duration)
  #expect(open.completed == 600)
  #expect(open.unanswered == 0)
  #expect(open.wallTime >= 600_000_000)
  // Number n was due n ms after the begin, and had its reply 50 us behind the one before: those up to 310
  // waited for 100 ms at least.
  let waited = open.histograms[0].filled.filter { $0.bounds.lowerBound > 100_000_000 }
  #expect(200...211 ~= waited.reduce(0) { $0 + $1.count })
  #expect(300_000_000...310_000_000 ~= open.histograms[0].max)
  // A closed loop sees the same stall once: why there is a rate.
  let closed = run(seconds: 0.6, duration)
  #expect(closed.completed == 6001)
  let seen = closed.histograms[0].filled.filter { $0.bounds.lowerBound > 50_000 + 5_000 }
  #expect(seen.reduce(0) { $0 + $1.count } == 1)
  #expect(300_000_000...310_000_000 ~= closed.histograms[0].max)
}

/// Goal: what has no reply at the end is not forgotten. Method: the server answers 50 requests, and
/// then no more for longer than is waited.
@Test func requestsWithoutReplyCountWithTheirLatencySoFar() {
  let recorder = run(seconds: 0.2, rate: 1000) { $0 < 50 ? 50_000 : nil }
  #expect(recorder.completed == 50)
  #expect(recorder.unanswered == 150)
  #expect(recorder.histograms[0].count == 200)
  // Since the 50th ms of 200, and for the two seconds that replies are waited for.
  #expect(2_150_000_000...2_250_000_000 ~= recorder.histograms[0].max)
  #expect(2_200_000_000...2_250_000_000 ~= recorder.wallTime)
}

@Test func valuesCapturedByOneStepAreSentByTheNext() {
  let acked = Mutex<[String]>([])
  let take = Step(
    template: .known(["TAKE"]), series: 1, capturePath: [0, 1], onEmpty: .repeats(after: 0))
  let end = Step(template: .known(["ACK", "{value}"], ["DEL", "{value}"]), series: 2)
  let add = Step(template: .known(["ADD", "{body}"]))
  let (recorder, _) = run(
    [client(add, take, end, cycleSeries: 0)], seriesCount: 3, pipeline: 4, count: 12
  ) { words, number in
    switch words[0] {
    case "ADD": return ":1\r\n"
    // Some find nothing at first, and must ask again.
    case "TAKE":
      return number % 3 == 0 ? "*-1\r\n" : "*1\r\n*2\r\n+queue\r\n$3\r\n\(100 + number)\r\n"
    default:
      acked.withLock { $0.append(words[0] + words[1]) }
      return ":1\r\n"
    }
  }
  #expect(recorder.completed == 12)
  #expect(recorder.histograms[1].count == 12)
  #expect(recorder.histograms[2].count == 12)
  let sent = acked.withLock { $0 }
  #expect(sent.count == 24)
  #expect(Set(sent).count == 24)
  for index in stride(from: 0, to: sent.count, by: 2) {
    #expect(sent[index].dropFirst(3) == sent[index + 1].dropFirst(3))
  }
}

@Test func aConnectionThatRunsDryEndsTheRound() {
  let pop = Step(template: .known(["RPOP", "q"]), series: 0, onEmpty: .ends)
  let (recorder, control) = run([client(pop)], pipeline: 2, seconds: 30) { _, number in
    number < 7 ? "$1\r\nx\r\n" : "$-1\r\n"
  }
  #expect(recorder.completed == 7)
  #expect(control.reason == nil)
}

@Test func errorRepliesAreCountedApart() {
  let (recorder, _) = run(
    [client(Step(template: .known(["SET"]), series: 0))], count: 10
  ) { _, number in number % 2 == 0 ? "-OOM no\r\n" : "+OK\r\n" }
  #expect(recorder.completed == 5)
  #expect(recorder.errors == 5)
  #expect(recorder.firstError == "OOM no")
}

@Test func anUnknownCommandEndsTheRoundWithItsWords() {
  let (_, control) = run([client(Step(template: .known(["NOSUCH"]), series: 0))], seconds: 30) {
    _, _ in "-ERR unknown command 'NOSUCH'\r\n"
  }
  #expect(control.reason == .unknownCommand("ERR unknown command 'NOSUCH'"))
}

@Test func aServerThatGoesLeavesWhatWasMeasured() {
  let (recorder, control) = run(
    [client(Step(template: .known(["PING"]), series: 0))], seconds: 30
  ) { _, number in number < 20 ? "+PONG\r\n" : nil }
  #expect(recorder.completed == 20)
  guard case .serverGone? = control.reason else {
    Issue.record("\(String(describing: control.reason))")
    return
  }
}

@Test func pushesOfTheServerAnswerNothing() {
  let (recorder, _) = run([client(Step(template: .known(["PING"]), series: 0))], count: 10) {
    _, _ in
    ">2\r\n+invalidate\r\n*0\r\n+PONG\r\n"
  }
  #expect(recorder.completed == 10)
}

/// Goal: no more are on their way than the window lets, and each delivery is measured from its stamp.
/// Method: one queue between the server threads, whose depth is watched.
@Test func producersWaitForWorkers() {
  let queue = Mutex<[String]>([])
  let deepest = Atomic<Int>(0), isOver = Atomic<Bool>(false)
  let roles = [
    Role(
      name: "producer", clients: 2,
      steps: [Step(template: .known(["PUSH", "{stamped}"]), series: 1)], isOffered: true,
      handover: .waitsForWorker),
    Role(
      name: "worker", clients: 2,
      steps: [
        Step(template: .known(["POP"]), deliverySeries: 0, bodyPath: [1], isBlocking: true)
      ], handover: .isWorker),
  ]
  let (recorder, _) = run(
    roles, seriesCount: 2, count: 50, window: 3,
    whenOver: { isOver.store(true, ordering: .relaxed) }
  ) { words, _ in
    if words[0] == "PUSH" {
      let depth = queue.withLock {
        $0.append(words[1])
        return $0.count
      }
      deepest.max(depth, ordering: .relaxed)
      return ":1\r\n"
    }
    // At the end of the round a worker waits in vain.
    while !isOver.load(ordering: .relaxed) {
      if let body = queue.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        return "*2\r\n+q\r\n$\(body.utf8.count)\r\n\(body)\r\n"
      }
      sched_yield()
    }
    return nil
  }
  #expect(recorder.completed == 50)
  #expect(deepest.load(ordering: .relaxed) <= 3)
}
