// GeoRequest.swift: what a search for places asks for, word by word.
//
// Where the key is absent nobody has a place: options are checked all the same, since they say what is
// replied then.

import RESP

struct GeoRequest {
  /// Which command it is of.
  enum Form {
    /// GEORADIUS and GEORADIUS_RO
    case aroundPlace(mayStore: Bool)
    /// GEORADIUSBYMEMBER and GEORADIUSBYMEMBER_RO
    case aroundMember(mayStore: Bool)
    /// GEOSEARCH
    case search
    /// GEOSEARCHSTORE
    case searchAndStore

    /// Which word is the key that is searched.
    var sourceIndex: Int {
      if case .searchAndStore = self { 2 } else { 1 }
    }

    var isSearch: Bool {
      switch self {
      case .aroundPlace, .aroundMember: false
      case .search, .searchAndStore: true
      }
    }
  }

  /// What is shown of a member besides its name.
  struct Shown: OptionSet {
    let rawValue: Int
    static let distance = Shown(rawValue: 1 << 0)
    static let number = Shown(rawValue: 1 << 1)
    static let place = Shown(rawValue: 1 << 2)

    var count: Int { rawValue.nonzeroBitCount }
  }

  private enum Origin { case member, place }

  private let form: Form
  private var origin: Origin?
  private var center: GeoPlace?
  private var shape: GeoArea.Shape?
  /// Metres of the unit in which distances are shown.
  private(set) var unit = 1.0
  private(set) var order = GeoMatches.Order.none
  /// Members that are asked for at most; nil: all.
  private(set) var countMax: Int?
  /// Whether the first ones that are found will do.
  private(set) var takesAny = false
  private(set) var shown: Shown = []
  /// Which word is the key that takes the result.
  private(set) var target: Int?
  private(set) var storesDistances = false

  /// Where to search; nil where the key is absent.
  var area: GeoArea? {
    guard let center, let shape else { return nil }
    return GeoArea(center: center, shape: shape, unit: unit)
  }

  var event: StaticString { form.isSearch ? "geosearchstore" : "georadiusstore" }

  init(
    _ words: Arguments, _ form: Form, in set: SortedSet?, _ hash: KeyHash
  ) throws(CommandError) {
    self.form = form
    var index: Int
    switch form {
    case .aroundPlace:
      center = try words.place(at: 2)
      try takeCircle(words, at: 4)
      index = 6
    case .aroundMember:
      if let set {
        center = try Self.place(of: words[2], in: set, hash)
        try takeCircle(words, at: 3)
      }
      index = 5
    case .search: index = 2
    case .searchAndStore:
      target = 1
      index = 3
    }
    while index < words.count { index += try takeOption(words, index, set, hash) }
    try check(words)
    // The first few are the nearest, unless any will do.
    if countMax != nil, order == .none, !takesAny { order = .nearest }
  }

  // MARK: Options

  /// Takes the option at word `index`.
  ///
  /// - Returns: how many words it has.
  private mutating func takeOption(
    _ words: Arguments, _ index: Int, _ set: SortedSet?, _ hash: KeyHash
  ) throws(CommandError) -> Int {
    if let size = try takeUsual(words, index) { return size }
    if let size = try takeArea(words, index, set, hash) { return size }
    if let size = takeTarget(words, index) { return size }
    throw .syntax
  }

  /// Options that all forms have. Of these three each returns nil when the word is none of its own.
  private mutating func takeUsual(
    _ words: Arguments, _ index: Int
  ) throws(CommandError) -> Int? {
    let word = words[index]
    if word.matches("withdist") {
      shown.insert(.distance)
    } else if word.matches("withhash") {
      shown.insert(.number)
    } else if word.matches("withcoord") {
      shown.insert(.place)
    } else if word.matches("any") {
      takesAny = true
    } else if word.matches("asc") {
      order = .nearest
    } else if word.matches("desc") {
      order = .farthest
    } else if word.matches("count"), index + 1 < words.count {
      guard let count = words[index + 1].integer else { throw .notAnInteger }
      guard count > 0 else { throw CommandError("ERR COUNT must be > 0") }
      countMax = Int(count)
      return 2
    } else {
      return nil
    }
    return 1
  }

  /// Options that say where to search.
  private mutating func takeArea(
    _ words: Arguments, _ index: Int, _ set: SortedSet?, _ hash: KeyHash
  ) throws(CommandError) -> Int? {
    guard form.isSearch else { return nil }
    let word = words[index], left = words.count - index - 1
    if word.matches("frommember"), left >= 1, origin != .place {
      if let set { center = try Self.place(of: words[index + 1], in: set, hash) }
      origin = .member
      return 2
    }
    if word.matches("fromlonlat"), left >= 2, origin != .member {
      center = try words.place(at: index + 1)
      origin = .place
      return 3
    }
    if word.matches("byradius"), left >= 2, !isBox {
      try takeCircle(words, at: index + 1)
      return 3
    }
    if word.matches("bybox"), left >= 3, shape == nil || isBox {
      try takeBox(words, at: index + 1)
      return 4
    }
    return nil
  }

  /// Options that say where the result goes.
  private mutating func takeTarget(_ words: Arguments, _ index: Int) -> Int? {
    let word = words[index]
    switch form {
    case .searchAndStore where word.matches("storedist"):
      storesDistances = true
      return 1
    case .aroundPlace(mayStore: true), .aroundMember(mayStore: true):
      let storesDistances = word.matches("storedist")
      guard index + 1 < words.count, storesDistances || word.matches("store") else { return nil }
      target = index + 1
      self.storesDistances = storesDistances
      return 2
    default: return nil
    }
  }

  // MARK: Areas

  private var isBox: Bool {
    if case .box = shape { true } else { false }
  }

  private mutating func takeCircle(_ words: Arguments, at index: Int) throws(CommandError) {
    guard let radius = words[index].score else { throw CommandError("ERR need numeric radius") }
    guard radius >= 0 else { throw CommandError("ERR radius cannot be negative") }
    unit = try words.unit(at: index + 1)
    shape = .circle(radius: radius)
  }

  private mutating func takeBox(_ words: Arguments, at index: Int) throws(CommandError) {
    guard let width = words[index].score else { throw CommandError("ERR need numeric width") }
    guard let height = words[index + 1].score else {
      throw CommandError("ERR need numeric height")
    }
    guard width >= 0, height >= 0 else {
      throw CommandError("ERR height or width cannot be negative")
    }
    unit = try words.unit(at: index + 2)
    shape = .box(width: width, height: height)
  }

  private static func place(
    of member: ByteView, in set: SortedSet, _ hash: KeyHash
  ) throws(CommandError) -> GeoPlace {
    guard let place = set.place(of: member, hash) else {
      throw CommandError("ERR could not decode requested zset member")
    }
    return place
  }

  private func check(_ words: Arguments) throws(CommandError) {
    if target != nil, !shown.isEmpty {
      let what = form.isSearch ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"
      throw CommandError(
        "ERR \(what) is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
    }
    if form.isSearch, origin == nil {
      throw CommandError(
        "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ", words[0], "")
    }
    if form.isSearch, shape == nil {
      throw CommandError(
        "ERR exactly one of BYRADIUS and BYBOX can be specified for ", words[0], "")
    }
    if takesAny, countMax == nil {
      throw CommandError("ERR the ANY argument requires COUNT argument")
    }
  }
}
