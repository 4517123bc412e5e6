// WorkerCalls.swift: what a worker says as commands, and replies as what it hears.

import RESP
import Synchronization

/// The calls of one worker.
struct WorkerCalls: Sendable {
  let client: MartletClient
  let lanes: [WorkerQueues]
  let name: String?
  let lease: Duration?
  /// The queues whose elements are no jobs: a server that has no jobs has these.
  let lists: Set<String>
  private let hasNoJobs = Flag()

  init(
    client: MartletClient, lanes: [WorkerQueues], name: String?, lease: Duration?,
    lists: Set<String>
  ) {
    self.client = client
    self.lanes = lanes
    self.name = name
    self.lease = lease
    self.lists = lists
  }

  /// How long one call waits at the broker for a job. It ends so that a broker that is gone without a
  /// word is found out.
  private static let patience: Duration = .seconds(30)

  // MARK: Taking

  /// Takes up to `count` jobs of a lane's queues, and waits for the first.
  ///
  /// - Returns: no jobs when none came in time.
  func fetch(lane: Int, count: Int) async throws(MartletError) -> [Delivery] {
    let queues = lanes[lane].names
    if hasNoJobs.isSet { return try await pop(queues, count: count) }
    do throws(MartletError) { return try await take(queues, count: count) } catch {
      guard error.code == .unsupported, lists.isSuperset(of: queues) else { throw error }
      hasNoJobs.set()
      return try await pop(queues, count: count)
    }
  }

  private func take(_ queues: [String], count: Int) async throws(MartletError) -> [Delivery] {
    var command = Command(name: "GETJOB")
    command.word("TIMEOUT")
    command.append(Self.patience.milliseconds)
    command.word("COUNT")
    command.append(count)
    if let lease {
      command.word("LEASE")
      command.append(max(1, lease.milliseconds))
    }
    if let name {
      command.word("WORKER")
      command.append(name)
    }
    command.word("WITHMETA")
    command.word("FROM")
    for queue in queues { command.append(queue) }
    let reply = try await client.blockingReply(
      to: command, within: Self.patience + client.options.timeout, isCounted: false)
    return try Self.deliveries(reply, queues)
  }

  /// Pops up to `count` elements off the first list that has any, on a server without jobs (Redis 7, Valkey).
  private func pop(_ queues: [String], count: Int) async throws(MartletError) -> [Delivery] {
    var command = Command(name: "BLMPOP")
    command.append(Self.patience.milliseconds / 1000)
    command.append(queues.count)
    for queue in queues { command.append(queue) }
    command.word("RIGHT")
    command.word("COUNT")
    command.append(count)
    let bytes = try await client.blockingReply(
      to: command, within: Self.patience + client.options.timeout, isCounted: false)
    let reply = try Value(reply: bytes)
    if let error = reply.error { throw error.isUnknownCommand ? .noLists(error.message) : error }
    guard let parts = reply.array, parts.count == 2, let queue = parts[0].text else { return [] }
    return (parts[1].array ?? []).compactMap { element in
      element.bytes.map { Delivery(queue: queue, receipt: [], body: $0, isPopped: true) }
    }
  }

  /// Reads the reply to GETJOB ... WITHMETA.
  static func deliveries(
    _ reply: [UInt8], _ queues: [String]
  ) throws(MartletError) -> [Delivery] {
    let result = unsafe reply.withUnsafeBytes { bytes in
      unsafe deliveries(ReplyReader(ByteView(bytes)), queues)
    }
    return try result.get()
  }

  private static func deliveries(
    _ reply: ReplyReader, _ queues: [String]
  ) -> Result<[Delivery], MartletError> {
    var reader = reply
    let strange = MartletError(.protocolViolation, "GETJOB is not answered with jobs")
    switch reader.next() {
    case .null: return .success([])
    case .error(let text): return .failure(.ofJobCommand(text.text))
    case .array(let count):
      var deliveries: [Delivery] = []
      deliveries.reserveCapacity(count)
      for _ in 0..<count {
        guard let delivery = delivery(&reader, queues) else { return .failure(strange) }
        deliveries.append(delivery)
      }
      return .success(deliveries)
    default: return .failure(strange)
    }
  }

