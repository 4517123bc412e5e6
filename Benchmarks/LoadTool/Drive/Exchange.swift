// Exchange.swift: requests out, replies in: what a driver does for one connection at a time.
//
// One write for a batch and one read for what has come; replies are only counted, but for those steps
// that want to know what they say.

import Glibc
import RESP

extension Driver {
  // MARK: Sending

  /// Sends the connection's step `count` times at once.
  mutating func send(_ index: Int, count: Int, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    if orders.roles[role].steps[step].template.usesWallClock, now - wallReadAt > 100_000 {
      values.wall = Clock.wallMilliseconds()
      wallReadAt = now
    }
    let isPaced = step == 0 && orders.roles[role].isOffered && pace.interval != nil
    values.client = orders.firstClient + index
    let capturedCount = connections[index].capturedRanges.count
    for number in 0..<count {
      let value =
        number < capturedCount
        ? connections[index].captured.view(
          at: connections[index].capturedRanges[number].lowerBound,
          size: connections[index].capturedRanges[number].count) : ByteView()
      let stamp = isPaced ? pace.due(connections[index].arrival + number) : now
      orders.roles[role].steps[step].template.write(
        to: &outgoing, &values, value: value, stamp: stamp)
    }
    connections[index].batchSize = count
    connections[index].expected =
      count * orders.roles[role].steps[step].template.requestCount
    connections[index].received = 0
    connections[index].emptyCount = 0
    connections[index].sentAt = now
    if !orders.roles[role].steps[step].isBlocking { activeCount += 1 }
    sendOutgoing(index)
  }

  /// Sends what was made; what the system does not take now waits in the connection.
  mutating func sendOutgoing(_ index: Int) {
    defer { outgoing.truncate(to: 0) }
    let size: Int
    switch connections[index].socket.write(outgoing.view) {
    case .bytes(let sent): size = sent
    case .wouldBlock: size = 0
    case .ended: return
    case .failed(let code): return fail(SystemError(call: "write", code: code).reason)
    }
    if size < outgoing.count {
      connections[index].output.append(outgoing.view[size..<outgoing.count])
      watchWriting(index, true)
    }
  }

  mutating func flush(_ index: Int) {
    while !connections[index].output.isEmpty {
      switch connections[index].socket.write(connections[index].output.view) {
      case .bytes(let size): connections[index].output.removeFirst(size)
      case .wouldBlock:
        watchWriting(index, true)
        return
      case .ended: return
      case .failed(let code): return fail(SystemError(call: "write", code: code).reason)
      }
    }
    watchWriting(index, false)
  }

  mutating func watchWriting(_ index: Int, _ isWaiting: Bool) {
    guard connections[index].isWaitingToWrite != isWaiting else { return }
    connections[index].isWaitingToWrite = isWaiting
    poller.watch(connections[index].socket.descriptor, tag: index, forWriting: isWaiting)
  }

  // MARK: Receiving

  /// Reads once and takes what is whole.
  mutating func receive(_ index: Int) {
    let isEmpty = connections[index].input.isEmpty
    let transfer =
      isEmpty
      ? connections[index].socket.read(into: &scratch, upTo: Self.readSize)
      : connections[index].socket.read(into: &connections[index].input, upTo: Self.readSize)
    let now = readClock()
    switch transfer {
    case .wouldBlock: return
    case .ended: return fail("it closed the connection")
    case .failed(let code): return fail(SystemError(call: "read", code: code).reason)
    case .bytes: break
    }
    let input = isEmpty ? scratch.view : connections[index].input.view
    do throws(ReplyFormatError) {
      let size = try take(index, input, now)
      if isEmpty {
        if size < input.count { connections[index].input.append(input[size..<input.count]) }
        scratch.truncate(to: 0)
      } else {
        connections[index].input.removeFirst(size)
      }
    } catch {
      scratch.truncate(to: 0)
      control.stop(.badReply(error.reason))
      return
    }
    if connections[index].expected == 0, connections[index].batchSize > 0 { finish(index, now) }
  }

