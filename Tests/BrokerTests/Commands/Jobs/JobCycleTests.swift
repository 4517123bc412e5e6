// JobCycleTests.swift: the life of a job, from ADDJOB to ACKJOB and the ways around.

import Testing

@testable import Broker

private let first = JobRig.id(1), second = JobRig.id(2)

@Test func aJobIsAddedTakenAndEnded() {
  var rig = JobRig()
  #expect(rig.values("ADDJOB q body 0") == [first])
  #expect(rig.send("LLEN q") == ":1")
  #expect(rig.send("QLEN q") == ":1")
  #expect(rig.send("LRANGE q 0 -1") == "*1 $4 body")
  #expect(rig.show(first, "state") == "ready")
  #expect(rig.show(first, "body") == "body")
  #expect(
    rig.send("GETJOB FROM q") == "*1 *3 $1 q $14 \(first).1 $4 body")
  #expect(rig.send("LLEN q") == ":0")
  #expect(rig.send("EXISTS q") == ":0")
  #expect(rig.show(first, "state") == "leased")
  #expect(rig.send("ACKJOB \(first).1") == ":1")
  #expect(rig.send("ACKJOB \(first).1") == ":0")
  #expect(rig.send("SHOW \(first)") == "$-1")
  rig.harness.checkInvariants()
}

@Test func aRawElementGetsARecordWhenItIsTaken() {
  var rig = JobRig()
  _ = rig.send("LPUSH q a b")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).1", "a"])
  #expect(rig.values("GETJOB FROM q") == ["q", "\(second).1", "b"])
  #expect(rig.send("ACKJOB \(first).1 \(second).1 \(second).2") == ":2")
}

@Test func jobsAreTakenInTheOrderInWhichTheyCame() {
  var rig = JobRig()
  for body in ["a", "b", "c", "d"] { _ = rig.send("ADDJOB q \(body) 0") }
  #expect(
    rig.values("GETJOB COUNT 2 FROM none q") == [
      "q", "\(first).1", "a", "q", "\(second).1", "b",
    ])
  #expect(
    rig.values("GETJOB COUNT 9 LEFT FROM q").filter { $0.count == 1 } == ["q", "d", "q", "c"])
}

@Test func aLeaseThatRunsOutGivesTheJobToTheNext() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 RETRY 1")
  _ = rig.send("ADDJOB q b 0")
  _ = rig.send("GETJOB FROM q")
  rig.advance(999)
  #expect(rig.send("LRANGE q 0 -1") == "*1 $1 b")
  rig.advance(1)
  #expect(rig.send("LRANGE q 0 -1") == "*2 $1 b $1 a")
  #expect(
    rig.values("GETJOB WITHCOUNTERS FROM q") == [
      "q", "\(first).2", "a", "nacks", ":0", "additional-deliveries", ":1",
    ])
  // The first worker is late: another one has the job.
  for word in ["ACKJOB", "NACK", "EXTEND 100", "DONE"] {
    #expect(rig.send("\(word) \(first).1").hasSuffix(":0"), "\(word)")
  }
  #expect(rig.send("WORKING \(first).1").hasPrefix("-LEASELOST "))
  #expect(rig.send("WORKING \(JobRig.id(99)).1").hasPrefix("-NOJOB "))
  #expect(rig.send("WORKING \(first).2") == ":1")
  try rig.restart()
  #expect(rig.send("ACKJOB \(first).1") == ":0")
  #expect(rig.send("ACKJOB \(first).2") == ":1")
  rig.harness.checkInvariants()
}

@Test func whoIsLateMayEndAJobThatNobodyTookSince() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 RETRY 1")
  _ = rig.send("ADDJOB q b 0")
  _ = rig.send("GETJOB FROM q")
  rig.advance(1000)
  #expect(rig.send("LLEN q") == ":2")
  #expect(rig.send("WORKING \(first).1").hasPrefix("-LEASELOST "))
  #expect(rig.send("ACKJOB \(first).1") == ":1")
  #expect(rig.send("LRANGE q 0 -1") == "*1 $1 b")
  // A job that was given back is nobody's.
  _ = rig.send("GETJOB FROM q")
  #expect(rig.send("NACK \(second).1") == ":1")
  #expect(rig.send("ACKJOB \(second).1") == ":0")
  rig.harness.checkInvariants()
}

