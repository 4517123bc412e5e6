// Job.swift: what a job is: a Codable value with a name, and how it is to be treated.

/// A unit of work that one process hands to another.
///
/// ```swift
/// struct ResizeAvatar: Job {
///   static let name = "resize-avatar"
///   static let options = JobOptions(queue: "images", timeout: .seconds(60))
///
///   var user: Int
///   var path: String
/// }
///
/// try await client.enqueue(ResizeAvatar(user: 7, path: "/uploads/7.png"))
/// ```
///
/// What is stored is JSON that other languages can read and write: see ``JobEnvelope``. A job may run more
/// than once, as after a crash of its worker, so its handler should do no harm then.
public protocol Job: Codable, Sendable {
  /// What the handler gives back; `Void` unless the type says otherwise.
  ///
  /// Any `Codable` type can be an output: it is kept for a while, and ``MartletClient/result(of:within:)``
  /// waits for it.
  associatedtype Output: Sendable = Void

  /// What the job is called on the wire.
  ///
  /// It stays as it is when the type is renamed: jobs that wait in a queue have it.
  static var name: String { get }

  /// How jobs of this type are treated, where a call says nothing else.
  static var options: JobOptions { get }

  /// What two jobs have in common of which only one is to wait, such as `"user:7"`; nil for none.
  var unique: UniqueKey? { get }
}

extension Job {
  /// The defaults.
  public static var options: JobOptions { JobOptions() }

  /// None: each job waits for itself.
  public var unique: UniqueKey? { nil }
}

/// How the jobs of a type are treated.
public struct JobOptions: Sendable {
  /// The queue they wait in.
  public var queue: String

  /// How long a worker has a job without a sign of life; nil for what the queue or the broker says (30 s).
  ///
  /// A running worker renews its leases, so this says how soon a job comes back after a crash, and not how
  /// long a job may take. At least 1 ms.
  public var lease: Duration?

  /// How long a handler may take; nil for any time. Then its task is cancelled, and the job has failed
  /// unless the handler returns nevertheless: after a loop that cancellation may end, look at
  /// `Task.isCancelled` and throw. The lease of one that does not heed it is not renewed any more.
  public var timeout: Duration?

  /// When a job that failed is tried again, and how often.
  public var retry: RetryPolicy

  /// Jobs of higher priority are taken first: 0 to 9.
  public var priority: Int

  /// How long the broker knows how a job ended, and its output; nil for an hour if there is an output, and
  /// not at all if there is none.
  public var keep: Duration?

  /// How long a job may wait before it is dropped; nil for any time.
  public var timeToLive: Duration?

  /// Where jobs go that failed for good; nil for the name of their queue with `:dead` behind it.
  public var deadQueue: String?

  /// Options, each with its default.
  public init(
    queue: String = "default", lease: Duration? = nil, timeout: Duration? = nil,
    retry: RetryPolicy = .exponential(), priority: Int = 0, keep: Duration? = nil,
    timeToLive: Duration? = nil, deadQueue: String? = nil
  ) {
    precondition(0...9 ~= priority, "a priority is 0 to 9")
    precondition(lease.map { $0 >= .milliseconds(1) } ?? true, "a lease lasts at least 1 ms")
    self.queue = queue
    self.lease = lease
    self.timeout = timeout
    self.retry = retry
    self.priority = priority
    self.keep = keep
    self.timeToLive = timeToLive
    self.deadQueue = deadQueue
  }
}

/// What only one job of a queue may have at a time.
///
/// A job whose key another one has is not added: the call answers with the job that is there. A literal is
/// a key that is held until the job is done: `unique: "user:7"`.
public struct UniqueKey: Sendable, Hashable, ExpressibleByStringInterpolation {
  /// How long a job has its key.
  public enum Hold: Sendable, Hashable {
    /// Until it is done, dead or deleted.
    case untilDone
    /// Until a worker takes it: the next may wait while it runs.
    case untilStart
    /// So long, whatever becomes of the job.
    case lasting(Duration)
  }

  /// The key; queues have keys of their own.
  public var key: String
  /// How long the job has it.
  public var hold: Hold
  /// Whether a job that waits takes over the body of the one that is not added, so that the last call
  /// counts and not the first.
  public var replaces: Bool

  /// A key.
  public init(_ key: String, hold: Hold = .untilDone, replaces: Bool = false) {
    self.key = key
    self.hold = hold
    self.replaces = replaces
  }

  /// A key that is held until the job is done.
  public init(stringLiteral key: String) { self.init(key) }
}
