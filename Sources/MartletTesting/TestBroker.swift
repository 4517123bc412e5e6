// TestBroker.swift: a real broker inside the test's process.
//
// Not a fake: it is the server as a library, on a Unix socket in a temporary folder that goes with it. Only
// the time is the test's.

internal import Broker
internal import Foundation
public import Martlet

/// A Martlet broker in this process, for tests of what uses Martlet.
///
/// Leases, delays and retries fire when the test says that time has passed, so tests wait for nothing:
///
/// ```swift
/// let broker = try TestBroker()
/// let client = try broker.client()
/// try await client.enqueue(Reminder(text: "tea"), delay: .seconds(300))
/// broker.advance(by: .seconds(300))   // Now it is ready.
/// ```
///
/// Each broker has its own socket and its own data, so tests can run side by side. Both go with it.
///
/// Thread safety: any thread may call anything, but one at a time may `restart` or `stop`.
public final class TestBroker: Sendable {
  /// Where it listens: `unix:///tmp/...`, good for `MartletClient` and any other Redis client.
  public let url: String

  /// The time of the broker. Hand it to a `Worker` so that both have the same.
  public let clock = TestClock()

  private let folder: String
  private let options: [String]
  private let time = EmbeddedBroker.Time()
  private let broker: Locked<EmbeddedBroker?>

  /// Starts a broker.
  ///
  /// - Parameter options: those of `martlet-server`, such as `["--requirepass", "secret"]`. Data is written
  ///   but not synced unless they say otherwise, so that it survives `restart`.
  /// - Throws: `TestBrokerError` when it does not start.
  public init(options: [String] = []) throws(TestBrokerError) {
    folder = try Self.makeFolder()
    url = "unix://\(folder)/socket"
    self.options = options
    do throws(TestBrokerError) {
      broker = Locked(try Self.start(folder, options, time))
    } catch {
      Self.remove(folder)
      throw error
    }
  }

  deinit {
    stop()
    Self.remove(folder)
  }

  /// A client of this broker.
  ///
  /// - Parameter options: how it behaves; nil for defaults that are good for tests: a call may wait for
  ///   minutes, for so long may a process wait for its turn on a busy machine.
  public func client(
    options: MartletClient.Options? = nil
  ) throws(MartletError) -> MartletClient {
    try MartletClient(url, options: options ?? Self.patientOptions)
  }

  private static var patientOptions: MartletClient.Options {
    var options = MartletClient.Options()
    options.timeout = .seconds(600)
    options.connectTimeout = .seconds(600)
    options.reconnectDelayMax = .milliseconds(100)
    return options
  }

  /// A worker of this broker, which lives by its clock.
  public func worker(
    _ client: MartletClient, queues: String..., concurrency: Int = 16,
    options: WorkerOptions = WorkerOptions()
  ) -> Worker {
    var options = options
    options.clock = clock
    return Worker(
      client, queues: [WorkerQueues(names: queues, concurrency: concurrency)], options: options)
  }

  /// Lets time pass: leases run out, delays end and retries come due that were to within `duration`.
  ///
  /// All that is due by then has happened in the broker when this returns.
  public func advance(by duration: Duration) {
    let parts = duration.components
    time.advance(
      nanoseconds: parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000)
    broker.withLock { $0?.lookAtTime() }
    clock.advance(by: duration)
  }

  /// Stops the broker and starts it again on the same data and socket: all connections are cut, and what
  /// was acknowledged is there.
  public func restart() throws(TestBrokerError) {
    stop()
    let started = try Self.start(folder, options, time)
    broker.withLock { $0 = started }
  }

  /// Stops the broker: who is connected is cut off, and nobody can connect until `restart`.
  public func stop() {
    let ending = broker.withLock { broker in
      defer { broker = nil }
      return broker
    }
    ending?.stop()
  }

  private static func start(
    _ folder: String, _ options: [String], _ time: EmbeddedBroker.Time
  ) throws(TestBrokerError) -> EmbeddedBroker {
    let own = [
      "--port", "0", "--unixsocket", "\(folder)/socket", "--dir", "\(folder)/data",
      "--appendfsync", "no", "--maxclients", "1000", "--logfile", "\(folder)/log",
    ]
    do { return try EmbeddedBroker(own + options, time: time) } catch {
      throw TestBrokerError("\(error)")
    }
  }

  private static func makeFolder() throws(TestBrokerError) -> String {
    // Not where TMPDIR says: the path of a socket may have 107 bytes and no more.
    let path = "/tmp/martlet-\(UUID().uuidString.prefix(8).lowercased())"
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    } catch {
      throw TestBrokerError("no folder for the broker: \(error)")
    }
    return path
  }

  private static func remove(_ folder: String) {
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// Why a `TestBroker` did not start.
public struct TestBrokerError: Error, Sendable, CustomStringConvertible {
  /// The line that `martlet-server` says then.
  public let description: String

  init(_ description: String) { self.description = description }
}
