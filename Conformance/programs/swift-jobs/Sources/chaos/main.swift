// main.swift: a producer and a worker that say in lines what they do, for a run in which all may be killed.
//
//     chaos produce FIRST COUNT PER-SECOND     added N | unknown N
//     chaos work CONCURRENCY                   ready, then begin N | end N | cut N   (attempt and monotonic ns behind each)
//     chaos lists                              got TEXT ATTEMPT, off plain lists; works on Redis as well
//
// Lines are written at once: what a killed process did is known.

import Glibc
import Martlet

struct Numbered: Job {
  static let name = "numbered"
  static let options = JobOptions(queue: "chaos", lease: .seconds(2))
  var number: Int
}

func monotonic() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func say(_ line: String) {
  let bytes = Array("\(line)\n".utf8)
  _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}

func produce(first: Int, count: Int, rate: Int) async throws {
  let client = try MartletClient()
  var next = ContinuousClock.now
  for number in first..<first + count {
    next = max(next, .now - .seconds(1)) + .seconds(1) / rate
    try await Task.sleep(until: next)
    while true {
      do {
        try await client.enqueue(Numbered(number: number))
        say("added \(number)")
        break
      } catch  where error.code == .connectionFailed {
        try await Task.sleep(for: .milliseconds(20))  // Not sent: it is tried again.
      } catch {
        say("unknown \(number)")
        break
      }
    }
  }
  await client.close()
}

func work(concurrency: Int) async throws {
  let client = try MartletClient()
  var options = WorkerOptions()
  options.shutdownTimeout = .milliseconds(100)
  let worker = Worker(client, queues: "chaos", concurrency: concurrency, options: options)
  worker.handle(Numbered.self) { job, context in
    say("begin \(job.number) \(context.attempt) \(monotonic())")
    do {
      // Most are quick; some take longer than a lease lasts.
      let isLong = job.number.isMultiple(of: 97) && context.attempt == 1
      try await Task.sleep(for: isLong ? .milliseconds(2500) : .milliseconds(job.number % 20))
    } catch {
      say("cut \(job.number) \(context.attempt) \(monotonic())")
      throw error
    }
    say("end \(job.number) \(context.attempt) \(monotonic())")
  }
  worker.stopOnSignals()
  say("ready")
  try await worker.run()
  await client.close()
}

/// Whether the server has jobs; anything else that is wrong ends the program.
func hasJobs(_ client: MartletClient) async -> Bool {
  do {
    try await client.enqueue(Numbered(number: 1), queue: "jobs")
    return true
  } catch {
    guard error.code == .unsupported else { fatalError("\(error)") }
    return false
  }
}

struct NotYet: Error {}

func workOffLists() async throws {
  let client = try MartletClient()
  say(await hasJobs(client) ? "jobs" : "no jobs")
  var options = WorkerOptions()
  options.shutdownTimeout = .milliseconds(100)
  let worker = Worker(client, queues: "list", concurrency: 4, options: options)
  let retry = RetryPolicy.fixed(.milliseconds(50), attempts: 2)
  worker.handle(elementsOf: "list", retry: retry) { element, context in
    let text = String(decoding: element, as: UTF8.self)
    say("got \(text) \(context.attempt)")
    let isEarly = text == "second" && context.attempt == 1
    if text == "hopeless" || isEarly { throw NotYet() }
    if text == "endless" { try await Task.sleep(for: .seconds(1000)) }
  }
  worker.stopOnSignals()
  try await worker.run()
  await client.close()
}

let words = CommandLine.arguments.dropFirst().map { $0 }
let numbers = words.dropFirst().compactMap { Int($0) }
switch (words.first, numbers.count) {
case ("produce", 3): try await produce(first: numbers[0], count: numbers[1], rate: numbers[2])
case ("lists", 0): try await workOffLists()
case ("work", 1): try await work(concurrency: numbers[0])
default: fatalError("usage: chaos produce FIRST COUNT PER-SECOND | work CONCURRENCY")
}
