// EnginePieces.swift: the wire, the log's frames, and whole commands without sockets or disk.

import RESP

extension Workpiece {
  static let wire = [
    Workpiece("wire", "request: parse LPUSH of 100 bytes", parseRequest),
    Workpiece("wire", "reply: parse a bulk string of 100 bytes", parseReply),
  ]

  static let log = [
    Workpiece("log", "checksum of 4,096 bytes", checksum),
    Workpiece("log", "frame: header and checksums of 1,024 bytes", frame),
  ]

  /// Parsing, running, the reply and the record; a turn has 16 of them.
  static let engine = [
    command("LPUSH and RPOP", ["LPUSH", "queue", hundred], ["RPOP", "queue"]),
    command("SET", ["SET", "key", hundred]),
    command("GET", prepared: ["SET", "key", hundred], ["GET", "key"]),
    command("INCR", ["INCR", "counter"]),
    command("MULTI, LPUSH, EXEC", ["MULTI"], ["LPUSH", "list", "a"], ["EXEC"], ["DEL", "list"]),
    command("PING", ["PING"]),
  ]

  private static let hundred = String(repeating: "x", count: 100)

  @Sendable private static func parseRequest(_ count: Int) {
    let bytes = ByteBuffer(request: ["LPUSH", "queue", hundred])
    var parser = RequestParser()
    let limits = RequestLimits()
    for _ in 0..<count { keep(try? parser.parse(bytes.view, limits: limits)) }
  }

  @Sendable private static func parseReply(_ count: Int) {
    var reply = Reply(), parser = ReplyParser()
    let body = ByteBuffer(filledWith: 0x78, count: 100)
    reply.bulk(body.view)
    for _ in 0..<count { keep(try? parser.parse(reply.bytes.view)) }
  }

  @Sendable private static func checksum(_ count: Int) {
    let bytes = ByteBuffer(filledWith: 0x78, count: 4096)
    var sum: UInt32 = 0
    for _ in 0..<count { sum = CRC32C.checksum(bytes.view, after: sum) }
    keep(sum)
  }

  @Sendable private static func frame(_ count: Int) {
    let body = ByteBuffer(filledWith: 0x78, count: 1024)
    var headers = ByteBuffer(), previous: UInt32 = 0
    for number in 0..<count {
      let header = FrameHeader(
        bodyChecksum: CRC32C.checksum(body.view), bodySize: UInt32(body.count), count: 16,
        previous: previous, first: UInt64(number) * 16 + 1, durable: 0)
      previous = header.encode(into: &headers, salt: 7)
      headers.truncate(to: 0)
    }
  }

  private static func command(
    _ name: String, prepared: [String]? = nil, _ requests: [String]...
  ) -> Workpiece {
    Workpiece("engine", name) { count in
      var bench = EngineBench()
      if let prepared { bench.run(ByteBuffer(request: prepared)) }
      var turn = ByteBuffer()
      for _ in 0..<16 {
        for words in requests {
          let request = ByteBuffer(request: words)
          turn.append(request.view)
        }
      }
      for _ in 0..<count / 16 { bench.run(turn) }
      precondition(bench.requestCount >= count / 16 * 16 * requests.count, "requests were left out")
    }
  }
}

/// An engine with one client and a log that goes nowhere.
private struct EngineBench: ~Copyable {
  private var engine = Engine(seed: 1, databases: 16, host: NoHost())
  private let client: Int
  private var parser = RequestParser()
  private let limits = RequestLimits()
  private var spare = ByteBuffer()
  private(set) var requestCount = 0

  init() {
    engine.context.wall = 1_700_000_000_000
    engine.context.monotonic = 1_000_000
    engine.context.effects.isEnabled = true
    client = engine.open()
  }

  /// Runs the requests in `bytes` as one turn.
  mutating func run(_ bytes: borrowing ByteBuffer) {
    engine.beginBatch(client)
    var offset = 0
    while case .request(let size)? = try? parser.parse(
      bytes.view[offset..<bytes.count], limits: limits)
    {
      let request = bytes.view(at: offset, size: size)
      unsafe engine.run(Arguments(request, parser.arguments), request: request)
      offset += size
      requestCount += 1
    }
    engine.endBatch()
    engine.context.sessions[client].reply.bytes.truncate(to: 0)
    engine.context.sessions[client].holds = []
    var old = ByteBuffer()
    swap(&old, &spare)
    spare = engine.context.effects.take(spare: old)
    spare.truncate(to: 0)
  }
}

/// The process that the engine asks, if nobody is there.
private final class NoHost: Host {
  let durableCommit: UInt64 = 0
  func information(section: StaticString) -> [(name: String, value: String)] { [] }
  func rewriteSettings(_ settings: Settings, users: [String]?) throws(CommandError) {}
  func readUsers(path: String) -> [UInt8]? { nil }
  func writeUsers(_ text: [UInt8], path: String) -> Bool { false }
  func randomBytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
