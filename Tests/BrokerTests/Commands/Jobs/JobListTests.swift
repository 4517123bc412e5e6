// JobListTests.swift: list commands on elements that are jobs, and waiting for them.

import RESP
import Testing

@testable import Broker

private let first = JobRig.id(1), second = JobRig.id(2)

/// What a command does to a list of the jobs a, b, c (a is taken first): the elements from the left,
/// then those of the three that are still jobs.
@Test(arguments: [
  ("RPOP q", "c b", "23"), ("LPOP q", "b a", "12"), ("RPOP q 2", "c", "3"),
  ("BRPOP q 0", "c b", "23"),
  ("LMPOP 1 q LEFT COUNT 2", "a", "1"), ("LREM q 0 b", "c a", "13"), ("LSET q 0 x", "x b a", "12"),
  ("LSET q 1 longer", "c longer a", "13"), ("LTRIM q 1 1", "b", "2"), ("LTRIM q 5 9", "", ""),
  ("LINSERT q BEFORE b x", "c x b a", "123"), ("LPUSH q x", "x c b a", "123"),
  ("DEL q", "", ""), ("UNLINK q", "", ""), ("SORT q ALPHA STORE q", "a b c", ""),
  ("PEXPIRE q 0", "", ""), ("LMOVE q q RIGHT LEFT", "a c b", "123"),
  ("RPOPLPUSH q q", "a c b", "123"), ("FLUSHDB", "", ""), ("FLUSHALL", "", ""),
  ("DELJOB D-00000001-2", "c a", "13"), ("COPY q other", "c b a", "123"),
])
func aListCommandOnJobs(_ line: String, _ elements: String, _ jobs: String) throws {
  var rig = JobRig()
  for body in ["a", "b", "c"] { _ = rig.send("ADDJOB q \(body) 0") }
  _ = rig.send(line)
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    #expect(rig.values("LRANGE q 0 -1").joined(separator: " ") == elements, "\(line)")
    let left = (1...3).filter { rig.send("SHOW \(JobRig.id($0))") != "$-1" }
    #expect(left.map(String.init).joined() == jobs, "\(line), restarted: \(isRestarted)")
    rig.harness.checkInvariants()
  }
}

@Test func aJobGoesWithItsElementToAnotherList() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 ATTEMPTS 3")
  _ = rig.send("LMOVE q p RIGHT LEFT")
  #expect(rig.show(first, "queue") == "p")
  #expect(rig.values("GETJOB FROM p") == ["p", "\(first).1", "a"])
  rig.advance(30_000)
  #expect(rig.send("LLEN p") == ":1")
  _ = rig.send("RENAME p r")
  #expect(rig.show(first, "queue") == "r")
  #expect(rig.values("GETJOB FROM r") == ["r", "\(first).2", "a"])
  try rig.restart()
  #expect(rig.send("ACKJOB \(first).2") == ":1")
  rig.harness.checkInvariants()
}

@Test func aCopyHasBytesAlone() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("COPY q p")
  _ = rig.send("COPY q q DB 1")
  #expect(rig.values("GETJOB FROM p") == ["p", "\(second).1", "a"])
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).1", "a"])
  #expect(rig.send("ACKJOB \(first).1 \(second).1") == ":2")
  _ = rig.send("SELECT 1")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(JobRig.id(3)).1", "a"])
  rig.harness.checkInvariants()
}

