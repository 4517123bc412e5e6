// KeyspaceModel.swift: lists, keys and expiry the naive way: dictionaries of arrays.
//
// Keys whose time is up are removed before every request, which a client cannot tell from what the
// engine does. Replies are written as RESP2 by hand.

/// A whole broker of lists, with sessions that select, watch and queue.
struct KeyspaceModel {
  struct Value: Equatable {
    var elements: [String]
    var deadline: Int64?
  }
  struct Session {
    var database = 0
    var watched: Set<String> = []
    var isBroken = false
    var queue: [[String]]?
  }

  var databases = [[String: Value]](repeating: [:], count: 16)
  var sessions: [Session]
  var now: Int64

  private var session = 0

  init(sessions: Int, now: Int64) {
    self.sessions = [Session](repeating: Session(), count: sessions)
    self.now = now
  }

  private var database: Int { sessions[session].database }

  private subscript(key: String) -> Value? {
    get { databases[database][key] }
    set { databases[database][key] = newValue.flatMap { $0.elements.isEmpty ? nil : $0 } }
  }

  private mutating func touch(_ key: String, in database: Int) {
    for index in sessions.indices where sessions[index].watched.contains("\(database) \(key)") {
      sessions[index].isBroken = true
    }
  }

  private mutating func touch(_ key: String) { touch(key, in: database) }

  mutating func removeExpired() {
    for index in databases.indices {
      for (key, value) in databases[index] {
        guard let deadline = value.deadline, deadline <= now else { continue }
        databases[index][key] = nil
        touch(key, in: index)
      }
    }
  }

  mutating func send(_ client: Int, _ words: [String]) -> String {
    removeExpired()
    session = client
    let name = words[0]
    if sessions[client].queue != nil, !["EXEC", "DISCARD", "MULTI", "WATCH"].contains(name) {
      sessions[client].queue?.append(words)
      return "+QUEUED\r\n"
    }
    return run(words)
  }

  // MARK: Commands

  private func integer(_ value: Int) -> String { ":\(value)\r\n" }
  private func bulk(_ value: String?) -> String {
    value.map { "$\($0.utf8.count)\r\n\($0)\r\n" } ?? "$-1\r\n"
  }
  private func array(_ values: [String]) -> String {
    "*\(values.count)\r\n" + values.map { bulk($0) }.joined()
  }

  private mutating func run(_ words: [String]) -> String {
    switch words[0] {
    case "LPUSH", "RPUSH", "LPUSHX", "RPUSHX": push(words)
    case "LPOP", "RPOP": pop(words)
    case "LMOVE": move(words[1], words[2], words[3], words[4])
    case "LMPOP": popMany(words)
    case "DEL", "UNLINK": delete(words)
    case "EXISTS", "TOUCH": integer(words.dropFirst().filter { self[$0] != nil }.count)
    case "TYPE": self[words[1]] == nil ? "+none\r\n" : "+list\r\n"
    case "EXPIRE": expire(words, at: now + (Int64(words[2]) ?? 0) * 1000)
    case "PEXPIRE": expire(words, at: now + (Int64(words[2]) ?? 0))
    case "EXPIREAT": expire(words, at: (Int64(words[2]) ?? 0) * 1000)
    case "PEXPIREAT": expire(words, at: Int64(words[2]) ?? 0)
    case "PERSIST": persist(words[1])
    case "TTL": time(words[1]) { (($0 - now) + 500) / 1000 }
    case "PTTL": time(words[1]) { $0 - now }
    case "EXPIRETIME": time(words[1]) { ($0 + 500) / 1000 }
    case "PEXPIRETIME": time(words[1]) { $0 }
    case "RENAME", "RENAMENX": rename(words)
    case "COPY": copy(words)
    case "MOVE": moveKey(words)
    case "SELECT": select(Int(words[1]) ?? 0)
    case "SWAPDB": swapDatabases(Int(words[1]) ?? 0, Int(words[2]) ?? 0)
    case "FLUSHDB": flush([database])
    case "FLUSHALL": flush(Array(databases.indices))
    case "DBSIZE": integer(databases[database].count)
    case "SORT": sort(words)
    case "MULTI": multi()
    case "EXEC": exec()
    case "DISCARD": discard()
    case "WATCH": watch(words)
    case "UNWATCH": unwatch()
    default: "-ERR the model does not know \(words[0])\r\n"
    }
  }

  private mutating func push(_ words: [String]) -> String {
    let key = words[1]
    if words[0].hasSuffix("X"), self[key] == nil { return integer(0) }
    var value = self[key] ?? Value(elements: [])
    for element in words.dropFirst(2) {
      value.elements.insert(element, at: words[0].hasPrefix("L") ? 0 : value.elements.count)
    }
    self[key] = value
    touch(key)
    return integer(value.elements.count)
  }

  private mutating func take(_ key: String, _ count: Int, fromHead: Bool) -> [String] {
    var taken: [String] = []
    while taken.count < count,
      let first = fromHead ? self[key]?.elements.first : self[key]?.elements.last
    {
      taken.append(first)
      if fromHead { self[key]?.elements.removeFirst() } else { self[key]?.elements.removeLast() }
    }
    if !taken.isEmpty { touch(key) }
    return taken
  }

  private mutating func pop(_ words: [String]) -> String {
    let fromHead = words[0] == "LPOP"
    guard words.count > 2 else { return bulk(take(words[1], 1, fromHead: fromHead).first) }
    guard self[words[1]] != nil else { return "*-1\r\n" }
    return array(take(words[1], Int(words[2]) ?? 0, fromHead: fromHead))
  }

