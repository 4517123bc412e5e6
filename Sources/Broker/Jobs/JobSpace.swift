// JobSpace.swift: the jobs of one database: records, queues, lines and names.
//
// It stores, finds and keeps the counts; lists, effects and replies are the commands' business.
// Invariants (`checkInvariants()`):
//   1. a line's count is that of the ready records with it; a queue's counts those of its others
//   2. a record is in a heap if and only if it knows its place there
//   3. queues[id] is the queue of that id, in the table unless it was dropped
// Handles of records and queues are good until the next change: a snapshot has the change make a copy.

import RESP

struct JobSpace: ~Copyable {
  private(set) var records: HashTable<JobRecord>
  private(set) var names: HashTable<JobName>
  private(set) var queueTable: HashTable<JobQueue>
  /// Whether any job has ever had a priority: lists need not be looked through otherwise.
  var hasPriorities = false
  /// Queues by id; those that were dropped stay until the last of their records is gone.
  private var queues: [JobQueue?] = [nil]
  private var dropped: Set<UInt32> = []
  private var freeQueues: [UInt32] = []
  private var lines = [Line()]
  private var freeLines: [UInt32] = []
  private var heap = DueHeap()
  private var wallHeap = DueHeap()
  private let hash: KeyHash
  /// Whether a snapshot may share tables and what is in them.
  private var mayBeShared = false
  private var nameTimes = NameTimes()
  private var sweep: Sweep?
  /// Where a walk over all queues has come for those of which nothing but counts is left.
  private var queueSweep: UInt64?
  /// Queues and lines as a snapshot calls them that is being read, and as they are called here.
  private var loadedQueues: [UInt32: UInt32] = [:]
  private var loadedLines: [UInt32: UInt32] = [:]

  /// A list that has jobs.
  private struct Line {
    var queue: UInt32 = 0
    /// Ready records with it.
    var records: UInt32 = 0
    var isAlive = false
  }

  /// A walk over all records for those nobody sees any more.
  private struct Sweep {
    var cursor: UInt64 = 0
    /// More have died since it began: it is to begin again.
    var isAgain = false
  }

  init(hash: KeyHash) {
    self.hash = hash
    records = HashTable(hash: hash)
    names = HashTable(hash: hash)
    queueTable = HashTable(hash: hash)
  }

  deinit { for id in dropped { queues[Int(id)]?.release() } }

  var isEmpty: Bool {
    records.count == 0 && queueTable.count == 0 && names.count == 0 && nameTimes.count == 0
  }
  var firstDue: Int64? {
    guard let name = nameTimes.first else { return heap.first?.due }
    return min(name, heap.first?.due ?? .max)
  }
  /// When the first name that is held for a time is free.
  var firstNameDue: Int64? { nameTimes.first }
  var firstDueOnWall: Int64? { wallHeap.first?.due }

  // MARK: Records

  /// The record of `number`, if anybody may see it.
  func find(_ number: UInt64) -> JobRecord? {
    guard let record = JobRecord.withKey(number, { records.find($0, hash: $1) }), isAlive(record)
    else {
      return nil
    }
    return record
  }

  /// The record of an element with `mark` in the list of `line`, if the mark counts there.
  @inline(__always)
  func ready(_ mark: UInt64, in line: UInt32) -> JobRecord? {
    guard line != 0, mark != 0,
      let record = JobRecord.withKey(mark, { records.find($0, hash: $1) }), record.state == .ready,
      record.place == line
    else { return nil }
    return record
  }

  /// Takes in that the jobs whose elements are in `chunk`, of the list of `line`, are there.
  func noteLabel(of chunk: ListChunk, in line: UInt32) {
    let label = chunk.label
    chunk.forEachMark { ready($0, in: line)?.label = label }
  }

  func isAlive(_ record: JobRecord) -> Bool {
    record.state == .ready
      ? lines[Int(record.place)].isAlive
      : queues[Int(record.place)] != nil && !dropped.contains(record.place)
  }

  /// Takes over a new record.
  ///
  /// - Parameter due: when something happens to it of itself.
  mutating func insert(_ record: JobRecord, due: Int64? = nil) {
    JobRecord.withKey(record.number) { records.insert(record, hash: $1) }
    count(record, 1)
    time(record, due)
  }

  /// Puts `next`, of the same job, in the place of `record`.
  mutating func replace(_ record: JobRecord, with next: JobRecord, due: Int64? = nil) {
    untime(record)
    count(record, -1)
    JobRecord.withKey(record.number) { records.place(of: $0, hash: $1)?.replace(with: next) }
    record.release()
    count(next, 1)
    time(next, due)
  }

