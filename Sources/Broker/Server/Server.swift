// Server.swift: the process: it owns the engine, the sockets and the log, and takes turns.
//
// The turn (run()):
//   1. wait for sockets, wake-ups or the next timer      4. timers; waiters were served on the way
//   2. take over what the log has made durable           5. the turn's effects go to the log as a frame
//   3. read and run, each connection within its budget   6. replies that need not wait leave
//   7. a slice of background work: freeing, expiring
// All state below belongs to this one thread. Turn.swift has the turn, Clients.swift the sockets.

import RESP

struct Server: ~Copyable {
  /// Empty while a request runs: whoever runs it has the engine (BusyServing.swift).
  var box: EngineBox
  var connections = FixedArray<ClientConnection>()
  var poller: Poller
  var coalescing = Coalescing(limit: 0)
  let signals: Signals
  let wakeUp: WakeUp
  /// What the time is, where a test says so; nil for the system's clocks.
  var clock: HandClock?

  var log: LogThread?
  let host: ServerHost
  let journal: ServerLog
  /// When the log was last told of a web request.
  var webWarningAt: Int64 = 0
  var networks: NetworkList

  /// The buffer that sockets are read into; what is left of it goes to the connection.
  var scratch = ByteBuffer(capacity: 2 * TurnBudget.bytes)
  /// Slots with requests left over from their budget, and those whose output waits for the log.
  var pending: [Int] = []
  var held: [Int] = []
  /// The durable commit for which `held` was last looked through.
  var heldUntil: UInt64 = 0
  /// Slots of clients that write faster than the disk.
  var waitingForLog: [Int] = []
  /// Since when the frame in the making has effects, monotonic ns; 0 when it has none.
  var frameSince: Int64 = 0
  var openCount = 0
  var nextGeneration: UInt32 = 1
  /// Set when no descriptor was left: until then listeners are not watched.
  var acceptAgainAt: Int64 = 0
  /// When the log was last told of it.
  var acceptWarningAt: Int64 = 0
  var nextHousekeeping: Int64 = 0
  /// Where the sweep over idle connections goes on.
  var sweepSlot = 0
  var exitCode: Int32?
  /// SHUTDOWN FORCE: what can't be saved does not count as a failure.
  var stopsInSpiteOfLoss = false
  var checkpoints = Checkpoints()
  /// SHUTDOWN NOSAVE: no checkpoint at the end, however useful.
  var stopsWithoutCheckpoint = false
  var limitsBeforeLogin = RequestLimits.beforeLogin
  var limits = RequestLimits()

  var settings: Settings { engine.context.settings }
  var listeners: [Listener] { host.listeners.all }

  /// Tags of what is not a connection, above all slots.
  static let wakeTag = UInt64.max
  static let signalTag = UInt64.max - 1
  static let listenerTag = UInt64.max - 1024

  init(
    engine: consuming Engine, host: ServerHost, wakeUp: WakeUp, networks: NetworkList,
    poller: consuming Poller, signals: consuming Signals
  ) {
    box = EngineBox(engine)
    self.host = host
    log = host.log
    journal = host.journal
    self.wakeUp = wakeUp
    self.networks = networks
    self.poller = poller
    self.signals = signals
    takeOverLimits()
    watchListeners()
  }

  var engine: Engine {
    @inline(__always) _read { yield box.engine }
    @inline(__always) _modify { yield &box.engine }
  }

  /// Copies what the settings say about requests and turns to where it is looked for.
  mutating func takeOverLimits() {
    limits.bulkSizeMax = settings.bulkSizeMax
    limitsBeforeLogin.bulkSizeMax = settings.bulkSizeMax
    coalescing.limit = Int64(settings.coalesceMicroseconds) * 1000
  }
}