@Test func leasesThatEndTogetherLeaveTheOrderAsItWas() {
  var rig = JobRig()
  for number in 1...40 { _ = rig.send("ADDJOB q j\(number) 0") }
  let before = rig.send("LRANGE q 0 -1")
  _ = rig.send("GETJOB COUNT 30 LEASE 100 FROM q")
  rig.advance(100)
  #expect(rig.send("LRANGE q 0 -1") == before)
}

@Test func aMillionLeasesThatEndTogetherTakeManyShortTurns() {
  var rig = JobRig()
  for _ in 0..<30 { _ = rig.send("RPUSH q " + String(repeating: "x ", count: 100)) }
  _ = rig.send("GETJOB COUNT 3000 LEASE 100 FROM q")
  rig.harness.engine.context.wall += 100
  rig.harness.engine.context.monotonic += 100
  let isMoreLeft = rig.harness.engine.runTimers()
  #expect(isMoreLeft)
  #expect(rig.send("LLEN q") == ":\(Context.timerWorkMax / Context.workOfJob)")
  while rig.harness.engine.runTimers() {}
  #expect(rig.send("LLEN q") == ":3000")
  rig.harness.checkInvariants()
}

@Test func delayedJobsComeInTheOrderOfTheirTimes() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q late 0 DELAY 0.25")
  _ = rig.send("ADDJOB q soon 0 DELAY 0.1")
  let at = rig.harness.engine.context.wall + 150
  _ = rig.send("ADDJOB q wall 0 AT \(at)")
  _ = rig.send("ADDJOB q now 0 AT 5")
  #expect(rig.send("LRANGE q 0 -1") == "*1 $3 now")
  #expect(rig.show(first, "state") == "scheduled")
  #expect(rig.show(first, "due-in-ms") == ":250")
  try rig.restart(after: 50)
  rig.advance(60)
  #expect(rig.send("LRANGE q 0 -1") == "*2 $4 soon $3 now")
  rig.advance(140)
  #expect(rig.send("LRANGE q 0 -1") == "*4 $4 late $4 wall $4 soon $3 now")
}

@Test func aStepOfTheWallMovesNeitherLeasesNorDelays() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0 DELAY 10")
  let at = rig.harness.engine.context.wall + 60_000
  _ = rig.send("ADDJOB q wall 0 AT \(at)")
  _ = rig.send("GETJOB LEASE 10000 FROM q")
  rig.harness.engine.context.wall += 3_600_000
  while rig.harness.engine.runTimers() {}
  #expect(rig.send("LRANGE q 0 -1") == "*1 $4 wall")
  rig.harness.engine.context.wall -= 7_200_000
  rig.advance(9_999)
  #expect(rig.send("LLEN q") == ":1")
  rig.advance(1)
  #expect(rig.send("LLEN q") == ":3")
}

@Test func aRestartLeavesALeaseAtMostItsTerm() throws {
  for (gap, isOver) in [(-3_600_000, false), (500, false), (5_000, true)] as [(Int64, Bool)] {
    var rig = JobRig()
    _ = rig.send("ADDJOB q a 0")
    _ = rig.send("GETJOB LEASE 1000 FROM q")
    rig.advance(100)
    _ = rig.send("ADDJOB other b 0")
    try rig.restart(after: gap)
    rig.advance(0)
    #expect(rig.send("LLEN q") == (isOver ? ":1" : ":0"), "\(gap)")
    rig.advance(900)
    #expect(rig.send("LLEN q") == ":1", "\(gap)")
  }
}