  /// Has a ready job go with its element to another line; 0 for the moment in which it has left its
  /// list and is about to be removed or replaced.
  ///
  /// - Returns: the record, which may be another block by that.
  @discardableResult
  mutating func move(_ old: JobRecord, to line: UInt32) -> JobRecord {
    let record = unshared(old)
    count(record, -1)
    record.place = line
    count(record, 1)
    return record
  }

  /// Removes a job with the names it holds.
  mutating func remove(_ record: JobRecord, into graveyard: inout Graveyard) {
    untime(record)
    count(record, -1)
    if record.flags.contains(.hasExtras) {
      let extras = record.extras
      if let id = extras.id { releaseName(id.withView { JobName.id($0) }, of: record.number) }
      if let unique = extras.unique { releaseName(unique, of: record.number) }
    }
    let removed = JobRecord.withKey(record.number) { records.remove($0, hash: $1) }
    removed?.bury(in: &graveyard)
  }

  /// Sets when something happens to `record` of itself.
  ///
  /// - Returns: the record, which may be another block by that.
  mutating func setDue(_ old: JobRecord, _ due: Int64, lease: Int64? = nil) -> JobRecord {
    let record = unshared(old)
    untime(record)
    if let lease { record.lease = lease }
    time(record, due)
    return record
  }

  /// `record` for a change in place.
  mutating func unshared(_ record: JobRecord) -> JobRecord {
    guard mayBeShared,
      let place = JobRecord.withKey(record.number, { records.place(of: $0, hash: $1) }),
      place.item.isShared
    else { return record }
    let extras = record.flags.contains(.hasExtras) ? record.extras : nil
    let copy = record.successor(
      record.state, place: record.place, body: record.body, extras: extras)
    copy.due = record.due
    if record.isTimed {
      if record.flags.contains(.onWall) {
        wallHeap.replace(record, with: copy)
      } else {
        heap.replace(record, with: copy)
      }
    }
    place.replace(with: copy)
    record.release()
    return copy
  }

  private mutating func time(_ record: JobRecord, _ due: Int64?) {
    guard let due else { return }
    if record.state != .ready { record.due = due }
    if record.flags.contains(.onWall) {
      wallHeap.insert(record, due: due)
    } else {
      heap.insert(record, due: due)
    }
  }

  private mutating func untime(_ record: JobRecord) {
    guard record.isTimed else { return }
    if record.flags.contains(.onWall) { wallHeap.remove(record) } else { heap.remove(record) }
  }

  /// The job whose time has come longest ago, if any has.
  func firstDue(now: Int64, wall: Int64) -> JobRecord? {
    let first = heap.first.flatMap { $0.due <= now ? $0 : nil }
    guard let onWall = wallHeap.first, onWall.due <= wall else { return first?.record }
    guard let first, now - first.due >= wall - onWall.due else { return onWall.record }
    return first.record
  }

  private mutating func count(_ record: JobRecord, _ change: Int) {
    switch record.state {
    case .ready:
      let line = Int(record.place)
      lines[line].records = UInt32(Int(lines[line].records) + change)
      if lines[line].records == 0, !lines[line].isAlive, line > 0 { freeLines.append(record.place) }
    case .scheduled where record.flags.contains(.unburied):
      add(change, to: .unburied, of: record.place)
    case .scheduled where record.flags.contains(.parked):
      add(change, to: .parked, of: record.place)
    case .scheduled: add(change, to: .scheduled, of: record.place)
    case .leased: add(change, to: .leased, of: record.place)
    case .done: add(change, to: .kept, of: record.place)
    }
  }

  private mutating func add(_ change: Int, to count: JobQueue.Count, of id: UInt32) {
    guard let queue = writableQueue(id) else { return }
    queue[count] += change
    if change < 0, dropped.contains(id), queue.isIdle { free(queue) }
  }

  // MARK: Queues

  /// The queue called `name`, for reading.
  @inline(__always)
  func queue(_ name: ByteView, hash: UInt64) -> JobQueue? { queueTable.find(name, hash: hash) }

  /// The queue of a record that is in no list, or in the list of a line.
  func queue(of record: JobRecord) -> JobQueue? {
    queues[Int(record.state == .ready ? lines[Int(record.place)].queue : record.place)]
  }

