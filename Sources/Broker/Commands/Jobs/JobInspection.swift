// JobInspection.swift: single jobs by their ids: SHOW, DELJOB, ENQUEUE, DEQUEUE; and QLEN.

import RESP

extension JobCommands {
  static let inspection: [Command] = [
    Command(
      "QLEN", arity: .exactly(2), flags: [.readOnly, .fast], keys: [.one(1, [])], group: .queue,
      since: "7.2.0",
      summary: "Counts what is ready in a queue.", complexity: "O(1)", syntax: "queue", body: qlen),
    Command(
      "SHOW", arity: .exactly(2), flags: [.readOnly],
      jobs: JobSpec(first: 1, last: 1, access: .read), group: .queue, since: "7.2.0",
      summary: "Tells all that is known of a job.",
      complexity: "O(log N), N elements of the list of a job that is ready", syntax: "id",
      body: show),
    Command(
      "DELJOB", arity: .atLeast(2), flags: [.write],
      jobs: JobSpec(first: 1, last: -1, access: .delete), group: .queue, since: "7.2.0",
      summary: "Deletes jobs, whatever their state.",
      complexity: "O(N log M), N ids, M jobs that have a time or elements of a list",
      syntax: "id [id ...]",
      body: deljob),
    Command(
      "ENQUEUE", arity: .atLeast(2), flags: [.write, .denyOOM],
      jobs: JobSpec(first: 1, last: -1, access: .insert), group: .queue, since: "7.2.0",
      summary: "Has jobs be ready now that wait for their time or were taken out.",
      complexity: "O(N log M), N ids, M jobs that have a time", syntax: "id [id ...]",
      body: enqueue),
    Command(
      "DEQUEUE", arity: .atLeast(2), flags: [.write],
      jobs: JobSpec(first: 1, last: -1, access: .delete), group: .queue, since: "7.2.0",
      summary: "Takes jobs out of their queues until ENQUEUE; they are not deleted.",
      complexity: "O(N log M), N ids, M jobs that have a time or elements of a list",
      syntax: "id [id ...]", body: dequeue),
  ]

  /// `QLEN queue` → integer: what LLEN gives.
  static func qlen(_ c: inout Context) throws(CommandError) {
    c.reply.integer(try c.list(c.key(1))?.count ?? 0)
  }

  /// `DELJOB id [id ...]` → integer: how many there were.
  static func deljob(_ c: inout Context) throws(CommandError) {
    var count = 0
    for index in 1..<c.arguments.count {
      guard let record = c.job(id: c.arguments[index]) else { continue }
      _ = c.beginJobChange()
      if record.state != .ready {
        c.removeJob(record)
      } else if let taken = c.takeFromList(record) {
        c.removeJob(taken.record)
      }
      count += 1
    }
    c.reply.integer(count)
  }

  /// `ENQUEUE id [id ...]` → integer: how many became ready.
  static func enqueue(_ c: inout Context) throws(CommandError) {
    var count = 0
    for index in 1..<c.arguments.count {
      guard let record = c.job(id: c.arguments[index]), record.state == .scheduled,
        !record.flags.contains(.unburied)
      else { continue }
      c.giveBack(record, now: c.beginJobChange(), isNext: false)
      count += 1
    }
    c.reply.integer(count)
  }

  /// `DEQUEUE id [id ...]` → integer: how many were taken out.
  static func dequeue(_ c: inout Context) throws(CommandError) {
    var count = 0
    for index in 1..<c.arguments.count {
      guard let record = c.job(id: c.arguments[index]),
        record.state == .ready && record.end == .none
          || record.state == .scheduled && record.flags.isDisjoint(with: [.parked, .unburied])
      else { continue }
      _ = c.beginJobChange()
      c.park(record)
      count += 1
    }
    c.reply.integer(count)
  }

  /// `SHOW id` → names and values, or null.
  static func show(_ c: inout Context) throws(CommandError) {
    guard let record = c.job(id: c.arguments[1]) else { return c.reply.null() }
    show(&c, record)
  }