@Test func aJobThatFailsTooOftenIsDead() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 ATTEMPTS 2 BACKOFF LINEAR 100")
  _ = rig.send("GETJOB FROM q")
  #expect(rig.send("NACK \(first).1 ERROR once") == ":1")
  #expect(rig.show(first, "state") == "scheduled")
  rig.advance(99)
  #expect(rig.send("LLEN q") == ":0")
  rig.advance(1)
  #expect(rig.send("LLEN q") == ":1")
  _ = rig.send("GETJOB LEASE 10 FROM q")
  rig.advance(10)
  #expect(rig.send("LRANGE q:dead 0 -1") == "*1 $1 a")
  #expect(rig.show(first, "state") == "dead")
  #expect(rig.show(first, "reason") == "attempts")
  #expect(rig.show(first, "error") == "once")
  #expect(rig.show(first, "died-in") == "q")
  #expect(rig.show(first, "failures") == ":1")
  #expect(rig.show(first, "expirations") == ":1")
  #expect(rig.show(first, "attempts") == ":2")
}

@Test func aWorkerMayRefuseOrReturnAJob() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 DEAD grave")
  _ = rig.send("GETJOB FROM q")
  #expect(rig.send("NACK \(first).1 FREE") == ":1")
  #expect(rig.show(first, "attempts") == ":0")
  #expect(rig.show(first, "failures") == ":0")
  _ = rig.send("GETJOB FROM q")
  #expect(rig.send("NACK \(first).2 DELAY 0.5 FREE") == ":1")
  #expect(rig.show(first, "state") == "scheduled")
  rig.advance(500)
  _ = rig.send("GETJOB FROM q")
  #expect(rig.send("NACK \(first).3 DEAD") == ":1")
  #expect(rig.send("LRANGE grave 0 -1") == "*1 $1 a")
  #expect(rig.show(first, "reason") == "nack")
  #expect(rig.send("NACK \(first).3 FREE DEAD") == "-ERR syntax error")
}

@Test func aJobWhoseKeyHoldsAnotherTypeGoesToTheDeadQueue() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("GETJOB LEASE 10 FROM q")
  _ = rig.send("SET q text")
  #expect(rig.send("ADDJOB q b 0").hasPrefix("-WRONGTYPE "))
  #expect(rig.send("ADDJOB q b 0 DELAY 1").hasPrefix("-WRONGTYPE "))
  #expect(rig.send("GETJOB FROM q").hasPrefix("-WRONGTYPE "))
  rig.advance(10)
  #expect(rig.send("LLEN q:dead") == ":1")
  #expect(rig.show(first, "reason") == "wrongtype")
  rig.harness.checkInvariants()
}

/// Goal: a dead job is never delivered again, nor lost, while its dead queue holds another type.
/// Method: one that died of its attempts, one of its queue's type; each is looked at in all ways, tried to be
/// brought back, and buried when the key is free.
@Test(arguments: ["attempts", "wrongtype"])
func aDeadJobWithoutADeadQueueIsKept(_ reason: String) throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 TTL 500 ATTEMPTS \(reason == "attempts" ? 1 : 9)")
  _ = rig.send("GETJOB LEASE 10 FROM q")
  let waiter = rig.harness.client()
  _ = rig.harness.send(waiter, "RESULT \(first) BLOCK 0")
  _ = rig.send("SET q:dead text")
  if reason == "wrongtype" { _ = rig.send("SET q text") }
  rig.advance(10)
  #expect(rig.output(waiter) == "*2 $4 dead $-1")
  if reason == "wrongtype" { _ = rig.send("DEL q") }
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    #expect(rig.show(first, "state") == "dead")
    #expect(rig.show(first, "reason") == reason)
    #expect(rig.show(first, "died-in") == "q")
    #expect(rig.show(first, "due-in-ms") == nil)
    #expect(rig.send("JSCAN 0 STATE dead") == "*2 $1 0 *1 $12 \(first)")
    #expect(rig.send("QSTAT q").contains("scheduled :0 $8 dequeued :0"))
    #expect(rig.send("QSTAT q").contains("dead :1"))
    #expect(rig.send("ENQUEUE \(first)") == ":0")
    #expect(rig.send("DEQUEUE \(first)") == ":0")
    rig.advance(60_000)
    #expect(rig.send("GETJOB NOHANG FROM q") == "*-1")
    rig.harness.checkInvariants()
  }
  _ = rig.send("DEL q:dead")
  rig.advance(60_000)
  #expect(rig.send("LRANGE q:dead 0 -1") == "*1 $1 a")
  #expect(rig.show(first, "reason") == reason)
  #expect(rig.send("QREDRIVE q:dead") == ":1")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).2", "a"])
  rig.harness.checkInvariants()
}

