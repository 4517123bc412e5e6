import Testing

@testable import RESP

@Test func integersAreReadInTheStrictForm() {
  #expect(ByteView("0").integer == 0)
  #expect(ByteView("-9223372036854775808").integer == Int64.min)
  #expect(ByteView("9223372036854775807").integer == Int64.max)
  for wrong: StaticString in ["", "-", "+1", "01", "-0", " 1", "9223372036854775808", "1a"] {
    #expect(ByteView(wrong).integer == nil)
  }
}
