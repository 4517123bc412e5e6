// AccessLog.swift: who was refused what lately: the data of ACL LOG.
//
// Like refusals within a minute are one entry that counts, so that a client in a loop does not push
// everything else out.

struct AccessLog: Sendable {
  enum Reason: String, Sendable { case command, key, channel, auth }
  enum Context: String, Sendable { case toplevel, multi, lua }

  struct Entry: Equatable, Sendable {
    let id: Int
    var count = 1
    let reason: Reason
    let context: Context
    /// The command's full name, the key, the channel, or `AUTH`.
    let object: [UInt8]
    let user: [UInt8]
    /// The client as CLIENT LIST prints it.
    var client: [UInt8]
    /// Milliseconds since 1970.
    let created: Int64
    var updated: Int64

    /// Seconds since it happened last.
    func age(at now: Int64) -> Double { Double(now - updated) / 1000 }
  }

  private static let groupingTime: Int64 = 60_000
  private static let entriesLookedAt = 10

  /// Newest first.
  private(set) var entries: [Entry] = []
  private var nextID = 0

  /// Notes a refusal at `now`, in milliseconds since 1970; keeps `countMax` entries.
  mutating func add(
    _ reason: Reason, _ context: Context, object: [UInt8], user: [UInt8], client: [UInt8],
    at now: Int64, countMax: Int
  ) {
    let like = entries.prefix(Self.entriesLookedAt).firstIndex {
      $0.reason == reason && $0.context == context && $0.object == object && $0.user == user
        && abs($0.updated - now) <= Self.groupingTime
    }
    if let like {
      var entry = entries.remove(at: like)
      entry.count += 1
      entry.updated = now
      entry.client = client
      entries.insert(entry, at: 0)
    } else {
      let entry = Entry(
        id: nextID, reason: reason, context: context, object: object, user: user, client: client,
        created: now, updated: now)
      nextID += 1
      entries.insert(entry, at: 0)
    }
    if entries.count > countMax { entries.removeLast(entries.count - max(0, countMax)) }
  }

  mutating func reset() { entries = [] }
}
