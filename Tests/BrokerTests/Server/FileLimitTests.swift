// FileLimitTests.swift: a log whose files may not grow any more (`ulimit -f`, `LimitFSIZE` of a service).
//
// The limit and the signal that comes with it are of a whole process: this one is the tests' own.

import Glibc
import Testing

@testable import Broker

/// Lets no file of this process grow beyond `size` bytes; nil takes the limit away.
private func limitFiles(to size: UInt?) {
  let files = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
  var limit = rlimit()
  precondition(unsafe getrlimit(files, &limit) == 0)
  limit.rlim_cur = min(size ?? .max, limit.rlim_max)
  precondition(unsafe setrlimit(files, &limit) == 0)
}

/// Goal: a log at the limit of its file's size is as one on a full disk: what grows is refused, the rest goes
/// on, nothing is lost, and the process lives. Method: a write of more than the limit, which is lifted then.
@Test func aLogThatMayNotGrowIsAsAFullDisk() async {
  await #expect(processExitsWith: .success) {
    let rig = try ServerRig()
    let writer = try rig.client(), reader = try rig.client()
    writer.request("SET k v")
    #expect(rig.run(writer, until: "+OK\r\n"))
    writer.received.reset()
    limitFiles(to: 2 << 20)
    writer.request([Array("SET".utf8), Array("big".utf8), [UInt8](repeating: 0x61, count: 3 << 20)])
    #expect(
      rig.run([writer]) { $0.engine.context.writesRefused != nil || rig.log.failure != nil })
    try #require(rig.log.failure == nil)
    reader.request("GET k", "SET more x")
    #expect(
      rig.run([reader]) { _ in
        reader.text.hasPrefix("$1\r\nv\r\n-MISCONF ") && reader.text.hasSuffix("\r\n")
      })
    #expect(writer.text == "")
    limitFiles(to: nil)
    let isWritten = rig.run([writer]) { _ in
      rig.clock.advance(milliseconds: 300)  // The log tries again now and then.
      return writer.text == "+OK\r\n"
    }
    #expect(isWritten)
    reader.received.reset()
    #expect(rig.run([reader]) { $0.engine.context.writesRefused == nil })
    reader.request("SET more x", "STRLEN big")
    #expect(rig.run(reader, until: "+OK\r\n:3145728\r\n"))
    #expect(rig.stop() == 0)
  }
}
