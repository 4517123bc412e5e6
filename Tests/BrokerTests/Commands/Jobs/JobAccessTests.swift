// JobAccessTests.swift: who may touch a job: whoever may touch its queue.

import Testing

@testable import Broker

private let refusal =
  "-NOPERM this user has no permissions to access one of the keys used as arguments"

extension JobRig {
  /// A client whose user, bob, has these rules.
  fileprivate mutating func client(_ rules: String) -> Int {
    _ = send("ACL SETUSER bob on nopass +@all \(rules)")
    let client = harness.client()
    _ = harness.send(client, "AUTH bob x")
    return client
  }

  fileprivate mutating func send(as client: Int, _ line: String) -> String {
    harness.leave(client, line)
    return output(client)
  }

  /// Bob's job 1 is leased. Of others' jobs 2 is leased, 3 ready, 4 delayed, 5 done, 6 leased by a
  /// chosen id.
  fileprivate mutating func fill() {
    _ = send("ADDJOB mine a 0")
    _ = send("GETJOB FROM mine")
    for body in ["b", "c"] { _ = send("ADDJOB theirs \(body) 0") }
    _ = send("ADDJOB theirs d 0 DELAY 500")
    _ = send("GETJOB FROM theirs")
    _ = send("ADDJOB also e 0 KEEP 500")
    _ = send("GETJOB FROM also")
    _ = send("ACKJOB #5.1".named)
    _ = send("ADDJOB also f 0 ID own")
    _ = send("GETJOB FROM also")
  }
}

extension String {
  fileprivate var named: String { JobRig.named(self) }
}

/// Goal: no command that names a job by receipt or id touches or shows one whose queue its user may not use,
/// stale or not, alone or beside an own one, in transactions and scripts. Method: each refused by name, and
/// nothing has changed; the same is let through once the user has the key.
@Test(arguments: [
  "SHOW #2", "SHOW #3", "SHOW #4", "SHOW #5", "SHOW own", "RESULT #5", "RESULT #2 BLOCK 1",
  "ACKJOB #2.1", "ACKJOB #1.1 #2.1", "ACKJOB #2.7", "ACKJOB #3.1", "ACKJOB own.6.1",
  "FASTACK #2.1", "DONE #2.1 RESULT x", "NACK #2.1", "NACK #1.1 #2.1 DEAD ERROR x",
  "NACK #2.1 FREE", "WORKING #2.1", "WORKING #3.1", "EXTEND 50 #2.1", "EXTEND 50 #1.1 #2.1",
  "DELJOB #3", "DELJOB #1 #5", "DELJOB own", "ENQUEUE #4", "DEQUEUE #3", "DEQUEUE #1 #3",
])
func aJobIsTouchedByWhoMayTouchItsQueue(_ template: String) {
  var rig = JobRig()
  rig.fill()
  let line = template.named
  let bob = rig.client("~mine ~script")
  let before = rig.harness.engine.context.digest()
  #expect(rig.send(as: bob, line) == refusal)
  let words = line.split(separator: " ").map { Array($0.utf8) }
  if !line.contains("RESULT") {
    let script = Array("return redis.pcall(unpack(ARGV)).err".utf8)
    let reply = rig.harness.send(bob, [Array("EVAL".utf8), script, Array("0".utf8)] + words)
    #expect(reply.contains("can't access at least one of the keys"), "\(reply)")
  }
  _ = rig.send(as: bob, "MULTI")
  #expect(rig.send(as: bob, line) == refusal)
  #expect(rig.send(as: bob, "EXEC").hasPrefix("-EXECABORT "))
  #expect(rig.send("ACL DRYRUN bob " + line).contains("no permissions to access the "))
  let isSame = rig.harness.engine.context.digest() == before
  #expect(isSame)
  _ = rig.send("ACL SETUSER bob ~theirs ~also")
  #expect(rig.send("ACL DRYRUN bob " + line) == "+OK")
  #expect(!rig.send(as: bob, line).hasPrefix("-NOPERM"))
}

