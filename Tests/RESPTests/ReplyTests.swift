// ReplyTests.swift: what each reply looks like on the wire, in both versions of the protocol.

import Testing

@testable import RESP

/// What `write` writes, in RESP2 and RESP3.
private func written(_ write: (inout Reply) -> Void) -> [String] {
  [2, 3].map { version in
    var reply = Reply()
    reply.version = version
    write(&reply)
    return reply.bytes.view.text
  }
}

private func alike(_ text: String) -> [String] { [text, text] }

@Test func repliesThatBothVersionsHaveLookAlike() {
  #expect(written { $0.ok() } == alike("+OK\r\n"))
  #expect(written { $0.simple("PONG") } == alike("+PONG\r\n"))
  #expect(written { $0.simple("a" + "b") } == alike("+ab\r\n"))
  #expect(written { $0.error("ERR no") } == alike("-ERR no\r\n"))
  #expect(written { $0.bulk(ByteView("")) } == alike("$0\r\n\r\n"))
  #expect(written { $0.bulk(ByteView("a\r\nb")) } == alike("$4\r\na\r\nb\r\n"))
  #expect(written { $0.bulk([0x61, 0x62]) } == alike("$2\r\nab\r\n"))
  #expect(written { $0.bulk(integer: -12) } == alike("$3\r\n-12\r\n"))
  #expect(written { $0.array(0) } == alike("*0\r\n"))
  #expect(written { $0.array(123) } == alike("*123\r\n"))
}

@Test func repliesThatRESP2LacksAreWrittenAsItsClientsExpect() {
  #expect(written { $0.null() } == ["$-1\r\n", "_\r\n"])
  #expect(written { $0.nullArray() } == ["*-1\r\n", "_\r\n"])
  #expect(written { $0.map(2) } == ["*4\r\n", "%2\r\n"])
  #expect(written { $0.set(2) } == ["*2\r\n", "~2\r\n"])
  #expect(written { $0.push(3) } == ["*3\r\n", ">3\r\n"])
  #expect(written { $0.boolean(true) } == [":1\r\n", "#t\r\n"])
  #expect(written { $0.boolean(false) } == [":0\r\n", "#f\r\n"])
  #expect(written { $0.double(text: "1.5") } == ["$3\r\n1.5\r\n", ",1.5\r\n"])
  #expect(written { $0.verbatim("ab") } == ["$2\r\nab\r\n", "=6\r\ntxt:ab\r\n"])
}

@Test func integersAreWrittenInFull() {
  let round = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000] as [Int64]
  let others = [0, -9, -10, 12_345, 1 << 40, Int64.max, Int64.min] as [Int64]
  for value in 0...1100 { #expect(written { $0.integer(value) } == alike(":\(value)\r\n")) }
  for value in others + round + round.map({ $0 - 1 }) + round.map({ -$0 }) {
    #expect(written { $0.integer(value) } == alike(":\(value)\r\n"))
    #expect(
      written { $0.bulk(integer: value) } == alike("$\("\(value)".utf8.count)\r\n\(value)\r\n"))
  }
}

@Test func anErrorNeverBreaksItsLine() {
  #expect(written { $0.error("ERR a\r\nb\n") } == alike("-ERR a  b \r\n"))
  let bytes: [UInt8] = [0x45, 0x0D, 0x0A, 0xFF]
  var reply = Reply()
  unsafe bytes.withUnsafeBytes { unsafe reply.error(ByteView($0)) }
  #expect(reply.bytes.view.array == [0x2D, 0x45, 0x20, 0x20, 0xFF, 0x0D, 0x0A])
}

@Test func anArrayCountedAtItsEndStandsWhereItBegan() {
  let reply = written { reply in
    reply.ok()
    let outer = reply.beginArray()
    reply.integer(1)
    let inner = reply.beginArray()
    reply.endArray(inner, count: 0)
    let pairs = reply.beginArray()
    reply.bulk("key")
    reply.integer(2)
    reply.endMap(pairs, count: 1)
    reply.endArray(outer, count: 3)
    reply.ok()
  }
  #expect(
    reply == [
      "+OK\r\n*3\r\n:1\r\n*0\r\n*2\r\n$3\r\nkey\r\n:2\r\n+OK\r\n",
      "+OK\r\n*3\r\n:1\r\n*0\r\n%1\r\n$3\r\nkey\r\n:2\r\n+OK\r\n",
    ])
}

/// Goal: a buffer answers like an array. Method: random steps on both, compared after each.
@Test(arguments: [1, 2, 3] as [UInt64])
func bufferAgreesWithItsModel(seed: UInt64) {
  var random = SeededRandom(seed)
  func next(_ bound: Int) -> Int { random.next(bound) }
  var buffer = ByteBuffer()
  var model: [UInt8] = []
  for step in 0..<4_000 {
    let piece = (0..<next(40)).map { _ in UInt8(next(256)) }
    switch next(8) {
    case 0...2:
      buffer.append(piece)
      model += piece
    case 3:
      let size = next(model.count + 1)
      buffer.removeFirst(size)
      model.removeFirst(size)
    case 4:
      let size = next(model.count + 1)
      if next(6) == 0 {
        buffer.truncate(to: size)
        model.removeLast(model.count - size)
      }
    case 5:
      let offset = next(model.count + 1)
      unsafe piece.withUnsafeBytes { unsafe buffer.insert(ByteView($0), at: offset) }
      model.insert(contentsOf: piece, at: offset)
    case 6 where model.count > 40:
      let offset = next(model.count - 40)
      unsafe piece.withUnsafeBytes { unsafe buffer.overwrite(at: offset, with: ByteView($0)) }
      model.replaceSubrange(offset..<offset + piece.count, with: piece)
    default:
      if next(100) == 0 {
        buffer.reset(keeping: next(200))
        model = []
      }
    }
    #expect(buffer.view.array == model, "seed \(seed), step \(step)")
  }
}
