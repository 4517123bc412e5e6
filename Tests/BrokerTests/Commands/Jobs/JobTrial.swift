// JobTrial.swift: an engine and the model of its jobs, which go through the same steps.

import Glibc
import RESP
import Testing

@testable import Broker

/// An engine with all that its next start needs.
struct RestartingEngine: ~Copyable {
  var harness: EngineHarness
  private var client: Int
  /// The last checkpoint, and the log since.
  private var blocks: [[UInt8]] = []
  private var log: [UInt8] = [], logCount = 0
  /// A checkpoint that is being written, and the log since it was begun.
  private var snapshot: KeyspaceSnapshot?
  private var since: [UInt8] = [], sinceCount = 0

  init() {
    harness = EngineHarness(seed: 1, logging: true)
    harness.engine.context.jobs.chooseNode(1)
    client = harness.client()
  }

  mutating func keepFrame() {
    let (body, count) = harness.frame()
    log += body
    logCount += count
    guard snapshot != nil else { return }
    since += body
    sinceCount += count
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

  /// Sends a line and returns the strings and numbers of the reply, with blanks between.
  mutating func send(_ line: String) -> String {
    let reply = harness.send(client, line)
    return reply.split(separator: "\r\n").filter { !"*$".contains($0.first!) }
      .joined(separator: " ")
  }

  mutating func runTimers() { while harness.engine.runTimers() {} }
}

/// One run of random steps.
struct JobTrial: ~Copyable {
  var engine = RestartingEngine()
  var model: JobModel
  let seed: UInt64
  private(set) var step = 0
  private(set) var hasFailed = false
  private var random: SplitMix64
  /// The requests sent last, but for those that only look.
  private var trail: [String] = []
  private var isComparing = false
  static let queues = ["a", "b", "c", "a:dead"]

  init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
    model = JobModel(now: engine.harness.engine.context.wall)
  }

  // MARK: Chance

  mutating func pick<T>(_ choices: [T]) -> T { choices[Int(random.next() % UInt64(choices.count))] }
  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  mutating func time(_ range: ClosedRange<Int>) -> Int64 { Int64(number(range)) }
  /// Whether what happens once in so many times does.
  mutating func isChosen(onceIn times: Int) -> Bool { number(1...times) == 1 }
  mutating func queue() -> String { pick(Self.queues) }

  /// The id of a job, of one that has gone perhaps, or by which it does not go.
  mutating func someID() -> String {
    let number = number(max(1, model.next - 200)...model.next)
    if isChosen(onceIn: 20) { return JobRig.id(number) }
    return model.jobs[number]?.name ?? pick([JobRig.id(number), "x\(number % 8)"])
  }

  /// A job and one of its deliveries, which is over perhaps, as its receipt says it.
  mutating func someReceipt() -> (number: Int, epoch: Int, text: String) {
    let leased = model.jobs.values.filter { $0.state == .leased }.map(\.number).sorted()
    let isAny = leased.isEmpty || isChosen(onceIn: 3)
    let job = isAny ? number(max(1, model.next - 200)...model.next) : pick(leased)
    let epoch = max(1, (model.jobs[job]?.epoch ?? 1) - (isChosen(onceIn: 5) ? 1 : 0))
    return (job, epoch, model.jobs[job]?.receipt(epoch) ?? JobRig.id(job) + ".\(epoch)")
  }

  // MARK: Steps

  mutating func send(_ line: String) -> String {
    let reply = engine.send(line)
    if !isComparing { trail.append("\(line) → \(reply)") }
    if trail.count > 60 { trail.removeFirst(30) }
    return reply
  }

  mutating func expect(_ found: String, _ expected: String) {
    guard found != expected, !hasFailed else { return }
    hasFailed = true
    let trail = trail.suffix(30).joined(separator: "\n")
    Issue.record("seed \(seed), step \(step): \(found)\nis not \(expected)\n\(trail)")
  }

  mutating func expect(_ found: String, hasPrefix expected: String) {
    if !found.hasPrefix(expected) { expect(found, expected + " …") }
  }

  /// Goes `count` steps, or up to the first one in which the two differ.
  mutating func run(_ count: Int) throws {
    while step < count, !hasFailed {
      step += 1
      try takeStep()
      engine.keepFrame()
      if step % 20 == 0 { compare() }
    }
  }

