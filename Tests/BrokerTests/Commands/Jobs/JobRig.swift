// JobRig.swift: an engine whose jobs have known ids, and what tests say to it.

import Testing

@testable import Broker

/// Clients of an engine of node 1: the first job is D-00000001-1.
struct JobRig: ~Copyable {
  var harness: EngineHarness
  let client: Int

  init(seed: UInt64 = 1) {
    harness = EngineHarness(seed: seed, logging: true)
    harness.engine.context.jobs.chooseNode(1)
    client = harness.client()
  }

  /// The id of the job number `number`.
  static func id(_ number: Int) -> String { "D-00000001-" + String(number, radix: 16) }

  /// `line` with the ids of the jobs of which it has the numbers behind `#`.
  static func named(_ line: some StringProtocol) -> String {
    String(line).replacing("#", with: "D-00000001-")
  }

  /// Sends a line and returns the reply with its line ends as blanks: `*1 $1 a`.
  mutating func send(_ line: String) -> String { flat(harness.send(client, line)) }

  /// What the client was sent since.
  mutating func output(_ client: Int) -> String { flat(harness.output(client)) }

  private func flat(_ reply: String) -> String {
    reply.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast()
      .joined(separator: " ")
  }

  /// Sends a line for a reply that is an array or a single value: its strings and numbers alone.
  mutating func values(_ line: String) -> [String] {
    harness.send(client, line).split(separator: "\r\n").filter {
      $0.first != "*" && $0.first != "$"
    }.map(String.init)
  }

  /// The value that SHOW has under `name`.
  mutating func show(_ id: String, _ name: String) -> String? { value(name, of: "SHOW \(id)") }

  /// The value under `name` in the reply to a line: names and values.
  mutating func value(_ name: String, of line: String) -> String? {
    let values = values(line)
    guard let index = values.firstIndex(of: name), index + 1 < values.count else { return nil }
    return values[index + 1]
  }

  /// Moves both clocks on and lets all that is due happen.
  mutating func advance(_ milliseconds: Int64) {
    harness.advance(milliseconds: milliseconds)
    while harness.engine.runTimers() {}
  }

  /// The engine as a replay of the whole log so far would have it, its clocks `later` ms on.
  mutating func restart(after milliseconds: Int64 = 0) throws {
    let (body, count) = harness.frame()
    var next = EngineHarness(seed: 77, logging: true)
    next.engine.context.wall = harness.engine.context.wall + milliseconds
    next.engine.context.monotonic = 5
    try next.replay(log + body, count: frames + count)
    log += body
    frames += count
    harness = next
    _ = harness.client()
  }
  private var log: [UInt8] = []
  private var frames = 0
}
