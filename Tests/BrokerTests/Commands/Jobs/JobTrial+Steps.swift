// JobTrial+Steps.swift: one random step of an engine and of its model.

extension JobTrial {
  mutating func takeStep() throws {
    let queue = queue()
    switch number(0...99) {
    case 0..<18: add(to: queue)
    case 18..<22:
      let atHead = isChosen(onceIn: 2), body = "raw\(step)"
      _ = send("\(atHead ? "LPUSH" : "RPUSH") \(queue) \(body)")
      model.lists[queue, default: []].insert(.raw(body), at: atHead ? 0 : model.count(queue))
    case 22..<44: take(from: queue)
    case 44..<54: acknowledge()
    case 54..<63: refuse()
    case 63..<67:
      let (job, epoch, receipt) = someReceipt(), time = time(1...600)
      expect(
        send("EXTEND \(time) \(receipt)"), model.extend(job, epoch, by: time) ? ":1" : ":0")
    case 67..<69: work()
    case 69..<72:
      let name = someID(), job = model.job(name)
      expect(send("DELJOB \(name)"), job != nil ? ":1" : ":0")
      if let job { model.remove(job.number) }
    case 72..<75:
      let name = someID()
      if isChosen(onceIn: 2) {
        expect(send("DEQUEUE \(name)"), model.takeOut(name) ? ":1" : ":0")
      } else {
        expect(send("ENQUEUE \(name)"), model.putBack(name) ? ":1" : ":0")
      }
    case 75..<78:
      let atHead = isChosen(onceIn: 2)
      expect(send("\(atHead ? "LPOP" : "RPOP") \(queue)"), model.pop(queue, atHead: atHead) ?? "")
    case 78..<81: moveList(queue)
    case 81: changeList(queue)
    case 82: changeQueue(queue)
    case 83: redrive(queue)
    case 84: engine.beginCheckpoint()
    case 85: engine.endCheckpoint()
    case 86 where isChosen(onceIn: 5): try restart()
    case 87 where isChosen(onceIn: 2): stepWall()
    case 88 where isChosen(onceIn: 30):
      _ = send("FLUSHDB")
      model.flush()
    case 89...99: wait(time(0...120))
    default: break
    }
  }

  // MARK: Jobs

  private mutating func backoff() -> JobModel.Backoff {
    JobModel.Backoff(
      kind: pick(["FIXED", "LINEAR", "EXP"]), base: time(10...200),
      cap: pick([nil, time(200...900)]), jitter: pick([0, 0, time(1...50)]))
  }

  private mutating func add(to queue: String) {
    var addition = JobModel.Addition(queue: queue, body: "body\(step)")
    switch number(0...7) {
    case 0: addition.delay = 0
    case 1, 2: addition.delay = time(1...400)
    case 3: addition.at = max(0, model.wall + time(-50...400))
    default: break
    }
    if isChosen(onceIn: 4) { addition.ttl = time(401...900) }
    if isChosen(onceIn: 6) { addition.retry = pick([0, time(1...400)]) }
    if isChosen(onceIn: 6) { addition.keep = pick([0, time(1...900)]) }
    if isChosen(onceIn: 3) { addition.attemptsMax = pick([0, 1, 2]) }
    if isChosen(onceIn: 4) { addition.lengthMax = number(1...9) }
    if isChosen(onceIn: 4) { addition.priority = number(1...9) }
    if isChosen(onceIn: 5) { addition.id = "x\(number(0...7))" }
    if isChosen(onceIn: 5) { addition.deadQueue = "b" }
    if isChosen(onceIn: 5) { addition.backoff = backoff() }
    if isChosen(onceIn: 3) {
      addition.unique = "k\(number(0...7))"
      if isChosen(onceIn: 3) { addition.uniqueFor = time(1...900) }
      addition.isUntilStart = isChosen(onceIn: 3)
      addition.replaces = isChosen(onceIn: 2)
    }
    addition.showsStatus = isChosen(onceIn: 2)
    let reply = send(addition.line), expected = model.add(addition)
    if expected.hasPrefix("-") {
      expect(reply, hasPrefix: expected + " ")
    } else {
      expect(reply, expected)
    }
  }

  private mutating func take(from queue: String) {
    let count = number(1...4), lease = isChosen(onceIn: 4) ? nil : time(1...500)
    let fromLeft = pick([nil, nil, nil, true, false])
    let end = fromLeft.map { $0 ? " LEFT" : " RIGHT" } ?? ""
    let term = lease.map { " LEASE \($0)" } ?? ""
    let reply = send("GETJOB NOHANG COUNT \(count)\(term)\(end) FROM \(queue)")
    let taken = model.take(queue, count, lease: lease, fromLeft: fromLeft)
    let expected = taken.map { "\(queue) \($0.receipt($0.epoch)) \($0.body)" }
    expect(reply, expected.joined(separator: " "))
  }

  private mutating func acknowledge() {
    let (job, epoch, receipt) = someReceipt()
    guard isChosen(onceIn: 2) else {
      return expect(send("ACKJOB \(receipt)"), model.finish(job, epoch) ? ":1" : ":0")
    }
    let result = isChosen(onceIn: 2) ? "result\(step)" : nil
    // What is kept for long is seldom: it fills the model.
    let keep = isChosen(onceIn: 200) ? nil : pick([0, time(1...900)])
    let reply = send(
      "DONE \(receipt)" + (result.map { " RESULT \($0)" } ?? "")
        + (keep.map { " KEEP \(Double($0) / 1000)" } ?? ""))
    expect(reply, model.finish(job, epoch, result: result, keep: keep) ? ":1" : ":0")
  }

