// JobRecord.swift: what is known of one job, in one block.
//
//     ADDJOB, delayed ──schedule──▶ SCHEDULED ──due───┐
//                                                     ▼
//     ADDJOB, RPUSH … ───────────────────────────▶ READY ──lease──▶ LEASED ──finish──▶ gone, or DONE
//                                                  ▲  ▲               │ │
//                              (backoff) SCHEDULED ┘  └── giveBack ───┘ └── bury ──▶ READY in a dead queue
//
// SCHEDULED is also what waits for something else than its delivery: a job that was taken out of its
// queue (`parked`), and a dead one whose dead queue holds another type just now (`unburied`).
//
// A job that waits in a list has its bytes there, behind the mark that is its number: its record is
// as short as it can be. In the other states the bytes lie in the record. A change of state makes a
// new block, so that what a snapshot shares stays what it was; only a deadline changes in place.

import RESP

/// Where a job is.
enum JobState: UInt8 {
  /// In a list, to be taken.
  case ready = 0
  /// Waits for its time.
  case scheduled = 1
  /// A worker has it.
  case leased = 2
  /// Finished; its result is kept for a while.
  case done = 3
}

/// Why a job is in a dead queue.
enum JobEnd: UInt8 {
  case none = 0
  /// It failed or its leases ran out as often as it may.
  case attempts = 1
  /// A worker said so.
  case refused = 2
  /// What is under the key of its queue is no list.
  case wrongType = 3

  var name: StaticString {
    switch self {
    case .none: ""
    case .attempts: "attempts"
    case .refused: "nack"
    case .wrongType: "wrongtype"
    }
  }
}

///     offset  size  field
///          0     4  owners
///          4     1  state
///          5     1  flags
///          6     1  priority     0 ... 9
///          7     1  end          JobEnd
///          8     8  number       the key
///         16     4  place        of a ready job its line, else its queue
///         20     4  epoch        deliveries
///         24     8  due          on the jobs' clock or the wall's; only while in a DueHeap
///               label        of a ready job: that of the chunk with its element, as far as is known
///         32     8  created      on the wall's clock, to be shown
///         40     4  heapIndex    or `unplaced`
///         44     4  size         bytes of the body, if it lies here
///         48     2  failures     ┐ at most 65,535 is counted
///         50     2  expirations  ┘
///         52     4  uncounted    deliveries that count as none
///         56     4  lease        ms; only with `isWide`
///         60     4  minute       of the last delivery, on the jobs' clock; only with `isWide`
///    56 | 64     8  extras       blob; only with `hasExtras`
///          …     …  the body
@safe
struct JobRecord: HashItem {
  let address: UnsafeMutableRawPointer
  @inline(__always)
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let isWide = Flags(rawValue: 1 << 0)
    static let hasExtras = Flags(rawValue: 1 << 1)
    /// `due` is a time of the wall clock.
    static let onWall = Flags(rawValue: 1 << 2)
    /// Its lease ran out and nobody took it since: who had it may still finish it.
    static let lapsed = Flags(rawValue: 1 << 3)
    /// Its lease takes from the head of the list.
    static let fromHead = Flags(rawValue: 1 << 4)
    /// Taken out of its queue: it waits for ENQUEUE, or for the end of its time to live.
    static let parked = Flags(rawValue: 1 << 5)
    /// Dead, and its dead queue held another type: it waits to be put there.
    static let unburied = Flags(rawValue: 1 << 6)

