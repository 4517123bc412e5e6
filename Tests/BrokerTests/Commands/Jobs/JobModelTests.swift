// JobModelTests.swift: the life of jobs beside a naive model, through restarts and checkpoints.

import Glibc
import RESP
import Testing

@testable import Broker

/// Steps for each seed: `MARTLET_JOB_STEPS`.
private let stepCount =
  unsafe getenv("MARTLET_JOB_STEPS").flatMap { unsafe Int(String(cString: $0)) } ?? 20_000

/// An engine with all that its next start needs.
private struct Rig: ~Copyable {
  var harness: EngineHarness
  var client: Int
  /// The last checkpoint, and the log since.
  var blocks: [[UInt8]] = []
  var log: [UInt8] = []
  var logCount = 0
  /// A checkpoint that is being written, and the log since it was begun.
  var snapshot: KeyspaceSnapshot?
  var since: [UInt8] = []
  var sinceCount = 0

  init() {
    harness = EngineHarness(seed: 1, logging: true)
    harness.engine.context.jobs.chooseNode(1)
    client = harness.client()
  }

  mutating func keepFrame() {
    let (body, count) = harness.frame()
    log += body
    logCount += count
    if snapshot != nil {
      since += body
      sinceCount += count
    }
  }

  mutating func beginCheckpoint() {
    guard snapshot == nil else { return }
    keepFrame()
    snapshot = harness.engine.snapshot()
    (since, sinceCount) = ([], 0)
  }

  mutating func endCheckpoint() {
    guard var written = snapshot.take() else { return }
    blocks = []
    while true {
      var block = SnapshotBlock(sizeWanted: 500)
      written.fill(&block)
      guard block.records > 0 else { break }
      blocks.append(block.bytes.view.array + block.tail.array)
    }
    (log, logCount) = (since, sinceCount)
    harness.engine.snapshotEnded()
  }

  /// Ends the process and begins another one `gap` ms later.
  mutating func restart(after gap: Int64, monotonic: Int64) throws {
    keepFrame()
    snapshot = nil
    let wall = harness.engine.context.wall
    harness = EngineHarness(seed: UInt64(monotonic), logging: true)
    harness.engine.context.wall = wall + gap
    harness.engine.context.monotonic = monotonic
    var load = SnapshotLoad()
    for block in blocks {
      var bytes = ByteBuffer()
      bytes.append(block)
      let parts = try SnapshotParts(bytes.view, hash: harness.engine.context.keyHash)
      try load.add(parts, to: &harness.engine)
    }
    try load.finish(&harness.engine)
    try harness.replay(log, count: logCount)
    client = harness.client()
  }

  mutating func send(_ line: String) -> String {
    let reply = harness.send(client, line)
    return reply.split(separator: "\r\n").filter { !"*$".contains($0.first!) }
      .joined(separator: " ")
  }

  mutating func runTimers() { while harness.engine.runTimers() {} }
}

