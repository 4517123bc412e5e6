// JobAdding.swift: ADDJOB.
//
// The options are those of Disque and ours. A job that none of them needs a record of more than its
// number for costs no more than that.

import RESP

/// The job commands.
enum JobCommands {
  static let adding: [Command] = [
    Command(
      "ADDJOB", arity: .atLeast(4), flags: [.write, .denyOOM, .fast, .movableKeys],
      keys: [
        .one(1, [.insert]),
        .option(
          "dead", from: 4,
          others: [
            ("delay", 1), ("at", 1), ("retry", 1), ("ttl", 1), ("maxlen", 1), ("priority", 1),
            ("id", 1), ("unique", 1), ("for", 1), ("until", 1), ("attempts", 1), ("backoff", 2),
            ("cap", 1), ("jitter", 1), ("keep", 1), ("replicate", 1),
          ], [.insert]),
      ],
      group: .queue, since: "7.2.0",
      summary: "Adds a job to a queue, now or at a later time.",
      complexity: "O(1); O(log N) with a time, N jobs that have one",
      syntax: """
        queue body ms-timeout [DELAY s | AT unix-ms] [RETRY s] [TTL s] [MAXLEN n] \
        [PRIORITY 0..9] [ID id] [UNIQUE key [FOR s] [UNTIL START|DONE] [REPLACE]] [ATTEMPTS n] \
        [BACKOFF FIXED|LINEAR|EXP base-ms [CAP ms] [JITTER pct]] [DEAD queue] [KEEP s] \
        [REPLICATE n] [ASYNC] [WITHSTATUS]
        """,
      body: addjob)
  ]

  /// What ADDJOB is asked for.
  private struct Addition {
    var delay: Int64?
    var at: Int64?
    var ttl: Int64?
    var lengthMax: Int64?
    var priority: UInt8 = 0
    var unique: ByteView?
    /// ms that the unique key is held, however the job fares.
    var uniqueFor: Int64?
    var replaces = false
    var showsStatus = false
    var extras = JobExtras()

    /// When the job is to change of itself if it is not ready at once: at its time, or when its time to
    /// live is over before that. `AT` and the time to live are of two clocks: the nearer one counts, as
    /// both clocks stand now.
    func time(now: Int64, wall: Int64, expires: Int64?) -> (due: Int64, isOnWall: Bool)? {
      guard let wait = at.map({ $0 - wall }) ?? delay, wait > 0 else { return nil }
      if let expires, expires - now <= wait { return (expires, false) }
      return at.map { ($0, true) } ?? (now + wait, false)
    }
  }

  /// How an ADDJOB went, as WITHSTATUS shows it.
  private enum Status: Int {
    case existing = 0
    case new = 1
    case replaced = 2
  }

  /// `ADDJOB queue body ms-timeout [option ...]` → the job's id; with WITHSTATUS [id, status].
  static func addjob(_ c: inout Context) throws(CommandError) {
    let timeout = try c.milliseconds(c.arguments[3])
    guard try !addIfRoom(&c) else { return }
    guard timeout > 0, !c.isInExec else { throw .queueFull }
    c.block(
      .addJob(c.arguments.stored()), keys: [.room(in: c.arguments[1], of: c.database)],
      deadline: c.monotonic + timeout)
  }

