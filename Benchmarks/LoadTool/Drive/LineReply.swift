// LineReply.swift: a reply of beanstalkd: a line, behind RESERVED a body.

import RESP

struct LineReply {
  enum Kind {
    /// INSERTED, DELETED.
    case done
    /// RESERVED: the job's id.
    case job(ByteView)
    /// TIMED_OUT: no job was ready.
    case nothing
    /// Any other word.
    case error(ByteView)
  }
  let kind: Kind
  /// Bytes of the reply.
  let size: Int

  /// The longest line of a reply that is known.
  private static let lineSizeMax = 224

  /// The reply at the start of `input`; nil while it is not whole.
  ///
  /// - Throws: when it is none.
  init?(_ input: ByteView) throws(ReplyFormatError) {
    var end = 0
    while end < input.count, input[end] != 0x0D { end += 1 }
    guard end <= Self.lineSizeMax else { throw ReplyFormatError(reason: "a line is too long") }
    guard end + 1 < input.count else { return nil }
    let line = input[0..<end]
    var words: [ByteView] = [], start = 0
    for place in 0...end where place == end || line[place] == 0x20 {
      words.append(line[start..<place])
      start = place + 1
    }
    switch words[0].text {
    case "INSERTED", "DELETED": kind = .done
    case "TIMED_OUT": kind = .nothing
    case "RESERVED":
      guard words.count == 3, let body = Int(words[2].text), body >= 0, body < 1 << 40 else {
        throw ReplyFormatError(reason: "RESERVED has no size")
      }
      guard input.count >= end + 2 + body + 2 else { return nil }
      kind = .job(words[1])
      size = end + 2 + body + 2
      return
    default: kind = .error(line)
    }
    size = end + 2
  }
}
