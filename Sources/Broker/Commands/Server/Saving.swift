// Saving.swift: commands about what is on disk: saving, waiting for it, and stopping.
//
// Every write is in the log already; SAVE and its kin ask for a checkpoint, which makes the log short
// and the next start fast. The process writes it in the background and tells the engine of it
// (`lastSave`, `saveBegan`, `saveEnded`). Without a log nothing is saved, and they say so.

import RESP

enum Saving {
  static let commands: [Command] = [
    Command(
      "SAVE", arity: .exactly(1), flags: [.admin, .noScript, .noAsyncLoading, .noMulti],
      group: .server, since: "1.0.0",
      summary: "Writes a checkpoint as fast as it goes, and waits for it.",
      complexity: "O(N) where N is the total number of keys in all databases, beside the engine",
      body: save),
    Command(
      "BGSAVE", arity: .atLeast(1), flags: [.admin, .noScript, .noAsyncLoading], group: .server,
      since: "1.0.0", summary: "Writes a checkpoint in the background.",
      complexity: "O(1)", body: saveInBackground),
    Command(
      "BGREWRITEAOF", arity: .exactly(1), flags: [.admin, .noScript, .noAsyncLoading],
      group: .server, since: "1.0.0",
      summary: "Makes the log short in the background, by a checkpoint.",
      complexity: "O(1)", body: rewriteLog),
    Command(
      "LASTSAVE", arity: .exactly(1), flags: [.loading, .stale, .fast], group: .server,
      since: "1.0.0", summary: "Returns when the last SAVE or BGSAVE ended, or the start.",
      complexity: "O(1)",
      categories: ["@admin", "@dangerous"], body: lastSave),
    Command(
      "WAIT", arity: .exactly(3), flags: [.noScript], group: .generic, since: "3.0.0",
      summary: "Waits until replicas have all writes.", complexity: "O(1)",
      categories: ["@connection"], body: wait),
    Command(
      "WAITAOF", arity: .exactly(4), flags: [.noScript], group: .generic, since: "7.2.0",
      summary: "Waits until all writes are on disk, here and on replicas.", complexity: "O(1)",
      categories: ["@connection"], body: waitForLog),
    Command(
      "SHUTDOWN", arity: .atLeast(1),
      flags: [.admin, .noScript, .loading, .stale, .noMulti, .allowBusy], group: .server,
      since: "1.0.0", summary: "Stops the server once everything is on disk.", complexity: "O(1)",
      body: shutDown),
  ]

  // MARK: Saving

  /// `SAVE` → OK, once the checkpoint is on disk.
  static func save(_ c: inout Context) throws(CommandError) {
    try c.requestSave(.save)
    c.requests.checkpointAtOnce = true
  }

  /// `BGSAVE [SCHEDULE]` → a line that says so, once the checkpoint has begun.
  static func saveInBackground(_ c: inout Context) throws(CommandError) {
    if c.arguments.count > 1 {
      guard c.arguments.count == 2, c.arguments[1].matches("schedule") else { throw .syntax }
    }
    try c.requestSave(.saveInBackground)
  }

  /// `BGREWRITEAOF` → a line that says so, once the checkpoint has begun.
  static func rewriteLog(_ c: inout Context) throws(CommandError) {
    try c.requestSave(.rewriteLog)
  }

  /// The commands that ask for a checkpoint, and how they speak of it.
  enum Form {
    case save, saveInBackground, rewriteLog

    fileprivate var isUnderWay: CommandError {
      self == .rewriteLog
        ? CommandError("ERR Background append only file rewriting already in progress")
        : CommandError("ERR Background save already in progress")
    }

    fileprivate var failed: CommandError {
      self == .rewriteLog
        ? CommandError(
          "ERR Can't execute an AOF background rewriting. "
            + "Please check the server logs for more information.")
        : CommandError("ERR")
    }

    fileprivate var scheduled: StaticString {
      self == .rewriteLog
        ? "Background append only file rewriting scheduled" : "Background saving scheduled"
    }

    /// What is answered once the checkpoint is as far as the command waits for it.
    fileprivate var done: StaticString {
      switch self {
      case .save: "OK"
      case .saveInBackground: "Background saving started"
      case .rewriteLog: "Background append only file rewriting started"
      }
    }
  }

  /// `LASTSAVE` → seconds since 1970.
  static func lastSave(_ c: inout Context) throws(CommandError) { c.reply.integer(c.lastSave) }

  // MARK: Waiting

  /// `WAIT numreplicas timeout` → how many replicas have all writes: none, there are no replicas.
  static func wait(_ c: inout Context) throws(CommandError) {
    guard let replicas = c.arguments[1].integer else { throw .notAnInteger }
    let deadline = try c.deadline(milliseconds: c.arguments[2])
    guard replicas > 0, !c.isInExec else { return c.reply.integer(0) }
    c.waitDurable(commit: 0, aof: false, replicas: true, deadline: deadline)
  }