/// Goal: jobs live as their model says, whenever the process ends. Method: random commands on both,
/// with stale receipts, lists changed by list commands, time that passes and a wall that is stepped,
/// checkpoints under way and restarts; replies are compared after each step, all of the state often.
@Test(arguments: 1...6 as ClosedRange<UInt64>)
func jobsAgreeWithTheirModel(seed: UInt64) throws {
  var random = SplitMix64(seed: seed), rig = Rig()
  var model = JobModel(now: rig.harness.engine.context.wall)
  let queues = ["a", "b", "c", "a:dead"]
  func pick<T>(_ choices: [T]) -> T { choices[Int(random.next() % UInt64(choices.count))] }
  func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  func id(_ number: Int) -> String { JobRig.id(number) }
  func someReceipt() -> (Int, Int) {
    let leased = model.jobs.values.filter { $0.state == .leased }.map(\.number).sorted()
    let job = leased.isEmpty || number(0...9) < 3 ? number(1...model.next) : pick(leased)
    return (job, max(1, (model.jobs[job]?.epoch ?? 1) - (number(0...4) == 0 ? 1 : 0)))
  }
  for step in 0..<stepCount {
    let queue = pick(queues), trace: Comment = "seed \(seed), step \(step)"
    switch number(0...99) {
    case 0..<18:
      if number(0...9) == 0 {
        rig.harness.engine.context.wall += Int64(number(-90_000...90_000))
        // The log is told before it may be read again: a step looks like time that has passed there.
        _ = rig.send("QSET a TAKE RIGHT")
      }
      let delay = pick([0, 0, 0, number(1...400)]), attempts = pick([nil, nil, 1, 2, 0])
      let ttl = pick([nil, nil, nil, number(401...900)]), priority = pick([0, 0, 0, number(1...9)])
      let unique = pick([nil, nil, "k\(number(0...9))"]), isUntilStart = number(0...2) == 0
      let dead = pick([nil, nil, nil, "b"]), lengthMax = pick([nil, nil, nil, number(1...9)])
      let replaces = number(0...1) == 0
      let words =
        "ADDJOB \(queue) body\(step) 0 DELAY \(Double(delay) / 1000)"
        + (attempts.map { " ATTEMPTS \($0)" } ?? "")
        + (ttl.map { " TTL \(Double($0) / 1000)" } ?? "")
        + (priority > 0 ? " PRIORITY \(priority)" : "") + (dead.map { " DEAD \($0)" } ?? "")
        + (unique.map { " UNIQUE \($0) UNTIL \(isUntilStart ? "START" : "DONE")" } ?? "")
        + (unique != nil && replaces ? " REPLACE" : "")
        + (lengthMax.map { " MAXLEN \($0)" } ?? "")
      let reply = rig.send(words), name = unique.map { "\(queue)/\($0)" }
      if let holder = name.flatMap({ model.names[$0] }) {
        if replaces { _ = model.replace(holder, body: "body\(step)", delay: Int64(delay)) }
        #expect(reply == id(holder), trace)
      } else if let lengthMax, model.lists[queue, default: []].count >= lengthMax {
        #expect(reply.hasPrefix("-MAXLEN "), trace)
      } else {
        let added = model.add(
          queue, "body\(step)", delay: Int64(delay), attempts: attempts, ttl: ttl.map(Int64.init),
          priority: priority, dead: dead, unique: name, isUntilStart: isUntilStart)
        #expect(reply == id(added), trace)
      }
    case 18..<24:
      _ = rig.send("LPUSH \(queue) raw\(step)")
      model.lists[queue, default: []].insert(.raw("raw\(step)"), at: 0)
    case 24..<27:
      _ = rig.send("RPUSH \(queue) raw\(step)")
      model.lists[queue, default: []].append(.raw("raw\(step)"))
    case 27..<48:
      let lease = number(1...500), count = number(1...4)
      let reply = rig.send("GETJOB NOHANG COUNT \(count) LEASE \(lease) FROM \(queue)")
      let taken = model.take(queue, count, lease: Int64(lease))
      let expected = taken.map { "\(queue) \(id($0.number)).\($0.epoch) \($0.body)" }
      #expect(reply == expected.joined(separator: " "), trace)
    case 48..<58:
      let (job, epoch) = someReceipt()
      let reply = rig.send("ACKJOB \(id(job)).\(epoch)")
      #expect(reply == (model.acknowledge(job, epoch) ? ":1" : ":0"), trace)
    case 58..<68:
      let (job, epoch) = someReceipt()
      let delay = pick([0, number(1...300)]), kind = pick(["", "", " FREE", " DEAD"])
      let reply = rig.send("NACK \(id(job)).\(epoch) DELAY \(Double(delay) / 1000)\(kind)")
      let isGiven = model.refuse(
        job, epoch, delay: Int64(delay), isFree: kind == " FREE", isDead: kind == " DEAD")
      #expect(reply == (isGiven ? ":1" : ":0"), trace)
    case 68..<72:
      let (job, epoch) = someReceipt(), time = number(1...600)
      let reply = rig.send("EXTEND \(time) \(id(job)).\(epoch)")
      #expect(reply == (model.extend(job, epoch, by: Int64(time)) ? ":1" : ":0"), trace)
    case 72..<74:
      let (job, epoch) = someReceipt()
      let lease = model.jobs[job]?.lease ?? 0
      let isLeased = model.extend(job, epoch, by: lease)
      let isThere = model.jobs[job] != nil
      let reply = rig.send("WORKING \(id(job)).\(epoch)")
      let error = isThere ? "-LEASELOST" : "-NOJOB"
      #expect(isLeased ? reply == ":\(lease / 1000)" : reply.hasPrefix(error), trace)
    case 74..<77:
      let job = number(1...model.next)
      let reply = rig.send("DELJOB \(id(job))")
      #expect(reply == (model.jobs[job] != nil ? ":1" : ":0"), trace)
      model.remove(job)
    case 77..<80:
      let atHead = number(0...1) == 0
      let reply = rig.send("\(atHead ? "LPOP" : "RPOP") \(queue)")
      #expect(reply == model.pop(queue, atHead: atHead) ?? "", trace)
    case 80:
      let other = pick(queues)
      _ = rig.send("RENAME \(queue) \(other)")
      model.rename(queue, other)
    case 81:
      let other = pick(queues)
      let atHead = number(0...1) == 0
      _ = rig.send("LMOVE \(queue) \(other) RIGHT \(atHead ? "LEFT" : "RIGHT")")
      model.move(queue, other, atHead: atHead)
    case 82 where number(0...9) == 0:
      _ = rig.send("DEL \(queue)")
      model.delete(queue)
    case 83: rig.beginCheckpoint()
    case 84: rig.endCheckpoint()
    case 85 where number(0...4) == 0:
      let gap = Int64(number(0...300))
      try rig.restart(after: gap, monotonic: Int64(number(1...1_000_000)))
      model.now += gap
      rig.runTimers()
      model.runTimers()
    case 86: changeList(step, queue, &rig, &model, &random)
    case 87:
      let target = pick([nil, nil, "c"]), limit = number(1...5)
      let reply = rig.send(
        "QREDRIVE \(queue) COUNT \(limit)" + (target.map { " TO \($0)" } ?? ""))
      let moved = model.redrive(queue, to: target, limit)
      #expect(moved.map { reply == ":\($0)" } ?? reply.hasPrefix("-ERR "), trace)
    case 88:
      let job = number(1...model.next), isOut = number(0...1) == 0
      let reply = rig.send("\(isOut ? "DEQUEUE" : "ENQUEUE") \(id(job))")
      let isDone = isOut ? model.takeOut(job) : model.putBack(job)
      #expect(reply == (isDone ? ":1" : ":0"), trace)
    case 89...99:
      let time = Int64(number(0...120))
      rig.harness.engine.context.wall += time
      rig.harness.engine.context.monotonic += time
      rig.runTimers()
      model.now += time
      model.runTimers()
    default: break
    }
    rig.keepFrame()
    guard step % 20 == 0 else { continue }
    rig.harness.checkInvariants()
    for queue in queues {
      let shown = rig.send("LRANGE \(queue) 0 -1")
      #expect(shown == (model.lists[queue] ?? []).map(model.body).joined(separator: " "), trace)
    }
    for job in model.jobs.values.map(\.number).sorted().suffix(20) {
      let job = model.jobs[job]!
      let shown = rig.send("SHOW \(id(job.number))")
      #expect(shown.contains("queue \(job.queue) state \(job.stateName) "), trace)
      let counts =
        "attempts :\(job.epoch - job.uncounted) failures :\(job.failures) "
        + "expirations :\(job.expirations)"
      #expect(shown.contains(counts), trace)
    }
    let live = rig.harness.engine.context.jobs.spaces[0]
      .liveCount
    #expect(live == model.jobs.count, trace)
    guard live == model.jobs.count else { return }
  }
}

