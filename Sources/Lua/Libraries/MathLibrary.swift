// MathLibrary.swift: `math`.

import Glibc

enum MathLibrary {
  static func open(_ machine: Machine) {
    let math = machine.library(
      "math",
      [
        "abs": { c throws(Failure) in try one(c, Glibc.fabs) },
        "acos": { c throws(Failure) in try one(c, Glibc.acos) },
        "asin": { c throws(Failure) in try one(c, Glibc.asin) },
        "atan": { c throws(Failure) in try one(c, Glibc.atan) },
        "atan2": { c throws(Failure) in try two(c, Glibc.atan2) },
        "ceil": { c throws(Failure) in try one(c) { $0.rounded(.up) } },
        "cos": { c throws(Failure) in try one(c, Glibc.cos) },
        "cosh": { c throws(Failure) in try one(c, Glibc.cosh) },
        "deg": { c throws(Failure) in try one(c) { $0 / (.pi / 180) } },
        "exp": { c throws(Failure) in try one(c, Glibc.exp) },
        "floor": { c throws(Failure) in try one(c) { $0.rounded(.down) } },
        "fmod": { c throws(Failure) in try two(c, Glibc.fmod) },
        "frexp": frexp,
        "ldexp": { c throws(Failure) in
          let exponent = Int32(try c.smallInteger(2))
          return c.result(Value(foreign: Glibc.ldexp(try c.number(1), exponent)))
        },
        "log": { c throws(Failure) in try one(c, Glibc.log) },
        "log10": { c throws(Failure) in try one(c, Glibc.log10) },
        "max": { c throws(Failure) in try best(c) { $0 > $1 } },
        "min": { c throws(Failure) in try best(c) { $0 < $1 } },
        "mod": { c throws(Failure) in try two(c, Glibc.fmod) },
        "modf": modf,
        "pow": { c throws(Failure) in try two(c, Glibc.pow) },
        "rad": { c throws(Failure) in try one(c) { $0 * (.pi / 180) } },
        "random": random,
        "randomseed": seed,
        "sin": { c throws(Failure) in try one(c, Glibc.sin) },
        "sinh": { c throws(Failure) in try one(c, Glibc.sinh) },
        "sqrt": { c throws(Failure) in try one(c) { $0.squareRoot() } },
        "tan": { c throws(Failure) in try one(c, Glibc.tan) },
        "tanh": { c throws(Failure) in try one(c, Glibc.tanh) },
      ])
    machine.set(math, "pi", Value(3.14159265358979323846))
    machine.set(math, "huge", Value(Double.infinity))
  }

  @inline(__always)
  private static func one(
    _ call: Call, _ function: (Double) -> Double
  ) throws(Failure) -> Int {
    call.result(Value(foreign: function(try call.number(1))))
  }

  private static func two(
    _ call: Call, _ function: (Double, Double) -> Double
  ) throws(Failure) -> Int {
    // The second one first: so compiled C does it, as the messages show.
    let second = try call.number(2)
    return call.result(Value(foreign: function(try call.number(1), second)))
  }

  private static func best(
    _ call: Call, _ isBetter: (Double, Double) -> Bool
  ) throws(Failure) -> Int {
    var best = try call.number(1)
    var index = 2
    while index <= call.count {
      let number = try call.number(index)
      if isBetter(number, best) { best = number }
      index += 1
    }
    return call.result(Value(best))
  }

  static func frexp(_ call: Call) throws(Failure) -> Int {
    var exponent: Int32 = 0
    let fraction = unsafe Glibc.frexp(try call.number(1), &exponent)
    call.push(Value(foreign: fraction))
    call.push(Value(Int(exponent)))
    return 2
  }

  static func modf(_ call: Call) throws(Failure) -> Int {
    var whole = 0.0
    let fraction = unsafe Glibc.modf(try call.number(1), &whole)
    call.push(Value(foreign: whole))
    call.push(Value(foreign: fraction))
    return 2
  }

  static func random(_ call: Call) throws(Failure) -> Int {
    let random = Double(call.machine.body.random.next()) / Double(Int32.max)
    switch call.count {
    case 0: return call.result(Value(random))
    case 1:
      let high = Double(try call.smallInteger(1))
      guard high >= 1 else { throw call.argumentFailure(1, "interval is empty") }
      return call.result(Value((random * high).rounded(.down) + 1))
    case 2:
      let low = Double(try call.smallInteger(1))
      let high = Double(try call.smallInteger(2))
      guard low <= high else { throw call.argumentFailure(2, "interval is empty") }
      return call.result(Value((random * (high - low + 1)).rounded(.down) + low))
    default: throw call.failure("wrong number of arguments")
    }
  }

  static func seed(_ call: Call) throws(Failure) -> Int {
    call.machine.body.random = Random48(seed: Int32(truncatingIfNeeded: try call.integer(1)))
    return 0
  }
}

/// The generator of C's `lrand48`, which is the same everywhere: scripts get the same numbers each time.
struct Random48 {
  /// As long as nobody has given a seed.
  private var state: UInt64 = 0x1234_ABCD_330E

  init() {}

  init(seed: Int32) { state = UInt64(UInt32(bitPattern: seed)) << 16 | 0x330E }

  /// The next number, 0 ..< 2^31 - 1.
  mutating func next() -> UInt32 {
    state = (state &* 0x5_DEEC_E66D &+ 0xB) & (1 << 48 - 1)
    return UInt32(state >> 17) % UInt32(Int32.max)
  }
}
