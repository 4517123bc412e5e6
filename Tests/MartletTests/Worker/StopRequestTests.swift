// StopRequestTests.swift: what signals ask for that come one after the other.

import Testing

@testable import Martlet

@Suite struct StopRequestTests {
  @Test func theFirstSignalLetsHandlersEndAndALaterOneCancelsThem() {
    var requests = StopRequests()
    #expect(requests.hear(now: 5_000_000_000) == .shutDown)
    #expect(requests.hear(now: 6_000_000_000) == .cancel)
    #expect(requests.hear(now: 60_000_000_000) == .cancel)
  }

  @Test func signalsThatComeTogetherAreOneWish() {
    var requests = StopRequests()
    #expect(requests.hear(now: 5_000_000_000) == .shutDown)
    #expect(requests.hear(now: 5_000_000_000) == .nothing)
    #expect(requests.hear(now: 5_999_999_999) == .nothing)
  }
}
