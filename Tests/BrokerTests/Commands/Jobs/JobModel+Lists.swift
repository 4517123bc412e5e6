// JobModel+Lists.swift: what list commands do to lists with jobs, and what queues as a whole go through.

extension JobModel {
  /// Ends the job of an element that has left its list.
  private mutating func end(_ element: Element) {
    guard case .job(let number) = element else { return }
    jobs[number]!.state = .done  // It is in no list now.
    remove(number)
  }

  /// Pops an element as RPOP and LPOP do, which ends a job.
  mutating func pop(_ queue: String, atHead: Bool) -> String? {
    guard count(queue) > 0 else { return nil }
    let element = atHead ? lists[queue]!.removeFirst() : lists[queue]!.removeLast()
    let body = body(element)
    end(element)
    return body
  }

  mutating func delete(_ queue: String) {
    let elements = lists.removeValue(forKey: queue) ?? []
    for element in elements { end(element) }
  }

  mutating func rename(_ queue: String, _ other: String) {
    guard queue != other, let elements = lists[queue], !elements.isEmpty else { return }
    delete(other)
    lists[queue] = nil
    lists[other] = elements
    for case .job(let number) in elements { jobs[number]!.queue = other }
  }

  mutating func copy(_ queue: String, _ other: String) {
    guard queue != other, let elements = lists[queue], !elements.isEmpty else { return }
    let bodies = elements.map(body)
    delete(other)
    lists[other] = bodies.map { .raw($0) }
  }

  mutating func move(_ queue: String, _ other: String, fromHead: Bool, toHead: Bool) {
    guard count(queue) > 0 else { return }
    let element = fromHead ? lists[queue]!.removeFirst() : lists[queue]!.removeLast()
    if case .job(let number) = element { jobs[number]!.queue = other }
    lists[other, default: []].insert(element, at: toHead ? 0 : count(other))
  }

  mutating func insert(_ queue: String, _ body: String, before pivot: String) -> Int {
    guard let list = lists[queue], !list.isEmpty else { return 0 }
    guard let index = list.firstIndex(where: { self.body($0) == pivot }) else { return -1 }
    lists[queue]!.insert(.raw(body), at: index)
    return list.count + 1
  }

  mutating func removeAll(_ queue: String, _ body: String) -> Int {
    let gone = (lists[queue] ?? []).filter { self.body($0) == body }
    lists[queue]?.removeAll { gone.contains($0) }
    for element in gone { end(element) }
    return gone.count
  }

  mutating func set(_ queue: String, _ index: Int, _ body: String) -> Bool {
    guard let list = lists[queue], index < list.count else { return false }
    lists[queue]![index] = .raw(body)
    end(list[index])
    return true
  }

  mutating func trim(_ queue: String, _ range: ClosedRange<Int>) {
    let list = lists[queue] ?? []
    lists[queue] = list.indices.filter { range.contains($0) }.map { list[$0] }
    for index in list.indices where !range.contains(index) { end(list[index]) }
  }

  // MARK: Queues

  /// Moves elements of a dead queue to where they came from.
  ///
  /// - Returns: how many; nil when there are some and all of them stay.
  mutating func redrive(_ queue: String, to target: String?, _ limit: Int) -> Int? {
    var moved = 0, stayed = 0
    while moved < limit, stayed < count(queue) {
      let index = settings(queue).takesLeft ? stayed : count(queue) - 1 - stayed
      let element = lists[queue]![index]
      var home = target ?? (queue.hasSuffix(":dead") ? String(queue.dropLast(5)) : nil)
      if target == nil, case .job(let number) = element { home = jobs[number]!.origin ?? home }
      guard let home, home != queue else {
        stayed += 1
        continue
      }
      lists[queue]!.remove(at: index)
      moved += 1
      if case .job(let number) = element {
        jobs[number]!.queue = home
        jobs[number]!.origin = nil
        jobs[number]!.failures = 0
        jobs[number]!.expirations = 0
        jobs[number]!.isLapsed = false
        jobs[number]!.isDead = false
      }
      enter(element, home, isNext: false)
    }
    return moved == 0 && stayed > 0 ? nil : moved
  }

  /// Deletes a queue with all that belongs to it, but the keys that are held for a time.
  mutating func drop(_ queue: String) {
    delete(queue)
    for job in jobs.values where job.queue == queue { remove(job.number) }
    settings[queue] = nil
  }

  mutating func flush() {
    let (now, wall, next) = (now, wall, next)
    self = JobModel(now: now)
    (self.wall, self.next) = (wall, next)
  }

  /// - Returns: how it is paused then.
  mutating func pause(_ queue: String, _ word: String) -> String {
    var paused = settings(queue)
    if word != "state" {
      paused.isPausedIn = word == "in" || word == "all"
      paused.isPausedOut = word == "out" || word == "all"
      settings[queue] = paused
    }
    switch (paused.isPausedIn, paused.isPausedOut) {
    case (true, true): return "all"
    case (true, false): return "in"
    case (false, true): return "out"
    default: return "none"
    }
  }
}
