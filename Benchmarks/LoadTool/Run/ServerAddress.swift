// ServerAddress.swift: where a server is and who we are there, as a URL or as options say it.

/// `redis://[[user:]password@]host[:port][/database]`, `unix:///path`, or `beanstalk://host[:port]`.
struct ServerAddress: Equatable, Sendable {
  var place: Place
  var user: String?
  var password: String?
  var database = 0
  /// Whether it is a beanstalkd, which has a protocol of lines.
  var isBeanstalk = false

  static let portDefault = 6379
  private static let beanstalkPort = 11_300

  init(place: Place) { self.place = place }

  /// - Returns: nil when the text is no such URL, `host:port` or `host`.
  init?(_ text: String) {
    var rest = text[...], isBeanstalk = false
    if let scheme = rest.before("://") {
      rest = rest.dropFirst(scheme.count + 3)
      switch scheme {
      case "redis", "valkey", "martlet", "tcp": break
      case "beanstalk": isBeanstalk = true
      case "unix":
        guard rest.hasPrefix("/") else { return nil }
        place = .unix(path: String(rest))
        return
      default: return nil
      }
    } else if rest.hasPrefix("/") {
      place = .unix(path: String(rest))
      return
    }
    var user: String?, password: String?, database = 0
    if let login = rest.before("@") {
      rest = rest.dropFirst(login.count + 1)
      if let name = login.before(":") {
        user = name.isEmpty ? nil : Self.unescaped(name)
        password = Self.unescaped(login.dropFirst(name.count + 1))
      } else {
        password = Self.unescaped(login)
      }
    }
    if let before = rest.before("/") {
      let path = rest.dropFirst(before.count + 1)
      if !path.isEmpty {
        guard let number = Int(path), number >= 0 else { return nil }
        database = number
      }
      rest = before
    }
    var host = rest, port = isBeanstalk ? Self.beanstalkPort : Self.portDefault
    if rest.hasPrefix("["), let inside = rest.dropFirst().before("]") {
      host = inside
      rest = rest.dropFirst(inside.count + 2)
      if !rest.isEmpty {
        guard rest.hasPrefix(":"), let number = Self.port(rest.dropFirst()) else { return nil }
        port = number
      }
    } else if let name = rest.before(":") {
      guard let number = Self.port(rest.dropFirst(name.count + 1)) else { return nil }
      host = name
      port = number
    }
    guard !host.isEmpty else { return nil }
    place = .internet(host: String(host), port: port)
    self.user = user
    self.password = password
    self.database = database
    self.isBeanstalk = isBeanstalk
  }

  private static func port(_ text: Substring) -> Int? {
    Int(text).flatMap { 1...65_535 ~= $0 ? $0 : nil }
  }

  /// `%40` is an @, and so on; what is no such escape stays.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == 0x25, rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Substring {
  /// What stands before the first `separator`; nil when there is none.
  fileprivate func before(_ separator: String) -> Substring? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(separator) { return self[..<start] }
      start = index(after: start)
    }
    return nil
  }
}
