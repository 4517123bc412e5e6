// JobDeliveryTests.swift: who is served, by what, and what becomes of a reply that is not sent.

import Testing

@testable import Broker

private let first = JobRig.id(1), second = JobRig.id(2)

/// Goal: jobs in a reply that is not sent to its last byte are put back uncounted, in their order, and those
/// of a whole one are not. Method: a reply with two jobs, cut at each byte, plain, in a transaction, and for
/// who has waited.
@Test(arguments: ["plain", "transaction", "waiting"])
func aReplyThatIsCutDeliversNothing(_ way: String) throws {
  var cut = 0
  while true {
    var rig = JobRig()
    let worker = rig.harness.client()
    if way == "waiting" { rig.harness.leave(worker, "GETJOB COUNT 2 FROM q") }
    for line in ["MULTI", "ADDJOB q a 0", "ADDJOB q b 0", "EXEC"] { _ = rig.send(line) }
    if way == "plain" { rig.harness.leave(worker, "GETJOB COUNT 2 FROM q") }
    if way == "transaction" {
      for line in ["MULTI", "PING", "GETJOB FROM q", "GETJOB FROM q", "PING"] {
        _ = rig.harness.send(worker, line)
      }
      rig.harness.leave(worker, "EXEC")
    }
    let size = rig.harness.engine.context.sessions[worker].outputSize
    #expect(size > 50)
    rig.harness.engine.didSend(worker, cut)
    rig.harness.engine.close(worker)
    if cut == size {
      #expect(rig.send("LLEN q") == ":0")
      return
    }
    #expect(rig.values("LRANGE q 0 -1") == ["b", "a"], "cut at \(cut) of \(size)")
    #expect(rig.show(first, "attempts") == ":0")
    #expect(rig.show(second, "attempts") == ":0")
    if cut % 20 == 0 { try rig.restart() }
    #expect(rig.send("ACKJOB \(first).1 \(second).1") == ":0")
    rig.harness.checkInvariants()
    cut += 1
  }
}

/// A reply in whose place an error is sent, for the log has failed, delivers nothing.
@Test func aReplyThatIsRefusedDeliversNothing() {
  var rig = JobRig()
  for body in ["a", "b"] { _ = rig.send("ADDJOB q \(body) 0") }
  let worker = rig.harness.client()
  rig.harness.leave(worker, "GETJOB COUNT 2 FROM q")
  rig.harness.engine.refuseHeld(worker)
  #expect(rig.output(worker).hasPrefix("-MISCONF "))
  rig.harness.engine.close(worker)
  #expect(rig.values("LRANGE q 0 -1") == ["b", "a"])
  #expect(rig.show(first, "attempts") == ":0")
}

/// Who has switched replies off cannot take jobs: nobody would know of them.
@Test(arguments: ["CLIENT REPLY OFF", "CLIENT REPLY SKIP"])
func whoHearsNoReplyTakesNoJob(_ line: String) {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0")
  _ = rig.send("ADDJOB once b 0 RETRY 0")
  let worker = rig.harness.client()
  for queue in ["q", "once", "none"] {
    _ = rig.harness.send(worker, line)
    #expect(rig.harness.send(worker, "GETJOB FROM \(queue)") == "")
    #expect(!rig.harness.engine.context.sessions[worker].flags.contains(.blocked))
  }
  _ = rig.harness.send(worker, "CLIENT REPLY ON")
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).1", "a"])
  #expect(rig.values("GETJOB FROM once") == ["once", "\(second).1", "b"])
}

@Test func jobsInATransactionWhoseReplyIsSwitchedOffArePutBack() throws {
  var rig = JobRig()
  for body in ["a", "b"] { _ = rig.send("ADDJOB q \(body) 0") }
  let worker = rig.harness.client(), other = rig.harness.client()
  for line in ["MULTI", "GETJOB FROM q", "GETJOB FROM q", "CLIENT REPLY OFF"] {
    _ = rig.harness.send(worker, line)
  }
  #expect(rig.harness.send(worker, "EXEC") == "")
  #expect(rig.values("LRANGE q 0 -1") == ["b", "a"])
  #expect(rig.show(first, "attempts") == ":0")
  try rig.restart()
  #expect(rig.values("LRANGE q 0 -1") == ["b", "a"])
  _ = other
  rig.harness.checkInvariants()
}

