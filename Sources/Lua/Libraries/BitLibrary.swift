// BitLibrary.swift: `bit`: operations on 32-bit integers, as of Lua BitOp.

enum BitLibrary {
  static func open(_ machine: Machine) {
    _ = machine.library(
      "bit",
      [
        "tobit": { c throws(Failure) in result(c, try bits(c, 1)) },
        "bnot": { c throws(Failure) in result(c, ~(try bits(c, 1))) },
        "band": { c throws(Failure) in try fold(c) { $0 & $1 } },
        "bor": { c throws(Failure) in try fold(c) { $0 | $1 } },
        "bxor": { c throws(Failure) in try fold(c) { $0 ^ $1 } },
        "lshift": { c throws(Failure) in try shift(c) { $0 &<< $1 } },
        "rshift": { c throws(Failure) in try shift(c) { $0 &>> $1 } },
        "arshift": { c throws(Failure) in
          try shift(c) { UInt32(bitPattern: Int32(bitPattern: $0) &>> Int32(bitPattern: $1)) }
        },
        "rol": { c throws(Failure) in try shift(c) { $0 &<< $1 | $0 &>> (0 &- $1) } },
        "ror": { c throws(Failure) in try shift(c) { $0 &>> $1 | $0 &<< (0 &- $1) } },
        "bswap": { c throws(Failure) in result(c, try bits(c, 1).byteSwapped) },
        "tohex": toHex,
      ])
  }

  /// A number modulo 2^32, rounded to the nearest integer.
  private static func bits(_ call: Call, _ index: Int) throws(Failure) -> UInt32 {
    // 1.5 · 2^52 moves the integer into the low bits.
    UInt32(truncatingIfNeeded: (try call.number(index) + 6755399441055744).bitPattern)
  }

  private static func result(_ call: Call, _ bits: UInt32) -> Int {
    call.result(Value(Double(Int32(bitPattern: bits))))
  }

  private static func fold(
    _ call: Call, _ combine: (UInt32, UInt32) -> UInt32
  ) throws(Failure) -> Int {
    var all = try bits(call, 1)
    // The last one first: the order is that of the reference's complaints.
    var index = call.count
    while index > 1 {
      all = combine(all, try bits(call, index))
      index -= 1
    }
    return result(call, all)
  }

  private static func shift(
    _ call: Call, _ shift: (UInt32, UInt32) -> UInt32
  ) throws(Failure) -> Int {
    let value = try bits(call, 1)
    return result(call, shift(value, try bits(call, 2) & 31))
  }

  static func toHex(_ call: Call) throws(Failure) -> Int {
    var value = try bits(call, 1)
    var digits = call.count < 2 ? 8 : Int(Int32(bitPattern: try bits(call, 2)))
    let isUpper = digits < 0
    digits = min(8, abs(digits))
    var buffer = Buffer(call.machine)
    for _ in 0..<digits { try buffer.append(0) }
    while digits > 0 {
      digits -= 1
      let digit = UInt8(value & 15)
      let letter = UInt8(ascii: isUpper ? "A" : "a") - 10
      buffer.store(digit + (digit < 10 ? 48 : letter), at: digits)
      value >>= 4
    }
    return call.result(buffer.bytes)
  }
}
