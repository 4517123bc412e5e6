// JobContext.swift: what a handler is told about its job.

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a handler is told about its job, and may do to it.
///
/// Thread safety: any task may call anything.
public final class JobContext: Sendable {
  /// What the broker calls the job: the same in each attempt, and so a good key for what must not be done
  /// twice.
  public var id: String {
    // A receipt is the id, a dot, and the number of the delivery.
    let receipt = String(decoding: delivery.receipt, as: UTF8.self)
    return receipt.lastIndex(of: ".").map { String(receipt[..<$0]) } ?? receipt
  }

  /// The name of the job's type; empty for elements of plain lists.
  public let name: String

  /// Which attempt this is, from 1.
  public var attempt: Int { delivery.attempt }

  /// The queue it was taken from.
  public var queue: String { delivery.queue }

  /// When it was added.
  public var enqueuedAt: Date {
    Date(timeIntervalSince1970: Double(delivery.enqueued) / 1000)
  }

  /// 0 to 9.
  public var priority: Int { delivery.priority }

  /// When its time is over and its task is cancelled; nil if it may take any time.
  public let deadline: Date?

  /// What came along with the job.
  public let headers: [String: String]

  /// Writes lines that name the job.
  public var logger: JobLogger { JobLogger(base: reporter.logger, context: self) }

  let delivery: Delivery
  private let slot: SlotID
  private let reporter: WorkerReporter

  init(
    _ delivery: Delivery, _ slot: SlotID, name: String, headers: [String: String],
    timeout: Duration?, _ reporter: WorkerReporter
  ) {
    self.delivery = delivery
    self.slot = slot
    self.name = name
    self.headers = headers
    self.reporter = reporter
    deadline = timeout.map { Date(timeIntervalSinceNow: Double($0.milliseconds) / 1000) }
  }

  /// Has the job's lease last for `lease` from now on, and be renewed in that rhythm.
  ///
  /// There is no need to call it for a job that takes long: the worker renews leases by itself. It is for
  /// a job that is to be with nobody else for a while even if this process dies now.
  /// - Throws: `JobLeaseLost` when another worker may have the job by now; what `MartletClient.send` throws.
  public func extend(to lease: Duration) async throws {
    let milliseconds = max(1, lease.milliseconds)
    guard delivery.lease > 0 else { throw JobLeaseLost() }
    var command = Command(name: "EXTEND")
    command.append(milliseconds)
    command.append(delivery.receipt)
    command.isRetryable = true
    let reply = try await reporter.client.send(command)
    guard reply.array?.first?.integer == 1 else { throw JobLeaseLost() }
    reporter.mailbox.post(.extended(slot, Int64(milliseconds)))
  }
}

/// Another worker may have the job: what this handler does counts for nothing any more.
public struct JobLeaseLost: Error, Sendable, Hashable {
  /// That it is so.
  public init() {}
}
