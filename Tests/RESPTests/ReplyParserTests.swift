// ReplyParserTests.swift: replies are found whole however they arrive, and say what was written.

import Testing

@testable import RESP

/// Replies of every kind, each with its values as `described` prints them.
private let samples: [(wire: String, values: String)] = [
  ("+OK\r\n", "+OK"),
  ("+\r\n", "+"),
  ("-ERR no\r\n", "-ERR no"),
  (":0\r\n", ":0"),
  (":-9223372036854775808\r\n", ":-9223372036854775808"),
  ("$-1\r\n", "null"),
  ("*-1\r\n", "null"),
  ("_\r\n", "null"),
  ("$0\r\n\r\n", "$"),
  ("$4\r\na\r\nb\r\n", "$a\r\nb"),
  ("!5\r\nERR x\r\n", "-ERR x"),
  ("=7\r\ntxt:abc\r\n", "=abc"),
  (",1.5\r\n", ",1.5"),
  ("(123456789012345678901234567890\r\n", "(123456789012345678901234567890"),
  ("#t\r\n", "true"),
  ("#f\r\n", "false"),
  ("*0\r\n", "array 0"),
  ("*2\r\n$1\r\na\r\n:7\r\n", "array 2,$a,:7"),
  ("*2\r\n*1\r\n*0\r\n*2\r\n$-1\r\n+x\r\n", "array 2,array 1,array 0,array 2,null,+x"),
  ("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", "map 2,+a,:1,+b,array 1,:2"),
  ("~1\r\n$1\r\nm\r\n", "set 1,$m"),
  (">2\r\n+message\r\n$1\r\nx\r\n", "push 2,+message,$x"),
  ("|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n", "attribute 1,+ttl,:3,$v"),
]

private func described(_ reply: ByteView) -> String {
  var reader = ReplyReader(reply)
  var values: [String] = []
  while let part = reader.next() {
    let text =
      switch part {
      case .simple(let bytes): "+" + bytes.text
      case .error(let bytes): "-" + bytes.text
      case .integer(let number): ":\(number)"
      case .bulk(let bytes): "$" + bytes.text
      case .verbatim(let bytes): "=" + bytes.text
      case .null: "null"
      case .boolean(let value): "\(value)"
      case .double(let bytes): "," + bytes.text
      case .bigNumber(let bytes): "(" + bytes.text
      case .array(let count): "array \(count)"
      case .set(let count): "set \(count)"
      case .push(let count): "push \(count)"
      case .map(let count): "map \(count)"
      case .attribute(let count): "attribute \(count)"
      }
    values.append(text)
  }
  return reader.isAtEnd ? values.joined(separator: ",") : "not read to the end"
}

private func view<R>(_ text: String, _ body: (ByteView) throws -> R) rethrows -> R {
  let bytes = Array(text.utf8)
  return try unsafe bytes.withUnsafeBytes { unsafe try body(ByteView($0)) }
}

/// Goal: where the network cuts changes nothing. Method: all samples in one stream, of which the parser
/// sees one byte more each time.
@Test func repliesAreFoundByteByByte() throws {
  let stream = Array(samples.map(\.wire).joined().utf8)
  var parser = ReplyParser()
  var start = 0
  var found: [String] = []
  for end in 0...stream.count {
    try unsafe stream[start..<end].withUnsafeBytes { bytes in
      let input = unsafe ByteView(bytes)
      guard case .reply(let size) = try parser.parse(input) else { return }
      #expect(size == input.count, "told only when the last byte is there, and no later")
      found.append(described(input))
      start = end
    }
  }
  #expect(found == samples.map(\.values))
  #expect(parser.isBetweenReplies)
}

@Test(arguments: samples.indices)
func aReplyIsFoundInFrontOfOthers(index: Int) throws {
  var parser = ReplyParser()
  let wire = samples[index].wire
  let outcome = try view(wire + "+next\r\n") { try parser.parse($0) }
  #expect(outcome == .reply(size: wire.utf8.count))
}

@Test(arguments: [
  "x\r\n", "\r\n", "$x\r\n", "$-2\r\n", "*9999999999999999999\r\n", "$3\r\nabcd\r\n", "+a\rb\r\n",
  "$1\r\na\n\r", "*1\r\n?\r\n", "$?\r\n", "$\r\n",
])
func whatIsNoReplyIsThrown(wire: String) {
  #expect(throws: ReplyFormatError.self) {
    var parser = ReplyParser()
    _ = try view(wire) { try parser.parse($0) }
  }
}

@Test func aLineWithoutEndIsBounded() throws {
  var parser = ReplyParser()
  let bytes = [UInt8](repeating: 0x2B, count: ReplyParser.lineSizeMax + 2)
  let within = try unsafe bytes[...(1 << 16)].withUnsafeBytes {
    unsafe try parser.parse(ByteView($0))
  }
  #expect(within == .incomplete)
  #expect(throws: ReplyFormatError.self) {
    _ = try unsafe bytes.withUnsafeBytes { unsafe try parser.parse(ByteView($0)) }
  }
}

@Test func aReaderNeverTrapsOnWhatIsCut() {
  for sample in samples {
    for size in 0..<sample.wire.utf8.count {
      let prefix = String(decoding: sample.wire.utf8.prefix(size), as: UTF8.self)
      view(prefix) { bytes in
        var reader = ReplyReader(bytes)
        while reader.skip() {}
        _ = ReplyReader.value(of: bytes, at: [1, 0, 0])
      }
    }
  }
}

@Test func aValueInsideIsFoundByItsPath() {
  let reply = "*2\r\n*3\r\n$1\r\na\r\n*1\r\n+deep\r\n$1\r\nc\r\n|1\r\n+k\r\n+v\r\n:5\r\n"
  func at(_ path: [Int]) -> String? {
    view(reply) { bytes in
      ReplyReader.value(of: bytes, at: path).flatMap { $0.bytes?.text }
    }
  }
  #expect(at([0, 0]) == "a")
  #expect(at([0, 1, 0]) == "deep")
  #expect(at([0, 2]) == "c")
  #expect(at([0, 3]) == nil)
  #expect(at([0, 0, 0]) == nil)
  #expect(at([2]) == nil)
}
