// JobBoundsTests.swift: what one turn and one command may cost, in steps and not in time.

import RESP
import Testing

@testable import Broker

extension JobRig {
  fileprivate var space: (records: Int, names: Int) {
    let records = harness.engine.context.jobs.spaces[0].records.count
    return (records, harness.engine.context.jobs.spaces[0].names.count)
  }

  /// Adds `count` jobs, a thousand requests at a time.
  fileprivate mutating func add(_ count: Int, _ options: String, queue: String = "q") {
    for number in 0..<count { _ = send("ADDJOB \(queue) body\(number) 0 \(options)") }
  }

  /// Moves the clocks on, and runs timers turn by turn.
  ///
  /// - Returns: the work of each turn.
  fileprivate mutating func turns(after milliseconds: Int64) -> [Int] {
    harness.advance(milliseconds: milliseconds, runningTimers: false)
    var work: [Int] = [], isMore = true
    while isMore {
      isMore = harness.engine.runTimers()
      work.append(harness.engine.context.jobs.timerWork)
    }
    return work
  }
}

/// Goal: no number of jobs that are due at once makes a turn long, and their order stays. Method: delayed
/// jobs and leases of one moment, the work of each turn.
@Test func whatIsDueAtOnceIsDoneInSlices() throws {
  var rig = JobRig()
  rig.add(3000, "DELAY 1")
  let due = rig.turns(after: 1000)
  #expect(due.allSatisfy { $0 <= Context.timerWorkMax + 100 })
  #expect(due.count >= 3000 * 2 / Context.timerWorkMax)
  #expect(rig.values("LRANGE q 0 -1") == (0..<3000).reversed().map { "body\($0)" })
  _ = rig.send("GETJOB COUNT 3000 LEASE 50 FROM q")
  let expired = rig.turns(after: 50)
  #expect(expired.count >= 3000 * 2 / Context.timerWorkMax)
  #expect(rig.values("LRANGE q 0 -1") == (0..<3000).reversed().map { "body\($0)" })
  rig.harness.checkInvariants()
}

@Test func largeBodiesCountForWhatTheyAre() {
  var rig = JobRig()
  let body = String(repeating: "x", count: 400_000)
  for _ in 0..<40 { _ = rig.send("ADDJOB q \(body) 0 DELAY 1") }
  let work = rig.turns(after: 1000)
  #expect(work.count >= 40 * 400_000 / Context.bytesOfWork / (Context.timerWorkMax + 100))
  #expect(rig.send("LLEN q") == ":40")
}

/// Goal: jobs whose time to live ends leave a long list without a walk through it. Method: the work of
/// all turns; the list has raw elements too, and its jobs come in no order.
@Test func jobsLeaveTheMiddleOfALongListWithoutAWalk() throws {
  var rig = JobRig(), random = SplitMix64(seed: 3)
  for number in 0..<6000 {
    _ = rig.send("ADDJOB q body\(number) 0 TTL 10 DELAY 0.\(100 + random.next() % 900)")
    if number % 3 == 0 { _ = rig.send("LPUSH q \(String(repeating: "r", count: 300))") }
  }
  rig.advance(1000)
  #expect(rig.send("LLEN q") == ":8000")
  try rig.restart()
  let work = rig.turns(after: 9000)
  #expect(rig.send("LLEN q") == ":2000")
  #expect(work.reduce(0, +) < 6000 * 8)
  rig.harness.checkInvariants()
}

/// Goal: a database whose jobs are always due does not starve another. Method: many due jobs in both.
@Test func everyDatabaseHasItsTurn() {
  var rig = JobRig()
  rig.add(2000, "DELAY 1")
  _ = rig.send("SELECT 5")
  rig.add(2000, "DELAY 1")
  rig.harness.advance(milliseconds: 1000, runningTimers: false)
  for _ in 0..<2 { _ = rig.harness.engine.runTimers() }
  #expect(rig.send("LLEN q") != ":0")
  _ = rig.send("SELECT 0")
  #expect(rig.send("LLEN q") != ":0")
}

