// Numbers.swift: decimal fractions, in and out, as Redis reads and prints them.

#if canImport(Glibc)
  import Glibc
#endif

extension ByteView {
  /// The double these bytes spell: all of them, without blanks around; not a NaN.
  ///
  /// As strtod in the C locale: also "inf", exponents and hexadecimal.
  public var double: Double? {
    guard count > 0, count < 256, !isSpace(self[0]) else { return nil }
    var text = array
    text.append(0)
    return unsafe text.withUnsafeBufferPointer { bytes -> Double? in
      unsafe bytes.withMemoryRebound(to: CChar.self) { characters -> Double? in
        guard let start = characters.baseAddress else { return nil }
        var end: UnsafeMutablePointer<CChar>?
        let value = unsafe strtod(start, &end)
        guard let end = unsafe end, unsafe end - UnsafeMutablePointer(mutating: start) == count
        else { return nil }
        return value.isNaN ? nil : value
      }
    }
  }

  /// The extended-precision number these bytes spell, as strtold reads it in the C locale: all of
  /// them, without blanks around; not a NaN, nor a number too big or too small to be held.
  public var longDouble: LongDouble? {
    guard count > 0, count < 5 * 1024, !isSpace(self[0]) else { return nil }
    var text = array
    text.append(0)
    return unsafe text.withUnsafeBufferPointer { bytes -> LongDouble? in
      unsafe bytes.withMemoryRebound(to: CChar.self) { characters -> LongDouble? in
        guard let start = characters.baseAddress else { return nil }
        var end: UnsafeMutablePointer<CChar>?
        errno = 0
        #if arch(x86_64)
          let value = unsafe strtold(start, &end)
        #else
          let value = unsafe strtod(start, &end)
        #endif
        let isOutOfRange = errno == ERANGE && (value.isInfinite || value.isZero)
        guard let end = unsafe end, unsafe end - UnsafeMutablePointer(mutating: start) == count,
          !isOutOfRange, !value.isNaN
        else { return nil }
        return value
      }
    }
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}

/// What INCRBYFLOAT calculates with: C's long double, where Swift has it.
#if arch(x86_64)
  public typealias LongDouble = Float80
#else
  public typealias LongDouble = Double
#endif

extension LongDouble {
  /// Calls `body` with the number in decimals: no exponent, at most 17 digits behind the point, none
  /// of them a trailing zero. The number must be finite.
  public func withDecimals<R>(_ body: (ByteView) -> R) -> R {
    precondition(isFinite)
    #if arch(x86_64)
      let format = "%.17Lf"
    #else
      let format = "%.17f"
    #endif
    var text = [UInt8](repeating: 0, count: 5 * 1024)  // The longest has 4,951 characters.
    return unsafe text.withUnsafeMutableBytes { room -> R in
      let size = unsafe withVaList([self]) { arguments in
        unsafe Int(
          vsnprintf(
            room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, format, arguments))
      }
      precondition(size > 18 && size < room.count)
      var view = unsafe ByteView(UnsafeRawBufferPointer(rebasing: room[0..<size]))
      while view[view.count - 1] == 0x30 { view = view[0..<view.count - 1] }
      if view[view.count - 1] == 0x2E { view = view[0..<view.count - 1] }
      if view == ByteView("-0") { view = view[1..<2] }
      return body(view)
    }
  }
}

extension Double {
  /// The number in decimals, `count` of them behind the point, 0 ... 17, as C's "%f" prints it: no
  /// exponent; also "inf".
  public func decimals(_ count: Int) -> String {
    precondition((0...17).contains(count))
    // The longest has 328 characters.
    return unsafe withUnsafeTemporaryAllocation(byteCount: 352, alignment: 1) { room in
      let size = unsafe withVaList([Int32(count), self]) { arguments in
        unsafe Int(
          vsnprintf(
            room.baseAddress?.assumingMemoryBound(to: CChar.self), room.count, "%.*f", arguments))
      }
      precondition(size > 0 && size < room.count)
      return unsafe ByteView(UnsafeRawBufferPointer(rebasing: room[0..<size])).text
    }
  }
}
