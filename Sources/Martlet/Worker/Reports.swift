// Reports.swift: what a worker tells the broker, before it is a command: gathered, so that a turn sends
// one ACKJOB for all that is done.

/// Names one lease; opaque.
typealias Receipt = [UInt8]

/// One job as a worker gets it.
struct Delivery: Equatable, Sendable {
  var queue: String
  var receipt: Receipt
  var body: [UInt8]
  /// Which delivery of the job this is, from 1.
  var attempt = 1
  /// The length of the lease in ms; 0: the job is delivered once, and nobody waits for its end.
  var lease: Int64 = 0
  /// Milliseconds since 1970.
  var enqueued: Int64 = 0
  var priority = 0
  /// It was popped off a list of a server without jobs: it is here and nowhere else.
  var isPopped = false
}

/// How a handler ended.
enum Ending: Equatable, Sendable {
  /// What is to become of a job that failed.
  struct Failure: Equatable, Sendable {
    var error: String
    /// When it is tried again; nil: it is dead.
    var retryAfter: Duration?

    func report(_ receipt: Receipt, error other: String? = nil) -> Report {
      guard let retryAfter else { return .bury(receipt, error: other ?? error) }
      return .fail(receipt, after: retryAfter, error: other ?? error)
    }
  }

  case done
  case result([UInt8], keep: Duration?)
  case failed(Failure)
  /// It threw since it was cancelled; the failure counts if it was its own time that ran out.
  case cancelled(Failure)
  case dead(String)
  /// For another worker, which may know the job: not a failure.
  case release(after: Duration, error: String)
}

/// One command to the broker.
enum Report: Equatable, Sendable {
  struct Held: Equatable, Sendable {
    let receipt: Receipt
    /// Where its handler runs; nil when that has ended and the broker did not hear it yet.
    let slot: SlotID?
  }

  /// Where an element goes back to.
  enum Place: Equatable, Sendable {
    /// It is the next to be taken.
    case next
    /// The list of what failed for good.
    case dead
  }

  case acknowledge([Receipt])
  case complete(Receipt, result: [UInt8], keep: Duration?)
  case fail(Receipt, after: Duration, error: String)
  case bury(Receipt, error: String)
  /// Uncounted, at once.
  case giveBack([Receipt])
  /// Uncounted, after a while.
  case release(Receipt, after: Duration, error: String)
  /// What was popped off a list goes back to it.
  case putBack(queue: String, body: [UInt8], Place)
  /// To so many ms from now.
  case extend(Int64, [Held])

  /// The leases that it ends.
  var receipts: [Receipt] {
    switch self {
    case .acknowledge(let receipts), .giveBack(let receipts): receipts
    case .complete(let receipt, _, _), .fail(let receipt, _, _), .bury(let receipt, _),
      .release(let receipt, _, _):
      [receipt]
    case .putBack, .extend: []
    }
  }

  var isPutBack: Bool { if case .putBack = self { true } else { false } }
}

/// A report with what its receipts have in common.
struct LeasedReport: Equatable, Sendable {
  var report: Report
  /// The length of their leases, ms; 0 when it has none.
  let lease: Int64
}

/// What the broker said to a report.
enum BatchReply: Equatable, Sendable {
  case count(Int)
  case flags([Int])
  /// It may work later: the broker is loading, out of memory, busy.
  case refusedForNow(String)
  case refused(String)
}

/// Endings that wait to be sent: those of a kind in one report, for each length of leases.
struct Endings {
  private var acknowledged: [Int64: [Receipt]] = [:]
  private var givenBack: [Int64: [Receipt]] = [:]
  private var others: [LeasedReport] = []
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// Elements among them that are nowhere else.
  var putBackCount: Int { others.count { $0.report.isPutBack } }

  /// - Parameter lease: the length of the leases that it ends, ms.
  mutating func add(_ report: Report, lease: Int64) {
    switch report {
    case .acknowledge(let receipts):
      acknowledged[lease, default: []] += receipts
      count += receipts.count
    case .giveBack(let receipts):
      givenBack[lease, default: []] += receipts
      count += receipts.count
    case .extend: break  // The next beat extends anew.
    default:
      others.append(LeasedReport(report: report, lease: lease))
      count += 1
    }
  }

  /// The receipts of leases of a length.
  func receipts(lease: Int64) -> [Receipt] {
    var receipts = acknowledged[lease] ?? []
    for other in others where other.lease == lease { receipts += other.report.receipts }
    return receipts + (givenBack[lease] ?? [])
  }

  /// All that waits.
  mutating func take() -> [LeasedReport] {
    func reports(
      _ leases: [Int64: [Receipt]], _ report: ([Receipt]) -> Report
    ) -> [LeasedReport] {
      leases.map { LeasedReport(report: report($0.value), lease: $0.key) }
    }
    let all =
      reports(acknowledged) { .acknowledge($0) } + others + reports(givenBack) { .giveBack($0) }
    self = Endings()
    return all
  }
}
