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
    try write(entry, to: &output)
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
    var input = DumpInput(body)
    guard let entry = read(&input, key.bytes, deadline, sizeMax: c.settings.bulkSizeMax) else {
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

  // MARK: Values

  /// Elements of a list that one node has, in bytes: as Redis' default.
  private static let nodeSize = 8 << 10

  private static func write(_ entry: Entry, to output: inout RDBOutput) throws(CommandError) {
    switch entry.kind {
    case .string:
      output.byte(0)
      entry.withString { output.string($0) }
    case .list:
      output.byte(18)
      write(entry.list, to: &output)
    case .set, .sortedSet, .hash, .stream:
      throw CommandError("ERR DUMP has no form for a value of this type yet")
    }
  }

  private static func write(_ list: List, to output: inout RDBOutput) {
    var nodes: [Range<Int>] = [], start = 0, size = 0, index = 0
    list.forEach(in: 0..<list.count) { element in
      if size > 0, size + element.count > nodeSize {
        nodes.append(start..<index)
        (start, size) = (index, 0)
      }
      size += element.count + 11  // The most that an entry adds to a short element.
      index += 1
    }
    nodes.append(start..<index)
    output.length(nodes.count)
    var node = ListpackWriter()
    for range in nodes {
      list.forEach(in: range) { node.append($0) }
      output.length(2)  // A listpack.
      let bytes = node.take()
      output.length(bytes.count)
      output.append(bytes.view)
    }
  }

  /// The value at the front of `input`, which nothing may follow, as an entry; nil if it is none.
  private static func read(
    _ input: inout DumpInput, _ key: ByteView, _ deadline: Int64?, sizeMax: Int
  ) -> Entry? {
    do throws(DumpFlaw) {
      guard let type = RDBType(try input.byte()) else { return nil }
      var text = ByteBuffer()
      switch type {
      case .string:
        try input.string(into: &text, sizeMax: sizeMax)
        return input.left == 0 ? .string(key, text.view, deadline: deadline) : nil
      case .list(let layout):
        var elements = ListElements()
        try input.list(layout, sizeMax: sizeMax, text: &text, into: &elements)
        guard input.left == 0, let list = elements.take() else { return nil }
        return .value(key, list, deadline: deadline)
      case .set, .hash, .sortedSet, .stream, .foreign: return nil
      }
    } catch { return nil }
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

// MARK: Reading

/// What DUMP gave is not what it should be: RESTORE says no more than that.
private struct DumpFlaw: Error {}

/// The bytes of a dump between its front and its version.
private struct DumpInput: RDBInput, ~Copyable {
  /// Versions that are read: those of Redis 5 to 7.4 and Valkey 8.
  private static let versionMax: UInt16 = 12
  private static let footerSize = 10

  private let bytes: ByteView
  private(set) var offset = 0

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// What stands before the version and the checksum of `payload`; nil if these are wrong.
  static func body(of payload: ByteView) -> ByteView? {
    guard payload.count >= footerSize else { return nil }
    let end = payload.count - footerSize
    guard payload.littleEndian(at: end, as: UInt16.self) <= versionMax,
      CRC64.checksum(payload[0..<end + 2])
        == payload.littleEndian(at: end + 2, as: UInt64.self)
    else { return nil }
    return payload[0..<end]
  }

  var left: Int { bytes.count - offset }

  mutating func take(_ count: Int) throws(DumpFlaw) -> ByteView {
    guard count <= left else { throw DumpFlaw() }
    offset += count
    return bytes[offset - count..<offset]
  }

  mutating func skip(_ count: Int) throws(DumpFlaw) { _ = try take(count) }

  func flaw(_ reason: String, at offset: Int?) -> DumpFlaw { DumpFlaw() }
}

/// A list in the making.
private struct ListElements: RDBElements, ~Copyable {
  private var list: List? = List.make()

  deinit { list?.release() }

  mutating func append(_ element: PackedElement) throws(DumpFlaw) {
    element.withView { list?.push($0, at: .tail) }
  }

  /// Hands the list over; nil if it is empty, which no key's is.
  mutating func take() -> List? {
    guard let list, !list.isEmpty else { return nil }
    self.list = nil
    return list
  }
}
