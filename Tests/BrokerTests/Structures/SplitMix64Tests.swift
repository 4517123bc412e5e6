import Testing

@testable import Broker

@Test func theSameSeedGivesTheSameNumbers() {
  var a = SplitMix64(seed: 7), b = SplitMix64(seed: 7)
  for _ in 0..<100 { #expect(a.next() == b.next()) }
}
