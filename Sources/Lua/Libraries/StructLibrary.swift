// StructLibrary.swift: `struct`: values to and from the bytes of C structures.
//
// A format's options: `<` `>` byte order, `!n` alignment; `b B h H l L T` and `i[n] I[n]` integers, `f d`
// floating point, `s` text up to a zero, `c[n]` n bytes (`c0`: as many as the number before says), `x` a zero.

enum StructLibrary {
  private static let integerSizeMax = 32
  private static let alignmentDefault = 8

  static func open(_ machine: Machine) {
    _ = machine.library("struct", ["pack": pack, "size": size, "unpack": unpack])
  }

  /// Reads a format, option by option.
  private struct Format {
    let call: Call
    let text: Bytes
    var offset = 0
    var isLittle = true
    var alignment = 1
    /// Letters and digits that are no option stand for no bytes: `size` has it so.
    var ignoresUnknown = false

    init(call: Call, text: Bytes) {
      self.call = call
      self.text = text.untilZero
    }

    var isAtEnd: Bool { offset == text.count }

    /// The next option that stands for bytes, and their size; nil at the end.
    mutating func next() throws(Failure) -> (option: UInt8, size: Int)? {
      while offset < text.count {
        try call.machine.spend(1)
        let option = text[offset]
        offset += 1
        switch option {
        case UInt8(ascii: " "): continue
        case UInt8(ascii: "<"): isLittle = true
        case UInt8(ascii: ">"): isLittle = false
        case UInt8(ascii: "!"):
          let number = try number(otherwise: alignmentDefault)
          guard number > 0 && number & (number - 1) == 0 else {
            throw call.failure { b throws(Failure) in
              try b.append("alignment ")
              try b.append(number: Double(number))
              try b.append(" is not a power of 2")
            }
          }
          alignment = number
        default: return (option, try size(of: option))
        }
      }
      return nil
    }

    private mutating func number(otherwise: Int) throws(Failure) -> Int {
      guard offset < text.count && text[offset].isDigit else { return otherwise }
      var number = 0
      while offset < text.count && text[offset].isDigit {
        number = number * 10 + Int(text[offset] - 48)
        guard number <= Int(Int32.max) else { throw call.failure("integral size overflow") }
        offset += 1
      }
      return number
    }

    private mutating func size(of option: UInt8) throws(Failure) -> Int {
      switch option {
      case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "x"): return 1
      case UInt8(ascii: "h"), UInt8(ascii: "H"): return 2
      case UInt8(ascii: "l"), UInt8(ascii: "L"), UInt8(ascii: "T"), UInt8(ascii: "d"): return 8
      case UInt8(ascii: "f"): return 4
      case UInt8(ascii: "s"): return 0
      case UInt8(ascii: "c"): return try number(otherwise: 1)
      case UInt8(ascii: "i"), UInt8(ascii: "I"):
        let size = try number(otherwise: 4)
        guard size <= integerSizeMax else {
          throw call.failure { b throws(Failure) in
            try b.append("integral size ")
            try b.append(number: Double(size))
            try b.append(" is larger than limit of ")
            try b.append(number: Double(integerSizeMax))
          }
        }
        return size
      case _ where ignoresUnknown && option.isAlphanumeric: return 0
      default:
        throw call.argumentFailure(1) { b throws(Failure) in
          try b.append("invalid format option '")
          try b.append(option)
          try b.append("'")
        }
      }
    }