@Test func aCallRemovesABoundedNumberOfJobsThatWaitedTooLong() throws {
  var rig = JobRig()
  rig.add(1000, "TTL 1")
  _ = rig.send("ADDJOB q last 0")
  let worker = rig.harness.client()
  rig.harness.advance(milliseconds: 1000, runningTimers: false)
  #expect(rig.send("GETJOB NOHANG FROM q") == "*-1")
  #expect(rig.send("LLEN q") == ":\(1001 - JobCommands.expiredCountMax)")
  _ = rig.harness.send(worker, "GETJOB FROM q")
  while rig.harness.engine.runTimers() {}
  #expect(rig.output(worker).hasSuffix("$4 last"))
  try rig.restart()
  #expect(rig.send("LLEN q") == ":0")
  rig.harness.checkInvariants()
}

@Test func namesThatAreHeldForATimeGoWhenItIsOver() throws {
  var rig = JobRig()
  for number in 0..<2000 {
    _ = rig.send("ADDJOB q x 0 UNIQUE k\(number) FOR \(number % 2 == 0 ? 1 : 3)")
  }
  _ = rig.send("DEL q")
  #expect(rig.space.names == 2000)
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    _ = rig.turns(after: isRestarted ? 2000 : 1000)
    #expect(rig.space.names == (isRestarted ? 0 : 1000))
  }
  #expect(rig.space.records == 0)
  #expect(rig.harness.engine.nextDeadline == nil)
  rig.harness.checkInvariants()
}

@Test func aNameIsFreeAtItsTime() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 UNIQUE k FOR 1")
  rig.harness.advance(milliseconds: 1000, runningTimers: false)
  #expect(rig.values("ADDJOB q b 0 UNIQUE k FOR 5 WITHSTATUS") == [JobRig.id(2), ":1"])
  rig.advance(1000)
  // The end of the first hold does not free the second.
  #expect(rig.values("ADDJOB q c 0 UNIQUE k WITHSTATUS") == [JobRig.id(2), ":0"])
}

/// Goal: as many producers are looked at as there is room for, and few in vain. Method: the sessions that
/// a pop touches.
@Test func producersThatWaitForRoomCostNothingToEachOther() {
  var rig = JobRig()
  rig.add(10, "")
  var producers: [Int] = []
  for number in 0..<500 {
    producers.append(rig.harness.client())
    _ = rig.harness.send(producers[number], "ADDJOB q waiting\(number) 1000 MAXLEN 10")
  }
  _ = rig.send("RPOP q")
  #expect(rig.output(producers[0]) != "")
  rig.harness.engine.context.touched = []
  rig.harness.leave(rig.client, "RPOP q")
  #expect(rig.harness.engine.context.touched.count < 30)
  #expect(rig.output(producers[1]) != "")
  #expect(rig.output(producers[2]) == "")
}

@Test func aProducerBehindOthersWhoWantMoreRoomIsServed() {
  var rig = JobRig()
  rig.add(3, "")
  let small = rig.harness.client(), large = rig.harness.client()
  _ = rig.harness.send(small, "ADDJOB q s 1000 MAXLEN 1")
  _ = rig.harness.send(large, "ADDJOB q l 1000 MAXLEN 3")
  _ = rig.send("RPOP q")
  #expect(rig.output(small) == "")
  #expect(rig.output(large) != "")
}

@Test func deadJobsAreMovedInParts() throws {
  var rig = JobRig()
  rig.add(1200, "ATTEMPTS 1 DEAD grave")
  _ = rig.send("GETJOB COUNT 1200 LEASE 10 FROM q")
  rig.advance(10)
  _ = rig.send("RPUSH grave raw")
  #expect(rig.send("QREDRIVE grave COUNT 1000000") == ":499")
  #expect(rig.send("QREDRIVE grave COUNT 100") == ":100")
  try rig.restart()
  #expect(rig.send("QREDRIVE grave") == ":499")
  #expect(rig.send("QREDRIVE grave") == ":102")
  // What came from nowhere stays until somebody says where to.
  #expect(rig.send("QREDRIVE grave").hasPrefix("-ERR "))
  #expect(rig.send("QREDRIVE grave TO q") == ":1")
  #expect(rig.send("QREDRIVE grave") == ":0")
  try rig.restart()
  #expect(rig.send("LLEN q") == ":1201")
  rig.harness.checkInvariants()
}

