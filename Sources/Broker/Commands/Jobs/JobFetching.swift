// JobFetching.swift: GETJOB: taking jobs with a lease.
//
// Taking is one step: the element leaves its list and the lease begins, in one frame of the log. An
// element without a record gets one. Who finds nothing waits in the same lines as BLPOP and BLMOVE.

import RESP

extension JobCommands {
  static let fetching: [Command] = [
    Command(
      "GETJOB", arity: .atLeast(3), flags: [.write, .noScript, .blocking, .movableKeys],
      keys: [
        KeySpec(
          place: .rest(
            behind: "from",
            others: [("timeout", 1), ("count", 1), ("lease", 1), ("worker", 1)]),
          access: [.read, .delete])
      ], group: .queue, since: "7.2.0",
      summary: "Takes jobs of the first queue that has any with a lease, or waits for one.",
      complexity: "O(N+M log L), N queues given, M jobs returned, L jobs that are leased",
      syntax: """
        [NOHANG] [TIMEOUT ms] [COUNT n] [LEASE ms] [LEFT|RIGHT] [WORKER name] [WITHCOUNTERS] \
        [WITHMETA] FROM queue [queue ...]
        """,
      body: getjob)
  ]

  /// What GETJOB is asked for.
  struct Fetch {
    var count = 1
    var lease: Int64?
    var end: List.End?
    var worker: [UInt8]?
    var showsCounters = false
    var showsMeta = false
    fileprivate var isPatient = true
    fileprivate var timeout: Int64 = 0
    fileprivate var firstQueue = 0
  }

  /// Most bytes of a worker's name that are kept.
  private static let workerSizeMax = 256

  /// `GETJOB [option ...] FROM queue [queue ...]` → [[queue, receipt, body, ...], ...], or null.
  static func getjob(_ c: inout Context) throws(CommandError) {
    let fetch = try fetch(c)
    // What nobody is told of is not delivered.
    guard c.sessions[c.slot].flags.isDisjoint(with: [.replyOff, .replySkip]) else {
      throw CommandError("ERR GETJOB needs its reply, and CLIENT REPLY has switched it off")
    }
    let queues = fetch.firstQueue..<c.arguments.count
    for index in queues {
      if let entry = c.find(c.key(index)), entry.kind != .list { throw .wrongType }
    }
    let mark = c.reply.beginArray(), deliveries = c.sessions[c.slot].deliveries.count
    var taken = 0
    for index in queues where taken < fetch.count {
      taken += take(&c, c.key(index), fetch, fetch.count - taken)
    }
    guard taken == 0 else {
      c.reply.endArray(mark, count: taken)
      return c.endDeliveries(from: deliveries)
    }
    guard fetch.isPatient, !c.isInExec else { return c.reply.nullArray() }
    let deadline = fetch.timeout == 0 ? 0 : c.monotonic + fetch.timeout
    c.block(
      .job(fetch), keys: queues.map { StoredKey(c.database, c.arguments[$0]) }, deadline: deadline)
  }

  private static func fetch(_ c: borrowing Context) throws(CommandError) -> Fetch {
    var fetch = Fetch(), index = 1
    let words = c.arguments
    func value(_ option: StaticString) throws(CommandError) -> ByteView? {
      guard words[index].matches(option) else { return nil }
      guard index + 1 < words.count else { throw .syntax }
      index += 1
      return words[index]
    }
    while index < words.count, !words[index].matches("from") {
      if words[index].matches("nohang") {
        fetch.isPatient = false
      } else if let word = try value("timeout") {
        fetch.timeout = try c.milliseconds(word)
      } else if let word = try value("count") {
        guard let count = word.integer, count > 0 else {
          throw CommandError("ERR COUNT must be above 0")
        }
        fetch.count = Int(count)
      } else if let word = try value("lease") {
        fetch.lease = try word.lease()
      } else if words[index].matches("left") {
        fetch.end = .head
      } else if words[index].matches("right") {
        fetch.end = .tail
      } else if let word = try value("worker") {
        guard word.count <= workerSizeMax else {
          throw CommandError("ERR WORKER has more than \(workerSizeMax) bytes")
        }
        fetch.worker = word.array
      } else if words[index].matches("withcounters") {
        fetch.showsCounters = true
      } else if words[index].matches("withmeta") {
        fetch.showsMeta = true
      } else {
        throw .syntax
      }
      index += 1
    }
    guard index + 1 < words.count else { throw .syntax }
    fetch.firstQueue = index + 1
    return fetch
  }

