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
    let slot: SlotID
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

  var receiptCount: Int {
    switch self {
    case .acknowledge(let receipts), .giveBack(let receipts): receipts.count
    case .complete, .fail, .bury, .release, .putBack: 1
    case .extend: 0
    }
  }
}

/// What the broker said to a report.
enum BatchReply: Equatable, Sendable {
  case count(Int)
  case flags([Int])
  /// It may work later: the broker is loading, out of memory, busy.
  case refusedForNow(String)
  case refused(String)
}

/// Endings that wait to be sent: those of a kind in one report.
struct Endings {
  private var acknowledged: [Receipt] = []
  private var givenBack: [Receipt] = []
  private var others: [Report] = []

  var count: Int { acknowledged.count + givenBack.count + others.count }
  var isEmpty: Bool { acknowledged.isEmpty && givenBack.isEmpty && others.isEmpty }

  mutating func add(_ report: Report) {
    switch report {
    case .acknowledge(let receipts): acknowledged += receipts
    case .giveBack(let receipts): givenBack += receipts
    default: others.append(report)
    }
  }

  /// Adds what was not heard or was refused; extending is for the next beat.
  mutating func addAgain(_ report: Report) {
    if case .extend = report { return }
    add(report)
  }

  /// All that waits.
  mutating func take() -> [Report] {
    var reports: [Report] = []
    if !acknowledged.isEmpty { reports.append(.acknowledge(acknowledged)) }
    reports += others
    if !givenBack.isEmpty { reports.append(.giveBack(givenBack)) }
    acknowledged = []
    givenBack = []
    others = []
    return reports
  }
}
