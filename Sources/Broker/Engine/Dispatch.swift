// Dispatch.swift: from a request's words to its command's body, and what surrounds it.
//
// The order of the checks is Redis': unknown command, arity, login, permission, transaction,
// memory. A refusal inside MULTI aborts the transaction.

import RESP

extension Context {
  /// Runs the request in `arguments` for the session being served.
  mutating func dispatch() {
    guard arguments.count > 0 else { return }
    // One test stands for all that is rare: see Session.Flags.uncommon.
    guard sessions[slot].flags.intersection(.uncommon) == .authenticated, !needsCare else {
      return dispatchWithCare()
    }
    statistics.commands += 1
    sessions[slot].totalCommands += 1
    guard let index = resolve() else { return }
    let entry = table.entries[index]
    if entry.flags.contains(.denyOOM), let growthRefusal { return reject(index, growthRefusal) }
    command = index
    call(index, entry)
    if !readyKeys.isEmpty { serveWaiters() }
    if !deferred.isEmpty { deliverDeferred() }
  }

  /// The same for a session that is not logged in, has not all rights, is in a transaction, wants no
  /// replies, watches commands, has subscribed or is on its way out, and for everyone during a pause
  /// and where writes need replicas.
  private mutating func dispatchWithCare() {
    guard sessions[slot].flags.isDisjoint(with: [.closing, .dropped]) else { return }
    if sessions[slot].flags.contains(.replySkipNext) {
      sessions[slot].flags.remove(.replySkipNext)
      sessions[slot].flags.insert(.replySkip)
    }
    let start = reply.count
    statistics.commands += 1
    sessions[slot].totalCommands += 1
    runWithCare()
    let flags = sessions[slot].flags
    if !flags.isDisjoint(with: [.replyOff, .replySkip]) {
      reply.bytes.truncate(to: start)
      giveBackUnsent(slot, from: start)
      if !readyKeys.isEmpty { serveWaiters() }
    }
    if !deferred.isEmpty { deliverDeferred() }
    // Who waits is skipped the reply that ends the wait.
    if !flags.contains(.blocked) { sessions[slot].flags.remove(.replySkip) }
  }

  private mutating func runWithCare() {
    guard let index = resolve() else { return }
    let entry = table.entries[index]
    command = index
    if let refusal = refusal(of: entry, index) { return reject(index, refusal) }
    if holdBack(entry) { return }
    if sessions[slot].flags.contains(.inTransaction), !entry.flags.contains(.immediate) {
      return queue(index)
    }
    call(index, entry)
    if !readyKeys.isEmpty { serveWaiters() }
  }

  /// The command that the words name, or nil after an error reply; either way the session's last one.
  @inline(__always)
  private mutating func resolve() -> Int? {
    guard let index = table.index(of: arguments[0]) else {
      sessions[slot].lastCommand = -1
      refuseUnknown()
      return nil
    }
    let entry = table.entries[index]
    guard entry.isContainer, arguments.count > 1 else {
      sessions[slot].lastCommand = index
      guard isAllowed(entry.arity, arguments.count) else {
        statistics.perCommand[index].rejected += 1
        refuse(.wrongArity(table.names[index]))
        return nil
      }
      return index
    }
    guard let sub = table.subcommand(of: index, arguments[1]) else {
      sessions[slot].lastCommand = -1
      let name = table.names[index].uppercased()
      refuse(
        CommandError("ERR unknown subcommand '", arguments[1], "'. Try \(name) HELP."))
      return nil
    }
    sessions[slot].lastCommand = sub
    guard isAllowed(table.entries[sub].arity, arguments.count) else {
      statistics.perCommand[sub].rejected += 1
      refuse(.wrongArity(table.names[sub]))
      return nil
    }
    return sub
  }

  @inline(__always)
  private func isAllowed(_ arity: Int, _ count: Int) -> Bool {
    arity >= 0 ? count == arity : count >= -arity
  }

