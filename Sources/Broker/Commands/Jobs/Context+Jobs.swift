// Context+Jobs.swift: how jobs change, in step with the lists they are in.
//
// What a command that changes a job does: `beginJobChange` before the first change, which tells the
// log the time and gives it; then the changes here. A job that leaves its list by a list command ends
// (`endJob`); one whose list is gone has ended by that (`endJobs`).
// Fails where it must: what is under a queue's key may be of another type by the time a job is to go
// there. The job goes to its dead queue then.

import RESP

extension Context {
  // MARK: Time and the log

  /// The jobs' clock, in ms; while the log is read, as it was when the command was logged.
  mutating func jobsNow() -> Int64 {
    isLoading ? jobs.stamp : jobs.now(monotonic: monotonic, wall: wall)
  }

  /// The wall's clock in the same way.
  var jobsWall: Int64 { isLoading ? jobs.wallStamp : wall }

  /// Says that jobs are about to change, to the log and to who must wait for it.
  ///
  /// - Returns: the jobs' clock.
  mutating func beginJobChange() -> Int64 {
    let now = jobsNow()
    if !isLoading {
      if jobs.node == 0 { jobs.chooseNode(random.next()) }
      if jobs.setStamp(now, wall: wall, lease: Int64(settings.leaseDefault)) {
        let jobs = (jobs.stamp, jobs.wallStamp, jobs.node, jobs.next, jobs.lease)
        effects.command(words: 6, in: database) { writer in
          writer.word("JOBSTAMP")
          writer.word(integer: jobs.0)
          writer.word(integer: jobs.1)
          writer.word(integer: Int64(jobs.2))
          writer.word(integer: Int64(bitPattern: jobs.3))
          writer.word(integer: jobs.4)
        }
      }
    }
    changes += 1
    hold = commit
    jobs.lastCommit = commit
    return now
  }

  /// Says that the reply shows what jobs are now.
  mutating func seeJobs() { hold = max(hold, jobs.lastCommit) }

  // MARK: Finding

  /// The job that a word names by its id.
  mutating func job(id: ByteView) -> JobRecord? {
    seeJobs()
    return record(id: id)
  }

  /// The same for who shows nothing of it.
  func record(id: ByteView) -> JobRecord? {
    if JobID.isOurs(id) {
      guard let number = JobID.number(id, node: jobs.node),
        let record = jobs.spaces[database].find(number)
      else { return nil }
      // One that has a chosen id goes by that alone.
      return record.flags.contains(.hasExtras) && record.extras.id != nil ? nil : record
    }
    let name = JobName.id(id)
    return name.withView { jobs.spaces[database].holder(of: $0, now: 0)?.record }
  }

  /// The job of which a word names any lease, one that is long over perhaps.
  func record(receipt word: ByteView) -> JobRecord? {
    JobID.receipt(word, node: jobs.node).flatMap { jobs.spaces[database].find($0.number) }
  }

  /// The job whose lease a word names, if it is the job's last one and nobody else ended it.
  mutating func job(receipt word: ByteView) -> JobRecord? {
    seeJobs()
    guard let receipt = JobID.receipt(word, node: jobs.node),
      let record = jobs.spaces[database].find(receipt.number), record.epoch == receipt.epoch,
      record.state == .leased || record.flags.contains(.lapsed)
    else { return nil }
    // A chosen id says nothing of the node: it is to be this job's own.
    let isPlain = !(record.flags.contains(.hasExtras) && record.extras.id != nil)
    guard isPlain ? JobID.isOurs(word) : JobID.receipt(record, node: jobs.node) == word.array else {
      return nil
    }
    return record
  }

  /// The job at an end of `list`, if the element there is one.
  @inline(__always)
  func job(of list: List, at end: List.End) -> JobRecord? {
    guard list.line != 0 else { return nil }
    return jobs.spaces[database].ready(list.mark(at: end), in: list.line)
  }

  // MARK: Jobs that end

  /// Ends the job at an end of `list`, if the element there is one; it is about to go.
  @inline(__always)
  mutating func endJob(of list: List, at end: List.End) {
    if list.line != 0 { endJob(list.mark(at: end), in: list.line) }
  }

  /// Ends the job that the element number `index` is, if it is one.
  mutating func endJob(of list: List, at index: Int) {
    guard list.line != 0, var cursor = list.cursor(at: index), cursor.next() != nil else { return }
    endJob(cursor.mark, in: list.line)
  }

  /// Ends the job of an element with `mark` in the list of `line`, if it counts there.
  mutating func endJob(_ mark: UInt64, in line: UInt32) {
    if let record = jobs.spaces[database].ready(mark, in: line) { removeJob(record) }
  }

  /// Ends the jobs of the elements outside of `range`.
  mutating func endJobs(of list: List, outside range: Range<Int>) {
    guard list.line != 0 else { return }
    for part in [0..<range.lowerBound, range.upperBound..<list.count] where !part.isEmpty {
      var cursor = list.cursor(at: part.lowerBound)
      for _ in part where cursor?.next() != nil { endJob(cursor?.mark ?? 0, in: list.line) }
    }
  }

