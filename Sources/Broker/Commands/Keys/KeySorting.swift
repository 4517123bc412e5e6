// KeySorting.swift: SORT, by the elements themselves or by what other keys hold.
//
// A pattern of BY or GET names a key by putting the element in the place of its first `*`; behind
// `->` it names a field of the hash that the key has. The log has what STORE stored, not the request.

import RESP

extension Keys {
  static let sorting: [Command] = [
    Command(
      "SORT", arity: .atLeast(2), flags: [.write, .denyOOM, .movableKeys],
      keys: [.one(1, [.read]), storeKey], group: .generic, since: "1.0.0",
      summary: "Gives the elements of a list, set or sorted set in order, or stores them.",
      complexity: "O(N log N), N elements",
      categories: ["@list", "@set", "@sortedset", "@dangerous"],
      body: sort),
    Command(
      "SORT_RO", arity: .atLeast(2), flags: [.readOnly, .movableKeys], keys: [.one(1, [.read])],
      group: .generic, since: "7.0.0",
      summary: "Gives the elements of a list, set or sorted set in order.",
      complexity: "O(N log N), N elements",
      categories: ["@list", "@set", "@sortedset", "@dangerous"],
      body: sortRO),
  ]

  private static var storeKey: KeySpec {
    .option(
      "store", from: 2, others: [("by", 1), ("get", 1), ("limit", 2)], [.overwrite, .update])
  }

  /// `SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]
  /// [STORE destination]` → array, or integer: how many were stored.
  static func sort(_ c: inout Context) throws(CommandError) {
    let request = try SortRequest(c, mayStore: true)
    try sort(&c, request)
  }

  /// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]` → array.
  static func sortRO(_ c: inout Context) throws(CommandError) {
    let request = try SortRequest(c, mayStore: false)
    try sort(&c, request)
  }

  private static func sort(_ c: inout Context, _ request: SortRequest) throws(CommandError) {
    guard let entry = c.find(c.key(1)) else { return try finish(&c, [], request) }
    if !request.isSorted, entry.kind == .sortedSet {
      return try finish(&c, members(of: entry.value(), request), request)
    }
    let (list, isCopy, isOrdered) = try sortable(entry)
    defer { if isCopy { list.bury(in: &c.graveyard) } }
    var request = request
    // What is stored is the same wherever it is run again, and so is what a script makes of it: a set
    // has no order of its own.
    if !isOrdered, request.destination != nil || c.isInScript { request.sortIfUnsorted() }
    try finish(&c, elements(&c, of: list, request), request)
  }

  /// The members that are asked for where they come by their scores. They lie in `set`.
  private static func members(of set: SortedSet, _ request: SortRequest) -> [ByteView] {
    let range = request.range(in: set.count), last = set.count
    let shown =
      request.isDescending ? last - range.upperBound..<last - range.lowerBound : range
    var members: [ByteView] = []
    members.reserveCapacity(range.count)
    set.forEach(in: shown, isReversed: request.isDescending) { member, _ in members.append(member) }
    return members
  }

  /// The elements to be sorted, as they stand: a list, or a copy of what a set or sorted set has.
  private static func sortable(
    _ entry: Entry
  ) throws(CommandError) -> (list: List, isCopy: Bool, isOrdered: Bool) {
    switch entry.kind {
    case .list: return (entry.list, isCopy: false, isOrdered: true)
    case .set:
      let copy = List.make()
      entry.value(SetValue.self).forEach { member, _ in
        member.withView { copy.push($0, at: .tail) }
      }
      return (copy, isCopy: true, isOrdered: false)
    case .sortedSet:
      let copy = List.make(), set = entry.value(SortedSet.self)
      set.forEach(in: 0..<set.count) { member, _ in copy.push(member, at: .tail) }
      return (copy, isCopy: true, isOrdered: true)
    case .string, .hash, .stream: throw .wrongType
    }
  }

  private static func finish(
    _ c: inout Context, _ sorted: [ByteView], _ request: SortRequest
  ) throws(CommandError) {
    guard let destination = request.destination else { return answer(&c, sorted, request) }
    try store(&c, sorted, request, in: c.key(destination))
  }

  // MARK: Ordering

