// RDBHashes.swift: sets and hashes in RDB format, in all the layouts that Redis has had.

import RESP

extension RDBInput where Self: ~Copyable {
  /// Takes a set and hands its members on.
  ///
  /// - Parameter text: room for one string, here and below.
  mutating func set<Members: RDBElements & ~Copyable>(
    _ layout: RDBSet, sizeMax: Int, text: inout ByteBuffer, into members: inout Members
  ) throws(Failure) where Members.Failure == Failure {
    switch layout {
    case .strings:
      for _ in 0..<(try length()) { try element(sizeMax: sizeMax, text: &text, into: &members) }
    case .intset: try elements(in: Intset.self, text: &text, into: &members)
    case .listpack: try elements(in: Listpack.self, text: &text, into: &members)
    }
  }

  /// Takes a hash and hands its fields and values on, in turns.
  mutating func hash<Fields: RDBFields & ~Copyable>(
    _ layout: RDBHash, sizeMax: Int, text: inout ByteBuffer, into fields: inout Fields
  ) throws(Failure) where Fields.Failure == Failure {
    switch layout {
    case .strings:
      for _ in 0..<(try length()) {
        try element(sizeMax: sizeMax, text: &text, into: &fields)
        try element(sizeMax: sizeMax, text: &text, into: &fields)
      }
    case .ziplist: try elements(in: Ziplist.self, text: &text, into: &fields)
    case .listpack: try elements(in: Listpack.self, text: &text, into: &fields)
    case .expiringStrings: try expiringStrings(sizeMax, &text, &fields)
    case .expiringListpack: try expiringListpack(&text, &fields)
    }
  }

  private mutating func expiringStrings<Fields: RDBFields & ~Copyable>(
    _ sizeMax: Int, _ text: inout ByteBuffer, _ fields: inout Fields
  ) throws(Failure) where Fields.Failure == Failure {
    let least = try take(8).signedLittleEndian
    for _ in 0..<(try length()) {
      let start = offset, later = try length()
      try element(sizeMax: sizeMax, text: &text, into: &fields)
      if later > 0 {
        let (deadline, overflow) = least.addingReportingOverflow(Int64(clamping: later - 1))
        guard !overflow else { throw flaw("a field goes at no known time", at: start) }
        fields.noteDeadline(deadline, ofField: text.view)
      }
      try element(sizeMax: sizeMax, text: &text, into: &fields)
    }
  }

  private mutating func expiringListpack<Fields: RDBFields & ~Copyable>(
    _ text: inout ByteBuffer, _ fields: inout Fields
  ) throws(Failure) where Fields.Failure == Failure {
    try skip(8)  // The least deadline: each stands beside its field as well.
    let start = offset
    var elements = try packed(Listpack.self, text: &text)
    while let field = try next(of: &elements, from: start) {
      guard let value = try next(of: &elements, from: start),
        case .integer(let deadline)? = try next(of: &elements, from: start)
      else { throw flaw("a field has no value, or goes at no known time", at: start) }
      try fields.append(field)
      if deadline != 0 { field.withView { fields.noteDeadline(deadline, ofField: $0) } }
      try fields.append(value)
    }
  }
}
