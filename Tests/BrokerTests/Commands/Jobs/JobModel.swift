// JobModel.swift: jobs as arrays and dictionaries would have them.
//
// Elements are from left to right; ADDJOB puts in at the left, GETJOB takes at the right.

/// One database of jobs.
struct JobModel {
  enum State: String { case ready, scheduled, leased, done }

  struct Job {
    let number: Int
    var body: String
    var state = State.ready
    var queue: String
    var epoch = 0, failures = 0, expirations = 0, uncounted = 0
    var lease: Int64 = 0
    var due: Int64?
    var expires: Int64?
    var attemptsMax = 25
    var priority = 0
    /// The unique key that it holds, behind its queue's name.
    var unique: String?
    var isUniqueUntilStart = false
    var deadQueue: String?, origin: String?
    var isLapsed = false, isDead = false, isOut = false

    var isSpent: Bool { attemptsMax > 0 && failures + expirations >= attemptsMax }
    var stateName: String {
      if state == .scheduled, isOut { return "dequeued" }
      return isDead && state == .ready ? "dead" : state.rawValue
    }
  }

  enum Element: Equatable {
    case raw(String)
    case job(Int)
  }

  var now: Int64
  var jobs: [Int: Job] = [:]
  var lists: [String: [Element]] = [:]
  var next = 1
  /// Unique keys by the job that holds them.
  var names: [String: Int] = [:]

  init(now: Int64) { self.now = now }

  func body(_ element: Element) -> String {
    switch element {
    case .raw(let body): body
    case .job(let number): jobs[number]!.body
    }
  }

  /// The priority of an element; one that is no job has none.
  private func priority(_ element: Element) -> Int {
    if case .job(let number) = element { jobs[number]!.priority } else { 0 }
  }

  /// Puts a job in line: before all of lower priority, seen from the right, and behind its equals but
  /// where it is to be the next of them.
  mutating func enter(_ job: Job, isNext: Bool) {
    let list = lists[job.queue, default: []]
    let passed = list.reversed().prefix {
      isNext ? priority($0) > job.priority : priority($0) >= job.priority
    }
    let isLast = job.priority == 0 && !isNext
    lists[job.queue, default: []].insert(
      .job(job.number), at: isLast ? 0 : list.count - passed.count)
  }

  private mutating func releaseName(_ number: Int) {
    guard let name = jobs[number]?.unique else { return }
    names[name] = nil
    jobs[number]?.unique = nil
  }

  mutating func add(
    _ queue: String, _ body: String, delay: Int64, attempts: Int?, ttl: Int64?, priority: Int = 0,
    dead: String? = nil, unique: String? = nil, isUntilStart: Bool = false
  ) -> Int {
    var job = Job(number: next, body: body, queue: queue)
    next += 1
    job.priority = priority
    job.deadQueue = dead
    job.unique = unique
    job.isUniqueUntilStart = isUntilStart
    if let unique { names[unique] = job.number }
    if let attempts { job.attemptsMax = attempts }
    job.expires = ttl.map { now + $0 }
    if delay > 0 {
      job.state = .scheduled
      job.due = now + delay
    } else {
      job.due = job.expires
      enter(job, isNext: false)
    }
    jobs[job.number] = job
    return job.number
  }

