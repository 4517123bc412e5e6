// TakingJobs.swift: GETJOB: jobs with a lease.

/// A job that a worker has taken, until its lease ends.
public struct LeasedJob: Sendable, Hashable {
  /// The queue in which it waited.
  public let queue: String
  /// What ends the lease, or makes it longer. Each delivery has another one.
  public let receipt: String
  /// What is to be done.
  public let body: [UInt8]
  /// Which delivery this is, from 1.
  public let attempt: Int
  /// How long the lease is.
  public let lease: Duration
  /// When the job was added: milliseconds since 1970.
  public let enqueuedAt: Int
  /// 0 to 9.
  public let priority: Int

  /// The id of the job, the same for all deliveries.
  public var id: String {
    String(receipt.prefix(upTo: receipt.lastIndex(of: ".") ?? receipt.endIndex))
  }

  /// The body as text; what is not UTF-8 becomes the replacement character.
  public var text: String { String(decoding: body, as: UTF8.self) }

  /// - Returns: nil when the value is no element of the reply to `GETJOB ... WITHMETA`.
  init?(_ value: Value) {
    guard let parts = value.array, parts.count >= 3, let queue = parts[0].text,
      let receipt = parts[1].text, let body = parts[2].bytes,
      let meta = Value.array(Array(parts[3...])).map,
      let attempt = meta.integer("attempt"), let lease = meta.integer("lease-ms"),
      let enqueuedAt = meta.integer("enqueued-ms"), let priority = meta.integer("priority")
    else { return nil }
    self.queue = queue
    self.receipt = receipt
    self.body = body
    self.attempt = attempt
    self.lease = .milliseconds(lease)
    self.enqueuedAt = enqueuedAt
    self.priority = priority
  }
}

/// How jobs are taken.
public struct GetJobsOptions: Sendable {
  /// How many at most. What is ready is given at once: nobody waits for more.
  public var count = 1
  /// How long the leases are; nil is as the job or its queue has it.
  public var lease: Duration?
  /// The end to take from; nil is as the queue has it, which is the right unless set.
  public var end: ListEnd?
  /// A name under which the broker shows who has a job; at most 256 bytes.
  public var worker: String?

  /// One job, as its queue says.
  public init() {}
}

extension MartletClient {
  /// Takes jobs from the first of the queues that has any, with leases, or waits for one.
  ///
  /// ```swift
  /// for job in try await client.getJobs(from: ["mail"], within: .seconds(5)) {
  ///   try await deliver(job.body)
  ///   try await client.acknowledge(job.receipt)
  /// }
  /// ```
  ///
  /// A job whose lease ends before it is acknowledged goes to the next who asks. When the task is cancelled
  /// while it waits, nothing is taken.
  /// - Parameter within: how long to wait; nil waits for ever, zero not at all.
  /// - Returns: none when the time is over.
  /// - Throws: `.unsupported` when the server has no job commands.
  public func getJobs(
    from queues: [any CommandArgument], _ options: GetJobsOptions = GetJobsOptions(),
    within: Duration?
  ) async throws(MartletError) -> [LeasedJob] {
    var command = Command(name: "GETJOB")
    if let within, within <= .zero {
      command.word("NOHANG")
    } else {
      command.option("TIMEOUT", within.millisecondsToWait)
    }
    if options.count != 1 { command.option("COUNT", options.count) }
    command.option("LEASE", options.lease?.milliseconds)
    if let end = options.end { command.word(end.word) }
    command.option("WORKER", options.worker)
    command.word("WITHMETA")
    command.word("FROM")
    for queue in queues { queue.append(to: &command) }
    let reply: Value
    if let within, within <= .zero {
      reply = try await jobReply(to: command)
    } else {
      reply = try await jobReply(
        to: command, within: within.map { $0 + self.options.timeout })
    }
    guard !reply.isNull else { return [] }
    guard let values = reply.array else { throw .unexpected(reply, for: "GETJOB") }
    var jobs: [LeasedJob] = []
    for value in values {
      guard let job = LeasedJob(value) else { throw .unexpected(value, for: "GETJOB") }
      jobs.append(job)
    }
    return jobs
  }
}

extension [Value.Pair] {
  func value(_ name: String) -> Value? { first { $0.key.text == name }?.value }
  func integer(_ name: String) -> Int? { value(name)?.integer }
  func text(_ name: String) -> String? { value(name)?.text }
  func duration(_ name: String) -> Duration? { integer(name).map { .milliseconds($0) } }
}
