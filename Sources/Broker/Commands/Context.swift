// Context.swift: everything a command may touch.
//
// The request, the reply, the keyspace, the effects, the sessions and those who wait: one value,
// owned by one thread and passed inout. There is no clock and no socket in it; time is handed in at
// the start of each turn.
//
// What a command does about a key it changed, and nothing else:
//   `modified(key)`     the key is not what it was: watchers, held replies and statistics learn of it
//   `changed(key)`      the same where Redis does not tell watchers
//   `propagate(...)`    what to log instead of the request itself (default: the request, if anything
//                       was modified)
//   `signalReady(key)`  it gained what a waiter may want; waiters are served after the command
//   `notify(...)`       the event that Redis publishes of it; "new" and "expired" come by themselves

import RESP

/// A key of the request with its hash, valid as long as the request.
struct Key {
  let bytes: ByteView
  let hash: UInt64
}

struct Context: ~Copyable {
  // MARK: The turn

  /// Wall clock, ms since 1970.
  var wall: Int64 = 0
  /// Monotonic clock, ms.
  var monotonic: Int64 = 0
  var random: SplitMix64
  /// Monotonic nanoseconds, for statistics alone: no decision may depend on it.
  var stopwatch: @Sendable () -> Int64 = { 0 }
  /// Number of the frame in the making: a reply that could have seen a change of this turn waits
  /// until this frame is durable.
  var commit: UInt64 = 1

  /// The newest commit whose replies may leave.
  var durableCommit: UInt64 = 0

  // MARK: The request

  var arguments = Arguments()
  /// The request in RESP, to be logged as it is; nil when it came inline or from a transaction.
  var request: ByteView?
  /// Index in the table of the command being run.
  var command = 0
  /// Output of the session being served; it is put back at the end of its batch.
  var reply = Reply()
  /// The session being served.
  var slot = 0
  /// Database of the session being served.
  var database = 0
  /// The newest commit that the batch's replies could have seen.
  var hold: UInt64 = 0
  /// Whether the command has said itself what to log.
  var hasPropagated = false
  /// Whether the running command is part of EXEC, of a script or of the log: it must not block.
  var isInExec = false
  /// Whether a script calls the running command.
  var isInScript = false

  // MARK: The state