/// What a job's time to live ends before its time comes.
@Test(arguments: [
  ("QSET q TTL 1", "ADDJOB q a 0 DELAY 9"), ("QSET q TTL 1", "ADDJOB q a 0 AT @9000"),
  ("PING", "ADDJOB q a 0 TTL 1 AT @9000"),
  ("ADDJOB q a 0 TTL 1 DELAY 0.1 UNIQUE k", "ADDJOB q b 0 DELAY 9 UNIQUE k REPLACE"),
  ("ADDJOB q a 0 TTL 1 DELAY 0.1 UNIQUE k", "ADDJOB q b 0 AT @9000 UNIQUE k REPLACE"),
])
func aJobThatWaitsForItsTimeGoesWhenItsTimeToLiveIsOver(_ before: String, _ line: String) throws {
  var rig = JobRig()
  let wall = rig.harness.engine.context.wall
  _ = rig.send(before)
  _ = rig.send(line.replacing("@9000", with: "\(wall + 9000)"))
  rig.advance(999)
  #expect(rig.show(first, "state") == "scheduled")
  try rig.restart()
  rig.advance(1)
  #expect(rig.send("SHOW \(first)") == "$-1")
  rig.advance(10_000)
  #expect(rig.send("EXISTS q") == ":0")
  rig.harness.checkInvariants()
}

@Test func aJobWhoseTimeComesBeforeTheEndOfItsTimeToLiveIsDelivered() {
  var rig = JobRig()
  let at = rig.harness.engine.context.wall + 500
  _ = rig.send("ADDJOB q a 0 TTL 1 AT \(at)")
  _ = rig.send("ADDJOB q b 0 TTL 1 DELAY 0.5")
  rig.advance(500)
  #expect(rig.send("LLEN q") == ":2")
  rig.advance(500)
  #expect(rig.send("LLEN q") == ":0")
}

/// A job that was taken out is not scheduled, whatever its time to live is.
@Test func aJobThatWasTakenOutWaitsForNoTime() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 TTL 2")
  _ = rig.send("ADDJOB q b 0 TTL 2 DELAY 0.5")
  #expect(rig.send("DEQUEUE \(first) \(second)") == ":2")
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    for job in [first, second] {
      #expect(rig.show(job, "state") == "dequeued")
      #expect(rig.show(job, "due-in-ms") == nil)
      #expect(rig.send("DEQUEUE \(job)") == ":0")
    }
    #expect(rig.send("JSCAN 0 STATE scheduled") == "*2 $1 0 *0")
    #expect(rig.send("QSTAT q").contains("scheduled :0 $8 dequeued :2"))
    rig.advance(900)
    rig.harness.checkInvariants()
  }
  #expect(rig.send("ENQUEUE \(second)") == ":1")
  #expect(rig.values("LRANGE q 0 -1") == ["b"])
  rig.advance(200)
  #expect(rig.send("SHOW \(first)") == "$-1")
  #expect(rig.send("SHOW \(second)") == "$-1")
}

@Test func aJobMayGoAfterATime() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 TTL 1")
  _ = rig.send("ADDJOB q b 0 TTL 1")
  _ = rig.send("GETJOB FROM q")
  rig.advance(1000)
  #expect(rig.send("LLEN q") == ":0")
  #expect(rig.send("SHOW \(second)") == "$-1")
  #expect(rig.show(first, "state") == "leased")
  #expect(rig.send("NACK \(first).1") == ":1")
  #expect(rig.send("SHOW \(first)") == "$-1")
  // One whose time is up is not delivered, even if nothing has removed it yet.
  _ = rig.send("ADDJOB q c 0 TTL 1")
  rig.harness.engine.context.monotonic += 1000
  #expect(rig.send("GETJOB NOHANG FROM q") == "*-1")
  #expect(rig.send("EXISTS q") == ":0")
}

