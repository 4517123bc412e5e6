// main.swift: the worker: mails, pictures and a report each half second, until SIGTERM.

import ExampleJobs
import Foundation
import Martlet

/// Says what each job took, as a metrics library would have it.
struct Timing: JobMiddleware {
  func handle(
    _ context: JobContext, next: (JobContext) async throws -> JobVerdict
  ) async throws -> JobVerdict {
    let begin = ContinuousClock.now
    defer { context.logger.debug("took \(begin.duration(to: .now))") }
    return try await next(context)
  }
}

/// Writes a line at once, also into a pipe.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

struct Unreachable: Error {}

let client = try MartletClient()
var options = WorkerOptions()
options.middleware = [Timing()]
let worker = Worker(
  client,
  queues: [
    WorkerQueues("mail", concurrency: 4),
    WorkerQueues("images", concurrency: 2),
  ],
  options: options)

worker.handle(WelcomeMail.self) { job, context in
  say("mailed \(job.user) \(context.attempt)")
}

worker.handle(ResizeAvatar.self) { job, context in
  // The first attempt finds the store of pictures down, as it happens.
  if context.attempt == 1 { throw Unreachable() }
  return ResizeAvatar.Output(path: "/avatars/\(job.user)-\(job.size).png")
}

worker.handle(Report.self) { job, _ in
  // The next one first: a crash behind this line must not end the series.
  try await job.next.add(to: client)
  say("reported")
}

try await Report(due: Date(), every: 0.5).add(to: client)
worker.stopOnSignals()
try await worker.run()
await client.close()
say("ended")