  let keyHash: KeyHash
  var databases: FixedArray<Database>
  /// What list elements that are jobs have beyond their bytes; see Commands/Jobs/Context+Jobs.swift.
  var jobs: Jobs
  var sessions = FixedArray<Session>()
  var effects = Effects()
  var waiters = Waiters()
  var blockTimers = SlotTimers()
  /// How many of the waiters wait for room in a queue of jobs.
  var roomWaiters = 0
  /// Keys that waiters may be served from after this command.
  var readyKeys: [StoredKey] = []
  /// The same as a set: one command may make many keys ready.
  var readyKeySet: Set<StoredKey> = []
  /// Those of them that were streams and are no longer.
  var lostStreams: Set<StoredKey> = []
  /// Sessions by the keys they watch.
  var watchers: [StoredKey: Set<Int>] = [:]
  var graveyard = Graveyard()
  /// False after DEBUG SET-ACTIVE-EXPIRE 0: keys go only when they are touched.
  var expiresActively = true
  let table: CommandTable
  var statistics: Statistics
  var settings = Settings()
  /// Slots of sessions whose output or state needs the connection's attention in this turn.
  var touched: [Int] = []
  /// Slots of sessions that were blocked and may go on with what they sent meanwhile.
  var unblocked: [Int] = []
  /// Slots of sessions that asked to see all commands.
  var monitors: [Int] = [] {
    didSet { isObserved = !monitors.isEmpty || !redacted.isEmpty }
  }
  /// Words of the running command that neither the slow log nor a monitor may show.
  private(set) var redacted: [Int] = []
  /// Whether either of these has anything, for one look after each command.
  private(set) var isObserved = false
  var subscriptions: Subscriptions
  /// A message in the making.
  var draft = Reply()
  /// Messages that follow once the running command has answered.
  var deferred = DeferredMessages()
  /// Classes of key events that are published, as the settings have them; see `setNotifications`.
  var notifications: Settings.Notifications = []
  var pause = Pause()
  /// Whether CLIENT PAUSE holds commands back.
  var isPaused = false { didSet { setCare() } }
  /// Whether each command needs a look that is needed in few servers and at few times.
  private(set) var needsCare = false
  /// Slots that WAIT or WAITAOF.
  var durableWaiters = SlotQueue()
  /// Up to which commit they have been looked at.
  var servedDurable: UInt64 = 0
  /// Users and their rights; after a change, `rightsChanged`.
  var access: AccessControl
  var accessLog = AccessLog()
  /// Scripts and functions (Scripting/).
  let scripts: any ScriptState
  /// The script that has run for too long, while it does.
  var busy: BusyScript? { didSet { setCare() } }
  var slowLog = SlowLog()
  var latency = LatencyMonitor()
  /// Of a short command's calls, those whose number has none of these bits are timed.
  var timingMask = 15
  /// Microseconds past `wall`, 0 ..< 1000, for TIME and MONITOR.
  var wallMicroseconds: Int64 = 0
  /// Whether a checkpoint is being made.
  var isSaving = false
  /// When the state was last saved as a whole, in seconds since 1970.
  var lastSave: Int64 = 0
  /// Writes since the last checkpoint, as `rdb_changes_since_last_save`.
  var changes = 0
  /// True while the log is replayed: nothing expires of itself, nothing is logged or held.
  var isLoading = false
  /// The data is still being read: clients may look at the server, not at the data.
  var isStarting = false {
    didSet {
      isLoading = isStarting
      setCare()
    }
  }
  /// Why commands that grow the data are refused just now, if they are.
  var writesRefused: CommandError?
  /// Whether a client needs no password: protected mode then keeps strangers out.
  var isOpenToAll: Bool { access.defaultNeedsNoPassword }
  /// A browser was sent here by a page of someone else's: worth a line in the log.
  var hasWebRequest = false
  /// What the command asks of the process around the engine.
  var requests = HostRequests()
  /// What the process around the engine tells of itself.
  var host: any Host

  /// Last commit that changed a key, by the top bits of the key's hash.
  private var lastChange: [UInt64]
  private static let lastChangeBits: UInt64 = 12

  init(
    seed: UInt64, databases: Int, table: CommandTable, scripts: any ScriptState, host: any Host
  ) {
    let hash = KeyHash(seed: seed)
    keyHash = hash
    random = SplitMix64(seed: seed ^ 0x5DEE_CE66)
    subscriptions = Subscriptions(hash: hash)
    self.databases = FixedArray(count: databases) { _ in Database(hash: hash) }
    jobs = Jobs(databases: databases, hash: hash)
    self.table = table
    access = AccessControl(table)
    self.scripts = scripts
    self.host = host
    statistics = Statistics(commandCount: table.count)
    lastChange = [UInt64](repeating: 0, count: 1 << Int(Self.lastChangeBits))
  }

  // MARK: Keys of the request

  /// The word number `index` as a key.
  @inline(__always)
  func key(_ index: Int) -> Key {
    let bytes = arguments[index]
    return Key(bytes: bytes, hash: keyHash(bytes))
  }

  @inline(__always)
  func key(_ bytes: ByteView) -> Key { Key(bytes: bytes, hash: keyHash(bytes)) }

  // MARK: Looking up

  /// Notes that the reply will show what `hash`'s keys are now.
  @inline(__always)
  private mutating func see(_ hash: UInt64) {
    let last = lastChange[Int(truncatingIfNeeded: hash >> (64 - Self.lastChangeBits))]
    if last > hold { hold = last }
  }

  /// Notes that the reply may show anything: those of KEYS, SCAN, DBSIZE and the like.
  mutating func seeEverything() { hold = commit }

