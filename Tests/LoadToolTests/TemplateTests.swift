// TemplateTests.swift: the bytes that templates make, read back with the broker's own parser.

import RESP
import Testing

@testable import LoadTool

/// The requests that `template` makes, as words.
private func words(
  _ template: Template, bodies: Bodies = Bodies(.fixed(3), isCompressible: true),
  keyspace: Int = 10,
  times: Int = 1, value: String = "", stamp: Int64 = 0
) throws -> [[String]] {
  var values = TemplateValues(
    bodies: bodies, keyspace: keyspace, random: RandomSource(seed: 1), number: 5, numberStep: 2)
  values.client = 42
  values.wall = 1_700_000_000_123
  values.delay = 500
  var output = ByteBuffer()
  let bytes = Array(value.utf8)
  for _ in 0..<times {
    unsafe bytes.withUnsafeBytes {
      unsafe template.write(to: &output, &values, value: ByteView($0), stamp: stamp)
    }
  }
  var parser = RequestParser()
  var requests: [[String]] = []
  while !output.isEmpty {
    guard case .request(let size) = try parser.parse(output.view, limits: RequestLimits()) else {
      Issue.record("a request is cut")
      return requests
    }
    requests.append(
      unsafe parser.arguments.map { range in
        output.view(at: Int(range.offset), size: Int(range.size)).text
      })
    output.removeFirst(size)
  }
  return requests
}

@Test func aTemplateWithoutPlacesIsItsWords() throws {
  let template = Template.known(["SET", "a b", ""])
  #expect(try words(template) == [["SET", "a b", ""]])
  #expect(template.isConstant)
}

@Test func placesAreFilledIn() throws {
  #expect(
    try words(.known(["X", "k:{number}:{number}", "{body}", "{client}z"]), times: 2) == [
      ["X", "k:000000000005:000000000007", "xxx", "000000000042z"],
      ["X", "k:000000000009:000000000011", "xxx", "000000000042z"],
    ])
  #expect(
    try words(.known(["Z", "{now}", "{due}", "{value}"]), value: "a\r\nb") == [
      ["Z", "1700000000123", "1700000000624", "a\r\nb"]
    ])
  #expect(
    try words(.known(["A", "{value}"], ["B", "{value}", "x"]), value: "id") == [
      ["A", "id"], ["B", "id", "x"],
    ])
}

@Test func randomKeysLieBelowTheKeyspaceAndAllAppear() throws {
  let requests = try words(.known(["GET", "key:{key}"]), keyspace: 7, times: 500)
  let keys = Set(requests.map { $0[1] })
  #expect(keys == Set((0..<7).map { "key:00000000000\($0)" }))
}

@Test func aStampComesBackFromTheBodyThatCarriesIt() throws {
  for size in [0, 17, 18, 100] {
    let requests = try words(
      .known(["LPUSH", "q", "{stamped}"]), bodies: Bodies(.fixed(size), isCompressible: true),
      stamp: 123_456_789_012_345)
    let body = Array(requests[0][2].utf8)
    #expect(body.count == max(17, size))
    let stamp = unsafe body.withUnsafeBytes { unsafe Stamp.read(ByteView($0)) }
    #expect(stamp == 123_456_789_012_345)
  }
  #expect(Stamp.read(ByteView("no stamp is in here, but it is long")) == nil)
  #expect(Stamp.read(ByteView("short")) == nil)
}

@Test func bodiesHaveTheSizesAskedFor() throws {
  let ranged = try words(
    .known(["X", "{body}"]), bodies: Bodies(.range(3...6), isCompressible: true), times: 200)
  #expect(Set(ranged.map { $0[1].count }) == [3, 4, 5, 6])
  let lines = try #require(Bodies(linesOf: Array("one\n\nthree".utf8)))
  let drawn = try words(.known(["X", "{body}"]), bodies: lines, times: 100)
  #expect(Set(drawn.map { $0[1] }) == ["one", "", "three"])
  #expect(Bodies(linesOf: []) == nil)
}

/// Goal: by default nothing is gained by compressing. Method: bodies of one run share no 8 bytes.
@Test func bodiesAreIncompressible() throws {
  let bodies = Bodies(.fixed(64))
  var cursor = Bodies.Cursor(random: RandomSource(seed: 3))
  var output = ByteBuffer()
  for _ in 0..<5000 { bodies.append(to: &output, &cursor) }
  let bytes = output.view.array
  var seen: Set<[UInt8]> = []
  for body in stride(from: 5, to: bytes.count, by: 71) {
    for start in stride(from: body, to: body + 64, by: 8) {
      #expect(seen.insert(Array(bytes[start..<start + 8])).inserted)
    }
  }
}

@Test func placesThatStandAloneAreRefusedInsideOfWords() {
  for word in ["x{body}", "{value}y", "a{stamped}"] {
    #expect(throws: Template.Malformed.self) { try Template([["SET", "k", word]]) }
  }
  #expect(throws: Template.Malformed.self) { try Template([[]]) }
}