  private mutating func refuse() {
    let (job, epoch, receipt) = someReceipt()
    let delay = pick([nil, nil, 0, time(1...300)]), kind = pick(["", "", "", " FREE", " DEAD"])
    let error = isChosen(onceIn: 3) ? "error\(step)" : nil
    let reply = send(
      "NACK \(receipt)" + (delay.map { " DELAY \(Double($0) / 1000)" } ?? "") + kind
        + (error.map { " ERROR \($0)" } ?? ""))
    let (isGiven, dues) = model.refuse(
      job, epoch, delay: delay, isFree: kind == " FREE", isDead: kind == " DEAD", error: error)
    expect(reply, isGiven ? ":1" : ":0")
    guard let dues, dues.count > 1, let name = model.jobs[job]?.name else { return }
    // A jitter's choice within its bounds.
    let shown = send("SHOW \(name)").split(separator: " ")
    let place = shown.firstIndex(of: "due-in-ms")
    let due = place.flatMap { Int64(shown[$0 + 1].dropFirst()) }.map { model.now + $0 }
    if let due, dues ~= due {
      model.jobs[job]!.due = due
    } else {
      expect("due at \(due ?? -1)", "within \(dues)")
    }
  }

  private mutating func work() {
    let (job, epoch, receipt) = someReceipt(), lease = model.jobs[job]?.lease ?? 0
    let isThere = model.jobs[job] != nil, reply = send("WORKING \(receipt)")
    if model.extend(job, epoch, by: lease) {
      expect(reply, ":\(lease / 1000)")
    } else {
      expect(reply, hasPrefix: isThere ? "-LEASELOST" : "-NOJOB")
    }
  }

  // MARK: Lists

  private mutating func moveList(_ queue: String) {
    let other = self.queue()
    switch number(0...4) {
    case 0:
      _ = send("RENAME \(queue) \(other)")
      model.rename(queue, other)
    case 1, 2:
      let fromHead = isChosen(onceIn: 2), toHead = isChosen(onceIn: 2)
      _ = send(
        "LMOVE \(queue) \(other) \(fromHead ? "LEFT" : "RIGHT") \(toHead ? "LEFT" : "RIGHT")")
      model.move(queue, other, fromHead: fromHead, toHead: toHead)
    case 3:
      _ = send("COPY \(queue) \(other) REPLACE")
      model.copy(queue, other)
    default:
      guard isChosen(onceIn: 5) else { return }
      _ = send("DEL \(queue)")
      model.delete(queue)
    }
  }

  /// Changes a list inside.
  private mutating func changeList(_ queue: String) {
    let count = model.count(queue), index = number(0...count)
    let body = index < count ? model.body(model.lists[queue]![index]) : "none"
    switch number(0...7) {
    case 0..<3:
      let reply = send("LINSERT \(queue) BEFORE \(body) in\(step)")
      expect(reply, ":\(model.insert(queue, "in\(step)", before: body))")
    case 3, 4: expect(send("LREM \(queue) 0 \(body)"), ":\(model.removeAll(queue, body))")
    case 5, 6:
      let reply = send("LSET \(queue) \(index) set\(step)")
      expect(reply, hasPrefix: model.set(queue, index, "set\(step)") ? "+OK" : "-ERR ")
    default:
      let last = max(index, count - 2)
      _ = send("LTRIM \(queue) \(index) \(last)")
      model.trim(queue, index...last)
    }
  }

  // MARK: Queues

  private mutating func redrive(_ queue: String) {
    let target = pick([nil, nil, "c"]), limit = number(1...5)
    let reply = send("QREDRIVE \(queue) COUNT \(limit)" + (target.map { " TO \($0)" } ?? ""))
    if let moved = model.redrive(queue, to: target, limit) {
      expect(reply, ":\(moved)")
    } else {
      expect(reply, hasPrefix: "-ERR ")
    }
  }

  private mutating func changeQueue(_ queue: String) {
    var settings = model.settings(queue), words = ""
    switch number(0...11) {
    case 0:
      settings.lease = pick([nil, time(1...900)])
      words = "LEASE \(settings.lease ?? 0)"
    case 1:
      settings.attemptsMax = number(0...3)
      words = "ATTEMPTS \(settings.attemptsMax!)"
    case 2:
      settings.backoff = backoff()
      words = "BACKOFF \(settings.backoff!.text)"
    case 3:
      settings.deadQueue = queue == "c" ? "b" : "c"
      words = "DEAD \(settings.deadQueue!)"
    case 4:
      settings.ttl = pick([nil, time(200...900)])
      words = "TTL \(Double(settings.ttl ?? 0) / 1000)"
    case 5:
      settings.lengthMax = pick([nil, number(3...9)])
      words = "MAXLEN \(settings.lengthMax ?? 0)"
    case 6:
      settings.takesLeft = isChosen(onceIn: 2)
      words = "TAKE \(settings.takesLeft ? "LEFT" : "RIGHT")"
    case 7:
      (settings.takesLeft, settings.lease) = (false, nil)
      (settings.attemptsMax, settings.lengthMax, settings.ttl) = (0, nil, nil)
      words = "TAKE RIGHT LEASE 0 ATTEMPTS 0 MAXLEN 0 TTL 0"
    case 8:
      expect(send("QDROP \(queue)"), hasPrefix: ":")
      return model.drop(queue)
    default:
      // Mostly it ends one.
      let word = pick(["in", "out", "all", "state", "none", "none", "none"])
      return expect(send("PAUSE \(queue) \(word)"), model.pause(queue, word))
    }
    expect(send("QSET \(queue) \(words)"), "+OK")
    model.settings[queue] = settings
  }
}