/// Changes a list inside, on both.
private func changeList(
  _ step: Int, _ queue: String, _ rig: inout Rig, _ model: inout JobModel,
  _ random: inout SplitMix64
) {
  let trace: Comment = "step \(step)", count = model.lists[queue]?.count ?? 0
  let index = Int(random.next() % UInt64(count + 1))
  let body = index < count ? model.body(model.lists[queue]![index]) : "none"
  switch random.next() % 8 {
  case 0..<3:
    let reply = rig.send("LINSERT \(queue) BEFORE \(body) in\(step)")
    #expect(reply == ":\(model.insert(queue, "in\(step)", before: body))", trace)
  case 3, 4:
    let reply = rig.send("LREM \(queue) 0 \(body)")
    #expect(reply == ":\(model.removeAll(queue, body))", trace)
  case 5, 6:
    let reply = rig.send("LSET \(queue) \(index) set\(step)")
    let isSet = model.set(queue, index, "set\(step)")
    #expect(isSet ? reply == "+OK" : reply.hasPrefix("-ERR "), trace)
  default:
    let last = max(index, count - 2)
    _ = rig.send("LTRIM \(queue) \(index) \(last)")
    model.trim(queue, index...last)
  }
}

extension JobSpace {
  /// Jobs that can be seen.
  fileprivate var liveCount: Int {
    var count = 0
    records.forEach { if isAlive($0) { count += 1 } }
    return count
  }
}
