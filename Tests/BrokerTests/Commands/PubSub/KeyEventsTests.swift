// KeyEventsTests.swift: the events of keys. Names and order were noted from redis-server 7.0.15.

import Testing

@testable import Broker

/// A client that hears events, and one whose commands make them.
private struct EventRig: ~Copyable {
  var harness: EngineHarness
  let listener: Int, client: Int

  init(_ letters: String, logging: Bool = false) {
    harness = EngineHarness(logging: logging)
    listener = harness.client()
    client = harness.client()
    _ = harness.send(client, "CONFIG SET notify-keyspace-events \(letters)")
    _ = harness.send(listener, "PSUBSCRIBE __key*__:*")
  }

  /// What has been heard since the last look, as `event key`, or `key event` of the other channel.
  mutating func heard() -> [String] {
    let words = harness.output(listener).split(separator: "\r\n").map(String.init)
    return words.indices.compactMap { index in
      guard words[index] == "pmessage" else { return nil }
      let channel = words[index + 4].split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
      return "\(channel) \(words[index + 6])"
    }
  }

  mutating func events(of request: String) -> [String] {
    _ = harness.send(client, request)
    return heard()
  }
}

@Test func eventsAreThoseOfRedis() {
  var rig = EventRig("EAnm")
  for (request, events) in [
    ("SET a 1", ["new a", "set a"]), ("SET a 2 EX 100", ["set a", "expire a"]),
    ("SET a 4 NX", []), ("SET none 1 XX", []), ("SETNX b 1", ["new b", "set b"]),
    ("SETEX b 100 v", ["set b", "expire b"]), ("GETSET a w", ["set a"]),
    ("MSET a 1 c 2", ["set a", "new c", "set c"]), ("GET none", ["keymiss none"]),
    ("OBJECT ENCODING none", []), ("GETEX b PERSIST", ["persist b"]), ("GETEX b PERSIST", []),
    ("GETEX b EX 10", ["expire b"]), ("GETDEL b", ["del b"]), ("APPEND a x", ["append a"]),
    ("APPEND d x", ["new d", "append d"]), ("SETRANGE d 3 x", ["setrange d"]),
    ("INCR n", ["new n", "incrby n"]), ("DECRBY n 2", ["incrby n"]),
    ("INCRBYFLOAT n 1.5", ["incrbyfloat n"]),
    ("RPUSH l a b c", ["new l", "rpush l"]), ("LPUSHX l y", ["lpush l"]), ("LPUSHX no y", []),
    ("LPOP l", ["lpop l"]), ("RPOP l 5", ["rpop l", "del l"]),
    ("RPUSH l 1 2", ["new l", "rpush l"]), ("LSET l 0 q", ["lset l"]),
    ("LINSERT l AFTER q r", ["linsert l"]), ("LREM l 0 nosuch", []), ("LREM l 0 r", ["lrem l"]),
    ("LTRIM l 0 -1", ["ltrim l"]), ("LMOVE l m LEFT RIGHT", ["new m", "rpush m", "lpop l"]),
    ("RPOPLPUSH l m", ["lpush m", "rpop l", "del l"]), ("RPOPLPUSH l m", []),
    ("LMPOP 2 l m LEFT COUNT 1", ["lpop m"]), ("BLPOP m 1", ["lpop m", "del m"]),
    ("RPUSH l 3 1", ["new l", "rpush l"]), ("SORT l STORE s", ["new s", "sortstore s"]),
    ("SORT none STORE s", ["keymiss none", "del s"]), ("LTRIM l 5 9", ["ltrim l", "del l"]),
    ("EXPIRE a 100", ["expire a"]), ("EXPIRE none 1", []), ("PERSIST a", ["persist a"]),
    ("EXPIRE a -1", ["del a"]), ("RENAME c e", ["new e", "rename_from c", "rename_to e"]),
    ("RENAMENX e d", []), ("MOVE e 1", ["new e", "move_from e", "move_to e"]),
    ("COPY d f", ["new f", "copy_to f"]), ("COPY d f REPLACE", ["new f", "copy_to f"]),
    ("DEL d none f", ["del d", "del f"]), ("UNLINK n", ["del n"]), ("FLUSHALL", []),
  ] {
    #expect(rig.events(of: request) == events, "\(request)")
  }
}