  /// The queue called `name`, which is made when there is none, for changing it.
  @inline(__always)
  mutating func makeQueue(_ name: ByteView, hash: UInt64) -> JobQueue {
    if let queue = queueTable.find(name, hash: hash) {
      return mayBeShared ? writableQueue(queue.id) ?? queue : queue
    }
    let id = freeQueues.popLast() ?? UInt32(queues.count)
    if Int(id) == queues.count { queues.append(nil) }
    let queue = JobQueue.make(name, id: id)
    queues[Int(id)] = queue
    queueTable.insert(queue, hash: hash)
    if queueTable.count > idleMax, queueSweep == nil { queueSweep = 0 }
    return queue
  }

  /// How many queues there may be before those are looked for of which nothing but counts is left.
  private var idleMax: Int { max(4096, queuesAfterSweep * 2) }
  private var queuesAfterSweep = 0

  /// The queue number `id`, for changing it.
  mutating func writableQueue(_ id: UInt32) -> JobQueue? {
    guard let queue = queues[Int(id)] else { return nil }
    guard mayBeShared, !dropped.contains(id) else { return queue }
    guard let place = queueTable.place(of: queue.key, hash: hash(queue.key)), place.item.isShared
    else { return queue }
    let copy = queue.copied()
    place.replace(with: copy)
    queues[Int(id)] = copy
    queue.release()
    return copy
  }

  /// Forgets all of a queue but its list: what is scheduled, leased or kept, and its settings.
  mutating func drop(_ queue: JobQueue) {
    let id = queue.id
    guard let queue = writableQueue(id) else { return }
    queue.settings = QueueSettings()
    queue.pause = []
    guard queue.recordCount > 0 else { return }
    // The records stay with a queue that nobody finds; the list goes on with another of the name.
    let key = queue.key.array
    guard let removed = queueTable.remove(queue.key, hash: hash(queue.key)) else { return }
    dropped.insert(id)
    beginSweep()
    guard removed[.lines] > 0 else { return }
    key.withView { key in
      let heir = makeQueue(key, hash: hash(key))
      heir[.lines] = removed[.lines]
      removed[.lines] = 0
      for line in lines.indices where lines[line].queue == id { lines[line].queue = heir.id }
    }
  }

  private mutating func free(_ queue: JobQueue) {
    dropped.remove(queue.id)
    queues[Int(queue.id)] = nil
    freeQueues.append(queue.id)
    queue.release()
  }

  // MARK: Lines

  /// A line for the list of `queue`, which has none yet.
  mutating func makeLine(of queue: JobQueue) -> UInt32 {
    let line = freeLines.popLast() ?? UInt32(lines.count)
    if Int(line) == lines.count { lines.append(Line()) }
    lines[Int(line)] = Line(queue: queue.id, isAlive: true)
    writableQueue(queue.id)?[.lines] += 1
    return line
  }

  /// Ends a line, whose list is gone, and with it all its jobs.
  mutating func endLine(_ line: UInt32) {
    guard lines[Int(line)].isAlive else { return }
    lines[Int(line)].isAlive = false
    writableQueue(lines[Int(line)].queue)?[.lines] -= 1
    if lines[Int(line)].records == 0 { freeLines.append(line) } else { beginSweep() }
  }

  /// Says that the list of `line` is that of another queue now.
  mutating func move(_ line: UInt32, to queue: JobQueue) {
    writableQueue(lines[Int(line)].queue)?[.lines] -= 1
    lines[Int(line)].queue = queue.id
    writableQueue(queue.id)?[.lines] += 1
  }

  // MARK: Names

  /// What `name` leads to: a job that is there, or one for which it is still held at `now`.
  func holder(of name: ByteView, now: Int64) -> (name: JobName, record: JobRecord?)? {
    guard let item = names.find(name, hash: hash(name)) else { return nil }
    let record = find(item.number)
    guard item.until > 0 ? item.until > now : record != nil else { return nil }
    return (item, record)
  }

  /// Has `name` lead to the job `number`, in the place of whatever it led to.
  ///
  /// - Parameter id: the one that was chosen for the job, if the name is held until some time.
  mutating func setName(
    _ name: ByteView, _ number: UInt64, until: Int64 = 0, chosenID id: ByteView = ByteView()
  ) {
    let item = JobName.make(name, number, until: until, chosenID: id), hash = hash(name)
    if until > 0 { nameTimes.insert(until, cursor: HashTable<JobName>.cursor(of: hash)) }
    if let place = names.place(of: name, hash: hash) {
      let old = place.item
      place.replace(with: item)
      old.release()
    } else {
      names.insert(item, hash: hash)
    }
  }