  /// `WAITAOF numlocal numreplicas timeout` → [1 if all writes are on disk here, 0 replicas].
  static func waitForLog(_ c: inout Context) throws(CommandError) {
    guard let local = c.arguments[1].integer else { throw .notAnInteger }
    guard local == 0 || local == 1 else {
      throw CommandError("ERR value is out of range, value must between 0 and 1")
    }
    guard let replicas = c.arguments[2].integer, replicas >= 0 else { throw .notPositive }
    let deadline = try c.deadline(milliseconds: c.arguments[3])
    guard local == 0 || c.settings.isLogged else {
      throw CommandError(
        "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    }
    let commit = c.lastCommit
    let isDone = replicas == 0 && (local == 0 || c.host.durableCommit >= commit)
    guard !isDone, !c.isInExec else { return c.replyDurable(commit, aof: true) }
    c.waitDurable(
      commit: local == 0 ? 0 : commit, aof: true, replicas: replicas > 0, deadline: deadline)
  }

  // MARK: Stopping

  /// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]` → nothing, the connection ends; OK for ABORT.
  static func shutDown(_ c: inout Context) throws(CommandError) {
    var request = HostRequests.Shutdown(save: nil, now: false, force: false)
    var aborts = false, savesNot = false, saves = false
    for index in 1..<c.arguments.count {
      let word = c.arguments[index]
      if word.matches("nosave") {
        savesNot = true
      } else if word.matches("save") {
        saves = true
      } else if word.matches("now") {
        request.now = true
      } else if word.matches("force") {
        request.force = true
      } else if word.matches("abort") {
        aborts = true
      } else {
        throw .syntax
      }
    }
    if savesNot || saves { request.save = saves }
    let hasOthers = savesNot || saves || request.now || request.force
    guard !(aborts && hasOthers), !(saves && savesNot) else { throw .syntax }
    guard !aborts else {
      guard c.host.isShuttingDown else { throw CommandError("ERR No shutdown in progress.") }
      c.requests.abortShutdown = true
      return c.reply.ok()
    }
    if let busy = c.busy {
      guard request.save == false else { throw busy.error }
      c.busy?.isShuttingDown = true
      c.busy?.isKilled = true
    }
    c.requests.shutdown = request
    c.block(.shutdown, keys: [], deadline: 0)
  }
}

extension Context {
  /// Asks the process for a checkpoint, and has the client wait for it. A transaction does not wait.
  fileprivate mutating func requestSave(_ form: Saving.Form) throws(CommandError) {
    guard settings.isLogged else {
      throw CommandError("ERR Nothing is saved while appendonly is no")
    }
    // What a transaction schedules, all of its commands share.
    guard !isSaving, !requests.checkpoint || isInExec else { throw form.isUnderWay }
    requests.checkpoint = true
    if isInExec { return reply.simple(form.scheduled) }
    block(.checkpoint(form), keys: [], deadline: 0)
  }

  /// The newest commit that has anything: what this turn has changed is in the frame in the making.
  fileprivate var lastCommit: UInt64 { effects.isEmpty ? commit - 1 : commit }

  fileprivate mutating func waitDurable(
    commit: UInt64, aof: Bool, replicas: Bool, deadline: Int64
  ) {
    durableWaiters.append(slot)
    block(.durable(commit: commit, aof: aof, replicas: replicas), keys: [], deadline: deadline)
  }

  /// What WAIT and WAITAOF answer now.
  mutating func replyDurable(_ commit: UInt64, aof: Bool) {
    guard aof else { return reply.integer(0) }
    reply.array(2)
    reply.integer(settings.isLogged && host.durableCommit >= commit ? 1 : 0)
    reply.integer(0)
  }

  /// Answers those who wait for what is on disk now.
  mutating func serveDurable() {
    guard !durableWaiters.isEmpty else { return }
    let durable = host.durableCommit
    guard durable != servedDurable else { return }
    servedDurable = durable
    for slot in durableWaiters.all {
      switch sessions[slot].wait?.kind {
      case .durable(let commit, true, false) where commit <= durable: timeOut(slot)
      default: break
      }
    }
  }

  /// Takes in that a checkpoint has begun, and tells who waits for no more than that.
  mutating func saveBegan() {
    isSaving = true
    endSaves(isGood: true) { $0 != .save }
  }

  /// Takes in that the checkpoint of `changes` changes is finished or has failed, and tells those who
  /// wait for it.
  mutating func saveEnded(isGood: Bool, changes: Int) {
    isSaving = false
    if isGood {
      lastSave = wall / 1000
      self.changes -= changes
    }
    endSaves(isGood: isGood) { _ in true }
  }

  private mutating func endSaves(isGood: Bool, where isMeant: (Saving.Form) -> Bool) {
    for slot in clientSlots() {
      guard let wait = sessions[slot].wait, case .checkpoint(let form) = wait.kind, isMeant(form)
      else { continue }
      serving(slot, database: wait.database) { c in
        if isGood { c.reply.simple(form.done) } else { c.failWaiting(form.failed) }
      }
      endWait(slot)
    }
  }

  /// What a script did that SHUTDOWN NOSAVE has ended goes nowhere: the process ends.
  mutating func forgetEndedScript() {
    guard let (mark, commit) = busy?.effects, commit == self.commit else { return }
    effects.truncate(to: mark)
  }

  /// Tells those who asked for a shutdown that it failed or was aborted. What a script did that was ended for
  /// it stays, as of one that fails in the middle.
  mutating func shutdownFailed() {
    busy = nil
    if !readyKeys.isEmpty { serveWaiters() }
    for slot in clientSlots() {
      guard let wait = sessions[slot].wait, case .shutdown = wait.kind else { continue }
      serving(slot, database: wait.database) { c in
        c.replyError(CommandError("ERR Errors trying to SHUTDOWN. Check logs."))
      }
      endWait(slot)
    }
  }
}
