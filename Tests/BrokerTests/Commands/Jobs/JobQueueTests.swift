// JobQueueTests.swift: queues as a whole, results, and producers that wait for room.

import Testing

@testable import Broker

private let first = JobRig.id(1), second = JobRig.id(2)

@Test func settingsOfAQueueHoldForJobsThatSayNothingElse() throws {
  var rig = JobRig()
  #expect(
    rig.send(
      "QSET q LEASE 100 ATTEMPTS 1 DEAD grave BACKOFF EXP 10 CAP 50 TTL 9 MAXLEN 3 TAKE LEFT")
      == "+OK")
  for _ in 0..<2 {
    #expect(
      rig.values("QGET q") == [
        "lease-ms", ":100", "attempts", ":1", "backoff", "EXP 10 CAP 50", "dead-queue", "grave",
        "ttl-ms",
        ":9000", "maxlen", ":3", "take", "left",
      ])
    try rig.restart()
  }
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0")
  #expect(rig.values("LRANGE q 0 -1") == ["a", "b"])
  #expect(
    rig.values("GETJOB WITHMETA FROM q").prefix(7) == [
      "q", "\(first).1", "a", "attempt", ":1", "lease-ms", ":100",
    ])
  rig.advance(100)
  #expect(rig.values("LRANGE grave 0 -1") == ["a"])
  for body in ["c", "d"] { _ = rig.send("ADDJOB q \(body) 0") }
  #expect(rig.send("ADDJOB q e 0").hasPrefix("-MAXLEN "))
  rig.advance(9000)
  #expect(rig.send("LLEN q") == ":0")
  #expect(rig.send("QSET q LEASE 0 DEAD") == "-ERR syntax error")
  _ = rig.send("QSET q LEASE 0 TTL 0 MAXLEN 0")
  #expect(rig.values("QGET q").first == "attempts")
}

@Test func aDroppedQueueLeavesNothing() throws {
  var rig = JobRig()
  _ = rig.send("QSET q LEASE 100")
  for body in ["a", "b", "c"] { _ = rig.send("ADDJOB q \(body) 0 UNIQUE \(body)") }
  _ = rig.send("ADDJOB q d 0 DELAY 1")
  _ = rig.send("GETJOB FROM q")
  #expect(rig.send("QDROP q") == ":1")
  #expect(rig.send("QDROP q") == ":0")
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    #expect(rig.values("QGET q") == [])
    for number in 1...4 { #expect(rig.send("SHOW \(JobRig.id(number))") == "$-1") }
    #expect(rig.send("ACKJOB \(first).1") == ":0")
    rig.advance(5000)
    #expect(rig.send("EXISTS q") == ":0")
    #expect(rig.harness.engine.context.jobs.spaces[0].records.count == 0)
    rig.harness.checkInvariants()
  }
  #expect(rig.values("ADDJOB q e 0 UNIQUE a WITHSTATUS") == [JobRig.id(5), ":1"])
}

@Test func aQueueCountsWhatHappened() {
  var rig = JobRig()
  for body in ["a", "b", "c"] { _ = rig.send("ADDJOB q \(body) 0") }
  _ = rig.send("ADDJOB q d 0 DELAY 9")
  _ = rig.send("GETJOB COUNT 2 LEASE 10 FROM q")
  _ = rig.send("ACKJOB \(first).1")
  _ = rig.send("NACK \(second).1")
  _ = rig.send("GETJOB LEASE 10 FROM q")
  rig.advance(10)
  let worker = rig.harness.client()
  _ = rig.send("PAUSE q out")
  _ = rig.harness.send(worker, "GETJOB FROM q")
  #expect(
    rig.values("QSTAT q") == [
      "name", "q", "ready", ":2", "scheduled", ":1", "dequeued", ":0", "leased", ":0", "kept", ":0",
      "dead", ":0", "age-ms", ":10", "jobs-in", ":4", "jobs-out", ":3", "acked", ":1", "failed",
      ":1",
      "expired", ":1", "in-rate", "0.06", "out-rate", "0.05", "waiting", ":1", "pause", "out",
    ])
  #expect(rig.send("QSTAT none") == "$-1")
}

