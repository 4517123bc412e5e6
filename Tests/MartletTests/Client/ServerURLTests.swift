// ServerURLTests.swift: what URLs mean, and what is said of those that mean nothing.

import Testing

@testable import Martlet

private func url(
  _ place: ServerURL.Place, user: String? = nil, password: String? = nil, database: Int = 0
) -> ServerURL {
  var url = ServerURL()
  url.place = place
  url.user = user
  url.password = password
  url.database = database
  return url
}

@Test(
  arguments: [
    ("redis://", url(.internet(host: "127.0.0.1", port: 6379))),
    ("redis://h", url(.internet(host: "h", port: 6379))),
    ("REDIS://h:1/", url(.internet(host: "h", port: 1))),
    ("valkey://h:65535/15", url(.internet(host: "h", port: 65_535), database: 15)),
    ("martlet:///3", url(.internet(host: "127.0.0.1", port: 6379), database: 3)),
    ("redis://[::1]", url(.internet(host: "::1", port: 6379))),
    ("redis://[fe80::1]:7/1", url(.internet(host: "fe80::1", port: 7), database: 1)),
    ("redis://u:p@h", url(.internet(host: "h", port: 6379), user: "u", password: "p")),
    ("redis://:p@h", url(.internet(host: "h", port: 6379), password: "p")),
    ("redis://p@h", url(.internet(host: "h", port: 6379), password: "p")),
    ("redis://@h", url(.internet(host: "h", port: 6379))),
    ("redis://:a%40b%3a%25@h", url(.internet(host: "h", port: 6379), password: "a@b:%")),
    ("redis://:a/b@c@h/2", url(.internet(host: "h", port: 6379), password: "a/b@c", database: 2)),
    ("unix:///run/m.sock", url(.unix(path: "/run/m.sock"))),
    ("unix:///run/a@b?db=4", url(.unix(path: "/run/a@b"), database: 4)),
    ("unix://u:p@/m", url(.unix(path: "/m"), user: "u", password: "p")),
  ] as [(String, ServerURL)])
func urlsAreRead(text: String, expected: ServerURL) throws {
  #expect(try ServerURL(text) == expected)
}

@Test(arguments: [
  "", "localhost", "h:6379", "http://h", "redis://h:0", "redis://h:65536", "redis://h:x",
  "redis://h:-1", "redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://::1", "redis://[::1",
  "redis://[::1]x", "redis://h?db=1", "redis://h/1#x", "redis://:%4@h", "redis://:%zz@h",
  "redis://:%00@h", "unix://", "unix://run/m", "unix:///m?x=1", "unix:///m?db=", "redis:/h",
])
func whatIsNoURLIsRefused(text: String) {
  #expect { try ServerURL(text) } throws: { ($0 as? MartletError)?.code == .invalidURL }
}

/// Goal: neither logs nor users see a password in a message.
@Test func theLoginStaysOutOfMessages() throws {
  #expect(try ServerURL("redis://me:secret@h:7").text == "h:7")
  #expect { try ServerURL("redis://me:secret@h:x") } throws: { !"\($0)".contains("secret") }
}

@Test func tlsIsRefusedWithAWayOut() {
  #expect { try MartletClient("rediss://h") } throws: {
    let error = $0 as? MartletError
    return error?.code == .unsupported && error?.message.contains("TLS") == true
  }
}
