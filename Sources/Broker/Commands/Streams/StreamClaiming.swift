// StreamClaiming.swift: what is pending changes hands: XCLAIM, XAUTOCLAIM.
//
// What is logged is each claim as it came out, as XCLAIM with the time and the number of deliveries,
// and an XACK for what is pending no more because its entry was deleted.

import RESP

extension Streams {
  static let claiming: [Command] = [
    Command(
      "XCLAIM", arity: .atLeast(6), flags: [.write, .fast], keys: [.one(1, [.update])],
      group: .stream, since: "5.0.0", summary: "Makes a consumer the owner of pending entries.",
      complexity: "O(log N) for each of them", body: xclaim),
    Command(
      "XAUTOCLAIM", arity: .atLeast(6), flags: [.write, .fast], keys: [.one(1, [.delete])],
      group: .stream, since: "6.2.0",
      summary: "Makes a consumer the owner of entries that have been pending for long.",
      complexity: "O(log N) for each entry looked at, ten times the count at most",
      body: xautoclaim),
  ]

  /// A claim in progress: a group for writing, and the consumer that claims once it is known to.
  private struct Claim: ~Copyable {
    let key: Key
    let names: ConsumerNames
    let stream: Stream
    let group: StreamGroup
    var consumer: StreamConsumer?
    var log: ClaimLog
    var claimed: [StreamID] = []

    init(_ key: Key, _ names: ConsumerNames, _ stream: Stream, _ group: StreamGroup) {
      self.key = key
      self.names = names
      self.stream = stream
      self.group = group
      log = ClaimLog(key: key.bytes, names: names)
    }

    /// Gives `id` to the consumer.
    mutating func take(_ c: inout Context, _ id: StreamID, delivered: Int64, deliveries: Int64) {
      let owner: StreamConsumer
      if let consumer {
        owner = consumer
      } else if let found = group.consumerForWriting(names.consumer, c.keyHash) {
        found.seen = c.wall
        owner = found
      } else {
        owner = group.makeConsumer(names.consumer, c.keyHash, seen: c.wall)
        c.notify(.stream, "xgroup-createconsumer", key)
      }
      consumer = owner
      group.assign(id, to: owner, delivered: delivered, deliveries: deliveries, c.keyHash)
      claimed.append(id)
      log.add(&c, id, delivered: delivered, deliveries: deliveries)
      noteChange(&c)
    }

    /// Forgets an entry that was deleted.
    mutating func forget(_ c: inout Context, _ id: StreamID) {
      guard group.acknowledge(id, c.keyHash) else { return }
      c.effects.command(words: 4, in: c.database) { writer in
        writer.word("XACK")
        writer.word(key.bytes)
        writer.word(group.key)
        writer.word(id)
      }
      noteChange(&c)
    }

    func noteChange(_ c: inout Context) {
      c.changed(key)
      c.hasPropagated = true
    }

    /// Replies with what was claimed.
    func reply(_ c: inout Context, idsAlone: Bool) {
      c.reply.array(claimed.count)
      for id in claimed {
        if idsAlone {
          c.reply.bulk(id)
        } else if let entry = stream.find(id) {
          c.reply.entry(entry)
        }
      }
    }
  }

  /// The claim that words 1 to 3 ask for.
  private static func claim(_ c: inout Context) throws(CommandError) -> Claim {
    let key = c.key(1)
    let names = ConsumerNames(group: c.arguments[2], consumer: c.arguments[3])
    guard let stream = try c.valueForWriting(key, Stream.self),
      let group = stream.groupForWriting(names.group, c.keyHash)
    else { throw .noGroup(key.bytes, names.group) }
    return Claim(key, names, stream, group)
  }

  // MARK: XCLAIM

  private struct ClaimOptions {
    var isForced = false
    var idsAlone = false
    var delivered: Int64?
    var deliveries: Int64?
    var last = StreamID.zero
  }