/// Goal: what was given back uncounted did not go out, whoever gave it back, and neither did it by the rates
/// of its minute. Method: two deliveries of each way, one given back, before a change of the minute and behind
/// it; the job's own attempts say the same.
@Test(arguments: [0, 60_000, 180_000] as [Int64], [false, true])
func whatWasGivenBackIsNotCountedAsOut(after wait: Int64, isUnsent: Bool) throws {
  var rig = JobRig()
  rig.advance(60_000 - rig.harness.engine.context.jobsNow() % 60_000)
  for body in ["a", "b"] { _ = rig.send("ADDJOB q \(body) 0") }
  let worker = rig.harness.client()
  _ = rig.values("GETJOB LEASE 600000 FROM q")
  if isUnsent {
    rig.harness.leave(worker, "GETJOB LEASE 600000 FROM q")
  } else {
    _ = rig.harness.send(worker, "GETJOB LEASE 600000 FROM q")
  }
  #expect(rig.value("jobs-out", of: "QSTAT q") == ":2")
  #expect(rig.value("out-rate", of: "QSTAT q") == "0.03")
  rig.advance(wait)
  if isUnsent {
    rig.harness.engine.close(worker)
  } else {
    #expect(rig.send("NACK \(second).1 FREE") == ":1")
  }
  // Once more: a receipt that is stale takes nothing back.
  #expect(rig.send("NACK \(second).1 FREE") == ":0")
  #expect(rig.value("out-rate", of: "QSTAT q") == (wait < 120_000 ? "0.01" : "0.00"))
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    #expect(rig.value("jobs-out", of: "QSTAT q") == ":1")
    #expect(rig.value("leased", of: "QSTAT q") == ":1")
    #expect(rig.show(second, "attempts") == ":0")
  }
  _ = rig.values("GETJOB FROM q")
  #expect(rig.value("jobs-out", of: "QSTAT q") == ":2")
}

/// Goal: what is given back is taken out of the minute in which it went out, however long its lease was
/// extended since. Method: another job goes out in the minute of the extension, and stays counted.
@Test(arguments: [60_000, 120_000] as [Int64])
func aRateLosesWhatItHadAndNothingElse(after wait: Int64) {
  var rig = JobRig()
  rig.advance(60_000 - rig.harness.engine.context.jobsNow() % 60_000)
  for body in ["a", "b"] { _ = rig.send("ADDJOB q \(body) 0") }
  _ = rig.values("GETJOB LEASE 600000 FROM q")
  rig.advance(wait)
  _ = rig.values("GETJOB LEASE 600000 FROM q")
  #expect(rig.send("EXTEND 600000 \(first).1") == "*1 :1")
  #expect(rig.send("NACK \(first).1 FREE") == ":1")
  #expect(rig.value("jobs-out", of: "QSTAT q") == ":1")
  rig.advance(30_000)
  #expect(rig.value("out-rate", of: "QSTAT q") == "0.01")
}

/// Goal: rates are those of the minute before. Method: 30 jobs in and 15 out at second 20 of a minute; the
/// share of that minute shrinks as time passes.
@Test func aQueueHasTheRatesOfTheLastMinute() throws {
  var rig = JobRig()
  #expect(rig.harness.engine.context.wall % 60_000 == 20_000)
  for _ in 0..<30 { _ = rig.send("ADDJOB q a 0") }
  _ = rig.send("GETJOB COUNT 15 FROM q")
  func rates(_ rig: inout JobRig) -> [String] {
    let values = rig.values("QSTAT q")
    return ["in-rate", "out-rate"].map { values[values.firstIndex(of: $0)! + 1] }
  }
  #expect(rates(&rig) == ["0.50", "0.25"])
  try rig.restart()
  rig.advance(39_999)
  #expect(rates(&rig) == ["0.50", "0.25"])
  rig.advance(20_001)
  #expect(rates(&rig) == ["0.33", "0.16"])
  for _ in 0..<6 { _ = rig.send("ADDJOB q a 0") }
  #expect(rates(&rig) == ["0.43", "0.16"])
  rig.advance(60_000)
  #expect(rates(&rig) == ["0.06", "0.00"])
  rig.advance(60_000)
  #expect(rates(&rig) == ["0.00", "0.00"])
  _ = rig.send("HELLO 3")
  #expect(rig.send("QSTAT q").contains("$7 in-rate ,0.00"))
}

@Test func aPauseHoldsJobsBackUntilItEnds() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  #expect(rig.values("PAUSE q all") == ["all"])
  try rig.restart()
  #expect(rig.values("PAUSE q state") == ["all"])
  #expect(rig.send("ADDJOB q b 0").hasPrefix("-PAUSED "))
  #expect(rig.send("GETJOB NOHANG FROM q") == "*-1")
  let worker = rig.harness.client()
  _ = rig.harness.send(worker, "GETJOB FROM q")
  #expect(rig.output(worker) == "")
  #expect(rig.values("PAUSE q none") == ["none"])
  #expect(rig.output(worker) == "*1 *3 $1 q $14 \(first).1 $1 a")
}

