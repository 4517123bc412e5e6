// SortedSetCommandTests.swift: sorted sets as a client sees them, and as the log does.

import Testing

@testable import Broker

/// Goal: replies are those of redis-server, packed or not. Method: those that were noted.
@Test(arguments: sortedSetReplies.indices, [128, 0])
func sortedSetsAnswerAsRedisDoes(group: Int, packedMax: Int) {
  let noted = sortedSetReplies[group]
  var harness = EngineHarness()
  harness.engine.context.settings.sortedSetPackedCountMax = packedMax
  let client = harness.client()
  if noted.version == 3 { _ = harness.send(client, "HELLO 3") }
  for (request, reply) in noted.lines {
    if packedMax == 0, request.hasPrefix("ZSCAN") { continue }  // In the order of hashes.
    #expect(harness.send(client, request) == reply, "\(noted.about): \(request)")
  }
  harness.checkInvariants()
}

/// `WITHSCORE` is of Redis 7.2.
@Test func ranksComeWithScoresIfAsked() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "ZADD z 1 a 2.5 b")
  #expect(harness.send(client, "ZRANK z b WITHSCORE") == "*2\r\n:1\r\n$3\r\n2.5\r\n")
  #expect(harness.send(client, "ZREVRANK z b WITHSCORE") == "*2\r\n:0\r\n$3\r\n2.5\r\n")
  #expect(harness.send(client, "ZRANK z none WITHSCORE") == "*-1\r\n")
  #expect(harness.send(client, "ZRANK none b WITHSCORE") == "*-1\r\n")
  #expect(harness.send(client, "ZRANK z b WITHSCORES") == "-ERR syntax error\r\n")
  #expect(
    harness.send(client, "ZRANK z b WITHSCORE x")
      == "-ERR wrong number of arguments for 'zrank' command\r\n")
}

@Test func theEncodingFollowsTheSettings() {
  var harness = EngineHarness()
  let client = harness.client()
  func encoding(_ harness: inout EngineHarness) -> String {
    String(harness.send(client, "OBJECT ENCODING z").split(separator: "\r\n")[1])
  }
  _ = harness.send(client, "CONFIG SET zset-max-ziplist-entries 2")
  _ = harness.send(client, "ZADD z 1 a 2 b")
  #expect(encoding(&harness) == "listpack")
  _ = harness.send(client, "ZADD z 3 c")
  #expect(encoding(&harness) == "skiplist")
  _ = harness.send(client, "ZREM z c")
  #expect(encoding(&harness) == "skiplist")
  _ = harness.send(client, "ZUNIONSTORE z 1 z")
  #expect(encoding(&harness) == "listpack")
  _ = harness.send(client, "CONFIG SET zset-max-listpack-value 3")
  _ = harness.send(client, "ZADD z 1 abcd")
  #expect(encoding(&harness) == "skiplist")
}

/// Goal: what Redis' listpacks lose and keep is lost and kept here: -0, and integers of 17 digits.
@Test func packedScoresAreThoseOfListpacks() {
  var harness = EngineHarness()
  let client = harness.client()
  for (packedMax, zero, large) in [
    (128, "$1\r\n0\r\n", "100000000000000000"), (0, "$2\r\n-0\r\n", "1e+17"),
  ] {
    harness.engine.context.settings.sortedSetPackedCountMax = packedMax
    _ = harness.send(client, "DEL z")
    #expect(harness.send(client, "ZADD z INCR -0 a") == "$2\r\n-0\r\n")
    #expect(harness.send(client, "ZSCORE z a") == zero)
    #expect(harness.send(client, "ZADD z XX CH 0 a") == ":0\r\n")
    #expect(
      harness.send(client, "ZUNION 1 z WEIGHTS -1 WITHSCORES").hasSuffix(
        packedMax == 0 ? "$1\r\n0\r\n" : "$2\r\n-0\r\n"))
    _ = harness.send(client, "ZADD z 1e17 a")
    #expect(harness.send(client, "ZSCORE z a") == "$5\r\n1e+17\r\n")
    #expect(harness.send(client, "ZSCAN z 0").hasSuffix("\r\n\(large)\r\n"))
  }
}

// MARK: Chance and walks

