// RDBReader.swift: walks over an RDB file (Redis 5 to 7.4, Valkey 8) and hands on what is in it.
//
//     "REDIS" version, 4 digits
//     FA string string         about the file            F8 length    idle time of the next key
//     FE length                the database from here on F9 byte      its frequency
//     FB length length         counts of keys            FC u64       its deadline, ms
//     F4 length length length  the same of a slot        FD u32       its deadline, s
//     F5 string                a library                F7 ...       what a module keeps aside
//     type, key, value         a key
//     FF u64                   the end, and the CRC-64 of all before it; 0 for none
//
// Keys whose deadline has passed are handed on too: behind the file, a log may have made them
// last longer.

import RESP

struct RDBReader: ~Copyable {
  private static let versions = 9...12

  private let sizeMax: Int
  private var deadline: Int64?
  private var key = ByteBuffer()
  private var text = ByteBuffer()

  /// - Parameter sizeMax: the longest string that is taken.
  init(sizeMax: Int) { self.sizeMax = sizeMax }

  /// Takes an RDB file off the front of `input`.
  mutating func read(
    _ input: inout ImportInput, into importer: inout Importer
  ) throws(ImportError) {
    try readVersion(&input)
    while true {
      importer.offset = input.offset
      switch try input.byte() {
      case 0xF4: for _ in 0..<3 { _ = try input.length() }
      case 0xF5:
        try input.string(into: &text, sizeMax: sizeMax)
        try importer.library(text.view)
      case 0xF7:
        _ = try input.length()
        try input.skipModuleValue()
        try importer.skip("module's own value")
      case 0xF8: _ = try input.length()
      case 0xF9: try input.skip(1)
      case 0xFA: try input.skipStrings(2)
      case 0xFB: for _ in 0..<2 { _ = try input.length() }
      case 0xFC: deadline = try input.take(8).signedLittleEndian
      case 0xFD: deadline = try input.take(4).signedLittleEndian * 1000
      case 0xFE: try importer.select(try input.length())
      case 0xFF: return try readEnd(&input)
      case let type: try readKey(type, &input, &importer)
      }
    }
  }

  private func readVersion(_ input: inout ImportInput) throws(ImportError) {
    let head = try input.take(9)
    guard let version = Self.number(head[5..<9]), Self.versions.contains(version) else {
      throw Self.unknownVersion(head, input)
    }
  }

  private static func unknownVersion(
    _ head: ByteView, _ input: borrowing ImportInput
  ) -> ImportError {
    input.flaw(
      "an RDB file that begins with '\(head.printable)'; those of versions \(versions.lowerBound) to "
        + "\(versions.upperBound) of the format can be read", at: 0)
  }

  /// Whether an RDB file is next.
  ///
  /// - Throws: when it is one of Valkey 9 or later, which went ways of its own.
  static func isNext(in input: inout ImportInput) throws(ImportError) -> Bool {
    guard try input.begins(with: "VALKEY") else { return try input.begins(with: "REDIS") }
    throw unknownVersion(input.ahead[0..<min(9, input.ahead.count)], input)
  }

  /// The number that digits, with leading zeros, spell.
  private static func number(_ digits: ByteView) -> Int? {
    var number = 0
    for index in 0..<digits.count {
      guard digits[index] &- 0x30 < 10 else { return nil }
      number = number * 10 + Int(digits[index] &- 0x30)
    }
    return number
  }

  private func readEnd(_ input: inout ImportInput) throws(ImportError) {
    let start = input.offset, wanted = input.checksum()
    let found = try input.take(8).littleEndian(at: 0, as: UInt64.self)
    guard found == wanted || found == 0 else {
      throw input.flaw("the checksum does not fit: the file is damaged", at: start)
    }
    input.endChecksum()
  }

  // MARK: A key

  private mutating func readKey(
    _ number: UInt8, _ input: inout ImportInput, _ importer: inout Importer
  ) throws(ImportError) {
    guard let type = RDBType(number) else {
      throw input.flaw("a value of unknown type \(number)", at: input.offset - 1)
    }
    try input.string(into: &key, sizeMax: sizeMax)
    switch type {
    case .string:
      try input.string(into: &text, sizeMax: sizeMax)
      try importer.set(key.view, text.view)
      try importer.endKey(key.view, deadline)
    case .list(let layout):
      importer.beginElements("RPUSH", key.view)
      try input.list(layout, sizeMax: sizeMax, text: &text, into: &importer)
      try importer.endElements()
      try importer.endKey(key.view, deadline)
    case .set(let layout):
      importer.beginElements("SADD", key.view)
      try input.set(layout, sizeMax: sizeMax, text: &text, into: &importer)
      try importer.endElements()
      try importer.endKey(key.view, deadline)
    case .hash(let layout):
      importer.beginElements("HSET", key.view, perItem: 2)
      try input.hash(layout, sizeMax: sizeMax, text: &text, into: &importer)
      try importer.endElements()
      try importer.endKey(key.view, deadline)
    case .stream(let version):
      importer.beginStream(key.view)
      try input.stream(version: version, text: &text, into: &importer)
      try importer.endKey(key.view, deadline)
    case .sortedSet(let layout):
      importer.beginElements("ZADD", key.view, perItem: 2)
      try input.sortedSet(layout, sizeMax: sizeMax, text: &text, into: &importer)
      try importer.endElements()
      try importer.endKey(key.view, deadline)
    case .foreign(let name, let shape):
      try importer.skip(name, key: key.view)
      try input.skipValue(shape)
    }
    deadline = nil
  }
}