@Test func deadJobsAreGivenAnotherChance() throws {
  var rig = JobRig()
  for body in ["a", "b"] { _ = rig.send("ADDJOB q \(body) 0 ATTEMPTS 1") }
  for number in 1...2 {
    _ = rig.send("GETJOB FROM q")
    _ = rig.send("NACK \(JobRig.id(number)).1 ERROR why")
  }
  _ = rig.send("LPUSH q:dead raw")
  #expect(rig.values("QPEEK q:dead 2") == ["q:dead", first, "a", "q:dead", second, "b"])
  #expect(rig.send("QPEEK q:dead -1") == "*1 *3 $6 q:dead $-1 $3 raw")
  #expect(rig.send("QREDRIVE q:dead COUNT 1") == ":1")
  #expect(rig.send("QREDRIVE q:dead TO p") == ":2")
  try rig.restart()
  #expect(rig.values("LRANGE q 0 -1") == ["a"])
  #expect(rig.values("LRANGE p 0 -1") == ["raw", "b"])
  #expect(rig.show(first, "state") == "ready")
  #expect(rig.show(first, "failures") == ":0")
  #expect(rig.show(first, "error") == "why")
  // A receipt of before is stale.
  #expect(rig.send("ACKJOB \(first).1") == ":0")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).2", "a"])
  rig.harness.checkInvariants()
}

@Test func aJobMayBeTakenOutAndPutBack() throws {
  var rig = JobRig()
  for body in ["a", "b", "c"] { _ = rig.send("ADDJOB q \(body) 0") }
  _ = rig.send("ADDJOB q d 0 DELAY 1")
  #expect(rig.send("DEQUEUE \(second) \(JobRig.id(4)) \(JobRig.id(9))") == ":2")
  try rig.restart()
  rig.advance(2000)
  #expect(rig.values("LRANGE q 0 -1") == ["c", "a"])
  #expect(rig.show(second, "state") == "dequeued")
  #expect(rig.send("ENQUEUE \(second) \(first)") == ":1")
  #expect(rig.values("LRANGE q 0 -1") == ["b", "c", "a"])
  rig.harness.checkInvariants()
}

@Test func aResultIsKeptForItsTime() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 KEEP 5")
  _ = rig.send("ADDJOB q b 0")
  _ = rig.send("GETJOB COUNT 2 FROM q")
  let waiter = rig.harness.client()
  _ = rig.harness.send(waiter, "RESULT \(first) BLOCK 0")
  #expect(rig.send("RESULT \(first)") == "*2 $6 leased $-1")
  #expect(rig.send("DONE \(first).1 RESULT fine") == ":1")
  #expect(rig.output(waiter) == "*2 $4 done $4 fine")
  try rig.restart()
  #expect(rig.send("RESULT \(first)") == "*2 $4 done $4 fine")
  #expect(rig.send("DONE \(first).1") == ":0")
  rig.advance(5000)
  #expect(rig.send("RESULT \(first)") == "*-1")
  let other = rig.harness.client()
  _ = rig.harness.send(other, "RESULT \(second) BLOCK 100")
  rig.advance(100)
  #expect(rig.output(other) == "*-1")
  _ = rig.harness.send(other, "RESULT \(second) BLOCK 0")
  _ = rig.send("NACK \(second).1 DEAD ERROR bad")
  #expect(rig.output(other) == "*2 $4 dead $3 bad")
}

@Test(arguments: [
  "RPOP q", "GETJOB FROM q", "DEL q", "QDROP q", "LREM q 0 a", "DELJOB D-00000001-1",
])
func aProducerWaitsForRoom(_ line: String) throws {
  var rig = JobRig()
  let producer = rig.harness.client()
  _ = rig.send("ADDJOB q a 0")
  #expect(rig.harness.send(producer, "ADDJOB q b 50 MAXLEN 1") == "")
  rig.advance(49)
  _ = rig.send(line)
  #expect(rig.output(producer) == "$12 \(second)")
  #expect(rig.values("LRANGE q 0 -1") == ["b"])
  try rig.restart()
  #expect(rig.values("LRANGE q 0 -1") == ["b"])
  let other = rig.harness.client()
  _ = rig.harness.send(other, "ADDJOB q c 50 MAXLEN 1")
  rig.advance(50)
  #expect(rig.output(other).hasPrefix("-MAXLEN "))
}

