// RandomSource.swift: random numbers of the load: small, fast, the same again from the same seed.

/// Steele, Lea and Flood's SplitMix64 (OOPSLA 2014). Not for secrets.
struct RandomSource: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  @inline(__always)
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number below `bound`, which is positive. Its bias is below bound / 2^32.
  @inline(__always)
  mutating func below(_ bound: Int) -> Int {
    if bound <= 1 << 32 { return Int(((next() >> 32) &* UInt64(bound)) >> 32) }
    return Int(next() % UInt64(bound))
  }
}