/// Goal: an element of a copy stays bytes alone when the job whose copy it is comes into the same list.
/// Method: each way in which that happens; the job, which has other bytes by then, is deleted, and the copy
/// of what it was is taken.
@Test(arguments: [
  "COPY q p; ADDJOB q b 0 UNIQUE k REPLACE; LMOVE q p LEFT LEFT",
  "COPY q p; ADDJOB q b 0 UNIQUE k REPLACE; LMOVE q p LEFT RIGHT",
  "COPY q q:dead; ADDJOB q b 0 UNIQUE k REPLACE; GETJOB FROM q; NACK #1.1 DEAD; LMOVE q:dead p LEFT LEFT; "
    + "LMOVE q:dead p RIGHT RIGHT",
  "COPY q p; RPUSH p x; RPOP p; ADDJOB q b 0 UNIQUE k REPLACE; RPOPLPUSH q p",
])
func aCopyStaysBytesBesideItsJob(_ lines: String) throws {
  for isRestarted in [false, true] {
    var rig = JobRig()
    _ = rig.send("ADDJOB q a 0 UNIQUE k")
    for line in lines.split(separator: "; ") { _ = rig.send(JobRig.named(line)) }
    if isRestarted { try rig.restart() }
    #expect(rig.values("LRANGE p 0 -1").sorted() == ["a", "b"])
    #expect(rig.show(first, "body") == "b")
    #expect(rig.send("DELJOB \(first)") == ":1")
    #expect(rig.values("LRANGE p 0 -1") == ["a"], "\(lines)")
    rig.harness.checkInvariants()
  }
}

/// Goal: jobs with priorities in the copy of a list of jobs cost what they cost elsewhere. Method: the copy
/// has no marks, so that none is looked up.
@Test func aCopyHasNoMarks() throws {
  var rig = JobRig()
  for number in 0..<2000 { _ = rig.send("ADDJOB q body\(number) 0 PRIORITY \(number % 10)") }
  _ = rig.send("COPY q p")
  _ = rig.send("ADDJOB p first 0 PRIORITY 1")
  #expect(rig.values("GETJOB FROM p")[2] == "first")
  #expect(rig.values("LRANGE p 0 -1") == rig.values("LRANGE q 0 -1"))
  let key = rig.harness.engine.context.key(ByteView("p"))
  let entry = rig.harness.engine.context.find(key), list = try #require(entry).list
  var marks = 0
  list.forEachChunk { $0.forEachMark { _ in marks += 1 } }
  #expect(marks == 0)
}

@Test func aMoveToAnotherDatabaseLeavesBytesAlone() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0 DELAY 1")
  #expect(rig.send("MOVE q 1") == ":1")
  #expect(rig.send("SHOW \(first)") == "$-1")
  rig.advance(1000)
  #expect(rig.values("LRANGE q 0 -1") == ["b"])
  _ = rig.send("SELECT 1")
  #expect(rig.send("SHOW \(first)") == "$-1")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(JobRig.id(3)).1", "a"])
  rig.harness.checkInvariants()
}

@Test func databasesAreExchangedWithTheirJobs() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0")
  _ = rig.send("GETJOB LEASE 100 FROM q")
  _ = rig.send("SWAPDB 0 1")
  #expect(rig.send("ACKJOB \(first).1") == ":0")
  try rig.restart()
  rig.advance(100)
  _ = rig.send("SELECT 1")
  #expect(rig.values("LRANGE q 0 -1") == ["b", "a"])
  #expect(rig.show(second, "state") == "ready")
}

@Test func deletingTheListLeavesWhatIsBesideIt() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0 DELAY 1")
  _ = rig.send("GETJOB LEASE 500 FROM q")
  _ = rig.send("ADDJOB q c 0")
  _ = rig.send("DEL q")
  rig.advance(1000)
  #expect(rig.values("LRANGE q 0 -1") == ["b", "a"])
}

@Test func aLongListThatGoesEndsItsJobsAtOnce() throws {
  var rig = JobRig()
  for _ in 0..<500 { _ = rig.send("ADDJOB q a 0") }
  _ = rig.send("ADDJOB q a 0 ID own")
  _ = rig.send("DEL q")
  #expect(rig.send("SHOW \(first)") == "$-1")
  #expect(rig.send("DELJOB \(first)") == ":0")
  #expect(rig.values("ADDJOB q a 0 ID own WITHSTATUS") == ["own", ":1"])
  #expect(rig.harness.engine.context.jobs.spaces[0].records.count == 502)
  while rig.harness.engine.runTimers() {}
  #expect(rig.harness.engine.context.jobs.spaces[0].records.count == 1)
  #expect(rig.show("own", "state") == "ready")
  rig.harness.checkInvariants()
  try rig.restart()
  #expect(rig.show("own", "state") == "ready")
}

