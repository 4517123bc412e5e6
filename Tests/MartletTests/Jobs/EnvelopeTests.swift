// EnvelopeTests.swift: the body of a job, as this library and others write it.

import Foundation
import Testing

@testable import Martlet

private struct Mail: Job, Equatable {
  static let name = "mail \"7\""
  var to: String
  var at: Date
  var parts: [[String: Int]] = []
}

@Suite struct EnvelopeTests {
  @Test func aJobComesBackAsItWas() throws {
    let mail = Mail(to: "a/b \"ü\" \\ \n", at: Date(timeIntervalSince1970: 1_700_000_000.25))
    let body = try JobEnvelope.body(of: mail, headers: ["traceparent": "00-\"1\""])
    let envelope = try JobEnvelope(body)
    #expect(envelope.name == Mail.name)
    #expect(envelope.headers == ["traceparent": "00-\"1\""])
    #expect(try JSON.decode(Mail.self, from: envelope.data[...]) == mail)
    let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    #expect(object?["job"] as? String == Mail.name)
  }

  @Test func theLayoutIsWhatIsDocumented() throws {
    struct Resize: Job {
      static let name = "resize-avatar"
      var path: String
    }
    let body = try JobEnvelope.body(of: Resize(path: "/uploads/7.png"))
    let text = #"{"job":"resize-avatar","data":{"path":"/uploads/7.png"}}"#
    #expect(String(decoding: body, as: UTF8.self) == text)
  }

  @Test(arguments: [
    #"{"job":"j","data":{"a":[1,{"b":"}]"}]}}"#,
    #" { "data" : {"a":[1,{"b":"}]"}]} , "x" : [ "\"", {} ], "job" : "j" } "#,
    #"{"other":{"job":"no"},"job":"\u006a","n":-1.5e3,"t":true,"data":{"a":[1,{"b":"}]"}]}}"#,
  ])
  func othersMayWriteItTheirWay(text: String) throws {
    let envelope = try JobEnvelope(Array(text.utf8))
    #expect(envelope.name == "j")
    #expect(String(decoding: envelope.data, as: UTF8.self) == #"{"a":[1,{"b":"}]"}]}"#)
    #expect(envelope.headers == [:])
  }

  @Test func aJobWithoutDataHasNone() throws {
    struct Ping: Job { static let name = "ping" }
    let envelope = try JobEnvelope(Array(#"{"job":"ping"}"#.utf8))
    _ = try JSON.decode(Ping.self, from: envelope.data[...])
  }

  @Test(arguments: [
    "", "7", "[]", "{", "{}", #"{"data":{}}"#, #"{"job":7}"#, #"{"job":"a""#, #"{"job":"a"}x"#,
    #"{"job":"a" "b":1}"#, #"{"job" "a"}"#, #"{"job":}"#, #"{"job":"a","data":}"#,
    #"{"job":"a","data":[1}"#, #"{"job":"\"#, #"{"a":"\"#, #"{,"job":"a"}"#, "\u{0}\u{1}",
  ])
  func whatIsNoEnvelopeIsRefused(text: String) {
    // What the scan lets through here, the decoder of the data must refuse.
    do {
      let envelope = try JobEnvelope(Array(text.utf8))
      #expect(throws: MartletError.self) {
        try JSON.decode([String: Int].self, from: envelope.data[...])
      }
    } catch { #expect(error.code == .decoding) }
  }

  /// Goal: no body can do harm. Method: a good one, cut at each byte and with each byte changed.
  @Test func damagedBodiesAreRefusedOrRead() {
    let body = Array(#"{"job":"a","data":{"b":[1,"\n"]},"headers":{"c":"d"}}"#.utf8)
    for index in body.indices {
      #expect(throws: MartletError.self) { try JobEnvelope(Array(body[..<index])) }
      for byte in [0, 0x22, 0x5C, 0x7B, 0x7D, 0x2C, 0xFF] as [UInt8] {
        var damaged = body
        damaged[index] = byte
        _ = try? JobEnvelope(damaged)
      }
    }
  }

  /// Goal: what another language writes into headers is no reason to bury a job.
  @Test func headersMayBeAnyJSON() throws {
    let text = #"{"job":"a","headers":{"s":"\"é","n":-7.5,"b":true,"o":{"x":[1]},"z":null}}"#
    let headers = try JobEnvelope(Array(text.utf8)).headers
    #expect(headers == ["s": "\"é", "n": "-7.5", "b": "true", "o": #"{"x":[1]}"#, "z": "null"])
    #expect(try JobEnvelope(Array(#"{"job":"a","headers":null}"#.utf8)).headers == [:])
    #expect(
      throws: MartletError(
        .decoding,
        "this is not the body of a job: its member headers is wrong: it is not a JSON object"
      )
    ) { try JobEnvelope(Array(#"{"job":"a","headers":["b"]}"#.utf8)) }
  }

  @Test func whatCannotBeDecodedSaysWhatAndWhere() {
    let body = Array(#"{"to":"a","at":0,"parts":[{"x":"y"}]}"#.utf8)
    #expect {
      try JSON.decode(Mail.self, from: body[...])
    } throws: { error in
      let message = (error as? MartletError)?.message ?? ""
      return message == "Mail cannot be decoded: parts.0.x is not of type Int"
    }
  }
}