  /// Up to so many jobs of a list that goes are ended one by one; of a longer one a sweep removes them.
  private static let endedAtOnceMax = 64

  /// Ends all jobs of a list that leaves the database. Who waits for the end of one is told when the
  /// sweep comes to it.
  mutating func endJobs(of list: List) {
    if list.count <= Self.endedAtOnceMax { endJobs(of: list, outside: 0..<0) }
    jobs.spaces[database].endLine(list.line)
    jobs.lastCommit = commit
  }

  /// Ends all jobs of the list of `entry`, which leaves another database.
  mutating func endJobs(of entry: Entry, in other: Int) {
    guard entry.kind == .list, entry.list.line != 0 else { return }
    let current = database
    database = other
    endJobs(of: entry.list)
    database = current
  }

  /// Removes a job, which is in no list.
  mutating func removeJob(_ record: JobRecord) {
    noteEnd(of: record.number)
    jobs.spaces[database].remove(record, into: &graveyard)
    jobs.lastCommit = commit
  }

  /// Takes a ready job's element out of its list; the record is to be removed or replaced at once.
  ///
  /// - Returns: the record, which may be another block by that, the name of its queue, and its bytes;
  ///   nil when there is no such list, which cannot be.
  mutating func takeFromList(
    _ record: JobRecord
  ) -> (record: JobRecord, queue: [UInt8], body: [UInt8])? {
    guard let name = jobs.spaces[database].queue(of: record)?.key.array else { return nil }
    let line = record.place
    return name.withView { bytes in
      let key = self.key(bytes)
      guard let entry = databases[database].findForWriting(key.bytes, hash: key.hash),
        entry.kind == .list, entry.list.line == line
      else { return nil }
      let list = entry.unsharedList
      guard let spot = find(record, in: list) else { return nil }
      let body = spot.bytes.array
      list.remove(spot)
      let detached = jobs.spaces[database].move(record, to: 0)
      let isEmptied = list.isEmpty
      if isEmptied { drop(key) }
      modified(key)
      notify(.list, "lrem", key)
      if isEmptied { notify(.generic, "del", key) }
      return (detached, name, body)
    }
  }

  /// The element of a ready job in its list.
  mutating func find(_ record: JobRecord, in list: List) -> List.Spot? {
    guard let spot = list.find(record.number, near: record.label) else { return nil }
    jobs.timerWork += spot.chunksRead
    if !spot.isWhereNoted { jobs.spaces[database].noteLabel(of: spot.chunk, in: list.line) }
    return spot
  }

  // MARK: Lists with jobs that move

  /// Has a job go with its element to `end` of `list`, that of `key`.
  mutating func move(_ record: JobRecord, to list: List, _ key: Key, at end: List.End) {
    let line = line(of: list, key)
    jobs.spaces[database].move(record, to: line).label = list.label(at: end)
    jobs.lastCommit = commit
  }

  /// Has the jobs of a list go by the name under which it is now.
  mutating func renameJobs(of entry: Entry, to key: Key) {
    guard entry.kind == .list, entry.list.line != 0 else { return }
    let queue = jobs.spaces[database].makeQueue(key.bytes, hash: key.hash)
    jobs.spaces[database].move(entry.list.line, to: queue)
    jobs.lastCommit = commit
  }

  /// `entry`, which is in no table, without anything but bytes in its list: a mark that stayed would
  /// count again as soon as its job comes into that list. O(bytes) if there may be jobs, else O(1).
  mutating func withoutJobs(_ entry: Entry) -> Entry {
    guard entry.kind == .list, entry.list.line != 0 else { return entry }
    let bare = Entry.value(entry.key, entry.list.withoutMarks(), deadline: entry.deadline)
    bare.accessed = entry.accessed
    entry.bury(in: &graveyard)
    return bare
  }

  /// Forgets all jobs of a database.
  mutating func flushJobs(_ index: Int) {
    jobs.spaces[index].removeAll(into: &graveyard)
    jobs.lastCommit = commit
    changes += 1
  }

  /// The line of `list`, that of `key`.
  @inline(__always)
  mutating func line(of list: List, _ key: Key) -> UInt32 {
    if list.line == 0 {
      let queue = jobs.spaces[database].makeQueue(key.bytes, hash: key.hash)
      list.line = jobs.spaces[database].makeLine(of: queue)
    }
    return list.line
  }

  // MARK: Jobs that become ready

  /// The list of `key` for an element to be put in, made when absent; nil when another type is there.
  mutating func listForJobs(_ key: Key) -> List? {
    guard let entry = findForWriting(key) else { return makeList(key) }
    return entry.kind == .list ? entry.unsharedList : nil
  }

  /// The end from which the jobs of a queue are taken.
  func takingEnd(_ queue: JobQueue?) -> List.End {
    guard let queue, queue.hasSettings else { return .tail }
    return queue.settings.takesFromHead == true ? .head : .tail
  }

