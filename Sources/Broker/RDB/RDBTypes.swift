// RDBTypes.swift: the kinds of values in an RDB file, and how to pass over those we do not have.

import RESP

/// What the byte before a key says of its value.
enum RDBType {
  case string
  case list(RDBList)
  case set(RDBSet)
  case hash(RDBHash)
  case sortedSet(RDBSortedSet)
  case stream(version: Int)
  /// What we know how to pass over, by the name that TYPE would answer.
  case foreign(name: StaticString, RDBShape)

  init?(_ number: UInt8) {
    switch number {
    case 0: self = .string
    case 1: self = .list(.strings)
    case 2: self = .set(.strings)
    case 3: self = .sortedSet(.texts)
    case 4: self = .hash(.strings)
    case 5: self = .sortedSet(.doubles)
    case 7: self = .foreign(name: "module", .module)
    case 9: self = .foreign(name: "hash", .packed)  // A zipmap, as before Redis 2.6.
    case 10: self = .list(.ziplist)
    case 11: self = .set(.intset)
    case 12: self = .sortedSet(.ziplist)
    case 13: self = .hash(.ziplist)
    case 14: self = .list(.ziplists)
    case 15: self = .stream(version: 1)
    case 16: self = .hash(.listpack)
    case 17: self = .sortedSet(.listpack)
    case 18: self = .list(.nodes)
    case 19: self = .stream(version: 2)
    case 20: self = .set(.listpack)
    case 21: self = .stream(version: 3)
    case 24: self = .hash(.expiringStrings)
    case 25: self = .hash(.expiringListpack)
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

/// How a set is laid out.
enum RDBSet {
  /// A count, and so many strings.
  case strings
  case intset
  case listpack
}

/// How a hash is laid out.
enum RDBHash {
  /// A count, and so many fields and values.
  case strings
  case ziplist
  case listpack
  /// As Redis 7.4 has fields with deadlines: the least deadline, a count, and so many times a length,
  /// a field, and a value. The length is 0 for no deadline, else by 1 more than what it is later.
  case expiringStrings
  /// The least deadline, and a listpack in which a deadline, or 0, stands behind each value.
  case expiringListpack
}

/// How a sorted set is laid out.
enum RDBSortedSet {
  /// A count, and so many members, each with its score in digits: before Redis 4.
  case texts
  /// A count, and so many members, each with its score in eight bytes.
  case doubles
  /// One ziplist or listpack of members and scores in turn.
  case ziplist, listpack
}

/// How a value that we pass over is laid out.
enum RDBShape {
  /// All in one string.
  case packed
  case module
}

extension RDBInput where Self: ~Copyable {
  /// Passes over a value.
  mutating func skipValue(_ shape: RDBShape) throws(Failure) {
    switch shape {
    case .packed: try skipString()
    case .module:
      _ = try length()
      try skipModuleValue()
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
