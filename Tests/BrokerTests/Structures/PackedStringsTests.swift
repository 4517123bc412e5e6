// PackedStringsTests.swift: strings packed and read back, and bytes that are no strings.

import RESP
import Testing

@testable import Broker

private func with<R>(_ bytes: [UInt8], _ body: (ByteView) -> R) -> R {
  var buffer = ByteBuffer()
  buffer.append(bytes)
  return body(buffer.view)
}

private func packed(_ text: String) -> [UInt8] {
  with(Array(text.utf8)) { text in
    var buffer = ByteBuffer()
    PackedForm(text).append(to: &buffer)
    return buffer.view.array
  }
}

/// Goal: each string has one form, from which it is read back. Method: numbers on both sides of every
/// border, strings of sizes around theirs, and what looks like a number and is none.
@Test func stringsComeBackFromTheirForm() {
  var texts = ["", "007", "-0", "+1", " 1", "1.5", "9223372036854775808", "-", "a"]
  for bits in [0, 5, 6, 7, 8, 15, 16, 23, 24, 31, 32, 62] as [Int64] {
    for number in [1 << bits - 1, 1 << bits, -1 << bits, -1 << bits - 1] as [Int64] {
      texts.append("\(number)")
    }
  }
  texts += ["\(Int64.max)", "\(Int64.min)"]
  for size in [1, 126, 127, 128, 129, 65_535, 65_536] {
    texts.append(String(repeating: "s", count: size))
  }
  var all: [UInt8] = []
  for text in texts { all += packed(text) }
  with(all) { bytes in
    var offset = 0
    for text in texts {
      let found = PackedStrings.text(bytes, offset)
      #expect(found.withView { $0.text } == text)
      #expect(found.count == text.utf8.count)
      #expect(PackedStrings.checkedEnd(bytes, offset) == PackedStrings.end(bytes, offset))
      for other in texts {
        let isSame = with(Array(other.utf8)) { PackedForm($0).matches(bytes, at: offset) }
        #expect(isSame == (other == text), "\(text.prefix(30)) and \(other.prefix(30))")
      }
      offset = PackedStrings.end(bytes, offset)
    }
    #expect(offset == bytes.count)
  }
}

@Test(arguments: [
  ("63", 1), ("64", 2), ("-1", 2), ("-128", 2), ("128", 3), ("32768", 4), ("8388608", 5),
  ("2147483648", 9), ("", 1), ("seven b", 8),
])
func smallNumbersTakeFewBytes(text: String, size: Int) {
  #expect(packed(text).count == size)
}

/// Goal: no bytes lead a reader out of them. Method: random bytes, and real ones cut at each byte.
@Test func bytesThatAreNoStringsAreFound() {
  var random = SplitMix64(seed: 5)
  for _ in 0..<20_000 {
    let bytes = (0..<Int(random.next() % 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    with(bytes) { bytes in
      var offset = 0
      while let end = PackedStrings.checkedEnd(bytes, offset) {
        #expect(end > offset && end <= bytes.count)
        offset = end
      }
    }
  }
  for text in ["a", "1000", "\(Int64.min)", String(repeating: "s", count: 300)] {
    let whole = packed(text)
    for size in whole.indices {
      #expect(with(Array(whole[..<size])) { PackedStrings.checkedEnd($0, 0) } == nil)
    }
  }
  let tooLong: [UInt8] = [0xD2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]
  #expect(with(tooLong) { PackedStrings.checkedEnd($0, 0) } == nil)
}
