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

/// Runs `roles` for a while, each connection with a server thread that answers as `answer` says.
private func run(
  _ roles: [Role], seriesCount: Int = 1, pipeline: Int = 1, seconds: Double? = nil,
  count: Int? = nil, rate: Double? = nil, window: Int = 0,
  _ answer: @escaping @Sendable ([String], Int) -> String?
) -> (recorder: Recorder, control: Control) {
  var sockets: [(Socket, role: Int)] = [], servers: [Thread] = []
  for (role, each) in roles.enumerated() {
    for _ in 0..<each.clients {
      var pair: [Int32] = [0, 0]
      unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
      let ours = Socket(descriptor: pair[0])
      ours.setNonBlocking()
      sockets.append((ours, role))
      servers.append(serve(Socket(descriptor: pair[1]), answer))
    }
  }
  let begin = Clock.now()
  let orders = Driver.Orders(
    roles: roles, pipeline: pipeline,
    pace: Pace(rate: rate, thread: 0, threadCount: 1, begin: begin, count: count), begin: begin,
    end: seconds.map { begin + Int64($0 * 1e9) }, countMax: count, seriesCount: seriesCount,
    bucketWidth: 100_000_000, firstClient: 0, window: window)
  let values = TemplateValues(
    bodies: Bodies(.fixed(20), isCompressible: true), keyspace: 10, random: RandomSource(seed: 1))
  let control = Control()
  var driver = Driver(orders, control: control, values: values, sockets: sockets)
  driver.run()
  let recorder = driver.recorder
  for server in servers { server.join() }
  return (recorder, control)
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
  let stall: @Sendable ([String], Int) -> String? = { _, number in
    if number == 100 { Clock.sleep(seconds: 0.3) }
    return "+OK\r\n"
  }
  let role = client(Step(template: .known(["PING"]), series: 0))
  let (open, _) = run([role], seconds: 0.6, rate: 1000, stall)
  #expect(open.completed + open.unanswered == 600)
  // Those due in the first 200 ms of the stall waited for 100 ms at least.
  let waited = open.histograms[0].filled.filter { $0.bounds.lowerBound > 100_000_000 }
  #expect(waited.reduce(0) { $0 + $1.count } >= 200)
  // A closed loop sees the same stall once: why there is a rate. What a busy machine adds is less.
  let (closed, _) = run([role], seconds: 0.6, stall)
  let seen = closed.histograms[0].filled.filter { $0.bounds.lowerBound > 250_000_000 }
  #expect(seen.reduce(0) { $0 + $1.count } == 1)
}

/// Goal: what has no reply at the end is not forgotten. Method: the server answers 50 requests, and
/// then no more for longer than is waited.
@Test func requestsWithoutReplyCountWithTheirLatencySoFar() {
  let role = client(Step(template: .known(["PING"]), series: 0))
  let (recorder, _) = run([role], seconds: 0.2, rate: 1000) { _, number in
    if number == 50 { Clock.sleep(seconds: 3) }
    return "+OK\r\n"
  }
  #expect(recorder.completed == 50)
  #expect(recorder.unanswered == 150)
  #expect(recorder.histograms[0].count == 200)
  #expect(recorder.histograms[0].max >= 2_000_000_000)
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
  let deepest = Atomic<Int>(0)
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
  let (recorder, _) = run(roles, seriesCount: 2, count: 50, window: 3) { words, _ in
    if words[0] == "PUSH" {
      let depth = queue.withLock {
        $0.append(words[1])
        return $0.count
      }
      deepest.max(depth, ordering: .relaxed)
      return ":1\r\n"
    }
    // At the end of the round a worker waits in vain: not for ever.
    let deadline = Clock.now() + 3_000_000_000
    while Clock.now() < deadline {
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
