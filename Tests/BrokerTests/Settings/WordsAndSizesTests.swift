import RESP
import Testing

@testable import Broker

private func split(_ line: String) -> [String]? {
  Words.split(line)?.map { String(decoding: $0, as: UTF8.self) }
}

@Test func aLineIsCutAsRedisCutsIt() {
  #expect(split("  set  key value \r\n") == ["set", "key", "value"])
  #expect(split("a \"b c\" 'd e'") == ["a", "b c", "d e"])
  #expect(split("\"\\x41\\n\\\"\\q\" 'it\\'s \\n'") == ["A\n\"q", "it's \\n"])
  #expect(split("a\"b\" c") == ["ab", "c"])
  #expect(split("\"\" ''") == ["", ""])
  #expect(split("") == [])
  #expect(split("a\0b") == ["a"])
  #expect(Words.split("\"\\xff\"") == [[0xFF]])
}

@Test(arguments: ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\", "\"a\\\""])
func unbalancedQuotesAreRefused(line: String) {
  #expect(Words.split(line) == nil)
}

@Test(arguments: [
  "", "plain", "with blank", "quo\"te", "it's", "tab\tnew\nline", "\u{1}", "#x", "ü\\",
])
func aQuotedWordIsReadBack(word: String) {
  #expect(split(Words.quoted(word)) == [word])
}

@Test func amountsOfMemoryAreReadAsRedisReadsThem() {
  let sizes: [(String, Int?)] = [
    ("0", 0), ("1024", 1024), ("1b", 1), ("1k", 1000), ("1kb", 1024), ("3M", 3_000_000),
    ("64mb", 64 << 20), ("1G", 1_000_000_000), ("2GB", 2 << 30), ("", 0), ("b", 0),
    ("-1", nil), ("1.5gb", nil), ("1x", nil), ("1 kb", nil), ("x", nil),
    ("9223372036854775807", Int.max), ("9223372036854775808", nil), ("99999999999gb", nil),
  ]
  for (text, size) in sizes {
    var text = text
    #expect(text.withView { MemorySize.parse($0) } == size, "\(text)")
  }
}

@Test func amountsOfMemoryArePrintedForFilesAndForPeople() {
  #expect(MemorySize.exact(0) == "0")
  #expect(MemorySize.exact(1 << 30) == "1gb")
  #expect(MemorySize.exact(64 << 20) == "64mb")
  #expect(MemorySize.exact(1025) == "1025")
  #expect(MemorySize.rounded(1023) == "1023B")
  #expect(MemorySize.rounded(1024) == "1.00K")
  #expect(MemorySize.rounded(1_572_864) == "1.50M")
  #expect(MemorySize.rounded(1_048_575) == "1024.00K")
  #expect(MemorySize.rounded(5 << 40) == "5.00T")
}
