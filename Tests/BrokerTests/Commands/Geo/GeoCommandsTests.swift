// GeoCommandsTests.swift: places as a client sees them, and as the log does.

import Testing

@testable import Broker

/// Goal: replies are those of redis-server, packed or not. Method: those that were noted.
@Test(arguments: geoReplies.indices, [128, 0])
func placesAnswerAsRedisDoes(group: Int, packedMax: Int) {
  let noted = geoReplies[group]
  var harness = EngineHarness()
  harness.engine.context.settings.sortedSetPackedCountMax = packedMax
  let client = harness.client()
  if noted.version == 3 { _ = harness.send(client, "HELLO 3") }
  for (request, reply) in noted.lines {
    if packedMax == 0, request.hasPrefix("OBJECT") { continue }
    #expect(harness.send(client, request) == reply, "\(noted.about): \(request)")
  }
  harness.checkInvariants()
}

@Test func theFamilyIsACategory() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, "ACL CAT geo").hasPrefix("*10\r\n"))
  _ = harness.send(client, "ACL SETUSER w on nopass ~* +@all -@geo")
  #expect(
    harness.send(client, "ACL DRYRUN w GEOPOS k m")
      == "$56\r\nThis user has no permissions to run the 'geopos' command\r\n")
}

/// A key that is written is checked wherever it stands.
@Test func theKeyThatAResultGoesToTakesARight() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "ACL SETUSER w on nopass ~places* +@all")
  for (request, mayRun) in [
    ("GEORADIUS places 1 1 1 km", true),
    ("GEORADIUS places 1 1 1 km STORE places:near", true),
    ("GEORADIUS places 1 1 1 km STORE other", false),
    ("GEORADIUS places 1 1 1 km STORE places:near STORE other", false),
    ("GEORADIUS places 1 1 1 km COUNT 1 STOREDIST other", false),
    ("GEORADIUSBYMEMBER places m 1 km STORE other", false),
    ("GEOSEARCHSTORE other places FROMMEMBER m BYRADIUS 1 km", false),
    ("GEOSEARCHSTORE places:near other FROMMEMBER m BYRADIUS 1 km", false),
  ] {
    let reply = harness.send(client, "ACL DRYRUN w \(request)")
    #expect((reply == "+OK\r\n") == mayRun, "\(request): \(reply)")
  }
}

/// Goal: the first few are the nearest, however many are there; those found first come first where they
/// are as far. Method: members on a line, some of them twice, of which more and more are asked for.
@Test(arguments: ["ASC", "DESC"])
func theFirstFewAreThoseOfAll(order: String) {
  var harness = EngineHarness()
  let client = harness.client()
  for number in 0..<300 {
    _ = harness.send(client, "GEOADD k 13.\(100 + (number * 7) % 250) 52 m\(number)")
  }
  func members(_ harness: inout EngineHarness, _ options: String) -> [Substring] {
    harness.send(client, "GEOSEARCH k FROMLONLAT 13.2 52 BYRADIUS 30 km \(options)")
      .split(separator: "\r\n").filter { $0.hasPrefix("m") }
  }
  let all = members(&harness, order)
  #expect(all.count == 300)
  for count in [1, 2, 3, 50, 149, 150, 151, 299, 300, 400] {
    #expect(members(&harness, "\(order) COUNT \(count)") == Array(all.prefix(count)), "\(count)")
    let some = members(&harness, "\(order) COUNT \(count) ANY")
    #expect(some == all.filter(Set(some).contains), "\(count)")
    #expect(some.count == min(count, 300))
  }
}

// MARK: What others learn

