// Engine.swift: the broker without its process: requests in, replies, records and wake-ups out.
//
// A function of (time, session, request): the same calls give the same results. The server's turn
// drives it, and so do the simulations, with a clock of their own.

import RESP

struct Engine: ~Copyable {
  var context: Context

  init(seed: UInt64, databases: Int, host: any Host) {
    context = Context(
      seed: seed, databases: databases, table: Self.table, scripts: Scripting(), host: host)
    // Slot 0 is nobody's: the log is replayed in its name.
    context.sessions.append(Session())
    context.sessions[0].flags = [.authenticated]
  }

  /// The engine whose context this is.
  init(_ context: consuming Context) { self.context = context }

  /// All commands by family.
  static let families: [[Command]] = [
    Lists.ends, Lists.blocking, Lists.inside, JobCommands.adding, JobCommands.fetching,
    JobCommands.ending, JobCommands.inspection, JobCommands.logged,
    JobCommands.queues, JobCommands.walks, JobCommands.results, Strings.setting,
    Strings.getting, Strings.editing,
    Strings.numbers, Strings.comparing,
    BitCommands.basics, BitCommands.operations, BitCommands.fields, HyperLogLogCommands.commands,
    Hashes.basics, Hashes.whole, Hashes.numbers, Hashes.expiry,
    Sets.basics, Sets.random, Sets.algebra,
    SortedSets.members, SortedSets.ranges, SortedSets.pops, SortedSets.algebra, SortedSets.walks,
    GeoCommands.members, GeoCommands.searches,
    Streams.adding, Streams.reading, Streams.groups, Streams.groupReading, Streams.pending,
    Streams.claiming, Streams.information,
    Keys.basics, Keys.expiry, Keys.moves, Keys.walks, Keys.sorting, Keys.inspection, Keys.dumps,
    Databases.commands, Transactions.commands,
    PubSub.subscriptions, PubSub.publishing, Connection.commands, Clients.commands,
    CommandList.commands, AccessCommands.commands,
    ScriptCommands.evaluating, ScriptCommands.managing, FunctionCommands.commands,
    ServerCommands.commands, Saving.commands, Configuration.commands, SlowLogCommands.commands,
    LatencyCommands.commands, MemoryCommands.commands, Debugging.commands,
    ClusterCommands.commands,
  ]

  /// Made once: simulations begin thousands of engines.
  private static let table = CommandTable(families: families)

  /// Takes the settings of the start, users included.
  ///
  /// - Returns: names of users that are off, which may be a slip worth a line in the log.
  mutating func configure(_ settings: Settings) throws(AccessError) -> [String] {
    context.take(settings, changed: settings.password.isEmpty ? [] : ["requirepass"])
    let off = try context.access.define(settings.users)
    if !settings.aclFile.isEmpty { try context.loadUsers() }
    context.rightsChanged()
    return off
  }

  // MARK: Sessions

  private var freeSlots: [Int] = []
  private var nextClient: UInt64 = 1

