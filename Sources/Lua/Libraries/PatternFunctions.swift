// PatternFunctions.swift: the functions of `string` that search: find, match, gmatch, gsub.

enum PatternFunctions {
  private static let anchor = UInt8(ascii: "^")

  static func find(_ call: Call) throws(Failure) -> Int { try search(call, isFind: true) }

  static func match(_ call: Call) throws(Failure) -> Int { try search(call, isFind: false) }

  private static func search(_ call: Call, isFind: Bool) throws(Failure) -> Int {
    let subject = try call.string(1).bytes
    let text = try call.string(2).bytes
    let from = StringLibrary.position(try call.integer(3, otherwise: 1), subject.count)
    let start = min(max(from - 1, 0), subject.count)
    try call.machine.spend(text.count >> 5)
    if isFind && (call[4].isTruthy || !hasSpecials(text.untilZero)) {
      guard let offset = try offset(call, of: text, in: subject, from: start) else {
        return call.result(.nil)
      }
      call.push(Value(offset + 1))
      call.push(Value(offset + text.count))
      return 2
    }
    let patternText = text.untilZero
    var pattern = Pattern(call: call, subject: subject, pattern: patternText)
    let isAnchored = patternText.count > 0 && patternText[0] == anchor
    var offset = start
    repeat {
      if let end = try pattern.match(at: offset, from: isAnchored ? 1 : 0) {
        guard isFind else { return try pushValues(call, pattern, offset..<end, hasWhole: true) }
        call.push(Value(offset + 1))
        call.push(Value(end))
        return try 2 + pushValues(call, pattern, offset..<end, hasWhole: false)
      }
      offset += 1
    } while offset <= subject.count && !isAnchored
    return call.result(.nil)
  }

  /// Where `needle` begins at or after `start`.
  private static func offset(
    _ call: Call, of needle: Bytes, in text: Bytes, from start: Int
  ) throws(Failure) -> Int? {
    guard needle.count > 0 else { return start }
    try call.machine.spend((text.count - start) >> 5)
    var offset = start
    while let found = text.firstOffset(of: needle[0], from: offset),
      needle.count <= text.count - found
    {
      // Many places may look like it for long.
      try call.machine.spend(1 + needle.count >> 6)
      if text[found..<found + needle.count] == needle { return found }
      offset = found + 1
    }
    return nil
  }

  private static func hasSpecials(_ text: Bytes) -> Bool {
    for offset in 0..<text.count {
      switch text[offset] {
      case UInt8(ascii: "^"), UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: "+"),
        UInt8(ascii: "?"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: "["),
        UInt8(ascii: "%"), UInt8(ascii: "-"):
        return true
      default: continue
      }
    }
    return false
  }

  private static func pushValues(
    _ call: Call, _ pattern: Pattern, _ range: Range<Int>, hasWhole: Bool
  ) throws(Failure) -> Int {
    let count = pattern.valueCount(hasWhole: hasWhole)
    try call.reserve(count)
    for index in 0..<count { call.push(try pattern.value(index, whole: range)) }
    return count
  }

  static func gmatch(_ call: Call) throws(Failure) -> Int {
    let subject = try call.string(1)
    let pattern = try call.string(2)
    return call.result(
      Value(
        call.machine.native(
          NativeIndex.nextMatch, [Value(subject), Value(pattern), Value(0)])))
  }

  /// The iterator of gmatch: its values are subject, pattern and where to go on.
  static func nextMatch(_ call: Call) throws(Failure) -> Int {
    let values = call.native.values
    let subject = values[0].string.bytes
    try call.machine.spend(values[1].string.count >> 6)
    var pattern = Pattern(call: call, subject: subject, pattern: values[1].string.bytes.untilZero)
    var offset = Int(values[2].number)
    while offset <= subject.count {
      if let end = try pattern.match(at: offset, from: 0) {
        // Behind an empty match one byte is left out.
        values[2] = Value(end == offset ? end + 1 : end)
        return try pushValues(call, pattern, offset..<end, hasWhole: true)
      }
      offset += 1
    }
    return 0
  }

  static func gsub(_ call: Call) throws(Failure) -> Int {
    let subject = try call.string(1).bytes
    try call.machine.spend(try call.string(2).count >> 6)
    let text = try call.string(2).bytes.untilZero
    // The order is that of the reference's complaints.
    let countMax = try call.smallInteger(4, otherwise: subject.count + 1)
    let replacement = call[3]
    guard
      replacement.isNumber || replacement.isString || replacement.isTable || replacement.isFunction
    else {
      throw call.argumentFailure(3, "string/function/table expected")
    }
    if replacement.isNumber { _ = try call.string(3) }
    let isAnchored = text.count > 0 && text[0] == anchor
    var pattern = Pattern(call: call, subject: subject, pattern: text)
    var buffer = Buffer(call.machine)
    var offset = 0
    var count = 0
    while count < countMax {
      let end = try pattern.match(at: offset, from: isAnchored ? 1 : 0)
      if let end {
        count += 1
        try append(call, pattern, offset..<end, to: &buffer)
      }
      if let end, end > offset {
        offset = end
      } else if offset < subject.count {
        try buffer.append(subject[offset])
        offset += 1
      } else {
        break
      }
      if isAnchored { break }
    }
    if offset < subject.count { try buffer.append(subject.from(offset)) }
    call.push(Value(call.machine.string(buffer.bytes)))
    call.push(Value(count))
    return 2
  }

  /// Appends what takes the place of a match.
  private static func append(
    _ call: Call, _ pattern: Pattern, _ range: Range<Int>, to buffer: inout Buffer
  ) throws(Failure) {
    let replacement = call[3]
    var value: Value
    if replacement.isFunction {
      let function = call.thread.body.top
      try call.reserve(Pattern.capturesMax + 2)
      call.push(replacement)
      _ = try pushValues(call, pattern, range, hasWhole: true)
      try call.machine.call(function, wanted: 1)
      value = call.thread.body.stack[function]
      call.thread.body.top = function
    } else if replacement.isTable {
      value = try call.machine.get(replacement, try pattern.value(0, whole: range))
    } else {
      return try appendTemplate(call, pattern, range, call[3].string.bytes, to: &buffer)
    }
    if value.isFalsy {
      try buffer.append(pattern.subject[range])
    } else if value.isString {
      try buffer.append(value.string.bytes)
    } else if value.isNumber {
      try buffer.append(number: value.number)
    } else {
      throw call.failure { b throws(Failure) in
        try b.append("invalid replacement value (a ")
        try b.append(value.typeName)
        try b.append(")")
      }
    }
  }

  /// `%1` ... `%9` are captures, `%0` all of the match.
  private static func appendTemplate(
    _ call: Call, _ pattern: Pattern, _ range: Range<Int>, _ template: Bytes,
    to buffer: inout Buffer
  ) throws(Failure) {
    try call.machine.spend(template.count >> 4)
    var offset = 0
    while offset < template.count {
      let byte = template[offset]
      offset += 1
      guard byte == UInt8(ascii: "%") else {
        try buffer.append(byte)
        continue
      }
      let next = offset < template.count ? template[offset] : 0
      offset += 1
      if !next.isDigit {
        try buffer.append(next)
      } else if next == UInt8(ascii: "0") {
        try buffer.append(pattern.subject[range])
      } else {
        let value = try pattern.value(Int(next) - 49, whole: range)
        if value.isString {
          try buffer.append(value.string.bytes)
        } else {
          try buffer.append(number: value.number)
        }
      }
    }
  }
}