@Test func eventsOfHashesAndSetsAreThoseOfRedis() {
  var rig = EventRig("EAnm")
  for (request, events) in [
    ("HSET h a 1 b 2", ["new h", "hset h"]), ("HSETNX h c 3", ["hset h"]),
    ("HINCRBY h a 2", ["hincrby h"]), ("HINCRBYFLOAT h a 1.5", ["hincrbyfloat h"]),
    ("HEXPIRE h 100 FIELDS 1 a", ["hexpire h"]), ("HPERSIST h FIELDS 1 a", ["hpersist h"]),
    ("HDEL h none", []), ("HDEL h a b", ["hdel h"]), ("HDEL h c", ["hdel h", "del h"]),
    ("SADD s a b c d e", ["new s", "sadd s"]), ("SADD s a", []), ("SREM s a", ["srem s"]),
    ("SMOVE s t b", ["srem s", "new t", "sadd t"]),
    ("SMOVE t u b", ["srem t", "del t", "new u", "sadd u"]), ("SPOP s", ["spop s"]),
    ("SPOP s 9", ["spop s", "del s"]), ("SADD s a b", ["new s", "sadd s"]),
    ("SINTERSTORE x s none", ["keymiss none"]), ("SUNIONSTORE x s", ["new x", "sunionstore x"]),
    ("SDIFFSTORE x s", ["sdiffstore x"]), ("SINTERSTORE x none", ["keymiss none", "del x"]),
  ] {
    #expect(rig.events(of: request) == events, "\(request)")
  }
}

@Test func eventsOfSortedSetsAreThoseOfRedis() {
  var rig = EventRig("EAnm")
  for (request, events) in [
    ("ZADD z 1 a 2 b 3 c", ["new z", "zadd z"]),
    ("ZADD z 1 a", []),
    ("ZADD z INCR 2 a", ["zincr z"]),
    ("ZINCRBY z 1 b", ["zincr z"]),
    ("ZREM z none", []),
    ("ZREM z a", ["zrem z"]),
    ("ZPOPMIN z", ["zpopmin z"]),
    ("ZPOPMAX z 9", ["zpopmax z", "del z"]),
    ("ZADD z 1 a 2 b 3 c 4 d 5 e", ["new z", "zadd z"]),
    ("ZREMRANGEBYRANK z 0 0", ["zremrangebyrank z"]),
    ("ZREMRANGEBYSCORE z 2 2", ["zremrangebyscore z"]),
    ("ZREMRANGEBYLEX z [c [c", ["zremrangebylex z"]),
    ("ZREMRANGEBYSCORE z 4 9", ["zremrangebyscore z", "del z"]),
    ("ZADD z 1 a 2 b", ["new z", "zadd z"]),
    ("ZUNIONSTORE y 2 z none", ["keymiss none", "new y", "zunionstore y"]),
    ("ZINTERSTORE y 2 z none", ["keymiss none", "del y"]),
    ("ZDIFFSTORE y 2 z none", ["keymiss none", "new y", "zdiffstore y"]),
    ("ZRANGESTORE w z 0 -1", ["new w", "zrangestore w"]),
    ("ZRANGESTORE w z 5 9", ["del w"]),
    ("ZMPOP 2 none z MIN", ["zpopmin z"]),
    ("BZPOPMIN z 1", ["zpopmin z", "del z"]),
    ("ZREM none a", []),
  ] as [(String, [String])] {
    #expect(rig.events(of: request) == events, "\(request)")
  }
}

@Test func eventsOfStreamsAreThoseOfRedis() {
  var rig = EventRig("EAnm")
  for (request, events) in [
    ("XADD x 1-1 f v", ["new x", "xadd x"]),
    ("XADD x MAXLEN 1 2-1 f v", ["xadd x", "xtrim x"]),
    ("XTRIM x MAXLEN 5", []),
    ("XADD x 3-1 f v", ["xadd x"]),
    ("XTRIM x MAXLEN 1", ["xtrim x"]),
    ("XDEL x 9-9", []),
    ("XDEL x 3-1", ["xdel x"]),
    ("XDEL none 1-1", []),
    ("XADD x 4-1 f v", ["xadd x"]),
    ("XSETID x 9-9", ["xsetid x"]),
    ("XGROUP CREATE x g 0", ["xgroup-create x"]),
    ("XGROUP CREATE n g $ MKSTREAM", ["new n", "xgroup-create n"]),
    ("XGROUP SETID x g 0", ["xgroup-setid x"]),
    ("XGROUP CREATECONSUMER x g c", ["xgroup-createconsumer x"]),
    ("XGROUP CREATECONSUMER x g c", []),
    ("XREADGROUP GROUP g d STREAMS x >", ["xgroup-createconsumer x"]),
    ("XACK x g 4-1", []),
    ("XADD x 10-1 f v", ["xadd x"]),
    ("XREADGROUP GROUP g d STREAMS x >", []),
    ("XCLAIM x g e 0 10-1", ["xgroup-createconsumer x"]),
    ("XAUTOCLAIM x g h 0 0", ["xgroup-createconsumer x"]),
    ("XGROUP DELCONSUMER x g c", ["xgroup-delconsumer x"]),
    ("XGROUP DESTROY x g", ["xgroup-destroy x"]),
    ("XGROUP DESTROY x g", []),
    ("XTRIM none MAXLEN 0", []),
  ] as [(String, [String])] {
    #expect(rig.events(of: request) == events, "\(request)")
  }
}

