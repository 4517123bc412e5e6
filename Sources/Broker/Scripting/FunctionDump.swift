// FunctionDump.swift: libraries as bytes that other servers know.
//
//     0xF5, the text as a string of RDB files, for each library; version u16, CRC-64 of all before it

import RESP

enum FunctionDump {
  private static let mark: UInt8 = 0xF5

  /// What RESTORE does with the libraries that are there.
  enum Policy {
    case append, replace, flush

    init?(_ word: ByteView) {
      if word.matches("append") {
        self = .append
      } else if word.matches("replace") {
        self = .replace
      } else if word.matches("flush") {
        self = .flush
      } else {
        return nil
      }
    }
  }

  static func append(_ code: ByteView, to output: inout RDBOutput) {
    output.byte(mark)
    output.string(code)
  }

  /// The texts of the libraries in what DUMP gave.
  static func libraries(in payload: ByteView) throws(CommandError) -> [[UInt8]] {
    guard let body = DumpInput.body(of: payload) else {
      throw CommandError("ERR DUMP payload version or checksum are wrong")
    }
    var input = DumpInput(body), text = ByteBuffer(), libraries: [[UInt8]] = []
    while input.left > 0 {
      let kind: UInt8
      do throws(DumpFlaw) {
        kind = try input.byte()
        if kind == mark { try input.string(into: &text, sizeMax: payload.count * 88) }
      } catch {
        throw CommandError("ERR failed loading the given functions payload")
      }
      guard kind == mark else { throw CommandError("ERR given type is not a function") }
      libraries.append(text.view.array)
    }
    return libraries
  }
}