  /// One job: queue, receipt, body, then names and integers by turns.
  private static func delivery(_ reader: inout ReplyReader, _ queues: [String]) -> Delivery? {
    guard case .array(let count) = reader.next(), count >= 3, let queue = reader.next()?.bytes,
      let receipt = reader.next()?.bytes, let body = reader.next()?.bytes
    else { return nil }
    // The queue is one of ours: no new text is made for it.
    let name = queues.first { queue.isText($0) } ?? queue.text
    var delivery = Delivery(queue: name, receipt: receipt.array, body: body.array)
    for _ in 0..<(count - 3) / 2 {
      guard let key = reader.next()?.bytes, case .integer(let number) = reader.next() else {
        return nil
      }
      if key.matches("attempt") {
        delivery.attempt = Int(number)
      } else if key.matches("lease-ms") {
        delivery.lease = number
      } else if key.matches("enqueued-ms") {
        delivery.enqueued = number
      } else if key.matches("priority") {
        delivery.priority = Int(number)
      }
    }
    return delivery
  }

  // MARK: Telling

  func send(_ reports: [Report]) async throws(MartletError) -> [BatchReply] {
    let values = try await client.send(reports.map(Self.command))
    return values.map(Self.reply)
  }

  static func command(_ report: Report) -> Command {
    switch report {
    case .acknowledge(let receipts):
      var command = Command(name: "ACKJOB")
      command.append(contentsOf: receipts)
      return command
    case .complete(let receipt, let result, let keep):
      var command = Command(name: "DONE")
      command.append(receipt)
      command.word("RESULT")
      command.append(result)
      if let keep { command.add("KEEP", seconds: keep) }
      return command
    case .fail(let receipt, let wait, let error):
      var command = nack(receipt)
      command.add("DELAY", seconds: wait)
      command.add(error: error)
      return command
    case .bury(let receipt, let error):
      var command = nack(receipt)
      command.word("DEAD")
      command.add(error: error)
      return command
    case .giveBack(let receipts):
      var command = Command(name: "NACK")
      command.append(contentsOf: receipts)
      command.word("FREE")
      return command
    case .release(let receipt, let wait, let error):
      var command = nack(receipt)
      command.add("DELAY", seconds: wait)
      command.word("FREE")
      command.add(error: error)
      return command
    case .putBack(let queue, let body, let place):
      // Taken at the right, put in at the left, as LPUSH and BRPOP have it.
      var command = Command(name: place == .next ? "RPUSH" : "LPUSH")
      command.append(place == .next ? queue : "\(queue):dead")
      command.append(body)
      return command
    case .extend(let lease, let leases):
      var command = Command(name: "EXTEND")
      command.append(Int(lease))
      for held in leases { command.append(held.receipt) }
      return command
    }
  }

  private static func nack(_ receipt: Receipt) -> Command {
    var command = Command(name: "NACK")
    command.append(receipt)
    return command
  }

  static func reply(_ value: Value) -> BatchReply {
    switch value {
    case .integer(let count): .count(count)
    case .array(let flags): .flags(flags.map { $0.integer ?? 0 })
    case .error(let error):
      isPassing(error) ? .refusedForNow(error.message) : .refused(error.message)
    default: .refused("a reply that makes no sense: \(value)")
    }
  }

  /// Whether the same command may work later.
  private static func isPassing(_ error: MartletError) -> Bool {
    guard case .server(let code) = error.code else { return false }
    return ["LOADING", "BUSY", "OOM", "MISCONF", "READONLY", "TRYAGAIN", "MASTERDOWN"].contains(
      code)
  }
}

extension MartletError {
  /// A server that has neither jobs nor the command by which a worker takes elements of lists.
  fileprivate static func noLists(_ text: String) -> MartletError {
    MartletError(
      .unsupported,
      "the server has neither job commands nor BLMPOP (\(text)): workers need Martlet, or for lists alone "
        + "Redis 7 or Valkey")
  }

  /// What a server says to a job command; one that has none of them is named as such.
  static func ofJobCommand(_ text: String) -> MartletError {
    guard text.hasPrefix("ERR unknown command") else { return MartletError(reply: text) }
    return MartletError(
      .unsupported,
      "the server has no job commands (\(text)): jobs need Martlet; on Redis and Valkey lists alone work"
    )
  }
}

extension Command {
  /// Most bytes of an error that the broker keeps.
  private static let errorSizeMax = 1024

  fileprivate mutating func add(error: String) {
    word("ERROR")
    append(Array(error.utf8.prefix(Self.errorSizeMax)))
  }
}

extension ByteView {
  fileprivate func isText(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { unsafe ByteView(UnsafeRawBufferPointer($0)) == self }
  }
}

/// Something that is found out once. Thread safety: any task may call anything.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