    /// Bytes left out before an option at `position`.
    func padding(_ option: UInt8, _ size: Int, at position: Int) -> Int {
      guard size > 0 && option != UInt8(ascii: "c") else { return 0 }
      // Alignments are powers of two, sizes may be anything.
      let boundary = min(size, alignment)
      return boundary > 1 ? (boundary - position & (boundary - 1)) & (boundary - 1) : 0
    }
  }

  static func size(_ call: Call) throws(Failure) -> Int {
    var format = Format(call: call, text: try call.string(1).bytes)
    format.ignoresUnknown = true
    var position = 0
    while let (option, size) = try format.next() {
      if option == UInt8(ascii: "s") || (option == UInt8(ascii: "c") && size == 0) {
        let isText = option == UInt8(ascii: "s")
        throw call.argumentFailure(
          1, isText ? "option 's' has no fixed size" : "option 'c0' has no fixed size")
      }
      position += format.padding(option, size, at: position) + size
    }
    return call.result(Value(position))
  }

  static func pack(_ call: Call) throws(Failure) -> Int {
    var format = Format(call: call, text: try call.string(1).bytes)
    var buffer = Buffer(call.machine)
    var argument = 2
    // Behind its arguments the reference has a nil, which messages show.
    call.push(.nil)
    let call = Call(
      machine: call.machine, thread: call.thread, base: call.base, count: call.count + 1,
      native: call.native)
    while let (option, size) = try format.next() {
      for _ in 0..<format.padding(option, size, at: buffer.count) { try buffer.append(0) }
      switch option {
      case UInt8(ascii: "x"):
        try buffer.append(0)
        continue
      case UInt8(ascii: "f"):
        let bits = Float(try call.number(argument)).bitPattern
        try append(UInt64(bits), size, format.isLittle, to: &buffer)
      case UInt8(ascii: "d"):
        try append(try call.number(argument).bitPattern, size, format.isLittle, to: &buffer)
      case UInt8(ascii: "c"), UInt8(ascii: "s"):
        let bytes = try call.string(argument).bytes
        let count = size == 0 ? bytes.count : size
        guard bytes.count >= count else {
          throw call.argumentFailure(argument + 1, "string too short")
        }
        try buffer.append(bytes[0..<count])
        if option == UInt8(ascii: "s") { try buffer.append(0) }
      default:
        try append(bits(try call.number(argument)), size, format.isLittle, to: &buffer)
      }
      argument += 1
    }
    return call.result(buffer.bytes)
  }

  /// As C casts a number to a 64-bit integer.
  private static func bits(_ number: Double) -> UInt64 {
    if number < 0 { return UInt64(bitPattern: Int64(Call.integer(number))) }
    if number.isNaN { return 1 << 63 }
    return number < 18446744073709551616 ? UInt64(number) : 0
  }

  private static func append(
    _ bits: UInt64, _ size: Int, _ isLittle: Bool, to buffer: inout Buffer
  ) throws(Failure) {
    for index in 0..<size {
      let byte = isLittle ? index : size - 1 - index
      try buffer.append(byte < 8 ? UInt8(truncatingIfNeeded: bits >> UInt64(byte * 8)) : 0)
    }
  }

  static func unpack(_ call: Call) throws(Failure) -> Int {
    var format = Format(call: call, text: try call.string(1).bytes)
    let data = try call.string(2).bytes
    let start = try call.integer(3, otherwise: 1)
    guard start != 0 else { throw call.argumentFailure(3, "offset must be 1 or greater") }
    if format.isAtEnd { return call.result(Value(start)) }
    // The reference counts without a sign: below 0 is behind all data.
    var position = start < 0 ? Int.max - 1 : start - 1
    var count = 0
    while !format.isAtEnd {
      guard position <= data.count else {
        throw call.argumentFailure(2, "data string too short")
      }
      guard let (option, optionSize) = try format.next() else { break }
      var size = optionSize
      let padding = format.padding(option, size, at: position)
      guard size <= data.count - position - padding else {
        throw call.argumentFailure(2, "data string too short")
      }
      position += padding
      try call.checkRoom(2, "too many results")
      switch option {
      case UInt8(ascii: "x"):
        position += size
        continue
      case UInt8(ascii: "f"):
        let bits = UInt32(truncatingIfNeeded: read(data, position, size, format.isLittle))
        call.push(Value(foreign: Double(Float(bitPattern: bits))))
      case UInt8(ascii: "d"):
        let bits = read(data, position, size, format.isLittle)
        call.push(Value(foreign: Double(bitPattern: bits)))
      case UInt8(ascii: "c"):
        if size == 0 {
          let last = call.thread.body.stack[call.thread.body.top - 1]
          guard count > 0, let number = call.machine.number(last) else {
            throw call.failure("format 'c0' needs a previous size")
          }
          call.thread.body.top -= 1
          count -= 1
          size = Call.integer(number)
          guard size >= 0 && size <= data.count - position else {
            throw call.argumentFailure(2, "data string too short")
          }
        }
        call.push(Value(call.machine.string(data[position..<position + size])))
      case UInt8(ascii: "s"):
        try call.machine.spend((data.count - position) >> 6)
        guard let end = data.firstOffset(of: 0, from: position) else {
          throw call.failure("unfinished string in data")
        }
        size = end - position + 1
        call.push(Value(call.machine.string(data[position..<end])))
      default:
        let bits = read(data, position, size, format.isLittle)
        if option.isUpper {
          call.push(Value(Double(bits)))
        } else {
          // The sign's bit and all above it; behind 64 bits it begins anew, as C's shift does on our machines.
          let sign = UInt64.max &<< UInt64(truncatingIfNeeded: size * 8 - 1)
          call.push(Value(Double(Int64(bitPattern: bits & sign != 0 ? bits | sign : bits))))
        }
      }
      position += size
      count += 1
    }
    call.push(Value(position + 1))
    return count + 1
  }

  private static func read(_ data: Bytes, _ position: Int, _ size: Int, _ isLittle: Bool) -> UInt64
  {
    var bits: UInt64 = 0
    for index in 0..<size {
      bits = bits << 8 | UInt64(data[position + (isLittle ? size - 1 - index : index)])
    }
    return bits
  }
}
