// JobCallTests.swift: the job commands as typed calls, on a real broker.

import Martlet
import MartletTesting
import Testing

@Test func aJobGoesFromReadyToDone() async throws {
  let broker = try TestBroker(), client = try broker.client()
  var options = AddJobOptions()
  options.keep = .seconds(60)
  let added = try await client.addJob("work", to: "q", options)
  #expect(added.status == .new)
  #expect(try await client.job(added.id)?.state == .ready)
  #expect(try await client.jobResult(added.id)?.state == .ready)
  var how = GetJobsOptions()
  how.worker = "me"
  how.lease = .seconds(5)
  let jobs = try await client.getJobs(from: ["p", "q"], how, within: nil)
  let job = try #require(jobs.first)
  #expect(jobs.count == 1)
  #expect(job.queue == "q")
  #expect(job.id == added.id)
  #expect(job.text == "work")
  #expect(job.attempt == 1)
  #expect(job.lease == .seconds(5))
  #expect(job.priority == 0)
  #expect(job.enqueuedAt > 1_500_000_000_000)
  let details = try #require(try await client.job(job.id))
  #expect(details.state == .leased)
  #expect(details.worker == "me")
  #expect(details.queue == "q")
  #expect(details.dueIn == .seconds(5))
  #expect(try await client.working(job.receipt) == .seconds(5))
  #expect(try await client.extend([job.receipt, "D-0-1.1"], to: .seconds(9)) == [true, false])
  #expect(try await client.finish(job.receipt, result: "42"))
  #expect(try await !client.finish(job.receipt, result: "43"))
  #expect(try await client.acknowledge(job.receipt) == 0)
  let result = try await client.jobResult(job.id, within: nil)
  #expect(result?.state == .done)
  #expect(result?.bytes == Array("42".utf8))
  #expect(try await client.jobResult("nobody") == nil)
  #expect(try await client.job("nobody") == nil)
  #expect(try await client.getJobs(from: ["q"], within: .zero) == [])
}

@Test func allOptionsOfAJobArrive() async throws {
  let broker = try TestBroker(), client = try broker.client()
  var options = AddJobOptions()
  options.start = .after(.milliseconds(2500))
  options.lease = .milliseconds(1500)
  options.timeToLive = .seconds(100)
  options.queueLengthMax = 10
  options.waitForRoom = .seconds(1)
  options.priority = 3
  options.id = "mine"
  options.unique = .init("u")
  options.attempts = 1
  options.backoff = JobBackoff(.linear, base: .seconds(1), cap: .seconds(9), jitter: 5)
  options.deadQueue = "grave"
  options.keep = .seconds(9)
  let added = try await client.addJob("b", to: "q", options)
  #expect(added.id == "mine")
  #expect(added.status == .new)
  let details = try #require(try await client.job("mine"))
  #expect(details.state == .scheduled)
  #expect(details.dueIn == .milliseconds(2500))
  #expect(details.timeToLive == .seconds(100))
  #expect(details.priority == 3)
  #expect(details.body == Array("b".utf8))
  // The name is held: the second one is the first, with a new body where that is asked.
  var other = AddJobOptions()
  other.unique = .init("u")
  #expect(try await client.addJob("c", to: "q", other).status == .existing)
  other.unique?.replaces = true
  #expect(try await client.addJob("c", to: "q", other).status == .replaced)
  broker.advance(by: .seconds(3))
  let job = try #require(try await client.getJobs(from: ["q"], within: nil).first)
  #expect(job.text == "c")
  #expect(job.lease == .milliseconds(1500))
  #expect(job.priority == 3)
  #expect(try await client.giveBack([job.receipt], error: "no good") == 1)
  let dead = try #require(try await client.job("mine"))
  #expect(dead.state == .dead)
  #expect(dead.queue == "grave")
  #expect(dead.error == "no good")
  #expect(dead.failures == 1)
  #expect(try await client.jobResult("mine")?.bytes == Array("no good".utf8))
  #expect(try await client.peek(5, of: "grave").map(\.id) == ["mine"])
  #expect(try await client.redrive("grave", count: 5) == 1)
  #expect(try await client.job("mine")?.state == .ready)
}

@Test func jobsAreGivenBackInThreeWays() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.addJob("b", to: "q")
  func take() async throws -> LeasedJob {
    try #require(try await client.getJobs(from: ["q"], within: nil).first)
  }
  try await client.giveBack([try await take().receipt], .untouched)
  let second = try await take()
  #expect(second.attempt == 1)
  try await client.giveBack([second.receipt], .failed, after: .seconds(7))
  #expect(try await client.job(second.id)?.dueIn == .seconds(7))
  #expect(try await client.makeReady([second.id]) == 1)
  let third = try await take()
  #expect(third.attempt == 2)
  #expect(try await client.giveBack([third.receipt, second.receipt], .hopeless) == 1)
  #expect(try await client.job(third.id)?.reason == "nack")
  #expect(try await client.queueLength("q:dead") == 1)
  #expect(try await client.giveBack([]) == 0)
}

