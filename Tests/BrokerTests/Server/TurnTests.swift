// TurnTests.swift: what the turn owes to clients while the log is slow or fails, and to each beside
// the others.

import RESP
import Testing

@testable import Broker

private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }

/// Goal: who writes faster than the disk waits, and memory is bounded; who reads goes on.
@Test func writersWaitForALogThatIsFarBehindAndReadersDoNot() throws {
  let rig = try ServerRig()
  let writer = try rig.client(), reader = try rig.client()
  reader.request("SET r value")
  #expect(rig.run(reader, until: "+OK\r\n"))
  rig.disk.closeGate()
  for _ in 0..<110 { writer.request([Array("SET".utf8), Array("w".utf8), bytes(1 << 20)]) }
  #expect(rig.run([writer]) { !$0.waitingForLog.isEmpty })
  for _ in 0..<20 {
    reader.request("GET r")
    #expect(rig.run([writer, reader]) { _ in reader.text.hasSuffix("$5\r\nvalue\r\n") })
    reader.received.reset()
  }
  #expect(!writer.hasSentAll)
  #expect(rig.log.pendingBytes < TurnBudget.logQueueMax + 2 * TurnBudget.frame)
  #expect(writer.text == "")
  rig.disk.openGate()
  #expect(rig.run([writer]) { _ in writer.received.count == 110 * 5 })
  #expect(rig.stop() == 0)
}

/// Goal: a monitor whose lines wait for the disk costs no more memory than one that does not read.
@Test func aMonitorsOutputIsBoundWhileASyncIsSlow() throws {
  let rig = try ServerRig { $0.outputLimits.normal.hard = 1 << 20 }
  let monitor = try rig.client(), writer = try rig.client()
  monitor.request("MONITOR")
  #expect(rig.run(monitor, until: "+OK\r\n"))
  rig.disk.closeGate()
  for _ in 0..<40 { writer.request([Array("SET".utf8), Array("w".utf8), bytes(100_000)]) }
  #expect(rig.run([writer, monitor]) { _ in monitor.hasEnded })
  #expect(rig.run([writer]) { _ in writer.hasSentAll })
  rig.disk.openGate()
  #expect(rig.run([writer]) { _ in writer.received.count == 40 * 5 })
  #expect(rig.stop() == 0)
}

/// Goal: a client that sends no more gets all it asked for, also what the bound of its output put off.
@Test func aHalfClosedClientAtItsOutputLimitGetsAllItsReplies() throws {
  let rig = try ServerRig { $0.outputLimits.normal.hard = 300_000 }
  let client = try rig.client()
  client.request([Array("SET".utf8), Array("k".utf8), bytes(100_000)])
  #expect(rig.run(client, until: "+OK\r\n"))
  client.received.reset()
  for _ in 0..<50 { client.request("GET k") }
  client.send()
  client.endSending()
  #expect(rig.run([client]) { _ in client.hasEnded })
  #expect(client.received.count == 50 * (9 + 100_000 + 2))
  #expect(rig.stop() == 0)
}

/// Goal: a client may ask for much more than it may leave unread, as long as it reads.
@Test func aPipelineMayExceedTheOutputLimitWhileItsClientReads() throws {
  let rig = try ServerRig { $0.outputLimits.normal.hard = 1 << 20 }
  let client = try rig.client()
  client.request([Array("SET".utf8), Array("k".utf8), bytes(100_000)])
  #expect(rig.run(client, until: "+OK\r\n"))
  client.received.reset()
  for _ in 0..<400 { client.request("GET k") }
  let size = 400 * (9 + 100_000 + 2)
  var most = 0
  #expect(
    rig.run([client]) {
      most = max(most, $0.engine.context.sessions[1].outputSize)
      return client.hasEnded || client.received.count >= size
    })
  #expect(client.received.count == size)
  #expect(most < 2 << 20)
  #expect(rig.stop() == 0)
}

