// JobQueues.swift: queues as a whole: QSET, QGET, QDROP, QSTAT, QPEEK, QREDRIVE, PAUSE.

import RESP

extension JobCommands {
  static let queues: [Command] = [
    Command(
      "QSET", arity: .atLeast(4), flags: [.write, .denyOOM, .fast, .movableKeys],
      keys: [
        .one(1, [.update]),
        .option(
          "dead", from: 2,
          others: [
            ("lease", 1), ("attempts", 1), ("backoff", 2), ("cap", 1), ("jitter", 1), ("ttl", 1),
            ("maxlen", 1), ("take", 1),
          ], [.insert]),
      ],
      group: .queue, since: "7.2.0",
      summary: "Sets how jobs of a queue are treated that do not say it themselves.",
      complexity: "O(1)",
      syntax: """
        queue [LEASE ms] [ATTEMPTS n] [BACKOFF FIXED|LINEAR|EXP base-ms [CAP ms] [JITTER pct]] \
        [DEAD queue] [TTL s] [MAXLEN n] [TAKE LEFT|RIGHT]
        """, body: qset),
    Command(
      "QGET", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .queue, since: "7.2.0",
      summary: "Shows the settings of a queue.", complexity: "O(1)", syntax: "queue", body: qget),
    Command(
      "QDROP", arity: .exactly(2), flags: [.write], keys: [.one(1, [.delete])], group: .queue,
      since: "7.2.0",
      summary: "Deletes a queue: its list, its other jobs and its settings.",
      complexity: "O(1); the memory is given back bit by bit", syntax: "queue", body: qdrop),
    Command(
      "QSTAT", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [.read])],
      group: .queue, since: "7.2.0",
      summary: "Tells how a queue is doing.", complexity: "O(N), N clients that wait for it",
      syntax: "queue", body: qstat),
    Command(
      "QPEEK", arity: .exactly(3), flags: [.readOnly], keys: [.one(1, [.read])], group: .queue,
      since: "7.2.0",
      summary: "Shows the jobs that are taken next, or with a negative count those taken last.",
      complexity: "O(N), N jobs returned", syntax: "queue [-]count", body: qpeek),
    Command(
      "QREDRIVE", arity: .atLeast(2), flags: [.write, .denyOOM, .movableKeys],
      keys: [
        .one(1, [.read, .delete]), .option("to", from: 2, others: [("count", 1)], [.insert]),
      ],
      group: .queue, since: "7.2.0",
      summary: "Puts dead jobs back into the queues in which they died, with new attempts.",
      complexity: "O(N), N jobs that are moved", syntax: "dead-queue [TO queue] [COUNT n]",
      body: qredrive),
    Command(
      "PAUSE", arity: .exactly(3), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .queue, since: "7.2.0",
      summary: "Has a queue take or give no jobs for a while.", complexity: "O(1)",
      syntax: "queue in|out|all|none|state", body: pause),
  ]

  // MARK: Settings

  /// `QSET queue option value ...` → OK. A LEASE, TTL or MAXLEN of 0 and a DEAD of "" unset.
  static func qset(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), words = c.arguments
    var settings =
      c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)?.settings ?? QueueSettings()
    var index = 2
    while index < words.count {
      guard index + 1 < words.count else { throw .syntax }
      let option = words[index], value = words[index + 1]
      if option.matches("lease") {
        settings.lease = value.integer == 0 ? nil : try value.lease()
      } else if option.matches("attempts") {
        settings.attemptsMax = try value.attempts()
      } else if option.matches("backoff") {
        let (backoff, last) = try backoff(words, index)
        settings.backoff = backoff
        index = last + 1
        continue
      } else if option.matches("dead") {
        settings.deadQueue = value.isEmpty ? nil : value.array
      } else if option.matches("ttl") {
        let ttl = try value.seconds()
        settings.ttl = ttl == 0 ? nil : ttl
      } else if option.matches("maxlen") {
        guard let length = value.integer, length >= 0 else { throw .notPositive }
        settings.lengthMax = length == 0 ? nil : length
      } else if option.matches("take") {
        guard value.matches("left") || value.matches("right") else { throw .syntax }
        settings.takesFromHead = value.matches("left") ? true : nil
      } else {
        throw .syntax
      }
      index += 2
    }
    _ = c.beginJobChange()
    c.jobs.spaces[c.database].makeQueue(key.bytes, hash: key.hash).settings = settings
    c.noteRoom(key)
    c.reply.ok()
  }

  /// `QGET queue` → names and values of what is set.
  static func qget(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    c.seeJobs()
    let settings =
      c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)?.settings ?? QueueSettings()
    let mark = c.reply.beginArray()
    c.reply.endMap(mark, count: show(&c, settings))
  }

  /// Replies with names and values of what is set.
  ///
  /// - Returns: how many.
  private static func show(_ c: inout Context, _ settings: QueueSettings) -> Int {
    var count = 0
    func number(_ name: String, _ value: Int64?) {
      guard let value else { return }
      c.reply.bulk(name)
      c.reply.integer(value)
      count += 1
    }
    func text(_ name: String, _ value: [UInt8]?) {
      guard let value else { return }
      c.reply.bulk(name)
      c.reply.bulk(value)
      count += 1
    }
    number("lease-ms", settings.lease)
    number("attempts", settings.attemptsMax)
    text("backoff", settings.backoff.map { Array($0.text.utf8) })
    text("dead-queue", settings.deadQueue)
    number("ttl-ms", settings.ttl)
    number("maxlen", settings.lengthMax)
    text("take", settings.takesFromHead == true ? Array("left".utf8) : nil)
    return count
  }

  /// `QDROP queue` → integer: 1 if there was anything of it.
  static func qdrop(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    let entry = c.findForWriting(key)
    if let entry, entry.kind != .list { throw .wrongType }
    let queue = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)
    let isKnown = queue.map { !$0.isIdle } ?? false
    guard entry != nil || isKnown else { return c.reply.integer(0) }
    _ = c.beginJobChange()
    if entry != nil {
      c.drop(key)
      c.modified(key)
      c.notify(.generic, "del", key)
    }
    if let queue = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash) {
      c.jobs.spaces[c.database].drop(queue)
      c.noteAllWaits(in: c.database)
    }
    c.noteRoom(key)
    c.reply.integer(1)
  }

  // MARK: Looking

  /// `QSTAT queue` → names and values, or null when nothing is known of the queue.
  static func qstat(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    let list = try c.list(key)
    c.seeJobs()
    let queue = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)
    guard list != nil || queue != nil else { return c.reply.null() }
    let settings = queue?.settings ?? QueueSettings(), now = c.jobsNow()
    let mark = c.reply.beginArray()
    var count = 0
    func number(_ name: String, _ value: Int) {
      c.reply.bulk(name)
      c.reply.integer(value)
      count += 1
    }
    func rate(_ name: String, _ hundredths: Int) {
      c.reply.bulk(name)
      let digits = String(hundredths % 100)
      c.reply.double(
        text: "\(hundredths / 100)." + String(repeating: "0", count: 2 - digits.count) + digits)
      count += 1
    }
    c.reply.bulk("name")
    c.reply.bulk(key.bytes)
    number("ready", list?.count ?? 0)
    number("scheduled", queue?[.scheduled] ?? 0)
    number("dequeued", queue?[.parked] ?? 0)
    number("leased", queue?[.leased] ?? 0)
    number("kept", queue?[.kept] ?? 0)
    let dead = settings.deadQueue ?? Context.deadQueue(of: key.bytes.array)
    number("dead", dead.withView { c.readyCount(c.key($0)) } + (queue?[.unburied] ?? 0))
    if let list, let next = c.job(of: list, at: c.takingEnd(queue)) {
      number("age-ms", Int(max(0, c.jobsWall - next.created)))
    }
    number("jobs-in", queue?[.added] ?? 0)
    number("jobs-out", queue?[.taken] ?? 0)
    number("acked", queue?[.finished] ?? 0)
    number("failed", queue?[.failed] ?? 0)
    number("expired", queue?[.expired] ?? 0)
    rate("in-rate", queue?.rate(.input, now: now) ?? 0)
    rate("out-rate", queue?.rate(.output, now: now) ?? 0)
    number("waiting", c.waiters.slots(for: StoredKey(c.database, key.bytes)).count)
    c.reply.bulk("pause")
    c.reply.bulk(ByteView((queue?.pause ?? []).name))
    let shown = show(&c, settings)
    c.reply.endMap(mark, count: count + 2 + shown)
  }

  /// `QPEEK queue [-]count` → [[queue, id, body], ...]; an element that is no job has no id.
  static func qpeek(_ c: inout Context) throws(CommandError) {
    guard let given = c.arguments[2].integer else { throw .notAnInteger }
    let key = c.key(1)
    guard let list = try c.list(key) else { return c.reply.array(0) }
    c.seeJobs()
    let queue = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)
    let isFromHead = (c.takingEnd(queue) == .head) == (given >= 0)
    let count = min(list.count, Int(clamping: given.magnitude))
    c.reply.array(count)
    var cursor = list.cursor(at: isFromHead ? 0 : list.count)
    for _ in 0..<count {
      guard let body = isFromHead ? cursor?.next() : cursor?.previous() else { return }
      c.reply.array(3)
      c.reply.bulk(key.bytes)
      if let mark = cursor?.mark, let record = c.jobs.spaces[c.database].ready(mark, in: list.line)
      {
        c.reply.bulk(JobID.text(record, node: c.jobs.node))
      } else {
        c.reply.null()
      }
      c.reply.bulk(body)
    }
  }

  // MARK: Dead jobs

  /// Elements that one QREDRIVE looks at, and bytes that it moves: it does not hold a turn for long.
  private static let redrivenCountMax = 500, redrivenSizeMax = 1 << 20

  /// `QREDRIVE dead-queue [TO queue] [COUNT n]` → integer: how many were moved.
  ///
  /// One call looks at up to 500 elements and moves up to about a megabyte: to move all of a long queue
  /// it is repeated until it answers 0. What has no queue to go to stays where it is.
  static func qredrive(_ c: inout Context) throws(CommandError) {
    var target: [UInt8]?, limit = redrivenCountMax, index = 2
    while index < c.arguments.count {
      guard index + 1 < c.arguments.count else { throw .syntax }
      let value = c.arguments[index + 1]
      if c.arguments[index].matches("to") {
        target = value.array
      } else if c.arguments[index].matches("count") {
        guard let count = value.integer, count > 0 else { throw .notPositive }
        limit = min(limit, Int(clamping: count))
      } else {
        throw .syntax
      }
      index += 2
    }
    let key = c.key(1)
    guard let list = try c.listForWriting(key) else { return c.reply.integer(0) }
    let queue = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)
    let end = c.takingEnd(queue)
    let name = key.bytes.array
    let living =
      name.count > 5 && Context.deadQueue(of: name) == name ? Array(name.dropLast(5)) : nil
    if target == nil { try checkHomes(&c, of: list, at: end, living, name, limit: limit) }
    var moved = 0, stayed = 0, size = 0, now: Int64?
    while moved < limit, moved + stayed < redrivenCountMax, size < redrivenSizeMax,
      stayed < list.count
    {
      let index = end == .head ? stayed : list.count - 1 - stayed
      let (body, job) = c.element(index, of: list)
      guard let home = target ?? job?.extras.origin ?? living, home != name else {
        stayed += 1
        continue
      }
      let isMoved = home.withView { home in
        let home = c.key(home)
        if let entry = c.findForWriting(home), entry.kind != .list { return false }
        // Not before it is sure that something changes.
        now = now ?? c.beginJobChange()
        guard let now, let other = c.listForJobs(home) else { return false }
        body.withView { c.redrive($0, job, to: other, home, now: now) }
        return true
      }
      guard isMoved else {
        stayed += 1
        continue
      }
      list.remove(at: index)
      moved += 1
      size += body.count
    }
    if moved == 0, stayed > 0 {
      throw CommandError("ERR the first elements have no queue to go back to: say one with TO")
    }
    if moved > 0 { Lists.endPop(&c, key, list, at: end) }
    c.reply.integer(moved)
  }

  /// Refuses a QREDRIVE if the session may not put jobs into one of the queues that they go back to.
  /// - Complexity: O(N), N jobs that are to be moved; O(1) for a user of all keys.
  private static func checkHomes(
    _ c: inout Context, of list: List, at end: List.End, _ living: [UInt8]?, _ name: [UInt8],
    limit: Int
  ) throws(CommandError) {
    guard c.sessions[c.slot].flags.contains(.restricted) else { return }
    var cursor = list.cursor(at: end == .head ? 0 : list.count), allowed: Set<[UInt8]> = []
    var left = limit
    for _ in 0..<min(redrivenCountMax, list.count) where left > 0 {
      guard (end == .head ? cursor?.next() : cursor?.previous()) != nil, let cursor else { return }
      let job = c.jobs.spaces[c.database].ready(cursor.mark, in: list.line)
      // Those that stay where they are do not count, as below.
      guard let home = job?.extras.origin ?? living, home != name,
        home.withView({ c.peek(c.key($0))?.kind ?? .list }) == .list
      else { continue }
      left -= 1
      guard allowed.insert(home).inserted else { continue }
      let refusal: CommandError? = home.withView {
        c.mayAlsoUse($0, .insert) ? nil : c.refusal(ofKey: $0)
      }
      if let refusal { throw refusal }
    }
  }

  // MARK: Pausing

  /// `PAUSE queue in|out|all|none|state` → how the queue is paused then.
  static func pause(_ c: inout Context) throws(CommandError) {
    let key = c.key(1), word = c.arguments[2]
    let pause: JobQueue.Pause?
    if word.matches("in") {
      pause = .input
    } else if word.matches("out") {
      pause = .output
    } else if word.matches("all") {
      pause = [.input, .output]
    } else if word.matches("none") {
      pause = []
    } else if word.matches("state") {
      pause = nil
    } else {
      throw .syntax
    }
    c.seeJobs()
    let old = c.jobs.spaces[c.database].queue(key.bytes, hash: key.hash)?.pause ?? []
    if let pause, pause != old {
      _ = c.beginJobChange()
      c.jobs.spaces[c.database].makeQueue(key.bytes, hash: key.hash).pause = pause
      c.signalReady(key)
    }
    c.reply.bulk(ByteView((pause ?? old).name))
  }
}

