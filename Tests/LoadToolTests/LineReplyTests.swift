// LineReplyTests.swift: what beanstalkd says, and what it is sent.

import RESP
import Testing

@testable import LoadTool

private func size(_ text: String) throws -> Int? {
  var bytes = ByteBuffer()
  bytes.append(text)
  return try LineReply(bytes.view)?.size
}

/// Goal: replies are told apart wherever they are cut. Method: each prefix of some.
@Test(arguments: [
  "INSERTED 17\r\n", "RESERVED 17 5\r\na\r\nbc\r\n", "DELETED\r\n", "TIMED_OUT\r\n",
])
func repliesOfLinesAreWhole(text: String) throws {
  for count in 0..<text.utf8.count {
    let part = String(decoding: Array(text.utf8)[..<count], as: UTF8.self)
    #expect(try size(part) == nil, "\(part)")
  }
  #expect(try size(text + "INSERTED 18\r\n") == text.utf8.count)
}

@Test func aJobsIDIsCaptured() throws {
  var bytes = ByteBuffer()
  bytes.append("RESERVED 42 1\r\nx\r\n")
  guard case .job(let id)? = try LineReply(bytes.view)?.kind else {
    Issue.record("no job")
    return
  }
  #expect(id.text == "42")
  #expect(throws: ReplyFormatError.self) { try size("RESERVED x\r\n") }
  #expect(throws: ReplyFormatError.self) { try size(String(repeating: "x", count: 300)) }
}

@Test func linesAreWritten() {
  var output = ByteBuffer()
  var values = TemplateValues(
    bodies: Bodies(.fixed(3)), keyspace: 1, random: RandomSource(seed: 1))
  for template in [
    Template.line("put 1024 0 120 {body}"), .line("reserve-with-timeout 0"),
    .line("delete {value}"),
  ] { template.write(to: &output, &values, value: ByteView("17"), stamp: 0) }
  let begin = "put 1024 0 120 3\r\n", end = "\r\nreserve-with-timeout 0\r\ndelete 17\r\n"
  #expect(output.view[0..<begin.utf8.count].text == begin)
  #expect(output.view.count == begin.utf8.count + 3 + end.utf8.count)
  #expect(output.view[begin.utf8.count + 3..<output.view.count].text == end)
}