@Test func eventsOfPlacesAreThoseOfRedis() {
  var harness = EngineHarness()
  let client = harness.client(), listener = harness.client()
  _ = harness.send(client, "CONFIG SET notify-keyspace-events EA")
  _ = harness.send(listener, "PSUBSCRIBE __keyevent@0__:*")
  func events(_ harness: inout EngineHarness, _ request: String) -> [String] {
    _ = harness.send(client, request)
    let words = harness.output(listener).split(separator: "\r\n").map(String.init)
    return words.indices.filter { words[$0] == "pmessage" }.map {
      "\(words[$0 + 4].dropFirst("__keyevent@0__:".count)) \(words[$0 + 6])"
    }
  }
  #expect(events(&harness, "GEOADD k 1 1 a 2 2 b") == ["zadd k"])
  #expect(events(&harness, "GEOADD k 1 1 a") == [])
  #expect(events(&harness, "GEOADD k XX 3 3 c") == [])
  #expect(
    events(&harness, "GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 1 km") == ["geosearchstore d"])
  #expect(events(&harness, "GEORADIUS k 1 1 1 km STOREDIST d") == ["georadiusstore d"])
  #expect(events(&harness, "GEORADIUSBYMEMBER k b 1 km STORE d") == ["georadiusstore d"])
  #expect(events(&harness, "GEORADIUS k 50 1 1 km STORE d") == ["del d"])
  #expect(events(&harness, "GEORADIUS k 50 1 1 km STORE d") == [])
}

@Test func placesServeWhoWaitsForASortedSet() {
  var harness = EngineHarness()
  let waiter = harness.client(), client = harness.client()
  #expect(harness.send(waiter, "BZPOPMIN k 0") == "")
  _ = harness.send(client, "GEOADD k 0 0 a")
  #expect(
    harness.output(waiter)
      == "*3\r\n$1\r\nk\r\n$1\r\na\r\n$16\r\n3377699720527872\r\n")
  _ = harness.send(client, "GEOADD k 0 0 a")
  #expect(harness.send(waiter, "BZPOPMIN d 0") == "")
  _ = harness.send(client, "GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 1 km STOREDIST")
  #expect(harness.output(waiter) == "*3\r\n$1\r\nd\r\n$1\r\na\r\n$1\r\n0\r\n")
}

// MARK: What is logged

@Test func theLogHasTheScoresOfPlaces() throws {
  var harness = EngineHarness(logging: true), copy = EngineHarness(seed: 2)
  let client = harness.client()
  func logged(_ harness: inout EngineHarness, _ request: String) -> String {
    _ = harness.send(client, request)
    return harness.effects().split(separator: "\r\n").filter { !"*$".contains($0.first!) }
      .joined(separator: " ")
  }
  #expect(
    logged(&harness, "GEOADD k CH 0 0 a 1 1 b")
      == "ZADD k 3377699720527872 a 3377822707026402 b")
  #expect(logged(&harness, "GEOADD k 0 0 a") == "")
  #expect(
    logged(&harness, "GEOADD k NX 1 1 a 0 0 c")
      == "ZADD k NX 3377822707026402 a 3377699720527872 c")
  #expect(logged(&harness, "GEOSEARCH k FROMMEMBER a BYRADIUS 1 km") == "")
  #expect(
    logged(&harness, "GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 1 m")
      == "ZADD d 3377699720527872 a 3377699720527872 c")
  #expect(
    logged(&harness, "GEORADIUSBYMEMBER k a 1 m STOREDIST d COUNT 1") == "DEL d ZADD d 0 a")
  #expect(logged(&harness, "GEORADIUS k 50 50 1 m STORE d") == "DEL d")
  #expect(logged(&harness, "GEORADIUS k 50 50 1 m STORE d") == "")
  // A long result is several commands, which come back as one value.
  for start in stride(from: 0, to: 1_200, by: 100) {
    let places = (start..<start + 100).map { "0 0.000\($0) m\($0)" }.joined(separator: " ")
    _ = harness.send(client, "GEOADD many \(places)")
  }
  _ = harness.send(client, "GEOSEARCHSTORE d many FROMLONLAT 0 0 BYRADIUS 900 km STOREDIST")
  let (body, count) = harness.frame()
  #expect(count == 12 + 3)
  try copy.replay(body, count: count)
  let reader = copy.client()
  for request in ["ZRANGE d 0 -1 WITHSCORES", "ZRANGE many 0 -1 WITHSCORES"] {
    #expect(copy.send(reader, request) == harness.send(client, request))
  }
}
