// Topics.swift: who listens to what.
//
// A topic is what sessions subscribe to: a channel, a pattern or a shard channel. It begins with its
// first subscriber and ends with its last one. Topics are found by the hash of their name; each has a
// number, by which a session remembers its subscriptions and where it stands among the subscribers, so
// that leaving needs no search.
// Invariants (`checkInvariants()`):
//   1. topics[n].subscribers[places[s][n]] == s for every subscription, and there are no others
//   2. active[topics[n].place] == n, and `names` leads to n by the name of n

import RESP

/// The name of a topic, with the topic's number.
///
///     offset  size  field
///          0     4  owners
///          4     4  count   bytes of the name
///          8     8  number
///         16     …  the name
@safe
struct TopicName: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static func make(_ name: ByteView, number: Int) -> TopicName {
    let block = TopicName.allocate(size: 16 + name.count)
    block.store(UInt32(name.count), at: 4)
    block.store(number, at: 8)
    block.write(name, at: 16)
    return block
  }

  @inline(__always) var key: ByteView { view(at: 16, size: Int(load(4, as: UInt32.self))) }
  @inline(__always) var number: Int { load(8) }
  func releaseChildren() {}
}

/// The topics of one kind.
struct Topics: ~Copyable {
  private struct Topic {
    let name: TopicName
    var subscribers: [Int] = []
    /// Where the number stands in `active`.
    let place: Int
  }
  private var names: HashTable<TopicName>
  /// By number; those in `free` have no subscribers.
  private var topics: [Topic] = []
  private var free: [Int] = []
  /// The numbers of all topics, in no order.
  private var active: [Int] = []
  /// By session and number: the session's place among the subscribers.
  private var places: [Int: [Int: Int]] = [:]

  init(hash: KeyHash) { names = HashTable(hash: hash) }

  // MARK: Looking

  var count: Int { active.count }
  var isEmpty: Bool { active.isEmpty }

  /// Who is subscribed to the topic called `name`.
  @inline(__always)
  func subscribers(of name: ByteView) -> [Int] {
    guard !active.isEmpty, let found = names.find(name, hash: names.hash(name)) else { return [] }
    return topics[found.number].subscribers
  }

  /// One of `count` topics. The name is good until somebody subscribes or leaves.
  subscript(index: Int) -> (name: ByteView, subscribers: [Int]) {
    let topic = topics[active[index]]
    return (topic.name.key, topic.subscribers)
  }

  /// How many topics `session` is subscribed to.
  func count(of session: Int) -> Int { places[session]?.count ?? 0 }

  /// The topics that `session` is subscribed to, by number.
  func names(of session: Int) -> [[UInt8]] {
    (places[session] ?? [:]).keys.sorted().map { topics[$0].name.key.array }
  }

  // MARK: Changing

  /// - Returns: false when `session` was subscribed already.
  mutating func subscribe(_ session: Int, to name: ByteView) -> Bool {
    let hash = names.hash(name)
    let number = names.find(name, hash: hash)?.number ?? begin(name, hash)
    guard places[session]?[number] == nil else { return false }
    places[session, default: [:]][number] = topics[number].subscribers.count
    topics[number].subscribers.append(session)
    return true
  }

  private mutating func begin(_ name: ByteView, _ hash: UInt64) -> Int {
    let number = free.popLast() ?? topics.count
    let name = TopicName.make(name, number: number)
    let topic = Topic(name: name, place: active.count)
    names.insert(name, hash: hash)
    active.append(number)
    if number < topics.count { topics[number] = topic } else { topics.append(topic) }
    return number
  }

  /// - Returns: false when `session` was not subscribed.
  mutating func unsubscribe(_ session: Int, from name: ByteView) -> Bool {
    let hash = names.hash(name)
    guard let number = names.find(name, hash: hash)?.number,
      let place = places[session]?.removeValue(forKey: number)
    else { return false }
    if places[session]?.isEmpty == true { places[session] = nil }
    let last = topics[number].subscribers.removeLast()
    if last != session {
      topics[number].subscribers[place] = last
      places[last]?[number] = place
    }
    if topics[number].subscribers.isEmpty { end(number, hash) }
    return true
  }

  private mutating func end(_ number: Int, _ hash: UInt64) {
    let topic = topics[number]
    let last = active.removeLast()
    if last != number {
      active[topic.place] = last
      let moved = topics[last]
      topics[last] = Topic(name: moved.name, subscribers: moved.subscribers, place: topic.place)
    }
    free.append(number)
    names.remove(topic.name.key, hash: hash)?.release()
  }

  func checkInvariants() {
    var count = 0
    for (session, numbers) in places {
      precondition(!numbers.isEmpty)
      for (number, place) in numbers { precondition(topics[number].subscribers[place] == session) }
      count += numbers.count
    }
    for (index, number) in active.enumerated() {
      let topic = topics[number]
      precondition(topic.place == index && !topic.subscribers.isEmpty)
      precondition(names.find(topic.name.key, hash: names.hash(topic.name.key))?.number == number)
      count -= topic.subscribers.count
    }
    precondition(count == 0)
    precondition(names.count == active.count && active.count + free.count == topics.count)
  }
}

/// All subscriptions.
struct Subscriptions: ~Copyable {
  enum Kind: CaseIterable { case channel, pattern, shardChannel }

  var channels: Topics
  var patterns: Topics
  var shardChannels: Topics

  init(hash: KeyHash) {
    channels = Topics(hash: hash)
    patterns = Topics(hash: hash)
    shardChannels = Topics(hash: hash)
  }

  subscript(kind: Kind) -> Topics {
    _read {
      switch kind {
      case .channel: yield channels
      case .pattern: yield patterns
      case .shardChannel: yield shardChannels
      }
    }
    _modify {
      switch kind {
      case .channel: yield &channels
      case .pattern: yield &patterns
      case .shardChannel: yield &shardChannels
      }
    }
  }

  /// Subscriptions of `session` of all kinds.
  func count(of session: Int) -> Int {
    channels.count(of: session) + patterns.count(of: session) + shardChannels.count(of: session)
  }
}