  /// Does what ADDJOB asks for.
  ///
  /// - Returns: false when the queue is full; nothing has changed then.
  static func addIfRoom(_ c: inout Context) throws(CommandError) -> Bool {
    let addition = try addition(c)
    let key = c.key(1)
    if let entry = c.findForWriting(key), entry.kind != .list { throw .wrongType }
    var lengthMax = addition.lengthMax
    if let queue = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash) {
      if queue.pause.contains(.input) { throw .paused }
      if lengthMax == nil, queue.hasSettings { lengthMax = queue.settings.lengthMax }
    }
    if try answerWithHolder(&c, key, addition) { return true }
    // What the log has was let in: what is ready then may be more, for a wait in between.
    if let lengthMax, !c.isLoading, c.readyCount(key) >= lengthMax { return false }
    let number = add(&c, key, addition)
    reply(&c, addition.extras.id ?? JobID.text(number, node: c.jobs.node), .new, addition)
    return true
  }

  private static func reply(
    _ c: inout Context, _ id: [UInt8], _ status: Status, _ addition: Addition
  ) {
    if addition.showsStatus { c.reply.array(2) }
    c.reply.bulk(id)
    if addition.showsStatus { c.reply.integer(status.rawValue) }
  }

  // MARK: Options

  private static func addition(_ c: borrowing Context) throws(CommandError) -> Addition {
    var addition = Addition(), index = 4
    let words = c.arguments
    /// The word behind the option.
    func value(_ option: StaticString) throws(CommandError) -> ByteView? {
      guard words[index].matches(option) else { return nil }
      guard index + 1 < words.count else { throw .syntax }
      index += 1
      return words[index]
    }
    while index < words.count {
      if let word = try value("delay") {
        addition.delay = try word.seconds()
      } else if let word = try value("at") {
        guard let at = word.integer, at >= 0, at < 1 << 48 else { throw .notAnInteger }
        addition.at = at
      } else if let word = try value("retry") {
        addition.extras.retry = try word.retry()
      } else if let word = try value("ttl") {
        addition.ttl = try word.seconds()
        guard addition.ttl ?? 0 > 0 else { throw CommandError("ERR TTL must be above 0") }
      } else if let word = try value("maxlen") {
        guard let length = word.integer, length > 0 else {
          throw CommandError("ERR MAXLEN must be above 0")
        }
        addition.lengthMax = length
      } else if let word = try value("priority") {
        guard let priority = word.integer, 0...9 ~= priority else {
          throw CommandError("ERR PRIORITY must be 0 to 9")
        }
        addition.priority = UInt8(priority)
      } else if let word = try value("id") {
        guard word.count > 0, word.count <= JobID.sizeMax, !JobID.isOurs(word) else {
          throw CommandError("ERR ID must have 1 to \(JobID.sizeMax) bytes and not begin with D-")
        }
        addition.extras.id = word.array
      } else if let word = try value("unique") {
        addition.unique = word
      } else if addition.unique != nil, let word = try value("for") {
        addition.uniqueFor = try word.seconds()
        guard addition.uniqueFor ?? 0 > 0 else { throw CommandError("ERR FOR must be above 0") }
      } else if addition.unique != nil, let word = try value("until") {
        guard word.matches("start") || word.matches("done") else { throw .syntax }
        addition.extras.isUniqueUntilStart = word.matches("start")
      } else if addition.unique != nil, words[index].matches("replace") {
        addition.replaces = true
      } else if let word = try value("attempts") {
        addition.extras.attemptsMax = try word.attempts()
      } else if words[index].matches("backoff") {
        (addition.extras.backoff, index) = try backoff(words, index)
      } else if let word = try value("dead") {
        guard !word.isEmpty else { throw CommandError("ERR DEAD must name a queue") }
        addition.extras.deadQueue = word.array
      } else if let word = try value("keep") {
        addition.extras.keep = try word.seconds()
      } else if let word = try value("replicate") {
        guard let copies = word.integer, copies > 0 else { throw .notPositive }
        // There is this one, and no other.
        guard copies == 1 else { throw .noReplicas }
      } else if words[index].matches("withstatus") {
        addition.showsStatus = true
      } else if !words[index].matches("async") {
        throw .syntax
      }
      index += 1
    }
    guard addition.delay == nil || addition.at == nil else { throw .syntax }
    if let ttl = addition.ttl, let delay = addition.delay, delay >= ttl {
      throw CommandError("ERR DELAY is not below TTL: the job would never be delivered")
    }
    return addition
  }

  /// The words `BACKOFF kind base [CAP ms] [JITTER pct]` from `start`, and where the last of them is.
  static func backoff(_ words: Arguments, _ start: Int) throws(CommandError) -> (Backoff, Int) {
    guard start + 2 < words.count else { throw .syntax }
    let kind: Backoff.Kind
    if words[start + 1].matches("fixed") {
      kind = .fixed
    } else if words[start + 1].matches("linear") {
      kind = .linear
    } else if words[start + 1].matches("exp") {
      kind = .exponential
    } else {
      throw .syntax
    }
    var backoff = Backoff(kind, base: try words[start + 2].wait()), index = start + 2
    while index + 2 < words.count {
      if words[index + 1].matches("cap") {
        backoff.cap = try words[index + 2].wait()
      } else if words[index + 1].matches("jitter") {
        guard let jitter = words[index + 2].integer, 0...100 ~= jitter else {
          throw CommandError("ERR JITTER must be 0 to 100")
        }
        backoff.jitter = jitter
      } else {
        break
      }
      index += 2
    }
    return (backoff, index)
  }

  // MARK: Names that are taken

  /// Answers with the job that has the chosen id or the unique key already, if one has.
  private static func answerWithHolder(
    _ c: inout Context, _ key: Key, _ addition: Addition
  ) throws(CommandError) -> Bool {
    guard addition.extras.id != nil || addition.unique != nil else { return false }
    let now = c.jobsNow()
    c.seeJobs()
    if let id = addition.extras.id {
      let name = id.withView { JobName.id($0) }
      if name.withView({ c.jobs.spaces[c.database].holder(of: $0, now: now) != nil }) {
        reply(&c, id, .existing, addition)
        return true
      }
    }
    guard let unique = addition.unique else { return false }
    let name = JobName.unique(unique, of: key.bytes)
    guard let holder = name.withView({ c.jobs.spaces[c.database].holder(of: $0, now: now) }) else {
      return false
    }
    let id = JobID.text(of: holder, node: c.jobs.node)
    let isReplaced =
      if addition.replaces, let record = holder.record {
        try replaceBody(&c, of: record, key, addition)
      } else {
        false
      }
    reply(&c, id, isReplaced ? .replaced : .existing, addition)
    return true
  }

  /// Gives a job that waits the body of the request, and if it waits for its time, the time.
  ///
  /// - Returns: false when it does not wait.
  /// - Throws: when it has been moved from the queue of `key` to one in which the session may change none.
  private static func replaceBody(
    _ c: inout Context, of record: JobRecord, _ key: Key, _ addition: Addition
  ) throws(CommandError) -> Bool {
    guard record.end == .none, record.state == .ready || record.state == .scheduled else {
      return false
    }
    if let queue = c.jobs.spaces[c.database].queue(of: record)?.key, queue != key.bytes,
      !c.mayAlsoUse(queue, .update)
    {
      throw c.refusal(ofKey: queue)
    }
    switch record.state {
    case .scheduled:
      let now = c.beginJobChange()
      let next = record.successor(.scheduled, place: record.place, body: c.arguments[2])
      var due = record.isTimed ? record.due : nil
      // What is delivered now is another body than the last lease had.
      next.flags.remove(.lapsed)
      if addition.at != nil || addition.delay != nil, !record.flags.contains(.parked) {
        let expires = record.flags.contains(.hasExtras) ? record.extras.expires : nil
        let time = addition.time(now: now, wall: c.jobsWall, expires: expires)
        due = time?.due ?? now
        next.flags.remove(.onWall)
        if time?.isOnWall == true { next.flags.insert(.onWall) }
      }
      c.jobs.spaces[c.database].replace(record, with: next, due: due)
    case .ready:
      guard let name = c.jobs.spaces[c.database].queue(of: record)?.key.array else { return false }
      let body = c.arguments[2]
      let isDone = name.withView { bytes -> Bool in
        let key = c.key(bytes)
        guard let list = c.listForJobs(key), let spot = c.find(record, in: list) else {
          return false
        }
        _ = c.beginJobChange()
        let own = c.jobs.spaces[c.database].unshared(record)
        own.flags.remove(.lapsed)
        own.label = list.replace(spot, with: body, mark: own.number, rank: own.priority)
        c.modified(key)
        c.notify(.list, "lset", key)
        return true
      }
      guard isDone else { return false }
    case .leased, .done: return false
    }
    return true
  }

  // MARK: Adding

  /// Adds the job of the request.
  ///
  /// - Returns: its number.
  private static func add(_ c: inout Context, _ key: Key, _ addition: Addition) -> UInt64 {
    let now = c.beginJobChange()
    let number = c.jobs.takeNumber(), db = c.database
    let queue = c.jobs.spaces[db].makeQueue(key.bytes, hash: key.hash)
    queue[.added] += 1
    queue.count(1, .input, now: now)
    var extras = addition.extras
    if let ttl = addition.ttl ?? (queue.hasSettings ? queue.settings.ttl : nil) {
      extras.expires = now + ttl
    }
    if let unique = addition.unique {
      let name = JobName.unique(unique, of: key.bytes)
      if addition.uniqueFor == nil { extras.unique = name }
      let until = addition.uniqueFor.map { now + $0 } ?? 0
      let id = addition.uniqueFor == nil ? [] : extras.id ?? []
      name.withView { name in
        id.withView { c.jobs.spaces[db].setName(name, number, until: until, chosenID: $0) }
      }
    }
    if let id = extras.id {
      id.withView { JobName.id($0) }.withView { c.jobs.spaces[db].setName($0, number) }
    }
    if addition.priority > 0 { c.jobs.spaces[db].hasPriorities = true }
    var bytes = ByteBuffer()
    extras.encode(into: &bytes)
    guard let time = addition.time(now: now, wall: c.jobsWall, expires: extras.expires) else {
      let list = c.listForJobs(key) ?? c.makeList(key)
      let record = JobRecord.make(
        number, .ready, place: c.line(of: list, key), extras: bytes.view)
      record.created = c.jobsWall
      record.priority = addition.priority
      c.jobs.spaces[db].insert(record, due: extras.expires)
      record.label = c.push(
        c.arguments[2], number, addition.priority, to: list, key, c.takingEnd(queue), isNext: false)
      return number
    }
    let record = JobRecord.make(
      number, .scheduled, place: queue.id, body: c.arguments[2], extras: bytes.view)
    record.created = c.jobsWall
    record.priority = addition.priority
    if time.isOnWall { record.flags.insert(.onWall) }
    c.jobs.spaces[db].insert(record, due: time.due)
    return number
  }
}

