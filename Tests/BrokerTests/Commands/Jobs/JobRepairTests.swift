// JobRepairTests.swift: a checkpoint with jobs as commands: for our own log, and for other servers.

import RESP
import Testing

@testable import Broker

extension JobRig {
  /// A checkpoint of all there is, as commands.
  fileprivate mutating func commands(keepsJobs: Bool) throws -> (bodies: [[UInt8]], counts: [Int]) {
    var snapshot = harness.engine.snapshot(), commands = SnapshotCommands(keepsJobs: keepsJobs)
    var bodies: [[UInt8]] = [], counts: [Int] = []
    while true {
      var block = SnapshotBlock(sizeWanted: 300), bytes = ByteBuffer()
      snapshot.fill(&block)
      guard block.records > 0 else { break }
      bytes.append(block.bytes.view)
      bytes.append(block.tail)
      commands.begin(bytes.view)
      while true {
        var body = ByteBuffer()
        let count = try commands.next(into: &body)
        guard count > 0 else { break }
        bodies.append(body.view.array)
        counts.append(count)
      }
    }
    harness.engine.snapshotEnded()
    return (bodies, counts)
  }

  fileprivate mutating func fill() {
    _ = send("QSET q ATTEMPTS 9 DEAD grave")
    for number in 0..<300 { _ = send("ADDJOB q body\(number) 0 TTL 500") }
    _ = send("ADDJOB q late 0 DELAY 5 ID own UNIQUE key")
    _ = send("LPUSH q raw")
    _ = send("GETJOB COUNT 9 WORKER w FROM q")
    _ = send("DONE \(JobRig.id(1)).1 RESULT fine")
    _ = send("DEQUEUE \(JobRig.id(50)) own")
    _ = send("ADDJOB q brief 0 ID gone UNIQUE other FOR 900")
    _ = send("DELJOB gone")
  }
}

@Test func aRepairedLogHasTheJobsOfItsCheckpoint() throws {
  var rig = JobRig()
  rig.fill()
  let (bodies, counts) = try rig.commands(keepsJobs: true)
  var copy = EngineHarness(seed: 9)
  for (body, count) in zip(bodies, counts) { try copy.replay(body, count: count) }
  let isSame = copy.engine.context.digest() == rig.harness.engine.context.digest()
  #expect(isSame)
  #expect(copy.engine.context.jobs.next == rig.harness.engine.context.jobs.next)
  copy.checkInvariants()
}

@Test func anExportHasTheBytesOfAllJobs() throws {
  var rig = JobRig()
  rig.fill()
  let (bodies, counts) = try rig.commands(keepsJobs: false)
  var copy = EngineHarness(seed: 9)
  for (body, count) in zip(bodies, counts) { try copy.replay(body, count: count) }
  let client = copy.client()
  #expect(copy.send(client, "LLEN q") == ":301\r\n")
  #expect(copy.send(client, "LPOS q late") != "$-1\r\n")
  #expect(copy.send(client, "LPOS q body1") != "$-1\r\n")
  #expect(copy.send(client, "LPOS q raw") != "$-1\r\n")
}