/// Goal: a client that reads nothing more is dropped, and nothing piles up until then.
@Test func aClientThatReadsNothingIsDroppedAtItsLimit() throws {
  let rig = try ServerRig { $0.outputLimits.normal.hard = 1 << 20 }
  let client = try rig.client()
  client.request([Array("SET".utf8), Array("k".utf8), bytes(100_000)])
  #expect(rig.run(client, until: "+OK\r\n"))
  for _ in 0..<100_000 { client.request("GET k") }
  var most = 0
  #expect(
    rig.run([client], reading: []) {
      guard $0.openCount == 1 else { return true }
      let input = $0.connections[1].input.count
      most = max(most, $0.engine.context.sessions[1].outputSize + input)
      return false
    })
  #expect(most < 2 << 20)
  #expect(!client.hasSentAll)
  #expect(rig.stop() == 0)
}

/// Goal: who has not logged in is given no memory. Method: errors that nobody reads.
@Test func aClientThatIsNotLoggedInIsDroppedWhenItReadsNothing() throws {
  let rig = try ServerRig { $0.password = "secret" }
  let client = try rig.client()
  for _ in 0..<400_000 { client.request("SET k v") }
  var most = 0
  #expect(
    rig.run([client], reading: []) {
      guard $0.openCount == 1 else { return true }
      most = max(most, $0.engine.context.sessions[1].outputSize)
      return false
    })
  #expect(most < 1 << 20)
  #expect(!client.hasSentAll)
  #expect(rig.stop() == 0)
}

/// Goal: two pipelines that wake each other share the turns with the others. Method: each waits for
/// what the other pushes next.
@Test func pipelinesThatWakeEachOtherTakeManyTurns() throws {
  let rig = try ServerRig()
  let a = try rig.client(), b = try rig.client()
  let count = 500
  for _ in 0..<count {
    a.request("BLPOP a 0", "RPUSH b x")
    b.request("BLPOP b 0", "RPUSH a x")
  }
  #expect(rig.run([a, b], reading: []) { $0.engine.context.blockedCount == 2 })
  let starter = try rig.client()
  starter.request("RPUSH a x")
  var last = rig.server.engine.context.statistics.commands, most = 0
  #expect(
    rig.run([starter, a, b]) {
      let commands = $0.engine.context.statistics.commands
      most = max(most, commands - last)
      last = commands
      return commands >= 4 * count + 1
    })
  #expect(most < 10)
  #expect(rig.stop() == 0)
}

/// Goal: whoever waits for a log that fails is told so, and the process stops.
@Test func whoWaitsWhenTheLogFailsIsTold() throws {
  let rig = try ServerRig()
  let client = try rig.client()
  client.request("SET k durable")
  #expect(rig.run(client, until: "+OK\r\n"))
  rig.disk.closeGate()
  client.request("SET k lost", "GET k")
  #expect(rig.run([client]) { $0.engine.context.sessions[1].outputSize > 0 })
  #expect(client.text == "+OK\r\n")
  rig.disk.failSyncs()
  rig.disk.openGate()
  #expect(rig.server.run() == 1)
  client.read()
  #expect(
    client.text == "+OK\r\n-MISCONF The log has failed: what was asked may not be on disk\r\n")
  #expect(client.hasEnded)
}

/// Goal: WAITAOF answers once the disk has it, though the reply of the write came before.
@Test func waitaofAnswersWhenTheLogIsSyncedLater() throws {
  let rig = try ServerRig { $0.sync = .everysec }
  let client = try rig.client()
  client.request("SET k v")
  #expect(rig.run(client, until: "+OK\r\n"))
  client.request("WAITAOF 1 0 0")
  #expect(rig.run([client]) { $0.engine.context.blockedCount == 1 })
  #expect(client.text == "+OK\r\n")
  rig.clock.advance(milliseconds: 1_000)
  rig.log.setPolicy(.everySecond)  // The syncer looks at the clock.
  #expect(rig.run(client, until: "*2\r\n:1\r\n:0\r\n"))
  #expect(rig.stop() == 0)
}