  /// The entry of `key` for reading; a key whose time is up is gone.
  ///
  /// - Parameter touching: whether that counts as a use of the key, for OBJECT IDLETIME.
  /// - Parameter telling: whether an absent key is an event.
  @inline(__always)
  mutating func find(_ key: Key, touching: Bool = true, telling: Bool = true) -> Entry? {
    see(key.hash)
    guard let entry = databases[database].find(key.bytes, hash: key.hash) else {
      return noteMiss(key, telling: telling)
    }
    if entry.hasDeadline, isExpired(entry) {
      expireUnlessPaused(key)
      return noteMiss(key, telling: telling)
    }
    statistics.hits += 1
    if touching { touch(entry) }
    return entry
  }

  private mutating func noteMiss(_ key: Key, telling: Bool) -> Entry? {
    statistics.misses += 1
    if telling { notify(.keyMiss, "keymiss", key) }
    return nil
  }

  /// The entry of `key` for reading, in no statistics.
  mutating func peek(_ key: Key) -> Entry? {
    see(key.hash)
    guard let entry = databases[database].find(key.bytes, hash: key.hash) else { return nil }
    if entry.hasDeadline, isExpired(entry) {
      expireUnlessPaused(key)
      return nil
    }
    return entry
  }

  /// The entry of `key` for changing its value: no snapshot shares it.
  @inline(__always)
  mutating func findForWriting(_ key: Key) -> Entry? {
    see(key.hash)
    guard let entry = databases[database].findForWriting(key.bytes, hash: key.hash) else {
      return nil
    }
    if entry.hasDeadline, isExpired(entry) {
      expire(key)
      return nil
    }
    touch(entry)
    return entry
  }

  @inline(__always)
  private func touch(_ entry: Entry) {
    if sessions[slot].flags.contains(.noTouch) { return }
    entry.accessed = UInt32(truncatingIfNeeded: wall / 1000)
  }

  func isExpired(_ entry: Entry) -> Bool {
    guard let deadline = entry.deadline, !isLoading else { return false }
    return deadline <= wall
  }

  /// Removes a key that is found out of time. During a pause readers leave it, and nobody sees it; a
  /// writer, which runs in EXEC then, must remove it: what it logs is to meet no old value on replay.
  private mutating func expireUnlessPaused(_ key: Key) {
    if !isPaused || table.entries[command].flags.contains(.write) { expire(key) }
  }

  /// Removes a key whose time is up, and logs that it went.
  private mutating func expire(_ key: Key) {
    statistics.expired += 1
    effects.command("DEL", key.bytes, in: database)
    drop(key)
    noteChange(key, in: database)
    notify(.expired, "expired", key)
  }

  /// Keys that one turn removes because their time is up.
  static let expiredCountMax = 256

  /// Removes a turn's worth of keys whose time is up.
  ///
  /// - Returns: whether more of them wait.
  mutating func runExpireCycle() -> Bool {
    let isTimed = settings.latencyThreshold > 0
    let start = isTimed ? stopwatch() : 0
    let isMoreLeft = expireSome(Self.expiredCountMax)
    if isTimed { noteEvent("expire-cycle", nanoseconds: stopwatch() - start) }
    return isMoreLeft
  }

  /// Removes up to `limit` keys whose time is up.
  ///
  /// - Returns: whether more of them wait.
  mutating func expireSome(_ limit: Int) -> Bool {
    guard expiresActively, !isLoading else { return false }
    var left = limit
    let current = database
    defer { database = current }
    for index in 0..<databases.count where databases[index].hasDeadlines {
      database = index
      while let (deadline, entry) = databases[index].deadlines.first, deadline <= wall {
        if left == 0 { return true }
        left -= 1
        let bytes = entry.key.array  // The entry goes, and a second owner would make it go at once.
        unsafe bytes.withUnsafeBytes {
          let view = unsafe ByteView($0)
          expire(Key(bytes: view, hash: keyHash(view)))
        }
      }
      while let (deadline, key) = databases[index].hashDeadlines.first, deadline <= wall {
        if left <= 0 { return true }
        unsafe key.withUnsafeBytes { unsafe left -= expireFields(of: self.key(ByteView($0)), left) }
      }
    }
    return false
  }