  /// Puts a job that is in no list, whose bytes are in its record, into the list of `key`.
  ///
  /// - Parameter isNext: at the end from which it is taken, as what was taken before; else in line.
  /// - Returns: false when the key holds another type; nothing has changed then.
  mutating func enqueue(
    _ record: JobRecord, _ key: Key, isNext: Bool, extras: JobExtras? = nil, end: JobEnd? = nil
  ) -> Bool {
    guard let list = listForJobs(key) else { return false }
    let queue = jobs.spaces[database].queue(key.bytes, hash: key.hash)
    let taking: List.End =
      isNext && record.flags.contains(.fromHead) ? .head : takingEnd(queue)
    jobs.timerWork += record.body.count / Self.bytesOfWork
    let label = push(
      record.body, record.number, record.priority, to: list, key, taking, isNext: isNext)
    let ready = record.successor(.ready, place: list.line, extras: extras)
    ready.label = label
    ready.flags.subtract([.onWall, .fromHead, .parked, .unburied])
    if let end { ready.end = end }
    jobs.spaces[database].replace(
      record, with: ready, due: ready.flags.contains(.hasExtras) ? ready.extras.expires : nil)
    return true
  }

  /// Puts the element of a job into `list`, in line or at the end from which it is taken.
  ///
  /// - Returns: the label of the chunk in which it is, for the record.
  mutating func push(
    _ body: ByteView, _ number: UInt64, _ priority: UInt8, to list: List, _ key: Key,
    _ taking: List.End, isNext: Bool
  ) -> Int64 {
    let end: List.End = isNext == (taking == .tail) ? .tail : .head
    _ = line(of: list, key)
    let label: Int64
    if let index = place(of: priority, in: list, taking, isNext: isNext) {
      label = list.insert(body, mark: number, rank: priority, at: index)
    } else {
      list.push(body, mark: number, rank: priority, at: end)
      label = list.label(at: end)
    }
    modified(key)
    notify(.list, end.pushEvent, key)
    signalReady(key)
    return label
  }

  /// Where in `list` a job of `priority` belongs; nil for the very end.
  ///
  /// Those above it, and its equals when it is not to be the next of them, are before it, seen from
  /// the end from which they are taken.
  /// - Complexity: that of `List.count(ofRank:at:)`.
  private func place(
    of priority: UInt8, in list: List, _ taking: List.End, isNext: Bool
  ) -> Int? {
    guard jobs.spaces[database].hasPriorities, !(priority == 0 && !isNext) else { return nil }
    let passed = list.count(ofRank: isNext ? priority + 1 : priority, at: taking) { mark in
      jobs.spaces[database].ready(mark, in: list.line)?.priority ?? 0
    }
    return taking == .head ? passed : list.count - passed
  }

  /// Puts a job back that nobody finished: into its queue, or into the dead queue if that cannot be.
  ///
  /// - Parameter extras: what is rare from now on; nil leaves it as it is.
  mutating func giveBack(
    _ record: JobRecord, now: Int64, isNext: Bool = true, extras: JobExtras? = nil
  ) {
    if record.flags.contains(.hasExtras), let expires = record.extras.expires, expires <= now {
      return removeJob(record)
    }
    guard let name = jobs.spaces[database].queue(of: record)?.key.array else { return }
    let isBack = name.withView { enqueue(record, key($0), isNext: isNext, extras: extras) }
    if !isBack { bury(record, .wrongType, now: now, extras: extras) }
  }

  /// ms after which it is tried again to bury a job.
  private static let burialDelay: Int64 = 60_000

  /// Puts a job that is in no list into its dead queue. While that key holds another type, the job is
  /// kept, dead, and it is tried again.
  mutating func bury(_ record: JobRecord, _ end: JobEnd, now: Int64, extras given: JobExtras? = nil)
  {
    guard let queue = jobs.spaces[database].queue(of: record) else { return }
    var extras = given ?? record.extras
    let name = queue.key.array
    let dead = extras.deadQueue ?? queue.settings.deadQueue ?? Self.deadQueue(of: name)
    if let unique = extras.unique {
      jobs.spaces[database].releaseName(unique, of: record.number)
      extras.unique = nil
    }
    extras.origin = extras.origin ?? name
    extras.expires = nil
    let number = record.number
    noteEnd(of: number)
    if dead.withView({ enqueue(record, key($0), isNext: false, extras: extras, end: end) }) {
      return
    }
    guard let record = jobs.spaces[database].find(number) else { return }
    let waiting = record.successor(
      .scheduled, place: record.place, body: record.body, extras: extras)
    waiting.end = end
    waiting.flags.subtract([.onWall, .fromHead, .parked])
    waiting.flags.insert(.unburied)
    jobs.spaces[database].replace(record, with: waiting, due: now + Self.burialDelay)
  }

  /// The dead queue of a queue for which no other is set.
  static func deadQueue(of name: [UInt8]) -> [UInt8] {
    let suffix = Array(":dead".utf8)
    return name.suffix(suffix.count).elementsEqual(suffix) ? name : name + suffix
  }
}
