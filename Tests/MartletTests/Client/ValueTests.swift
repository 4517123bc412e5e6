// ValueTests.swift: what replies are read as.

import Testing

@testable import Martlet

private func value(_ text: String) throws(MartletError) -> Value {
  try Value(reply: Array(text.utf8))
}

/// Goal: each type of RESP2 and RESP3 is read as what it is.
@Test(
  arguments: [
    ("+OK\r\n", .simple("OK")), (":-7\r\n", .integer(-7)),
    ("$3\r\na\r\n\r\n", .bytes([97, 13, 10])),
    ("$-1\r\n", .null), ("*-1\r\n", .null), ("_\r\n", .null), ("#t\r\n", .boolean(true)),
    (",1.5\r\n", .double(1.5)), (",inf\r\n", .double(.infinity)),
    ("(123456789012345678901\r\n", .bigNumber("123456789012345678901")),
    ("=7\r\ntxt:abc\r\n", .verbatim(format: "txt", text: "abc")),
    ("*2\r\n:1\r\n$1\r\nx\r\n", .array([.integer(1), .bytes([120])])),
    ("~1\r\n:1\r\n", .set([.integer(1)])), (">1\r\n+x\r\n", .push([.simple("x")])),
    ("%1\r\n+k\r\n:2\r\n", .map([Value.Pair(key: .simple("k"), value: .integer(2))])),
    ("|1\r\n+ttl\r\n:9\r\n:5\r\n", .integer(5)),
  ] as [(String, Value)])
func everyTypeIsRead(text: String, expected: Value) throws {
  #expect(try value(text) == expected)
}

@Test func anErrorHasItsCodeAndAllOfItsText() throws {
  let error = try #require(try value("-WRONGTYPE Operation against a key\r\n").error)
  #expect(error.code == .server("WRONGTYPE"))
  #expect(error.message == "WRONGTYPE Operation against a key")
  #expect(throws: error) { try value("-WRONGTYPE Operation against a key\r\n").get() }
}

/// Goal: a reply of brackets alone does not exhaust the stack.
@Test func depthIsBounded() {
  let deep = String(repeating: "*1\r\n", count: 100_000) + ":1\r\n"
  #expect { try value(deep) } throws: { ($0 as? MartletError)?.code == .protocolViolation }
  let allowed = String(repeating: "*1\r\n", count: Value.depthMax - 1) + ":1\r\n"
  #expect(throws: Never.self) { try value(allowed) }
}

@Test func accessorsReadBothVersionsOfTheProtocol() throws {
  #expect(try value("$2\r\n42\r\n").integer == 42)
  #expect(try value("$3\r\n1.5\r\n").double == 1.5)
  #expect(try value(":1\r\n").boolean == true)
  let flat = try value("*2\r\n$1\r\nk\r\n$1\r\nv\r\n"),
    map = try value("%1\r\n$1\r\nk\r\n$1\r\nv\r\n")
  #expect(flat["k"]?.text == "v")
  #expect(map["k"]?.text == "v")
  #expect(map["x"] == nil)
  #expect(map.array == flat.array)
}

@Test func aCommandIsInWireForm() {
  var command: Command = ["SET", "k", [1, 2] as [UInt8], 5]
  command.append(2.5)
  var output = WireOutput()
  #expect(
    output.text(of: command)
      == "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\u{1}\u{2}\r\n$1\r\n5\r\n$3\r\n2.5\r\n")
  #expect(command.name == "SET")
  #expect(command.description == "SET with 4 arguments")
}
