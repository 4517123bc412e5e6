// Embedded.swift: the broker as a thread of another program, for that program's tests.
//
// It is the whole server, sockets and log included, with two differences: the time moves when the test
// says so, and nothing of the process is touched, no signal and no setting of the allocator.

import Synchronization

/// A broker that runs until `stop`.
///
/// Thread safety: any thread may call anything; `stop` waits for the broker's thread.
package final class EmbeddedBroker: Sendable {
  /// The time of embedded brokers: one that stops and one that starts in its place can have the same.
  package struct Time: Sendable {
    fileprivate let clock = HandClock()

    package init() {}

    /// Moves the time on; a broker that waits is to be told (`lookAtTime`).
    package func advance(nanoseconds: Int64) { clock.advance(nanoseconds: nanoseconds) }
  }

  private let time: Time
  private let state: State
  private let thread: Mutex<Thread?>

  /// Starts a broker, and returns once it listens and has its data.
  ///
  /// - Parameter arguments: as of `martlet-server`; they must not ask for anything but to serve.
  /// - Throws: why it did not start, with the line that `martlet-server` says then.
  package init(_ arguments: [String], time: Time) throws {
    let start = try StartArguments(arguments)
    guard start.task == .serve else { throw StartError("this does not start a broker") }
    let settings = try Martlet.settings(start)
    let state = State(wakeUp: try WakeUp())
    self.time = time
    self.state = state
    thread = Mutex(try Thread(name: "martlet") { Self.run(settings, time.clock, state) })
    do { try state.waitForStart() } catch {
      stop()
      throw error
    }
  }

  deinit { stop() }

  /// Has the broker look at its time, and returns once all that is due by now has happened.
  package func lookAtTime() { state.look() }

  /// Finishes what was begun, closes all connections, and waits for the end. The data stays.
  package func stop() {
    state.isStopping.store(true, ordering: .releasing)
    state.wakeUp.signal()
    let ending = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    ending?.join()
  }

  private static func run(_ settings: Settings, _ clock: HandClock, _ state: State) {
    do {
      let host = ServerHost(journal: try Martlet.openJournal(settings), optionsFile: nil)
      var server = try Martlet.assemble(
        settings, host: host, wakeUp: state.wakeUp, signals: .none, clock: clock)
      state.noteStart(.success(()))
      while server.exitCode == nil, !state.isStopping.load(ordering: .acquiring) {
        let looks = state.looks
        server.turn()
        let due = server.engine.nextDeadline ?? .max
        if due > server.engine.context.monotonic { state.noteLooks(looks) }
      }
      server.exitCode = server.exitCode ?? 0
      _ = server.run()
    } catch {
      state.noteStart(.failure(error))
    }
    state.noteLooks(.max)
  }

  /// What the broker's thread and the others share. `@unchecked`: its variables are under `lock`.
  private final class State: @unchecked Sendable {
    let wakeUp: WakeUp
    let isStopping = Atomic<Bool>(false)
    private let lock = Lock()
    private let change: Condition
    private var start: Result<Void, any Error>?
    /// How often the time was to be looked at, and how often it was.
    private var looksWanted = 0, looksDone = 0

    init(wakeUp: WakeUp) {
      self.wakeUp = wakeUp
      change = Condition(lock)
    }

    func noteStart(_ result: Result<Void, any Error>) {
      lock.withLock {
        start = result
        change.broadcast()
      }
    }

    func waitForStart() throws {
      try lock.withLock {
        while true {
          if let start { return try start.get() }
          change.wait()
        }
      }
    }

    var looks: Int { lock.withLock { looksWanted } }

    func noteLooks(_ count: Int) {
      lock.withLock {
        looksDone = max(looksDone, count)
        change.broadcast()
      }
    }

    func look() {
      lock.withLock {
        looksWanted += 1
        wakeUp.signal()
        let number = looksWanted
        while looksDone < number { change.wait() }
      }
    }
  }
}