  /// Takes `name` from the job `number`, unless it leads to another one or is held for a time.
  mutating func releaseName(_ name: [UInt8], of number: UInt64) {
    name.withView { name in
      let hash = hash(name)
      guard let item = names.find(name, hash: hash), item.number == number, item.until == 0
      else { return }
      names.remove(name, hash: hash)?.release()
    }
  }

  // MARK: Sweeping

  var isSwept: Bool { sweep == nil && queueSweep == nil }

  private mutating func beginSweep() {
    if sweep == nil { sweep = Sweep() } else { sweep?.isAgain = true }
  }

  /// Looks through about `limit` records or queues for those that nobody sees any more.
  ///
  /// - Parameter ending: called with the number of each job that goes.
  mutating func sweepSome(
    _ limit: Int, into graveyard: inout Graveyard, ending: (UInt64) -> Void
  ) {
    guard let begun = sweep else { return sweepQueues(limit) }
    var dead: [JobRecord] = []
    let cursor = records.scan(from: begun.cursor, atLeast: limit) {
      if !isAlive($0) { dead.append($0) }
    }
    for record in dead {
      ending(record.number)
      remove(record, into: &graveyard)
    }
    sweep?.cursor = cursor
    if cursor == 0 { sweep = begun.isAgain ? Sweep() : nil }
  }

  private mutating func sweepQueues(_ limit: Int) {
    guard let begun = queueSweep else { return }
    var idle: [JobQueue] = []
    let cursor = queueTable.scan(from: begun, atLeast: limit) { if $0.isIdle { idle.append($0) } }
    for queue in idle {
      guard let removed = queueTable.remove(queue.key, hash: hash(queue.key)) else { continue }
      queues[Int(removed.id)] = nil
      freeQueues.append(removed.id)
      removed.release()
    }
    queueSweep = cursor == 0 ? nil : cursor
    if cursor == 0 { queuesAfterSweep = queueTable.count }
  }

  /// Frees up to `limit` names that are held no longer.
  ///
  /// - Returns: how many times were looked at.
  mutating func freeNames(_ limit: Int, now: Int64) -> Int {
    var count = 0
    while count < limit, let cursor = nameTimes.popFirst(until: now) {
      count += 1
      // It may have gone already, or be held by another job by now.
      var over: [JobName] = []
      _ = names.scan(from: cursor, atLeast: 1) {
        if $0.until > 0, $0.until <= now { over.append($0) }
      }
      for name in over { names.remove(name.key, hash: hash(name.key))?.release() }
    }
    return count
  }

  /// Empties the space and buries what was in it.
  mutating func removeAll(into graveyard: inout Graveyard) {
    graveyard.bury(records.takeAll())
    graveyard.bury(names.takeAll())
    graveyard.bury(queueTable.takeAll())
    for id in dropped { queues[Int(id)]?.release() }
    dropped = []
    queues = [nil]
    freeQueues = []
    lines = [Line()]
    freeLines = []
    heap = DueHeap()
    wallHeap = DueHeap()
    nameTimes = NameTimes()
    hasPriorities = false
    sweep = nil
    queueSweep = nil
    queuesAfterSweep = 0
  }

  // MARK: Snapshots

  mutating func snapshot(head: [UInt8]?) -> (any SnapshotSection)? {
    guard head != nil || !isEmpty else { return nil }
    mayBeShared = true
    return JobSpaceSnapshot(
      head: head, queues: queueTable.snapshot().takeItems(), names: names.snapshot().takeItems(),
      records: records.snapshot().takeItems())
  }

  mutating func snapshotsEnded() {
    mayBeShared = false
    records.snapshotsEnded()
    names.snapshotsEnded()
    queueTable.snapshotsEnded()
  }

  /// Takes over a queue from a snapshot, which calls it `id`.
  ///
  /// - Returns: nil when its id or name is taken.
  mutating func load(_ id: UInt32, name: ByteView) -> JobQueue? {
    guard loadedQueues[id] == nil, queue(name, hash: hash(name)) == nil else { return nil }
    let queue = makeQueue(name, hash: hash(name))
    loadedQueues[id] = queue.id
    return queue
  }

  /// Takes over a record from a snapshot; one whose queue is gone is let go.
  ///
  /// - Returns: false when its number is taken.
  mutating func load(_ record: JobRecord, due: Int64?) -> Bool {
    guard JobRecord.withKey(record.number, { records.find($0, hash: $1) }) == nil else {
      record.release()
      return false
    }
    if record.state == .ready {
      record.place = loadedLine(record.place)
    } else {
      guard let queue = loadedQueues[record.place] else {
        record.release()
        return true
      }
      record.place = queue
    }
    if record.priority > 0 { hasPriorities = true }
    insert(record, due: due)
    return true
  }