/// The number of deliveries has 32 bits: a job that has had them all goes on as another one.
@Test func aJobOutOfDeliveriesGoesOnAsAnother() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 ID mine UNIQUE k RETRY 7")
  _ = rig.send("GETJOB FROM q")
  _ = rig.send("NACK mine.1.1")
  rig.harness.engine.context.jobs.spaces[0].find(1)?.epoch = .max
  #expect(rig.values("GETJOB FROM q") == ["q", "mine.2.1", "a"])
  #expect(rig.send("ACKJOB mine.1.4294967295") == ":0")
  #expect(rig.values("ADDJOB q b 0 UNIQUE k WITHSTATUS") == ["mine", ":0"])
  #expect(rig.show("mine", "retry-ms") == ":7000")
  #expect(rig.send("ACKJOB mine.2.1") == ":1")
  #expect(rig.space == (0, 0))
  rig.harness.checkInvariants()
}

/// Goal: a full memory refuses nobody who ends a job: only a result that is more than the job was. Method:
/// each way to end one, of jobs that are leased or have lapsed.
@Test(arguments: [
  ("ACKJOB #1.1", ":1"), ("DONE #1.1", ":1"), ("DONE #1.1 KEEP 5", ":1"),
  ("DONE #1.1 RESULT 1234567890", ":1"), ("DONE #1.1 RESULT 12345678901", "OOM"),
  ("DONE #9.1 RESULT 12345678901", ":0"), ("NACK #1.1", "nack"),
  ("NACK #1.1 DEAD ERROR why", "nack"),
  ("EVAL return(redis.call('DONE',ARGV[1])) 0 #1.1", ":1"),
  ("EVAL return(redis.pcall('DONE',ARGV[1],'RESULT','12345678901')) 0 #1.1", "OOM"),
])
func aFullMemoryRefusesNobodyWhoEndsAJob(_ line: String, _ expected: String) throws {
  for hasLapsed in [false, true] {
    var rig = JobRig()
    _ = rig.send("ADDJOB q 1234567890 0 KEEP 9")
    _ = rig.send("GETJOB LEASE 100 FROM q")
    if hasLapsed { rig.advance(100) }
    _ = rig.send("CONFIG SET maxmemory 1")
    #expect(rig.send("ADDJOB q b 0").hasPrefix("-OOM "))
    let reply = rig.send(JobRig.named(line))
    switch expected {
    case "OOM": #expect(reply.hasPrefix("-OOM "), "\(line)")
    case "nack": #expect(reply == (hasLapsed ? ":0" : ":1"), "\(line)")
    default: #expect(reply == expected, "\(line)")
    }
    if expected == "OOM" { #expect(rig.send(JobRig.named("ACKJOB #1.1")) == ":1") }
    try rig.restart()
    rig.harness.checkInvariants()
  }
}

@Test func queuesOfWhichOnlyCountsAreLeftGoInSlices() {
  var rig = JobRig()
  for number in 0..<6000 {
    _ = rig.send("ADDJOB q\(number) x 0")
    _ = rig.send("RPOP q\(number)")
  }
  _ = rig.turns(after: 1)
  #expect(rig.harness.engine.context.jobs.spaces[0].queueTable.count < 4096)
  rig.harness.checkInvariants()
}

@Test func whoWaitsForTheEndOfAJobIsToldWhenItsQueueGoes() {
  var rig = JobRig()
  rig.add(100, "")
  let waiter = rig.harness.client()
  _ = rig.harness.send(waiter, "RESULT \(JobRig.id(1)) BLOCK 0")
  _ = rig.send("QDROP q")
  rig.advance(1)
  #expect(rig.output(waiter) == "*-1")
}
