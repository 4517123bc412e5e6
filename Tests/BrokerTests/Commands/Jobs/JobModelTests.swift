// JobModelTests.swift: the life of jobs beside a naive model, through restarts and checkpoints.

import Glibc
import Testing

/// Steps for each seed: `MARTLET_JOB_STEPS`.
private let stepCount =
  unsafe getenv("MARTLET_JOB_STEPS").flatMap { unsafe Int(String(cString: $0)) } ?? 20_000

/// Goal: jobs live as their model says, whenever the process ends. Method: random commands on both, with
/// every option, stale receipts, lists changed by list commands, queues that are set, paused and dropped,
/// time that passes and a wall that is stepped, checkpoints under way and restarts; replies are compared
/// after each step, all of the state often.
@Test(arguments: 1...6 as ClosedRange<UInt64>)
func jobsAgreeWithTheirModel(seed: UInt64) throws {
  var trial = JobTrial(seed: seed)
  try trial.run(stepCount)
}