@Test func queuesAndJobsAreWalked() {
  var rig = JobRig()
  for number in 0..<30 { _ = rig.send("ADDJOB q\(number % 3) body 0 DELAY \(number % 2)") }
  var queues: Set<String> = [], jobs: Set<String> = [], cursor = "0"
  repeat {
    let reply = rig.values("QSCAN \(cursor) COUNT 1 MINLEN 1")
    cursor = reply[0]
    queues.formUnion(reply.dropFirst())
  } while cursor != "0"
  #expect(queues == ["q0", "q1", "q2"])
  repeat {
    let reply = rig.values("JSCAN \(cursor) COUNT 5 QUEUE q0 STATE scheduled")
    cursor = reply[0]
    jobs.formUnion(reply.dropFirst())
  } while cursor != "0"
  #expect(jobs == Set([4, 10, 16, 22, 28].map(JobRig.id)))
  #expect(
    rig.send("JSCAN 0 REPLY all COUNT 100 QUEUE q1 STATE ready").contains("$5 state $5 ready"))
  #expect(rig.send("JSCAN x").hasPrefix("-ERR "))
}

/// A receipt of a chosen id is good for the job of that id alone.
@Test func aReceiptNamesItsJob() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0 ID mine")
  _ = rig.send("GETJOB COUNT 2 FROM q")
  #expect(rig.send("ACKJOB zzz.1.1 zzz.2.1") == ":0")
  #expect(rig.send("ACKJOB mine.2.1 \(first).1") == ":2")
}

@Test func aReplacedBodyIsNotAckedByTheLeaseOfTheOneBefore() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q old 0 UNIQUE k")
  _ = rig.send("GETJOB LEASE 50 FROM q")
  rig.advance(51)
  _ = rig.send("ADDJOB q new 0 UNIQUE k REPLACE")
  try rig.restart()
  #expect(rig.send("ACKJOB \(first).1") == ":0")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).2", "new"])
}

@Test func aJobThatWasTakenOutStaysOutWhenItsBodyIsReplaced() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q old 0 UNIQUE k")
  #expect(rig.send("DEQUEUE \(first)") == ":1")
  _ = rig.send("ADDJOB q new 0 UNIQUE k REPLACE")
  rig.advance(1000)
  #expect(rig.send("LLEN q") == ":0")
  #expect(rig.send("ENQUEUE \(first)") == ":1")
  #expect(rig.values("LRANGE q 0 -1") == ["new"])
}

@Test func aWalkTakesAnyCount() throws {
  var rig = JobRig()
  for _ in 0..<3000 { _ = rig.send("ADDJOB q x 0") }
  #expect(rig.values("JSCAN 0 COUNT 9223372036854775807").count == 3001)
}

/// Goal: what time does is replayed as it was, also where it meets a list whose own time is up. Method: a
/// lapsing lease and a job whose time to live ends in the turn in which their list expires.
@Test func jobsComeDueInAListWhoseTimeIsUp() throws {
  var rig = JobRig()
  for body in ["a", "b", "c"] { _ = rig.send("RPUSH q \(body)") }
  _ = rig.send("GETJOB LEASE 1000 FROM q")
  _ = rig.send("ADDJOB q d 0 TTL 1")
  _ = rig.send("PEXPIRE q 1000")
  rig.advance(1000)
  let values = rig.values("LRANGE q 0 -1")
  #expect(values == ["c"])
  try rig.restart()
  #expect(rig.values("LRANGE q 0 -1") == values)
}

/// The moment in which a job was added is one for all who ask, however the two clocks run.
@Test func theMomentOfAJobIsOneForAll() throws {
  var rig = JobRig()
  let added = ":\(rig.harness.engine.context.wall)", id = JobRig.id(1)
  _ = rig.send("ADDJOB q a 0")
  for (wall, monotonic) in [(0, 1), (1, 0), (-3_600_000, 5), (7_200_000, 0)] as [(Int64, Int64)] {
    rig.harness.engine.context.wall += wall
    rig.harness.engine.context.monotonic += monotonic
    #expect(rig.show(id, "enqueued-ms") == added)
    let taken = rig.values("GETJOB WITHMETA FROM q")
    #expect(taken[8] == added, "\(taken)")
    #expect(rig.show(id, "enqueued-ms") == added)
    _ = rig.send("NACK \(taken[1])")
    try rig.restart()
  }
}
