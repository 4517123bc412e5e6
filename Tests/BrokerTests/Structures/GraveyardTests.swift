// GraveyardTests.swift: what is deleted is freed, all of it, in slices.
//
// Memory is counted for the whole process, so each test counts in a process of its own.

import RESP
import Testing

@testable import Broker

/// A list of `count` elements of 100 bytes.
private func longList(_ count: Int) -> List {
  let list = List.make()
  let element = [UInt8](repeating: 0x61, count: 100)
  for _ in 0..<count {
    unsafe element.withUnsafeBytes { unsafe list.push(ByteView($0), at: .tail) }
  }
  return list
}

@Test func aBuriedListIsFreedInSlices() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    var graveyard = Graveyard()
    for count in [0, 1, 100, 1_000, 200_000] { graveyard.bury(longList(count)) }
    let full = MemoryAccount.used
    precondition(full - before > 20_000_000)
    var slices = 0, last = full
    while !graveyard.isEmpty {
      graveyard.freeSome(100)
      slices += 1
      // A slice frees a node of 128 chunks too many at most, and never stands still.
      precondition(last - MemoryAccount.used < 400 * (16 << 10))
      precondition(slices < 1_000)
      last = MemoryAccount.used
    }
    precondition(slices > 10)
    precondition(graveyard.count == 0)
    precondition(MemoryAccount.used == before)
  }
}

/// Goal: it is bytes that take time, however few parts they are in.
@Test func bigStringsAndElementsAreFreedInSlices() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var harness = EngineHarness()
      let c = harness.client()
      let big = [UInt8](repeating: 0x61, count: 40 << 20)
      let key = Array("k".utf8)
      for words in [[Array("SET".utf8), key, big], [Array("RPUSH".utf8), key, big, key, big]] {
        _ = harness.send(c, words)
        var last = MemoryAccount.used
        precondition(harness.send(c, "UNLINK k") == ":1\r\n")
        precondition(MemoryAccount.used > last - (1 << 20))
        var slices = 0
        while !harness.engine.context.graveyard.isEmpty {
          harness.engine.context.graveyard.freeSome()
          precondition(last - MemoryAccount.used <= 9 << 20)
          last = MemoryAccount.used
          slices += 1
        }
        precondition(slices >= 5 && slices < 20)
      }
    }
    precondition(MemoryAccount.used == before)
  }
}

/// Goal: a turn that finds many keys out of time frees no more than another.
@Test func expiredListsAreFreedInSlices() async {
  await #expect(processExitsWith: .success) {
    var harness = EngineHarness()
    let c = harness.client()
    let element = [UInt8](repeating: 0x61, count: 500)
    let words = [[UInt8]](repeating: element, count: 1_000)
    for key in 0..<40 {
      _ = harness.send(c, ["RPUSH", "l\(key)"].map { Array($0.utf8) } + words)
      _ = harness.send(c, "PEXPIRE l\(key) 10")
    }
    let full = MemoryAccount.used
    harness.advance(milliseconds: 20)
    precondition(harness.send(c, "DBSIZE") == ":0\r\n")
    precondition(MemoryAccount.used > full - 1_000_000)
    var slices = 0
    while !harness.engine.context.graveyard.isEmpty {
      harness.engine.context.graveyard.freeSome()
      slices += 1
    }
    precondition(slices >= 2)
    precondition(full - MemoryAccount.used > 19_000_000)
  }
}

@Test func aSnapshotKeepsBuriedListsAlive() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    var graveyard = Graveyard()
    let list = longList(50_000)
    let snapshot = list.copied()
    graveyard.bury(list)
    while !graveyard.isEmpty { graveyard.freeSome() }
    snapshot.checkInvariants()
    precondition(snapshot.count == 50_000)
    var seen = 0
    snapshot.forEach(in: 0..<50_000) { if $0.count == 100 { seen += 1 } }
    precondition(seen == 50_000)
    // The root itself may be shared as well.
    snapshot.retain()
    graveyard.bury(snapshot)
    while !graveyard.isEmpty { graveyard.freeSome() }
    snapshot.checkInvariants()
    snapshot.release()
    precondition(MemoryAccount.used == before)
  }
}

