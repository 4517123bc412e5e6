// JobModel.swift: jobs as arrays and dictionaries would have them.
//
// Elements are from left to right. What time does, here and in JobModel+Times.swift, is found by looking
// at all jobs.

/// One database of jobs.
struct JobModel {
  enum State: String { case ready, scheduled, leased, done }

  /// The wait after a failure, in ms.
  struct Backoff {
    var kind: String
    var base: Int64
    var cap: Int64?
    var jitter: Int64 = 0

    var text: String {
      "\(kind) \(base)" + (cap.map { " CAP \($0)" } ?? "") + (jitter > 0 ? " JITTER \(jitter)" : "")
    }

    /// What the wait may be after so many failures.
    func waits(failures: Int) -> ClosedRange<Int64> {
      let steps: [String: Int64] = [
        "FIXED": 1, "LINEAR": Int64(failures), "EXP": Int64(1) << min(30, failures - 1),
      ]
      let wait = min(base * steps[kind]!, cap ?? .max), share = wait * jitter / 100
      return wait - share...min(wait + share, cap ?? .max)
    }
  }

  struct Settings {
    var lease: Int64?
    var attemptsMax: Int?
    var backoff: Backoff?
    var deadQueue: String?
    var ttl: Int64?
    var lengthMax: Int?
    var takesLeft = false
    var isPausedIn = false, isPausedOut = false
  }

  struct Job {
    let number: Int
    /// The id that was chosen for it.
    var id: String?
    var body: String
    var state = State.ready
    var queue: String
    var epoch = 0, failures = 0, expirations = 0, uncounted = 0
    var lease: Int64 = 0
    /// When it changes of itself, on the jobs' clock or the wall's.
    var due: Int64?
    var isOnWall = false
    var expires: Int64?
    var retry: Int64?, keep: Int64?
    var attemptsMax: Int?
    var backoff: Backoff?
    var priority = 0
    /// The unique key that it holds, behind its queue's name.
    var unique: String?
    var isUniqueUntilStart = false
    var deadQueue: String?, origin: String?, error: String?, result: String?
    var isLapsed = false, isDead = false, isOut = false, isFromLeft = false

    var name: String { id ?? JobRig.id(number) }
    func receipt(_ epoch: Int) -> String {
      "\(name)." + (id == nil ? "" : String(number, radix: 16) + ".") + "\(epoch)"
    }
    var stateName: String {
      if state == .scheduled, isOut { return "dequeued" }
      return isDead && state == .ready ? "dead" : state.rawValue
    }
  }

  enum Element: Equatable {
    case raw(String)
    case job(Int)
  }

  /// Who has a unique key, and until when if that is not said by the job.
  struct Hold {
    let number: Int
    let until: Int64?
    /// The id that was chosen for the job.
    var id: String?
  }

  /// The jobs' clock, and the wall's.
  var now: Int64, wall: Int64
  var jobs: [Int: Job] = [:]
  var lists: [String: [Element]] = [:]
  var settings: [String: Settings] = [:]
  var next = 1
  /// Unique keys behind their queues' names, and chosen ids.
  var holds: [String: Hold] = [:]
  var ids: [String: Int] = [:]

  init(now: Int64) { (self.now, wall) = (now, now) }

  func body(_ element: Element) -> String {
    switch element {
    case .raw(let body): body
    case .job(let number): jobs[number]!.body
    }
  }

  func count(_ queue: String) -> Int { lists[queue]?.count ?? 0 }
  func settings(_ queue: String) -> Settings { settings[queue] ?? Settings() }

  /// The job that an id leads to.
  func job(_ name: String) -> Job? {
    if let number = ids[name] { return jobs[number] }
    let number = name.hasPrefix(JobRig.id(0).dropLast()) ? Int(name.dropFirst(11), radix: 16) : nil
    return number.flatMap { jobs[$0] }.flatMap { $0.id == nil ? $0 : nil }
  }

  // MARK: Elements

  /// The priority of an element; one that is no job has none.
  private func priority(_ element: Element) -> Int {
    if case .job(let number) = element { jobs[number]!.priority } else { 0 }
  }

  /// Puts an element in line: before all of lower priority, seen from the end where they are taken, and
  /// behind its equals but where it is to be the next of them.
  mutating func enter(_ element: Element, _ queue: String, isNext: Bool, isFromLeft: Bool = false) {
    let priority = priority(element), list = lists[queue] ?? []
    let takesLeft = isNext && isFromLeft || settings(queue).takesLeft
    let passed = (takesLeft ? list : list.reversed()).prefix {
      isNext ? self.priority($0) > priority : self.priority($0) >= priority
    }
    lists[queue, default: []].insert(
      element, at: takesLeft ? passed.count : list.count - passed.count)
  }

