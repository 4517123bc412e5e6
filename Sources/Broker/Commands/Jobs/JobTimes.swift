// JobTimes.swift: what happens to jobs of itself, in time or as the log says.
//
// A turn takes up to so many jobs whose time has come, in the order of their times: the rest waits for
// the next turn, and clients are served in between.

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
    c.jobs.take(
      stamp: stamp, wall: wall, node: node, next: UInt64(bitPattern: next), lease: lease)
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
    guard let line = words[3].integer.flatMap(UInt32.init(exactly:)), line > 0, line < 1 << 28,
      let count = words[4].integer, let size = words[5].integer.flatMap(UInt32.init(exactly:)),
      let list = listForJobs(key)
    else { return false }
    if list.isEmpty {
      guard jobs.spaces[database].load(line: line, of: key.bytes) else { return false }
      list.line = line
    }
    guard list.line == line,
      let chunk = ListChunk.make(
        count: Int(clamping: count), elementSize: size, payload: words[6])
    else { return false }
    list.append(chunk)
    return true
  }

  /// Jobs whose time may come in one turn.
  static let dueCountMax = 500
  /// Records that one turn looks at for those nobody can see.
  private static let sweptCountMax = 1000

  /// Does what time does to jobs, as much of it as one turn may.
  ///
  /// - Returns: whether more of it waits.
  mutating func runJobTimers() -> Bool {
    guard !isLoading else { return false }
    var left = Self.dueCountMax, isMoreLeft = false
    let current = database
    defer { database = current }
    for index in 0..<databases.count where !jobs.spaces[index].isEmpty {
      database = index
      let now = jobsNow()
      left -= runDue(now: now, left)
      if left == 0 { isMoreLeft = true }
      guard !jobs.spaces[index].isSwept else { continue }
      jobs.spaces[index].sweepSome(Self.sweptCountMax, now: jobs.stamp, into: &graveyard)
      if !jobs.spaces[index].isSwept { isMoreLeft = true }
    }
    return isMoreLeft
  }

  /// Each job is logged for itself: what it led to, as the end of a list whose time is up, comes before
  /// it in the log, and after the jobs before it.
  ///
  /// - Returns: for how many jobs it was time, at most `limit`.
  private mutating func runDue(now: Int64, _ limit: Int) -> Int {
    var count = 0
    while count < limit, let record = jobs.spaces[database].firstDue(now: now, wall: wall) {
      count += 1
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
    return count
  }

  /// Does to a job what its time has come for.
  mutating func comeDue(_ record: JobRecord, now: Int64) {
    switch record.state {
    case .leased: lapse(record, now: now)
    case .scheduled where record.flags.contains(.unburied): bury(record, record.end, now: now)
    case .scheduled: giveBack(record, now: now, isNext: false)
    case .ready:
      // It has waited longer than it may.
      if let taken = takeFromList(record) { removeJob(taken.record) }
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
