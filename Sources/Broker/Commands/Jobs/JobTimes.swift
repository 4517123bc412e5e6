// JobTimes.swift: what happens to jobs of itself, in time or as the log says.
//
// A turn does a bounded work for jobs whose time has come, in the order of their times: the rest waits
// for the next turn, and clients are served in between. What a job costs is counted and not measured:
// the same requests at the same times have the same effects.

import RESP

extension JobCommands {
  /// What only the log has.
  static let logged: [Command] = [
    Command(
      "JOBSTAMP", arity: .exactly(6), flags: [.write, .noScript, .noMulti], group: .queue,
      since: "7.2.0",
      summary: "In the log: the time at which what follows was done.", complexity: "O(1)",
      syntax: "jobs-ms wall-ms node next-number lease-ms", body: jobstamp),
    Command(
      "JOBLOAD", arity: .atLeast(3), flags: [.write, .noScript, .noMulti], group: .queue,
      since: "7.2.0",
      summary: "In a repaired log: what a checkpoint had of jobs.", complexity: "O(N), N bytes",
      syntax: "NOTE|QUEUE|JOB|CHUNK word [word ...]", body: jobload),
    Command(
      "JOBDUE", arity: .atLeast(2), flags: [.write, .noScript, .noMulti], group: .queue,
      since: "7.2.0",
      summary: "In the log: jobs whose time came.",
      complexity: "O(N log M), N jobs, M jobs that have a time",
      syntax: "number [number ...]", body: jobdue),
  ]

  /// `JOBLOAD NOTE|QUEUE|JOB|CHUNK ...`: a record of a checkpoint (SnapshotRecord.swift).
  static func jobload(_ c: inout Context) throws(CommandError) {
    guard c.isLoading else { throw .ofTheLog }
    let words = c.arguments, kind = words[1], isTaken: Bool
    switch words.count {
    case 3 where kind.matches("note"): isTaken = c.jobs.load(note: words[2], in: c.database)
    case 4 where kind.matches("job"):
      isTaken = c.jobs.load(job: words[2], rest: words[3], in: c.database)
    case 5 where kind.matches("queue"):
      guard let id = words[2].integer.flatMap(UInt32.init(exactly:)) else { throw .notAnInteger }
      isTaken = c.jobs.load(queue: id, name: words[3], rest: words[4], in: c.database)
    case 7 where kind.matches("chunk"): isTaken = c.loadChunk(words)
    default: throw .syntax
    }
    guard isTaken else { throw CommandError("ERR this is no record of a job") }
  }

  static func jobstamp(_ c: inout Context) throws(CommandError) {
    guard c.isLoading else { throw .ofTheLog }
    guard let stamp = c.arguments[1].integer, let wall = c.arguments[2].integer,
      let node = c.arguments[3].integer.flatMap(UInt32.init(exactly:)),
      let next = c.arguments[4].integer, let lease = c.arguments[5].integer
    else { throw .notAnInteger }
    guard
      c.jobs.take(
        stamp: stamp, wall: wall, node: node, next: UInt64(bitPattern: next), lease: lease)
    else { throw CommandError("ERR these are no clocks of jobs") }
  }

  static func jobdue(_ c: inout Context) throws(CommandError) {
    guard c.isLoading else { throw .ofTheLog }
    for index in 1..<c.arguments.count {
      guard let number = c.arguments[index].integer else { throw .notAnInteger }
      guard let record = c.jobs.spaces[c.database].find(UInt64(bitPattern: number)) else {
        throw .noJob
      }
      c.comeDue(record, now: c.jobs.stamp)
    }
  }
}

extension Context {
  /// Adds a chunk to a list with jobs: key, line, count, element size, payload.
  ///
  /// - Returns: false when it cannot be one.
  fileprivate mutating func loadChunk(_ words: Arguments) -> Bool {
    let key = key(words[2])
    guard let given = words[3].integer.flatMap(UInt32.init(exactly:)), given > 0,
      let count = words[4].integer, let size = words[5].integer.flatMap(UInt32.init(exactly:)),
      let chunk = ListChunk.make(
        count: Int(clamping: count), elementSize: size, payload: words[6])
    else { return false }
    guard let list = listForJobs(key) else {
      chunk.release()
      return false
    }
    let line =
      list.isEmpty
      ? jobs.spaces[database].load(line: given, of: key.bytes)
      : jobs.spaces[database].line(loadedAs: given).flatMap { $0 == list.line ? $0 : nil }
    list.append(chunk)
    guard let line else { return false }
    list.line = line
    jobs.spaces[database].noteLabel(of: chunk, in: line)
    return true
  }

