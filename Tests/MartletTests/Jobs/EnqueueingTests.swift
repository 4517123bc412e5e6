// EnqueueingTests.swift: jobs come into queues as calls and options say.

import Foundation
import Martlet
import MartletTesting
import Testing

private struct Task1: Job {
  static let name = "task"
  static let options = JobOptions(
    queue: "work", lease: .milliseconds(1500), retry: .exponential(attempts: 3), priority: 2,
    keep: .seconds(60), timeToLive: .seconds(600), deadQueue: "graves")
  var number = 0
  var unique: UniqueKey? { number == 7 ? "seven" : nil }
}

@Suite struct EnqueueingTests {
  @Test func optionsOfTheTypeReachTheBroker() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let job = try await client.enqueue(Task1(number: 1))
    #expect(job.status == .added)
    let shown = try await client.send("SHOW", job.id)
    #expect(shown["queue"]?.text == "work")
    #expect(shown["priority"]?.integer == 2)
    #expect(shown["retry-ms"]?.integer == 1500)
    #expect(shown["ttl-ms"]?.integer == 600_000)
    #expect(shown["body"]?.text == #"{"job":"task","data":{"number":1}}"#)
    let receipt = try await client.send("GETJOB", "FROM", "work").array?[0].array?[1].text ?? ""
    try await client.send("NACK", receipt, "DEAD", "ERROR", "x")
    #expect(try await client.send("LLEN", "graves").integer == 1)
  }

  @Test func delaysAndDatesAreKept() async throws {
    let start = Date()
    let broker = try TestBroker(), client = try broker.client()
    try await client.enqueue(Task1(number: 1), delay: .milliseconds(2500), queue: "q")
    try await client.enqueue(Task1(number: 2), at: start + 500, queue: "q")
    try await client.enqueue(Task1(number: 3), at: start - 500, queue: "q")
    #expect(try await client.send("LLEN", "q").integer == 1)
    broker.advance(by: .milliseconds(2499))
    #expect(try await client.send("LLEN", "q").integer == 1)
    broker.advance(by: .milliseconds(1))
    #expect(try await client.send("LLEN", "q").integer == 2)
    broker.advance(by: .seconds(550))
    #expect(try await client.send("LLEN", "q").integer == 3)
  }

  @Test func aUniqueKeyIsHeldAsItSays() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let first = try await client.enqueue(Task1(number: 7))
    let second = try await client.enqueue(Task1(number: 7))
    #expect(second.id == first.id && second.status == .existing)
    let body = UniqueKey("seven", replaces: true)
    let third = try await client.enqueue(Task1(number: 8), unique: body)
    #expect(third.id == first.id && third.status == .replaced)
    let key = UniqueKey("brief", hold: .lasting(.seconds(10)))
    let fourth = try await client.enqueue(Task1(), unique: key)
    #expect(try await client.enqueue(Task1(), unique: key).id == fourth.id)
    broker.advance(by: .seconds(10))
    #expect(try await client.enqueue(Task1(), unique: key).status == .added)
    let fifth = try await client.enqueue(
      Task1(), queue: "s", unique: UniqueKey("start", hold: .untilStart))
    try await client.send("GETJOB", "FROM", "s")
    let sixth = try await client.enqueue(
      Task1(), queue: "s", unique: UniqueKey("start", hold: .untilStart))
    #expect(sixth.id != fifth.id)
  }

  @Test func aBatchIsOneRoundTripInOrder() async throws {
    let broker = try TestBroker(), client = try broker.client()
    var batch = JobBatch()
    for number in 0..<100 { try batch.add(Task1(number: number), queue: "q", unique: nil) }
    try batch.add(Task1(), delay: .seconds(5), queue: "q")
    try batch.add(Task1(), at: Date(timeIntervalSinceNow: 100), queue: "q")
    #expect(batch.count == 102)
    let ids = try await client.enqueue(batch)
    #expect(ids.count == 102 && Set(ids).count == 102)
    #expect(try await client.send("LLEN", "q").integer == 100)
    #expect(try await client.count("scheduled", of: "q") == 2)
    let references = try await client.enqueue(
      contentsOf: (0..<5).map { Task1(number: $0 + 100) }, queue: "r")
    #expect(references.count == 5)
    let jobs = try await client.send("GETJOB", "COUNT", 5, "FROM", "r").array ?? []
    let numbers = jobs.compactMap { $0.array?[2].text?.contains(#""number":10"#) }
    #expect(numbers == [true, true, true, true, true])
  }

  @Test func aChosenIDIsThereOnce() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let first = try await client.enqueue(Task1(), id: "order-7")
    let second = try await client.enqueue(Task1(), id: "order-7")
    #expect(first.id == "order-7" && second.id == "order-7")
    #expect(try await client.send("LLEN", "work").integer == 1)
  }

  @Test func whatTheBrokerRefusesIsThrown() async throws {
    let broker = try TestBroker(), client = try broker.client()
    try await client.send("QSET", "q", "MAXLEN", 1)
    try await client.enqueue(Task1(), queue: "q")
    await #expect {
      try await client.enqueue(Task1(), queue: "q")
    } throws: {
      ($0 as? MartletError)?.code == .server("MAXLEN")
    }
    await #expect(throws: MartletError.self) {
      try await client.enqueue(contentsOf: [Task1(), Task1()], queue: "q")
    }
  }

  /// Goal: whoever adds many learns which were added when some are refused.
  @Test func eachJobOfABatchHasItsAnswer() async throws {
    let broker = try TestBroker(), client = try broker.client()
    try await client.send("QSET", "q", "MAXLEN", 1)
    var batch = JobBatch()
    for queue in ["p", "q", "q", "p"] { try batch.add(Task1(), queue: queue) }
    let results = try await client.tryEnqueue(batch)
    #expect(results.map(\.failure) == [nil, nil, .server("MAXLEN"), nil])
    for id in results.compactMap({ try? $0.get() }) {
      #expect(try await client.send("SHOW", id)["id"]?.text == id)
    }
    let references = try await client.tryEnqueue(contentsOf: [Task1(), Task1()], queue: "q")
    #expect(references.map(\.failure) == [.server("MAXLEN"), .server("MAXLEN")])
  }
}
