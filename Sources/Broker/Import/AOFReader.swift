// AOFReader.swift: reads the commands of an append-only file.
//
// The file is requests in RESP, one after the other, and lines `#...` with notes such as times. An RDB
// file may stand before them (`aof-use-rdb-preamble`). What a crash left of a last command, or of a
// last transaction, is left out, as Redis does with `aof-load-truncated yes`.

import RESP

struct AOFReader: ~Copyable {
  private var parser = RequestParser()
  private var limits = RequestLimits()

  /// - Parameter sizeMax: the longest string that is taken.
  init(sizeMax: Int) { limits.bulkSizeMax = sizeMax }

  /// Runs all that is left of `input`.
  ///
  /// - Returns: how many bytes at the end were left out.
  mutating func read(
    _ input: inout ImportInput, into importer: inout Importer
  ) throws(ImportError) -> Int {
    input.endChecksum()
    var transactionStart: Int?
    while let size = try nextSize(&input) {
      let start = input.offset, request = try input.take(size)
      guard request[0] != UInt8(ascii: "#") else { continue }
      guard parser.count > 0 else { throw input.flaw("an empty command", at: start) }
      importer.offset = start
      try unsafe importer.run(Arguments(request, parser.arguments), request)
      if !importer.isInTransaction {
        transactionStart = nil
      } else if transactionStart == nil {
        transactionStart = start
      }
    }
    return input.size - (transactionStart ?? input.offset)
  }

  /// The size of the next command or note, all of which is ahead; nil when the file ends before.
  private mutating func nextSize(_ input: inout ImportInput) throws(ImportError) -> Int? {
    while true {
      if let size = try nextSizeAhead(input) { return size }
      guard try input.readMore() else { return nil }
    }
  }

  private mutating func nextSizeAhead(_ input: borrowing ImportInput) throws(ImportError) -> Int? {
    let bytes = input.ahead
    guard bytes.count > 0 else { return nil }
    switch bytes[0] {
    case UInt8(ascii: "*"):
      do {
        guard case .request(let size) = try parser.parse(bytes, limits: limits) else { return nil }
        return size
      } catch {
        throw input.flaw("no command can be read here: \(error.message.dropFirst(4))")
      }
    case UInt8(ascii: "#"):
      guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
        guard bytes.count <= limits.lineSizeMax else { throw input.flaw("a line without an end") }
        return nil
      }
      return end + 1
    default: throw input.flaw("no command begins here")
    }
  }
}