  /// Gives the waiter whose output is in `c.reply` jobs of `key`, if it has any.
  ///
  /// - Returns: whether the wait is over.
  static func serve(_ fetch: Fetch, _ c: inout Context, _ key: Key) -> Bool {
    let mark = c.reply.beginArray(), before = c.changes
    let deliveries = c.sessions[c.slot].deliveries.count
    let taken = take(&c, key, fetch, fetch.count)
    // What waited too long may have gone even if nothing was taken.
    guard c.changes != before else { return false }
    if taken > 0 {
      c.reply.endArray(mark, count: taken)
      c.endDeliveries(from: deliveries)
    }
    var options: [[UInt8]] = []
    if let lease = fetch.lease { options += [Array("LEASE".utf8), Array(String(lease).utf8)] }
    if let end = fetch.end { options += [Array((end == .head ? "LEFT" : "RIGHT").utf8)] }
    if let worker = fetch.worker { options += [Array("WORKER".utf8), worker] }
    c.hasPropagated = true
    c.effects.command(words: 5 + options.count, in: c.database) { writer in
      writer.word("GETJOB")
      writer.word("COUNT")
      // As many as were asked for: what had waited too long goes with the same ones.
      writer.word(integer: Int64(fetch.count))
      for option in options { option.withView { writer.word($0) } }
      writer.word("FROM")
      writer.word(key.bytes)
    }
    return taken > 0
  }

  /// Jobs that have waited too long which one call removes: with more of them before it, a job is taken
  /// when they have gone, with the next call or of themselves.
  static let expiredCountMax = 256

  /// Takes up to `limit` jobs of `key` into the reply.
  ///
  /// - Returns: how many.
  private static func take(_ c: inout Context, _ key: Key, _ fetch: Fetch, _ limit: Int) -> Int {
    guard let entry = c.findForWriting(key), entry.kind == .list else { return 0 }
    let db = c.database
    if let queue = c.jobs.spaces[db].queue(key.bytes, hash: key.hash),
      queue.pause.contains(.output)
    {
      return 0
    }
    let now = c.beginJobChange()
    let list = entry.unsharedList
    let queue = c.jobs.spaces[db].makeQueue(key.bytes, hash: key.hash)
    let settings = queue.hasSettings ? queue.settings : QueueSettings()
    let end = fetch.end ?? (settings.takesFromHead == true ? .head : .tail)
    let term = settings.lease ?? c.jobs.lease
    var taken = 0, expired = 0
    while taken < limit, !list.isEmpty {
      let body = list.element(at: end), mark = list.mark(at: end)
      var old = c.jobs.spaces[db].ready(mark, in: list.line)
      var extras = old?.flags.contains(.hasExtras) == true ? old?.extras : nil
      if let old, let expires = extras?.expires, expires <= now {
        guard expired < expiredCountMax else { break }
        expired += 1
        c.removeJob(old)
        list.remove(at: end)
        continue
      }
      if let spent = old, spent.epoch == .max {
        // It has no delivery left by which receipts could be told apart: it goes on as another job.
        extras = c.endNumber(spent)
        old = nil
      }
      let retry = extras?.retry
      if let worker = fetch.worker {
        if extras == nil { extras = JobExtras() }
        extras?.worker = worker
      } else if extras?.worker != nil {
        extras?.worker = nil
      }
      if extras?.isUniqueUntilStart == true, let unique = extras?.unique {
        c.jobs.spaces[db].releaseName(unique, of: mark)
        extras?.unique = nil
      }
      let record: JobRecord
      if let old {
        record = old.successor(.leased, place: queue.id, body: body, extras: extras)
        record.flags.subtract([.lapsed, .onWall, .fromHead])
      } else {
        var bytes = ByteBuffer()
        extras?.encode(into: &bytes)
        record = JobRecord.make(
          c.jobs.takeNumber(), .leased, place: queue.id, body: body, extras: bytes.view)
        record.created = c.jobsWall
        c.nameAgain(record)
      }
      if fetch.end == .head { record.flags.insert(.fromHead) }
      record.epoch += 1
      record.lease = fetch.lease ?? retry ?? term
      record.minute = now / JobQueue.rateWindow
      reply(&c, key, record, fetch)
      list.remove(at: end)
      taken += 1
      let due = now + record.lease
      if record.lease == 0 {
        // At most once: delivered, then gone.
        if let old { c.removeJob(old) }
        record.release()
        continue
      }
      c.noteDelivery(record)
      if let old {
        c.jobs.spaces[db].replace(old, with: record, due: due)
      } else {
        c.jobs.spaces[db].insert(record, due: due)
      }
    }
    if let queue = c.jobs.spaces[db].writableQueue(queue.id) {
      queue[.taken] += taken
      queue.count(taken, .output, now: now)
    }
    Lists.endPop(&c, key, list, at: end)
    return taken
  }

