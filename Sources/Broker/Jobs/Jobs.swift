// Jobs.swift: jobs beside the keyspace: what a list element that is a job has beyond its bytes.
//
// Where things are. A list holds bytes. An element that is a job carries a mark, the job's number
// (ListChunk.swift), and no list command but a few lines of Commands/Jobs looks at it. The record of
// the number (JobRecord.swift) is in the table of the database's JobSpace, and with it the bytes of a
// job that is in no list. Beside the records: the queues (JobQueue.swift), names that lead to jobs
// (JobName.swift), and the times at which something happens of itself (DueHeap.swift).
//
// When a mark counts. Each list that has jobs has a line, a number that goes where the value goes: a
// RENAME changes nothing but the line's queue. A mark counts only in the list of its record's line.
// So a list that goes ends all its jobs at once, however many (the line is dead, and a sweep removes
// the records bit by bit), and a copy of a list, which has no line, has bytes alone. Nobody sees a
// record whose line or queue is gone.
//
// Times. The jobs' clock is the wall's at the first start, then runs on the monotonic clock: a wall
// that is stepped moves nothing. Over a restart it goes on by what the wall says has passed, and never
// back. All times in records are of it, but for AT, which is the wall's, and for the moment in which a
// job was added, which is told to people and moves nothing. Records therefore mean the
// same on disk and after a restart, and no lease has more than its term left.
//
// The log. What a job command does follows from its words, from the state and from the two clocks.
// So the log has the command, and before it, whenever the clocks have moved, `JOBSTAMP`: both clocks,
// the node, the next number and the lease that the settings give. Replay takes the time from there; nothing happens of itself then. What
// time does is logged as `JOBDUE`, by number. A wait that is served is logged as the plain command.
//
// A number is never given twice: the next one is in each stamp and in each checkpoint, and no flush
// resets it. Snapshots share all tables (Block.swift).

import RESP

/// The jobs of all databases.
struct Jobs: ~Copyable {
  var spaces: FixedArray<JobSpace>
  /// A random number of the data folder, so that no id of another one is valid here; 0 until chosen.
  private(set) var node: UInt32 = 0
  /// The number of the next job.
  private(set) var next: UInt64 = 1
  /// The jobs' clock and the wall's as the log was last told.
  private(set) var stamp: Int64 = 0
  private(set) var wallStamp: Int64 = 0
  /// Length of a lease where nothing else says it, ms, as the log was last told.
  private(set) var lease: Int64 = 0
  /// What the jobs' clock is ahead of the monotonic one; nil before it is first asked.
  private var ahead: Int64?
  /// The newest commit that changed any job.
  var lastCommit: UInt64 = 0
  /// What jobs have cost in this turn for which the time has come (JobTimes.swift).
  var timerWork = 0
  /// The database with which the next turn begins: none starves the others.
  var firstSpace = 0

  init(databases: Int, hash: KeyHash) {
    spaces = FixedArray(count: databases) { _ in JobSpace(hash: hash) }
  }

  // MARK: Time

  /// The jobs' clock, in ms.
  mutating func now(monotonic: Int64, wall: Int64) -> Int64 {
    if let ahead { return monotonic + ahead }
    let now = max(stamp, wall - (wallStamp - stamp))
    ahead = now - monotonic
    return now
  }

  /// When the next job changes of itself, in monotonic ms.
  func nextDue(monotonic: Int64, wall: Int64) -> Int64? {
    var next: Int64?
    for index in 0..<spaces.count {
      if let due = spaces[index].firstDue {
        guard let ahead else { return monotonic }
        next = min(next ?? .max, due - ahead)
      }
      if let due = spaces[index].firstDueOnWall {
        next = min(next ?? .max, due - wall + monotonic)
      }
    }
    return next
  }

  // MARK: The log

  /// Notes that the log is told of both clocks and of the lease.
  ///
  /// - Returns: false when it knows them already.
  mutating func setStamp(_ now: Int64, wall: Int64, lease: Int64) -> Bool {
    guard now != stamp || wall != wallStamp || lease != self.lease else { return false }
    stamp = now
    wallStamp = wall
    self.lease = lease
    return true
  }

  /// Bounds of what is read from a log or a snapshot: times and numbers beyond them no broker has made,
  /// and sums of them would overflow.
  static let timeMax = Int64(1) << 60
  static let numberMax = UInt64(1) << 60

  /// Takes what the log says.
  ///
  /// - Returns: false when it cannot be so.
  mutating func take(
    stamp: Int64, wall: Int64, node: UInt32, next: UInt64, lease: Int64
  ) -> Bool {
    guard stamp.magnitude <= Self.timeMax, wall.magnitude <= Self.timeMax, next <= Self.numberMax,
      0...Backoff.longest ~= lease
    else { return false }
    self.stamp = stamp
    wallStamp = wall
    self.node = node
    self.next = max(self.next, next)
    self.lease = lease
    return true
  }

  /// Takes in that a job has `number`.
  ///
  /// - Returns: false when none can have it.
  mutating func take(number: UInt64) -> Bool {
    guard number > 0, number < Self.numberMax else { return false }
    next = max(next, number + 1)
    return true
  }

  /// Chooses the node, once in the life of the data.
  mutating func chooseNode(_ random: UInt64) {
    if node == 0 { node = UInt32(truncatingIfNeeded: random >> 32) | 1 }
  }

  /// A number that no job has had.
  mutating func takeNumber() -> UInt64 {
    defer { next += 1 }
    return next
  }

  // MARK: Snapshots

  /// The jobs of all databases as they are now, by database, nil where there is nothing;
  /// `snapshotsEnded` is to follow.
  mutating func snapshot() -> [(any SnapshotSection)?] {
    var head = FieldWriter()
    head.add(1, stamp)
    head.add(2, wallStamp)
    head.add(3, Int64(node))
    head.add(4, Int64(bitPattern: next))
    head.add(5, lease)
    let bytes = head.bytes.view.array
    return (0..<spaces.count).map { index in
      spaces[index].snapshot(head: index == 0 && (node != 0 || next > 1) ? bytes : nil)
    }
  }

  mutating func snapshotsEnded() {
    for index in 0..<spaces.count { spaces[index].snapshotsEnded() }
  }

  /// Takes the head of a snapshot.
  ///
  /// - Returns: false when `bytes` are none.
  mutating func takeHead(_ bytes: ByteView) -> Bool {
    var values: [UInt8: Int64] = [:]
    let isWhole = readFields(bytes) { tag, field in
      values[tag] = field.fieldInteger
      return field.count == 8
    }
    guard isWhole, let stamp = values[1], let wall = values[2], let node = values[3],
      let next = values[4], let lease = values[5]
    else { return false }
    return take(
      stamp: stamp, wall: wall, node: UInt32(truncatingIfNeeded: node),
      next: UInt64(bitPattern: next), lease: lease)
  }
}