  /// What one turn may do for jobs whose time has come, in units of about a microsecond. What exceeds
  /// it at the end of a slice is one job: a body of 100 MB is copied in one turn whatever the bound.
  static let timerWorkMax = 500
  /// Work that each job is, its place in the heap, its records and the log included; and the bytes of a
  /// body that take as long to copy as one unit.
  static let workOfJob = 2
  static let bytesOfWork = 4 << 10
  /// Records that are looked at, for those nobody can see, for one unit of work.
  private static let sweptForWork = 2

  /// Does what time does to jobs, as much of it as one turn may.
  ///
  /// - Returns: whether more of it waits.
  mutating func runJobTimers() -> Bool {
    guard !isLoading else { return false }
    jobs.timerWork = 0
    var isMoreLeft = false
    let current = database
    var space = jobs.firstSpace
    defer { database = current }
    for _ in 0..<databases.count {
      defer { space = space + 1 < databases.count ? space + 1 : 0 }
      guard !jobs.spaces[space].isEmpty else { continue }
      database = space
      if jobs.spaces[database].isLoaded { jobs.spaces[database].endLoad() }
      if runTimersOfDatabase() { isMoreLeft = true }
      guard jobs.timerWork >= Self.timerWorkMax else { continue }
      // With the next database the next turn begins.
      jobs.firstSpace = space + 1 < databases.count ? space + 1 : 0
      return true
    }
    return isMoreLeft
  }

  private var timerWorkLeft: Int { max(0, Self.timerWorkMax - jobs.timerWork) }

  private mutating func runTimersOfDatabase() -> Bool {
    let now = jobsNow(), swept = jobs.timerWork
    if !jobs.spaces[database].isSwept {
      // At most half of what is left: what is due is not to wait for it.
      let work = timerWorkLeft / 2
      let isTold = !waiters.isEmpty
      var ended: [UInt64] = []
      jobs.spaces[database].sweepSome(work * Self.sweptForWork, into: &graveyard) {
        if isTold { ended.append($0) }
      }
      for number in ended { noteEnd(of: number) }
      jobs.timerWork = swept + work
    }
    if let name = jobs.spaces[database].firstNameDue, name <= now {
      // The log is told the time: what it leads to has the same names.
      jobs.timerWork += jobs.spaces[database].freeNames(timerWorkLeft, now: beginJobChange())
    }
    return runDue(now: now) || !jobs.spaces[database].isSwept
  }

  /// Each job is logged for itself: what it led to, as the end of a list whose time is up, comes before
  /// it in the log, and after the jobs before it.
  ///
  /// - Returns: whether there was more to do than the turn may.
  private mutating func runDue(now: Int64) -> Bool {
    while let record = jobs.spaces[database].firstDue(now: now, wall: wall) {
      guard jobs.timerWork < Self.timerWorkMax else { return true }
      jobs.timerWork += Self.workOfJob
      guard jobs.spaces[database].isAlive(record) else {
        removeJob(record)
        continue
      }
      _ = beginJobChange()
      let number = record.number
      comeDue(record, now: now)
      effects.command(words: 2, in: database) { writer in
        writer.word("JOBDUE")
        writer.word(integer: Int64(bitPattern: number))
      }
    }
    return false
  }

  /// Does to a job what its time has come for.
  mutating func comeDue(_ record: JobRecord, now: Int64) {
    switch record.state {
    case .leased: lapse(record, now: now)
    case .scheduled where record.flags.contains(.unburied): bury(record, record.end, now: now)
    case .scheduled: giveBack(record, now: now, isNext: false)
    case .ready:
      // It has waited longer than it may. Behind it may be one that somebody waits for.
      if let taken = takeFromList(record) {
        removeJob(taken.record)
        taken.queue.withView { signalReady(key($0)) }
      } else {
        removeJob(record)
      }
    case .done: removeJob(record)
    }
  }

  /// Ends a lease that ran out.
  private mutating func lapse(_ old: JobRecord, now: Int64) {
    let record = jobs.spaces[database].unshared(old)
    if record.expirations < .max { record.expirations += 1 }
    record.flags.insert(.lapsed)
    jobs.spaces[database].writableQueue(record.place)?[.expired] += 1
    if isSpent(record) {
      bury(record, .attempts, now: now)
    } else {
      giveBack(record, now: now)
    }
  }
}

extension CommandError {
  fileprivate static let ofTheLog = CommandError("ERR this command is of the log alone")
}