@Test func waitersThatAreServedMakeEvents() {
  var rig = EventRig("EA")
  let waiter = rig.harness.client()
  _ = rig.harness.send(waiter, "BLMOVE l m LEFT RIGHT 0")
  #expect(rig.events(of: "RPUSH l x") == ["rpush l", "rpush m", "lpop l", "del l"])
  _ = rig.harness.send(waiter, "BLMPOP 0 1 l LEFT COUNT 2")
  #expect(rig.events(of: "RPUSH l x y z") == ["rpush l", "lpop l"])
}

/// Goal: an event that a waiter's reward makes breaks neither the waiter's reply nor that of the one
/// who pushed, though both hear it.
@Test func eventsFollowTheRepliesOfThoseWhoMakeThem() {
  var harness = EngineHarness()
  let waiter = harness.client(), producer = harness.client()
  _ = harness.send(producer, "CONFIG SET notify-keyspace-events El")
  for client in [waiter, producer] {
    _ = harness.send(client, "HELLO 3")
    _ = harness.send(client, "SUBSCRIBE __keyevent@0__:lpop")
  }
  _ = harness.send(waiter, "BLPOP l 0")
  let event = ">3\r\n$7\r\nmessage\r\n$19\r\n__keyevent@0__:lpop\r\n$1\r\nl\r\n"
  #expect(harness.send(producer, "RPUSH l x") == ":1\r\n" + event)
  #expect(harness.output(waiter) == "*2\r\n$1\r\nl\r\n$1\r\nx\r\n" + event)
}

@Test func theSettingChoosesChannelsAndClasses() {
  var rig = EventRig("K$")
  #expect(rig.events(of: "SET a 1") == ["a set"])
  #expect(rig.events(of: "RPUSH l 1") == [])
  _ = rig.harness.send(rig.client, "CONFIG SET notify-keyspace-events KEl")
  #expect(rig.events(of: "RPUSH l 1") == ["l rpush", "rpush l"])
  #expect(rig.events(of: "SET a 1") == [])
  _ = rig.harness.send(rig.client, "CONFIG SET notify-keyspace-events A")
  #expect(rig.events(of: "SET a 1") == [], "neither K nor E")
}

@Test func keysWhoseTimeIsUpExpireWithAnEvent() {
  var rig = EventRig("Exn")
  _ = rig.harness.send(rig.client, "SET a 1 PX 10")
  _ = rig.harness.send(rig.client, "SET b 1 PX 10")
  _ = rig.harness.send(rig.client, "SET c 1 PX 10")
  _ = rig.heard()
  rig.harness.advance(milliseconds: 20, runningTimers: false)
  #expect(rig.events(of: "GET a") == ["expired a"])
  #expect(rig.events(of: "SET b 2") == ["expired b", "new b"])
  rig.harness.advance(milliseconds: 1)
  #expect(rig.heard() == ["expired c"])
}

@Test func anEventWaitsForItsWriteToBeDurable() {
  var rig = EventRig("EA", logging: true)
  _ = rig.harness.send(rig.client, "SET a 1")
  let sendable = rig.harness.engine.sendable(rig.listener)
  #expect(sendable == 0)
  rig.harness.engine.context.durableCommit = rig.harness.engine.context.commit
  let all = rig.harness.engine.sendable(rig.listener)
  #expect(all == rig.harness.engine.context.sessions[rig.listener].outputSize)
  #expect(rig.heard() == ["set a"])
}

@Test func aReplayPublishesNothing() throws {
  var rig = EventRig("EAn")
  try rig.harness.replay(Array("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n".utf8), count: 1)
  #expect(rig.heard() == [])
}
