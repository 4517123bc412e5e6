// JobWaitingTests.swift: producers that wait for room, and who waits for the end of a job.

import Testing

@testable import Broker

private let first = JobRig.id(1), second = JobRig.id(2)

/// Goal: a producer that waits is served by everything that makes room. Method: a list of two raw elements,
/// of which nothing is known beside it, and each way in which one of them goes.
@Test(arguments: [
  "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "DEL q", "UNLINK q", "RENAME q p", "RENAMENX q p",
  "RENAME other q", "MOVE q 1", "LTRIM q 1 1", "LTRIM q 5 9", "LPOP q", "RPOP q 5", "LREM q 1 a",
  "BRPOP q 0", "BLMPOP 0 1 q LEFT", "LMPOP 1 q LEFT", "RPOPLPUSH q p", "LMOVE q p LEFT LEFT",
  "SORT none STORE q", "PEXPIRE q 0", "GETJOB FROM q", "QDROP q", "COPY other q REPLACE",
  "EVAL return(redis.call('del',KEYS[1])) 1 q",
])
func roomIsFoundHoweverItAppears(_ line: String) throws {
  var rig = JobRig()
  _ = rig.send("LPUSH q a a")
  _ = rig.send("LPUSH other a")
  let producer = rig.harness.client()
  #expect(rig.harness.send(producer, "ADDJOB q b 500 MAXLEN 2") == "")
  _ = rig.send(line)
  #expect(rig.output(producer).hasPrefix("$12 D-00000001-"), "\(line)")
  #expect(rig.values("LRANGE q 0 -1").first == "b")
  try rig.restart()
  #expect(rig.values("LRANGE q 0 -1").first == "b")
  rig.harness.checkInvariants()
}

/// What makes no room leaves the producer waiting; what makes it impossible says why.
@Test(arguments: [
  ("LSET q 0 x", ""), ("LPUSH q x", ""), ("FLUSHDB", ""), ("SWAPDB 1 2", ""), ("SWAPDB 0 2", ""),
  ("SET q x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
  ("EXEC", "-PAUSED Queue paused in input, try later"),
])
func aProducerWithoutRoomIsAnsweredAsItIs(_ line: String, _ expected: String) {
  var rig = JobRig()
  for line in ["LPUSH q a", "SELECT 2", "LPUSH q a", line == "FLUSHDB" ? "SELECT 1" : "SELECT 0"] {
    _ = rig.send(line)
  }
  let producer = rig.harness.client()
  #expect(rig.harness.send(producer, "ADDJOB q b 500 MAXLEN 1") == "")
  if line == "EXEC" { for line in ["MULTI", "PAUSE q in", "DEL q"] { _ = rig.send(line) } }
  _ = rig.send(line)
  #expect(rig.output(producer) == expected)
  rig.advance(500)
  #expect(rig.output(producer) == (expected == "" ? "-MAXLEN Queue is already full" : ""))
}

/// A producer whose turn has come is held to what holds then: memory, rights, replicas.
@Test(arguments: ["OOM ", "NOPERM ", "NOREPLICAS "])
func aProducerThatHasWaitedIsCheckedAgain(_ reason: String) {
  var rig = JobRig()
  _ = rig.send("ACL SETUSER bob on nopass +@all ~q")
  _ = rig.send("LPUSH q a")
  let producer = rig.harness.client()
  _ = rig.harness.send(producer, "AUTH bob x")
  #expect(rig.harness.send(producer, "ADDJOB q b 500 MAXLEN 1") == "")
  switch reason {
  case "OOM ": rig.harness.engine.context.settings.memoryMax = 1
  case "NOPERM ": _ = rig.send("ACL SETUSER bob resetkeys ~other")
  default: _ = rig.send("CONFIG SET min-replicas-to-write 1")
  }
  if reason == "NOREPLICAS " { rig.advance(0) }
  _ = rig.send(reason == "NOREPLICAS " ? "PEXPIRE q 0" : "RPOP q")
  if reason == "NOREPLICAS " {
    // Nobody may write: what gives room is time.
    rig.harness.engine.context.settings.replicaCountMin = 0
    _ = rig.send("PEXPIRE q 50")
    rig.harness.engine.context.settings.replicaCountMin = 1
    rig.advance(50)
  }
  #expect(rig.output(producer).hasPrefix("-" + reason))
  #expect(rig.send("LLEN q") == ":0")
}

/// Who waits for a job's end hears when there is no such job any more.
@Test(arguments: [
  "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "SWAPDB 3 0", "QDROP q", "DELJOB D-00000001-1",
])
func whoWaitsForAResultHearsThatTheJobIsGone(_ line: String) {
  for version in [2, 3] {
    var rig = JobRig()
    _ = rig.send("ADDJOB q a 0")
    _ = rig.send("GETJOB FROM q")
    let waiter = rig.harness.client()
    _ = rig.harness.send(waiter, "HELLO \(version)")
    #expect(rig.harness.send(waiter, "RESULT \(first) BLOCK 0") == "")
    _ = rig.send("SWAPDB 1 2")
    #expect(rig.output(waiter) == "")
    _ = rig.send(line)
    if line.hasPrefix("QDROP") { rig.advance(0) }  // A sweep comes to it.
    #expect(rig.output(waiter) == (version == 2 ? "*-1" : "_"))
  }
}

/// A raised limit lets producers in, as many as it has room for, the first first.
@Test func aRaisedLimitServesProducersAndTheyWorkers() {
  var rig = JobRig()
  _ = rig.send("QSET q MAXLEN 1")
  _ = rig.send("ADDJOB q a 0")
  let producers = (0..<3).map { _ in rig.harness.client() }
  for (index, producer) in producers.enumerated() {
    #expect(rig.harness.send(producer, "ADDJOB q p\(index) 900") == "")
  }
  _ = rig.send("QSET q MAXLEN 3")
  #expect(rig.output(producers[0]) == "$12 \(second)")
  #expect(rig.output(producers[1]) == "$12 \(JobRig.id(3))")
  #expect(rig.output(producers[2]) == "")
  #expect(
    rig.values("GETJOB COUNT 3 FROM q").filter { $0.count < 3 && $0 != "q" } == ["a", "p0", "p1"])
  #expect(rig.output(producers[2]) == "$12 \(JobRig.id(4))")
}
