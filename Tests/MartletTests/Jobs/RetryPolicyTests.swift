// RetryPolicyTests.swift: when a job is tried again.

import Testing

@testable import Martlet

@Suite struct RetryPolicyTests {
  @Test func waitsDoubleUpToACap() {
    let policy = RetryPolicy.exponential(from: .seconds(2), upTo: .seconds(60), jitter: 0)
    let waits = (1...7).map { policy.delay(after: $0, random: 0.9) }
    #expect(waits == [2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
    #expect(policy.delay(after: 24, random: 0) == .seconds(60))
    #expect(policy.delay(after: 25, random: 0) == nil)
  }

  @Test func withoutALimitItNeverEndsAndNeverOverflows() {
    let policy = RetryPolicy.exponential(upTo: .seconds(1 << 60), jitter: 0, attempts: 0)
    #expect(policy.delay(after: .max, random: 0) == .seconds(30 * 24 * 3600))
  }

  @Test func jitterGoesBothWays() {
    let policy = RetryPolicy.fixed(.seconds(10), jitter: 0.5)
    #expect(policy.delay(after: 1, random: 0) == .seconds(5))
    #expect(policy.delay(after: 1, random: 0.5) == .seconds(10))
    #expect(policy.delay(after: 1, random: 1) == .seconds(15))
  }

  @Test func ownRulesAreBounded() {
    let policy = RetryPolicy.custom(attempts: 3) { $0 == 1 ? .seconds(-5) : .seconds(1 << 50) }
    #expect(policy.delay(after: 1, random: 0) == .zero)
    #expect(policy.delay(after: 2, random: 0) == .seconds(30 * 24 * 3600))
    #expect(policy.delay(after: 3, random: 0) == nil)
    #expect(RetryPolicy.never.delay(after: 1, random: 0) == nil)
  }
}
