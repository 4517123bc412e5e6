// Session.swift: one client as the engine knows it.
//
// What a client has chosen (database, protocol, name), what it is in the middle of (a transaction, a
// wait) and the replies it has not been sent. Its socket is the Connections room's business: both
// know each other by the slot.

import RESP

/// A client's state in the engine.
struct Session: ~Copyable {
  struct Flags: OptionSet {
    let rawValue: UInt32
    /// The slot is in use.
    static let open = Flags(rawValue: 1 << 0)
    static let inTransaction = Flags(rawValue: 1 << 1)
    /// A command of the transaction could not be queued: EXEC refuses.
    static let transactionAborted = Flags(rawValue: 1 << 2)
    /// A watched key was changed: EXEC answers null.
    static let watchBroken = Flags(rawValue: 1 << 3)
    static let blocked = Flags(rawValue: 1 << 4)
    /// The connection ends once its replies are sent.
    static let closing = Flags(rawValue: 1 << 5)
    /// The connection ends at once: what it was to be sent is dropped.
    static let dropped = Flags(rawValue: 1 << 6)
    static let monitor = Flags(rawValue: 1 << 7)
    static let authenticated = Flags(rawValue: 1 << 8)
    static let noEvict = Flags(rawValue: 1 << 9)
    static let noTouch = Flags(rawValue: 1 << 10)
    /// CLIENT REPLY OFF; SKIP for the next command; SKIP for the present one.
    static let replyOff = Flags(rawValue: 1 << 11)
    static let replySkipNext = Flags(rawValue: 1 << 12)
    static let replySkip = Flags(rawValue: 1 << 13)
    /// Its output gained bytes in this turn, so that it is in `Context.touched`.
    static let touched = Flags(rawValue: 1 << 14)
    /// Held back by CLIENT PAUSE.
    static let paused = Flags(rawValue: 1 << 15)
    static let unixSocket = Flags(rawValue: 1 << 16)
    /// Subscribed to something.
    static let pubsub = Flags(rawValue: 1 << 17)
    /// Its user has not all rights: each command is checked.
    static let restricted = Flags(rawValue: 1 << 18)
    /// Its output is in the context, in the middle of a reply perhaps.
    static let served = Flags(rawValue: 1 << 19)
    /// Others have filled its output beyond the limit: dropped.
    static let overfull = Flags(rawValue: 1 << 20)

    /// What dispatch must look at; of these, most sessions have `authenticated` alone.
    static let uncommon: Flags = [
      .authenticated, .restricted, .inTransaction, .replyOff, .replySkipNext, .replySkip,
      .monitor, .closing, .dropped, .pubsub,
    ]
  }

  /// Replies up to `end` bytes of the output may leave once `commit` is durable.
  struct Hold {
    var end: Int
    var commit: UInt64
  }

  var flags: Flags = []
  /// The number CLIENT ID gives; never used twice.
  var id: UInt64 = 0
  var database = 0
  /// Replies not yet sent, those behind the last hold free to go.
  var reply = Reply()
  /// Which part of the output waits for which commit, in order; empty when nothing is held.
  var holds: [Hold] = []
  var deliveries = Deliveries()
  var transaction: [QueuedCommand] = []
  /// Bytes that the transaction holds.
  var transactionSize = 0
  var watched: [StoredKey] = []
  var wait: Wait?
  var user = UserID.default
  var name: [UInt8] = []
  var libraryName: [UInt8] = []
  var libraryVersion: [UInt8] = []
  var address = ""
  var localAddress = ""
  var fileDescriptor = -1
  /// Monotonic ms.
  var created: Int64 = 0
  var lastActive: Int64 = 0
  /// Index of the command run last, or -1.
  var lastCommand = -1
  /// Bytes received and not yet run, as the Connections room last said.
  var queryBufferSize = 0
  var queryBufferFree = 0
  var totalRead = 0
  var totalWritten = 0
  var totalCommands = 0

  init() {}

  /// Joins the holds that `durable` has ended: where the last of them ends is all that is still asked.
  mutating func forgetHolds(until durable: UInt64) {
    let ended = holds.prefix { $0.commit <= durable }.count
    if ended == holds.count {
      holds.removeAll(keepingCapacity: true)
    } else if ended > 1 {
      holds.removeFirst(ended - 1)
    }
  }

  /// Bytes of output that wait to be sent.
  var outputSize: Int { reply.count }
}

/// What a blocked client waits for.
struct Wait {
  enum Kind {
    /// BLPOP, BRPOP: a pair of key and element.
    case pop(end: List.End)
    /// BLMPOP: the key and up to `count` elements.
    case popMany(end: List.End, count: Int)
    /// BLMOVE, BRPOPLPUSH.
    case move(destination: [UInt8], from: List.End, to: List.End)
    /// GETJOB: up to so many jobs of the key.
    case job(JobCommands.Fetch)
    /// RESULT: how a job ended.
    case result(job: UInt64)
    /// ADDJOB: to be run when its queue has room.
    case addJob(StoredArguments)
    /// BZPOPMIN, BZPOPMAX: the key, the member and its score.
    case popScore(end: SortedSets.End)
    /// BZMPOP: the key and up to `count` members with their scores.
    case popScores(end: SortedSets.End, count: Int)
    /// XREAD: up to `limit` entries above the id that belongs to the key.
    case read(after: [StreamID], limit: Int)
    /// XREADGROUP: up to `limit` entries that the group was not given.
    case readGroup(group: [UInt8], consumer: [UInt8], isAcknowledged: Bool, limit: Int)
    /// WAIT and WAITAOF: answered when `commit` is durable and `replicas` have it, or the time is
    /// up. There are no replicas, so a wait for any ends with its time alone.
    case durable(commit: UInt64, aof: Bool, replicas: Bool)
    /// SAVE: answered when the checkpoint is finished; BGSAVE and BGREWRITEAOF: when it has begun. All
    /// of them also when it has failed.
    case checkpoint(Saving.Form)
    /// A command held back by CLIENT PAUSE, to be run when the pause ends.
    case pause(StoredArguments)
    /// SHUTDOWN: answered only if the shutdown fails or is aborted.
    case shutdown
  }
  let kind: Kind
  let keys: [StoredKey]
  let database: Int
  /// Monotonic ms; 0 means without limit.
  let deadline: Int64
}

/// A command that waits for EXEC.
struct QueuedCommand {
  /// Index in the table.
  let command: Int
  let words: StoredArguments

  /// Bytes held, about.
  var size: Int { words.size + 128 }
}