  /// Replies with all that is known of a job.
  static func show(_ c: inout Context, _ record: JobRecord) {
    let extras = record.extras, now = c.jobsNow()
    let queue = c.jobs.spaces[c.database].queue(of: record)
    let mark = c.reply.beginArray()
    var count = 0
    func text(_ name: String, _ value: [UInt8]?) {
      guard let value else { return }
      c.reply.bulk(name)
      c.reply.bulk(value)
      count += 1
    }
    func number(_ name: String, _ value: Int64) {
      c.reply.bulk(name)
      c.reply.integer(value)
      count += 1
    }
    text("id", JobID.text(record, node: c.jobs.node))
    text("queue", queue?.key.array)
    text("state", Array(stateName(record).utf8))
    number("priority", Int64(record.priority))
    number("attempts", Int64(record.attempts))
    number("failures", Int64(record.failures))
    number("expirations", Int64(record.expirations))
    number("nacks", Int64(record.failures))
    number("additional-deliveries", Int64(max(0, record.attempts - 1 - Int(record.failures))))
    number("enqueued-ms", record.created)
    let isHeld = record.state == .scheduled && stateName(record) != "scheduled"
    if record.isTimed, record.state != .ready, !isHeld {
      let clock = record.flags.contains(.onWall) ? c.jobsWall : now
      number("due-in-ms", max(0, record.due - clock))
    }
    if record.state == .leased { number("lease-ms", record.lease) }
    if let retry = extras.retry { number("retry-ms", retry) }
    if let expires = extras.expires { number("ttl-ms", max(0, expires - now)) }
    text("worker", record.state == .leased ? extras.worker : nil)
    if record.end != .none {
      text("reason", ByteView(record.end.name).array)
      text("died-in", extras.origin)
    }
    text("error", extras.error)
    text("result", extras.result)
    if record.state == .ready {
      text("body", c.readyBody(record))
    } else if record.state != .done {
      text("body", record.body.array)
    }
    c.reply.endMap(mark, count: count)
  }

  /// What SHOW and RESULT call the state of a job.
  static func stateName(_ record: JobRecord) -> String {
    switch record.state {
    case .ready: record.end == .none ? "ready" : "dead"
    case .scheduled where record.flags.contains(.unburied): "dead"
    case .scheduled: record.flags.contains(.parked) ? "dequeued" : "scheduled"
    case .leased: "leased"
    case .done: "done"
    }
  }
}

extension Context {
  /// Has a job that waits wait for ENQUEUE, or for the end of its time to live.
  fileprivate mutating func park(_ record: JobRecord) {
    let parked: JobRecord, old: JobRecord
    if record.state == .scheduled {
      old = record
      parked = record.successor(.scheduled, place: record.place, body: record.body)
    } else {
      guard let taken = takeFromList(record) else { return }
      old = taken.record
      let queue = taken.queue.withView { name in
        jobs.spaces[database].makeQueue(name, hash: keyHash(name)).id
      }
      parked = taken.body.withView { old.successor(.scheduled, place: queue, body: $0) }
    }
    parked.flags.subtract([.onWall, .lapsed])
    parked.flags.insert(.parked)
    jobs.spaces[database].replace(old, with: parked, due: parked.extras.expires)
  }

  /// How many bytes a job has.
  func bodySize(_ record: JobRecord) -> Int {
    record.state == .ready ? readyBody(record)?.count ?? 0 : record.body.count
  }

  /// The bytes of a job that is in a list.
  func readyBody(_ record: JobRecord) -> [UInt8]? {
    guard let key = jobs.spaces[database].queue(of: record)?.key,
      let entry = databases[database].find(key, hash: keyHash(key)), entry.kind == .list,
      let spot = entry.list.find(record.number, near: record.label)
    else { return nil }
    return spot.bytes.array
  }
}
