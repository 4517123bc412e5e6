// Context+Blocking.swift: how a command waits, and how a wait ends.

import RESP

extension Context {
  /// The deadline in monotonic ms that a timeout in decimal seconds gives; 0 means never.
  func blockingDeadline(_ word: ByteView) throws(CommandError) -> Int64 {
    guard let seconds = word.longDouble else { throw .timeoutNotAFloat }
    // What is too long for 64 bits Redis 7.0 calls negative.
    guard let milliseconds = Int64(exactly: (seconds * 1000).rounded(.up)), milliseconds >= 0 else {
      throw .timeoutNegative
    }
    guard milliseconds > 0 else { return 0 }
    let (deadline, overflow) = monotonic.addingReportingOverflow(milliseconds)
    guard !overflow else { throw .timeoutOutOfRange }
    return deadline
  }

  /// Ends the command without a reply; the session waits for one of `keys` or the deadline.
  mutating func block(_ kind: Wait.Kind, keys: [StoredKey], deadline: Int64) {
    assert(!isInExec)
    sessions[slot].wait = Wait(kind: kind, keys: keys, database: database, deadline: deadline)
    sessions[slot].flags.insert(.blocked)
    if case .addJob = kind { roomWaiters += 1 }
    if !keys.isEmpty { waiters.add(slot, keys: keys) }
    if deadline > 0 { blockTimers.insert(slot, at: deadline) }
  }

  /// Takes the session in `slot` out of its wait; its reply is the caller's business.
  mutating func endWait(_ slot: Int) {
    guard sessions[slot].flags.contains(.blocked) else { return }
    waiters.remove(slot)
    blockTimers.remove(slot)
    switch sessions[slot].wait?.kind {
    case .durable:
      durableWaiters.remove(slot)
      sessions[slot].flags.remove(.replySkip)
    case .addJob:
      roomWaiters -= 1
      sessions[slot].flags.remove(.replySkip)
    case .pause:
      // The command is still to run: a reply to be skipped is still to be skipped.
      pause.waiting.remove(slot)
    default:
      sessions[slot].flags.remove(.replySkip)
    }
    sessions[slot].wait = nil
    sessions[slot].flags.remove(.blocked)
    unblocked.append(slot)
  }

  /// Ends the wait of `slot` with the reply for nothing.
  mutating func timeOut(_ slot: Int) {
    guard let wait = sessions[slot].wait else { return }
    serving(slot, database: wait.database) { c in
      switch wait.kind {
      case .pop, .popMany, .move, .job, .result, .popScore, .popScores, .read, .readGroup:
        c.reply.nullArray()
      case .addJob: c.failWaiting(.queueFull)
      case .durable(let commit, let aof, _): c.replyDurable(commit, aof: aof)
      case .checkpoint, .pause, .shutdown: break
      }
    }
    endWait(slot)
  }

  /// Answers the waiter being served with an error, which counts as a failure of its command.
  mutating func failWaiting(_ error: CommandError) {
    let command = sessions[slot].lastCommand
    if command >= 0 { statistics.perCommand[command].failed += 1 }
    replyError(error)
  }

  /// How many sessions wait.
  var blockedCount: Int {
    var count = 0
    for index in 0..<sessions.count where sessions[index].flags.contains(.blocked) { count += 1 }
    return count
  }

  /// Runs `body` with another session in the place of the one being served.
  ///
  /// What `body` replies goes to that session and is held as long as the changes it saw.
  mutating func serving<R>(_ other: Int, database: Int, _ body: (inout Context) -> R) -> R {
    let mySlot = slot, myDatabase = self.database, myHold = hold, mineHasPropagated = hasPropagated
    var mine = Reply()
    swap(&mine, &reply)
    swap(&reply, &sessions[other].reply)
    sessions[other].flags.insert(.served)
    slot = other
    self.database = database
    hold = 0
    let start = reply.count
    let result = body(&self)
    if !sessions[other].flags.isDisjoint(with: [.replyOff, .replySkip]) {
      reply.bytes.truncate(to: start)
    }
    swap(&reply, &sessions[other].reply)
    sessions[other].flags.remove(.served)
    swap(&mine, &reply)
    holdReplies(of: other, until: hold)
    slot = mySlot
    self.database = myDatabase
    hold = myHold
    hasPropagated = mineHasPropagated
    touchSession(other)
    return result
  }

  /// Marks all output of `slot` as waiting for `commit`.
  mutating func holdReplies(of slot: Int, until commit: UInt64) {
    guard effects.isEnabled else { return }
    let end = sessions[slot].reply.count
    sessions[slot].forgetHolds(until: durableCommit)
    let last = sessions[slot].holds.count - 1
    if last >= 0 {
      // Replies leave in order: what follows waits at least as long.
      if commit <= sessions[slot].holds[last].commit {
        sessions[slot].holds[last].end = end
        return
      }
      // Nothing was replied since (CLIENT REPLY OFF): the hold is for what comes next.
      let start = last > 0 ? sessions[slot].holds[last - 1].end : 0
      if sessions[slot].holds[last].end == start, end == start {
        sessions[slot].holds[last].commit = commit
        return
      }
    }
    if commit > durableCommit {
      sessions[slot].holds.append(Session.Hold(end: end, commit: commit))
    }
  }
}
