import Testing

@testable import Broker

private let time = LocalTime(
  year: 2026, month: 11, day: 1, hour: 5, minute: 23, second: 1, millisecond: 7)

@Test func aLogLineReadsLikeRedis() {
  #expect(
    ServerLog.line(.notice, "Ready", at: time, processID: 42)
      == "42:M 01 Nov 2026 05:23:01.007 * Ready")
  #expect(
    ServerLog.line(.warning, "a\r\nb", at: time, processID: 1)
      == "1:M 01 Nov 2026 05:23:01.007 # a b")
}

@Test func levelsBelowTheLeastAreNotWritten() throws {
  let path = "/tmp/martlet-log-test-\(ProcessInfo.id)-\(SystemClock.monotonic())"
  defer { TextFile.remove(path) }
  let log = try ServerLog(path: path, level: .notice)
  log.verbose("hidden")
  log.notice("shown")
  log.level = .debug
  log.debug("shown too")
  let lines = String(decoding: try TextFile.read(path), as: UTF8.self).split(separator: "\n")
  #expect(lines.count == 2)
  #expect(lines.first?.hasSuffix(" * shown") == true)
  #expect(lines.last?.hasSuffix(" . shown too") == true)
}

@Test func aLogFileThatCannotBeOpenedIsAnError() {
  #expect(throws: SystemError.self) {
    try ServerLog(path: "/nonexistent-folder/martlet.log", level: .notice)
  }
}
