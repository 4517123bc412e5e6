// GeoSearches.swift: the members whose places are in an area: shown, or stored as a sorted set.
//
// GEOSEARCH is the whole of it; the GEORADIUS commands are its older form, in which the area is a circle
// and comes first. What a request asks for is read in GeoRequest.swift. The log has what was stored: a
// member at the edge is in or out by the last digit of a sine, which another C library may round
// otherwise.

import RESP

extension GeoCommands {
  static let searches: [Command] = [
    Command(
      "GEOSEARCH", arity: .atLeast(7), flags: [.readOnly], keys: [.one(1, [.read])], group: .geo,
      since: "6.2.0",
      summary: "Shows the members whose places are in a circle or a box.", complexity: complexity,
      body: geosearch),
    Command(
      "GEOSEARCHSTORE", arity: .atLeast(8), flags: [.write, .denyOOM],
      keys: [.one(1, [.overwrite, .update]), .one(2, [.read])], group: .geo, since: "6.2.0",
      summary: "Stores the members whose places are in a circle or a box.", complexity: complexity,
      body: geosearchstore),
    Command(
      "GEORADIUS", arity: .atLeast(6), flags: [.write, .denyOOM, .movableKeys],
      keys: [.one(1, [.read])] + storeKeys(from: 6), group: .geo, since: "3.2.0",
      summary: "Shows or stores the members in a circle around a place.", complexity: complexity,
      body: georadius),
    Command(
      "GEORADIUS_RO", arity: .atLeast(6), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .geo, since: "3.2.10",
      summary: "Shows the members in a circle around a place.", complexity: complexity,
      body: georadiusRO),
    Command(
      "GEORADIUSBYMEMBER", arity: .atLeast(5), flags: [.write, .denyOOM, .movableKeys],
      keys: [.one(1, [.read])] + storeKeys(from: 5), group: .geo, since: "3.2.0",
      summary: "Shows or stores the members in a circle around one of them.",
      complexity: complexity, body: georadiusbymember),
    Command(
      "GEORADIUSBYMEMBER_RO", arity: .atLeast(5), flags: [.readOnly], keys: [.one(1, [.read])],
      group: .geo, since: "3.2.10",
      summary: "Shows the members in a circle around one of them.", complexity: complexity,
      body: georadiusbymemberRO),
  ]

  private static let complexity: StaticString =
    "O(log(N)+M*log(M)), N members of the sorted set, M of them in the area and near it"

  private static func storeKeys(from start: Int) -> [KeySpec] {
    [
      .word(
        behind: "store", from: start, others: [("count", 1), ("storedist", 1)],
        [.overwrite, .update]),
      .word(
        behind: "storedist", from: start, others: [("count", 1), ("store", 1)],
        [.overwrite, .update]),
    ]
  }

  /// `GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude
  /// BYRADIUS radius unit|BYBOX width height unit [ASC|DESC] [COUNT count [ANY]]
  /// [WITHCOORD] [WITHDIST] [WITHHASH]` → array of members, or of arrays: member, distance, number of
  /// the cell, [longitude, latitude].
  static func geosearch(_ c: inout Context) throws(CommandError) { try search(&c, .search) }

  /// `GEOSEARCHSTORE destination source FROMMEMBER member|FROMLONLAT longitude latitude
  /// BYRADIUS radius unit|BYBOX width height unit [ASC|DESC] [COUNT count [ANY]] [STOREDIST]` →
  /// integer: how many were stored.
  static func geosearchstore(_ c: inout Context) throws(CommandError) {
    try search(&c, .searchAndStore)
  }

  /// `GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
  /// [COUNT count [ANY]] [ASC|DESC] [STORE destination|STOREDIST destination]` → array, or integer.
  static func georadius(_ c: inout Context) throws(CommandError) {
    try search(&c, .aroundPlace(mayStore: true))
  }

  /// `GEORADIUS_RO key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
  /// [COUNT count [ANY]] [ASC|DESC]` → array.
  static func georadiusRO(_ c: inout Context) throws(CommandError) {
    try search(&c, .aroundPlace(mayStore: false))
  }

  /// `GEORADIUSBYMEMBER key member radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
  /// [ASC|DESC] [STORE destination|STOREDIST destination]` → array, or integer.
  static func georadiusbymember(_ c: inout Context) throws(CommandError) {
    try search(&c, .aroundMember(mayStore: true))
  }

  /// `GEORADIUSBYMEMBER_RO key member radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
  /// [COUNT count [ANY]] [ASC|DESC]` → array.
  static func georadiusbymemberRO(_ c: inout Context) throws(CommandError) {
    try search(&c, .aroundMember(mayStore: false))
  }

  private static func search(_ c: inout Context, _ form: GeoRequest.Form) throws(CommandError) {
    let set = try c.value(c.key(form.sourceIndex), SortedSet.self)
    let request = try GeoRequest(c.arguments, form, in: set, c.keyHash)
    var matches: [GeoMatch] = []
    if let set, let area = request.area {
      matches = GeoMatches.found(in: set, area, request)
    }
    if let target = request.target {
      store(&c, matches, request, under: c.key(target))
    } else {
      show(&c, matches, request)
    }
  }

  private static func show(_ c: inout Context, _ matches: [GeoMatch], _ request: GeoRequest) {
    c.reply.array(matches.count)
    let count = 1 + request.shown.count
    for match in matches {
      if c.reply.isOverfull { return }
      if count > 1 { c.reply.array(count) }
      c.reply.bulk(match.member)
      if request.shown.contains(.distance) { c.reply.distance(match.distance / request.unit) }
      if request.shown.contains(.number) { c.reply.integer(Int64(match.score)) }
      if request.shown.contains(.place) { c.reply.place(GeoCell(score: match.score).middle) }
    }
  }

  private static func store(
    _ c: inout Context, _ matches: [GeoMatch], _ request: GeoRequest, under key: Key
  ) {
    let hash = c.keyHash, limits = c.settings.sortedSetLimits
    var set = SortedSet.make()
    for match in matches {
      let score = request.storesDistances ? match.distance / request.unit : match.score
      set.put(match.member, hash, limits) { _ in score }
    }
    // The sorted set that was searched may be the one that goes now: its members are copied.
    let isThere = c.peek(key) != nil
    c.store(set, in: key, request.event)
    if isThere || !matches.isEmpty {
      c.propagateSortedSet(matches.isEmpty ? nil : set, under: key, replacing: isThere)
    }
  }
}

extension Context {
  /// Pairs that one command of the log adds.
  private static let addedMax = 500

  /// Logs `set` whole, as the value that `key` has now; nil: it has none.
  fileprivate mutating func propagateSortedSet(
    _ set: SortedSet?, under key: Key, replacing: Bool
  ) {
    hasPropagated = true
    if replacing { effects.command("DEL", key.bytes, in: database) }
    guard let set else { return }
    for start in stride(from: 0, to: set.count, by: Self.addedMax) {
      let range = start..<min(set.count, start + Self.addedMax)
      effects.command(words: 2 + 2 * range.count, in: database) { writer in
        writer.word("ZADD")
        writer.word(key.bytes)
        set.forEach(in: range) { member, score in
          score.withScoreText { writer.word($0) }
          writer.word(member)
        }
      }
    }
  }
}