/// Goal: a worker that waits is served by everything that makes a job ready. Method: each way once, in both
/// versions of the protocol; what comes first is done before the worker waits. `+n` lets n ms pass, `x` ends
/// the client of the line before.
@Test(
  arguments: [
    ([], "ADDJOB q a 0"), ([], "LPUSH q a"), ([], "RPUSH q a"),
    ([], "ADDJOB q a 0 DELAY 0.1; +100"),
    ([], "ADDJOB q a 0 AT 1700000000100; +100"), (["LPUSH p a"], "LMOVE p q LEFT RIGHT"),
    (["LPUSH p a"], "RPOPLPUSH p q"), (["LPUSH p a"], "BLMOVE p q LEFT LEFT 0"),
    (["ADDJOB p a 0"], "RPOPLPUSH p q"), (["LPUSH p a"], "RENAME p q"), (["LPUSH p a"], "COPY p q"),
    (["LPUSH p a"], "SORT p ALPHA STORE q"), (["SELECT 1", "LPUSH q a"], "MOVE q 0"),
    (["SELECT 1", "LPUSH q a"], "SWAPDB 0 1"),
    ([], "MULTI; LPUSH q b; LINSERT q AFTER b a; LREM q 1 b; EXEC"),
    (["PAUSE q out", "LPUSH q b"], "LINSERT q AFTER b a; PAUSE q none"),
    (["PAUSE q out", "ADDJOB q a 0"], "PAUSE q none"),
    (["PAUSE q all", "RPUSH q a"], "PAUSE q in"),
    (["ADDJOB q a 0", "GETJOB LEASE 50 FROM q"], "+50"),
    (["ADDJOB q a 0", "GETJOB FROM q"], "NACK #1.1"),
    (["ADDJOB q a 0", "GETJOB FROM q"], "NACK #1.1 FREE"),
    (["ADDJOB q a 0", "GETJOB FROM q"], "NACK #1.1 DELAY 0.1; +100"),
    (["ADDJOB q a 0 BACKOFF FIXED 100", "GETJOB FROM q"], "NACK #1.1; +100"),
    (["ADDJOB q a 0 DELAY 9"], "ENQUEUE #1"), (["ADDJOB q a 0", "DEQUEUE #1"], "ENQUEUE #1"),
    (["ADDJOB q a 0", "GETJOB FROM q", "NACK #1.1 DEAD"], "QREDRIVE q:dead"),
    (["ADDJOB p a 0", "GETJOB FROM p", "NACK #1.1 DEAD"], "QREDRIVE p:dead TO q"),
    (["ADDJOB p a 0 DEAD q", "GETJOB FROM p"], "NACK #1.1 DEAD"),
    (["PAUSE q out", "QSET q MAXLEN 1", "ADDJOB q a 0"], "QSET q MAXLEN 9; PAUSE q none"),
    ([], "EVAL return(redis.call('lpush',KEYS[1],'a')) 1 q"),
  ] as [([String], String)])
func whoWaitsIsServedByAllThatMakesAJobReady(_ before: [String], _ lines: String) throws {
  for version in [2, 3] {
    var rig = JobRig()
    for line in before { _ = rig.send(JobRig.named(line)) }
    let worker = rig.harness.client(), late = rig.harness.client()
    for client in [worker, late] {
      _ = rig.harness.send(client, "HELLO \(version)")
      #expect(rig.harness.send(client, "GETJOB TIMEOUT 5000 FROM none q") == "", "\(lines)")
    }
    for line in lines.split(separator: "; ") {
      if line.first == "+" {
        rig.advance(Int64(line.dropFirst())!)
      } else {
        _ = rig.send(JobRig.named(line))
      }
    }
    let reply = rig.output(worker)
    #expect(reply.hasPrefix("*1 *3 $1 q $14 D-00000001-"), "\(lines): \(reply)")
    #expect(reply.hasSuffix(" $1 a"), "\(lines): \(reply)")
    // One job serves one worker; who comes too late hears of it.
    if !lines.contains("LINSERT") {
      #expect(rig.output(late) == "")
      rig.advance(5000)
      #expect(rig.output(late) == (version == 2 ? "*-1" : "_"))
    }
    rig.harness.checkInvariants()
    try rig.restart()
    rig.harness.checkInvariants()
  }
}

@Test func whoHasGoneIsServedNothing() {
  var rig = JobRig()
  let worker = rig.harness.client(), producer = rig.harness.client()
  _ = rig.harness.send(worker, "GETJOB FROM q")
  rig.harness.engine.close(worker)
  _ = rig.send("ADDJOB q a 0 MAXLEN 1")
  #expect(rig.send("LLEN q") == ":1")
  #expect(rig.show(first, "attempts") == ":0")
  // The same for who waits for room.
  _ = rig.harness.send(producer, "ADDJOB q b 900 MAXLEN 1")
  rig.harness.engine.close(producer)
  #expect(rig.values("GETJOB FROM q") == ["q", "\(first).1", "a"])
  #expect(rig.send("LLEN q") == ":0")
}

/// A worker's reply that cannot be sent serves the next one in line.
@Test func theJobOfAWorkerThatIsGoneServesTheNext() {
  var rig = JobRig()
  let worker = rig.harness.client(), next = rig.harness.client()
  rig.harness.leave(worker, "GETJOB FROM q")
  rig.harness.leave(next, "GETJOB FROM q")
  _ = rig.send("ADDJOB q a 0")
  rig.harness.engine.close(worker)
  #expect(rig.output(next) == "*1 *3 $1 q $14 \(first).2 $1 a")
  #expect(rig.show(first, "attempts") == ":1")
}
