// EmbeddedTests.swift: the broker as a thread of another program.

import RESP
import Testing

@testable import Broker

/// A client that waits for each reply.
private struct Caller {
  let socket: Socket

  init(_ path: String) throws { socket = try Socket.connect(to: .unix(path: path)) }

  /// Sends words without blanks and returns what comes back until it ends with `end`.
  func ask(_ words: String, until end: String = "\r\n") -> String {
    var request = ByteBuffer(), reply = ByteBuffer()
    request.append("\(words)\r\n" as String)
    guard case .bytes = socket.write(request.view) else { return "not sent" }
    while !reply.view.text.hasSuffix(end) {
      guard case .bytes = socket.read(into: &reply, upTo: 4096) else { return "no reply" }
    }
    return reply.view.text
  }
}

@Suite struct EmbeddedTests {
  private func arguments(_ folder: TemporaryFolder) -> [String] {
    [
      "--port", "0", "--unixsocket", "\(folder.path)/socket", "--dir", "\(folder.path)/data",
      "--appendfsync", "no", "--maxclients", "100", "--logfile", "\(folder.path)/log",
    ]
  }

  /// Goal: what is due has happened when `lookAtTime` returns, and time does not pass by itself. Method: more
  /// delayed jobs than one turn makes ready.
  @Test func timePassesWhenItIsTold() throws {
    let folder = TemporaryFolder(), time = EmbeddedBroker.Time()
    let broker = try EmbeddedBroker(arguments(folder), time: time)
    let caller = try Caller(folder.path + "/socket")
    for _ in 0..<1200 { _ = caller.ask("ADDJOB q body 0 DELAY 60") }
    time.advance(nanoseconds: 59_999_000_000)
    broker.lookAtTime()
    #expect(caller.ask("LLEN q") == ":0\r\n")
    time.advance(nanoseconds: 1_000_000)
    broker.lookAtTime()
    #expect(caller.ask("LLEN q") == ":1200\r\n")
    caller.socket.close()
    broker.stop()
  }

  @Test func whatWasAcknowledgedIsThereInTheNextOne() throws {
    let folder = TemporaryFolder(), time = EmbeddedBroker.Time()
    let first = try EmbeddedBroker(arguments(folder), time: time)
    let caller = try Caller(folder.path + "/socket")
    #expect(caller.ask("SET a b") == "+OK\r\n")
    first.stop()
    first.lookAtTime()
    #expect(caller.ask("PING") == "no reply" || caller.ask("PING") == "not sent")
    caller.socket.close()
    let second = try EmbeddedBroker(arguments(folder), time: time)
    let again = try Caller(folder.path + "/socket")
    #expect(again.ask("GET a", until: "b\r\n") == "$1\r\nb\r\n")
    again.socket.close()
    second.stop()
  }

  @Test func whatIsWrongEndsTheStart() {
    let folder = TemporaryFolder(), time = EmbeddedBroker.Time()
    #expect(throws: StartError.self) {
      try EmbeddedBroker(arguments(folder) + ["--no-such-option", "1"], time: time)
    }
    #expect(throws: StartError.self) { try EmbeddedBroker(["--help"], time: time) }
    let first = try? EmbeddedBroker(arguments(folder), time: time)
    // The folder is taken.
    #expect(throws: (any Error).self) { try EmbeddedBroker(arguments(folder), time: time) }
    first?.stop()
  }
}