  /// Why the command may not run now, if it may not.
  private mutating func refusal(of entry: CommandTable.Entry, _ index: Int) -> CommandError? {
    let flags = sessions[slot].flags
    if !flags.contains(.authenticated), !entry.flags.contains(.noAuth) { return .noAuth }
    if flags.contains(.inTransaction), entry.flags.contains(.noMulti) {
      return CommandError("ERR Command not allowed inside a transaction")
    }
    if flags.contains(.restricted), let refusal = permissionRefusal(index) { return refusal }
    if entry.flags.contains(.denyOOM), let growthRefusal { return growthRefusal }
    // There are no replicas: whoever demands some would rather have no writes.
    if settings.replicaCountMin > 0, !isLoading, mayWrite(entry) { return .noReplicas }
    if flags.contains(.pubsub), reply.version == 2, !entry.flags.contains(.whileSubscribed) {
      return CommandError(
        "ERR Can't execute '\(table.names[index])': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
          + "QUIT / RESET are allowed in this context")
    }
    if isStarting, !entry.flags.contains(.loading) { return .loading }
    if let busy, !entry.flags.contains(.allowBusy) { return busy.error }
    if flags.contains(.monitor), !entry.flags.isDisjoint(with: [.write, .readOnly, .likeWrite]) {
      return CommandError("ERR Replica can't interact with the keyspace")
    }
    return nil
  }

  /// Why the command in `arguments`, which has waited for its turn, may not run now, if it may not.
  mutating func refusalAfterWait() -> CommandError? {
    guard let index = table.index(of: arguments[0]) else { return nil }
    return refusal(of: table.entries[index], index)
  }

  /// Why a command that may grow the data may not run now, if it may not.
  @inline(__always)
  var growthRefusal: CommandError? {
    if settings.memoryMax > 0, !isLoading, MemoryAccount.used > settings.memoryMax {
      return .outOfMemory
    }
    return writesRefused
  }

  private mutating func reject(_ index: Int, _ error: CommandError) {
    statistics.perCommand[index].rejected += 1
    refuse(error)
  }

  /// Answers with an error, and aborts a transaction in the making.
  mutating func refuse(_ error: CommandError) {
    if isRefusing("exec") { return replyError(abortTransaction(because: error)) }
    if sessions[slot].flags.contains(.inTransaction) {
      sessions[slot].flags.insert(.transactionAborted)
    }
    replyError(error)
  }

  mutating func replyError(_ error: CommandError) {
    noteError(error)
    unsafe error.message.withUnsafeBytes { unsafe reply.error(ByteView($0)) }
  }

  /// Counts an error.
  mutating func noteError(_ error: CommandError) {
    statistics.errorReplies += 1
    // Scripts make codes of their own: so many, of so many bytes, are told apart.
    let code = error.message.prefix(64).prefix { $0 != 0x20 }
    let name = String(decoding: code, as: UTF8.self)
    guard statistics.errors.count < 128 || statistics.errors[name] != nil else { return }
    statistics.errors[name, default: 0] += 1
  }

  /// Answers an unknown command; a web browser that was lured here is dropped without a word, and
  /// nothing behind the head of its request is run.
  private mutating func refuseUnknown() {
    if arguments[0].matches("post") || arguments[0].matches("host:") {
      sessions[slot].flags.insert(.dropped)
      hasWebRequest = true
    } else {
      refuse(unknownCommand())
    }
  }

  private func unknownCommand() -> CommandError {
    var text = Array("ERR unknown command '".utf8) + arguments[0].quoted(128)
    text += Array("', with args beginning with: ".utf8)
    var room = 128
    for index in 1..<max(1, arguments.count) where room > 0 {
      let shown = arguments[index].quoted(room)
      text += [0x27] + shown + [0x27, 0x20]
      room -= shown.count + 3
    }
    return CommandError(message: text)
  }

  /// Runs the body of a command that may run, and logs what it did.
  @inline(__always)
  mutating func call(_ index: Int, _ entry: CommandTable.Entry) {
    let before = changes
    hasPropagated = false
    // Short commands are sampled, but for those of many words, which may be long all the same.
    let isLong = entry.isTimed || arguments.count > 64
    let isTimed = isLong || statistics.perCommand[index].calls & timingMask == 0
    let start = isTimed ? stopwatch() : 0
    let replyStart = reply.count
    // What a command changed or took must be told, however much that is.
    if entry.flags.contains(.write) { reply.sizeMax = .max }
    do throws(CommandError) {
      try entry.body(&self)
    } catch {
      statistics.perCommand[index].failed += 1
      replyError(error)
    }
    reply.sizeMax = Reply.sizeMaxUsual
    if reply.isOverfull {
      reply.isOverfull = false
      reply.bytes.truncate(to: replyStart)
      replyError(.replyTooLong)
    }
    if changes != before, !hasPropagated {
      if let request {
        if entry.flags.contains(.joining) {
          effects.joining(request, arguments, in: database)
        } else {
          effects.verbatim(request, in: database)
        }
      } else {
        effects.command(arguments, in: database)
      }
    }
    statistics.perCommand[index].calls += 1
    if isTimed {
      noteDuration(stopwatch() - start, of: index, entry, calls: isLong ? 1 : timingMask + 1)
    }
    if isObserved { endObserved(entry.flags) }
  }

