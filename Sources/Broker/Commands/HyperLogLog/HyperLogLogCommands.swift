// HyperLogLogCommands.swift: PFADD, PFCOUNT, PFMERGE: counting different things in little memory.
//
// A HyperLogLog is a string of Redis' format (Structures/HyperLogLog.swift). A dense one is changed in
// place, a few bytes at a time. The log has PFADD and PFMERGE as they came, but one that makes a sparse
// string dense as SET: when that happens is a setting, which may be another at the replay. PFCOUNT keeps
// its estimate in the string, which the log has as the SETRANGE that it is.

import RESP

enum HyperLogLogCommands {
  static let commands: [Command] = [
    Command(
      "PFADD", arity: .atLeast(2), flags: [.write, .denyOOM, .fast], keys: [.one(1, [.insert])],
      group: .hyperloglog, since: "2.8.9",
      summary: "Counts things among those seen; a HyperLogLog is made when absent.",
      complexity: "O(N), N things; up to 3 KB are looked at for each while there are few", body: add
    ),
    Command(
      "PFCOUNT", arity: .atLeast(2), flags: [.readOnly, .likeWrite],
      keys: [.range(1, -1, [.read])], group: .hyperloglog, since: "2.8.9",
      summary: "Estimates how many different things were counted, in all the keys together.",
      complexity: "O(1) for a key that was not changed since, else O(N), N keys", body: count),
    Command(
      "PFMERGE", arity: .atLeast(2), flags: [.write, .denyOOM],
      keys: [.one(1, [.read, .insert]), .range(2, -1, [.read])], group: .hyperloglog,
      since: "2.8.9",
      summary: "Makes a HyperLogLog of what was counted in several.",
      complexity: "O(N), N keys", body: merge),
  ]

  /// `PFADD key [element ...]` → integer: 1 if a register changed, which the estimate may show, or if
  /// the key is new.
  static func add(_ c: inout Context) throws(CommandError) {
    let key = c.key(1)
    guard let entry = try c.stringForWriting(key) else {
      var new = HyperLogLog()
      _ = try addAll(c, to: &new)
      new.forgetEstimate()
      return end(&c, key, new, deadline: nil)
    }
    let isDense = try entry.withString { bytes -> Result<Bool, HyperLogLog.Flaw> in
      Result { () throws(HyperLogLog.Flaw) in
        try HyperLogLog.check(bytes)
        return bytes[4] == 0
      }
    }.orError()
    guard isDense else {
      var old = try load(entry)
      guard try addAll(c, to: &old) else { return c.reply.integer(0) }
      old.forgetEstimate()
      return end(&c, key, old, deadline: entry.deadline)
    }
    addInPlace(&c, key, entry)
  }

  private static func addAll(
    _ c: borrowing Context, to log: inout HyperLogLog
  ) throws(CommandError) -> Bool {
    var isChanged = false
    for index in 2..<max(2, c.arguments.count) {
      do throws(HyperLogLog.Flaw) {
        let mark = HyperLogLog.Mark(of: c.arguments[index])
        if try log.raise(mark, sparseMax: sparseMax(c)) { isChanged = true }
      } catch { throw CommandError(error) }
    }
    return isChanged
  }

  /// Bytes that a sparse string may have; at a replay what the log says.
  private static func sparseMax(_ c: borrowing Context) -> Int {
    c.isLoading ? .max : c.settings.sparseHyperLogLogMax
  }

  private static func end(
    _ c: inout Context, _ key: Key, _ log: HyperLogLog, deadline: Int64?
  ) {
    put(&c, key, log, wasDense: false, deadline: deadline)
    c.reply.integer(1)
  }

  private static func put(
    _ c: inout Context, _ key: Key, _ log: HyperLogLog, wasDense: Bool, deadline: Int64?
  ) {
    unsafe log.bytes.withUnsafeBytes {
      let bytes = unsafe ByteView($0)
      c.setString(bytes, key, deadline: deadline)
      if log.isDense, !wasDense { c.propagateString(key, bytes, deadline: deadline) }
    }
    c.modified(key)
    c.notify(.string, "pfadd", key)
  }