@Test func aJobOfNoRetriesIsDeliveredOnce() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 RETRY 0")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).1", "a"])
  #expect(rig.send("SHOW \(first)") == "$-1")
  #expect(rig.send("ACKJOB \(first).1") == ":0")
  rig.advance(1_000_000)
  #expect(rig.send("EXISTS q") == ":0")
}

@Test func aChosenIDIsUsedOnceAtATime() {
  var rig = JobRig()
  #expect(rig.values("ADDJOB q a 0 ID own WITHSTATUS") == ["own", ":1"])
  #expect(rig.values("ADDJOB q b 0 ID own WITHSTATUS") == ["own", ":0"])
  #expect(rig.values("GETJOB FROM q") == ["q", "own.1.1", "a"])
  #expect(rig.send("SHOW \(first)") == "$-1")
  #expect(rig.send("DELJOB own") == ":1")
  #expect(rig.values("ADDJOB q b 0 ID own WITHSTATUS") == ["own", ":1"])
  #expect(rig.values("GETJOB FROM q") == ["q", "own.2.1", "b"])
  // The receipt of the job that had the id before is not that of the one which has it now.
  #expect(rig.send("ACKJOB own.1.1") == ":0")
  #expect(rig.send("ACKJOB own.2.1") == ":1")
  #expect(rig.send("ADDJOB q a 0 ID D-x").hasPrefix("-ERR "))
}

@Test func aUniqueKeyIsHeldByOneJob() {
  var rig = JobRig()
  #expect(rig.values("ADDJOB q a 0 UNIQUE k WITHSTATUS") == [first, ":1"])
  #expect(rig.values("ADDJOB q b 0 UNIQUE k WITHSTATUS") == [first, ":0"])
  #expect(rig.values("ADDJOB q c 0 UNIQUE k REPLACE WITHSTATUS") == [first, ":2"])
  #expect(rig.values("ADDJOB other a 0 UNIQUE k WITHSTATUS") == [second, ":1"])
  #expect(rig.send("LRANGE q 0 -1") == "*1 $1 c")
  _ = rig.send("GETJOB FROM q")
  #expect(rig.values("ADDJOB q d 0 UNIQUE k REPLACE WITHSTATUS") == [first, ":0"])
  _ = rig.send("ACKJOB \(first).1")
  #expect(rig.values("ADDJOB q e 0 UNIQUE k UNTIL START WITHSTATUS") == [JobRig.id(3), ":1"])
  _ = rig.send("GETJOB FROM q")
  #expect(rig.values("ADDJOB q f 0 UNIQUE k FOR 2 WITHSTATUS") == [JobRig.id(4), ":1"])
  _ = rig.send("DELJOB \(JobRig.id(4))")
  #expect(rig.values("ADDJOB q g 0 UNIQUE k WITHSTATUS") == [JobRig.id(4), ":0"])
  rig.advance(2000)
  #expect(rig.values("ADDJOB q g 0 UNIQUE k DELAY 1 WITHSTATUS") == [JobRig.id(5), ":1"])
  rig.advance(900)
  #expect(
    rig.values("ADDJOB q h 0 UNIQUE k DELAY 1 REPLACE WITHSTATUS") == [JobRig.id(5), ":2"])
  rig.advance(900)
  #expect(rig.send("LLEN q") == ":0")
  rig.advance(100)
  #expect(rig.send("LRANGE q 0 -1") == "*1 $1 h")
}

