// JobWalks.swift: QSCAN and JSCAN: all queues and all jobs, some at a time, as SCAN walks keys.

import RESP

extension JobCommands {
  static let walks: [Command] = [
    Command(
      "QSCAN", arity: .atLeast(2), flags: [.readOnly], group: .queue, since: "7.2.0",
      summary: "Shows the queues of which anything is known, some at a time.",
      complexity: "O(1) for each call, O(N) for all N queues",
      syntax: "cursor [COUNT n] [MINLEN n] [MAXLEN n]", body: qscan),
    Command(
      "JSCAN", arity: .atLeast(2), flags: [.readOnly], group: .queue, since: "7.2.0",
      summary: "Shows jobs, some at a time.",
      complexity: "O(1) for each call, O(N) for all N jobs",
      syntax: "cursor [COUNT n] [QUEUE queue] [STATE state ...] [REPLY id|all]", body: jscan),
  ]

  /// What both take.
  private struct Walk {
    var count = 10
    var lengthMin: Int64 = 0
    var lengthMax = Int64.max
    var queue: ByteView?
    var states: [String] = []
    var showsAll = false
  }

  private static let stateNames: [StaticString] = [
    "ready", "scheduled", "leased", "done", "dead", "dequeued",
  ]

  private static func walk(
    _ c: borrowing Context, ofJobs: Bool
  ) throws(CommandError) -> (cursor: UInt64, Walk) {
    let cursor = try ScanOptions.cursor(c.arguments[1])
    var walk = Walk(), index = 2
    while index < c.arguments.count {
      guard index + 1 < c.arguments.count else { throw .syntax }
      let option = c.arguments[index], value = c.arguments[index + 1]
      func natural() throws(CommandError) -> Int64 {
        guard let number = value.integer else { throw .notAnInteger }
        guard number >= 0 else { throw .notPositive }
        return number
      }
      if option.matches("count") {
        // As SCAN has it.
        guard let count = value.integer else { throw .notAnInteger }
        guard count > 0 else { throw .syntax }
        walk.count = Int(clamping: count)
      } else if !ofJobs, option.matches("minlen") {
        walk.lengthMin = try natural()
      } else if !ofJobs, option.matches("maxlen") {
        walk.lengthMax = try natural()
      } else if ofJobs, option.matches("queue") {
        walk.queue = value
      } else if ofJobs, option.matches("state") {
        guard let state = stateNames.first(where: { value.matches($0) }) else { throw .syntax }
        walk.states.append(ByteView(state).text)
      } else if ofJobs, option.matches("reply") {
        guard value.matches("all") || value.matches("id") else { throw .syntax }
        walk.showsAll = value.matches("all")
      } else {
        throw .syntax
      }
      index += 2
    }
    return (cursor, walk)
  }

  /// `QSCAN cursor [COUNT n] [MINLEN n] [MAXLEN n]` → [next cursor, [queue ...]].
  static func qscan(_ c: inout Context) throws(CommandError) {
    let (cursor, walk) = try walk(c, ofJobs: false)
    c.seeEverything()
    var found: [[UInt8]] = []
    let next = c.jobs.spaces[c.database].queueTable.scan(from: cursor, atLeast: walk.count) {
      found.append($0.key.array)
    }
    found.removeAll { name in
      let length = Int64(name.withView { c.readyCount(c.key($0)) })
      return length < walk.lengthMin || length > walk.lengthMax
        || !name.withView { c.mayAlsoUse($0, []) }
    }
    c.reply.array(2)
    c.reply.bulk(integer: Int64(next))
    c.reply.array(found.count)
    for name in found { c.reply.bulk(name) }
  }

  /// `JSCAN cursor [COUNT n] [QUEUE queue] [STATE state ...] [REPLY id|all]` → [next cursor, [job ...]].
  static func jscan(_ c: inout Context) throws(CommandError) {
    let (cursor, walk) = try walk(c, ofJobs: true)
    c.seeEverything()
    var found: [JobRecord] = []
    let next = c.jobs.spaces[c.database].records.scan(from: cursor, atLeast: walk.count) {
      found.append($0)
    }
    found.removeAll { record in
      guard c.jobs.spaces[c.database].isAlive(record) else { return true }
      guard let queue = c.jobs.spaces[c.database].queue(of: record)?.key,
        walk.queue == nil || walk.queue == queue, c.mayAlsoUse(queue, .read)
      else { return true }
      return !walk.states.isEmpty && !walk.states.contains(stateName(record))
    }
    c.reply.array(2)
    c.reply.bulk(integer: Int64(next))
    c.reply.array(found.count)
    for record in found {
      if walk.showsAll {
        show(&c, record)
      } else {
        c.reply.bulk(JobID.text(record, node: c.jobs.node))
      }
    }
  }
}
