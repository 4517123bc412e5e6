// Replay.swift: the commands of the log, run again.
//
// What the log has are effects: they were checked when they were made, and nothing in them expires,
// waits or is logged again. A frame comes with a checksum, so that a command which cannot be applied
// is our own mistake or damage by intent; the start is refused then, by the offset.

import RESP

extension Engine {
  /// Why a frame could not be applied.
  struct ReplayError: Error {
    /// Where in the frame's body the command begins.
    let offset: Int
    let reason: String
  }

  /// Applies the `count` commands of a frame's body.
  ///
  /// Nothing else may be served meanwhile. Changes are not counted as made since the last checkpoint.
  /// - Throws: at the first command that cannot be applied; those before it have been.
  mutating func replay(_ body: ByteView, count: Int) throws(ReplayError) {
    let before = context.beginReplay()
    defer { context.endReplay(before) }
    var limits = RequestLimits()
    limits.bulkSizeMax = body.count
    var parser = RequestParser()
    var offset = 0, applied = 0
    while offset < body.count {
      let rest = body[offset..<body.count]
      offset += try replayNext(&parser, rest, at: offset, limits)
      applied += 1
    }
    guard applied == count else {
      throw ReplayError(
        offset: offset, reason: "the frame has \(applied) commands, its header says \(count)")
    }
  }

  /// Applies the first command of `rest`.
  ///
  /// - Returns: its size.
  @inline(__always)
  private mutating func replayNext(
    _ parser: inout RequestParser, _ rest: ByteView, at offset: Int, _ limits: RequestLimits
  ) throws(ReplayError) -> Int {
    let outcome: RequestParser.Outcome
    do throws(ProtocolError) { outcome = try parser.parse(rest, limits: limits) } catch {
      throw ReplayError(offset: offset, reason: error.message)
    }
    guard case .request(let size) = outcome, !parser.isInline, size <= Int(UInt32.max) else {
      throw ReplayError(offset: offset, reason: "no whole command")
    }
    context.arguments = unsafe Arguments(rest, parser.arguments)
    do throws(CommandError) { try context.apply() } catch {
      throw ReplayError(offset: offset, reason: error.text)
    }
    return size
  }
}

extension Context {
  /// What a replay must leave as it was.
  fileprivate struct BeforeReplay {
    let slot: Int, database: Int, commit: UInt64, changes: Int, isLogging: Bool
    let hits: Int, misses: Int
  }

  fileprivate mutating func beginReplay() -> BeforeReplay {
    let before = BeforeReplay(
      slot: slot, database: database, commit: commit, changes: changes,
      isLogging: effects.isEnabled, hits: statistics.hits, misses: statistics.misses)
    slot = 0
    database = 0
    commit = 0
    request = nil
    effects.isEnabled = false
    isLoading = true
    isInExec = true
    return before
  }

  fileprivate mutating func endReplay(_ before: BeforeReplay) {
    slot = before.slot
    database = before.database
    commit = before.commit
    changes = before.changes
    effects.isEnabled = before.isLogging
    statistics.hits = before.hits
    statistics.misses = before.misses
    isLoading = isStarting
    isInExec = false
    hasPropagated = false
    hold = 0
    arguments = Arguments()
    reply.bytes.reset(keeping: 1 << 16)
    graveyard.freeSome()
  }

  /// Runs the body of the command in `arguments`, with nothing around it.
  @inline(__always)
  fileprivate mutating func apply() throws(CommandError) {
    guard arguments.count > 0, var index = table.index(of: arguments[0]) else {
      throw CommandError("unknown command")
    }
    if table.entries[index].isContainer, arguments.count > 1 {
      guard let sub = table.subcommand(of: index, arguments[1]) else {
        throw CommandError("unknown subcommand")
      }
      index = sub
    }
    let entry = table.entries[index]
    guard entry.arity >= 0 ? arguments.count == entry.arity : arguments.count >= -entry.arity else {
      throw .wrongArity(table.names[index])
    }
    guard entry.flags.contains(.write) || arguments[0].matches("select") else {
      throw CommandError("'\(table.names[index])' changes nothing")
    }
    command = index
    try entry.body(&self)
    reply.bytes.truncate(to: 0)
  }
}
