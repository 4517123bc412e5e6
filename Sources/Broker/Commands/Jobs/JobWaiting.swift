// JobWaiting.swift: waits that are for no element: RESULT for the end of a job, ADDJOB for room.
//
// They stand in lines as all waits do, under keys that no client can name: databases below 0.

import RESP

extension JobCommands {
  static let results: [Command] = [
    Command(
      "RESULT", arity: .atLeast(2), flags: [.readOnly, .noScript, .blocking],
      jobs: JobSpec(first: 1, last: 1, access: .read), group: .queue, since: "7.2.0",
      summary: "Tells how a job ended, or waits for that.", complexity: "O(1)",
      syntax: "id [BLOCK ms]", body: result)
  ]

  /// `RESULT id [BLOCK ms]` → [state, result or error], or null when there is no such job.
  static func result(_ c: inout Context) throws(CommandError) {
    var timeout: Int64?
    if c.arguments.count > 2 {
      guard c.arguments.count == 4, c.arguments[2].matches("block") else { throw .syntax }
      timeout = try c.milliseconds(c.arguments[3])
    }
    guard let record = c.job(id: c.arguments[1]) else { return c.reply.nullArray() }
    guard let timeout, !c.isInExec, !hasEnded(record) else { return reply(&c, record) }
    c.block(
      .result(job: record.number), keys: [.end(of: record.number, in: c.database)],
      deadline: timeout == 0 ? 0 : c.monotonic + timeout)
  }

  private static func hasEnded(_ record: JobRecord) -> Bool {
    record.state == .done || record.state == .ready && record.end != .none
      || record.flags.contains(.unburied)
  }

  private static func reply(_ c: inout Context, _ record: JobRecord) {
    c.reply.array(2)
    c.reply.bulk(stateName(record))
    let extras = record.extras
    if let text = record.state == .done ? extras.result : extras.error {
      c.reply.bulk(text)
    } else {
      c.reply.null()
    }
  }

  /// Answers the waiter whose output is in `c.reply` if the job has ended.
  ///
  /// - Returns: whether the wait is over.
  static func serveResult(_ number: UInt64, _ c: inout Context) -> Bool {
    c.seeJobs()
    guard let record = c.jobs.spaces[c.database].find(number) else {
      c.reply.nullArray()
      return true
    }
    guard hasEnded(record) else { return false }
    reply(&c, record)
    return true
  }

  /// Runs the ADDJOB that waits for room.
  ///
  /// - Returns: whether the wait is over.
  static func serveAddition(_ words: StoredArguments, _ c: inout Context) -> Bool {
    let mine = (c.arguments, c.command)
    defer { (c.arguments, c.command) = mine }
    return words.withArguments { words in
      c.arguments = words
      c.command = c.table.index(of: words[0]) ?? c.command  // Rights are asked for in its name.
      if let refusal = c.refusalAfterWait() {
        c.failWaiting(refusal)
        return true
      }
      do throws(CommandError) {
        let before = c.changes
        guard try addIfRoom(&c) else { return false }
        if c.changes != before { c.effects.command(words, in: c.database) }
      } catch {
        c.failWaiting(error)
      }
      return true
    }
  }
}

extension StoredKey {
  /// Stands for the end of a job.
  static func end(of number: UInt64, in database: Int) -> StoredKey {
    var bytes = ByteBuffer()
    bytes.append(littleEndian: number)
    return StoredKey(-2 - 2 * database, bytes.view)
  }

  /// Stands for room in a queue.
  static func room(in queue: ByteView, of database: Int) -> StoredKey {
    StoredKey(-1 - 2 * database, queue)
  }

  /// Whether it stands for something else than a key.
  var isOfJobs: Bool { database < 0 }
  /// The database of what it stands for.
  var jobDatabase: Int { (-1 - database) / 2 }
}

extension Context {
  /// Says that a job has ended, to who waits for that.
  @inline(__always)
  mutating func noteEnd(of number: UInt64) {
    if !waiters.isEmpty { noteReady(.end(of: number, in: database)) }
  }

  /// Says that nothing in the database is as it was, to all who wait for the end of a job or for room.
  mutating func noteAllWaits(in database: Int) {
    for key in waiters.keys(in: -2 - 2 * database) + waiters.keys(in: -1 - 2 * database) {
      noteReady(key)
    }
  }

  /// Says that a queue may have room.
  mutating func noteRoom(_ key: Key) {
    if roomWaiters > 0 { noteReady(.room(in: key.bytes, of: database)) }
  }

  /// Waiters in a row that are looked at in vain, for there may be room for those behind them, who want
  /// less of it.
  private static let unservedMax = 16

  /// Serves who waits for what `stored` stands for.
  mutating func serveJobWaiters(of stored: StoredKey) {
    var unserved: Set<Int> = []
    while unserved.count < Self.unservedMax,
      let waiter = waiters.first(for: stored, passing: unserved),
      let wait = sessions[waiter].wait
    {
      let isServed = serving(waiter, database: stored.jobDatabase) { c in
        switch wait.kind {
        case .result(let number): JobCommands.serveResult(number, &c)
        case .addJob(let words): JobCommands.serveAddition(words, &c)
        default: false
        }
      }
      if isServed { endWait(waiter) } else { unserved.insert(waiter) }
    }
  }
}
