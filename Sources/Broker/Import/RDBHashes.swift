// RDBHashes.swift: sets and hashes of an RDB file, in all the forms that they have had.

import RESP

extension RDBReader {
  mutating func readSet(
    _ layout: RDBSet, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    switch layout {
    case .strings: try readElements(try input.length(), &input, &importer)
    case .intset: try readPacked(Intset.self, &input, &importer)
    case .listpack: try readPacked(Listpack.self, &input, &importer)
    }
  }

  mutating func readHash(
    _ layout: RDBHash, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    switch layout {
    case .strings:
      for _ in 0..<(try input.length()) { try readElements(2, &input, &importer) }
    case .ziplist: try readPacked(Ziplist.self, &input, &importer)
    case .listpack: try readPacked(Listpack.self, &input, &importer)
    case .expiringStrings: try readExpiringStrings(&input, &importer)
    case .expiringListpack: try readExpiringListpack(&input, &importer)
    }
  }

  private mutating func readExpiringStrings(
    _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    let least = try input.take(8).signedLittleEndian
    for _ in 0..<(try input.length()) {
      let start = input.offset, later = try input.length()
      try readElement(&input, &importer)
      if later > 0 {
        let (deadline, overflow) = least.addingReportingOverflow(Int64(clamping: later - 1))
        guard !overflow else { throw input.flaw("a field goes at no known time", at: start) }
        importer.noteDeadline(deadline, ofField: text.view)
      }
      try readElement(&input, &importer)
    }
  }

  private mutating func readExpiringListpack(
    _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    try input.skip(8)  // The least deadline: each stands beside its field as well.
    let start = input.offset
    var elements = try packed(Listpack.self, &input)
    while let field = try next(of: &elements, input, from: start) {
      guard let value = try next(of: &elements, input, from: start),
        case .integer(let deadline)? = try next(of: &elements, input, from: start)
      else { throw input.flaw("a field has no value, or goes at no known time", at: start) }
      try importer.append(field)
      if deadline != 0 { field.withView { importer.noteDeadline(deadline, ofField: $0) } }
      try importer.append(value)
    }
  }
}