  /// Begins a session and returns its slot.
  mutating func open() -> Int {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      context.sessions[slot] = Session()
    } else {
      slot = context.sessions.count
      context.sessions.append(Session())
    }
    context.sessions[slot].flags = [.open]
    context.logInAsDefault(slot)
    context.sessions[slot].id = nextClient
    context.sessions[slot].created = context.monotonic
    context.sessions[slot].lastActive = context.monotonic
    nextClient += 1
    context.statistics.connections += 1
    // Never saved counts as saved at the start.
    if context.lastSave == 0 { context.lastSave = context.wall / 1000 }
    return slot
  }

  /// Ends the session: what it waits for or watches is forgotten, its replies are dropped.
  mutating func close(_ slot: Int) {
    context.endWait(slot)
    context.giveBackUnsent(slot)
    context.resetTransaction(slot)
    context.stopMonitoring(slot)
    context.unsubscribeAll(slot)
    context.unblocked.removeAll { $0 == slot }
    // It stays in `touched`: the server closes sessions while it goes through that list.
    context.sessions[slot] = Session()
    freeSlots.append(slot)
    if !context.readyKeys.isEmpty { context.serveWaiters() }
  }

  // MARK: Running requests

  /// Takes over the session in `slot` for a batch of its requests.
  @inline(__always)
  mutating func beginBatch(_ slot: Int) {
    context.slot = slot
    context.database = context.sessions[slot].database
    context.hold = 0
    context.sessions[slot].flags.insert(.served)
    swap(&context.reply, &context.sessions[slot].reply)
  }

  /// Runs one request. `request` is its RESP form, if that is how it came.
  @inline(__always)
  mutating func run(_ arguments: Arguments, request: ByteView?) {
    context.arguments = arguments
    context.request = request
    context.dispatch()
  }

  /// Gives the session back and holds its replies as long as what they could have seen.
  @inline(__always)
  mutating func endBatch() {
    let slot = context.slot
    context.sessions[slot].database = context.database
    swap(&context.reply, &context.sessions[slot].reply)
    context.sessions[slot].flags.remove(.served)
    context.holdReplies(of: slot, until: context.hold)
    context.touchSession(slot)
    if !context.pause.released.isEmpty { runHeldBack() }
  }

  /// Runs the commands that a pause held back, now that it is over.
  private mutating func runHeldBack() {
    let released = context.pause.released
    context.pause.released = []
    for (slot, client, words) in released where context.sessions[slot].id == client {
      beginBatch(slot)
      words.withArguments { run($0, request: nil) }
      endBatch()
    }
  }

  // MARK: Output

  /// How many bytes of the output of `slot` need wait for nothing.
  mutating func sendable(_ slot: Int) -> Int {
    context.sessions[slot].forgetHolds(until: context.durableCommit)
    if context.sessions[slot].holds.isEmpty { return context.sessions[slot].outputSize }
    var end = 0
    for hold in context.sessions[slot].holds {
      guard hold.commit <= context.durableCommit else { return end }
      end = hold.end
    }
    return context.sessions[slot].outputSize
  }

  /// Puts an error in the place of all replies of `slot` whose changes did not get to the disk.
  mutating func refuseHeld(_ slot: Int) {
    let free = sendable(slot)
    guard free < context.sessions[slot].outputSize else { return }
    context.sessions[slot].reply.bytes.truncate(to: free)
    context.sessions[slot].deliveries.lose(after: free)
    context.sessions[slot].holds = []
    context.sessions[slot].reply.error(
      "MISCONF The log has failed: what was asked may not be on disk")
  }

  /// Takes `count` bytes that were sent from the output of `slot`.
  mutating func didSend(_ slot: Int, _ count: Int) {
    context.sessions[slot].reply.bytes.removeFirst(count)
    context.sessions[slot].deliveries.forgetSent(count)
    guard !context.sessions[slot].holds.isEmpty else { return }
    for index in context.sessions[slot].holds.indices {
      context.sessions[slot].holds[index].end -= count
    }
    let durable = context.durableCommit
    context.sessions[slot].holds.removeAll { $0.commit <= durable && $0.end <= 0 }
  }

  /// Lets go the replies that were held for a frame which turned out to be empty.
  mutating func withdrawHolds() {
    for slot in context.touched {
      let last = context.sessions[slot].holds.count - 1
      guard last >= 0, context.sessions[slot].holds[last].commit == context.commit else { continue }
      context.sessions[slot].holds[last].commit = context.commit - 1
    }
  }

  // MARK: Time

  /// Ends the waits whose time is up and removes some of the keys whose time is up.
  ///
  /// - Returns: whether more keys wait to be removed.
  @discardableResult
  mutating func runTimers() -> Bool {
    context.endPauseIfDue()
    if !context.pause.released.isEmpty { runHeldBack() }
    while let (deadline, slot) = context.blockTimers.first, deadline <= context.monotonic {
      context.timeOut(slot)
    }
    guard !context.isPaused else { return false }
    var isMoreLeft = context.runExpireCycle()
    if context.runJobTimers() { isMoreLeft = true }
    // Who waits for entries of a stream whose time was up is told.
    if !context.readyKeys.isEmpty { context.serveWaiters() }
    return isMoreLeft
  }

  /// Answers those who WAITAOF for what is on disk now. To be called when a sync has ended.
  mutating func runDurable() { context.serveDurable() }

  /// When the next key or field of a hash goes, in ms since 1970.
  var nextKeyDeadline: Int64? {
    var next: Int64?
    for index in 0..<context.databases.count {
      if let (deadline, _) = context.databases[index].deadlines.first {
        next = min(next ?? deadline, deadline)
      }
      if let (deadline, _) = context.databases[index].hashDeadlines.first {
        next = min(next ?? deadline, deadline)
      }
    }
    return next
  }

  /// When the next wait or pause ends or a job's time comes, in monotonic ms.
  var nextDeadline: Int64? {
    var wait = context.blockTimers.first?.deadline
    if !context.isPaused, !context.isLoading,
      let due = context.jobs.nextDue(monotonic: context.monotonic, wall: context.wall)
    {
      wait = min(wait ?? .max, due)
    }
    guard context.isPaused else { return wait }
    return min(wait ?? .max, context.pause.end)
  }
}