@Test func trimmingFreesEverythingItDrops() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var random = SplitMix64(seed: 5)
      var graveyard = Graveyard()
      for round in 0..<9 {
        let list = longList(30_000)
        let snapshot = round % 3 == 0 ? list.copied() : nil
        while !list.isEmpty {
          let number = min(list.count, Int(random.next() % 9_000) + 1)
          list.remove(number, at: random.next() % 2 == 0 ? .head : .tail, into: &graveyard)
          list.checkInvariants()
          graveyard.freeSome(50)
        }
        list.release()
        if let snapshot {
          snapshot.checkInvariants()
          precondition(snapshot.count == 30_000)
          graveyard.bury(snapshot)
        }
      }
      // What is left is freed with the graveyard.
    }
    precondition(MemoryAccount.used == before)
  }
}

@Test func aDeletedKeyIsFreedThroughTheGraveyard() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var harness = EngineHarness()
      let c = harness.client()
      let element = [UInt8](repeating: 0x61, count: 500)
      let push =
        ["RPUSH", "l"].map { Array($0.utf8) } + [[UInt8]](repeating: element, count: 1_000)
      for request in ["SET l x", "LTRIM l 1 0", "LREM l 0 x"] {
        for _ in 0..<20 { _ = harness.send(c, push) }
        let full = MemoryAccount.used
        if request == "LREM l 0 x" {
          precondition(harness.send(c, request) == ":0\r\n")
          precondition(MemoryAccount.used == full)
        } else {
          precondition(harness.send(c, request) == "+OK\r\n")
          precondition(!harness.engine.context.graveyard.isEmpty)
          precondition(MemoryAccount.used > full - 1_000_000)
        }
        while !harness.engine.context.graveyard.isEmpty {
          harness.engine.context.graveyard.freeSome()
        }
        _ = harness.send(c, "GETDEL l")
      }
    }
    precondition(MemoryAccount.used == before)
  }
}

/// Goal: large hashes and sets go in slices, with what else has their items, and give all back. Method:
/// each is deleted, one of them while a copy shares it, and the account is looked at.
@Test func largeHashesAndSetsAreFreedThroughTheGraveyard() async {
  await #expect(processExitsWith: .success) {
    let before = MemoryAccount.used
    do {
      var harness = EngineHarness()
      let c = harness.client()
      func send(_ words: [String]) { _ = harness.send(c, words.map { Array($0.utf8) }) }
      let names = (0..<5_000).map { "name\($0)" }
      for copies in [false, true] {
        send(["HSET", "h"] + names.flatMap { [$0, String(repeating: "v", count: 100)] })
        send(["HEXPIRE", "h", "100", "FIELDS", "2000"] + names.prefix(2000))
        send(["HSET", "h", "large", String(repeating: "v", count: 100_000)])
        send(["SADD", "s"] + names)
        if copies {
          send(["COPY", "h", "i"])
          send(["HSET", "i", "name7", "other"])
        }
        for key in ["h", "s", "i"] {
          let full = MemoryAccount.used
          guard harness.send(c, "DEL \(key)") == ":1\r\n" else { continue }
          precondition(!harness.engine.context.graveyard.isEmpty)
          precondition(MemoryAccount.used > full - 10_000)
          harness.engine.context.graveyard.freeSome()
          // What the copy shares is let go leaf by leaf, which is quick.
          precondition(copies || !harness.engine.context.graveyard.isEmpty)
          while !harness.engine.context.graveyard.isEmpty {
            harness.engine.context.graveyard.freeSome()
          }
        }
      }
    }
    precondition(MemoryAccount.used == before)
  }
}