  private mutating func move(_ source: String, _ target: String, _ from: String, _ to: String)
    -> String
  {
    guard let element = take(source, 1, fromHead: from == "LEFT").first else { return bulk(nil) }
    var value = self[target] ?? Value(elements: [])
    value.elements.insert(element, at: to == "LEFT" ? 0 : value.elements.count)
    self[target] = value
    touch(target)
    return bulk(element)
  }

  private mutating func popMany(_ words: [String]) -> String {
    let count = words.count > 5 ? Int(words[6]) ?? 1 : 1
    for key in words[2...3] where self[key] != nil {
      return "*2\r\n" + bulk(key) + array(take(key, count, fromHead: words[4] == "LEFT"))
    }
    return "*-1\r\n"
  }

  private mutating func delete(_ words: [String]) -> String {
    var count = 0
    for key in words.dropFirst() where self[key] != nil {
      self[key] = nil
      touch(key)
      count += 1
    }
    return integer(count)
  }

  private mutating func expire(_ words: [String], at deadline: Int64) -> String {
    let key = words[1]
    guard let value = self[key] else { return integer(0) }
    let old = value.deadline
    switch words.count > 3 ? words[3] : "" {
    case "NX" where old != nil: return integer(0)
    case "XX" where old == nil: return integer(0)
    case "GT" where deadline <= old ?? .max: return integer(0)
    case "LT" where deadline >= old ?? .max: return integer(0)
    default: break
    }
    if deadline <= now { self[key] = nil } else { self[key]?.deadline = deadline }
    touch(key)
    return integer(1)
  }

  private mutating func persist(_ key: String) -> String {
    guard self[key]?.deadline != nil else { return integer(0) }
    self[key]?.deadline = nil
    touch(key)
    return integer(1)
  }

  private func time(_ key: String, _ show: (Int64) -> Int64) -> String {
    guard let value = databases[database][key] else { return integer(-2) }
    return integer(value.deadline.map { Int(show($0)) } ?? -1)
  }

  private mutating func rename(_ words: [String]) -> String {
    let source = words[1], target = words[2], ifNone = words[0] == "RENAMENX"
    guard let value = self[source] else { return "-ERR no such key\r\n" }
    if ifNone, self[target] != nil { return integer(0) }
    if source != target {
      self[source] = nil
      self[target] = value
      touch(source)
      touch(target)
    }
    return ifNone ? integer(1) : "+OK\r\n"
  }

  private mutating func copy(_ words: [String]) -> String {
    let place = words.firstIndex(of: "DB").flatMap { Int(words[$0 + 1]) } ?? database
    if place == database, words[1] == words[2] {
      return "-ERR source and destination objects are the same\r\n"
    }
    guard let value = self[words[1]] else { return integer(0) }
    guard databases[place][words[2]] == nil || words.contains("REPLACE") else { return integer(0) }
    databases[place][words[2]] = value
    touch(words[2], in: place)
    return integer(1)
  }

  private mutating func moveKey(_ words: [String]) -> String {
    let place = Int(words[2]) ?? 0
    if place == database { return "-ERR source and destination objects are the same\r\n" }
    guard let value = self[words[1]], databases[place][words[1]] == nil else { return integer(0) }
    self[words[1]] = nil
    databases[place][words[1]] = value
    touch(words[1])
    touch(words[1], in: place)
    return integer(1)
  }

  private mutating func select(_ index: Int) -> String {
    guard databases.indices.contains(index) else { return "-ERR DB index is out of range\r\n" }
    sessions[session].database = index
    return "+OK\r\n"
  }

  private mutating func swapDatabases(_ a: Int, _ b: Int) -> String {
    if a != b {
      for key in Set(databases[a].keys).union(databases[b].keys) {
        touch(key, in: a)
        touch(key, in: b)
      }
      databases.swapAt(a, b)
    }
    return "+OK\r\n"
  }

  private mutating func flush(_ indices: [Int]) -> String {
    for index in indices {
      for key in databases[index].keys { touch(key, in: index) }
      databases[index] = [:]
    }
    return "+OK\r\n"
  }

  private mutating func sort(_ words: [String]) -> String {
    var elements = self[words[1]]?.elements ?? []
    elements.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    if words.contains("DESC") { elements.reverse() }
    guard words.contains("STORE") else { return array(elements) }
    let target = words[words.count - 1]
    if self[target] != nil || !elements.isEmpty { touch(target) }
    self[target] = Value(elements: elements)
    return integer(elements.count)
  }

  // MARK: Transactions

  private mutating func multi() -> String {
    guard sessions[session].queue == nil else { return "-ERR MULTI calls can not be nested\r\n" }
    sessions[session].queue = []
    return "+OK\r\n"
  }

  private mutating func exec() -> String {
    guard let queue = sessions[session].queue else { return "-ERR EXEC without MULTI\r\n" }
    let isBroken = sessions[session].isBroken
    end()
    guard !isBroken else { return "*-1\r\n" }
    var replies = "*\(queue.count)\r\n"
    for words in queue { replies += run(words) }
    return replies
  }

  private mutating func discard() -> String {
    guard sessions[session].queue != nil else { return "-ERR DISCARD without MULTI\r\n" }
    end()
    return "+OK\r\n"
  }

  private mutating func end() {
    sessions[session].queue = nil
    sessions[session].watched = []
    sessions[session].isBroken = false
  }

  private mutating func watch(_ words: [String]) -> String {
    guard sessions[session].queue == nil else {
      return "-ERR WATCH inside MULTI is not allowed\r\n"
    }
    for key in words.dropFirst() { sessions[session].watched.insert("\(database) \(key)") }
    return "+OK\r\n"
  }

  private mutating func unwatch() -> String {
    sessions[session].watched = []
    sessions[session].isBroken = false
    return "+OK\r\n"
  }
}