@Test func readingAJobTakesTheRightToReadAndChangingItTheRightToWrite() {
  var rig = JobRig()
  rig.fill()
  let bob = rig.client("%R~theirs %W~also")
  #expect(rig.send(as: bob, "SHOW #2".named).contains("leased"))
  #expect(rig.send(as: bob, "ACKJOB #2.1".named) == refusal)
  #expect(rig.send(as: bob, "SHOW own") == refusal)
  #expect(rig.send(as: bob, "ACKJOB own.6.1") == ":1")
  // What names no job is as for everybody.
  #expect(rig.send(as: bob, "ACKJOB #99.1 nonsense".named) == ":0")
  #expect(rig.send(as: bob, "SHOW #99".named) == "$-1")
  #expect(rig.send(as: bob, "ACKJOB #2.1".named) == refusal)
  #expect(rig.send("ACL LOG 1").contains("$6 object $14 D-00000001-2.1"))
}

@Test func walksShowWhatTheUserMayUse() {
  var rig = JobRig()
  rig.fill()
  let bob = rig.client("~mine")
  #expect(rig.send(as: bob, "JSCAN 0 COUNT 100") == "*2 $1 0 *1 $12 D-00000001-1")
  #expect(rig.send(as: bob, "JSCAN 0 COUNT 100 QUEUE theirs") == "*2 $1 0 *0")
  #expect(rig.send(as: bob, "QSCAN 0 COUNT 100") == "*2 $1 0 *1 $4 mine")
}

/// The queues named by DEAD and TO are keys, wherever they stand among the options.
@Test(arguments: [
  ("ADDJOB q b 0", "q"), ("ADDJOB q b 0 DEAD grave", "q grave"),
  ("ADDJOB q b 0 ID DEAD DEAD grave TTL 5", "q grave"),
  (
    "ADDJOB q b 0 BACKOFF EXP 5 CAP 9 JITTER 2 UNIQUE dead FOR 9 REPLACE dead grave ASYNC",
    "q grave"
  ),
  ("QSET q LEASE 5", "q"), ("QSET q LEASE 5 DEAD grave TTL 5", "q grave"),
  ("QSET q BACKOFF FIXED 9 DEAD grave", "q grave"),
  ("GETJOB NOHANG FROM q", "q"), ("GETJOB WORKER from timeout 5 nohang from p q", "p q"),
  ("GETJOB NOHANG COUNT 2 LEASE 5 LEFT WITHMETA FROM from q", "from q"),
  ("QREDRIVE q:dead COUNT 2 TO q", "q:dead q"), ("QREDRIVE q:dead", "q:dead"),
])
func theQueuesThatARequestNamesAreKeys(_ line: String, _ keys: String) {
  var rig = JobRig()
  #expect(rig.values("COMMAND GETKEYS \(line)").joined(separator: " ") == keys)
  let all = keys.split(separator: " ").map { "~" + $0 }
  for missing in all {
    let rules = all.filter { $0 != missing }.joined(separator: " ")
    let bob = rig.client("resetkeys \(rules) ~none")
    #expect(rig.send(as: bob, line) == refusal, "without \(missing)")
  }
  let bob = rig.client("resetkeys " + all.joined(separator: " "))
  #expect(!rig.send(as: bob, line).hasPrefix("-"))
}

/// A queue's own dead queue needs no right of who fails a job: the broker puts it there.
@Test func whoFailsAJobNeedsNoRightToTheDeadQueue() {
  var rig = JobRig()
  rig.fill()
  let bob = rig.client("~mine")
  #expect(rig.send(as: bob, "NACK #1.1 DEAD".named) == ":1")
  #expect(rig.send("LLEN mine:dead") == ":1")
  #expect(rig.send(as: bob, "SHOW #1".named) == refusal)
  #expect(rig.send(as: bob, "QREDRIVE mine:dead") == refusal)
}