  /// - Returns: numbers and bodies.
  mutating func take(_ queue: String, _ count: Int, lease: Int64) -> [Job] {
    var taken: [Job] = []
    while taken.count < count, let element = lists[queue, default: []].popLast() {
      var job: Job
      switch element {
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
      job.lease = lease
      job.due = now + lease
      jobs[job.number] = job
      taken.append(job)
    }
    return taken
  }

  /// The job whose lease this is, if the receipt is not stale.
  func leased(_ number: Int, _ epoch: Int) -> Job? {
    guard let job = jobs[number], job.epoch == epoch, job.state == .leased else { return nil }
    return job
  }

  mutating func acknowledge(_ number: Int, _ epoch: Int) -> Bool {
    guard let job = jobs[number], job.epoch == epoch, job.state == .leased || job.isLapsed else {
      return false
    }
    remove(number)
    return true
  }

  mutating func remove(_ number: Int) {
    releaseName(number)
    guard let job = jobs.removeValue(forKey: number), job.state == .ready else { return }
    lists[job.queue]?.removeAll { $0 == .job(number) }
  }

  mutating func refuse(
    _ number: Int, _ epoch: Int, delay: Int64, isFree: Bool, isDead: Bool
  ) -> Bool {
    guard var job = leased(number, epoch) else { return false }
    if isFree { job.uncounted += 1 } else { job.failures += 1 }
    jobs[number] = job
    if !isFree, isDead || job.isSpent {
      bury(number)
    } else if delay > 0 {
      jobs[number]!.state = .scheduled
      jobs[number]!.due = min(now + delay, job.expires ?? .max)
    } else {
      giveBack(number, isNext: true)
    }
    return true
  }

  mutating func extend(_ number: Int, _ epoch: Int, by time: Int64) -> Bool {
    guard leased(number, epoch) != nil else { return false }
    jobs[number]!.due = now + time
    return true
  }

  mutating func giveBack(_ number: Int, isNext: Bool) {
    guard var job = jobs[number] else { return }
    if let expires = job.expires, expires <= now { return remove(number) }
    job.state = .ready
    job.isOut = false
    job.due = job.expires
    jobs[number] = job
    enter(job, isNext: isNext)
  }

  private mutating func bury(_ number: Int) {
    releaseName(number)
    guard var job = jobs[number] else { return }
    job.origin = job.origin ?? job.queue
    job.queue =
      job.deadQueue ?? (job.queue.hasSuffix(":dead") ? job.queue : job.queue + ":dead")
    job.state = .ready
    job.isDead = true
    job.expires = nil
    job.due = nil
    jobs[number] = job
    enter(job, isNext: false)
  }

  /// Does what time does until `now`.
  mutating func runTimers() {
    func order(_ job: Job) -> (Int64, UInt64) {
      let number = UInt64(job.number)
      return (job.due!, job.state == .leased ? ~number : number)
    }
    while let first = jobs.values.filter({ $0.due ?? .max <= now }).min(by: {
      order($0) < order($1)
    }) {
      switch first.state {
      case .leased:
        jobs[first.number]!.expirations += 1
        jobs[first.number]!.isLapsed = true
        if jobs[first.number]!.isSpent {
          bury(first.number)
        } else {
          giveBack(first.number, isNext: true)
        }
      case .scheduled: giveBack(first.number, isNext: false)
      case .ready, .done: remove(first.number)
      }
    }
  }

  /// Pops an element as RPOP and LPOP do, which ends a job.
  mutating func pop(_ queue: String, atHead: Bool) -> String? {
    guard let elements = lists[queue], !elements.isEmpty else { return nil }
    let element = atHead ? lists[queue]!.removeFirst() : lists[queue]!.removeLast()
    let body = body(element)
    end(element)
    return body
  }

  mutating func delete(_ queue: String) {
    let elements = lists.removeValue(forKey: queue) ?? []
    for element in elements { end(element) }
  }

  /// Ends the job of an element that has left its list.
  mutating func end(_ element: Element) {
    guard case .job(let number) = element else { return }
    releaseName(number)
    jobs[number] = nil
  }

  mutating func rename(_ queue: String, _ other: String) {
    guard queue != other, let elements = lists[queue], !elements.isEmpty else { return }
    delete(other)
    lists[queue] = nil
    lists[other] = elements
    for case .job(let number) in elements { jobs[number]!.queue = other }
  }

  mutating func move(_ queue: String, _ other: String, atHead: Bool) {
    guard let element = lists[queue]?.popLast() else { return }
    if case .job(let number) = element { jobs[number]!.queue = other }
    let end = atHead ? 0 : lists[other, default: []].count
    lists[other, default: []].insert(element, at: end)
  }
}
