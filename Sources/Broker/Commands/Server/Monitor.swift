// Monitor.swift: MONITOR: a client that is shown every command.

import RESP

extension ServerCommands {
  /// `MONITOR` → OK, then a line for each command that runs, administrative ones left out.
  static func monitor(_ c: inout Context) throws(CommandError) {
    guard !c.isInExec else {
      throw CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client")
    }
    guard !c.sessions[c.slot].flags.contains(.monitor) else { return }
    c.sessions[c.slot].flags.insert(.monitor)
    c.monitors.append(c.slot)
    c.reply.ok()
  }
}

extension Context {
  mutating func stopMonitoring(_ slot: Int) {
    guard sessions[slot].flags.contains(.monitor) else { return }
    sessions[slot].flags.remove(.monitor)
    monitors.removeAll { $0 == slot }
  }

  /// Shows the command that has just run to who monitors. They see it no sooner than its client
  /// sees the reply.
  mutating func feedMonitors(_ flags: CommandFlags) {
    guard !isLoading, flags.isDisjoint(with: [.admin, .skipMonitor]) else { return }
    var line = ByteBuffer()
    let rest = String(wall % 1000 * 1000 + wallMicroseconds)
    let zeros = String(repeating: "0", count: 6 - rest.utf8.count)
    let isUnix = sessions[slot].flags.contains(.unixSocket)
    let address =
      isInScript
      ? "lua" : isUnix ? "unix:\(settings.unixSocket)" : sessions[slot].address
    line.append("+\(wall / 1000).\(zeros)\(rest) [\(database) \(address)]")
    for index in 0..<arguments.count {
      line.append(" \"")
      if redacted.contains(index) {
        line.append("(redacted)")
      } else {
        line.append(escaped: arguments[index])
      }
      line.append("\"")
    }
    line.append("\r\n")
    for monitor in monitors {
      if monitor == slot {
        reply.raw(line.view)
      } else {
        sessions[monitor].reply.raw(line.view)
        holdReplies(of: monitor, until: hold)
        touchSession(monitor)
      }
    }
  }
}

extension ByteBuffer {
  /// Appends `bytes` as a quoted word shows them: \n \r \t \a \b, \" and \\, \xHH for the rest that
  /// can't be printed.
  mutating func append(escaped bytes: ByteView) {
    for index in 0..<bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""):
        append(byte: UInt8(ascii: "\\"))
        append(byte: byte)
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0x07: append("\\a")
      case 0x08: append("\\b")
      case 0x20...0x7E: append(byte: byte)
      default:
        append("\\x")
        append(String(byte >> 4, radix: 16))
        append(String(byte & 15, radix: 16))
      }
    }
  }
}