    /// Those that belong to the job and not to the form of its block.
    static let kept: Flags = [.onWall, .lapsed, .fromHead, .parked, .unburied]
  }

  static var unplaced: UInt32 { .max }
  private static var shortSize: Int { 56 }
  private static var wideSize: Int { 64 }

  // MARK: Key

  /// Where a number stands in the order of its table: sixteen that follow each other stand together,
  /// and the sixteens are spread by their reversed bits, as evenly as can be. Jobs that come and go in
  /// the order of their numbers so meet the same leaf again and again. (Beside two million others a
  /// table in random order had each ADDJOB wait for memory three times: half the throughput.) The
  /// numbers are the broker's own, so no client can crowd them.
  @inline(__always)
  private static func hash(of number: UInt64) -> UInt64 {
    let sixteen = number >> 4
    let tag = (sixteen &* 0x9E37_79B9_7F4A_7C15) >> 60
    return sixteen.bitsReversed ^ (tag << 4 | number & 15)
  }

  @inline(__always)
  func hash(by hash: KeyHash) -> UInt64 { Self.hash(of: number) }

  /// Calls `body` with the key that a number is, and its hash.
  @inline(__always)
  static func withKey<R>(_ number: UInt64, _ body: (ByteView, UInt64) -> R) -> R {
    unsafe withUnsafeBytes(of: number) { unsafe body(ByteView($0), hash(of: number)) }
  }

  // MARK: Fields

  @inline(__always) var key: ByteView { view(at: 8, size: 8) }
  @inline(__always) var number: UInt64 { load(8) }
  var state: JobState { JobState(rawValue: load(4)) ?? .ready }
  var flags: Flags {
    get { Flags(rawValue: load(5)) }
    nonmutating set { store(newValue.rawValue, at: 5) }
  }
  var priority: UInt8 {
    get { load(6) }
    nonmutating set { store(newValue, at: 6) }
  }
  var end: JobEnd {
    get { JobEnd(rawValue: load(7)) ?? .none }
    nonmutating set { store(newValue.rawValue, at: 7) }
  }
  var place: UInt32 {
    get { load(16) }
    nonmutating set { store(newValue, at: 16) }
  }
  var epoch: UInt32 {
    get { load(20) }
    nonmutating set { store(newValue, at: 20) }
  }
  var due: Int64 {
    get { load(24) }
    nonmutating set { store(newValue, at: 24) }
  }
  /// Where in its list a ready job was put (ListFinding.swift). It is written in place even when a
  /// snapshot shares the record: snapshots do not read it.
  var label: Int64 {
    get { load(24) }
    nonmutating set {
      assert(state == .ready)
      store(newValue, at: 24)
    }
  }
  var created: Int64 {
    get { load(32) }
    nonmutating set { store(newValue, at: 32) }
  }
  var heapIndex: UInt32 {
    get { load(40) }
    nonmutating set { store(newValue, at: 40) }
  }
  var isTimed: Bool { heapIndex != Self.unplaced }
  var failures: UInt16 {
    get { load(48) }
    nonmutating set { store(newValue, at: 48) }
  }
  var expirations: UInt16 {
    get { load(50) }
    nonmutating set { store(newValue, at: 50) }
  }
  var uncounted: UInt32 {
    get { load(52) }
    nonmutating set { store(newValue, at: 52) }
  }
  /// Deliveries that count.
  var attempts: Int { Int(epoch) - Int(uncounted) }
  /// Length of the lease, ms.
  var lease: Int64 {
    get { flags.contains(.isWide) ? Int64(load(56, as: UInt32.self)) : 0 }
    nonmutating set {
      precondition(flags.contains(.isWide))
      store(UInt32(clamping: newValue), at: 56)
    }
  }
  /// The minute of the last delivery, on the jobs' clock. Checkpoints do without it, as without the rates.
  var minute: Int64 {
    get { flags.contains(.isWide) ? Int64(load(60, as: UInt32.self)) : 0 }
    nonmutating set {
      precondition(flags.contains(.isWide))
      store(UInt32(clamping: newValue), at: 60)
    }
  }

  private var extrasOffset: Int { flags.contains(.isWide) ? Self.wideSize : Self.shortSize }
  private var bodyOffset: Int { extrasOffset + (flags.contains(.hasExtras) ? 8 : 0) }
  /// The bytes of the job, if they lie here.
  var body: ByteView { view(at: bodyOffset, size: Int(load(44, as: UInt32.self))) }

  private var blob: Blob? {
    guard flags.contains(.hasExtras) else { return nil }
    return unsafe Blob(address: load(extrasOffset, as: UnsafeMutableRawPointer.self))
  }

  /// What is rare; nothing for most jobs.
  var extras: JobExtras { blob.flatMap { JobExtras(decoding: $0.bytes) } ?? JobExtras() }
  /// The same as it is kept.
  var encodedExtras: ByteView { blob?.bytes ?? ByteView() }

  // MARK: Making

  /// A record with no counts and no times.
  static func make(
    _ number: UInt64, _ state: JobState, place: UInt32, body: ByteView = ByteView(),
    extras: ByteView = ByteView()
  ) -> JobRecord {
    let isWide = state != .ready
    let head = (isWide ? wideSize : shortSize) + (extras.isEmpty ? 0 : 8)
    let record = JobRecord.allocate(size: head + body.count)
    record.clear(at: 4, size: (isWide ? wideSize : shortSize) - 4)
    record.store(state.rawValue, at: 4)
    record.flags = (isWide ? .isWide : Flags()).union(extras.isEmpty ? [] : .hasExtras)
    record.store(number, at: 8)
    record.place = place
    record.heapIndex = unplaced
    record.store(UInt32(body.count), at: 44)
    if !extras.isEmpty {
      unsafe record.store(Blob.copying(extras).address, at: record.extrasOffset)
    }
    record.write(body, at: record.bodyOffset)
    return record
  }

  /// The same job in another state: what follows it in its table. It is in no heap.
  ///
  /// - Parameter extras: what is rare from now on; nil leaves it as it is.
  func successor(
    _ state: JobState, place: UInt32, body: ByteView = ByteView(), extras: JobExtras? = nil
  ) -> JobRecord {
    let next: JobRecord
    if let extras {
      var bytes = ByteBuffer()
      extras.encode(into: &bytes)
      next = Self.make(number, state, place: place, body: body, extras: bytes.view)
    } else {
      next = Self.make(number, state, place: place, body: body, extras: encodedExtras)
    }
    next.flags = next.flags.union(flags.intersection(.kept))
    next.priority = priority
    next.end = end
    next.epoch = epoch
    next.created = created
    next.failures = failures
    next.expirations = expirations
    next.uncounted = uncounted
    if state != .ready {
      next.lease = lease
      next.minute = minute
    }
    return next
  }

  func releaseChildren() { blob?.release() }

  /// Frees the record, out of its table: a large one in slices.
  func bury(in graveyard: inout Graveyard) {
    guard usableSize > Graveyard.partSize, !isShared else { return release() }
    blob?.release()
    flags.remove(.hasExtras)
    unsafe graveyard.bury(Blob(address: address))  // It has nothing but its memory left.
  }
}
