// RequestParserTests.swift: requests cut anywhere, and what redis-server 7.0.15 says to malformed ones.
//
// Each expectation was taken from a real redis-server over a raw socket. Whatever the input, the
// outcome is the same however the network cut it.

import Testing

@testable import RESP

/// What became of a run of bytes.
struct Run: Equatable, CustomStringConvertible {
  /// The words of each request that was complete and not empty.
  var requests: [[[UInt8]]] = []
  var error: [UInt8]?
  /// Bytes that wait for more.
  var rest = 0

  var description: String {
    let words = requests.map { $0.map { ByteBuffer.text($0) } }
    return "\(words), error \(error.map { ByteBuffer.text($0) } ?? "none"), \(rest) bytes left"
  }
}

extension ByteBuffer {
  static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}

/// Feeds `bytes` in pieces, each ending at one of `cuts`, as a connection does.
func run(_ bytes: [UInt8], cuts: [Int], limits: RequestLimits = RequestLimits()) -> Run {
  var parser = RequestParser()
  var input = ByteBuffer()
  var result = Run()
  var start = 0
  for cut in cuts + [bytes.count] {
    input.append(Array(bytes[start..<cut]))
    start = cut
    reading: while result.error == nil {
      do throws(ProtocolError) {
        switch try parser.parse(input.view, limits: limits) {
        case .incomplete:
          break reading
        case .request(let size):
          let source = parser.isInline ? parser.inlineText.view : input.view
          var words: [[UInt8]] = []
          for index in 0..<parser.count {
            let range = unsafe parser.arguments[index]
            words.append(
              source[Int(range.offset)..<Int(range.offset) + Int(range.size)].array)
          }
          if !words.isEmpty { result.requests.append(words) }
          input.removeFirst(size)
        }
      } catch {
        result.error = error.bytes
      }
    }
  }
  result.rest = result.error == nil ? input.count : 0
  return result
}