  private static func reply(_ c: inout Context, _ key: Key, _ record: JobRecord, _ fetch: Fetch) {
    c.reply.array(3 + (fetch.showsCounters ? 4 : 0) + (fetch.showsMeta ? 8 : 0))
    c.reply.bulk(key.bytes)
    c.reply.bulk(JobID.receipt(record, node: c.jobs.node))
    c.reply.bulk(record.body)
    if fetch.showsCounters {
      c.reply.bulk("nacks")
      c.reply.integer(Int(record.failures))
      c.reply.bulk("additional-deliveries")
      c.reply.integer(max(0, record.attempts - 1 - Int(record.failures)))
    }
    guard fetch.showsMeta else { return }
    c.reply.bulk("attempt")
    c.reply.integer(record.attempts)
    c.reply.bulk("lease-ms")
    c.reply.integer(record.lease)
    c.reply.bulk("enqueued-ms")
    c.reply.integer(record.created)
    c.reply.bulk("priority")
    c.reply.integer(Int(record.priority))
  }
}

extension Context {
  /// Removes a job of which only bytes and options go on, under another number.
  fileprivate mutating func endNumber(_ record: JobRecord) -> JobExtras? {
    let extras = record.flags.contains(.hasExtras) ? record.extras : nil
    removeJob(record)
    return extras
  }

  /// Has the names that a new record holds lead to it.
  fileprivate mutating func nameAgain(_ record: JobRecord) {
    guard record.flags.contains(.hasExtras) else { return }
    let extras = record.extras
    if let id = extras.id {
      id.withView { JobName.id($0) }.withView {
        jobs.spaces[database].setName($0, record.number)
      }
    }
    extras.unique?.withView { jobs.spaces[database].setName($0, record.number) }
  }

  /// Notes that the reply in the making has a job; `endDeliveries` is to follow.
  mutating func noteDelivery(_ record: JobRecord) {
    guard !isLoading else { return }
    sessions[slot].deliveries.add(record.number, epoch: record.epoch, in: database)
  }

  /// Says that the jobs noted from number `first` on are in a reply that is whole now: they are
  /// delivered when all of it is sent, for nobody takes a part of a reply.
  mutating func endDeliveries(from first: Int) {
    sessions[slot].deliveries.end(from: first, at: reply.count)
  }

  /// Puts back the jobs in replies beyond `offset` of the output of `slot`, which will not be sent.
  mutating func giveBackUnsent(_ slot: Int, from offset: Int = 0) {
    guard !sessions[slot].deliveries.isEmpty else { return }
    let deliveries = sessions[slot].deliveries.takeLost(after: offset), current = database
    defer { database = current }
    // The last one first: the others come before it, as they did.
    for delivery in deliveries.reversed() {
      database = delivery.database
      guard let record = jobs.spaces[database].find(delivery.number), record.state == .leased,
        record.epoch == delivery.epoch
      else { continue }
      let receipt = JobID.receipt(record, node: jobs.node)
      let now = beginJobChange()
      release(record, now: now)
      receipt.withView { receipt in
        effects.command("NACK", receipt, ByteView("FREE"), in: database)
      }
    }
  }

  /// Gives a lease back as if the job had not been taken.
  mutating func release(_ record: JobRecord, now: Int64) {
    giveBack(uncountDelivery(of: record, now: now), now: now)
  }

  /// Has the last delivery of a leased job count as none, for the job and for its queue.
  ///
  /// - Returns: the record, which may be another block by that.
  mutating func uncountDelivery(of old: JobRecord, now: Int64) -> JobRecord {
    let record = jobs.spaces[database].unshared(old)
    if record.uncounted < record.epoch { record.uncounted += 1 }
    if let queue = jobs.spaces[database].writableQueue(record.place) {
      queue[.taken] = max(0, queue[.taken] - 1)
      queue.uncount(.output, minute: record.minute, now: now)
    }
    return record
  }
}

extension ByteView {
  /// The length of a lease in ms: at least 1.
  func lease() throws(CommandError) -> Int64 {
    guard let value = integer, value > 0, value <= Int64(Int32.max) else {
      throw CommandError("ERR LEASE must be 1 to \(Int32.max) ms")
    }
    return value
  }
}
