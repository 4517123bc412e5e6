// EngineHarness.swift: drives the engine without a process: words in, reply bytes out.
//
// Time stands still until a test moves it. Replies are compared as the bytes a client would read.

import RESP

@testable import Broker

/// The process that tests pretend to be.
final class FakeHost: Host {
  var durableCommit: UInt64 = 0
  var isShuttingDown = false
  /// The users that CONFIG REWRITE last wrote.
  var writtenUsers: [String]?
  /// Files of users by path.
  var files: [String: [UInt8]] = [:]
  /// Lines for the process' log.
  var lines: [String] = []
  /// How far the clock that scripts are timed by moves each time it is looked at, in ms.
  var clockStep: Int64 = 0
  private var clock: Int64 = 0
  /// What other clients do when a script lets them.
  var others: ((inout Context) -> Void)?

  var now: Int64 {
    clock += clockStep
    return clock
  }

  func log(_ level: Settings.LogLevel, _ text: String) { lines.append(text) }
  func serveOthers(_ context: inout Context) { others?(&context) }

  func information(section: StaticString) -> [(name: String, value: String)] { [] }
  func rewriteSettings(_ settings: Settings, users: [String]?) throws(CommandError) {
    writtenUsers = users
  }
  func readUsers(path: String) -> [UInt8]? { files[path] }
  func writeUsers(_ text: [UInt8], path: String) -> Bool {
    files[path] = text
    return true
  }
  func randomBytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xA5, count: count) }
}

/// An engine with some clients.
struct EngineHarness: ~Copyable {
  var engine: Engine
  let host = FakeHost()

  init(seed: UInt64 = 1, logging: Bool = false) {
    engine = Engine(seed: seed, databases: 16, host: host)
    engine.context.wall = 1_700_000_000_000
    engine.context.monotonic = 1_000_000
    engine.context.effects.isEnabled = logging
  }

  /// Begins a session.
  mutating func client() -> Int { engine.open() }

  /// Sends one request and returns all that the client has been sent since the last look.
  mutating func send(_ client: Int, _ words: [[UInt8]]) -> String {
    guard run(client, words) else { return "(not a request)" }
    return output(client)
  }

  /// The same for replies that may not be text.
  mutating func sendForBytes(_ client: Int, _ words: [[UInt8]]) -> [UInt8] {
    guard run(client, words) else { return [] }
    let bytes = engine.context.sessions[client].reply.bytes.view.array
    _ = output(client)
    return bytes
  }

  private mutating func run(_ client: Int, _ words: [[UInt8]]) -> Bool {
    var bytes = ByteBuffer()
    bytes.append("*\(words.count)\r\n")
    for word in words {
      bytes.append("$\(word.count)\r\n")
      bytes.append(word)
      bytes.append("\r\n")
    }
    var parser = RequestParser()
    guard case .request = (try? parser.parse(bytes.view, limits: RequestLimits())) else {
      return false
    }
    engine.beginBatch(client)
    unsafe engine.run(Arguments(bytes.view, parser.arguments), request: bytes.view)
    engine.endBatch()
    return true
  }

  /// Sends words that hold no blanks, and leaves the reply where it is.
  mutating func leave(_ client: Int, _ line: String) {
    _ = run(client, line.split(separator: " ").map { Array($0.utf8) })
  }

  /// Sends words that hold no blanks: `send(c, "LPUSH list a")`.
  mutating func send(_ client: Int, _ line: String) -> String {
    send(client, line.split(separator: " ").map { Array($0.utf8) })
  }

  /// What the client has been sent since the last look, holds or not.
  mutating func output(_ client: Int) -> String {
    let text = engine.context.sessions[client].reply.bytes.view.text
    engine.didSend(client, engine.context.sessions[client].outputSize)
    engine.context.sessions[client].holds = []
    return text
  }

  /// Moves both clocks on.
  ///
  /// - Parameter runningTimers: false leaves keys whose time is up where they are.
  mutating func advance(milliseconds: Int64, runningTimers: Bool = true) {
    engine.context.wall += milliseconds
    engine.context.monotonic += milliseconds
    if runningTimers { engine.runTimers() }
  }

  /// Applies the commands of a frame, as the start does.
  mutating func replay(_ body: [UInt8], count: Int) throws(Engine.ReplayError) {
    var bytes = ByteBuffer()
    bytes.append(body)
    try engine.replay(bytes.view, count: count)
  }

  /// Checks the structures of all databases.
  func checkInvariants() {
    for index in 0..<engine.context.jobs.spaces.count {
      engine.context.jobs.spaces[index].checkInvariants()
    }
    for index in 0..<engine.context.databases.count {
      engine.context.databases[index].checkInvariants()
      engine.context.databases[index].table.forEach { entry in
        switch entry.kind {
        case .list: entry.list.checkInvariants()
        case .hash: entry.value(HashValue.self).checkInvariants(engine.context.keyHash)
        case .set: entry.value(SetValue.self).checkInvariants(engine.context.keyHash)
        case .sortedSet: entry.value(SortedSet.self).checkInvariants(engine.context.keyHash)
        case .stream: entry.value(Stream.self).checkInvariants()
        case .string: break
        }
      }
    }
    engine.context.waiters.checkInvariants()
  }

  /// The records of all that was run since the last look, as the log would get them.
  mutating func frame() -> (body: [UInt8], count: Int) {
    let count = engine.context.effects.count
    return (engine.context.effects.take(spare: ByteBuffer()).view.array, count)
  }

  /// The log records of all that was run since the last look, and a new frame.
  mutating func effects() -> String {
    engine.context.effects.take(spare: ByteBuffer()).view.text
  }
}
