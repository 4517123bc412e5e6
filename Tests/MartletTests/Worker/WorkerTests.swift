// WorkerTests.swift: workers with a real broker, whose time is the test's.

import Foundation
import Martlet
import MartletTesting
import Testing

private struct Note: Job {
  static let name = "note"
  var number: Int
}

private struct Square: Job {
  typealias Output = Int
  static let name = "square"
  var number: Int
}

private struct Slow: Job {
  static let name = "slow"
  static let options = JobOptions(timeout: .seconds(5), retry: .fixed(.seconds(1), jitter: 0))
}

@Suite struct WorkerTests {
  @Test func jobsAreDoneAndAcknowledged() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let worker = broker.worker(client, queues: "default", concurrency: 8, options: .noting())
    let done = Notes<Int>()
    worker.handle(Note.self) { job, _ in done.add(job.number) }
    try await client.enqueue(contentsOf: (0..<500).map { Note(number: $0) })
    try await working(worker) {
      #expect(await done.first(500).sorted() == Array(0..<500))
      try await soon { try await client.count("acked", of: "default") == 500 }
    }
    #expect(worker.statistics.done == 500 && worker.statistics.running == 0)
    #expect(try await client.count("leased", of: "default") == 0)
  }

  @Test func anOutputComesToWhoWaitsForIt() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Square.self) { job, _ in job.number * job.number }
    let job = try await client.enqueue(Square(number: 12))
    #expect(try await client.result(of: job) == .pending)
    try await working(worker) {
      let outcome = try await client.result(of: job, within: .seconds(600))
      #expect(outcome == .done(144))
    }
    #expect(try await client.result(of: JobReference<Square>(id: "D-0-0")) == .unknown)
  }

  @Test func aFailureIsTriedAgainAfterItsTime() async throws {
    struct Failure: Error {}
    let broker = try TestBroker(), client = try broker.client()
    let worker = broker.worker(client, queues: "default", options: .noting())
    let attempts = Notes<Int>()
    worker.handle(Note.self) { _, context in
      attempts.add(context.attempt)
      if context.attempt == 1 { throw Failure() }
      if context.attempt == 2 { throw JobVerdict.retry(after: .seconds(100)) }
    }
    try await client.enqueue(Note(number: 1))
    try await working(worker) {
      #expect(await attempts.first(1) == [1])
      try await soon { try await client.count("scheduled", of: "default") == 1 }
      broker.advance(by: .seconds(2))
      #expect(await attempts.first(2) == [1, 2])
      try await soon { try await client.count("scheduled", of: "default") == 1 }
      broker.advance(by: .milliseconds(99_900))
      #expect(try await client.count("scheduled", of: "default") == 1)
      broker.advance(by: .milliseconds(100))
      #expect(await attempts.first(3) == [1, 2, 3])
      try await soon { try await client.count("acked", of: "default") == 1 }
    }
  }

  @Test func whatIsHopelessIsBuriedWithItsReason() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Note.self) { _, _ -> JobVerdict in .dead("no such user") }
    let job = try await client.enqueue(Note(number: 1))
    let wrong = try await client.send(
      "ADDJOB", "default", #"{"job":"note","data":{"number":"x"}}"#, 0)
    let foreign = try await client.send("ADDJOB", "default", "hello", 0)
    try await working(worker) {
      try await soon { try await client.send("LLEN", "default:dead").integer == 3 }
    }
    guard case .dead("no such user") = try await client.result(of: job) else {
      return #expect(Bool(false), "the job is not dead")
    }
    let wrongText = try await client.send("RESULT", wrong.text ?? "").array?[1].text ?? ""
    #expect(wrongText.contains("number is not of type Int"))
    let foreignText = try await client.send("RESULT", foreign.text ?? "").array?[1].text ?? ""
    #expect(foreignText.contains("not the body of a job"))
  }

  @Test func aJobNobodyHereKnowsIsLeftToOthers() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let logger = NotingLogger(), done = Notes<Int>()
    let stranger = broker.worker(client, queues: "default", options: .noting(logger))
    let job = try await client.enqueue(Square(number: 3))
    try await working(stranger) {
      try await soon { try await client.count("scheduled", of: "default") == 1 }
    }
    let isWarned = logger.lines.all.contains { $0.hasPrefix("warning: no handler") }
    #expect(isWarned)
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Square.self) { job, context in
      done.add(context.attempt)
      return job.number * job.number
    }
    try await working(worker) {
      broker.advance(by: .seconds(30))
      let outcome = try await client.result(of: job, within: .seconds(600))
      #expect(outcome == .done(9))
    }
    // What was left to others is no attempt.
    #expect(done.all == [1])
  }

  // MARK: Leases

  @Test func aJobWhoseWorkerDiedComesToAnotherOne() async throws {
    let broker = try TestBroker(), client = try broker.client()
    try await client.enqueue(Note(number: 1))
    #expect(try await client.send("GETJOB", "NOHANG", "FROM", "default").array?.count == 1)
    let worker = broker.worker(client, queues: "default", options: .noting())
    let attempts = Notes<Int>()
    worker.handle(Note.self) { _, context in attempts.add(context.attempt) }
    try await working(worker) {
      broker.advance(by: .milliseconds(29_999))
      #expect(attempts.count == 0)
      broker.advance(by: .milliseconds(1))
      #expect(await attempts.first(1) == [2])
    }
  }

  @Test func leasesLastAsLongAsTheirHandlers() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    let runs = Notes<Int>()
    worker.handle(Note.self) { _, context in
      runs.add(context.attempt)
      try await clock.sleep(for: .seconds(95))
    }
    let job = try await client.enqueue(Note(number: 1))
    try await working(worker) {
      #expect(await runs.first(1) == [1])
      for _ in 0..<9 {
        broker.advance(by: .seconds(10))
        try await soon {
          try await client.send("SHOW", job.id)["due-in-ms"]?.integer == 30_000
        }
      }
      broker.advance(by: .seconds(5))
      try await soon { try await client.count("acked", of: "default") == 1 }
    }
    #expect(runs.all == [1])
  }

  @Test func aLostLeaseCancelsItsHandlerAndItsEndIsNotHeard() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", concurrency: 1, options: .noting())
    let ends = Notes<String>()
    worker.handle(Note.self) { _, context in
      guard context.attempt == 1 else { return ends.add("done") }
      do { try await clock.sleep(for: .seconds(1000)) } catch { ends.add("cancelled") }
    }
    try await client.enqueue(Note(number: 1))
    try await working(worker) {
      try await soon { try await client.count("leased", of: "default") == 1 }
      await soon { clock.sleeperCount >= 2 }
      broker.advance(by: .seconds(31))
      #expect(await ends.first(2) == ["cancelled", "done"])
      try await soon { try await client.count("acked", of: "default") == 1 }
    }
    #expect(worker.statistics.lost == 1 && worker.statistics.done == 1)
    #expect(worker.statistics.late == 0)
  }

  @Test func aHandlerMayExtendItsLease() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Note.self) { _, context in
      try await context.extend(to: .seconds(300))
      try await clock.sleep(for: .seconds(200))
    }
    try await client.enqueue(Note(number: 1))
    try await working(worker) {
      await soon { clock.sleeperCount >= 2 }
      broker.advance(by: .seconds(200))
      try await soon { try await client.count("acked", of: "default") == 1 }
    }
    #expect(worker.statistics.lost == 0)
  }

  @Test func aHandlerThatTakesTooLongHasFailed() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    let attempts = Notes<Int>()
    worker.handle(Slow.self) { _, context in
      attempts.add(context.attempt)
      if context.attempt == 1 { try await clock.sleep(for: .seconds(1000)) }
    }
    let job = try await client.enqueue(Slow())
    try await working(worker) {
      await soon { clock.sleeperCount >= 2 }
      broker.advance(by: .seconds(5))
      try await soon { try await client.count("scheduled", of: "default") == 1 }
      let shown = try await client.send("SHOW", job.id)
      #expect(shown["error"]?.text == "timed out after 5.0 seconds")
      broker.advance(by: .seconds(1))
      #expect(await attempts.first(2) == [1, 2])
    }
  }

  // MARK: Stopping

  @Test func aWorkerThatStopsLetsItsJobsEndAndTakesNoMore() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", concurrency: 2, options: .noting())
    let begun = Notes<Int>()
    worker.handle(Note.self) { job, _ in
      begun.add(job.number)
      try await clock.sleep(for: .seconds(3))
    }
    try await client.enqueue(Note(number: 1))
    async let work: Void = worker.run()
    #expect(await begun.first(1) == [1])
    worker.shutDown()
    // The call that waited is ended before anybody is told that the worker stops.
    try await soon { try await client.count("waiting", of: "default") == 0 }
    try await client.enqueue(Note(number: 2))
    await soon { clock.sleeperCount >= 2 }
    broker.advance(by: .seconds(3))
    try await work
    #expect(begun.all == [1])
    #expect(try await client.count("acked", of: "default") == 1)
    #expect(try await client.count("ready", of: "default") == 1)
  }

  @Test func whatDoesNotEndInTimeIsGivenBackUncounted() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Note.self) { _, _ in try await clock.sleep(for: .seconds(1000)) }
    let job = try await client.enqueue(Note(number: 1))
    async let work: Void = worker.run()
    await soon { clock.sleeperCount >= 2 }
    worker.shutDown()
    try await soon { try await client.count("waiting", of: "default") == 0 }
    // Leases are renewed while the worker waits for its handlers.
    for _ in 0..<5 {
      broker.advance(by: .seconds(5))
      try await soon {
        let due = try await client.send("SHOW", job.id)["due-in-ms"]?.integer
        return due == nil || due! > 20_000
      }
    }
    try await work
    let state = try await client.send("SHOW", job.id)
    #expect(state["state"]?.text == "ready")
    #expect(state["failures"]?.integer == 0 && state["expirations"]?.integer == 0)
    #expect(state["attempts"]?.integer == 0)
  }

  @Test func aCancelledWorkerGivesItsJobsBackAtOnce() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Note.self) { _, _ in try await clock.sleep(for: .seconds(1000)) }
    try await client.enqueue(contentsOf: (0..<10).map { Note(number: $0) })
    let work = Task { try await worker.run() }
    try await soon { try await client.count("leased", of: "default") == 10 }
    work.cancel()
    try await work.value
    #expect(try await client.count("ready", of: "default") == 10)
    #expect(try await client.count("leased", of: "default") == 0)
  }

  // MARK: Trouble

  @Test func anAckFindsItsWayAfterARestartOfTheBroker() async throws {
    let broker = try TestBroker(), client = try broker.client(), clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    let done = Notes<Int>()
    worker.handle(Note.self) { job, context in
      if job.number == 1 { try await clock.sleep(for: .seconds(5)) }
      done.add(job.number)
    }
    try await client.enqueue(Note(number: 1))
    try await working(worker) {
      await soon { clock.sleeperCount >= 2 }
      broker.stop()
      broker.advance(by: .seconds(5))
      #expect(await done.first(1) == [1])
      try broker.restart()
      try await soon {
        broker.advance(by: .milliseconds(50))
        return try await client.count("leased", of: "default") == 0
      }
      try await client.enqueue(Note(number: 2))
      await soon {
        broker.advance(by: .milliseconds(50))
        return done.count >= 2
      }
    }
    #expect(done.all == [1, 2])
    #expect(worker.statistics.late == 0)
  }

  @Test func aWorkerWaitsForABrokerThatIsNotThereYet() async throws {
    let broker = try TestBroker(), client = try broker.client()
    broker.stop()
    let logger = NotingLogger(), done = Notes<Int>()
    let worker = broker.worker(client, queues: "default", options: .noting(logger))
    worker.handle(Note.self) { job, _ in done.add(job.number) }
    try await working(worker) {
      try broker.restart()
      try await client.enqueue(Note(number: 1))
      await soon {
        broker.advance(by: .milliseconds(50))
        return done.count == 1
      }
    }
  }

  /// Goal: a worker whose client is closed ends, though the thread is gone on which it lived.
  @Test func aWorkerEndsWhenItsClientIsClosed() async throws {
    let broker = try TestBroker(), client = try broker.client(), own = try broker.client()
    let clock = broker.clock
    let worker = broker.worker(client, queues: "default", options: .noting())
    let ends = Notes<String>()
    worker.handle(Note.self) { _, _ in
      do { try await clock.sleep(for: .seconds(1000)) } catch { ends.add("cancelled") }
    }
    try await client.enqueue(Note(number: 1))
    let work = Task { await outcome { try await worker.run() } }, isOver = Counter()
    try await soon { try await own.count("leased", of: "default") == 1 }
    await client.close()
    let ending = Task {
      let result = await work.value
      isOver.add()
      return result
    }
    await soon {
      broker.advance(by: .seconds(1))
      return isOver.value == 1
    }
    #expect(await ending.value.failure == .closed)
    #expect(await ends.first(1) == ["cancelled"])
  }

  /// Goal: callers that wait for results do not take the connections that workers need to bring them about.
  @Test func workersHaveConnectionsBesideThoseOfWaitingCalls() async throws {
    let broker = try TestBroker()
    var options = MartletClient.Options()
    options.timeout = .seconds(600)
    options.connectTimeout = .seconds(600)
    options.blockingConnectionsMax = 1
    let client = try broker.client(options: options)
    let worker = broker.worker(client, queues: "default", options: .noting())
    worker.handle(Square.self) { job, _ in job.number * job.number }
    let jobs = try await client.enqueue(contentsOf: [Square(number: 2), Square(number: 3)])
    async let first = client.result(of: jobs[0], within: .seconds(600))
    async let second = client.result(of: jobs[1], within: .seconds(600))
    try await soon {
      try await client.send("INFO", "clients").text?.contains("blocked_clients:1\r\n") == true
    }
    try await working(worker) {
      try await soon { try await client.count("acked", of: "default") == 2 }
    }
    #expect(try await first == .done(4))
    #expect(try await second == .done(9))
  }

  // MARK: What goes around jobs

  @Test func middlewareGoesAroundHandlersFromOutsideInwards() async throws {
    struct Frame: JobMiddleware {
      let name: String, notes: Notes<String>
      func handle(
        _ context: JobContext, next: (JobContext) async throws -> JobVerdict
      ) async throws -> JobVerdict {
        notes.add("\(name) begins \(context.name) \(context.headers["trace"] ?? "")")
        let verdict = try await next(context)
        notes.add("\(name) ends \(verdict)")
        return verdict
      }
    }
    let broker = try TestBroker(), client = try broker.client(), notes = Notes<String>()
    var options = WorkerOptions.noting()
    options.middleware = [Frame(name: "a", notes: notes), Frame(name: "b", notes: notes)]
    let worker = broker.worker(client, queues: "default", options: options)
    worker.handle(Square.self) { job, _ in
      if job.number < 0 { throw JobVerdict.discard }
      return job.number * job.number
    }
    try await working(worker) {
      let job = try await client.enqueue(Square(number: 3), headers: ["trace": "7"])
      #expect(try await client.result(of: job, within: .seconds(600)) == .done(9))
      try await client.enqueue(Square(number: -1))
      #expect(
        await notes.first(8) == [
          "a begins square 7", "b begins square 7", "b ends done", "a ends done",
          "a begins square ", "b begins square ", "b ends discard", "a ends discard",
        ])
    }
  }

  @Test func aHandlerKnowsItsJob() async throws {
    let start = Date(timeIntervalSinceNow: -0.001)
    let broker = try TestBroker(), client = try broker.client()
    let worker = broker.worker(client, queues: "other", options: .noting())
    let seen = Notes<String>()
    worker.handle(Slow.self) { _, context in
      let now = Date()
      let age = (start...now).contains(context.enqueuedAt)
      let limit = (start...now).contains((context.deadline ?? .distantPast) - 5)
      seen.add(
        "\(context.id) \(context.queue) \(context.attempt) \(context.priority) \(age) \(limit)")
    }
    let job = try await client.enqueue(Slow(), queue: "other", priority: 4)
    try await working(worker) {
      #expect(await seen.first(1) == ["\(job.id) other 1 4 true true"])
    }
  }
}