/// Goal: each member comes about as often as the others, and different ones are different.
@Test func membersByChanceAreFair() {
  var harness = EngineHarness()
  let client = harness.client()
  let pairs = (0..<200).map { "\($0 % 3) m\($0)" }.joined(separator: " ")
  _ = harness.send(client, "ZADD z \(pairs)")
  var seen: [Substring: Int] = [:]
  for _ in 0..<400 {
    let members = harness.send(client, "ZRANDMEMBER z 50").split(separator: "\r\n")
      .filter { $0.hasPrefix("m") }
    #expect(Set(members).count == 50)
    for member in members { seen[member, default: 0] += 1 }
  }
  #expect(seen.count == 200)
  #expect(seen.values.allSatisfy { (50...160).contains($0) })
  let many = harness.send(client, "ZRANDMEMBER z -1000")
  #expect(many.hasPrefix("*1000\r\n"))
  #expect(harness.send(client, "ZRANDMEMBER z 199").hasPrefix("*199\r\n"))
}

/// Goal: members that stay are met by a walk, however many come and go meanwhile.
@Test func aWalkMeetsAllMembersThatStay() {
  var harness = EngineHarness()
  let client = harness.client(), other = harness.client()
  for number in 0..<1000 { _ = harness.send(client, "ZADD z \(number) stay:\(number)") }
  var met: Set<Substring> = [], cursor: Substring = "0", round = 0
  repeat {
    let reply = harness.send(client, "ZSCAN z \(cursor) COUNT 7").split(separator: "\r\n")
    cursor = reply[2]
    met.formUnion(reply.filter { $0.hasPrefix("stay:") })
    for number in 0..<10 {
      _ = harness.send(other, "ZADD z \(round) move:\(round * 10 + number)")
      if round > 20 { _ = harness.send(other, "ZREM z move:\((round - 20) * 10 + number)") }
    }
    round += 1
  } while cursor != "0" && round < 2000
  #expect(met.count == 1000)
}

// MARK: Waiting

@Test func aBlockedPopIsServedByTheNextMember() {
  var harness = EngineHarness()
  let first = harness.client(), second = harness.client(), third = harness.client()
  let producer = harness.client()
  #expect(harness.send(first, "BZPOPMIN a z 0") == "")
  #expect(harness.send(second, "BZPOPMAX z 0") == "")
  #expect(harness.send(third, "BZMPOP 0.5 2 z b MAX COUNT 5") == "")
  #expect(harness.send(producer, "ZADD z 1 a 2 b") == ":2\r\n")
  #expect(harness.output(first) == "*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1\r\n")
  #expect(harness.output(second) == "*3\r\n$1\r\nz\r\n$1\r\nb\r\n$1\r\n2\r\n")
  #expect(harness.output(third) == "")
  #expect(harness.send(producer, "EXISTS z") == ":0\r\n")
  harness.advance(milliseconds: 500)
  #expect(harness.output(third) == "*-1\r\n")
  #expect(harness.send(third, "BZMPOP 0 2 z b MAX COUNT 5") == "")
  #expect(harness.send(producer, "ZINCRBY b 3 m") == "$1\r\n3\r\n")
  #expect(
    harness.output(third) == "*2\r\n$1\r\nb\r\n*1\r\n*2\r\n$1\r\nm\r\n$1\r\n3\r\n")
}

/// Goal: who waits for another type than the key has goes on waiting, and those behind him are served.
@Test func waitersOfTwoTypesShareAKey() {
  var harness = EngineHarness()
  let list = harness.client(), sorted = harness.client(), producer = harness.client()
  #expect(harness.send(list, "BLPOP k 0") == "")
  #expect(harness.send(sorted, "BZPOPMIN k 0") == "")
  _ = harness.send(producer, "ZADD k 1 a 2 b")
  #expect(harness.output(list) == "")
  #expect(harness.output(sorted) == "*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n1\r\n")
  #expect(harness.send(sorted, "BZPOPMIN k 0").hasPrefix("*3\r\n"))
  #expect(harness.send(sorted, "BZPOPMIN k 0") == "")
  _ = harness.send(producer, "RPUSH k x")
  #expect(harness.output(list) == "*2\r\n$1\r\nk\r\n$1\r\nx\r\n")
  #expect(harness.output(sorted) == "")
  #expect(harness.send(producer, "ZADD k 5 e") == ":1\r\n")
  #expect(harness.output(sorted).hasPrefix("*3\r\n"))
}

