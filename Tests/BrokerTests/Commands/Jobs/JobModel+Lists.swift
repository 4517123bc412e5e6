// JobModel+Lists.swift: what list commands do inside of lists with jobs, and what is rare for jobs.

extension JobModel {
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
    let kept = list.indices.filter { range.contains($0) }
    lists[queue] = kept.map { list[$0] }
    for index in list.indices where !range.contains(index) { end(list[index]) }
  }

  /// Swaps the body of a job that waits, and its time where a new one is given.
  ///
  /// - Returns: whether it waits.
  mutating func replace(_ number: Int, body: String, delay: Int64?) -> Bool {
    guard let job = jobs[number], !job.isDead, job.state == .ready || job.state == .scheduled else {
      return false
    }
    jobs[number]!.body = body
    jobs[number]!.isLapsed = false
    if job.state == .scheduled, !job.isOut, let delay {
      jobs[number]!.due = min(now + delay, job.expires ?? .max)
    }
    return true
  }

  /// Moves elements of a dead queue to where they came from.
  mutating func redrive(_ queue: String, to target: String?, _ limit: Int) -> Int? {
    var moved = 0, stayed = 0
    while moved < limit, let list = lists[queue], stayed < list.count {
      let index = list.count - 1 - stayed
      var home = target ?? (queue.hasSuffix(":dead") ? String(queue.dropLast(5)) : nil)
      if target == nil, case .job(let number) = list[index] { home = jobs[number]!.origin ?? home }
      guard let home, home != queue else {
        stayed += 1
        continue
      }
      lists[queue]!.remove(at: index)
      moved += 1
      guard case .job(let number) = list[index] else {
        lists[home, default: []].insert(list[index], at: 0)
        continue
      }
      jobs[number]!.queue = home
      jobs[number]!.origin = nil
      jobs[number]!.failures = 0
      jobs[number]!.expirations = 0
      jobs[number]!.isLapsed = false
      jobs[number]!.isDead = false
      enter(jobs[number]!, isNext: false)
    }
    return moved == 0 && stayed > 0 ? nil : moved
  }

  /// Takes a job out of its queue until it is put back.
  mutating func takeOut(_ number: Int) -> Bool {
    guard let job = jobs[number],
      job.state == .ready && !job.isDead || job.state == .scheduled && !job.isOut
    else { return false }
    lists[job.queue]?.removeAll { $0 == .job(number) }
    jobs[number]!.state = .scheduled
    jobs[number]!.isOut = true
    jobs[number]!.isLapsed = false
    jobs[number]!.due = job.expires
    return true
  }

  mutating func putBack(_ number: Int) -> Bool {
    guard jobs[number]?.state == .scheduled else { return false }
    giveBack(number, isNext: false)
    return true
  }
}
