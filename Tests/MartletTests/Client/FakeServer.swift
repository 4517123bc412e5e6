// FakeServer.swift: a server that does what a test says, for what no real one does when asked: to be slow,
// to cut connections, to send halves and nonsense.
//
// Each connection runs its script in a thread of its own and waits in plain reads, so a test is in step
// with its client without any clock.

import CLinux
import Glibc
import RESP

@testable import Martlet

final class FakeServer: Sendable {
  typealias Script = @Sendable (Peer) -> Void

  private let listener: Int32
  private let path: String
  private let accepted = Counter()

  /// Connections that were ever made.
  var connectionCount: Int { accepted.value }
  var url: String { "unix://" + path }

  /// - Parameter script: is run for each connection, which ends with it.
  init(_ script: @escaping Script) throws {
    path = "/tmp/martlet-fake-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let address = SocketAddress.unix(path: path)
    let code = unsafe address.bytes.withUnsafeBytes { bytes in
      unsafe bind(
        listener, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    precondition(code == 0 && listen(listener, 64) == 0)
    try IOThread.start(name: "fake-server") { [listener, accepted] in
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else {
          close(listener)
          return
        }
        let index = accepted.add() - 1
        try? IOThread.start(name: "fake-peer") {
          let peer = Peer(descriptor, index: index)
          script(peer)
          peer.end()
        }
      }
    }
  }

  /// Refuses connections from now on.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    unsafe unlink(path)
  }

  deinit { stop() }
}

/// The server's side of one connection. All calls wait for what they need.
final class Peer {
  /// How many connections there were before.
  let index: Int
  private let descriptor: Int32
  private var input = ByteBuffer()
  private var parser = RequestParser()
  private var isOpen = true

  fileprivate init(_ descriptor: Int32, index: Int) {
    self.descriptor = descriptor
    self.index = index
  }

  deinit { close(descriptor) }

  /// The next request; nil when the client sends no more.
  func request() -> [String]? {
    while true {
      if case .request(let size) = try? parser.parse(input.view, limits: RequestLimits()) {
        var words: [String] = []
        for index in 0..<parser.count {
          let range = unsafe parser.arguments[index]
          words.append(input.view(at: Int(range.offset), size: Int(range.size)).text)
        }
        input.removeFirst(size)
        return words
      }
      let count = unsafe input.fill(1 << 16) {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      if count <= 0 { return nil }
    }
  }

  /// Waits until the client sends no more.
  func waitForEnd() { while request() != nil {} }

  func send(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      _ = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
  }

  func send(bulk text: String) { send("$\(text.utf8.count)\r\n\(text)\r\n") }

  /// Answers the greeting as a server of RESP3 does.
  func greet() {
    _ = request()
    send("%1\r\n+proto\r\n:3\r\n")
  }

  /// Answers `ECHO` until the client sends no more.
  func echo() {
    while let words = request() { send(bulk: words.last ?? "") }
  }

  func end() { if isOpen { shutdown(descriptor, Int32(SHUT_RDWR)) } }
}

/// A number that several tasks change.
final class Counter: Sendable {
  private let number: Locked<Int>

  init(_ number: Int = 0) { self.number = Locked(number) }

  var value: Int { number.withLock { $0 } }

  /// - Returns: the number afterwards.
  @discardableResult
  func add(_ amount: Int = 1) -> Int {
    number.withLock { number in
      number += amount
      return number
    }
  }
}

/// What a call came to.
func outcome<Output: Sendable>(
  _ body: () async throws -> Output
) async -> Result<Output, MartletError> {
  do { return .success(try await body()) } catch let error as MartletError {
    return .failure(error)
  } catch { return .failure(MartletError(.decoding, "\(error)")) }
}

extension Result where Failure == MartletError {
  var failure: MartletError.Code? {
    if case .failure(let error) = self { error.code } else { nil }
  }
  var message: String {
    if case .failure(let error) = self { error.message } else { "" }
  }
}

/// Options with short pauses; and with long timeouts, since a test may wait for its turn for minutes among
/// all the others.
func options(_ change: (inout MartletClient.Options) -> Void = { _ in }) -> MartletClient.Options {
  var options = MartletClient.Options()
  options.reconnectDelayMax = .milliseconds(5)
  options.timeout = .seconds(600)
  options.connectTimeout = .seconds(600)
  change(&options)
  return options
}