@Test func aNumberIsNeverGivenTwice() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("FLUSHALL")
  #expect(rig.values("ADDJOB q a 0") == [second])
  _ = rig.send("GETJOB FROM q")
  _ = rig.send("ACKJOB \(second).1")
  try rig.restart()
  #expect(rig.values("ADDJOB q a 0") == [JobRig.id(3)])
}

@Test(arguments: [
  "ADDJOB q a 0", "LPUSH q a", "RPUSH q a", "RPUSH p a", "ADDJOB q a 0 DELAY 0.1",
])
func whoWaitsGetsAJobWhicheverWayItComes(_ line: String) throws {
  var rig = JobRig()
  let worker = rig.harness.client()
  #expect(rig.harness.send(worker, "GETJOB LEASE 700 WORKER w FROM p q") == "")
  _ = rig.send(line)
  if line.hasSuffix("1") { rig.advance(100) }
  let queue = line.contains(" p ") ? "p" : "q"
  #expect(rig.output(worker) == "*1 *3 $1 \(queue) $14 \(first).1 $1 a")
  #expect(rig.show(first, "worker") == "w")
  try rig.restart()
  #expect(rig.show(first, "worker") == "w")
  rig.advance(699)
  #expect(rig.send("LLEN \(queue)") == ":0")
  rig.advance(1)
  #expect(rig.send("LLEN \(queue)") == ":1")
}

@Test func whoWaitsForAKeyIsServedInOneLine() {
  var rig = JobRig()
  let workers = (0..<4).map { _ in rig.harness.client() }
  _ = rig.harness.send(workers[0], "GETJOB FROM q")
  _ = rig.harness.send(workers[1], "BRPOP q 0")
  _ = rig.harness.send(workers[2], "GETJOB TIMEOUT 50 FROM q")
  _ = rig.harness.send(workers[3], "BLMOVE q p LEFT RIGHT 0")
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB q b 0")
  #expect(rig.output(workers[0]) == "*1 *3 $1 q $14 \(first).1 $1 a")
  #expect(rig.output(workers[1]) == "*2 $1 q $1 b")
  rig.advance(50)
  #expect(rig.output(workers[2]) == "*-1")
  #expect(rig.send("NACK \(first).1") == ":1")
  #expect(rig.output(workers[3]) == "$1 a")
  #expect(rig.show(first, "queue") == "p")
}

@Test func inATransactionGETJOBDoesNotWait() {
  var rig = JobRig()
  _ = rig.send("MULTI")
  _ = rig.send("GETJOB FROM q")
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("GETJOB FROM q")
  _ = rig.send("ACKJOB \(first).1")
  #expect(
    rig.send("EXEC") == "*4 *-1 $12 \(first) *1 *3 $1 q $14 \(first).1 $1 a :1")
}

@Test func aJobWhoseReplyWasNotSentIsPutBack() throws {
  var rig = JobRig()
  for body in ["a", "b", "c"] { _ = rig.send("ADDJOB q \(body) 0") }
  let worker = rig.harness.client()
  _ = rig.harness.send(worker, "GETJOB FROM q")
  rig.harness.leave(worker, "GETJOB COUNT 2 FROM q")  // What nobody reads.
  #expect(rig.send("LLEN q") == ":0")
  rig.harness.engine.close(worker)
  #expect(rig.values("LRANGE q 0 -1") == ["c", "b"])
  #expect(rig.show(first, "state") == "leased")
  #expect(rig.show(second, "attempts") == ":0")
  try rig.restart()
  #expect(rig.show(second, "attempts") == ":0")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(second).2", "b"])
}
