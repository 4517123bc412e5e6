// JobEnding.swift: what a worker says of a job that it has: ACKJOB, DONE, NACK, WORKING, EXTEND.
//
// Each word is a receipt. One that is stale has no effect and is not counted: the epoch of the job
// decides, and no clock. Only an acknowledgement still counts when the lease ran out and nobody took
// the job since.

import RESP

extension JobCommands {
  static let ending: [Command] = [
    Command(
      "ACKJOB", arity: .atLeast(2), flags: [.write, .fast],
      jobs: JobSpec(first: 1, last: -1, isByReceipt: true, access: .delete), group: .queue,
      since: "7.2.0",
      summary: "Ends jobs that are done.",
      complexity: "O(N log L), N receipts, L jobs that are leased",
      syntax: "receipt [receipt ...]", body: ackjob),
    Command(
      "FASTACK", arity: .atLeast(2), flags: [.write, .fast],
      jobs: JobSpec(first: 1, last: -1, isByReceipt: true, access: .delete), group: .queue,
      since: "7.2.0",
      summary: "Ends jobs that are done: another name of ACKJOB.",
      complexity: "O(N log L), N receipts, L jobs that are leased",
      syntax: "receipt [receipt ...]", body: ackjob),
    Command(
      "DONE", arity: .atLeast(2), flags: [.write, .fast],
      jobs: JobSpec(first: 1, last: 1, isByReceipt: true, access: .delete), group: .queue,
      since: "7.2.0",
      summary: "Ends a job with a result, which is kept for a while.",
      complexity: "O(log L), L jobs that are leased", syntax: "receipt [RESULT bytes] [KEEP s]",
      body: done),
    Command(
      "NACK", arity: .atLeast(2), flags: [.write, .fast],
      jobs: JobSpec(
        first: 1, last: -1, isByReceipt: true, access: .insert, options: nackOptions),
      group: .queue, since: "7.2.0",
      summary: "Gives jobs back: that they failed, or for another worker.",
      complexity: "O(N log L), N receipts, L jobs that have a time",
      syntax: "receipt [receipt ...] [DELAY s] [FREE | DEAD] [ERROR text]", body: nack),
    Command(
      "WORKING", arity: .exactly(2), flags: [.write, .fast],
      jobs: JobSpec(first: 1, last: 1, isByReceipt: true, access: .update), group: .queue,
      since: "7.2.0",
      summary: "Has a lease begin again.", complexity: "O(log L), L jobs that are leased",
      syntax: "receipt", body: working),
    Command(
      "EXTEND", arity: .atLeast(3), flags: [.write, .fast],
      jobs: JobSpec(first: 2, last: -1, isByReceipt: true, access: .update), group: .queue,
      since: "7.2.0",
      summary: "Has leases last for a time from now on.",
      complexity: "O(N log L), N receipts, L jobs that are leased",
      syntax: "ms receipt [receipt ...]", body: extend),
  ]

  // MARK: Done

  /// `ACKJOB receipt [receipt ...]` → integer: how many jobs were ended.
  static func ackjob(_ c: inout Context) throws(CommandError) {
    var count = 0
    for index in 1..<c.arguments.count {
      guard let record = c.job(receipt: c.arguments[index]) else { continue }
      finish(&c, record, result: nil, keep: nil)
      count += 1
    }
    c.reply.integer(count)
  }

  /// ms that a result is kept of which nobody said how long.
  private static let keepDefault: Int64 = 3_600_000
  /// Most bytes of an error that are kept.
  private static let errorSizeMax = 1024

  /// `DONE receipt [RESULT bytes] [KEEP s]` → integer: 1, or 0 when the receipt is stale.
  static func done(_ c: inout Context) throws(CommandError) {
    var result: [UInt8]?, keep: Int64?, index = 2
    while index < c.arguments.count {
      guard index + 1 < c.arguments.count else { throw .syntax }
      let value = c.arguments[index + 1]
      if c.arguments[index].matches("result") {
        result = value.array
      } else if c.arguments[index].matches("keep") {
        keep = try value.seconds()
      } else {
        throw .syntax
      }
      index += 2
    }
    guard let record = c.job(receipt: c.arguments[1]) else { return c.reply.integer(0) }
    // A job can always be finished: it is the result for which there is no room. In a transaction what
    // stands before this has been done, and what stands behind it will be.
    if let result, c.isMemoryFull, !c.isInExec || c.isInScript, result.count > c.bodySize(record) {
      throw .outOfMemory
    }
    finish(&c, record, result: result, keep: keep)
    c.reply.integer(1)
  }

  /// Ends a job that is done; its result is kept if anybody said so.
  private static func finish(
    _ c: inout Context, _ old: JobRecord, result: [UInt8]?, keep: Int64?
  ) {
    let now = c.beginJobChange(), db = c.database
    var record = old
    guard let queue = c.jobs.spaces[db].queue(of: old)?.id else { return }
    // It waits again, for nobody took it since the lease ran out: the waiting copy goes.
    if old.state == .ready {
      guard let taken = c.takeFromList(old) else { return }
      record = taken.record
    }
    c.jobs.spaces[db].writableQueue(queue)?[.finished] += 1
    let hasExtras = record.flags.contains(.hasExtras)
    let kept = keep ?? (hasExtras ? record.extras.keep : nil) ?? (result == nil ? 0 : keepDefault)
    guard kept > 0 else { return c.removeJob(record) }
    var extras = record.extras
    if let unique = extras.unique { c.jobs.spaces[db].releaseName(unique, of: record.number) }
    extras.unique = nil
    extras.expires = nil
    extras.result = result
    // What is left says how it ended; SHOW has no body of it.
    let next = record.successor(.done, place: queue, extras: extras)
    next.flags.subtract([.onWall, .lapsed, .unburied])
    next.end = .none
    c.jobs.spaces[db].replace(record, with: next, due: now + kept)
    c.noteEnd(of: next.number)
  }