  /// The elements that are asked for, in order. They lie in `list` and are good until it changes.
  private static func elements(
    _ c: inout Context, of list: List, _ request: SortRequest
  ) throws(CommandError) -> [ByteView] {
    let range = request.range(in: list.count)
    guard request.isSorted else {
      var elements: [ByteView] = []
      elements.reserveCapacity(range.count)
      let last = list.count
      let shown = request.isDescending ? last - range.upperBound..<last - range.lowerBound : range
      list.forEach(in: shown) { elements.append($0) }
      return request.isDescending ? elements.reversed() : elements
    }
    var items: [SortItem] = []
    items.reserveCapacity(list.count)
    list.forEach(in: 0..<list.count) { items.append(SortItem(element: $0)) }
    for index in items.indices { try weigh(&c, &items[index], request) }
    let sign = request.isDescending ? -1 : 1
    items.sort { sign * $0.compared(to: $1, request) < 0 }
    return items[range].map(\.element)
  }

  private static func weigh(
    _ c: inout Context, _ item: inout SortItem, _ request: SortRequest
  ) throws(CommandError) {
    guard let pattern = request.by else {
      if !request.isAlphabetic { item.score = try checked(score(item.element)) }
      return
    }
    guard let value = c.value(of: pattern, for: item.element) else { return }
    if request.isAlphabetic {
      item.text = value
    } else {
      item.score = try checked(unsafe value.withUnsafeBytes { unsafe score(ByteView($0)) })
    }
  }

  private static func checked(_ score: Double?) throws(CommandError) -> Double {
    guard let score else {
      throw CommandError("ERR One or more scores can't be converted into double")
    }
    return score
  }

  /// A number as C reads it: blanks may stand before it, and no bytes are 0.
  private static func score(_ word: ByteView) -> Double? {
    var start = 0
    while start < word.count, word[start] == 0x20 || (0x09...0x0D).contains(word[start]) {
      start += 1
    }
    let text = word[start..<max(start, word.firstIndex(of: 0) ?? word.count)]
    if text.isEmpty, start == 0 { return 0 }
    guard let number = text.double, isExact(number, text) else { return nil }
    return number
  }

  /// Whether `text` named `number` itself, and not one too big or too small for a double.
  private static func isExact(_ number: Double, _ text: ByteView) -> Bool {
    if number.isInfinite { return text.array.contains { $0 | 0x20 == UInt8(ascii: "n") } }
    guard number.isSubnormal || number.isZero else { return true }
    let mantissa = text.array.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    return !mantissa.contains { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) }
  }

  // MARK: Results

  private static func answer(_ c: inout Context, _ elements: [ByteView], _ request: SortRequest) {
    c.reply.array(elements.count * max(1, request.gets.count))
    for element in elements {
      guard !request.gets.isEmpty else {
        c.reply.bulk(element)
        continue
      }
      for pattern in request.gets {
        if let value = c.value(of: pattern, for: element) {
          c.reply.bulk(value)
        } else {
          c.reply.null()
        }
      }
    }
  }

  private static func store(
    _ c: inout Context, _ elements: [ByteView], _ request: SortRequest, in key: Key
  ) throws(CommandError) {
    guard !elements.isEmpty else {
      if c.peek(key) != nil {
        c.drop(key)
        c.modified(key)
        c.propagate("DEL", key.bytes)
        c.notify(.generic, "del", key)
      }
      return c.reply.integer(0)
    }
    let list = List.make()
    // What GET finds may be long, and one short request can name it a thousand times.
    var size = c.effects.bytes.count
    for element in elements {
      if request.gets.isEmpty {
        size += element.count
        list.push(element, at: .tail)
      }
      for pattern in request.gets {
        let value = c.value(of: pattern, for: element) ?? []
        size += value.count
        unsafe value.withUnsafeBytes { unsafe list.push(ByteView($0), at: .tail) }
      }
      guard size <= 1 << 30 else {
        list.release()
        throw .resultTooLong
      }
    }
    // The list that was sorted may be the one that goes now: its elements are copied.
    let isNew = c.peek(key) == nil
    c.put(.value(key.bytes, list), key)
    c.modified(key)
    c.notify(.list, "sortstore", key)
    c.signalReady(key)
    c.propagateList(list, under: key, replacing: !isNew)
    c.reply.integer(list.count)
  }
}

/// The options of a SORT.
private struct SortRequest {
  var by: ByteView?
  /// False where a pattern makes all weigh the same: they come as they stand.
  var isSorted = true
  var isAlphabetic = false
  var isDescending = false
  var offset: Int64 = 0
  /// Negative for all.
  var limit: Int64 = -1
  var gets: [ByteView] = []
  /// Which word is the key to store in.
  var destination: Int?