/// The run of `bytes`, the same whole, byte by byte and in two pieces cut anywhere.
private func runEveryWay(_ bytes: [UInt8], limits: RequestLimits = RequestLimits()) -> Run {
  let whole = run(bytes, cuts: [], limits: limits)
  #expect(run(bytes, cuts: Array(bytes.indices), limits: limits) == whole)
  for cut in bytes.indices { #expect(run(bytes, cuts: [cut], limits: limits) == whole) }
  return whole
}

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A request of `count` words.
private func many(_ count: Int) -> String {
  "*\(count)\r\n" + String(repeating: "$3\r\nabc\r\n", count: count)
}

@Test(
  arguments: [
    ("PING\r\n", [["PING"]]),
    ("PING\n", [["PING"]]),
    ("\r\n", []),
    ("\n\n\r\nPING\r\n", [["PING"]]),
    ("*0\r\nPING\r\n", [["PING"]]),
    ("*-1\r\nPING\r\n", [["PING"]]),
    ("*-9223372036854775808\r\nPING\r\n", [["PING"]]),
    ("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", [["PING"], ["ECHO", ""]]),
    // The bytes behind a bulk string and behind a CR are not looked at.
    ("*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", [["PING"], ["PING"]]),
    ("*1\rx$4\rxPING\r\n", [["PING"]]),
    ("*1\rx$12\rxPING-PING-PI\r\n", [["PING-PING-PI"]]),
    // More words than a parser begins with room for, twice.
    (many(20) + many(20), [[String]](repeating: [String](repeating: "abc", count: 20), count: 2)),
    ("*1\r\n$6\r\na\r\n\0bc\r\n", [["a\r\n\0bc"]]),
    (#"ECHO "a\x41\n\r\t\b\a\q\"" "# + "\r\n", [["ECHO", "aA\n\r\t\u{8}\u{7}q\""]]),
    (#"ECHO 'a\'b\n'"# + "\r\n", [["ECHO", #"a'b\n"#]]),
    (#"ECHO a"b c""# + "\r\n", [["ECHO", "ab c"]]),
    (#"ECHO a'b c'"# + "\r\n", [["ECHO", "ab c"]]),
    (#"ECHO "\x4""# + "\r\n", [["ECHO", "x4"]]),
    (#"ECHO "\x4g""# + "\r\n", [["ECHO", "x4g"]]),
    (#"ECHO "\xZZ""# + "\n", [["ECHO", "xZZ"]]),
    (#"ECHO "" ''"# + "\r\n", [["ECHO", "", ""]]),
    (#"ECHO a\x41"# + "\r\n", [["ECHO", #"a\x41"#]]),
    ("  PING  \r\n", [["PING"]]),
    ("PING\r\r\n", [["PING"]]),
    ("ECHO a\rb\r\n", [["ECHO", "a", "b"]]),
    // These blanks may stand before a word, and end none.
    ("\tPING\u{B}\u{C}\r\n", [["PING\u{B}\u{C}"]]),
    ("\u{B}\"PING\"\u{C}a\r\n", [["PING", "a"]]),
    ("\"PING\"\r\n", [["PING"]]),
    ("$4\r\n", [["$4"]]),
    ("GET / HTTP/1.1\r\n\r\n", [["GET", "/", "HTTP/1.1"]]),
  ] as [(String, [[String]])])
func requestsAreReadHoweverTheyAreCut(input: String, expected: [[String]]) {
  let run = runEveryWay(bytes(input))
  #expect(run.requests == expected.map { $0.map(bytes) })
  #expect(run.error == nil)
  #expect(run.rest == 0)
}

@Test(
  arguments: [
    ("*\r\nPING\r\n", "invalid multibulk length"),
    ("*a\r\n", "invalid multibulk length"),
    ("*1a\r\n", "invalid multibulk length"),
    ("* 1\r\n", "invalid multibulk length"),
    ("*+1\r\n", "invalid multibulk length"),
    ("*01\r\n", "invalid multibulk length"),
    ("*-0\r\n", "invalid multibulk length"),
    ("*2147483648\r\n", "invalid multibulk length"),
    ("*9223372036854775808\r\n", "invalid multibulk length"),
    ("*-9223372036854775809\r\n", "invalid multibulk length"),
    ("*1\r\n*4\r\nPING\r\n", "expected '$', got '*'"),
    ("*1\r\n4\r\nPING\r\n", "expected '$', got '4'"),
    ("*1\r\n\u{1}4\r\n", "expected '$', got '\u{1}'"),
    ("*1\r\n\r\nPING\r\n", "expected '$', got ' '"),
    ("*1\r\n\nfoo\r\n", "expected '$', got ' '"),
    ("*1\r\n$a\r\n", "invalid bulk length"),
    ("*1\r\n$\r\n", "invalid bulk length"),
    ("*1\r\n$-1\r\n", "invalid bulk length"),
    ("*1\r\n$+4\r\nPING\r\n", "invalid bulk length"),
    ("*1\r\n$04\r\nPING\r\n", "invalid bulk length"),
    ("*1\r\n$ 4\r\nPING\r\n", "invalid bulk length"),
    ("*1\r\n$536870913\r\n", "invalid bulk length"),
    ("*1\r\n$99999999999999999999\r\n", "invalid bulk length"),
    ("ECHO \"a\r\n", "unbalanced quotes in request"),
    ("ECHO 'a\r\n", "unbalanced quotes in request"),
    ("ECHO \"a\"b\r\n", "unbalanced quotes in request"),
    ("ECHO 'a'b\r\n", "unbalanced quotes in request"),
    ("ECHO \"a\\\r\n", "unbalanced quotes in request"),
    ("ECHO \"a\\x\r\n", "unbalanced quotes in request"),
    ("ECHO 'a\\\\'\r\n", "unbalanced quotes in request"),
    ("\"\r\n", "unbalanced quotes in request"),
  ])
func malformedRequestsAreRefusedAsRedisRefusesThem(input: String, reason: String) {
  let run = runEveryWay(bytes(input))
  #expect(run.requests.isEmpty)
  #expect(run.error == bytes("ERR Protocol error: \(reason)"))
}

@Test func aByteThatIsNotTextIsQuotedAsItIs() {
  let run = runEveryWay(bytes("*1\r\n") + [0xFF, 0x34, 0x0D, 0x0A])
  #expect(run.error == bytes("ERR Protocol error: expected '$', got '") + [0xFF, 0x27])
}

@Test(
  arguments: [
    "*2147483647\r\n", "*1\r\n$536870912\r\n", "*1\r\n$4\r", "*1\r\r\n", "*1\0\r\n$4\r\nPING\r\n",
    "*\01\r\nPING\r\n", "*1\r\n\0\r\nPING\r\n", "*1\r\n$4\0\r\nPING\r\n", "PI\0NG\r\nPING\r\n",
    "\0\r\nPING\r\n", "*", "P", "",
  ])
func unfinishedRequestsWait(input: String) {
  let run = runEveryWay(bytes(input))
  #expect(run.requests.isEmpty)
  #expect(run.error == nil)
  #expect(run.rest == input.utf8.count)
}

/// Goal: a line without an end is given up at 64 KiB. Method: lines of that size and one byte more.
@Test func endlessLinesAreRefused() {
  let size = 64 << 10
  let starts = [
    ("*", "too big mbulk count string"), ("*1\r\n$", "too big bulk count string"),
    ("*1\r\n#", "too big bulk count string"), ("*1\0\r\n", "too big mbulk count string"),
    ("A", "too big inline request"), ("\0\n", "too big inline request"),
  ]
  for (start, reason) in starts {
    let lineStart = start.hasPrefix("*1\r\n") ? 4 : 0
    let line = bytes(start) + [UInt8](repeating: 0x31, count: size - start.utf8.count + lineStart)
    let full = run(line, cuts: [])
    #expect(full.error == nil)
    #expect(full.rest == line.count)
    for cuts in [[], [7], [line.count], Array(stride(from: 1, to: line.count, by: 4096))] {
      let over = run(line + [0x31], cuts: cuts)
      #expect(over.error == bytes("ERR Protocol error: \(reason)"), "\(start), cuts \(cuts)")
    }
  }
  let longest = [UInt8](repeating: 0x41, count: size)
  #expect(run(longest + [0x0A], cuts: []).requests == [[longest]])
  #expect(run(longest + [0x41, 0x0A], cuts: []).error != nil)
}

@Test func littleIsTakenBeforeTheLogin() {
  let limits = RequestLimits.beforeLogin
  func error(_ input: String) -> [UInt8]? { runEveryWay(bytes(input), limits: limits).error }
  #expect(error("*11\r\n") == bytes("ERR Protocol error: unauthenticated multibulk length"))
  #expect(error("*10\r\n") == nil)
  #expect(error("*1\r\n$16385\r\n") == bytes("ERR Protocol error: unauthenticated bulk length"))
  #expect(error("*1\r\n$16384\r\n") == nil)
  #expect(error("*1\r\n$536870913\r\n") == bytes("ERR Protocol error: invalid bulk length"))
  #expect(error("*2147483648\r\n") == bytes("ERR Protocol error: invalid multibulk length"))
}

@Test func theHintSaysWhatAnArgumentLacks() throws {
  var parser = RequestParser()
  let input = bytes("*1\r\n$100\r\nabc")
  let limits = RequestLimits()
  let outcome = try unsafe input.withUnsafeBytes {
    try unsafe parser.parse(ByteView($0), limits: limits)
  }
  #expect(outcome == .incomplete)
  #expect(parser.missing(held: input.count) == 99)
  let isBetween = parser.isBetweenRequests
  #expect(!isBetween)
}

/// Goal: no bytes trap, and no cut changes what they mean. Method: random pieces of requests, some
/// bytes altered, fed whole, byte by byte and in random pieces.
@Test(arguments: 1...8 as ClosedRange<UInt64>)
func anyBytesMeanTheSameHoweverTheyAreCut(seed: UInt64) {
  var random = SeededRandom(seed)
  func next(_ bound: Int) -> Int { random.next(bound) }
  let pieces = [
    "*1\r\n", "*2\r\n", "*3\r\n", "$4\r\nPING\r\n", "$0\r\n\r\n", "$3\r\nabc\r\n", "*0\r\n",
    "*-1\r\n",
    "PING\r\n", "ECHO \"a b\"\r\n", "ECHO 'x'\n", "\r\n", "$12\r\n", "\0", "\"", "\\x41", " ", "*",
    "$", "9", "$12\r\nabcdefghijkl\r\n", "*18\r\n", "$03\r\nabc\r\n", "$3\rxabc\r\n", "$12\rx",
    "$000000012\r\n", "$99999999\r\n", "$123456789\r\n", "*1\r\n$10\r\nabcdefghij\r\n",
  ].map(bytes)
  for round in 0..<400 {
    var input: [UInt8] = []
    for _ in 0...next(12) { input += pieces[next(pieces.count)] }
    for _ in 0..<next(3) where !input.isEmpty {
      input[next(input.count)] = UInt8(next(256))
    }
    let whole = run(input, cuts: [])
    #expect(run(input, cuts: Array(input.indices)) == whole, "seed \(seed), round \(round)")
    var cuts: [Int] = []
    for index in input.indices where next(4) == 0 { cuts.append(index) }
    #expect(run(input, cuts: cuts) == whole, "seed \(seed), round \(round)")
  }
}
