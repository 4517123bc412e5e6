// SortedSetAlgebra.swift: unions, intersections and differences of sorted sets, and of sets, whose
// members count as having the score 1.
//
// Inputs are taken together in the order of their sizes, as Redis does it: sums of decimals depend
// on the order. Sums that are no number (∞ - ∞) are 0.

import RESP

extension SortedSets {
  static let algebra: [Command] = [
    showing("ZUNION", "Shows the members of any of several sorted sets.", body: zunion),
    showing("ZINTER", "Shows the members that all sorted sets have.", body: zinter),
    showing("ZDIFF", "Shows the members of a sorted set that others have not.", body: zdiff),
    storing(
      "ZUNIONSTORE", since: "2.0.0", "Stores the members of any of several sorted sets.",
      body: zunionstore),
    storing(
      "ZINTERSTORE", since: "2.0.0", "Stores the members that all sorted sets have.",
      body: zinterstore),
    storing(
      "ZDIFFSTORE", since: "6.2.0", "Stores the members of a sorted set that others have not.",
      body: zdiffstore),
    Command(
      "ZINTERCARD", arity: .atLeast(3), flags: [.readOnly, .movableKeys],
      keys: [.counted(1, [.read])], group: .sortedSet, since: "7.0.0",
      summary: "Counts the members that all sorted sets have.",
      complexity: "O(N*K), N members of the smallest, K sorted sets", body: zintercard),
  ]

  private static func showing(
    _ name: StaticString, _ summary: StaticString, body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(3), flags: [.readOnly, .movableKeys], keys: [.counted(1, [.read])],
      group: .sortedSet, since: "6.2.0", summary: summary,
      complexity: "O(N*K)+O(M*log(M)), N members of K sorted sets, M in the result", body: body)
  }

  private static func storing(
    _ name: StaticString, since: StaticString, _ summary: StaticString,
    body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: .atLeast(4), flags: [.write, .denyOOM, .movableKeys],
      keys: [.one(1, [.overwrite, .update]), .counted(2, [.read])], group: .sortedSet,
      since: since, summary: summary,
      complexity: "O(N*K)+O(M*log(M)), N members of K sorted sets, M in the result", body: body)
  }

  /// `ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]` →
  /// array.
  static func zunion(_ c: inout Context) throws(CommandError) { try show(&c, .union) }

  /// `ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]` →
  /// array.
  static func zinter(_ c: inout Context) throws(CommandError) { try show(&c, .intersection) }

  /// `ZDIFF numkeys key [key ...] [WITHSCORES]` → array.
  static func zdiff(_ c: inout Context) throws(CommandError) { try show(&c, .difference) }

  /// `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX]` →
  /// integer: how many were stored.
  static func zunionstore(_ c: inout Context) throws(CommandError) {
    try store(&c, .union, "zunionstore")
  }

  /// `ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX]` →
  /// integer: how many were stored.
  static func zinterstore(_ c: inout Context) throws(CommandError) {
    try store(&c, .intersection, "zinterstore")
  }

  /// `ZDIFFSTORE destination numkeys key [key ...]` → integer: how many were stored.
  static func zdiffstore(_ c: inout Context) throws(CommandError) {
    try store(&c, .difference, "zdiffstore")
  }

  /// `ZINTERCARD numkeys key [key ...] [LIMIT limit]` → integer: `limit` at most, if it is not 0.
  static func zintercard(_ c: inout Context) throws(CommandError) {
    let request = try AlgebraRequest(&c, countAt: 1, .intersection, shows: .count)
    var count = 0
    request.forEachCommon(c.keyHash) { _, _ in
      count += 1
      return count != request.limit
    }
    c.reply.integer(count)
  }

  private static func show(_ c: inout Context, _ operation: AlgebraRequest.Operation)
    throws(CommandError)
  {
    let request = try AlgebraRequest(&c, countAt: 1, operation, shows: .members)
    let result = request.result(c.keyHash)
    c.reply.beginMembers(result.count, withScores: request.withScores)
    result.forEach(in: 0..<result.count) { member, score in
      c.reply.member(member, score, withScore: request.withScores)
    }
    if result.isLong { result.bury(in: &c.graveyard) } else { result.release() }
  }

  private static func store(
    _ c: inout Context, _ operation: AlgebraRequest.Operation, _ event: StaticString
  )
    throws(CommandError)
  {
    let request = try AlgebraRequest(&c, countAt: 2, operation, shows: .nothing)
    var result = request.result(c.keyHash)
    result.pack(c.settings.sortedSetLimits)
    c.store(result, in: c.key(1), event)
  }
}

/// Several sorted sets, and how they are to be taken together.
private struct AlgebraRequest {
  enum Operation { case union, intersection, difference }
  /// What the command answers, on which its options depend.
  enum Shows { case members, count, nothing }
  private enum Aggregate { case sum, min, max }

  private struct Input {
    let source: ScoreSource
    var weight = 1.0
  }

  let operation: Operation
  private var inputs: [Input] = []
  private var aggregate = Aggregate.sum
  private(set) var withScores = false
  /// Members that are counted at most; 0 for all.
  private(set) var limit = 0

