// RDBTypes.swift: the kinds of values in an RDB file, and how to pass over those we do not have.

import RESP

/// What the byte before a key says of its value.
enum RDBType {
  case string
  case list(RDBList)
  /// What we know how to pass over, by the name that TYPE would answer.
  case foreign(name: StaticString, RDBShape)

  init?(_ number: UInt8) {
    switch number {
    case 0: self = .string
    case 1: self = .list(.strings)
    case 2: self = .foreign(name: "set", .strings(perMember: 1))
    case 3: self = .foreign(name: "zset", .scores(asText: true))
    case 4: self = .foreign(name: "hash", .strings(perMember: 2))
    case 5: self = .foreign(name: "zset", .scores(asText: false))
    case 7: self = .foreign(name: "module", .module)
    case 9, 13, 16: self = .foreign(name: "hash", .packed)
    case 10: self = .list(.ziplist)
    case 11, 20: self = .foreign(name: "set", .packed)
    case 12, 17: self = .foreign(name: "zset", .packed)
    case 14: self = .list(.ziplists)
    case 15: self = .foreign(name: "stream", .stream(version: 1))
    case 18: self = .list(.nodes)
    case 19: self = .foreign(name: "stream", .stream(version: 2))
    case 21: self = .foreign(name: "stream", .stream(version: 3))
    case 24: self = .foreign(name: "hash", .expiringFields)
    case 25: self = .foreign(name: "hash", .packedExpiringFields)
    default: return nil
    }
  }
}

/// How a list is laid out.
enum RDBList {
  /// A count, and so many strings.
  case strings
  /// One ziplist.
  case ziplist
  /// A count, and so many ziplists: a quicklist of Redis before 7.
  case ziplists
  /// A count, and so many nodes, each its kind and a string: a quicklist of Redis 7.
  case nodes
}

/// How a value that we pass over is laid out.
enum RDBShape {
  /// All in one string.
  case packed
  case strings(perMember: Int)
  case scores(asText: Bool)
  /// As Redis 7.4 has hashes with fields that expire.
  case expiringFields, packedExpiringFields
  case stream(version: Int)
  case module
}

extension RDBInput where Self: ~Copyable {
  /// Passes over a value.
  mutating func skipValue(_ shape: RDBShape) throws(Failure) {
    switch shape {
    case .packed: try skipString()
    case .strings(let perMember):
      for _ in 0..<(try length()) { try skipStrings(UInt64(perMember)) }
    case .scores(let asText):
      for _ in 0..<(try length()) {
        try skipString()
        if asText { try skipTextScore() } else { try skip(8) }
      }
    case .expiringFields:
      try skip(8)
      for _ in 0..<(try length()) {
        _ = try length()
        try skipStrings(2)
      }
    case .packedExpiringFields:
      try skip(8)
      try skipString()
    case .stream(let version): try skipStream(version)
    case .module:
      _ = try length()
      try skipModuleValue()
    }
  }

  /// A score as digits behind their count; above 252 it is infinite or no number.
  private mutating func skipTextScore() throws(Failure) {
    let count = try byte()
    if count < 253 { try skip(Int(count)) }
  }

  private mutating func skipLengths(_ count: Int) throws(Failure) {
    for _ in 0..<count { _ = try length() }
  }

  private mutating func skipStream(_ version: Int) throws(Failure) {
    for _ in 0..<(try length()) { try skipStrings(2) }  // Nodes: their first id, their listpack.
    try skipLengths(3)  // Entries, the last id.
    if version >= 2 { try skipLengths(5) }  // The first id, the last deleted one, entries ever.
    for _ in 0..<(try length()) { try skipGroup(version) }
  }

  private mutating func skipGroup(_ version: Int) throws(Failure) {
    try skipString()
    try skipLengths(version >= 2 ? 3 : 2)  // The last id delivered, entries read.
    for _ in 0..<(try length()) {
      try skip(16 + 8)  // A pending entry: its id, the time of its delivery.
      _ = try length()
    }
    for _ in 0..<(try length()) {
      try skipString()
      try skip(version >= 3 ? 16 : 8)  // When the consumer was seen, when it was active.
      for _ in 0..<(try length()) { try skip(16) }
    }
  }

  /// Passes over what a module wrote behind its number: pieces that say of themselves what they are.
  mutating func skipModuleValue() throws(Failure) {
    while true {
      let start = offset
      switch try length() {
      case 0: return
      case 1, 2: _ = try length()
      case 3: try skip(4)
      case 4: try skip(8)
      case 5: try skipString()
      default: throw flaw("a module's value has a piece of no known kind", at: start)
      }
    }
  }
}