  /// Takes the replies at the start of `input`; returns how many bytes they had.
  mutating func take(
    _ index: Int, _ input: ByteView, _ now: Int64
  ) throws(ReplyFormatError) -> Int {
    let role = connections[index].role, step = connections[index].step
    let looksInside = orders.roles[role].steps[step].looksInside
    if orders.isText { return try takeLines(index, input, now) }
    var offset = 0, plain = 0
    while connections[index].expected > 0 {
      let rest = input[offset..<input.count]
      guard case .reply(let size) = try connections[index].parser.parse(rest) else { break }
      offset += size
      let mark = rest[0]
      if mark == 0x3E { continue }  // A push answers no request.
      connections[index].expected -= 1
      if mark == 0x2D || mark == 0x21 {
        noteError(index, rest[0..<size])
      } else if looksInside {
        look(index, rest[0..<size], now)
      } else {
        plain += 1
      }
    }
    if plain > 0 { record(index, replies: plain, now) }
    return offset
  }

  /// `take` for replies that are lines.
  private mutating func takeLines(
    _ index: Int, _ input: ByteView, _ now: Int64
  ) throws(ReplyFormatError) -> Int {
    var offset = 0
    while connections[index].expected > 0,
      let reply = try LineReply(input[offset..<input.count])
    {
      offset += reply.size
      connections[index].expected -= 1
      switch reply.kind {
      case .done: record(index, replies: 1, now)
      case .job(let id):
        connections[index].capture(id)
        record(index, replies: 1, now)
      case .nothing: connections[index].emptyCount += 1
      case .error(let text):
        connections[index].received += 1
        if isRecording { recorder.errors += 1 }
        recorder.firstError = recorder.firstError ?? text.text
      }
    }
    return offset
  }

  /// Records `replies` more of the batch in the series of its step.
  mutating func record(_ index: Int, replies: Int, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    let each = orders.roles[role].steps[step].template.requestCount
    let before = connections[index].received / each
    connections[index].received += replies
    let count = connections[index].received / each - before
    guard count > 0, let series = orders.roles[role].steps[step].series, isRecording else { return }
    if step == 0, orders.roles[role].isOffered, pace.interval != nil {
      for number in before..<before + count {
        let due = pace.due(connections[index].arrival + number)
        recorder.record(series, now - due, times: 1, at: now)
      }
    } else {
      recorder.record(series, now - connections[index].sentAt, times: count, at: now)
    }
  }

  /// Reads one reply of a step that wants to know what it says.
  mutating func look(_ index: Int, _ reply: ByteView, _ now: Int64) {
    let role = connections[index].role, step = connections[index].step
    if Self.isEmpty(reply), orders.roles[role].steps[step].onEmpty != .counts {
      connections[index].emptyCount += 1
      return
    }
    if let series = orders.roles[role].steps[step].deliverySeries,
      let body = ReplyReader.value(of: reply, at: orders.roles[role].steps[step].bodyPath)?.bytes,
      let stamp = Stamp.read(body)
    {
      let delay = orders.roles[role].steps[step].deliveryDelay
      if isRecording { recorder.record(series, now - stamp - delay, times: 1, at: now) }
    }
    if let path = orders.roles[role].steps[step].capturePath,
      let bytes = ReplyReader.value(of: reply, at: path)?.bytes
    {
      connections[index].capture(bytes)
    }
    record(index, replies: 1, now)
  }

  /// Whether a reply says that there is nothing: `$-1`, `*-1`, `_`, `*0`.
  private static func isEmpty(_ reply: ByteView) -> Bool {
    if reply[0] == 0x5F { return true }
    guard reply.count >= 4, reply[0] == 0x24 || reply[0] == 0x2A else { return false }
    return reply[1] == 0x2D || reply[0] == 0x2A && reply[1] == 0x30
  }

  mutating func noteError(_ index: Int, _ reply: ByteView) {
    guard case .error(let text)? = ReplyReader.value(of: reply, at: []) else { return }
    let message = text.text
    let lowercased = message.lowercased()
    if lowercased.contains("unknown command") || lowercased.contains("unknown subcommand") {
      return control.stop(.unknownCommand(message))
    }
    connections[index].received += 1
    if isRecording { recorder.errors += 1 }
    recorder.firstError = recorder.firstError ?? message
  }
}