  /// The value of `key`, of type `V`, for reading.
  @inline(__always)
  mutating func value<V: StoredValue>(
    _ key: Key, _ type: V.Type = V.self
  ) throws(CommandError) -> V? {
    guard let entry = find(key) else { return nil }
    guard entry.kind == V.kind else { throw .wrongType }
    return entry.value()
  }

  /// The entry of `key`, whose value is of type `V`, for changing a value that may move by that:
  /// `Entry.unsharedValue` gives it, `Entry.keep` takes it back.
  @inline(__always)
  mutating func entryForWriting<V: StoredValue>(
    _ key: Key, _ type: V.Type
  ) throws(CommandError) -> Entry? {
    guard let entry = findForWriting(key) else { return nil }
    guard entry.kind == V.kind else { throw .wrongType }
    return entry
  }

  /// The value of `key`, of type `V`, for changing it.
  @inline(__always)
  mutating func valueForWriting<V: StoredValue>(
    _ key: Key, _ type: V.Type = V.self
  ) throws(CommandError) -> V? {
    guard let entry = findForWriting(key) else { return nil }
    guard entry.kind == V.kind else { throw .wrongType }
    return entry.unsharedValue()
  }

  /// The list of `key` for reading.
  @inline(__always)
  mutating func list(_ key: Key) throws(CommandError) -> List? { try value(key) }

  /// The list of `key` for changing it.
  @inline(__always)
  mutating func listForWriting(_ key: Key) throws(CommandError) -> List? {
    try valueForWriting(key)
  }

  // MARK: Changing

  /// An empty value under `key`, which is not there.
  @inline(__always)
  mutating func makeValue<V: StoredValue>(_ key: Key, _ type: V.Type = V.self) -> V {
    let value = V.make()
    insert(.value(key.bytes, value), key)
    return value
  }

  /// An entry with an empty value under `key`, which is not there.
  @inline(__always)
  mutating func makeEntry<V: StoredValue>(_ key: Key, _ type: V.Type) -> Entry {
    let entry = Entry.value(key.bytes, V.make())
    insert(entry, key)
    return entry
  }

  /// An empty list under `key`, which is not there.
  mutating func makeList(_ key: Key) -> List { makeValue(key) }

  /// Takes over `entry` under `key`, which is not there.
  mutating func insert(_ entry: Entry, _ key: Key) {
    entry.accessed = UInt32(truncatingIfNeeded: wall / 1000)
    databases[database].insert(entry, hash: key.hash)
    notify(.new, "new", key)
  }

  /// Takes over `entry` under `key`; what was there is freed.
  @inline(__always)
  mutating func put(_ entry: Entry, _ key: Key) {
    notifyIfNew(key)
    entry.accessed = UInt32(truncatingIfNeeded: wall / 1000)
    if let old = databases[database].put(entry, hash: key.hash) { bury(old) }
  }