/// Goal: a key that is held for a time answers with the id that was chosen, whatever became of the job. Method:
/// the job is done, and asked for again after restarts from the log and from a checkpoint.
@Test func aKeyHeldForATimeKnowsTheChosenId() throws {
  var engine = RestartingEngine()
  #expect(engine.send("ADDJOB q a 0 ID own UNIQUE k FOR 5 WITHSTATUS") == "own :1")
  #expect(engine.send("ADDJOB q a 0 UNIQUE plain FOR 5 WITHSTATUS") == "\(second) :1")
  #expect(engine.send("GETJOB COUNT 2 FROM q") == "q own.1.1 a q \(second).1 a")
  #expect(engine.send("ACKJOB own.1.1 \(second).1") == ":2")
  for end in ["", "log", "checkpoint", "both"] {
    if end == "checkpoint" {
      engine.beginCheckpoint()
      engine.endCheckpoint()
    }
    if !end.isEmpty { try engine.restart(after: 0, monotonic: 7) }
    #expect(engine.send("ADDJOB q b 0 UNIQUE k WITHSTATUS") == "own :0", "\(end)")
    #expect(engine.send("ADDJOB q b 0 ID other UNIQUE k REPLACE WITHSTATUS") == "own :0", "\(end)")
    #expect(engine.send("ADDJOB q b 0 UNIQUE plain WITHSTATUS") == "\(second) :0", "\(end)")
    #expect(engine.send("SHOW own") == "")
    engine.harness.checkInvariants()
  }
  // Whoever has the id now: the key's job had it.
  #expect(engine.send("ADDJOB q c 0 ID own WITHSTATUS") == "own :1")
  #expect(engine.send("ADDJOB q b 0 UNIQUE k WITHSTATUS") == "own :0")
  engine.harness.advance(milliseconds: 5000)
  engine.runTimers()
  #expect(engine.send("ADDJOB q d 0 UNIQUE k WITHSTATUS") == "\(JobRig.id(4)) :1")
}

@Test func aHigherPriorityIsTakenFirst() {
  var rig = JobRig()
  _ = rig.send("LPUSH q raw")
  for (body, priority) in [("a", 5), ("b", 0), ("c", 9), ("d", 5), ("e", 0)] {
    _ = rig.send("ADDJOB q \(body) 0 PRIORITY \(priority)")
  }
  #expect(rig.send("LRANGE q 0 -1") == "*6 $1 e $1 b $3 raw $1 d $1 a $1 c")
  // What comes back is the next of its equals.
  _ = rig.send("GETJOB COUNT 4 LEASE 10 FROM q")
  rig.advance(10)
  #expect(rig.send("LRANGE q 0 -1") == "*6 $1 e $1 b $3 raw $1 d $1 a $1 c")
  rig.harness.checkInvariants()
}

@Test func theOptionsOfADDJOBAreChecked() {
  var rig = JobRig()
  for (options, error) in [
    ("x", "ERR timeout is not an integer or out of range"), ("-1", "ERR timeout is negative"),
    ("0 DELAY", "ERR syntax error"), ("0 DELAY 1 AT 5", "ERR syntax error"),
    ("0 DELAY -1", "ERR value is not a number of seconds or out of range"),
    ("0 DELAY nan", "ERR value is not a number of seconds or out of range"),
    ("0 DELAY 1e99", "ERR value is not a number of seconds or out of range"),
    ("0 DELAY 5 TTL 5", "ERR DELAY is not below TTL: the job would never be delivered"),
    ("0 TTL 0", "ERR TTL must be above 0"), ("0 PRIORITY 10", "ERR PRIORITY must be 0 to 9"),
    ("0 REPLICATE 2", "NOREPLICAS Not enough good replicas to write."),
    ("0 REPLACE", "ERR syntax error"), ("0 ATTEMPTS -1", "ERR ATTEMPTS must be 0 to 65535"),
    ("0 BACKOFF EXP", "ERR syntax error"), ("0 BACKOFF DAILY 5", "ERR syntax error"),
    ("0 BACKOFF EXP 5 JITTER 101", "ERR JITTER must be 0 to 100"), ("0 NOPE", "ERR syntax error"),
  ] {
    #expect(rig.send("ADDJOB q body \(options)") == "-\(error)", "\(options)")
  }
  _ = rig.send("ADDJOB q a 0 MAXLEN 1 REPLICATE 1 ASYNC")
  #expect(rig.send("ADDJOB q a 0 MAXLEN 1") == "-MAXLEN Queue is already full")
  #expect(rig.send("LLEN q") == ":1")
}