/// Goal: a reply that a commit lets go behind the turn's replies leaves at once, not with the next event.
/// Method: a checkpoint begins with such a commit. Where the engine writes it itself, which it does while
/// the log's writer sleeps, no wake-up follows.
@Test func aReplyThatIsReleasedLateInATurnWaitsForNoEvent() throws {
  let rig = try ServerRig { $0.sync = .everysec }
  let client = try rig.client()
  for _ in 0..<DiskPace.runMin {
    client.received.reset()
    client.request("SET k v")
    #expect(rig.run(client, until: "+OK\r\n"))
  }
  var isMet = false
  for _ in 0..<1000 where !isMet {
    #expect(rig.run([]) { $0.host.checkpoint == nil && rig.log.statistics.hasNextSegment })
    client.received.reset()
    client.request("SET k v", "BGSAVE")
    client.send()
    let before = rig.log.statistics.framesWrittenAtOnce
    rig.server.turn()
    client.read()
    isMet = rig.log.statistics.framesWrittenAtOnce > before && client.text == ""
    if isMet { #expect(rig.server.patience() == 0) }
    #expect(rig.run(client, until: "+OK\r\n+Background saving started\r\n"))
  }
  #expect(isMet)
  #expect(rig.run([]) { $0.host.checkpoint == nil })
  #expect(rig.stop() == 0)
}

// MARK: Listeners

/// Goal: a listener that does not read costs no more than its limit, is dropped with a word in the
/// log, and harms no one else.
@Test func aSlowListenerIsDroppedAtItsHardLimit() throws {
  let rig = try ServerRig { $0.outputLimits.pubsub = .init(hard: 1 << 20) }
  let slow = try rig.client(), fast = try rig.client(), sender = try rig.client()
  slow.request("SUBSCRIBE x")
  fast.request("SUBSCRIBE x")
  #expect(
    rig.run([slow, fast]) { _ in slow.text.hasSuffix(":1\r\n") && fast.text.hasSuffix(":1\r\n") })
  fast.received.reset()
  for _ in 0..<100 { sender.request([Array("PUBLISH".utf8), Array("x".utf8), bytes(100_000)]) }
  let size = 100 * (4 + 13 + 7 + 9 + 100_000 + 2)
  var most = 0
  #expect(
    rig.run([slow, fast, sender], reading: [fast, sender]) {
      most = max(most, $0.engine.context.sessions[1].outputSize)
      return fast.received.count == size
    })
  #expect(most <= 1 << 20)
  #expect(rig.server.openCount == 2)
  #expect(try rig.journal().contains("closed for overcoming of output buffer limits"))
  sender.received.reset()
  sender.request("PUBSUB NUMSUB x")
  #expect(rig.run(sender, until: ":1\r\n"))
  #expect(rig.stop() == 0)
}

/// Goal: what a listener leaves unread above the soft limit may stand for its seconds and no longer.
/// Method: the seconds are 0, so that the next look ends it; below the limit, and for an hour, none does.
@Test(arguments: [0, 3600]) func aSlowListenerIsDroppedAtItsSoftLimit(seconds: Int) throws {
  let rig = try ServerRig {
    $0.outputLimits.pubsub = .init(hard: 64 << 20, soft: 2 << 20, softSeconds: seconds)
  }
  let slow = try rig.client(), sender = try rig.client()
  slow.request("SUBSCRIBE x")
  #expect(rig.run(slow, until: ":1\r\n"))
  func publish(_ count: Int) -> Bool {
    for _ in 0..<count { sender.request([Array("PUBLISH".utf8), Array("x".utf8), bytes(100_000)]) }
    sender.received.reset()
    return rig.run([slow, sender], reading: [sender]) { _ in
      sender.received.count == count * 4
    }
  }
  #expect(publish(10))
  #expect(rig.server.openCount == 2)
  #expect(publish(50))
  #expect(rig.server.openCount == (seconds == 0 ? 1 : 2))
  #expect(rig.stop() == 0)
}

