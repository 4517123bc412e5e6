// JobSpaceSnapshot.swift: the jobs of one database as a checkpoint has them, and back.
//
//     queue  id and name in the record (SnapshotRecord.swift); pause u8, totals 5 × u64, settings
//     job    queue and body in the record; the rest is
//              state u8, flags u8, priority u8, end u8, number u64, place u32, epoch u32, due i64,
//              created i64, failures u16, expirations u16, uncounted u32, lease u32, is timed u8,
//              extras
//     note   1, then the head: fields of Jobs
//            2, number u64, until i64, then a name
//            3, number u64, until i64, size u16, a chosen id of that size, then a name
// Little-endian.

import RESP

/// What is left to be written of a space. It belongs to one thread at a time.
final class JobSpaceSnapshot: SnapshotSection {
  private var head: [UInt8]?
  private var queues: TableItems<JobQueue>
  private var names: TableItems<JobName>
  private var records: TableItems<JobRecord>

  init(
    head: [UInt8]?, queues: consuming TableItems<JobQueue>, names: consuming TableItems<JobName>,
    records: consuming TableItems<JobRecord>
  ) {
    self.head = head
    self.queues = queues
    self.names = names
    self.records = records
  }

  func next(into block: inout SnapshotBlock) -> Bool {
    if let head {
      self.head = nil
      block.append(jobNote: [1] + head)
      return true
    }
    var rest = ByteBuffer()
    if let queue = queues.next() {
      rest.append(byte: queue.pause.rawValue)
      for total in JobQueue.Total.allCases { rest.append(littleEndian: UInt64(queue[total])) }
      rest.append(queue.encodedSettings)
      block.append(jobQueue: queue.id, name: queue.key, rest: rest.view)
      queue.release()
      return true
    }
    if let name = names.next() {
      let id = name.chosenID
      rest.append(byte: id.isEmpty ? 2 : 3)
      rest.append(littleEndian: name.number)
      rest.append(littleEndian: name.until)
      if !id.isEmpty {
        rest.append(littleEndian: UInt16(id.count))
        rest.append(id)
      }
      rest.append(name.key)
      block.append(jobNote: rest.view.array)
      name.release()
      return true
    }
    guard let record = records.next() else { return false }
    Self.append(record, to: &rest)
    let queue = record.state == .scheduled || record.state == .leased ? record.place : 0
    block.append(job: queue, body: record.body, rest: rest.view)
    record.release()
    return true
  }

  /// All of a record but its body.
  static func append(_ record: JobRecord, to bytes: inout ByteBuffer) {
    bytes.append(byte: record.state.rawValue)
    bytes.append(byte: record.flags.intersection(.kept).rawValue)
    bytes.append(byte: record.priority)
    bytes.append(byte: record.end.rawValue)
    bytes.append(littleEndian: record.number)
    bytes.append(littleEndian: record.place)
    bytes.append(littleEndian: record.epoch)
    // Not whether it is in a heap, which changes while this is written.
    let due = record.state == .ready ? expires(record) : record.due
    bytes.append(littleEndian: due)
    bytes.append(littleEndian: record.created)
    bytes.append(littleEndian: record.failures)
    bytes.append(littleEndian: record.expirations)
    bytes.append(littleEndian: record.uncounted)
    bytes.append(littleEndian: UInt32(record.lease))
    bytes.append(byte: due != 0 ? 1 : 0)
    bytes.append(record.encodedExtras)
  }

  private static func expires(_ record: JobRecord) -> Int64 {
    record.flags.contains(.hasExtras) ? record.extras.expires ?? 0 : 0
  }

  private static let recordSize = 49