  // MARK: Not done

  private static let nackOptions: [StaticString] = ["delay", "free", "dead", "error"]

  /// `NACK receipt [receipt ...] [DELAY s] [FREE | DEAD] [ERROR text]` → integer: how many jobs were
  /// given back.
  static func nack(_ c: inout Context) throws(CommandError) {
    var delay: Int64?, isFree = false, isDead = false, error: [UInt8]?
    var last = c.arguments.count
    // Options stand behind the receipts, which have a dot.
    for index in 1..<c.arguments.count
    where nackOptions.contains(where: { c.arguments[index].matches($0) }) {
      last = index
      break
    }
    guard last > 1 else { throw .syntax }
    var index = last
    while index < c.arguments.count {
      let word = c.arguments[index]
      let value = index + 1 < c.arguments.count ? c.arguments[index + 1] : nil
      if word.matches("free") {
        isFree = true
      } else if word.matches("dead") {
        isDead = true
      } else if word.matches("delay"), let value {
        delay = try value.seconds()
        index += 1
      } else if word.matches("error"), let value {
        error = value[0..<min(value.count, errorSizeMax)].array
        index += 1
      } else {
        throw .syntax
      }
      index += 1
    }
    guard !isFree || !isDead else { throw .syntax }
    var count = 0
    for index in 1..<last {
      guard let record = c.job(receipt: c.arguments[index]), record.state == .leased else {
        continue
      }
      count += 1
      let now = c.beginJobChange()
      var extras: JobExtras?
      if let error {
        extras = record.extras
        extras?.error = error
      }
      if isFree {
        let own = c.uncountDelivery(of: record, now: now)
        giveBack(&c, own, after: delay ?? 0, now: now, extras)
      } else {
        fail(&c, record, isDead: isDead, delay: delay, now: now, extras)
      }
    }
    c.reply.integer(count)
  }

  private static func fail(
    _ c: inout Context, _ old: JobRecord, isDead: Bool, delay: Int64?, now: Int64,
    _ extras: JobExtras?
  ) {
    let record = c.jobs.spaces[c.database].unshared(old)
    if record.failures < .max { record.failures += 1 }
    c.jobs.spaces[c.database].writableQueue(record.place)?[.failed] += 1
    if isDead { return c.bury(record, .refused, now: now, extras: extras) }
    if c.isSpent(record) { return c.bury(record, .attempts, now: now, extras: extras) }
    let settings = c.jobs.spaces[c.database].queue(of: record)?.settings ?? QueueSettings()
    let backoff = record.extras.backoff ?? settings.backoff
    let wait = backoff?.wait(failures: Int(record.failures), of: record.number) ?? 0
    giveBack(&c, record, after: delay ?? wait, now: now, extras)
  }

  /// Puts a job back, now or after a wait.
  private static func giveBack(
    _ c: inout Context, _ record: JobRecord, after wait: Int64, now: Int64, _ extras: JobExtras?
  ) {
    guard wait > 0 else { return c.giveBack(record, now: now, extras: extras) }
    let next = record.successor(
      .scheduled, place: record.place, body: record.body, extras: extras)
    next.flags.remove(.fromHead)
    let expires = next.flags.contains(.hasExtras) ? next.extras.expires : nil
    c.jobs.spaces[c.database].replace(
      record, with: next, due: min(now + wait, expires ?? .max))
  }

  // MARK: Not yet

  /// `WORKING receipt` → integer: the seconds granted.
  static func working(_ c: inout Context) throws(CommandError) {
    let word = c.arguments[1]
    guard let record = c.job(receipt: word), record.state == .leased else {
      guard let receipt = JobID.receipt(word, node: c.jobs.node),
        c.jobs.spaces[c.database].find(receipt.number) != nil
      else { throw .noJob }
      throw .leaseLost
    }
    let now = c.beginJobChange(), lease = record.lease
    _ = c.jobs.spaces[c.database].setDue(record, now + lease)
    c.reply.integer(lease / 1000)
  }

  /// `EXTEND ms receipt [receipt ...]` → array: 1 for each lease that lasts so long now, 0 for a lost
  /// one.
  static func extend(_ c: inout Context) throws(CommandError) {
    let lease = try c.arguments[1].lease()
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      guard let record = c.job(receipt: c.arguments[index]), record.state == .leased else {
        c.reply.integer(0)
        continue
      }
      let now = c.beginJobChange()
      _ = c.jobs.spaces[c.database].setDue(record, now + lease)
      c.reply.integer(1)
    }
  }
}

extension Context {
  /// How often a job may fail where nothing else says it.
  private static let attemptsDefault: Int64 = 25

  /// Whether a job has failed, or its leases have run out, as often as they may.
  func isSpent(_ record: JobRecord) -> Bool {
    let own = record.flags.contains(.hasExtras) ? record.extras.attemptsMax : nil
    let queue = jobs.spaces[database].queue(of: record)
    let most =
      own ?? (queue?.hasSettings == true ? queue?.settings.attemptsMax : nil)
      ?? Self.attemptsDefault
    return most > 0 && Int64(record.failures) + Int64(record.expirations) >= most
  }
}
