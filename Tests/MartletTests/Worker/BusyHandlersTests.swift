// BusyHandlersTests.swift: handlers that compute and leave nobody else a thread to run on.

import Foundation
import MartletTesting
import Synchronization
import Testing

@testable import Martlet

private struct Sum: Job {
  static let name = "sum"
  var number: Int
}

/// Something that is off and then on. Thread safety: anything by anybody at any time.
private final class Switch: Sendable {
  private let state = Atomic(false)
  var isOn: Bool { state.load(ordering: .acquiring) }
  func turnOn() { state.store(true, ordering: .releasing) }
}

@Suite struct BusyHandlersTests {
  @Test func handlersThatComputeKeepTheirLeases() async {
    await #expect(processExitsWith: .success) { try await handlersCompute(hasClockOfTest: false) }
  }

  @Test func handlersThatComputeKeepTheirLeasesByAnyClock() async {
    await #expect(processExitsWith: .success) { try await handlersCompute(hasClockOfTest: true) }
  }
}

/// Goal: leases are renewed though handlers have all of the program's threads, also those of jobs that wait for one.
/// Method: handlers compute until the test has seen several leases renewed. It does that on a thread of its own,
/// and in a process of its own, for all other tests would have to wait.
private func handlersCompute(hasClockOfTest: Bool) async throws {
  let broker = try TestBroker(), client = try broker.client(), own = try broker.client()
  let processors = ProcessInfo.processInfo.activeProcessorCount
  let count = 2 * processors + 1
  let lease: Duration = hasClockOfTest ? .seconds(30) : .milliseconds(300)
  var options = WorkerOptions.noting()
  options.lease = lease
  let queues = WorkerQueues("default", concurrency: count)
  if hasClockOfTest { options.clock = broker.clock }
  let worker = Worker(client, queues: [queues], options: options)
  let attempts = Notes<Int>(), mayEnd = Switch()
  worker.handle(Sum.self) { _, context in
    attempts.add(context.attempt)
    while !mayEnd.isOn {}
  }
  let jobs = try await client.enqueue(contentsOf: (0..<count).map { Sum(number: $0) })
  let work = Task { try await worker.run() }
  try await withTaskExecutorPreference(own.gate) {
    defer { mayEnd.turnOn() }
    await soon { attempts.count >= processors }
    for _ in 0..<9 {
      broker.advance(by: lease / 3)
      for job in jobs {
        try await soon {
          try await own.send("SHOW", job.id)["due-in-ms"]?.integer == lease.milliseconds
        }
      }
    }
    #expect(try await own.count("leased", of: "default") == count)
  }
  try await soon { try await own.count("acked", of: "default") == count }
  work.cancel()
  try await work.value
  #expect(attempts.all == Array(repeating: 1, count: count))
}
