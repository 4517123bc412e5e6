// CommandTableTests.swift: a command is found by its name in any case, and by nothing else.

import RESP
import Testing

@testable import Broker

extension CommandTable {
  fileprivate func index(of bytes: [UInt8]) -> Int? {
    unsafe bytes.withUnsafeBytes { unsafe index(of: ByteView($0)) }
  }
}

private func lowercased(_ byte: UInt8) -> UInt8 {
  byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
}

@Test func commandsAreFoundByTheirNamesInAnyCase() {
  let table = CommandTable(families: Engine.families)
  for index in table.topLevel {
    let lower = Array(table.names[index].utf8)
    let upper = Array(table.names[index].uppercased().utf8)
    let mixed = lower.indices.map { $0 % 2 == 0 ? upper[$0] : lower[$0] }
    #expect(table.index(of: lower) == index)
    #expect(table.index(of: upper) == index)
    #expect(table.index(of: mixed) == index)
  }
}

/// Goal: no other bytes are taken for a name. Method: each byte of each name is replaced by each other
/// byte, and each name is cut and drawn out.
@Test func nothingElseIsTakenForAName() {
  let table = CommandTable(families: Engine.families)
  let names = Set(table.topLevel.map { table.names[$0] })
  var wrong: [[UInt8]] = []
  for index in table.topLevel {
    let name = Array(table.names[index].utf8)
    var others = [
      Array(name.dropLast()), Array(name.dropFirst()), name + [0], name + name, [0] + name,
    ]
    for place in name.indices {
      for byte in UInt8.min ... .max {
        var other = name
        other[place] = byte
        others.append(other)
      }
    }
    for other in others {
      let isName = names.contains(String(decoding: other.map(lowercased), as: UTF8.self))
      if (table.index(of: other) != nil) != isName { wrong.append(other) }
    }
  }
  #expect(wrong.isEmpty)
}
