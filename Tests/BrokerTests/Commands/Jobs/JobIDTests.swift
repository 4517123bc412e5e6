// JobIDTests.swift: names of jobs and leases as text, and back.

import RESP
import Testing

@testable import Broker

@Suite struct JobIDTests {
  private static let numbers: [UInt64] =
    [0, 1, 9, 10, 15, 16, 0x9A, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, 1 << 60, .max]

  @Test(arguments: [0, 9, 0xA, 0x0F1E_2D3C, UInt32.max])
  func theIDHasTheNodeAndTheNumberInHexadecimal(node: UInt32) {
    let digits = String(node, radix: 16)
    let prefix = "D-" + String(repeating: "0", count: 8 - digits.count) + digits + "-"
    for number in Self.numbers {
      let text = JobID.text(number, node: node)
      #expect(String(decoding: text, as: UTF8.self) == prefix + String(number, radix: 16))
      let read = unsafe text.withUnsafeBytes { unsafe JobID.number(ByteView($0), node: node) }
      #expect(read == number)
    }
  }
}