  init(
    _ c: inout Context, countAt place: Int, _ operation: Operation, shows: Shows
  ) throws(CommandError) {
    self.operation = operation
    guard let number = c.arguments[place].integer else { throw .notAnInteger }
    guard number >= 1 else {
      let name = c.table.names[c.command]
      throw CommandError("ERR at least 1 input key is needed for '\(name)' command")
    }
    guard number < c.arguments.count - place else { throw .syntax }
    var index = place + 1
    while index <= place + Int(number) {
      inputs.append(Input(source: try ScoreSource(&c, c.key(index))))
      index += 1
    }
    while index < c.arguments.count {
      let word = c.arguments[index], left = c.arguments.count - index
      let mayWeigh = operation != .difference && shows != .count
      if mayWeigh, left > inputs.count, word.matches("weights") {
        try takeWeights(c, index + 1)
        index += 1 + inputs.count
      } else if mayWeigh, left >= 2, word.matches("aggregate") {
        try takeAggregate(c.arguments[index + 1])
        index += 2
      } else if shows == .members, word.matches("withscores") {
        withScores = true
        index += 1
      } else if shows == .count, left >= 2, word.matches("limit") {
        guard let value = c.arguments[index + 1].integer, value >= 0 else {
          throw CommandError("ERR LIMIT can't be negative")
        }
        limit = Int(value)
        index += 2
      } else {
        throw .syntax
      }
    }
    if operation != .difference { sortInputs() }
  }

  private mutating func takeWeights(_ c: borrowing Context, _ first: Int) throws(CommandError) {
    for input in inputs.indices {
      guard let weight = c.arguments[first + input].score else {
        throw CommandError("ERR weight value is not a float")
      }
      inputs[input].weight = weight
    }
  }

  private mutating func takeAggregate(_ word: ByteView) throws(CommandError) {
    if word.matches("sum") {
      aggregate = .sum
    } else if word.matches("min") {
      aggregate = .min
    } else if word.matches("max") {
      aggregate = .max
    } else {
      throw .syntax
    }
  }

  /// Smallest first; those of one size stay in their order.
  private mutating func sortInputs() {
    let order = inputs.indices.sorted {
      let a = inputs[$0].source.count, b = inputs[$1].source.count
      return a != b ? a < b : $0 < $1
    }
    inputs = order.map { inputs[$0] }
  }

  // MARK: Results

  /// A new sorted set of what the operation gives, in no case packed: that is for what is stored.
  func result(_ hash: KeyHash) -> SortedSet {
    let limits = SortedSet.Limits(countMax: 0, memberMax: 0)
    var result = SortedSet.make()
    switch operation {
    case .union:
      for input in inputs {
        input.source.forEach { member, score in
          let weighed = Self.number(score * input.weight)
          result.put(member, hash, limits) { old in old.map { join($0, weighed) } ?? weighed }
          return true
        }
      }
    case .intersection:
      forEachCommon(hash) { member, score in
        result.put(member, hash, limits) { _ in score }
        return true
      }
    case .difference:
      inputs[0].source.forEach { member, score in
        let isElsewhere = inputs.dropFirst().contains { $0.source.score(of: member, hash) != nil }
        if !isElsewhere { result.put(member, hash, limits) { _ in score } }
        return true
      }
    }
    return result
  }

  /// Calls `body` with each member that all inputs have, and its score, until it returns false.
  func forEachCommon(_ hash: KeyHash, _ body: (ByteView, Double) -> Bool) {
    inputs[0].source.forEach { member, score in
      var joined = Self.number(score * inputs[0].weight)
      for input in inputs.dropFirst() {
        guard let score = input.source.score(of: member, hash) else { return true }
        joined = join(joined, score * input.weight)
      }
      return body(member, joined)
    }
  }

  /// 0 for what is no number, such as 0 · ∞.
  private static func number(_ score: Double) -> Double { score.isNaN ? 0 : score }

  private func join(_ a: Double, _ b: Double) -> Double {
    switch aggregate {
    case .sum: Self.number(a + b)
    case .min: b < a ? b : a
    case .max: b > a ? b : a
    }
  }
}

/// What an operation reads: a sorted set, a set or nothing.
private enum ScoreSource {
  case nothing
  case sorted(SortedSet)
  case members(SetValue)

  init(_ c: inout Context, _ key: Key) throws(CommandError) {
    guard let entry = c.find(key) else {
      self = .nothing
      return
    }
    switch entry.kind {
    case .sortedSet: self = .sorted(entry.value())
    case .set: self = .members(entry.value())
    default: throw .wrongType
    }
  }

  var count: Int {
    switch self {
    case .nothing: 0
    case .sorted(let set): set.count
    case .members(let set): set.count
    }
  }

  func score(of member: ByteView, _ hash: KeyHash) -> Double? {
    switch self {
    case .nothing: nil
    case .sorted(let set): set.score(of: member, hash)
    case .members(let set): set.contains(member, hash) ? 1 : nil
    }
  }

  /// Calls `body` with all members until it returns false.
  func forEach(_ body: (ByteView, Double) -> Bool) {
    switch self {
    case .nothing: break
    case .members(let set): set.walk { member, _ in member.withView { body($0, 1) } }
    case .sorted(let set):
      var goesOn = true
      for start in stride(from: 0, to: set.count, by: 128) where goesOn {
        set.forEach(in: start..<min(set.count, start + 128)) { member, score in
          if goesOn { goesOn = body(member, score) }
        }
      }
    }
  }
}
