// JobExtras.swift: what few jobs have: options that are not those of their queue, errors, results.

import RESP

/// How long a job that failed waits before it is tried again.
struct Backoff: Equatable {
  enum Kind: Int64 {
    case fixed = 0
    case linear = 1
    case exponential = 2
  }
  var kind: Kind
  /// All times in ms.
  var base: Int64
  var cap: Int64
  /// By how many percent a wait may be longer or shorter, 0 ... 100.
  var jitter: Int64

  /// The longest wait: some 34 years.
  static let longest = Int64(1) << 40

  /// The wait after failure number `failures`, from 1, of the job `number`.
  ///
  /// The jitter follows from the two numbers: a replay of the log finds the same.
  func wait(failures: Int, of number: UInt64) -> Int64 {
    var wait = base
    switch kind {
    case .fixed: break
    case .linear:
      let (product, overflow) = base.multipliedReportingOverflow(by: Int64(failures))
      wait = overflow ? cap : product
    case .exponential:
      for _ in 1..<max(1, failures) where wait < cap { wait &*= 2 }
    }
    wait = min(wait, cap)
    guard jitter > 0 else { return wait }
    var random = SplitMix64(seed: number &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(failures))
    let share = Double(random.next() >> 11) / Double(UInt64(1) << 53) * 2 - 1
    return max(0, min(cap, wait + Int64(Double(wait) * Double(jitter) / 100 * share)))
  }

  var encoded: [UInt8] {
    var bytes = ByteBuffer()
    for value in [kind.rawValue, base, cap, jitter] { bytes.append(littleEndian: value) }
    return bytes.view.array
  }

  init(_ kind: Kind, base: Int64, cap: Int64 = longest, jitter: Int64 = 0) {
    self.kind = kind
    self.base = base
    self.cap = cap
    self.jitter = jitter
  }

  init?(decoding bytes: ByteView) {
    guard bytes.count == 32, let kind = Kind(rawValue: bytes.littleEndian(at: 0)) else {
      return nil
    }
    self.init(
      kind, base: bytes.littleEndian(at: 8), cap: bytes.littleEndian(at: 16),
      jitter: bytes.littleEndian(at: 24))
    let times = 0...Self.longest
    guard times ~= base, times ~= cap, 0...100 ~= jitter else { return nil }
  }
}

/// What few jobs have; nil is as the queue has it, or nothing.
struct JobExtras: Equatable {
  /// The id that the producer chose.
  var id: [UInt8]?
  /// The unique key that the job holds.
  var unique: [UInt8]?
  /// The key is held until the job is delivered, not until it is done.
  var isUniqueUntilStart = false
  /// Length of its leases, ms; 0 for at most one delivery.
  var retry: Int64?
  /// When it goes if nobody has it, on the jobs' clock.
  var expires: Int64?
  var attemptsMax: Int64?
  var backoff: Backoff?
  var deadQueue: [UInt8]?
  /// How long its result is kept, ms.
  var keep: Int64?
  /// What the worker said that failed last.
  var error: [UInt8]?
  /// The queue in which it died.
  var origin: [UInt8]?
  var result: [UInt8]?
  var worker: [UInt8]?

  /// Field by field, for it is asked of each job: half of them would be compared by their bytes.
  var isEmpty: Bool {
    id == nil && unique == nil && !isUniqueUntilStart && retry == nil && expires == nil
      && attemptsMax == nil && backoff == nil && deadQueue == nil && keep == nil && error == nil
      && origin == nil && result == nil && worker == nil
  }

  /// Whether commands could have made it.
  private var isSound: Bool {
    (0...Backoff.longest).has(retry) && (-Jobs.timeMax...Jobs.timeMax).has(expires)
      && (0...Int64(UInt16.max)).has(attemptsMax) && (0...Backoff.longest).has(keep)
      && (id.map { 1...JobID.sizeMax ~= $0.count } ?? true)
  }

  func encode(into bytes: inout ByteBuffer) {
    guard !isEmpty else { return }
    var writer = FieldWriter()
    swap(&writer.bytes, &bytes)
    writer.add(1, id)
    writer.add(2, unique)
    writer.add(3, isUniqueUntilStart ? 1 : nil)
    writer.add(4, retry)
    writer.add(5, expires)
    writer.add(6, attemptsMax)
    writer.add(7, backoff?.encoded)
    writer.add(8, deadQueue)
    writer.add(9, keep)
    writer.add(10, error)
    writer.add(11, origin)
    writer.add(12, result)
    writer.add(13, worker)
    swap(&writer.bytes, &bytes)
  }

  init() {}

  /// The extras whose bytes these are, or nil when they are those of none.
  init?(decoding bytes: ByteView) {
    var read = JobExtras()
    let isWhole = readFields(bytes) { tag, field in
      switch tag {
      case 1: read.id = field.array
      case 2: read.unique = field.array
      case 3: read.isUniqueUntilStart = true
      case 4: read.retry = field.fieldInteger
      case 5: read.expires = field.fieldInteger
      case 6: read.attemptsMax = field.fieldInteger
      case 7:
        guard let backoff = Backoff(decoding: field) else { return false }
        read.backoff = backoff
      case 8: read.deadQueue = field.array
      case 9: read.keep = field.fieldInteger
      case 10: read.error = field.array
      case 11: read.origin = field.array
      case 12: read.result = field.array
      case 13: read.worker = field.array
      default: return false
      }
      return true
    }
    guard isWhole, read.isSound else { return nil }
    self = read
  }
}

extension ClosedRange {
  /// Whether `value` is in it, or there is none.
  func has(_ value: Bound?) -> Bool { value.map { contains($0) } ?? true }
}