  /// Lets time pass, and what it brings happen.
  mutating func wait(_ time: Int64) {
    trail.append("+\(time)")
    engine.harness.engine.context.wall += time
    engine.harness.engine.context.monotonic += time
    engine.runTimers()
    model.now += time
    model.wall += time
    model.runTimers()
  }

  mutating func stepWall() {
    let time = time(-90_000...90_000)
    engine.harness.engine.context.wall += time
    model.wall += time
    // The log is told before it may be read again: a step looks like time that has passed there.
    _ = send("QSET clock LEASE 1")
  }

  mutating func restart() throws {
    let gap = time(0...300)
    trail.append("restart after \(gap)")
    try engine.restart(after: gap, monotonic: time(1...1_000_000))
    model.now += gap
    model.wall += gap
    engine.runTimers()
    model.runTimers()
  }

  // MARK: Comparing

  private mutating func compare() {
    isComparing = true
    defer { isComparing = false }
    engine.harness.checkInvariants()
    for queue in Self.queues {
      let list = (model.lists[queue] ?? []).map(model.body).joined(separator: " ")
      expect(send("LRANGE \(queue) 0 -1"), list)
      compareQueue(queue)
    }
    for number in model.jobs.keys.sorted().suffix(20) { compareJob(number) }
    let live = engine.harness.engine.context.jobs.spaces[0].liveCount
    expect("\(live) jobs", "\(model.jobs.count) jobs")
  }

  private mutating func compareQueue(_ queue: String) {
    let settings = model.settings(queue), jobs = model.jobs.values.filter { $0.queue == queue }
    func count(_ state: String) -> Int { jobs.filter { $0.stateName == state }.count }
    var shown: [String] = []
    func add(_ name: String, _ value: String?) { value.map { shown += [name, $0] } }
    add("lease-ms", settings.lease.map { ":\($0)" })
    add("attempts", settings.attemptsMax.map { ":\($0)" })
    add("backoff", settings.backoff?.text)
    add("dead-queue", settings.deadQueue)
    add("ttl-ms", settings.ttl.map { ":\($0)" })
    add("maxlen", settings.lengthMax.map { ":\($0)" })
    add("take", settings.takesLeft ? "left" : nil)
    expect(send("QGET \(queue)"), shown.joined(separator: " "))
    let counts =
      "name \(queue) ready :\(model.count(queue)) scheduled :\(count("scheduled")) "
      + "dequeued :\(count("dequeued")) leased :\(count("leased")) kept :\(count("done")) "
    let reply = send("QSTAT \(queue)")
    // Of a queue without anything nothing may be known.
    if !reply.isEmpty || model.count(queue) + jobs.count > 0 || !shown.isEmpty {
      expect(reply, hasPrefix: counts)
    }
  }

  private mutating func compareJob(_ number: Int) {
    let job = model.jobs[number]!, words = send("SHOW \(job.name)").split(separator: " ")
    var shown: [String: String] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      shown[String(words[index])] = String(words[index + 1])
    }
    func check(_ name: String, _ value: String?) {
      guard shown[name] != value else { return }
      expect("\(name) of \(job.name): \(shown[name] ?? "none")", value ?? "none")
    }
    let isTimed = job.due != nil && job.state != .ready && !job.isOut
    let dueIn = max(0, (job.due ?? 0) - (job.isOnWall ? model.wall : model.now))
    check("id", job.name)
    check("queue", job.queue)
    check("state", job.stateName)
    check("priority", ":\(job.priority)")
    check("attempts", ":\(job.epoch - job.uncounted)")
    check("failures", ":\(job.failures)")
    check("expirations", ":\(job.expirations)")
    check("due-in-ms", isTimed ? ":\(dueIn)" : nil)
    check("lease-ms", job.state == .leased ? ":\(job.lease)" : nil)
    check("retry-ms", job.retry.map { ":\($0)" })
    check("ttl-ms", job.expires.map { ":\(max(0, $0 - model.now))" })
    check("died-in", job.isDead ? job.origin : nil)
    check("error", job.error)
    check("result", job.result)
    check("body", job.state == .done ? nil : job.body)
    let text = job.state == .done ? job.result : job.error
    expect(send("RESULT \(job.name)"), job.stateName + (text.map { " " + $0 } ?? ""))
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