  init(_ c: borrowing Context, mayStore: Bool) throws(CommandError) {
    var index = 2
    while index < c.arguments.count {
      let word = c.arguments[index]
      let following = c.arguments.count - index - 1
      if word.matches("asc") {
        isDescending = false
      } else if word.matches("desc") {
        isDescending = true
      } else if word.matches("alpha") {
        isAlphabetic = true
      } else if word.matches("limit"), following >= 2 {
        guard let offset = c.arguments[index + 1].integer,
          let limit = c.arguments[index + 2].integer
        else { throw .notAnInteger }
        self.offset = offset
        self.limit = limit
        index += 2
      } else if word.matches("store"), following >= 1, mayStore {
        destination = index + 1
        index += 1
      } else if word.matches("by"), following >= 1 {
        let pattern = c.arguments[index + 1]
        by = pattern
        // A pattern without a place for the element makes all weigh the same: as they stand.
        isSorted = pattern.firstIndex(of: UInt8(ascii: "*")) != nil
        if isSorted { try Self.checkRights(c, "BY") }
        index += 1
      } else if word.matches("get"), following >= 1 {
        try Self.checkRights(c, "GET")
        gets.append(c.arguments[index + 1])
        index += 1
      } else {
        throw .syntax
      }
      index += 1
    }
  }

  private static func checkRights(_ c: borrowing Context, _ option: String) throws(CommandError) {
    guard !c.mayReadAllKeys() else { return }
    throw CommandError("ERR \(option) option of SORT denied due to insufficient ACL permissions.")
  }

  /// Has elements that would come as they stand come in the order of their bytes.
  mutating func sortIfUnsorted() {
    guard !isSorted else { return }
    (isSorted, isAlphabetic, by) = (true, true, nil)
  }

  /// Which of `count` sorted elements are asked for.
  func range(in count: Int) -> Range<Int> {
    let start = Int(min(max(0, offset), Int64(count)))
    let most = limit < 0 ? count : Int(min(limit, Int64(count)))
    return start..<min(count, start + most)
  }
}

/// An element with what it is sorted by.
private struct SortItem {
  let element: ByteView
  var score = 0.0
  /// What BY gave for ALPHA, or nil when there is no such key.
  var text: [UInt8]?

  func compared(to other: SortItem, _ request: SortRequest) -> Int {
    guard request.isAlphabetic else {
      if score != other.score { return score < other.score ? -1 : 1 }
      return element.compared(to: other.element)
    }
    guard request.by != nil else { return element.compared(to: other.element) }
    guard let text else { return other.text == nil ? 0 : -1 }
    guard let otherText = other.text else { return 1 }
    return unsafe text.withUnsafeBytes { mine in
      unsafe otherText.withUnsafeBytes { unsafe ByteView(mine).compared(to: ByteView($0)) }
    }
  }
}

extension Context {
  /// The string that a pattern of BY or GET names for `element`; `#` is the element itself.
  fileprivate mutating func value(of pattern: ByteView, for element: ByteView) -> [UInt8]? {
    if pattern.count == 1, pattern[0] == UInt8(ascii: "#") { return element.array }
    guard let place = pattern.firstIndex(of: UInt8(ascii: "*")) else { return nil }
    let arrow = Self.arrow(in: pattern, from: place + 1)
    let name =
      pattern[0..<place].array + element.array
      + pattern[place + 1..<(arrow ?? pattern.count)].array
    return unsafe name.withUnsafeBytes { bytes -> [UInt8]? in
      guard let entry = unsafe find(key(ByteView(bytes))) else { return nil }
      guard let arrow else { return entry.kind == .string ? entry.withString { $0.array } : nil }
      guard entry.kind == .hash else { return nil }
      let field = pattern[arrow + 2..<pattern.count]
      return entry.value(HashValue.self).value(of: field, keyHash, now: fieldTime)?.array
    }
  }

  /// Where `->` stands that the name of a field follows.
  private static func arrow(in pattern: ByteView, from start: Int) -> Int? {
    var index = start
    while let dash = pattern.firstIndex(of: UInt8(ascii: "-"), from: index) {
      if dash + 1 < pattern.count, pattern[dash + 1] == UInt8(ascii: ">") {
        return dash + 2 < pattern.count ? dash : nil
      }
      index = dash + 1
    }
    return nil
  }

  /// Elements that one command of the log pushes.
  private static let pushMax = 1000

  /// Logs `list` whole, as the value that `key` has now.
  mutating func propagateList(_ list: List, under key: Key, replacing: Bool) {
    hasPropagated = true
    if replacing { effects.command("DEL", key.bytes, in: database) }
    for start in stride(from: 0, to: list.count, by: Self.pushMax) {
      let range = start..<min(list.count, start + Self.pushMax)
      effects.command(words: 2 + range.count, in: database) { writer in
        writer.word("RPUSH")
        writer.word(key.bytes)
        list.forEach(in: range) { writer.word($0) }
      }
    }
  }
}
