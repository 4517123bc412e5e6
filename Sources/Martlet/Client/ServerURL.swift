// ServerURL.swift: where a server is and who we are there, as a URL says it.
//
//     redis://[[user]:password@][host][:port][/database]      also valkey:// and martlet://
//     unix://[[user]:password@]/path/of/the/socket[?db=database]
//
// What a URL says is done or refused, never passed over.

#if canImport(Glibc)
  import Glibc
#endif

/// A server and a login.
struct ServerURL: Equatable, Sendable {
  /// Where it listens.
  enum Place: Equatable, Sendable {
    case internet(host: String, port: Int)
    case unix(path: String)
  }

  var place = Place.internet(host: "127.0.0.1", port: portDefault)
  var user: String?
  var password: String?
  var database = 0

  static let portDefault = 6379

  /// For messages: without the login.
  var text: String {
    switch place {
    case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  /// The server that `REDIS_URL` names, else the one on this machine.
  static func standard() throws(MartletError) -> ServerURL {
    guard let text = unsafe getenv("REDIS_URL").map({ unsafe String(cString: $0) }), !text.isEmpty
    else { return ServerURL() }
    return try ServerURL(text)
  }

  init() {}

  init(_ text: String) throws(MartletError) {
    guard let (scheme, rest) = text[...].split(at: "://") else {
      throw .badURL(
        "it must begin with redis:// or unix://, as in redis://user:password@host:6379/0")
    }
    switch scheme.lowercased() {
    case "redis", "valkey", "martlet": try readInternet(rest)
    case "unix": try readUnix(rest)
    case "rediss", "valkeys", "martlets":
      throw MartletError(
        .unsupported,
        "\(scheme):// asks for TLS, which this client does not speak yet: use redis:// within a "
          + "private network, or through a TLS tunnel such as stunnel")
    default: throw .badURL("the scheme '\(scheme)' is not known: use redis:// or unix://")
    }
  }

  // MARK: Parts

  private mutating func readInternet(_ text: Substring) throws(MartletError) {
    // A password may have a / or an @ that somebody forgot to escape: the last @ ends the login.
    var rest = text
    if let at = rest.lastIndex(of: "@") {
      try readLogin(rest[..<at])
      rest = rest[rest.index(after: at)...]
    }
    guard !rest.contains("?"), !rest.contains("#") else {
      throw .badURL("nothing may stand behind the number of the database")
    }
    if let (address, path) = rest.split(at: "/") {
      if !path.isEmpty { database = try Self.number(path, "the number of the database") }
      rest = address
    }
    try readAddress(rest)
  }

  private mutating func readAddress(_ text: Substring) throws(MartletError) {
    var host = text, port: Substring?
    if text.hasPrefix("[") {
      guard let (inside, behind) = text.dropFirst().split(at: "]") else {
        throw .badURL("an IPv6 address ends with ]")
      }
      guard behind.isEmpty || behind.hasPrefix(":") else {
        throw .badURL("behind ] there can be a port alone, as in [::1]:6379")
      }
      host = inside
      port = behind.isEmpty ? nil : behind.dropFirst()
    } else if let (name, number) = text.split(at: ":") {
      guard !number.contains(":") else { throw .badURL("an IPv6 address stands in [ ]") }
      host = name
      port = number
    }
    var number = Self.portDefault
    if let port, !port.isEmpty {
      number = try Self.number(port, "the port")
      guard 1...65_535 ~= number else { throw .badURL("a port is 1 to 65535") }
    }
    place = .internet(host: host.isEmpty ? "127.0.0.1" : try Self.unescaped(host), port: number)
  }

  private mutating func readUnix(_ text: Substring) throws(MartletError) {
    var rest = text
    if !rest.hasPrefix("/"), let (login, _) = rest.split(at: "@/") {
      try readLogin(login)
      rest = rest.dropFirst(login.count + 1)
    }
    if let (path, query) = rest.split(at: "?") {
      guard query.hasPrefix("db=") else {
        throw .badURL("behind the path there can be ?db= with the number of the database alone")
      }
      database = try Self.number(query.dropFirst(3), "the number of the database")
      rest = path
    }
    guard rest.hasPrefix("/") else {
      throw .badURL("the path of a socket begins with /, as in unix:///run/martlet.sock")
    }
    let path = try Self.unescaped(rest)
    guard path.utf8.count <= 107 else { throw .badURL("a socket's path has at most 107 bytes") }
    place = .unix(path: path)
  }

  /// `user:password`, `:password`, or `password` alone, as redis-cli reads it.
  private mutating func readLogin(_ text: Substring) throws(MartletError) {
    guard !text.isEmpty else { return }
    guard let (name, secret) = text.split(at: ":") else {
      password = try Self.unescaped(text)
      return
    }
    user = name.isEmpty ? nil : try Self.unescaped(name)
    password = secret.isEmpty && name.isEmpty ? nil : try Self.unescaped(secret)
  }

  private static func number(_ text: Substring, _ what: String) throws(MartletError) -> Int {
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(text) else {
      throw .badURL("\(what) is not a number")
    }
    return number
  }

  /// `%40` is an @, and so on.
  private static func unescaped(_ text: Substring) throws(MartletError) -> String {
    var bytes: [UInt8] = [], rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == 0x25 else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy({ ($0 | 0x20) &- 0x61 < 6 || $0 &- 0x30 < 10 }),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { throw .badURL("a % stands before two hexadecimal digits; a % itself is %25") }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard !bytes.contains(0) else { throw .badURL("no part of it can have a zero byte") }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension MartletError {
  /// The URL itself stays out of the message: it may have a password.
  fileprivate static func badURL(_ reason: String) -> MartletError {
    MartletError(.invalidURL, "the URL of the server cannot be read: \(reason)")
  }
}

extension Substring {
  /// What stands before and behind the first `separator`; nil when there is none.
  fileprivate func split(at separator: String) -> (Substring, Substring)? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(separator) {
        return (self[..<start], self[start...].dropFirst(separator.count))
      }
      start = index(after: start)
    }
    return nil
  }
}
