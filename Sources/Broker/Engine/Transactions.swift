// Transactions.swift: MULTI and EXEC, and the keys that are watched for them.
//
//     ─ MULTI ─▶ queueing ─ EXEC ─▶ all run, one reply each
//                   │ └─ DISCARD ─▶ forgotten
//                   └─ a command that cannot be queued ─▶ aborted ─ EXEC ─▶ EXECABORT
//
// All of a transaction runs inside one command, thus inside one turn, and is in one frame of the log.
// Who waits for what it pushed is served behind it. A watch ends when it breaks: the flag of the
// session remembers. Invariant: a session is in `watchers[key]` for each key in its `watched`.

import RESP

enum Transactions {
  static let commands: [Command] = [
    Command(
      "MULTI", arity: .exactly(1),
      flags: [.noScript, .loading, .stale, .fast, .allowBusy, .immediate],
      group: .transactions, since: "1.2.0",
      summary: "Begins a transaction: what follows is queued.",
      complexity: "O(1)", body: multi),
    Command(
      "EXEC", arity: .exactly(1), flags: [.noScript, .loading, .stale, .skipSlowlog, .immediate],
      group: .transactions, since: "1.2.0",
      summary: "Runs what was queued, unless a watched key was changed.",
      complexity: "Depends on the commands of the transaction", body: exec),
    Command(
      "DISCARD", arity: .exactly(1),
      flags: [.noScript, .loading, .stale, .fast, .allowBusy, .immediate],
      group: .transactions, since: "2.0.0",
      summary: "Forgets what was queued.",
      complexity: "O(N), N commands queued", body: discard),
    Command(
      "WATCH", arity: .atLeast(2),
      flags: [.noScript, .loading, .stale, .fast, .allowBusy, .immediate],
      keys: [.range(1, -1, [])], group: .transactions, since: "2.2.0",
      summary: "Has the next EXEC run nothing if one of the keys is changed until then.",
      complexity: "O(1) for each key", body: watch),
    Command(
      "UNWATCH", arity: .exactly(1), flags: [.noScript, .loading, .stale, .fast, .allowBusy],
      group: .transactions, since: "2.2.0",
      summary: "Watches nothing any more.",
      complexity: "O(N), N keys watched", body: unwatch),
  ]

  /// `MULTI` → OK.
  static func multi(_ c: inout Context) throws(CommandError) {
    guard !c.sessions[c.slot].flags.contains(.inTransaction) else {
      throw CommandError("ERR MULTI calls can not be nested")
    }
    c.sessions[c.slot].flags.insert(.inTransaction)
    c.reply.ok()
  }

  /// `DISCARD` → OK.
  static func discard(_ c: inout Context) throws(CommandError) {
    guard c.sessions[c.slot].flags.contains(.inTransaction) else {
      throw CommandError("ERR DISCARD without MULTI")
    }
    c.resetTransaction(c.slot)
    c.reply.ok()
  }

  /// `WATCH key [key ...]` → OK.
  static func watch(_ c: inout Context) throws(CommandError) {
    guard !c.sessions[c.slot].flags.contains(.inTransaction) else {
      throw CommandError("ERR WATCH inside MULTI is not allowed")
    }
    for index in 1..<c.arguments.count { c.watch(c.key(index)) }
    c.reply.ok()
  }

  /// `UNWATCH` → OK.
  static func unwatch(_ c: inout Context) throws(CommandError) {
    c.unwatch(c.slot)
    c.sessions[c.slot].flags.remove(.watchBroken)
    c.reply.ok()
  }

  /// `EXEC` → array of the replies, or null if a watched key was changed.
  static func exec(_ c: inout Context) throws(CommandError) {
    guard c.sessions[c.slot].flags.contains(.inTransaction) else {
      throw CommandError("ERR EXEC without MULTI")
    }
    if c.isTransactionTooBig { throw c.abortTransaction(because: .outOfMemory) }
    for key in c.sessions[c.slot].watched { c.expireIfDue(key.bytes, in: key.database) }
    let flags = c.sessions[c.slot].flags
    if flags.contains(.transactionAborted) {
      c.resetTransaction(c.slot)
      throw CommandError("EXECABORT Transaction discarded because of previous errors.")
    }
    if flags.contains(.watchBroken) {
      c.resetTransaction(c.slot)
      c.seeEverything()  // The change that broke the watch, above all.
      return c.reply.nullArray()
    }
    c.runTransaction()
  }
}