  /// Takes `key` out of the database; nothing is logged or signalled.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  mutating func drop(_ key: Key) -> Bool {
    guard let entry = databases[database].remove(key.bytes, hash: key.hash) else { return false }
    bury(entry)
    return true
  }

  /// Frees an entry that is out of its table: at once if that is quick, else in slices.
  mutating func bury(_ entry: Entry) {
    if entry.kind == .stream { lost(entry, in: database) }
    if entry.kind == .list, entry.list.line != 0 { endJobs(of: entry.list) }
    entry.bury(in: &graveyard)
  }

  /// Says that `entry` is not under its key any more: who waits for entries of a stream is told.
  mutating func lost(_ entry: Entry, in database: Int) {
    guard entry.kind == .stream, !waiters.isEmpty else { return }
    let key = StoredKey(database, entry.key)
    noteReady(key)
    if readyKeySet.contains(key) { lostStreams.insert(key) }
  }

  /// Sets the deadline of `key` in ms since 1970, or clears it.
  mutating func setDeadline(_ deadline: Int64?, _ key: Key) {
    _ = databases[database].setDeadline(deadline, of: key.bytes, hash: key.hash)
  }

  /// Says that the value of `key`, or whether it exists, is not what it was.
  @inline(__always)
  mutating func modified(_ key: Key) { modified(key, in: database) }

  @inline(__always)
  mutating func modified(_ key: Key, in database: Int) {
    changes += 1
    noteChange(key, in: database)
  }

  /// The same for what goes of itself: nobody changed it.
  @inline(__always)
  mutating func noteChange(_ key: Key, in database: Int) {
    noteChangeUnwatched(key)
    if roomWaiters > 0 { noteReady(.room(in: key.bytes, of: database)) }
    if !watchers.isEmpty { breakWatches(of: StoredKey(database, key.bytes)) }
  }

  @inline(__always)
  private mutating func noteChangeUnwatched(_ key: Key) {
    lastChange[Int(truncatingIfNeeded: key.hash >> (64 - Self.lastChangeBits))] = commit
    hold = commit
  }

  /// Says that what belongs to the value of `key` has changed, as the groups of a stream, which is
  /// nothing to who watches the key.
  mutating func changed(_ key: Key) {
    changes += 1
    noteChangeUnwatched(key)
  }

  /// Says that every key of some database may have changed (FLUSHDB, SWAPDB); who watches one of
  /// them is the caller's business.
  mutating func modifiedEverything() {
    changes += 1
    hold = commit
    for index in lastChange.indices { lastChange[index] = commit }
  }

  /// To be called when a reason for `needsCare` may have come or gone.
  mutating func setCare() {
    needsCare = isPaused || isStarting || busy != nil || settings.replicaCountMin > 0
  }

  // MARK: Who looks on

  /// Keeps words of the running command out of the slow log and from monitors.
  mutating func redact(_ words: some Sequence<Int>) {
    redacted += words
    isObserved = true
  }

  /// Shows the command that has just run to who monitors.
  mutating func endObserved(_ flags: CommandFlags) {
    if !monitors.isEmpty { feedMonitors(flags) }
    redacted = []
    isObserved = !monitors.isEmpty
  }

  // MARK: What is logged

  /// Whether there is anyone to log for: commands need not build effects otherwise.
  var isLogging: Bool { effects.isEnabled }

  /// Logs nothing for this command, although it modified something that is logged already.
  mutating func propagateNothing() { hasPropagated = true }

  mutating func propagate(_ name: StaticString, _ a: ByteView) {
    hasPropagated = true
    effects.command(name, a, in: database)
  }

  mutating func propagate(_ name: StaticString, _ a: ByteView, _ b: ByteView) {
    hasPropagated = true
    effects.command(name, a, b, in: database)
  }

  mutating func propagate(_ name: StaticString, _ a: ByteView, integer: Int64) {
    hasPropagated = true
    effects.command(name, a, integer: integer, in: database)
  }

  // MARK: Waiters

  /// Says that `key` gained something; whoever waits for it is served after the command.
  @inline(__always)
  mutating func signalReady(_ key: Key) {
    if !waiters.isEmpty { noteReady(StoredKey(database, key.bytes)) }
  }

  mutating func noteReady(_ key: StoredKey) {
    guard waiters.isWaited(for: key), readyKeySet.insert(key).inserted else { return }
    readyKeys.append(key)
  }

  /// Says that the connection of `slot` has something to send or to do.
  @inline(__always)
  mutating func touchSession(_ slot: Int) {
    if sessions[slot].flags.contains(.touched) { return }
    sessions[slot].flags.insert(.touched)
    touched.append(slot)
  }
}
