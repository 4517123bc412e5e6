// ServerRig.swift: the server with its turns in the test's hand.
//
// The sockets, the log and its threads are real; a turn is taken when the test says so, and syncs
// wait at a gate (GatedDisk). So a test waits for what the server does, never for time to pass.

import Glibc
import RESP
import Synchronization

@testable import Broker

/// A client's side of a connection; it never waits.
final class TestClient {
  fileprivate let socket: Socket
  fileprivate var unsent = ByteBuffer()
  var received = ByteBuffer()
  /// The server has closed the connection.
  fileprivate(set) var hasEnded = false

  fileprivate init(_ socket: Socket) {
    self.socket = socket
    _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { socket.close() }

  /// Queues requests, whose words hold no blanks.
  func request(_ lines: String...) {
    for line in lines { request(line.split(separator: " ").map { Array($0.utf8) }) }
  }

  func request(_ words: [[UInt8]]) {
    unsent.append("*\(words.count)\r\n")
    for word in words {
      unsent.append("$\(word.count)\r\n")
      unsent.append(word)
      unsent.append("\r\n")
    }
  }

  /// Sends what it can of what is queued.
  func send() {
    while !unsent.isEmpty, case .bytes(let count) = socket.write(unsent.view) {
      unsent.removeFirst(count)
    }
  }

  /// Nothing more will be sent; all that was queued must have been.
  func endSending() {
    precondition(unsent.isEmpty)
    socket.shutdownWriting()
  }

  var hasSentAll: Bool { unsent.isEmpty }

  /// Reads what there is.
  func read() {
    while true {
      switch socket.read(into: &received, upTo: 1 << 16) {
      case .bytes: continue
      case .wouldBlock: return
      case .ended, .failed:
        hasEnded = true
        return
      }
    }
  }

  var text: String { received.view.text }
}

final class ServerRig {
  let folder = TemporaryFolder()
  let disk = GatedDisk()
  let log: LogThread
  let clock = Clock()
  var server: Server
  private let path: String

  /// What the log takes for the monotonic time.
  final class Clock: Sendable {
    let nanoseconds = Atomic<UInt64>(1_000_000_000)
    func advance(milliseconds: UInt64) {
      nanoseconds.add(milliseconds * 1_000_000, ordering: .relaxed)
    }
  }

  init(_ change: (inout Settings) -> Void = { _ in }) throws {
    var settings = Settings()
    path = folder.path + "/socket"
    settings.port = 0
    settings.unixSocket = path
    settings.logLevel = .warning
    change(&settings)
    let journal = try ServerLog(path: folder.path + "/journal", level: settings.logLevel)
    let host = ServerHost(journal: journal, optionsFile: nil)
    var engine = Engine(seed: 1, databases: 16, host: host)
    _ = try engine.configure(settings)
    let wakeUp = try WakeUp()
    let recovery = try Recovery(
      disk: disk, directory: folder.path + "/data", options: LogOptions(identity: 1, processID: 1))
    let position = try recovery.replay { _, _ in }
    log = try LogThread(
      position, policy: settings.sync.policy,
      timing: LogThread.Timing { [clock] in clock.nanoseconds.load(ordering: .relaxed) },
      wake: { wakeUp.signal() })
    host.log = log
    host.listeners = try Listeners(settings)
    server = try Self.server(engine, host, wakeUp)
  }

  private static func server(
    _ engine: consuming Engine, _ host: ServerHost, _ wakeUp: WakeUp
  ) throws(SystemError) -> Server {
    let poller = try Poller()
    try poller.add(wakeUp.descriptor, tag: Server.wakeTag, for: .reading)
    return Server(
      engine: engine, host: host, wakeUp: wakeUp, networks: NetworkList([])!, poller: poller,
      signals: try Signals())
  }

  func client() throws -> TestClient {
    let client = TestClient(try Socket.connect(to: .unix(path: path)))
    server.turn()
    return client
  }

  /// Takes turns, while the clients send what they have queued and read where they are to, until
  /// `isDone`; false after more time than anything here needs.
  func run(
    _ clients: [TestClient], reading: [TestClient]? = nil, until isDone: (borrowing Server) -> Bool
  ) -> Bool {
    let deadline = SystemClock.monotonic() + 600_000_000_000
    while SystemClock.monotonic() < deadline {
      for client in clients { client.send() }
      server.turn()
      for client in reading ?? clients { client.read() }
      if isDone(server) { return true }
    }
    return false
  }

  /// Runs until `client` has received `text` at the end.
  func run(_ client: TestClient, until text: String) -> Bool {
    run([client]) { _ in client.text.hasSuffix(text) }
  }

  /// The lines that the server has logged.
  func journal() throws -> String {
    String(decoding: try TextFile.read(folder.path + "/journal"), as: UTF8.self)
  }

  /// Stops the server as a signal does; the gate must be open.
  ///
  /// - Returns: the exit code.
  func stop(_ code: Int32 = 0) -> Int32 {
    server.exitCode = server.exitCode ?? code
    return server.run()
  }
}