  mutating func releaseName(_ number: Int) {
    guard let name = jobs[number]?.unique else { return }
    if holds[name]?.number == number, holds[name]?.until == nil { holds[name] = nil }
    jobs[number]!.unique = nil
  }

  mutating func remove(_ number: Int) {
    releaseName(number)
    guard let job = jobs.removeValue(forKey: number) else { return }
    if let id = job.id { ids[id] = nil }
    if job.state == .ready { lists[job.queue]?.removeAll { $0 == .job(number) } }
  }

  // MARK: Leases

  /// Takes up to `count` jobs; those that are delivered at most once are gone then.
  mutating func take(_ queue: String, _ count: Int, lease: Int64?, fromLeft: Bool?) -> [Job] {
    let settings = settings(queue)
    var taken: [Job] = []
    guard !settings.isPausedOut else { return [] }
    while taken.count < count, self.count(queue) > 0 {
      let isLeft = fromLeft ?? settings.takesLeft
      var job: Job
      switch isLeft ? lists[queue]!.removeFirst() : lists[queue]!.removeLast() {
      case .raw(let body):
        job = Job(number: next, body: body, queue: queue)
        next += 1
      case .job(let number):
        if jobs[number]!.isUniqueUntilStart { releaseName(number) }
        job = jobs[number]!
      }
      job.state = .leased
      job.queue = queue
      job.epoch += 1
      job.isLapsed = false
      job.isFromLeft = fromLeft == true
      job.lease = lease ?? job.retry ?? settings.lease ?? 30_000
      job.due = now + job.lease
      jobs[job.number] = job
      taken.append(job)
      if job.lease == 0 { remove(job.number) }
    }
    return taken
  }

  /// The job whose lease this is, if the receipt is not stale.
  func leased(_ number: Int, _ epoch: Int) -> Job? {
    guard let job = jobs[number], job.epoch == epoch, job.state == .leased else { return nil }
    return job
  }

  mutating func extend(_ number: Int, _ epoch: Int, by time: Int64) -> Bool {
    guard leased(number, epoch) != nil else { return false }
    jobs[number]!.due = now + time
    return true
  }

  /// Ends a job that is done; its result is kept if anybody said so.
  mutating func finish(_ number: Int, _ epoch: Int, result: String? = nil, keep: Int64? = nil)
    -> Bool
  {
    guard let job = jobs[number], job.epoch == epoch, job.state == .leased || job.isLapsed else {
      return false
    }
    let kept = keep ?? job.keep ?? (result == nil ? 0 : 3_600_000)
    if job.state == .ready { lists[job.queue]!.removeAll { $0 == .job(number) } }
    jobs[number]!.state = .done  // It is in no list now.
    guard kept > 0 else {
      remove(number)
      return true
    }
    releaseName(number)
    jobs[number]!.due = now + kept
    jobs[number]!.expires = nil
    jobs[number]!.result = result
    jobs[number]!.isLapsed = false
    jobs[number]!.isDead = false
    return true
  }

  /// - Returns: false when the receipt is stale, and when the job waits then, within which times.
  mutating func refuse(
    _ number: Int, _ epoch: Int, delay: Int64?, isFree: Bool, isDead: Bool, error: String?
  ) -> (isGiven: Bool, dues: ClosedRange<Int64>?) {
    guard var job = leased(number, epoch) else { return (false, nil) }
    if isFree { job.uncounted += 1 } else { job.failures += 1 }
    job.error = error ?? job.error
    jobs[number] = job
    var waits = (delay ?? 0)...(delay ?? 0)
    if !isFree {
      if isDead || isSpent(job) {
        bury(number)
        return (true, nil)
      }
      let backoff = job.backoff ?? settings(job.queue).backoff
      if delay == nil, let backoff { waits = backoff.waits(failures: job.failures) }
    }
    guard waits.upperBound > 0 else {
      giveBack(number, isNext: true)
      return (true, nil)
    }
    let last = job.expires ?? .max
    jobs[number]!.state = .scheduled
    jobs[number]!.isFromLeft = false
    jobs[number]!.due = min(now + waits.upperBound, last)
    return (true, min(now + waits.lowerBound, last)...min(now + waits.upperBound, last))
  }

  /// Takes a job out of its queue until it is put back.
  mutating func takeOut(_ name: String) -> Bool {
    guard let job = job(name),
      job.state == .ready && !job.isDead || job.state == .scheduled && !job.isOut
    else { return false }
    lists[job.queue]?.removeAll { $0 == .job(job.number) }
    jobs[job.number]!.state = .scheduled
    jobs[job.number]!.isOut = true
    jobs[job.number]!.isLapsed = false
    jobs[job.number]!.isOnWall = false
    jobs[job.number]!.due = job.expires
    return true
  }

  mutating func putBack(_ name: String) -> Bool {
    guard let job = job(name), job.state == .scheduled else { return false }
    giveBack(job.number, isNext: false)
    return true
  }
}
