// TestClockTests.swift: the clock of tests stands still until it is moved.

import Testing

@testable import MartletTesting

@Suite struct TestClockTests {
  @Test func sleepersWakeInTheirOrderWhenTheClockIsMoved() async throws {
    let clock = TestClock()
    let start = clock.now
    let long = Task { try await clock.sleep(until: start + .seconds(10)) }
    let short = Task { try await clock.sleep(until: start + .seconds(1)) }
    await soon { clock.sleeperCount == 2 }
    clock.advance(by: .seconds(1))
    try await short.value
    #expect(clock.sleeperCount == 1)
    clock.advance(by: .seconds(9))
    try await long.value
    #expect(start.duration(to: clock.now) == .seconds(10))
  }

  @Test func whoSleepsUntilAPastInstantDoesNotWait() async throws {
    let clock = TestClock()
    clock.advance(by: .seconds(5))
    try await clock.sleep(until: TestClock.Instant(offset: .seconds(5)))
    #expect(clock.sleeperCount == 0)
  }

  @Test func aCancelledSleeperWakesAtOnce() async throws {
    let clock = TestClock()
    let sleeper = Task { try await clock.sleep(for: .seconds(1)) }
    await soon { clock.sleeperCount == 1 }
    sleeper.cancel()
    await #expect(throws: CancellationError.self) { try await sleeper.value }
    let late = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      try await clock.sleep(for: .seconds(1))
    }
    await #expect(throws: CancellationError.self) { try await late.value }
    #expect(clock.sleeperCount == 0)
  }
}
