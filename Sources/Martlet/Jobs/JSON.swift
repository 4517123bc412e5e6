// JSON.swift: the one encoder and decoder of jobs and outputs.
//
// Both are made once: each call of theirs works on a copy of their options, so tasks may share them.

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum JSON {
  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    // People and other languages read it: no seconds since 2001, and no \/ in paths.
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = .withoutEscapingSlashes
    return encoder
  }()

  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    return decoder
  }()

  static func encode(_ value: some Encodable) throws(MartletError) -> Data {
    do { return try encoder.encode(value) } catch {
      throw MartletError(.decoding, "\(type(of: value)) cannot be encoded: \(reason(error))")
    }
  }

  static func decode<T: Decodable>(
    _ type: T.Type, from bytes: ArraySlice<UInt8>
  ) throws(MartletError) -> T {
    do { return try decoder.decode(type, from: Data(bytes)) } catch {
      throw MartletError(.decoding, "\(type) cannot be decoded: \(reason(error))")
    }
  }

  /// What is wrong and where, in a line: a person reads it beside a dead job.
  private static func reason(_ error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let keys = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
      return keys.isEmpty ? "it" : keys.joined(separator: ".")
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
      return "\(place(context)) has no '\(key.stringValue)'"
    case DecodingError.valueNotFound(_, let context): return "\(place(context)) is null"
    case DecodingError.typeMismatch(let type, let context):
      return "\(place(context)) is not of type \(type)"
    case DecodingError.dataCorrupted(let context):
      return "\(place(context)): \(context.debugDescription)"
    default: return "\(error)"
    }
  }

  /// Adds `text` as a JSON string.
  static func append(string text: String, to output: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        output.append(UInt8(ascii: "\\"))
        output.append(byte)
      case ..<0x20:
        output += "\\u00".utf8
        output.append(digits[Int(byte >> 4)])
        output.append(digits[Int(byte & 15)])
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
