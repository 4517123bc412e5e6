// JobQueue.swift: what belongs to a queue beside its list: settings, counters, whether it is paused.
//
// A queue is there as long as anything is known of it: a job of it, a setting, a count.

import RESP

/// Settings of a queue; nil is as the server has it.
struct QueueSettings: Equatable {
  /// Length of leases, ms.
  var lease: Int64?
  var attemptsMax: Int64?
  var backoff: Backoff?
  var deadQueue: [UInt8]?
  /// ms that a job may wait.
  var ttl: Int64?
  var lengthMax: Int64?
  var takesFromHead: Bool?

  var isEmpty: Bool { self == QueueSettings() }

  /// Whether QSET would have taken it.
  private var isSound: Bool {
    (1...Int64(Int32.max)).has(lease) && (0...Int64(UInt16.max)).has(attemptsMax)
      && (1...Backoff.longest).has(ttl) && (1...Int64.max).has(lengthMax)
  }

  var encoded: ByteBuffer {
    var writer = FieldWriter()
    writer.add(1, lease)
    writer.add(2, attemptsMax)
    writer.add(3, backoff?.encoded)
    writer.add(4, deadQueue)
    writer.add(5, ttl)
    writer.add(6, lengthMax)
    writer.add(7, takesFromHead.map { $0 ? 1 : 0 })
    return writer.bytes
  }

  init() {}

  init?(decoding bytes: ByteView) {
    var read = QueueSettings()
    let isWhole = readFields(bytes) { tag, field in
      switch tag {
      case 1: read.lease = field.fieldInteger
      case 2: read.attemptsMax = field.fieldInteger
      case 3:
        guard let backoff = Backoff(decoding: field) else { return false }
        read.backoff = backoff
      case 4: read.deadQueue = field.array
      case 5: read.ttl = field.fieldInteger
      case 6: read.lengthMax = field.fieldInteger
      case 7: read.takesFromHead = field.fieldInteger == 1
      default: return false
      }
      return true
    }
    guard isWhole, read.isSound else { return nil }
    self = read
  }
}

///     offset  size  field
///          0     4  owners
///          4     4  id         place in JobSpace.queues
///          8     4  size       bytes of the name
///         12     1  pause      Pause
///         13     3  (zero)
///         16     8  settings   blob, or 0
///         24     4  scheduled  jobs of the queue that wait for their time
///         28     4  leased
///         32     4  kept       finished, and the result is kept
///         36     4  lines      of which the queue has the list
///         40     8  added      ┐
///         48     8  taken      │
///         56     8  finished   │ since it is known
///         64     8  failed     │
///         72     8  expired    ┘
///         80     4  parked     jobs that were taken out of it
///         84     4  unburied   dead ones that are in no dead queue yet
///         88     8  window     the number of the minute of the next four; see `rate`
///         96     8  in         jobs added in that minute and in the one before, u32 each
///        104     8  out        deliveries in the same way
///        112     …  the name
@safe
struct JobQueue: HashItem {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static var headerSize: Int { 112 }

  struct Pause: OptionSet {
    let rawValue: UInt8
    /// Takes no jobs.
    static let input = Pause(rawValue: 1)
    /// Gives none.
    static let output = Pause(rawValue: 2)
  }

  /// The numbers kept of a queue, by their offset.
  enum Count: Int {
    case scheduled = 24
    case leased = 28
    case kept = 32
    case lines = 36
    case parked = 80
    case unburied = 84
  }
  enum Total: Int, CaseIterable {
    case added = 40
    case taken = 48
    case finished = 56
    case failed = 64
    case expired = 72
  }

  static func make(_ name: ByteView, id: UInt32) -> JobQueue {
    let queue = JobQueue.allocate(size: headerSize + name.count)
    queue.clear(at: 4, size: headerSize - 4)
    queue.store(id, at: 4)
    queue.store(UInt32(name.count), at: 8)
    queue.write(name, at: headerSize)
    return queue
  }