/// Goal: a bare message leaves though the log stands still; one about a write waits for it.
@Test func aBareMessageLeavesWhileTheLogIsSlow() throws {
  let rig = try ServerRig()
  let listener = try rig.client(), sender = try rig.client(), writer = try rig.client()
  listener.request("SUBSCRIBE x")
  #expect(rig.run(listener, until: ":1\r\n"))
  listener.received.reset()
  rig.disk.closeGate()
  sender.request("PUBLISH x bare")
  #expect(rig.run([listener, sender]) { _ in listener.text.hasSuffix("bare\r\n") })
  writer.request("SET k v", "PUBLISH x written")
  #expect(rig.run([writer]) { $0.engine.context.sessions[1].outputSize > 0 })
  #expect(rig.run([writer, listener]) { $0.engine.context.statistics.turns.count > 0 })
  #expect(!listener.text.contains("written"))
  rig.disk.openGate()
  #expect(rig.run([writer, listener]) { _ in listener.text.hasSuffix("written\r\n") })
  #expect(rig.stop() == 0)
}

/// Goal: a stop gives back the jobs in a reply that nobody reads, and those of who reads it not. Method: two
/// workers with more bytes than a socket takes, one of whom reads.
@Test func aStopGivesBackTheJobsThatNobodyHasRead() throws {
  let rig = try ServerRig(), body = [UInt8](repeating: 0x78, count: 1 << 20)
  let producer = try rig.client(), worker = try rig.client(), idle = try rig.client()
  for queue in ["read", "unread"] {
    for _ in 0..<8 {
      producer.request([Array("ADDJOB".utf8), Array(queue.utf8), body, Array("0".utf8)])
    }
  }
  #expect(rig.run([producer]) { _ in producer.text.split(separator: "D-").count == 17 })
  worker.request("GETJOB COUNT 8 FROM read")
  idle.request("GETJOB COUNT 8 FROM unread")
  let isTaken = rig.run([worker, idle], reading: [worker]) { _ in worker.received.count > 8 << 20 }
  #expect(isTaken)
  #expect(rig.stop() == 0)
  func count(_ queue: StaticString) -> Int {
    let key = rig.server.engine.context.key(ByteView(queue))
    return rig.server.engine.context.readyCount(key)
  }
  #expect(count("read") == 0)
  #expect(count("unread") == 8)
  #expect(rig.server.engine.context.effects.count == 0)  // The log has it.
}

/// Goal: a look ahead at what a pipeline will touch changes none of its replies. Method: the same
/// pipeline with as many keys as call for it and without, among its requests such as change the
/// database, empty it, are inline, or have no key.
@Test func aPipelineIsAnsweredAlikeWithManyKeys() throws {
  let rig = try ServerRig { $0.sync = .no }
  let client = try rig.client()
  let requests = (0..<3 * Lookahead.depth).flatMap { number in
    switch number % 8 {
    case 0: ["SET k\(number) \(number)", "GET k\(number - 8)"]
    case 1: ["PING", "GET key\(number)"]
    case 2: ["SELECT \(number % 3)", "GET k\(number)"]
    case 3: ["INCR counter", "MGET counter k0 k8 k16"]
    case 4: ["LPUSH list a b c", "LLEN list", "RPOP list"]
    case 5: ["GET", "GET list"]
    case 6: number > 2 * Lookahead.depth ? ["FLUSHALL", "EXISTS k0"] : ["DBSIZE"]
    default: ["SELECT 0", "STRLEN k\(number - 7)"]
    }
  }
  /// The replies with `fillers` keys besides in database 0, which DBSIZE counts too.
  func replies(fillers: Int) -> String {
    client.request("FLUSHALL")
    for number in 0..<fillers { client.request("SET filler\(number) x") }
    client.received.reset()
    #expect(rig.run([client]) { _ in client.received.count == (fillers + 1) * 5 })
    client.received.reset()
    for request in requests { client.request(request) }
    client.request("ECHO end")
    #expect(rig.run([client]) { _ in client.text.hasSuffix("$3\r\nend\r\n") })
    return client.text
  }
  let few = replies(fillers: 0)
  var many = replies(fillers: Lookahead.keyCountMin)
  #expect(many != few)
  for count in 0..<requests.count {
    many = many.replacing(
      "\r\n:\(Lookahead.keyCountMin + count)\r\n", with: "\r\n:\(count)\r\n")
  }
  #expect(many == few)
  #expect(rig.stop() == 0)
}
