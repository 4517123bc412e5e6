// main.swift: the parts of a measurement of the SDK, each a process of its own; `run` beside it starts them.
//
//     sdk-benchmark produce COUNT BATCH [RATE]    adds jobs, BATCH in a call, RATE of them a second
//     sdk-benchmark work COUNT CONCURRENCY        does nothing with COUNT jobs, and says how fast
//     sdk-benchmark idle COUNT                    COUNT workers that wait for jobs, until SIGTERM
//
// REDIS_URL names the broker.

import CLinux
import Glibc
import Martlet
import Synchronization

struct Noop: Job {
  static let name = "noop"
  static let options = JobOptions(queue: "benchmark")
  /// Monotonic nanoseconds.
  var sent: Int64
}

func monotonic() -> Int64 {
  var time = timespec()
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Writes a line at once, also into a pipe.
func say(_ line: String) {
  let bytes = Array("\(line)\n".utf8)
  unsafe bytes.withUnsafeBytes { unsafe _ = write(1, $0.baseAddress, $0.count) }
}

/// Resident memory in KB.
func resident() -> Int {
  guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var text = [UInt8](repeating: 0, count: 128)
  let count = unsafe fread(&text, 1, 127, file)
  let words = String(decoding: text[..<count], as: UTF8.self).split(separator: " ")
  return words.count > 1 ? (Int(words[1]) ?? 0) * 4 : 0
}

func processorSeconds() -> Double {
  var usage = rusage()
  unsafe martlet_getrusage(0, &usage)
  return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

/// What the jobs of a worker leave behind.
final class Tally: Sendable {
  struct State {
    var count = 0
    var begin: Int64 = 0
    /// How many jobs started so many times 50 us after they were sent; the last has all that took longer.
    var waits = [Int](repeating: 0, count: 2001)
  }
  let state = Mutex(State())

  /// - Returns: how many there were.
  func note(_ sent: Int64) -> Int {
    let now = monotonic()
    return state.withLock { state in
      if state.count == 0 { state.begin = now }
      state.count += 1
      state.waits[min(2000, Int((now - sent) / 50_000))] += 1
      return state.count
    }
  }

  /// Milliseconds within which such a part of the jobs started.
  func wait(of part: Double) -> Double {
    state.withLock { state in
      var left = Int(Double(state.count) * part)
      for (index, count) in state.waits.enumerated() {
        left -= count
        if left <= 0 { return Double(index + 1) * 0.05 }
      }
      return .infinity
    }
  }
}

func produce(_ count: Int, batch: Int, rate: Int?) async throws {
  let client = try MartletClient()
  let begin = monotonic()
  var sent = 0
  while sent < count {
    if let rate {
      // Whatever is due by now goes together.
      let due = min(count, Int(Double(monotonic() - begin) / 1e9 * Double(rate)))
      guard due > sent else {
        try await Task.sleep(for: .microseconds(200))
        continue
      }
      let now = monotonic()
      try await client.enqueue(contentsOf: (sent..<due).map { _ in Noop(sent: now) })
      sent = due
    } else {
      // Two calls at a time: the next is made while the broker writes the last.
      async let first = client.enqueue(contentsOf: (0..<batch).map { _ in Noop(sent: monotonic()) })
      async let second = client.enqueue(
        contentsOf: (0..<batch).map { _ in Noop(sent: monotonic()) })
      sent += try await first.count
      sent += try await second.count
    }
  }
  let seconds = Double(monotonic() - begin) / 1e9
  say("produced \(sent) seconds \(seconds) cpu \(processorSeconds())")
  await client.close()
}

func work(_ count: Int, concurrency: Int) async throws {
  let client = try MartletClient(), tally = Tally()
  let worker = Worker(client, queues: "benchmark", concurrency: concurrency)
  worker.handle(Noop.self) { job, _ in
    let number = tally.note(job.sent)
    if number.isMultiple(of: 1_000_000) { say("at \(number) resident \(resident())") }
    if number == count { worker.shutDown() }
  }
  worker.stopOnSignals()
  say("ready")
  try await worker.run()
  let seconds = Double(monotonic() - tally.state.withLock { $0.begin }) / 1e9
  let waits = [0.5, 0.99, 0.999].map { String(tally.wait(of: $0)) }.joined(separator: " ")
  say(
    "worked \(worker.statistics.done) seconds \(seconds) cpu \(processorSeconds()) resident \(resident())"
  )
  say("waits \(waits) ms")
  await client.close()
}

func idle(_ count: Int) async throws {
  var options = MartletClient.Options()
  options.blockingConnectionsMax = count
  let client = try MartletClient(options: options)
  let workers = (0..<count).map { _ in Worker(client, queues: "benchmark", concurrency: 1) }
  for worker in workers { worker.stopOnSignals() }
  try await withThrowingTaskGroup { group in
    for worker in workers { group.addTask { try await worker.run() } }
    try await group.waitForAll()
  }
  await client.close()
}

let words = CommandLine.arguments.dropFirst().map { $0 }
let numbers = words.dropFirst().compactMap { Int($0) }
switch (words.first, numbers.count) {
case ("produce", 2): try await produce(numbers[0], batch: numbers[1], rate: nil)
case ("produce", 3): try await produce(numbers[0], batch: numbers[1], rate: numbers[2])
case ("work", 2): try await work(numbers[0], concurrency: numbers[1])
case ("idle", 1): try await idle(numbers[0])
default:
  say("usage: sdk-benchmark produce COUNT BATCH [RATE] | work COUNT CONCURRENCY | idle COUNT")
  exit(2)
}