  private static func addInPlace(_ c: inout Context, _ key: Key, _ start: Entry) {
    var entry = start, isChanged = false
    for index in 2..<max(2, c.arguments.count) {
      let mark = HyperLogLog.Mark(of: c.arguments[index])
      guard let change = entry.withString({ HyperLogLog.change(mark, inDense: $0) }) else {
        continue
      }
      entry = c.write(change.bytes, at: change.index, key, entry)
      isChanged = true
    }
    c.reply.integer(isChanged ? 1 : 0)
    guard isChanged else { return }
    let last = entry.withString { $0[15] }
    c.write([last | 0x80], at: 15, key, entry)
    c.modified(key)
    c.notify(.string, "pfadd", key)
  }

  /// `PFCOUNT key [key ...]` → integer: the estimate for what was counted in any of the keys.
  static func count(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count == 2 else {
      var registers = HyperLogLogRegisters()
      for index in 1..<c.arguments.count {
        guard let entry = try c.string(c.key(index)) else { continue }
        try raise(&registers, to: entry)
      }
      return c.reply.integer(Int64(registers.estimate))
    }
    let key = c.key(1)
    guard let entry = try c.string(key) else { return c.reply.integer(0) }
    let kept = try entry.withString { bytes -> Result<UInt64?, HyperLogLog.Flaw> in
      Result { () throws(HyperLogLog.Flaw) in
        try HyperLogLog.check(bytes)
        return HyperLogLog.estimateKept(bytes)
      }
    }.orError()
    if let kept { return c.reply.integer(Int64(kept)) }
    var registers = HyperLogLogRegisters()
    try raise(&registers, to: entry)
    let estimate = registers.estimate
    c.reply.integer(Int64(estimate))
    keep(&c, key, estimate)
  }

  /// Keeps an estimate for the next PFCOUNT.
  private static func keep(_ c: inout Context, _ key: Key, _ estimate: UInt64) {
    guard let entry = c.findForWriting(key) else { return }
    unsafe withUnsafeBytes(of: estimate.littleEndian) {
      let bytes = unsafe ByteView($0)
      c.write(bytes, at: 8, key, entry)
      c.modified(key)
      c.hasPropagated = true
      c.effects.command(words: 4, in: c.database) { writer in
        writer.word("SETRANGE")
        writer.word(key.bytes)
        writer.word("8")
        writer.word(bytes)
      }
    }
  }

  /// `PFMERGE destination [source ...]` → OK. The destination is one of those that are merged.
  static func merge(_ c: inout Context) throws(CommandError) {
    var registers = HyperLogLogRegisters()
    var isDense = false
    for index in 1..<c.arguments.count {
      guard let entry = try c.string(c.key(index)) else { continue }
      try raise(&registers, to: entry)
      if entry.withString({ $0[4] == 0 }) { isDense = true }
    }
    let key = c.key(1)
    let entry = try c.stringForWriting(key)
    var result = HyperLogLog()
    if let entry { result = try load(entry) }
    let wasDense = result.isDense
    if isDense {
      result.takeDense(registers)
    } else {
      do throws(HyperLogLog.Flaw) {
        for (register, rank) in registers.ranks.enumerated() where rank > 0 {
          _ = try result.raise(
            HyperLogLog.Mark(register: register, rank: rank), sparseMax: sparseMax(c))
        }
      } catch { throw CommandError(error) }
    }
    result.forgetEstimate()
    put(&c, key, result, wasDense: wasDense, deadline: entry?.deadline)
    c.reply.ok()
  }

  // MARK: Reading strings

  private static func load(_ entry: Entry) throws(CommandError) -> HyperLogLog {
    try entry.withString { bytes in
      Result { () throws(HyperLogLog.Flaw) in try HyperLogLog(bytes) }
    }.orError()
  }

  private static func raise(
    _ registers: inout HyperLogLogRegisters, to entry: Entry
  ) throws(CommandError) {
    try entry.withString { bytes in
      Result { () throws(HyperLogLog.Flaw) in
        try HyperLogLog.check(bytes)
        try registers.raise(to: bytes)
      }
    }.orError()
  }
}

extension Result where Failure == HyperLogLog.Flaw {
  fileprivate func orError() throws(CommandError) -> Success {
    switch self {
    case .success(let value): return value
    case .failure(let flaw): throw CommandError(flaw)
    }
  }
}

extension CommandError {
  fileprivate init(_ flaw: HyperLogLog.Flaw) {
    switch flaw {
    case .foreign: self.init("WRONGTYPE Key is not a valid HyperLogLog string value.")
    case .corrupt: self.init("INVALIDOBJ Corrupted HLL object detected")
    }
  }
}
