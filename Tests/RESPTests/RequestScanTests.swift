// RequestScanTests.swift: the glance at a pipeline against the parser that reads it.

import Testing

@testable import RESP

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The second words that a scan finds.
private func keys(_ pipeline: [UInt8]) -> [[UInt8]] {
  unsafe pipeline.withUnsafeBytes { pipeline in
    var scan = unsafe RequestScan(ByteView(pipeline))
    var found: [[UInt8]] = []
    while let key = scan.next() { found.append(key.array) }
    return found
  }
}

private func request(_ words: [[UInt8]]) -> [UInt8] {
  words.reduce(bytes("*\(words.count)\r\n")) {
    $0 + bytes("$\($1.count)\r\n") + $1 + bytes("\r\n")
  }
}

private let get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"

@Test(arguments: [
  ("", []),
  (get, ["a"]),
  (get + get, ["a", "a"]),
  (get + "*1\r\n$4\r\nPING\r\n*0\r\n" + get, ["a", "a"]),
  ("*2\r\n$3\r\nGET\r\n$0\r\n\r\n" + get, ["", "a"]),
  ("*3\r\n$3\r\nSET\r\n$12\r\nkey:00000042\r\n$1\r\n1\r\n", ["key:00000042"]),
  // Sees no further: inline, negative, too long, unfinished, not a number, not a bulk string.
  (get + "GET b\r\n" + get, ["a"]),
  (get + "*-1\r\n" + get, ["a"]),
  (get + "*17\r\n" + get, ["a"]),
  (get + "*2\r\n$3\r\nGET\r\n$1\r\na\r", ["a"]),
  (get + "*2\r\n$3\r\nGET\r\n$-1\r\n" + get, ["a"]),
  (get + "*2\r\n$3\r\nGET\r\n$99999999\r\na\r\n", ["a"]),
  (get + "*2\r\n$3\r\nGET\r\n$99999999999999999999\r\na\r\n", ["a"]),
  (get + "*2\r\n$3\r\nGET\r\n:1\r\n" + get, ["a"]),
  (get + "*x\r\n" + get, ["a"]),
])
func aScanSeesTheSecondWords(pipeline: String, expected: [String]) {
  #expect(keys(bytes(pipeline)) == expected.map(bytes))
}

/// Goal: of a pipeline, a scan sees the keys of all requests that are there whole. Method: random
/// requests, cut anywhere.
@Test(arguments: 1...20 as ClosedRange<UInt64>)
func aScanOfACutPipelineSeesItsWholeRequests(seed: UInt64) {
  var random = SeededRandom(seed)
  var pipeline: [UInt8] = []
  var ends: [(end: Int, key: [UInt8]?)] = []
  for _ in 0..<40 {
    var words: [[UInt8]] = []
    for _ in 0...random.next(16) {
      words.append((0..<random.next(120)).map { _ in UInt8(random.next(256)) })
    }
    pipeline += request(words)
    ends.append((pipeline.count, words.count > 1 ? words[1] : nil))
  }
  for _ in 0..<200 {
    let cut = random.next(pipeline.count + 1)
    let whole = ends.filter { $0.end <= cut }.compactMap(\.key)
    #expect(keys(Array(pipeline[..<cut])) == whole, "seed \(seed), cut at \(cut)")
  }
}

/// Goal: whatever the bytes, a scan stays inside them, and finds nothing but what the parser reads.
/// Method: pipelines with some bytes changed, most of them to such as mean something.
@Test(arguments: 1...20 as ClosedRange<UInt64>)
func aScanOfAnyBytesFindsNothingElseThanTheParser(seed: UInt64) {
  var random = SeededRandom(seed)
  let meaningful = bytes("*$\r\n0123456789-:\0")
  for round in 0..<400 {
    var pipeline = (0..<20).flatMap { _ in bytes(get) }
    for _ in 0...random.next(6) {
      pipeline[random.next(pipeline.count)] =
        random.next(8) == 0 ? UInt8(random.next(256)) : meaningful[random.next(meaningful.count)]
    }
    let read = run(pipeline, cuts: []).requests.filter { $0.count > 1 }.map { $0[1] }
    #expect(read.starts(with: keys(pipeline)), "seed \(seed), round \(round)")
  }
}