/// Goal: REPLACE changes no job that has come into a queue of others. Method: a ready one and one that
/// waits for its time, asked for plainly, in a script, and by a producer that waits for room.
@Test(arguments: ["", " DELAY 5"], ["plain", "script", "waiting"])
func aJobInAQueueOfOthersIsNotReplaced(_ delay: String, _ way: String) throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB mine a 0 UNIQUE k")
  _ = rig.send("LMOVE mine theirs LEFT LEFT")
  if delay != "" {
    _ = rig.send("GETJOB FROM theirs")
    _ = rig.send("NACK #1.1 DELAY 5".named)
  }
  let bob = rig.client("~mine %R~theirs")
  let line = "ADDJOB mine b 0 UNIQUE k REPLACE" + delay
  switch way {
  case "plain":
    let before = rig.harness.engine.context.digest()
    let logged = rig.harness.engine.context.effects.count
    #expect(rig.send(as: bob, line) == refusal)
    let isSame = rig.harness.engine.context.digest() == before
    #expect(isSame)
    let isLogged = rig.harness.engine.context.effects.count != logged
    #expect(!isLogged)
    #expect(rig.send("ACL LOG 1").contains("$6 object $6 theirs"))
    // A job that is found and not changed is answered with its id.
    #expect(rig.send(as: bob, "ADDJOB mine b 0 UNIQUE k") == "$12 \(JobRig.id(1))")
  case "script":
    let words = line.split(separator: " ").map { Array($0.utf8) }
    let script = Array("return redis.pcall(unpack(ARGV)).err".utf8)
    let reply = rig.harness.send(bob, [Array("EVAL".utf8), script, Array("0".utf8)] + words)
    #expect(reply.contains("can't access at least one of the keys"), "\(reply)")
  default:
    // The name is free while it waits, and the queue full.
    _ = rig.send("DELJOB #1".named)
    _ = rig.send("LPUSH mine raw")
    #expect(rig.send(as: bob, line.replacing(" 0 ", with: " 500 ") + " MAXLEN 1") == "")
    _ = rig.send("MULTI")
    _ = rig.send("DEL mine")
    _ = rig.send("ADDJOB mine c 0 UNIQUE k")
    _ = rig.send("LMOVE mine theirs LEFT LEFT")
    _ = rig.send("EXEC")
    #expect(rig.output(bob) == refusal)
    #expect(rig.values("LRANGE theirs 0 -1") == ["c"])
  }
  #expect(rig.values("LRANGE mine 0 -1") == [])
  try rig.restart()
  let job = JobRig.id(way == "waiting" ? 2 : 1)
  #expect(rig.show(job, "body") == (way == "waiting" ? "c" : "a"))
}

@Test func whoMayWriteThereReplacesAJobThatWasMoved() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB mine a 0 UNIQUE k")
  _ = rig.send("LMOVE mine theirs LEFT LEFT")
  let bob = rig.client("~mine ~theirs")
  #expect(
    rig.send(as: bob, "ADDJOB mine b 0 UNIQUE k REPLACE WITHSTATUS") == "*2 $12 \(JobRig.id(1)) :2")
  try rig.restart()
  #expect(rig.values("LRANGE theirs 0 -1") == ["b"])
}

@Test func deadJobsGoBackOnlyWhereTheUserMayWrite() {
  var rig = JobRig()
  for queue in ["p", "q"] {
    _ = rig.send("ADDJOB \(queue) a 0 DEAD grave")
    _ = rig.send("NACK " + rig.values("GETJOB FROM \(queue)")[1] + " DEAD")
  }
  let bob = rig.client("~grave ~p %R~q")
  #expect(rig.send(as: bob, "QREDRIVE grave") == refusal)
  #expect(rig.send("LLEN grave") == ":2")
  #expect(rig.send(as: bob, "QREDRIVE grave COUNT 1") == ":1")
  #expect(rig.send(as: bob, "QREDRIVE grave") == refusal)
  #expect(rig.send(as: bob, "QREDRIVE grave TO p") == ":1")
}