  /// The line that a snapshot calls `line`; nobody has it before its list is there.
  private mutating func loadedLine(_ line: UInt32) -> UInt32 {
    if let known = loadedLines[line] { return known }
    let own = UInt32(lines.count)
    lines.append(Line())
    loadedLines[line] = own
    return own
  }

  /// Has the list of the queue called `name`, from a snapshot that calls its line `line`, have one.
  ///
  /// - Returns: how it is called here; nil when another list has it.
  mutating func load(line: UInt32, of name: ByteView) -> UInt32? {
    let own = loadedLine(line)
    guard !lines[Int(own)].isAlive else { return nil }
    let queue = makeQueue(name, hash: hash(name))
    lines[Int(own)].queue = queue.id
    lines[Int(own)].isAlive = true
    queue[.lines] += 1
    return own
  }

  /// Whether a snapshot has been read since `endLoad`.
  var isLoaded: Bool { !loadedQueues.isEmpty || !loadedLines.isEmpty }

  /// What a list calls its line that is being read from a snapshot in parts, is called here.
  func line(loadedAs line: UInt32) -> UInt32? { loadedLines[line] }

  /// To be called when all of a snapshot is there: some of its records may have had no list.
  mutating func endLoad() {
    loadedQueues = [:]
    loadedLines = [:]
    if records.count > 0 { beginSweep() }
  }

  // MARK: Looking at all of it

  /// A sum over all that can be seen, whatever its order; `hash` is to be the same for both spaces that
  /// are compared.
  ///
  /// - Parameter now: names that are held until then are over.
  func digest(_ hash: KeyHash, now: Int64) -> UInt64 {
    var sum: UInt64 = 0
    records.forEach { record in
      guard isAlive(record) else { return }
      var bytes = ByteBuffer()
      JobSpaceSnapshot.append(record, to: &bytes)
      // Lines and queues have other numbers elsewhere.
      bytes.overwrite(at: 12, littleEndian: UInt32(0))
      bytes.append(queue(of: record)?.key ?? ByteView())
      bytes.append(record.body)
      sum &+= hash(bytes.view)
    }
    names.forEach { name in
      guard name.until > 0 ? name.until > now : find(name.number) != nil else { return }
      var bytes = ByteBuffer()
      bytes.append(littleEndian: name.number)
      bytes.append(littleEndian: name.until)
      bytes.append(littleEndian: UInt32(name.chosenID.count))
      bytes.append(name.chosenID)
      bytes.append(name.key)
      sum &+= hash(bytes.view)
    }
    queueTable.forEach { queue in
      guard queue.hasSettings || !queue.pause.isEmpty else { return }
      var bytes = ByteBuffer()
      bytes.append(byte: queue.pause.rawValue)
      bytes.append(queue.encodedSettings)
      bytes.append(queue.key)
      sum &+= hash(bytes.view)
    }
    return sum
  }

  func checkInvariants() {
    records.checkInvariants()
    heap.checkInvariants()
    wallHeap.checkInvariants()
    nameTimes.checkInvariants()
    var inLines: [UInt32: Int] = [:], inQueues: [UInt32: [JobState: Int]] = [:], timed = 0
    records.forEach { record in
      if record.isTimed { timed += 1 }
      if record.state == .ready {
        inLines[record.place, default: 0] += 1
      } else {
        inQueues[record.place, default: [:]][record.state, default: 0] += 1
      }
    }
    precondition(timed == heap.count + wallHeap.count)
    for line in lines.indices {
      precondition(Int(lines[line].records) == inLines[UInt32(line)] ?? 0)
    }
    for (id, queue) in queues.enumerated() {
      guard let queue else { continue }
      precondition(Int(queue.id) == id)
      let counts = inQueues[UInt32(id)] ?? [:]
      let waiting = queue[.scheduled] + queue[.parked] + queue[.unburied]
      precondition(waiting == counts[.scheduled] ?? 0)
      precondition(queue[.leased] == counts[.leased] ?? 0)
      precondition(queue[.kept] == counts[.done] ?? 0)
      let found = queueTable.find(queue.key, hash: hash(queue.key))
      precondition(dropped.contains(UInt32(id)) || found?.id == queue.id)
    }
  }
}
