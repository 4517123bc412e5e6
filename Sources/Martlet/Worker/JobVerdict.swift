// JobVerdict.swift: what a handler may say of its job besides that it is done or has failed.

/// What is to become of a job, as a handler decides.
///
/// A handler that returns has done its job, and one that throws has failed: the job is tried again as its
/// ``RetryPolicy`` says. To decide otherwise, throw a verdict, or return one:
///
/// ```swift
/// worker.handle(Charge.self) { job, context in
///   guard let card = try await cards.find(job.card) else { throw JobVerdict.dead("no such card") }
///   guard try await bank.isOpen() else { throw JobVerdict.retry(after: .seconds(600)) }
///   try await bank.charge(card, job.amount, key: context.id)
/// }
/// ```
public enum JobVerdict: Error, Sendable, Hashable {
  /// It is done.
  case done
  /// It has failed and is tried again after so long, as long as it has attempts left.
  case retry(after: Duration, reason: String = "")
  /// It is not needed any more: it ends as if it were done.
  case discard
  /// It has failed and is not tried again: it goes to the dead queue, with the reason.
  case dead(String)
}