extension JobQueue.Pause {
  /// As Disque names it.
  fileprivate var name: StaticString {
    switch self {
    case .input: "in"
    case .output: "out"
    case []: "none"
    default: "all"
    }
  }
}

extension Backoff {
  /// As QSET takes it.
  fileprivate var text: String {
    let name = kind == .fixed ? "FIXED" : kind == .linear ? "LINEAR" : "EXP"
    return "\(name) \(base)" + (cap < Self.longest ? " CAP \(cap)" : "")
      + (jitter > 0 ? " JITTER \(jitter)" : "")
  }
}

extension Context {
  /// The element number `index`, and the job that it is.
  fileprivate func element(_ index: Int, of list: List) -> (body: [UInt8], job: JobRecord?) {
    guard var cursor = list.cursor(at: index), let body = cursor.next() else {
      preconditionFailure("index out of range")
    }
    return (body.array, jobs.spaces[database].ready(cursor.mark, in: list.line))
  }

  /// Puts an element of a dead queue, which is about to leave it, in line in the list of `key`.
  fileprivate mutating func redrive(
    _ body: ByteView, _ job: JobRecord?, to list: List, _ key: Key, now: Int64
  ) {
    let queue = jobs.spaces[database].queue(key.bytes, hash: key.hash)
    let priority = job?.priority ?? 0
    let label = push(
      body, job?.number ?? 0, priority, to: list, key, takingEnd(queue), isNext: false)
    guard let job else { return }
    var extras = job.extras
    extras.origin = nil
    let record = job.successor(.ready, place: list.line, extras: extras)
    record.label = label
    record.end = .none
    record.failures = 0
    record.expirations = 0
    record.flags.remove(.lapsed)
    jobs.spaces[database].replace(job, with: record, due: extras.expires)
  }
}