extension Context {
  /// Runs what the session has queued. Each command is logged by itself.
  fileprivate mutating func runTransaction() {
    let slot = slot, exec = command, words = arguments
    unwatch(slot)  // Its own writes break nothing.
    let queue = sessions[slot].transaction, deliveries = sessions[slot].deliveries.count
    isInExec = true
    request = nil
    reply.array(queue.count)
    for queued in queue {
      queued.words.withArguments {
        arguments = $0
        callUnchecked(queued.command)
      }
    }
    isInExec = false
    endDeliveries(from: deliveries)
    arguments = words
    command = exec
    propagateNothing()
    resetTransaction(slot)
  }

  // MARK: Queueing

  /// Puts the request, whose command is `index`, at the end of the transaction.
  mutating func queue(_ index: Int) {
    if table.entries[index].flags.contains(.protected), !mayDebug {
      return refuse(.debugNotAllowed)
    }
    if isMemoryFull { return refuse(.outOfMemory) }
    // What can never run need not be held.
    guard sessions[slot].flags.isDisjoint(with: [.transactionAborted, .watchBroken]) else {
      return reply.simple("QUEUED")
    }
    let queued = QueuedCommand(command: index, words: arguments.stored())
    let size = sessions[slot].transactionSize + queued.size
    guard size <= settings.queryBufferSizeMax else {
      sessions[slot].transaction = []
      return refuse(CommandError("ERR the transaction exceeds client-query-buffer-limit"))
    }
    sessions[slot].transactionSize = size
    sessions[slot].transaction.append(queued)
    reply.simple("QUEUED")
  }

  var isMemoryFull: Bool {
    settings.memoryMax > 0 && !isLoading && MemoryAccount.used > settings.memoryMax
  }

  /// Whether the transaction holds a command for which there is no memory now.
  fileprivate var isTransactionTooBig: Bool {
    isMemoryFull
      && sessions[slot].transaction.contains {
        table.entries[$0.command].flags.contains(.denyOOM)
      }
  }

  /// Whether the command that is being refused is the one called `name`.
  func isRefusing(_ name: StaticString) -> Bool {
    arguments.count > 0 && arguments[0].matches(name)
  }

  /// Forgets the transaction whose EXEC is refused.
  ///
  /// - Returns: what EXEC answers.
  mutating func abortTransaction(because error: CommandError) -> CommandError {
    resetTransaction(slot)
    let reason =
      error.message.starts(with: "ERR ".utf8) ? error.message.dropFirst(4) : error.message[...]
    return CommandError(
      message: Array("EXECABORT Transaction discarded because of: ".utf8) + reason)
  }

  /// Forgets the transaction of `slot` and what it watches.
  mutating func resetTransaction(_ slot: Int) {
    unwatch(slot)
    sessions[slot].flags.subtract([.inTransaction, .transactionAborted, .watchBroken])
    sessions[slot].transaction = []
    sessions[slot].transactionSize = 0
  }

  // MARK: Watching

  fileprivate mutating func watch(_ key: Key) {
    // What has broken stays broken until EXEC.
    guard !sessions[slot].flags.contains(.watchBroken) else { return }
    _ = peek(key)  // A key whose time is up counts as gone from the start.
    let stored = StoredKey(database, key.bytes)
    guard watchers[stored, default: []].insert(slot).inserted else { return }
    sessions[slot].watched.append(stored)
  }

  /// Ends all watches of `slot`.
  mutating func unwatch(_ slot: Int) {
    guard !sessions[slot].watched.isEmpty else { return }
    let watched = sessions[slot].watched
    sessions[slot].watched = []
    for key in watched {
      watchers[key]?.remove(slot)
      if watchers[key]?.isEmpty == true { watchers[key] = nil }
    }
  }

  /// Says that `key` is not what it was to all who watch it; they need watch nothing more.
  mutating func breakWatches(of key: StoredKey) {
    for slot in watchers[key] ?? [] {
      sessions[slot].flags.insert(.watchBroken)
      unwatch(slot)
    }
  }
}
