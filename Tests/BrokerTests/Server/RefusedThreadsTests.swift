// RefusedThreadsTests.swift: what the broker does when the system has no thread for it.

import RESP
import Testing

@testable import Broker

private let refusal = "The checkpoint failed, and the log goes on without it: pthread_create"

extension ServerRig {
  /// Checkpoints have no thread from now on, or have one again.
  fileprivate func refuseThreads(_ isRefused: Bool) {
    server.checkpoints.startThread = isRefused ? ThreadSupply(0).start : Thread.init
  }

  fileprivate var ended: CheckpointsEnded { server.host.checkpointsEnded }
}

/// Goal: who asks for a checkpoint that has no thread is told so, and may ask again. Method: once without and
/// once with threads; no chunk is left shared by the first.
@Test(arguments: [
  ("SAVE", "-ERR\r\n", "+OK\r\n"),
  ("BGSAVE", "-ERR\r\n", "+Background saving started\r\n"),
  (
    "BGREWRITEAOF",
    "-ERR Can't execute an AOF background rewriting. Please check the server logs for more information.\r\n",
    "+Background append only file rewriting started\r\n"
  ),
])
func aCheckpointWithoutAThreadIsAnError(command: String, error: String, reply: String) throws {
  let rig = try ServerRig()
  let client = try rig.client()
  rig.refuseThreads(true)
  client.request("RPUSH list a", command, "RPUSH list b")
  #expect(rig.run(client, until: ":1\r\n\(error):2\r\n"))
  #expect(rig.ended.failures == 1)
  #expect(rig.server.host.checkpoint == nil)
  #expect(try rig.journal().contains(refusal))
  client.request("LASTSAVE", "INFO persistence")
  #expect(rig.run([client]) { _ in client.text.contains("aof_last_bgrewrite_status:err") })
  #expect(client.text.contains("rdb_bgsave_in_progress:0"))
  rig.refuseThreads(false)
  client.request(command)
  #expect(rig.run([client]) { $0.host.checkpointsEnded.count == 1 && client.text.hasSuffix(reply) })
  #expect(rig.ended.failures == 0)
  #expect(rig.stop() == 0)
}

/// Goal: a transaction that asks for a checkpoint does not wait for it, so that the log alone tells of it.
@Test func aTransactionIsNotToldThatItsCheckpointHasNoThread() throws {
  let rig = try ServerRig()
  let client = try rig.client()
  rig.refuseThreads(true)
  client.request("SET k v", "MULTI", "BGSAVE", "EXEC")
  #expect(rig.run(client, until: "*1\r\n+Background saving scheduled\r\n"))
  #expect(rig.run([client]) { $0.host.checkpointsEnded.failures == 1 })
  #expect(try rig.journal().contains(refusal))
  #expect(rig.stop() == 0)
}

/// Goal: a checkpoint that the log's growth asks for and that has no thread is tried again, and not at once.
@Test func aCheckpointThatIsDueAndHasNoThreadIsTriedAgainLater() throws {
  let rig = try ServerRig { $0.logRewriteSizeMin = 1 }
  let clock = HandClock()
  rig.server.clock = clock
  rig.refuseThreads(true)  // Before the first turn, in which a checkpoint is due already.
  let client = try rig.client()
  client.request("SET k v")
  #expect(
    rig.run([client]) {
      clock.advance(nanoseconds: 1_000_000)
      // More than one where other tests have freed much memory.
      return $0.host.checkpointsEnded.failures > 0
    })
  rig.refuseThreads(false)
  rig.server.checkpoints.memoryAtFailure = 0  // What other tests free is no reason to try.
  let before = rig.server.engine.context.monotonic
  #expect(
    rig.run([client]) {
      clock.advance(nanoseconds: 100_000_000)
      return $0.host.checkpointsEnded.count == 1
    })
  #expect(rig.server.engine.context.monotonic - before >= 9_000)
  #expect(try rig.journal().contains(refusal))
  #expect(rig.stop() == 0)
}

/// Goal: SHUTDOWN SAVE is refused when there can be no checkpoint, and the broker goes on.
@Test func aStopThatIsToSaveIsRefusedWithoutAThread() throws {
  let rig = try ServerRig()
  let client = try rig.client()
  rig.refuseThreads(true)
  client.request("SET k v", "SHUTDOWN SAVE")
  #expect(rig.run(client, until: "-ERR Errors trying to SHUTDOWN. Check logs.\r\n"))
  client.request("GET k")
  #expect(rig.run(client, until: "$1\r\nv\r\n"))
  #expect(rig.stop() == 0)
}

/// Goal: a checkpoint is read by the threads that there are, and the start fails where there are none.
@Test(arguments: 0..<3) func aCheckpointIsReadByTheThreadsThatThereAre(count: Int) throws {
  let rig = try ServerRig()
  let client = try rig.client()
  client.request("SET k v", "SAVE")
  #expect(rig.run(client, until: "+OK\r\n+OK\r\n"))
  #expect(rig.stop() == 0)
  func load() throws -> Int {
    let recovery = try Recovery(
      disk: rig.disk, directory: rig.folder.path + "/data",
      options: LogOptions(identity: 1, processID: 1))
    guard let reader = try recovery.openCheckpoint() else { return 0 }
    let loader = try CheckpointLoader(
      reader, hash: KeyHash(seed: 1), threadCount: 2, startThread: ThreadSupply(count).start)
    defer { loader.stop() }
    var blocks = 0
    while true {
      switch try loader.next(within: 1_000_000_000) {
      case .parts: blocks += 1
      case .waiting: continue
      case .end: return blocks
      }
    }
  }
  if count == 0 {
    #expect(throws: SystemError.self) { try load() }
  } else {
    #expect(try load() == 1)
  }
}
