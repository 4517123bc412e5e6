// KeyDumps.swift: DUMP and RESTORE: a value as bytes that other servers know.
//
//     type u8, the value as RDB files have it, version of the format u16, CRC-64 of all before it
//
// The log has RESTORE with what was given to it and an absolute time.

import RESP

extension Keys {
  static let dumps: [Command] = [
    Command(
      "DUMP", arity: .exactly(2), flags: [.readOnly], keys: [.one(1, [.read])], group: .generic,
      since: "2.6.0",
      summary: "Shows the value of a key as bytes for RESTORE.",
      complexity: "O(N), N bytes of the value", categories: ["@keyspace"], body: dump),
    Command(
      "RESTORE", arity: .atLeast(4), flags: [.write, .denyOOM],
      keys: [.one(1, [.overwrite, .update])], group: .generic, since: "2.6.0",
      summary: "Makes a key of the bytes that DUMP gave.",
      complexity: "O(N), N bytes of the value", categories: ["@keyspace", "@dangerous"],
      body: restore),
  ]

  /// `DUMP key` → the bytes, or null.
  static func dump(_ c: inout Context) throws(CommandError) {
    guard let entry = c.find(c.key(1), touching: false) else { return c.reply.null() }
    var output = RDBOutput()
    output.value(of: entry, c.keyHash)
    output.endDump()
    c.reply.bulk(output.bytes.view)
  }

  /// `RESTORE key ttl bytes [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]` → OK. A ttl of 0
  /// is none; one that has passed makes no key.
  static func restore(_ c: inout Context) throws(CommandError) {
    let options = try RestoreOptions(c)
    let key = c.key(1), payload = c.arguments[3]
    guard options.replaces || c.findForWriting(key) == nil else {
      throw CommandError("BUSYKEY Target key name already exists.")
    }
    guard let ttl = c.arguments[2].integer else { throw .notAnInteger }
    guard ttl >= 0 else { throw CommandError("ERR Invalid TTL value, must be >= 0") }
    var deadline = ttl == 0 ? nil : ttl
    if let relative = deadline, !options.isAbsolute {
      let (sum, overflow) = relative.addingReportingOverflow(c.wall)
      guard !overflow else { throw CommandError("ERR Invalid TTL value, must be >= 0") }
      deadline = sum
    }
    guard let body = DumpInput.body(of: payload) else {
      throw CommandError("ERR DUMP payload version or checksum are wrong")
    }
    var reader = DumpReader(body, c)
    guard let entry = reader.entry(key.bytes, deadline) else {
      throw CommandError("ERR Bad data format")
    }
    let isReplaced = c.peek(key) != nil
    if isReplaced { c.drop(key) }
    c.reply.ok()
    if let deadline, deadline <= c.wall, !c.isLoading {
      c.bury(entry)
      guard isReplaced else { return }
      c.modified(key)
      c.propagate("DEL", key.bytes)
      return c.notify(.generic, "del", key)
    }
    c.insert(entry, key)
    let age = UInt32(clamping: min(options.idleSeconds, Int64(entry.accessed)))
    entry.accessed -= age
    c.modified(key)
    c.notify(.generic, "restore", key)
    c.signalReady(key)
    c.hasPropagated = true
    c.effects.command(words: 6, in: c.database) { writer in
      writer.word("RESTORE")
      writer.word(key.bytes)
      writer.word(integer: deadline ?? 0)
      writer.word(payload)
      writer.word("REPLACE")
      writer.word("ABSTTL")
    }
  }
}

/// The options of a RESTORE.
private struct RestoreOptions {
  private(set) var replaces = false
  private(set) var isAbsolute = false
  /// For how long nobody has used the key.
  private(set) var idleSeconds: Int64 = 0

  init(_ c: borrowing Context) throws(CommandError) {
    var index = 4
    var hasIdleTime = false, hasFrequency = false
    while index < c.arguments.count {
      let word = c.arguments[index], following = c.arguments.count - index - 1
      if word.matches("replace") {
        replaces = true
      } else if word.matches("absttl") {
        isAbsolute = true
      } else if word.matches("idletime"), following >= 1, !hasFrequency {
        guard let seconds = c.arguments[index + 1].integer else { throw .notAnInteger }
        guard seconds >= 0 else {
          throw CommandError("ERR Invalid IDLETIME value, must be >= 0")
        }
        (idleSeconds, hasIdleTime) = (seconds, true)
        index += 1
      } else if word.matches("freq"), following >= 1, !hasIdleTime {
        // As in Redis it means something only to a policy that counts uses, and there is none.
        guard let frequency = c.arguments[index + 1].integer else { throw .notAnInteger }
        guard (0...255).contains(frequency) else {
          throw CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255")
        }
        hasFrequency = true
        index += 1
      } else {
        throw .syntax
      }
      index += 1
    }
  }
}