  /// Runs the command of `arguments` without any check, for EXEC and for the log; only the rights may
  /// have gone since the command was queued.
  mutating func callUnchecked(_ index: Int) {
    command = index
    if sessions[slot].flags.contains(.restricted), let refusal = permissionRefusal(index) {
      return replyError(refusal)
    }
    call(index, table.entries[index])
  }

  /// Serves the waiters of all ready keys, and of those that become ready by it.
  ///
  /// Not while it is open whether what a script did goes to the log (`shutdownFailed`, `forgetEndedScript`).
  mutating func serveWaiters() {
    guard busy == nil else { return }
    while !readyKeys.isEmpty {
      let ready = readyKeys
      readyKeys.removeAll(keepingCapacity: true)
      readyKeySet.removeAll(keepingCapacity: true)
      for key in ready { serveWaiters(of: key) }
    }
  }

  private mutating func serveWaiters(of stored: StoredKey) {
    if stored.isOfJobs { return serveJobWaiters(of: stored) }
    let isLost = lostStreams.remove(stored) != nil, isStream = kind(of: stored) == .stream
    if isLost || isStream { serveReaders(of: stored) }
    if isStream { return }
    var passedOver: Set<Int> = []
    while let waiter = waiters.first(for: stored, passing: passedOver),
      let wait = sessions[waiter].wait
    {
      let isServed: Bool? = stored.withView { bytes in
        serving(waiter, database: stored.database) { c -> Bool? in
          let key = c.key(bytes)
          switch c.peek(key)?.kind {
          case .list:
            if case .job(let request) = wait.kind {
              return JobCommands.serve(request, &c, key)
            }
            return Lists.serve(wait, &c, key)
          case .sortedSet: return SortedSets.serve(wait, &c, key)
          default: return nil
          }
        }
      }
      guard let isServed else { return }
      if isServed { endWait(waiter) } else { passedOver.insert(waiter) }
    }
  }

  private mutating func kind(of stored: StoredKey) -> ValueKind? {
    let current = database
    defer { database = current }
    database = stored.database
    return stored.withView { peek(key($0))?.kind }
  }

  /// Serves those who read the stream of a key, each once: what one reads is there for the others. If
  /// the stream is gone, consumers of its groups are told so.
  private mutating func serveReaders(of stored: StoredKey) {
    for waiter in waiters.slots(for: stored) {
      guard let wait = sessions[waiter].wait else { continue }
      let isServed: Bool
      switch wait.kind {
      case .read(let after, let limit):
        isServed = serveReader(waiter, stored) { c, key in
          Streams.serve(wait, after: after, limit: limit, &c, key)
        }
      case .readGroup(let group, let consumer, let isAcknowledged, let limit):
        isServed = serveReader(waiter, stored) { c, key in
          Streams.serve(
            group: group, consumer: consumer, isAcknowledged: isAcknowledged, limit: limit, &c, key)
        }
      default: isServed = false
      }
      if isServed { endWait(waiter) }
    }
  }

  private mutating func serveReader(
    _ waiter: Int, _ stored: StoredKey, _ body: (inout Context, Key) -> Bool
  ) -> Bool {
    stored.withView { bytes in
      serving(waiter, database: stored.database) { c in body(&c, c.key(bytes)) }
    }
  }
}

extension ByteView {
  /// The bytes as an error quotes them: shortened, up to the first zero byte, as Redis' C strings
  /// end. The reply makes spaces of line breaks.
  func quoted(_ limit: Int) -> [UInt8] {
    let size = min(count, limit)
    for index in 0..<size where self[index] == 0 { return self[0..<index].array }
    return self[0..<size].array
  }
}
