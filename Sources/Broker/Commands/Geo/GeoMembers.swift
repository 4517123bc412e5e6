// GeoMembers.swift: places as members of a sorted set: adding, showing and measuring.
//
// The score of a member is the number of the cell that its place is in (Structures/GeoCell.swift): a place
// is kept to within half a metre, and shown as the middle of its cell. So any sorted set will do, and all
// commands of sorted sets work on places. Searches are in GeoSearches.swift.

import RESP

/// The commands of places.
enum GeoCommands {
  static let members: [Command] = [
    Command(
      "GEOADD", arity: .atLeast(5), flags: [.write, .denyOOM], keys: [.one(1, [.update])],
      group: .geo, since: "3.2.0",
      summary: "Gives members of a sorted set their places, creating it when absent.",
      complexity: "O(log(N)) for each member, N members of the sorted set", body: geoadd),
    Command(
      "GEOPOS", arity: .atLeast(2), flags: [.readOnly], keys: [.one(1, [.read])], group: .geo,
      since: "3.2.0",
      summary: "Shows the places of members.", complexity: "O(N), N members given", body: geopos),
    Command(
      "GEOHASH", arity: .atLeast(2), flags: [.readOnly], keys: [.one(1, [.read])], group: .geo,
      since: "3.2.0",
      summary: "Shows the places of members as geohashes.", complexity: "O(N), N members given",
      body: geohash),
    Command(
      "GEODIST", arity: .atLeast(4), flags: [.readOnly], keys: [.one(1, [.read])], group: .geo,
      since: "3.2.0",
      summary: "Measures how far two members are from each other.", complexity: "O(1)",
      body: geodist),
  ]

  /// `GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]` → integer: how
  /// many were added, or with CH changed.
  static func geoadd(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    var onlyNew = false, onlyOld = false, countsChanged = false, first = 2
    while first < words.count {
      if words[first].matches("nx") {
        onlyNew = true
      } else if words[first].matches("xx") {
        onlyOld = true
      } else if words[first].matches("ch") {
        countsChanged = true
      } else {
        break
      }
      first += 1
    }
    guard first < words.count, (words.count - first).isMultiple(of: 3), !(onlyNew && onlyOld)
    else { throw .syntax }
    // All places are read before any is set.
    var added: [(member: ByteView, score: Double)] = []
    for index in stride(from: first, to: words.count, by: 3) {
      let cell = GeoCell(of: try words.place(at: index), steps: GeoCell.stepsMax)
      added.append((words[index + 2], cell.score))
    }
    let key = c.key(1)
    guard
      let entry = try c.entryForWriting(key, SortedSet.self)
        ?? (onlyOld ? nil : c.makeEntry(key, SortedSet.self))
    else { return c.reply.integer(0) }
    let hash = c.keyHash, limits = c.settings.sortedSetLimits
    var set = entry.unsharedValue(SortedSet.self), newCount = 0, changedCount = 0
    for (member, score) in added {
      set.put(member, hash, limits) { old in
        guard old == nil ? !onlyOld : !onlyNew, old != score else { return nil }
        if old == nil { newCount += 1 } else { changedCount += 1 }
        return score
      }
    }
    entry.keep(set)
    c.reply.integer(countsChanged ? newCount + changedCount : newCount)
    guard newCount + changedCount > 0 else { return }
    c.modified(key)
    c.notify(.sortedSet, "zadd", key)
    c.signalReady(key)
    c.hasPropagated = true
    let condition: StaticString? = onlyNew ? "NX" : onlyOld ? "XX" : nil
    let count = 2 + (condition == nil ? 0 : 1) + 2 * added.count
    c.effects.command(words: count, in: c.database) { writer in
      writer.word("ZADD")
      writer.word(key.bytes)
      if let condition { writer.word(condition) }
      for (member, score) in added {
        writer.word(integer: Int64(score))
        writer.word(member)
      }
    }
  }

  /// `GEOPOS key [member ...]` → array of [longitude, latitude] or nulls.
  static func geopos(_ c: inout Context) throws(CommandError) {
    let set = try c.value(c.key(1), SortedSet.self)
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      if let place = set?.place(of: c.arguments[index], c.keyHash) {
        c.reply.place(place)
      } else {
        c.reply.nullArray()
      }
    }
  }

  /// `GEOHASH key [member ...]` → array of geohashes of 11 characters or nulls.
  static func geohash(_ c: inout Context) throws(CommandError) {
    let set = try c.value(c.key(1), SortedSet.self)
    c.reply.array(c.arguments.count - 2)
    for index in 2..<c.arguments.count {
      if let place = set?.place(of: c.arguments[index], c.keyHash) {
        c.reply.bulk(place.text)
      } else {
        c.reply.null()
      }
    }
  }

  /// `GEODIST key member member [M|KM|FT|MI]` → the distance, or null when a member is absent.
  static func geodist(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    guard words.count <= 5 else { throw .syntax }
    let unit = words.count == 5 ? try words.unit(at: 4) : 1
    let set = try c.value(c.key(1), SortedSet.self)
    guard let from = set?.place(of: words[2], c.keyHash),
      let to = set?.place(of: words[3], c.keyHash)
    else { return c.reply.null() }
    c.reply.distance(from.distance(to: to) / unit)
  }
}

extension SortedSet {
  /// The place that the score of `member` says.
  func place(of member: ByteView, _ hash: KeyHash) -> GeoPlace? {
    score(of: member, hash).map { GeoCell(score: $0).middle }
  }
}

extension Arguments {
  /// The place whose longitude is word `index` and whose latitude is the next one.
  func place(at index: Int) throws(CommandError) -> GeoPlace {
    guard let longitude = self[index].score, let latitude = self[index + 1].score else {
      throw .notAFloat
    }
    let place = GeoPlace(longitude: longitude, latitude: latitude)
    guard place.isOnGrid else {
      let pair = "\(longitude.decimals(6)),\(latitude.decimals(6))"
      throw CommandError("ERR invalid longitude,latitude pair \(pair)")
    }
    return place
  }

  /// Metres of the unit that word `index` names.
  func unit(at index: Int) throws(CommandError) -> Double {
    let word = self[index]
    if word.matches("m") { return 1 }
    if word.matches("km") { return 1000 }
    if word.matches("ft") { return 0.3048 }
    if word.matches("mi") { return 1609.34 }
    throw CommandError("ERR unsupported unit provided. please use M, KM, FT, MI")
  }
}

extension Reply {
  /// A longitude and a latitude: doubles, or bulk strings for RESP2, of at most 17 decimals.
  mutating func place(_ place: GeoPlace) {
    array(2)
    degrees(place.longitude)
    degrees(place.latitude)
  }

  private mutating func degrees(_ degrees: Double) {
    LongDouble(degrees).withDecimals { text in
      guard version >= 3 else { return bulk(text) }
      bytes.append(byte: 0x2C)
      bytes.append(text)
      bytes.append("\r\n")
    }
  }

  /// A distance, 0 ..< 10^14: a bulk string with four decimals in any version.
  mutating func distance(_ distance: Double) {
    let rounded = Int64((distance * 10_000).rounded(.toNearestOrEven))
    let (whole, rest) = rounded.quotientAndRemainder(dividingBy: 10_000)
    bulk("\(whole).\(String(10_000 + rest).dropFirst())")
  }
}