extension Context {
  /// How many elements of a queue are ready.
  mutating func readyCount(_ key: Key) -> Int {
    guard let entry = peek(key), entry.kind == .list else { return 0 }
    return entry.list.count
  }

  /// A timeout in ms.
  func milliseconds(_ word: ByteView) throws(CommandError) -> Int64 {
    guard let value = word.integer else {
      throw CommandError("ERR timeout is not an integer or out of range")
    }
    guard value >= 0 else { throw .timeoutNegative }
    guard value < 1 << 48 else { throw .timeoutOutOfRange }
    return value
  }
}

extension ByteView {
  /// A time in seconds, decimals allowed, as ms: at most some 34 years, and no time but 0 is none.
  func seconds() throws(CommandError) -> Int64 {
    guard let seconds = double, seconds >= 0, seconds <= Double(Backoff.longest) / 1000 else {
      throw CommandError("ERR value is not a number of seconds or out of range")
    }
    return max(seconds > 0 ? 1 : 0, Int64((seconds * 1000).rounded()))
  }

  /// A length of leases in seconds, as ms; 0 for at most one delivery.
  func retry() throws(CommandError) -> Int64 {
    let time = try seconds()
    guard time <= Int64(Int32.max) else {
      throw CommandError("ERR RETRY must be at most \(Int32.max / 1000) seconds")
    }
    return time
  }

  /// A time in ms.
  func wait() throws(CommandError) -> Int64 {
    guard let value = integer, value >= 0, value <= Backoff.longest else {
      throw CommandError("ERR value is not a number of milliseconds or out of range")
    }
    return value
  }

  /// How often a job may fail; 0 for as often as it will.
  func attempts() throws(CommandError) -> Int64 {
    guard let value = integer, 0...Int64(UInt16.max) ~= value else {
      throw CommandError("ERR ATTEMPTS must be 0 to \(UInt16.max)")
    }
    return value
  }
}

extension CommandError {
  static let paused = CommandError("PAUSED Queue paused in input, try later")
  static let queueFull = CommandError("MAXLEN Queue is already full")
  static let noJob = CommandError("NOJOB There is no such job")
  static let leaseLost = CommandError("LEASELOST The job is no longer leased by this receipt")
}
