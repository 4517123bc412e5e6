// JobModel+Adding.swift: ADDJOB with each of its options, and what time does.

extension JobModel {
  /// What an ADDJOB asks for; times in ms.
  struct Addition {
    var queue: String, body: String
    var delay: Int64?, at: Int64?, ttl: Int64?, retry: Int64?, keep: Int64?, uniqueFor: Int64?
    var attemptsMax: Int?, lengthMax: Int?
    var priority = 0
    var id: String?, unique: String?, deadQueue: String?
    var backoff: Backoff?
    var isUntilStart = false, replaces = false, showsStatus = false

    var line: String {
      func seconds(_ name: String, _ time: Int64?) -> String {
        time.map { " \(name) \(Double($0) / 1000)" } ?? ""
      }
      func word(_ name: String, _ value: Any?) -> String { value.map { " \(name) \($0)" } ?? "" }
      var line = "ADDJOB \(queue) \(body) 0" + seconds("DELAY", delay) + word("AT", at)
      line += seconds("TTL", ttl) + seconds("RETRY", retry) + seconds("KEEP", keep)
      line += word("ATTEMPTS", attemptsMax) + word("MAXLEN", lengthMax) + word("ID", id)
      line += word("DEAD", deadQueue) + word("BACKOFF", backoff?.text)
      line += priority > 0 ? " PRIORITY \(priority)" : ""
      if let unique {
        line += " UNIQUE \(unique)" + seconds("FOR", uniqueFor) + (replaces ? " REPLACE" : "")
        line += isUntilStart ? " UNTIL START" : ""
      }
      return line + (showsStatus ? " WITHSTATUS" : "")
    }
  }

  /// When what is asked for is to be ready, if not at once.
  private func time(_ addition: Addition, expires: Int64?) -> (due: Int64, isOnWall: Bool)? {
    guard let wait = addition.at.map({ $0 - wall }) ?? addition.delay, wait > 0 else { return nil }
    if let expires, expires <= now + wait { return (expires, false) }
    return addition.at.map { ($0, true) } ?? (now + wait, false)
  }

  /// - Returns: the reply, or the code of the error.
  mutating func add(_ addition: Addition) -> String {
    func answer(_ number: Int, _ status: Int, chosen id: String? = nil) -> String {
      (jobs[number]?.name ?? id ?? JobRig.id(number)) + (addition.showsStatus ? " :\(status)" : "")
    }
    let queue = addition.queue, settings = settings(queue)
    if settings.isPausedIn { return "-PAUSED" }
    if let holder = addition.id.flatMap({ ids[$0] }) { return answer(holder, 0) }
    let name = addition.unique.map { "\(queue)/\($0)" }
    if let hold = name.flatMap({ holds[$0] }), hold.until ?? .max > now {
      let isReplaced = addition.replaces && replace(hold.number, addition)
      return answer(hold.number, isReplaced ? 2 : 0, chosen: hold.id)
    }
    if let most = addition.lengthMax ?? settings.lengthMax, count(queue) >= most {
      return "-MAXLEN"
    }
    var job = Job(number: next, id: addition.id, body: addition.body, queue: queue)
    next += 1
    job.priority = addition.priority
    job.deadQueue = addition.deadQueue
    job.attemptsMax = addition.attemptsMax
    job.backoff = addition.backoff
    job.retry = addition.retry
    job.keep = addition.keep
    if let id = addition.id { ids[id] = job.number }
    if let name {
      let until = addition.uniqueFor.map { now + $0 }
      holds[name] = Hold(number: job.number, until: until, id: addition.id)
      if addition.uniqueFor == nil { job.unique = name }
      job.isUniqueUntilStart = addition.isUntilStart
    }
    job.expires = (addition.ttl ?? settings.ttl).map { now + $0 }
    job.due = job.expires
    if let time = time(addition, expires: job.expires) {
      job.state = .scheduled
      (job.due, job.isOnWall) = time
    }
    jobs[job.number] = job
    if job.state == .ready { enter(.job(job.number), queue, isNext: false) }
    return answer(job.number, 1)
  }

  /// Swaps the body of a job that waits, and its time where a new one is given.
  ///
  /// - Returns: whether it waits.
  private mutating func replace(_ number: Int, _ addition: Addition) -> Bool {
    guard let job = jobs[number], !job.isDead, job.state == .ready || job.state == .scheduled else {
      return false
    }
    jobs[number]!.body = addition.body
    jobs[number]!.isLapsed = false
    if job.state == .scheduled, !job.isOut, addition.delay != nil || addition.at != nil {
      let time = time(addition, expires: job.expires)
      (jobs[number]!.due, jobs[number]!.isOnWall) = time ?? (now, false)
    }
    return true
  }

  // MARK: Time

  func isSpent(_ job: Job) -> Bool {
    let most = job.attemptsMax ?? settings(job.queue).attemptsMax ?? 25
    return most > 0 && job.failures + job.expirations >= most
  }

  /// Puts a job back that nobody finished.
  mutating func giveBack(_ number: Int, isNext: Bool) {
    guard var job = jobs[number] else { return }
    if let expires = job.expires, expires <= now { return remove(number) }
    job.state = .ready
    job.isOut = false
    job.isOnWall = false
    job.due = job.expires
    jobs[number] = job
    enter(.job(number), job.queue, isNext: isNext, isFromLeft: job.isFromLeft)
  }

  mutating func bury(_ number: Int) {
    releaseName(number)
    guard var job = jobs[number] else { return }
    let usual = job.queue.hasSuffix(":dead") ? job.queue : job.queue + ":dead"
    job.origin = job.origin ?? job.queue
    job.queue = job.deadQueue ?? settings(job.queue).deadQueue ?? usual
    job.state = .ready
    job.isDead = true
    job.expires = nil
    job.due = nil
    jobs[number] = job
    enter(.job(number), job.queue, isNext: false)
  }

  /// How long its time is over, then the order of those of one moment: leases in the one in which they
  /// are to stand, others as they came.
  private func order(_ job: Job) -> (Int64, Int, Int) {
    let wait = job.due! - (job.isOnWall ? wall : now)
    return (wait, job.isOnWall ? 1 : 0, job.state == .leased ? .max - job.number : job.number)
  }

  /// Does what time does until `now`.
  mutating func runTimers() {
    while true {
      let due = jobs.values.filter { $0.due != nil && order($0).0 <= 0 }
      guard let first = due.min(by: { order($0) < order($1) }) else { return }
      switch first.state {
      case .leased:
        jobs[first.number]!.expirations += 1
        jobs[first.number]!.isLapsed = true
        if isSpent(jobs[first.number]!) {
          bury(first.number)
        } else {
          giveBack(first.number, isNext: true)
        }
      case .scheduled: giveBack(first.number, isNext: false)
      case .ready, .done: remove(first.number)
      }
    }
  }
}
