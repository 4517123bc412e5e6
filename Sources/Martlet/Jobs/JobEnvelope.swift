// JobEnvelope.swift: how a job is written into the body of a queue's element, and found in it.
//
// Written by hand around what Codable makes, and read by a scan that finds where the parts are: only the
// job's own data goes through JSONDecoder, and only once.

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The body of a job: JSON that any language can read and write.
///
/// ```json
/// {"job":"resize-avatar","data":{"user":7,"path":"/uploads/7.png"},"headers":{"traceparent":"00-4bf9..."}}
/// ```
///
/// | member | |
/// |---|---|
/// | `job` | the ``Job/name`` of its type; required |
/// | `data` | what the type encodes to, any JSON; `{}` when it is missing |
/// | `headers` | strings by name, for what goes along with jobs such as traces; optional. What is no string stands for its JSON: `7` for `"7"` |
///
/// The order of the members is free, and others are passed over. Dates are seconds since 1970, data is
/// Base64. So a job made by a program in Python is
///
/// ```python
/// r.lpush("images", json.dumps({"job": "resize-avatar", "data": {"user": 7, "path": "/uploads/7.png"}}))
/// ```
public struct JobEnvelope: Sendable, Hashable {
  /// The name of the job's type.
  public let name: String
  /// The job itself, as JSON.
  public let data: [UInt8]
  /// What goes along with it.
  public let headers: [String: String]

  /// Reads a body.
  ///
  /// - Throws: `MartletError` with the code `.decoding` when it is no envelope.
  public init(_ body: [UInt8]) throws(MartletError) {
    let parts = try EnvelopeParts(body)
    name = parts.name
    data = parts.data.map { Array(body[$0]) } ?? Array("{}".utf8)
    headers = try parts.headers(in: body)
  }

  /// The body of a job.
  ///
  /// - Throws: `MartletError` with the code `.decoding` when the job cannot be encoded.
  public static func body<J: Job>(
    of job: J, headers: [String: String] = [:]
  ) throws(MartletError) -> [UInt8] {
    let data = try JSON.encode(job)
    var body: [UInt8] = []
    body.reserveCapacity(data.count + J.name.utf8.count + 24)
    body += #"{"job":"#.utf8
    JSON.append(string: J.name, to: &body)
    body += #","data":"#.utf8
    body += data
    if !headers.isEmpty {
      body += #","headers":"#.utf8
      body += try JSON.encode(headers)
    }
    body.append(UInt8(ascii: "}"))
    return body
  }
}

/// Where the parts of an envelope are in its body.
struct EnvelopeParts {
  private(set) var name = ""
  private(set) var data: Range<Int>?
  private var headers: Range<Int>?

  init(_ body: [UInt8]) throws(MartletError) {
    var scan = JSONScan(body), hasName = false
    do throws(JSONScan.Flaw) {
      try scan.beginObject()
      while let key = try scan.nextKey() {
        let value = try scan.value()
        switch key {
        case "job":
          guard let text = scan.string(value) else {
            throw JSONScan.Flaw("the member job is not a string")
          }
          name = text
          hasName = true
        case "data": data = value
        case "headers": headers = value
        default: break
        }
      }
      try scan.end()
      guard hasName else { throw JSONScan.Flaw("it has no member job") }
    } catch {
      throw MartletError(.decoding, "this is not the body of a job: \(error.reason)")
    }
  }

  func headers(in body: [UInt8]) throws(MartletError) -> [String: String] {
    guard let headers, !body[headers].elementsEqual("null".utf8) else { return [:] }
    let text = Array(body[headers])
    var scan = JSONScan(text), found: [String: String] = [:]
    do throws(JSONScan.Flaw) {
      try scan.beginObject()
      while let key = try scan.nextKey() {
        let value = try scan.value()
        // A number in a header is no reason to bury its job.
        found[key] = scan.string(value) ?? String(decoding: text[value], as: UTF8.self)
      }
      try scan.end()
    } catch {
      throw MartletError(
        .decoding, "this is not the body of a job: its member headers is wrong: \(error.reason)")
    }
    return found
  }
}
