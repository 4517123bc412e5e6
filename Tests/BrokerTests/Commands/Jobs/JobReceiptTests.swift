// JobReceiptTests.swift: a receipt of a lease that is over has no effect, whatever happened since.

import Testing

@testable import Broker

/// How a receipt became stale: what was done, and which receipts are.
private struct History: CustomStringConvertible {
  let description: String
  let lines: String
  let stale: [String]

  init(_ description: String, _ lines: String, _ stale: String...) {
    self.description = description
    self.lines = lines
    self.stale = stale
  }
}

private let take = "ADDJOB q a 0; GETJOB LEASE 10 FROM q"
private let histories: [History] = [
  History("delivered again", take + "; +10; GETJOB FROM q", "#1.1", "#1.0", "#1.3"),
  History("delivered again after a restart", take + "; +10; !; GETJOB FROM q", "#1.1"),
  History("ended", take + "; ACKJOB #1.1", "#1.1"),
  History("ended with a result", take + "; DONE #1.1 RESULT x KEEP 99", "#1.1"),
  History("failed", take + "; NACK #1.1", "#1.1"),
  History("failed, to be tried later", take + "; NACK #1.1 DELAY 5", "#1.1"),
  History("given back", take + "; NACK #1.1 FREE", "#1.1"),
  History("buried", take + "; NACK #1.1 DEAD", "#1.1"),
  History("redriven", take + "; NACK #1.1 DEAD; QREDRIVE q:dead", "#1.1"),
  History(
    "redriven after its leases ran out",
    "ADDJOB q a 0 ATTEMPTS 1; GETJOB LEASE 10 FROM q; +10; QREDRIVE q:dead TO p", "#1.1"),
  History("renamed", take + "; +10; RENAME q p; GETJOB FROM p", "#1.1"),
  History("moved to another list", take + "; +10; LMOVE q p LEFT LEFT; GETJOB FROM p", "#1.1"),
  History("popped", take + "; +10; RPOP q", "#1.1"),
  History("taken out", take + "; +10; DEQUEUE #1", "#1.1"),
  History("taken out and put back", take + "; +10; DEQUEUE #1; ENQUEUE #1", "#1.1"),
  History(
    "with another body",
    "ADDJOB q a 0 UNIQUE k; GETJOB LEASE 10 FROM q; +10; ADDJOB q b 0 UNIQUE k REPLACE", "#1.1"),
  History("deleted", take + "; DELJOB #1; ADDJOB q b 0; GETJOB FROM q", "#1.1"),
  History(
    "deleted, and its id used again",
    "ADDJOB q a 0 ID x; GETJOB FROM q; DELJOB x; ADDJOB q b 0 ID x; GETJOB FROM q", "x.1.1",
    "x.1.2", "x.2.2", "x.1", "x.2", "#2.1", "y.2.1", "#1.1"),
  History(
    "flushed, and its id used again",
    "ADDJOB q a 0 ID x; GETJOB FROM q; FLUSHALL; ADDJOB q b 0 ID x; GETJOB FROM q", "x.1.1"),
  History("flushed", take + "; FLUSHDB; ADDJOB q b 0; GETJOB FROM q", "#1.1"),
  History("dropped", take + "; QDROP q; ADDJOB q b 0; GETJOB FROM q", "#1.1"),
  History("of another database", take + "; SWAPDB 0 1; ADDJOB q b 0; GETJOB FROM q", "#1.1"),
  History("of a database and back", take + "; +10; SWAPDB 0 1; SELECT 1; GETJOB FROM q", "#1.1"),
  History("of a list that moved", take + "; +10; MOVE q 1; SELECT 1; GETJOB FROM q", "#1.1"),
  History("of a list that moved, in its database", take + "; +10; MOVE q 1", "#1.1"),
  History(
    "of a list with a copy", take + "; +10; COPY q p; GETJOB FROM q; GETJOB FROM p", "#1.1"),
  History("of another node", take, "D-00000002-1.1"),
  History(
    "misspelt", take, "#1.", "#1.+1", "#1.01x", "#1.1.1", "#01.4294967297", "D-1.1", ".1", "."),
]

/// Goal: no command does anything for a stale receipt. Method: each history, each command, before and after
/// a restart: the answer is that of a lost lease, and nothing has changed.
@Test(arguments: histories)
private func aStaleReceiptHasNoEffect(_ history: History) throws {
  var rig = JobRig()
  var database = "SELECT 0"
  for line in history.lines.split(separator: "; ") {
    if line.hasPrefix("SELECT") { database = String(line) }
    switch line.first {
    case "+": rig.advance(Int64(line.dropFirst())!)
    case "!": try rig.restart()
    default: _ = rig.send(JobRig.named(line))
    }
  }
  for isRestarted in [false, true] {
    if isRestarted { try rig.restart() }
    _ = rig.send(database)
    let before = rig.harness.engine.context.digest()
    for receipt in history.stale.map({ JobRig.named($0) }) {
      for command in [
        "ACKJOB %", "FASTACK %", "DONE %", "DONE % RESULT x KEEP 5", "NACK %", "NACK % DELAY 1",
        "NACK % FREE", "NACK % DEAD ERROR x", "EXTEND 500 %", "WORKING %", "SHOW %", "RESULT %",
        "ENQUEUE %", "DEQUEUE %", "DELJOB %",
      ] {
        let reply = rig.send(command.replacing("%", with: receipt))
        let isLost =
          [":0", "*1 :0", "$-1", "*-1"].contains(reply) || reply.hasPrefix("-LEASELOST ")
          || reply.hasPrefix("-NOJOB ")
        #expect(isLost, "\(command) of \(receipt): \(reply)")
        let isSame = rig.harness.engine.context.digest() == before
        #expect(isSame, "\(command) of \(receipt)")
      }
    }
    rig.harness.checkInvariants()
  }
}
