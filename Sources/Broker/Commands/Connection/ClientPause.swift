// ClientPause.swift: CLIENT PAUSE, UNPAUSE and UNBLOCK.
//
// A command that comes during a pause is kept as it is, and its client waits. When the pause ends,
// the engine runs what was kept, in the order in which it came (`Engine.runHeldBack`).

import RESP

/// What CLIENT PAUSE holds back, and until when.
struct Pause {
  enum Kind: Int { case writes, all }
  var kind = Kind.all
  /// Monotonic ms; 0 when there is no pause.
  var end: Int64 = 0
  /// Slots whose command is held back, first come first.
  var waiting = SlotQueue()
  /// Commands that may run now.
  var released: [(slot: Int, client: UInt64, words: StoredArguments)] = []
}

extension Clients {
  /// `CLIENT PAUSE milliseconds [WRITE|ALL]` → OK. A pause never ends or weakens an earlier one.
  static func pause(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 4 else { throw .wrongSubcommand(c) }
    var kind = Pause.Kind.all
    if c.arguments.count == 4 {
      if c.arguments[3].matches("write") {
        kind = .writes
      } else if !c.arguments[3].matches("all") {
        throw CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")
      }
    }
    let end = try c.deadline(milliseconds: c.arguments[2])
    if c.isPaused {
      c.pause.end = max(c.pause.end, end)
      if kind == .all { c.pause.kind = .all }
    } else if end > c.monotonic {
      c.pause.end = end
      c.pause.kind = kind
      c.isPaused = true
    }
    c.reply.ok()
  }

  /// `CLIENT UNPAUSE` → OK.
  static func unpause(_ c: inout Context) throws(CommandError) {
    c.endPause()
    c.reply.ok()
  }

  /// `CLIENT UNBLOCK id [TIMEOUT|ERROR]` → 1 if the client was blocked, else 0.
  static func unblock(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count <= 4 else { throw .wrongSubcommand(c) }
    var isError = false
    if c.arguments.count == 4 {
      isError = c.arguments[3].matches("error")
      guard isError || c.arguments[3].matches("timeout") else {
        throw CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
      }
    }
    guard let id = c.arguments[2].integer else { throw .notAnInteger }
    guard let slot = c.client(id: id), c.mayTimeOut(slot) else { return c.reply.integer(0) }
    if isError {
      c.serving(slot, database: c.sessions[slot].database) { c in
        c.failWaiting(CommandError("UNBLOCKED client unblocked via CLIENT UNBLOCK"))
      }
      c.endWait(slot)
    } else {
      c.timeOut(slot)
    }
    c.reply.integer(1)
  }
}

extension Context {
  /// The deadline in monotonic ms that a timeout in whole milliseconds gives; 0 means never.
  func deadline(milliseconds word: ByteView) throws(CommandError) -> Int64 {
    guard let timeout = word.integer else {
      throw CommandError("ERR timeout is not an integer or out of range")
    }
    guard timeout >= 0 else { throw .timeoutNegative }
    guard timeout <= Int64.max - monotonic else { throw .timeoutOutOfRange }
    return timeout == 0 ? 0 : monotonic + timeout
  }

  /// Whether `slot` waits for something that may fail to come.
  fileprivate func mayTimeOut(_ slot: Int) -> Bool {
    switch sessions[slot].wait?.kind {
    case .pop, .popMany, .move, .job, .result, .addJob, .popScore, .popScores, .read, .readGroup,
      .durable:
      true
    case .checkpoint, .pause, .shutdown, nil: false
    }
  }

  /// Keeps the command for the end of the pause, if it is one that the pause holds back.
  mutating func holdBack(_ entry: CommandTable.Entry) -> Bool {
    guard isPaused, !isLoading, pause.kind == .all || mayWrite(entry, [.write, .likeWrite]) else {
      return false
    }
    pause.waiting.append(slot)
    block(.pause(arguments.stored()), keys: [], deadline: 0)
    return true
  }

  /// Whether the command writes, or is something else that is asked for; EXEC is if anything that it
  /// runs is.
  func mayWrite(_ entry: CommandTable.Entry, _ flags: CommandFlags = .write) -> Bool {
    if mayWrite(entry, arguments, flags) { return true }
    guard arguments[0].matches("exec") else { return false }
    return sessions[slot].transaction.contains { queued in
      let entry = table.entries[queued.command]
      return queued.words.withArguments { mayWrite(entry, $0, flags) }
    }
  }

  private func mayWrite(
    _ entry: CommandTable.Entry, _ request: Arguments, _ flags: CommandFlags
  ) -> Bool {
    guard !entry.flags.isDisjoint(with: flags) else { return false }
    return !entry.flags.contains(.scripted) || !scripts.neverWrites(request)
  }

  /// Ends the pause if its time is up.
  mutating func endPauseIfDue() {
    if isPaused, pause.end <= monotonic { endPause() }
  }

  mutating func endPause() {
    guard isPaused else { return }
    isPaused = false
    for slot in pause.waiting.all {
      guard case .pause(let words) = sessions[slot].wait?.kind else { continue }
      pause.released.append((slot, sessions[slot].id, words))
      endWait(slot)
    }
    pause = Pause(released: pause.released)
  }
}