  /// The record whose bytes these are, or nil when they are those of none. What no broker writes but
  /// does no harm is put right.
  fileprivate static func record(_ rest: ByteView, body: ByteView) -> (JobRecord, due: Int64?)? {
    guard rest.count >= recordSize, let state = JobState(rawValue: rest[0]), rest[2] <= 9,
      let end = JobEnd(rawValue: rest[3])
    else { return nil }
    var flags = JobRecord.Flags(rawValue: rest[1])
    let number: UInt64 = rest.littleEndian(at: 4), due: Int64 = rest.littleEndian(at: 20)
    let created: Int64 = rest.littleEndian(at: 28), extras = rest[recordSize..<rest.count]
    guard flags.subtracting(.kept).isEmpty, due.magnitude <= Jobs.timeMax,
      created.magnitude <= Jobs.timeMax, JobExtras(decoding: extras) != nil
    else { return nil }
    if state != .scheduled { flags.subtract([.onWall, .parked, .unburied]) }
    if end == .none { flags.remove(.unburied) }
    let record = JobRecord.make(
      number, state, place: rest.littleEndian(at: 12), body: body, extras: extras)
    record.flags = record.flags.union(flags)
    record.priority = rest[2]
    record.end = end
    record.epoch = rest.littleEndian(at: 16)
    record.created = created
    record.failures = rest.littleEndian(at: 36)
    record.expirations = rest.littleEndian(at: 38)
    record.uncounted = min(record.epoch, rest.littleEndian(at: 40))
    if state == .scheduled, rest[48] == 0 { record.flags.insert(.parked) }
    if state != .ready { record.lease = Int64(rest.littleEndian(at: 44, as: UInt32.self)) }
    return (record, rest[48] == 1 ? due : nil)
  }
}

extension Jobs {
  /// Takes a queue of a snapshot.
  ///
  /// - Returns: false when it cannot be one.
  mutating func load(queue id: UInt32, name: ByteView, rest: ByteView, in database: Int) -> Bool {
    guard rest.count >= 41, let settings = QueueSettings(decoding: rest[41..<rest.count]),
      let queue = spaces[database].load(id, name: name)
    else { return false }
    queue.pause = JobQueue.Pause(rawValue: rest[0]).intersection([.input, .output])
    for (index, total) in JobQueue.Total.allCases.enumerated() {
      let value = rest.littleEndian(at: 1 + index * 8, as: UInt64.self)
      queue[total] = Int(min(value, Self.numberMax))
    }
    queue.settings = settings
    return true
  }

  /// Takes a job of a snapshot.
  ///
  /// - Returns: false when it cannot be one.
  mutating func load(job body: ByteView, rest: ByteView, in database: Int) -> Bool {
    guard let (record, due) = JobSpaceSnapshot.record(rest, body: body) else { return false }
    guard take(number: record.number) else {
      record.release()
      return false
    }
    return spaces[database].load(record, due: due)
  }

  /// Takes a note of a snapshot.
  ///
  /// - Returns: false when it cannot be one.
  mutating func load(note bytes: ByteView, in database: Int) -> Bool {
    guard bytes.count > 0 else { return false }
    switch bytes[0] {
    case 1: return takeHead(bytes[1..<bytes.count])
    case 2 where bytes.count >= 17: return load(name: bytes, behind: 17, in: database)
    case 3 where bytes.count >= 19:
      let end = 19 + Int(bytes.littleEndian(at: 17, as: UInt16.self))
      guard 1...JobID.sizeMax ~= end - 19, end <= bytes.count else { return false }
      return load(name: bytes, behind: end, chosenID: bytes[19..<end], in: database)
    default: return false
    }
  }

  /// Takes the name at the end of a note.
  private mutating func load(
    name bytes: ByteView, behind offset: Int, chosenID id: ByteView = ByteView(), in database: Int
  ) -> Bool {
    let until: Int64 = bytes.littleEndian(at: 9)
    guard until.magnitude <= Self.timeMax else { return false }
    spaces[database].setName(
      bytes[offset..<bytes.count], bytes.littleEndian(at: 1), until: until, chosenID: id)
    return true
  }
}