@Test func otherCommandsServeWaitersToo() {
  var harness = EngineHarness()
  let waiter = harness.client(), producer = harness.client()
  _ = harness.send(producer, "ZADD source 1 a")
  for (request, key) in [
    ("ZUNIONSTORE one 1 source", "one"), ("ZRANGESTORE two source 0 -1", "two"),
    ("COPY source three", "three"), ("RENAME source four", "four"),
  ] {
    #expect(harness.send(waiter, "BZPOPMIN \(key) 0") == "")
    _ = harness.send(producer, request)
    let reply = harness.output(waiter)
    #expect(reply == "*3\r\n$\(key.utf8.count)\r\n\(key)\r\n$1\r\na\r\n$1\r\n1\r\n", "\(request)")
  }
  // Within a transaction nobody waits, and nobody is served before its end.
  #expect(harness.send(waiter, "BZPOPMIN k 0") == "")
  for request in ["MULTI", "ZADD k 1 a 2 b", "ZREM k a", "BZPOPMIN none 0"] {
    _ = harness.send(producer, request)
  }
  #expect(harness.send(producer, "EXEC") == "*3\r\n:2\r\n:1\r\n*-1\r\n")
  #expect(harness.output(waiter) == "*3\r\n$1\r\nk\r\n$1\r\nb\r\n$1\r\n2\r\n")
  #expect(harness.send(waiter, "BZPOPMIN k 0") == "")
  let id = harness.engine.context.sessions[waiter].id
  #expect(harness.send(producer, "CLIENT UNBLOCK \(id)") == ":1\r\n")
  #expect(harness.output(waiter) == "*-1\r\n")
}

// MARK: What is logged

@Test func theLogHasWhatReplaysTheSame() {
  var harness = EngineHarness(logging: true)
  let client = harness.client(), waiter = harness.client()
  func logged(_ harness: inout EngineHarness, _ request: String) -> String {
    _ = harness.send(client, request)
    return harness.effects().split(separator: "\r\n").filter { !"*$".contains($0.first!) }
      .joined(separator: " ")
  }
  #expect(logged(&harness, "ZADD z 1 a 2 b 3 c 4 d") == "ZADD z 1 a 2 b 3 c 4 d")
  #expect(logged(&harness, "ZADD z XX 1 a 1 none") == "")
  #expect(logged(&harness, "ZPOPMAX z") == "ZPOPMAX z")
  #expect(logged(&harness, "ZMPOP 2 none z MIN COUNT 2") == "ZPOPMIN z 2")
  #expect(logged(&harness, "BZPOPMAX none z 0") == "ZPOPMAX z 1")
  #expect(logged(&harness, "BZPOPMAX z 0.001") == "")
  harness.advance(milliseconds: 1)
  _ = harness.send(waiter, "BZMPOP 0 1 z MIN")
  #expect(logged(&harness, "ZADD z 1 a 2 b") == "ZADD z 1 a 2 b ZPOPMIN z 1")
  // What is between two members may depend on how the tree has grown: the log has ranks.
  #expect(logged(&harness, "ZRANGESTORE out z - + BYLEX") == "ZRANGESTORE out z 0 0")
  #expect(logged(&harness, "ZRANGESTORE out z [x + BYLEX") == "ZRANGESTORE out z 1 0")
  #expect(logged(&harness, "ZRANGESTORE out z 0 0") == "ZRANGESTORE out z 0 0")
  #expect(logged(&harness, "ZREMRANGEBYLEX z [x +") == "")
  #expect(logged(&harness, "ZREMRANGEBYLEX z - +") == "ZREMRANGEBYRANK z 0 0")
}

/// Goal: a large sorted set that goes is freed later, in slices.
@Test(arguments: ["DEL z", "ZREMRANGEBYRANK z 0 -1", "SET z v", "ZUNIONSTORE z 1 none"])
func aLargeSortedSetIsFreedLater(request: String) {
  var harness = EngineHarness()
  let client = harness.client()
  for start in stride(from: 0, to: 2000, by: 100) {
    let pairs = (start..<start + 100).map { "\($0) m\($0)" }.joined(separator: " ")
    _ = harness.send(client, "ZADD z \(pairs)")
  }
  _ = harness.send(client, request)
  var slices = 0
  while !harness.engine.context.graveyard.isEmpty, slices < 1000 {
    harness.engine.context.graveyard.freeSome()
    slices += 1
  }
  #expect((2..<1000).contains(slices))
}

@Test func moreRandomMembersThanAReplyHoldsAreRefused() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "ZADD z 1 a")
  #expect(harness.send(client, "ZRANDMEMBER z -9223372036854775807").hasPrefix("-ERR"))
  #expect(harness.send(client, "ZRANDMEMBER z -3") == "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n")
}
