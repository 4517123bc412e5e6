// JobOptionTests.swift: the bounds of every number that a job command takes.

import Testing

@testable import Broker

/// What no number of any kind is.
private let never = [
  "", "x", "nan", "inf", "-inf", "-1", "1e99", "99999999999999999999", "1 ", "0x",
]

/// A request with `%` for the number; what is let in at the bounds, and what is not just beyond.
private struct Option: CustomStringConvertible {
  let line: String
  let allowed: [String]
  let refused: [String]
  var description: String { line }

  init(_ line: String, _ allowed: [String], _ refused: [String]) {
    self.line = line
    self.allowed = allowed
    self.refused = refused
  }

  static func seconds(_ line: String, isPositive: Bool = false) -> Option {
    Option(
      line, ["0.0004", "0.25", "1", "1099511627.776"] + (isPositive ? [] : ["0", "-0"]),
      ["1099511627.777", "-0.001"] + (isPositive ? ["0"] : []))
  }
  static func timeout(_ line: String) -> Option {
    Option(line, ["0", "281474976710655"], ["281474976710656", "9223372036854775808", "1.5"])
  }
  static func number(_ line: String, _ range: ClosedRange<Int>) -> Option {
    Option(
      line, ["\(range.lowerBound)", "\(range.upperBound)"],
      [
        "\(range.lowerBound - 1)",
        range.upperBound < .max ? "\(range.upperBound + 1)" : "9223372036854775808", "1.5",
      ])
  }
}

private let backoffMax = 1 << 40, leaseMax = Int(Int32.max)
private let options: [Option] = [
  .timeout("ADDJOB q b %"), .seconds("ADDJOB q b 0 DELAY %"),
  .number("ADDJOB q b 0 AT %", 0...(1 << 48) - 1),
  Option(
    "ADDJOB q b 0 RETRY %", ["0", "0.0004", "2147483.647"],
    ["2147483.648", "4294967.296", "1099511627", "-0.1"]),
  .seconds("ADDJOB q b 0 TTL %", isPositive: true), .number("ADDJOB q b 0 MAXLEN %", 1...Int.max),
  .number("ADDJOB q b 0 PRIORITY %", 0...9),
  .seconds("ADDJOB q b 0 UNIQUE k FOR %", isPositive: true),
  .number("ADDJOB q b 0 ATTEMPTS %", 0...65535),
  .number("ADDJOB q b 0 BACKOFF FIXED %", 0...backoffMax),
  .number("ADDJOB q b 0 BACKOFF EXP 5 CAP %", 0...backoffMax),
  .number("ADDJOB q b 0 BACKOFF LINEAR 5 JITTER %", 0...100), .seconds("ADDJOB q b 0 KEEP %"),
  .number("ADDJOB q b 0 REPLICATE %", 1...1),
  .timeout("GETJOB NOHANG TIMEOUT % FROM q"), .number("GETJOB NOHANG COUNT % FROM q", 1...Int.max),
  .number("GETJOB NOHANG LEASE % FROM q", 1...leaseMax), .number("EXTEND % #1.1", 1...leaseMax),
  .seconds("NACK #1.1 DELAY %"), .seconds("DONE #1.1 KEEP %"), .timeout("RESULT #9 BLOCK %"),
  .number("QSET q LEASE %", 0...leaseMax), .number("QSET q ATTEMPTS %", 0...65535),
  .number("QSET q BACKOFF FIXED %", 0...backoffMax),
  .number("QSET q BACKOFF EXP 5 CAP %", 0...backoffMax),
  .number("QSET q BACKOFF LINEAR 5 JITTER %", 0...100), .seconds("QSET q TTL %"),
  .number("QSET q MAXLEN %", 0...Int.max), .number("QREDRIVE q:dead COUNT %", 1...Int.max),
  .number("JSCAN 0 COUNT %", 1...Int.max), .number("QSCAN 0 COUNT %", 1...Int.max),
  .number("QSCAN 0 MINLEN %", 0...Int.max), .number("QSCAN 0 MAXLEN %", 0...Int.max),
]

/// Goal: every number has bounds, and beyond them is an error that changes nothing; none is cut. Method:
/// each option at its bounds, next to them, and with what is no number.
@Test(arguments: options)
private func everyNumberHasItsBounds(_ option: Option) {
  func words(_ value: String) -> [[UInt8]] {
    JobRig.named(option.line).split(separator: " ")
      .map { Array(($0 == "%" ? value : String($0)).utf8) }
  }
  for value in option.allowed {
    var rig = JobRig()
    _ = rig.send("ADDJOB q a 0")
    _ = rig.send("GETJOB FROM q")
    let reply = rig.harness.send(rig.client, words(value))
    #expect(!reply.hasPrefix("-"), "\(value): \(reply)")
    rig.harness.checkInvariants()
  }
  for value in option.refused + never {
    var rig = JobRig()
    _ = rig.send("ADDJOB q a 0")
    _ = rig.send("GETJOB FROM q")
    let before = rig.harness.engine.context.digest()
    let reply = rig.harness.send(rig.client, words(value))
    #expect(reply.hasPrefix("-ERR ") || reply.hasPrefix("-NOREPLICAS "), "\(value): \(reply)")
    let isSame = rig.harness.engine.context.digest() == before
    #expect(isSame, "\(value)")
  }
}

/// The least time that is any is 1 ms: less than half of one is not none, which would mean something else.
@Test func aVeryShortTimeIsNotNone() {
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 RETRY 0.0004")
  _ = rig.send("ADDJOB q b 0 TTL 0.0001 DELAY 0")
  _ = rig.send("ADDJOB q c 0 DELAY 0.0001")
  #expect(rig.show(JobRig.id(3), "state") == "scheduled")
  _ = rig.send("GETJOB FROM q")
  #expect(rig.show(JobRig.id(1), "lease-ms") == ":1")
  rig.advance(1)
  #expect(rig.send("SHOW \(JobRig.id(2))") == "$-1")
  #expect(rig.values("LRANGE q 0 -1").sorted() == ["a", "c"])
}

@Test func wordsThatNameNothingAreRefused() {
  var rig = JobRig()
  let dead = ["ADDJOB", "q", "b", "0", "DEAD", ""].map { Array($0.utf8) }
  #expect(rig.harness.send(rig.client, dead) == "-ERR DEAD must name a queue\r\n")
  let id = ["ADDJOB", "q", "b", "0", "ID", ""].map { Array($0.utf8) }
  #expect(rig.harness.send(rig.client, id).hasPrefix("-ERR ID must have 1 to "))
  #expect(rig.send("JSCAN 0 STATE busy") == "-ERR syntax error")
  #expect(rig.send("JSCAN 0 STATE Ready STATE DONE") == "*2 $1 0 *0")
  #expect(rig.send("LLEN q") == ":0")
}