  /// `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-ms]
  /// [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]` → entries or ids claimed.
  static func xclaim(_ c: inout Context) throws(CommandError) {
    var claim = try claim(&c)
    guard let idleMin = c.arguments[4].integer else {
      throw CommandError("ERR Invalid min-idle-time argument for XCLAIM")
    }
    var ids: [StreamID] = [], index = 5
    while index < c.arguments.count, let id = try? StreamID(strict: c.arguments[index]) {
      ids.append(id)
      index += 1
    }
    let options = try claimOptions(c, from: index)
    let group = claim.group
    if options.last > group.delivered {
      group.delivered = options.last
      claim.noteChange(&c)
      logPlace(&c, claim.key, group)
    }
    for id in ids {
      let pending = group.pending.find(id)
      guard claim.stream.find(id) != nil else {
        if pending != nil { claim.forget(&c, id) }
        continue
      }
      guard pending != nil || options.isForced else { continue }
      if let pending, idleMin > 0, c.wall &- pending.delivered < idleMin { continue }
      let before = pending?.deliveries ?? 1
      claim.take(
        &c, id, delivered: options.delivered ?? c.wall,
        deliveries: options.deliveries ?? (options.idsAlone ? before : before.next))
    }
    claim.log.end(&c)
    claim.reply(&c, idsAlone: options.idsAlone)
  }

  private static func claimOptions(
    _ c: borrowing Context, from first: Int
  ) throws(CommandError) -> ClaimOptions {
    var options = ClaimOptions(), index = first
    while index < c.arguments.count {
      let word = c.arguments[index], isLast = index + 1 == c.arguments.count
      func value(_ name: String) throws(CommandError) -> Int64 {
        guard let value = c.arguments[index + 1].integer else {
          throw CommandError("ERR Invalid \(name) option argument for XCLAIM")
        }
        return value
      }
      if word.matches("force") {
        options.isForced = true
      } else if word.matches("justid") {
        options.idsAlone = true
      } else if word.matches("idle"), !isLast {
        options.delivered = c.wall &- (try value("IDLE"))
        index += 1
      } else if word.matches("time"), !isLast {
        options.delivered = try value("TIME")
        index += 1
      } else if word.matches("retrycount"), !isLast {
        let count = try value("RETRYCOUNT")
        options.deliveries = count < 0 ? nil : count
        index += 1
      } else if word.matches("lastid"), !isLast {
        options.last = try StreamID(strict: c.arguments[index + 1])
        index += 1
      } else {
        throw CommandError(
          message: Array("ERR Unrecognized XCLAIM option '".utf8) + word.quoted(.max) + [0x27])
      }
      index += 1
    }
    // What cannot be is taken for now; the log's clock may have been another.
    if let delivered = options.delivered, !c.isLoading, delivered < 0 || delivered > c.wall {
      options.delivered = c.wall
    }
    return options
  }

  // MARK: XAUTOCLAIM

  /// Entries looked at for each that may be claimed.
  private static let attemptsForEach = 10

  /// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
  /// → where to go on, entries or ids claimed, ids of entries that were deleted.
  static func xautoclaim(_ c: inout Context) throws(CommandError) {
    guard let idleMin = c.arguments[4].integer else {
      throw CommandError("ERR Invalid min-idle-time argument for XAUTOCLAIM")
    }
    let start = try IDRange.first(c.arguments[5])
    var limit = 100, idsAlone = false, index = 6
    while index < c.arguments.count {
      if c.arguments[index].matches("count"), index + 1 < c.arguments.count {
        index += 1
        guard let count = c.arguments[index].integer, count > 0, count <= Int64.max / 16 else {
          throw CommandError("ERR COUNT must be > 0")
        }
        limit = Int(count)
      } else if c.arguments[index].matches("justid") {
        idsAlone = true
      } else {
        throw .syntax
      }
      index += 1
    }
    var claim = try claim(&c)
    var next = claim.group.pending.item(from: start), deleted: [StreamID] = []
    var attempts = limit * attemptsForEach
    while attempts > 0, limit > 0, let pending = next {
      attempts -= 1
      let id = pending.id
      if claim.stream.find(id) == nil {
        claim.forget(&c, id)
        deleted.append(id)
        limit -= 1
      } else if idleMin <= 0 || c.wall &- pending.delivered >= idleMin {
        claim.take(
          &c, id, delivered: c.wall,
          deliveries: idsAlone ? pending.deliveries : pending.deliveries.next)
        limit -= 1
      }
      next = id.next.flatMap { claim.group.pending.item(from: $0) }
    }
    claim.log.end(&c)
    c.reply.array(3)
    c.reply.bulk(next?.id ?? .zero)
    claim.reply(&c, idsAlone: idsAlone)
    c.reply.array(deleted.count)
    for id in deleted { c.reply.bulk(id) }
  }
}