  var id: UInt32 { load(4) }
  @inline(__always) var key: ByteView {
    view(at: Self.headerSize, size: Int(load(8, as: UInt32.self)))
  }
  var pause: Pause {
    get { Pause(rawValue: load(12)) }
    nonmutating set { store(newValue.rawValue, at: 12) }
  }

  subscript(count: Count) -> Int {
    get { Int(load(count.rawValue, as: UInt32.self)) }
    nonmutating set { store(UInt32(newValue), at: count.rawValue) }
  }
  subscript(total: Total) -> Int {
    get { load(total.rawValue) }
    nonmutating set { store(newValue, at: total.rawValue) }
  }

  /// What is counted by the minute, by its offset.
  enum Flow: Int {
    case input = 96
    case output = 104
  }
  /// ms over which rates are measured.
  static let rateWindow: Int64 = 60_000

  /// Counts jobs for the rates; `now` is of the jobs' clock.
  @inline(__always)
  func count(_ count: Int, _ flow: Flow, now: Int64) {
    beginMinute(now)
    store(load(flow.rawValue, as: UInt32.self) &+ UInt32(count), at: flow.rawValue)
  }

  /// Takes back one that was counted in `minute`, as long as it is in the rates.
  func uncount(_ flow: Flow, minute: Int64, now: Int64) {
    beginMinute(now)
    let behind = now / Self.rateWindow - minute
    guard 0...1 ~= behind else { return }
    let offset = flow.rawValue + Int(behind) * 4, count: UInt32 = load(offset)
    if count > 0 { store(count - 1, at: offset) }
  }

  @inline(__always)
  private func beginMinute(_ now: Int64) {
    let minute = now / Self.rateWindow, last: Int64 = load(88)
    guard minute != last else { return }
    for flow in [Flow.input.rawValue, Flow.output.rawValue] {
      store(minute == last + 1 ? load(flow, as: UInt32.self) : 0, at: flow + 4)
      store(UInt32(0), at: flow)
    }
    store(minute, at: 88)
  }

  /// Jobs per second, in hundredths, over the minute before `now`.
  ///
  /// What came in the calendar's last minute is taken to have come evenly.
  func rate(_ flow: Flow, now: Int64) -> Int {
    let minute = now / Self.rateWindow, behind = minute - load(88, as: Int64.self)
    let newest = Int64(load(flow.rawValue, as: UInt32.self))
    let (this, last) =
      behind == 0
      ? (newest, Int64(load(flow.rawValue + 4, as: UInt32.self))) : (0, behind == 1 ? newest : 0)
    let sum = this * Self.rateWindow + last * (Self.rateWindow - now % Self.rateWindow)
    return Int(sum * 100 / (Self.rateWindow * (Self.rateWindow / 1000)))
  }

  private var blob: Blob? {
    unsafe load(16, as: UnsafeMutableRawPointer?.self).map { unsafe Blob(address: $0) }
  }

  @inline(__always) var hasSettings: Bool { load(16, as: UInt64.self) != 0 }
  var settings: QueueSettings {
    get { blob.flatMap { QueueSettings(decoding: $0.bytes) } ?? QueueSettings() }
    nonmutating set {
      blob?.release()
      let bytes = newValue.encoded
      let new = newValue.isEmpty ? nil : Blob.copying(bytes.view)
      unsafe store(new?.address, at: 16)
    }
  }
  var encodedSettings: ByteView { blob?.bytes ?? ByteView() }

  /// How many records belong to it that are in no list.
  var recordCount: Int {
    self[.scheduled] + self[.parked] + self[.unburied] + self[.leased] + self[.kept]
  }

  /// Whether nothing but counts would be lost with it.
  var isIdle: Bool { !hasSettings && pause.isEmpty && recordCount == 0 && self[.lines] == 0 }

  func releaseChildren() { blob?.release() }

  func copied() -> JobQueue {
    let copy = JobQueue.allocate(size: Self.headerSize + key.count)
    copy.write(view(at: 4, size: Self.headerSize - 4 + key.count), at: 4)
    blob?.retain()
    return copy
  }
}
