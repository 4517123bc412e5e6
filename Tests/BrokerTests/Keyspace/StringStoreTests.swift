// StringStoreTests.swift: strings that change in place, beside snapshots that must not see it.

import RESP
import Testing

@testable import Broker

private func asView<R>(_ bytes: [UInt8], _ body: (ByteView) -> R) -> R {
  unsafe bytes.withUnsafeBytes { unsafe body(ByteView($0)) }
}

/// A random string of any encoding: integer, inline or in a block.
private func string(_ random: inout SplitMix64) -> [UInt8] {
  switch random.next() % 6 {
  case 0: Array("\(Int64(bitPattern: random.next() >> (random.next() % 64)))".utf8)
  case 1: [UInt8](repeating: 0x61, count: Int(random.next() % 600))
  case 2: [UInt8](repeating: 0x62, count: 500 + Int(random.next() % 3_000))
  default: Array("text \(random.next() % 1000)".utf8)
  }
}

/// Goal: strings are what they were set to however they change, and a snapshot keeps what it saw.
/// Method: random steps on a database and on a dictionary; snapshots are compared when they end.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func stringsAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  let hash = KeyHash(seed: seed)
  var database = Database(hash: hash)
  var model: [Int: [UInt8]] = [:]
  for round in 0..<30 {
    var snapshot = database.snapshot()
    let frozen = model
    for step in 0..<300 {
      let trace: Comment = "seed \(seed), round \(round), step \(step)"
      let number = Int(random.next() % 80)
      let key = Array("key\(number)".utf8)
      let value = string(&random)
      asView(key) { key in
        let place = hash(key)
        let deadline: Int64? = random.next() % 4 == 0 ? Int64(random.next() % 5) : nil
        let entry = database.findForWriting(key, hash: place)
        #expect(entry?.withString { $0.array } == model[number], trace)
        switch random.next() % 8 {
        case 0:
          database.remove(key, hash: place)?.release()
          model[number] = nil
        case 1, 2, 3:
          let old = asView(value) {
            database.setString(key, hash: place, $0, deadline: deadline, accessed: 0)
          }
          old?.release()
          model[number] = value
        case 4:
          _ = database.setDeadline(deadline, of: key, hash: place)
        default:
          guard let entry, var expected = model[number] else { return }
          let index = Int(random.next() % UInt64(expected.count + 20))
          if let other = asView(value, { entry.writing($0, at: index) }) {
            #expect(other.deadline == entry.deadline, trace)
            database.put(other, hash: place)?.release()
          }
          while expected.count < index + value.count { expected.append(0) }
          expected.replaceSubrange(index..<index + value.count, with: value)
          model[number] = expected
        }
        let found = database.find(key, hash: place)
        #expect(found?.withString { $0.array } == model[number], trace)
        #expect(found?.stringCount == model[number]?.count, trace)
      }
      if step % 50 == 0 { database.checkInvariants() }
    }
    var seen: [Int: [UInt8]] = [:]
    while let entry = snapshot.next() {
      seen[Int(entry.key.text.dropFirst(3)) ?? -1] = entry.withString { $0.array }
      entry.release()
    }
    #expect(seen == frozen, "seed \(seed), round \(round)")
  }
}

/// Goal: changing strings leaks nothing. Method: in a process of its own, all memory is back once the
/// database is gone.
@Test func stringsGiveBackAllTheirMemory() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var harness = EngineHarness()
      let c = harness.client()
      let long = String(repeating: "x", count: 700)
      for round in 0..<50 {
        for request in [
          "SET k 1", "INCR k", "APPEND k \(long)", "APPEND k \(long)\(long)",
          "SET k \(long)\(long)",
          "SET k \(long)", "SETRANGE k 5000 x", "SET k short EX 10", "APPEND k er", "GETEX k PX 5",
          "GETSET k \(long)", "INCRBYFLOAT f 0.5", "MSET a 1 b \(long)", "GETDEL b",
          "RPUSH l a \(long)",
          "LSET l 0 \(long)", "LINSERT l BEFORE \(long) y", "LREM l -1 y", "SET l \(round)",
          "GETDEL l",
        ] {
          precondition(!harness.send(c, request).hasPrefix("-"))
        }
        harness.engine.context.databases[0].checkInvariants()
      }
    }
    precondition(MemoryAccount.used == before)
  }
}