/// Goal: a lease that ran out is told apart from a job that is gone.
@Test func aLostLeaseIsTold() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.addJob("b", to: "q")
  let job = try #require(try await client.getJobs(from: ["q"], within: nil).first)
  broker.advance(by: .seconds(31))
  #expect(await outcome { try await client.working(job.receipt) }.failure == .server("LEASELOST"))
  #expect(try await client.deleteJobs([job.id, "nobody"]) == 1)
  #expect(await outcome { try await client.working(job.receipt) }.failure == .server("NOJOB"))
}

@Test func queuesAreSeenAndSet() async throws {
  let broker = try TestBroker(), client = try broker.client()
  #expect(try await client.queueStatistics("q") == nil)
  var settings = QueueSettings()
  settings.lease = .seconds(5)
  settings.attempts = 7
  settings.backoff = JobBackoff(.exponential, base: .milliseconds(100), cap: .seconds(2), jitter: 9)
  settings.deadQueue = "grave"
  settings.timeToLive = .seconds(90)
  settings.lengthMax = 2
  settings.takenFrom = .left
  try await client.setQueue("other", to: settings)
  #expect(try await client.queueSettings("other") == settings)
  settings.timeToLive = nil
  try await client.setQueue("q", to: settings)
  #expect(try await client.queueSettings("q") == settings)
  try await client.push("raw", to: "q")
  let added = try await client.addJob("a", to: "q")
  #expect(await outcome { try await client.addJob("b", to: "q") }.failure == .server("MAXLEN"))
  #expect(try await client.peek(5, of: "q").count == 2)
  #expect(
    try await client.peek(5, of: "q").filter { $0.id == nil }.map(\.body) == [Array("raw".utf8)])
  #expect(try await client.setAside([added.id]) == 1)
  #expect(try await client.job(added.id)?.state == .dequeued)
  try await client.pause("q", .in)
  #expect(await outcome { try await client.addJob("b", to: "q") }.failure == .server("PAUSED"))
  let statistics = try #require(try await client.queueStatistics("q"))
  #expect(statistics.ready == 1)
  #expect(statistics.added == 1)
  #expect(statistics.dead == 0)
  #expect(statistics.pause == .in)
  #expect(statistics.settings == settings)
  try await client.pause("q", .none)
  #expect(try await client.scanQueues().queues.sorted() == ["other", "q"])
  let jobs = try await client.scanJobs(of: "q", in: [.dequeued]).jobs
  #expect(jobs.map(\.id) == [added.id])
  #expect(try await client.dropQueue("q"))
  #expect(try await !client.dropQueue("q"))
}

/// Goal: acknowledging one and adding the next is one step.
@Test func jobCommandsWorkInTransactions() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.addJob("one", to: "a")
  let job = try #require(try await client.getJobs(from: ["a"], within: nil).first)
  let results = try await client.transaction([
    .acknowledge([job.receipt]), .addJob("two", to: "b"),
    .finish(job.receipt, result: nil as String?), .giveBack([job.receipt]),
  ])
  #expect(results[0] == .integer(1))
  #expect(results[2] == .integer(0))
  #expect(results[3] == .integer(0))
  #expect(try await client.getJobs(from: ["b"], within: nil).first?.id == results[1].text)
}

/// Goal: jobs are taken in the number that is asked for, and a wait ends with the first.
@Test func manyJobsAreTakenAtOnce() async throws {
  let broker = try TestBroker(), client = try broker.client()
  try await client.send((0..<10).map { .addJob($0, to: "q") })
  var how = GetJobsOptions()
  how.count = 7
  #expect(try await client.getJobs(from: ["q"], how, within: nil).count == 7)
  let rest = try await client.getJobs(from: ["q"], how, within: nil)
  #expect(rest.map(\.text) == ["7", "8", "9"])
  #expect(try await client.acknowledge(rest.map(\.receipt)) == 3)
  async let next = client.getJobs(from: ["q"], how, within: nil)
  try await client.addJob("new", to: "q")
  #expect(try await next.map(\.text) == ["new"])
}

/// Goal: a cancelled worker's call takes no job. Method: as for lists; a job that was leased and not
/// returned would be missing from the queue and from those taken.
@Test func noJobIsLostToCancelledCalls() async throws {
  let broker = try TestBroker(), client = try broker.client()
  let taken = Counter(), count = 200
  try await withThrowingTaskGroup { group in
    for number in 0..<40 {
      group.addTask {
        while true {
          let get = Task { try await client.getJobs(from: ["q"], within: nil) }
          for _ in 0..<number { await Task.yield() }
          get.cancel()
          guard let jobs = try? await get.value, !jobs.isEmpty else { return }
          taken.add(jobs.count)
        }
      }
    }
    for number in 0..<count { try await client.addJob(number, to: "q") }
    try await group.waitForAll()
  }
  let statistics = try #require(try await client.queueStatistics("q"))
  #expect(statistics.ready + taken.value == count)
  #expect(statistics.leased == taken.value)
}

/// Goal: a server without job commands is named as one.
@Test func serversWithoutJobsAreTold() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    while let words = peer.request() {
      peer.send("-ERR unknown command '\(words[0])', with args beginning with: \r\n")
    }
  }
  let client = try MartletClient(server.url, options: options())
  let add = await outcome { try await client.addJob("b", to: "q") }
  #expect(add.failure == .unsupported)
  #expect(add.message.contains("ADDJOB"))
  let get = await outcome { try await client.getJobs(from: ["q"], within: nil) }
  #expect(get.failure == .unsupported)
}
