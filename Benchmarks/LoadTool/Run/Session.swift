// Session.swift: one plain connection, for what is asked around the load: INFO, filling, deleting.

import RESP

/// A reply, copied.
enum Answer: Equatable, Sendable {
  case text(String)
  case error(String)
  case integer(Int64)
  case null
  case array([Answer])

  var text: String? { if case .text(let text) = self { text } else { nil } }

  /// Reads the next value with all that is in it. Maps are arrays of keys and values.
  init?(_ reader: inout ReplyReader) {
    guard let part = reader.next() else { return nil }
    switch part {
    case .simple(let bytes), .bulk(let bytes), .verbatim(let bytes), .double(let bytes),
      .bigNumber(let bytes):
      self = .text(bytes.text)
    case .error(let bytes): self = .error(bytes.text)
    case .integer(let number): self = .integer(number)
    case .boolean(let value): self = .integer(value ? 1 : 0)
    case .null: self = .null
    case .array, .set, .push, .map, .attribute:
      var values: [Answer] = []
      for _ in 0..<part.valueCount {
        guard let value = Answer(&reader) else { return nil }
        values.append(value)
      }
      self = .array(values)
    }
  }
}

/// Why a server can't be used, in words for the person who named it.
struct SessionError: Error, Equatable {
  let message: String
  /// Whether nobody listens there.
  var isAbsent = false
}

/// A blocking connection that has logged in.
final class Session {
  let address: ServerAddress
  private let socket: Socket
  private var parser = ReplyParser()
  private var input = ByteBuffer()
  /// Whether somebody else closes the socket.
  private var isGivenUp = false

  /// Connects, logs in and selects the database; waits while the server loads its data.
  ///
  /// - Throws: when nobody is there, the password is wrong or missing, or it is no such server.
  convenience init(_ address: ServerAddress) throws(SessionError) {
    try self.init(connecting: address)
    guard !address.isBeanstalk else { return }
    try login()
    let deadline = Clock.now() + 60_000_000_000
    while true {
      switch try call(["PING"]) {
      case .error(let text) where text.hasPrefix("LOADING") && Clock.now() < deadline:
        Clock.sleep(seconds: 0.1)
      case .error(let text): throw Self.refusal(text, address)
      default: return
      }
    }
  }

  private init(connecting address: ServerAddress) throws(SessionError) {
    socket = try Self.connect(address.place)
    self.address = address
  }

  private static func connect(_ place: Place) throws(SessionError) -> Socket {
    do throws(SystemError) {
      let socket = try Socket.connect(to: place)
      socket.setTimeout(seconds: 30)
      return socket
    } catch {
      throw SessionError(
        message: "no server at \(place.text): \(error.reason.lowercased())", isAbsent: true)
    }
  }

  /// Says who we are, and which database is meant.
  private func login() throws(SessionError) {
    var requests: [[String]] = []
    if let password = address.password {
      requests.append(address.user.map { ["AUTH", $0, password] } ?? ["AUTH", password])
    }
    if address.database != 0 { requests.append(["SELECT", String(address.database)]) }
    for request in requests {
      if case .error(let text) = try call(request) { throw Self.refusal(text, address) }
    }
  }

  private func giveUp() -> Socket {
    let socket = socket
    isGivenUp = true
    return socket
  }

  deinit { if !isGivenUp { socket.close() } }

  /// A connection that has logged in, for whoever moves its bytes himself.
  static func openSocket(_ address: ServerAddress) throws(SessionError) -> Socket {
    let session = try Session(connecting: address)
    if !address.isBeanstalk { try session.login() }
    return session.giveUp()
  }

  private static func refusal(_ text: String, _ address: ServerAddress) -> SessionError {
    let place = address.place.text
    if text.hasPrefix("WRONGPASS") || text.hasPrefix("ERR invalid password")
      || text.hasPrefix("ERR AUTH")
    {
      return SessionError(message: "\(place) refuses the password: \(text)")
    }
    if text.hasPrefix("NOAUTH") {
      return SessionError(
        message: "\(place) wants a password: give it as redis://:PASSWORD@\(place)")
    }
    return SessionError(message: "\(place) refuses us: \(text)")
  }

  /// One request and its reply.
  func call(_ words: [String]) throws(SessionError) -> Answer {
    var output = ByteBuffer()
    output.append(request: words)
    try send(output.view)
    return try answer()
  }

  func send(_ bytes: ByteView) throws(SessionError) {
    var rest = bytes
    while !rest.isEmpty {
      switch socket.write(rest) {
      case .bytes(let size): rest = rest[size..<rest.count]
      case let other: throw gone(other)
      }
    }
  }

  /// The next reply that is no push.
  func answer() throws(SessionError) -> Answer {
    while true {
      do throws(ReplyFormatError) {
        if case .reply(let size) = try parser.parse(input.view) {
          var reader = ReplyReader(input.view(at: 0, size: size))
          let isPush = input.view[0] == 0x3E
          let answer = Answer(&reader)
          input.removeFirst(size)
          if isPush { continue }
          guard let answer else { throw ReplyFormatError(reason: "a value is malformed") }
          return answer
        }
      } catch {
        throw SessionError(
          message: "\(address.place.text) does not speak RESP: \(error.reason)")
      }
      switch socket.read(into: &input, upTo: 1 << 16) {
      case .bytes: break
      case let other: throw gone(other)
      }
    }
  }

  private func gone(_ transfer: Transfer) -> SessionError {
    let reason =
      switch transfer {
      case .wouldBlock: "no answer within 30 seconds"
      case .failed(let code): SystemError(call: "", code: code).reason.lowercased()
      default: "it closed the connection"
      }
    return SessionError(message: "\(address.place.text) is gone: \(reason)", isAbsent: true)
  }
}

extension ByteBuffer {
  /// Appends a request of these words.
  mutating func append(request words: [String]) {
    append("*\(words.count)\r\n")
    for word in words {
      appendBulkHeader(word.utf8.count)
      append(word)
      append("\r\n")
    }
  }
}
