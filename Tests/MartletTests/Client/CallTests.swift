// CallTests.swift: calls over shared connections: each gets its own reply, whatever happens around it.

import Testing

@testable import Martlet

/// Goal: calls of many tasks share a connection and are not mixed up.
@Test func callsOfManyTasksGetTheirOwnReplies() async throws {
  let server = try FakeServer {
    $0.greet(); $0.echo()
  }
  let client = try MartletClient(server.url, options: options { $0.connectionsMax = 1 })
  await withTaskGroup { group in
    for number in 0..<500 {
      group.addTask {
        let reply = await outcome { try await client.send("ECHO", number) }
        #expect(try! reply.get() == .bytes(Array("\(number)".utf8)))
      }
    }
  }
  #expect(server.connectionCount == 1)
}

/// Goal: a batch is one round trip. Method: the server answers when it has all of it.
@Test func aBatchIsSentAsAWhole() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    let words = (0..<3).compactMap { _ in peer.request() }
    peer.send("+\(words[0][0])\r\n-ERR no \(words[1][0])\r\n:3\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  let replies = try await client.send([["A"], ["B"], ["C"]])
  #expect(replies[0] == .simple("A"))
  #expect(replies[1].error?.message == "ERR no B")
  #expect(replies[2] == .integer(3))
  #expect(try await client.send([]) == [])
}

@Test func aRefusalIsThrownWithItsCode() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    while peer.request() != nil { peer.send("-WRONGTYPE not a list\r\n") }
  }
  let client = try MartletClient(server.url, options: options())
  let result = await outcome { try await client.send("LLEN", "k") }
  #expect(result.failure == .server("WRONGTYPE"))
}

/// Goal: it does not matter where the network cuts a reply.
@Test func repliesComeInPieces() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    while peer.request() != nil {
      for byte in "*3\r\n$2\r\nab\r\n>1\r\n+x\r\n:-5\r\n" { peer.send(String(byte)) }
    }
  }
  let client = try MartletClient(server.url, options: options())
  let reply = try await client.send("X")
  #expect(reply == .array([.bytes([97, 98]), .push([.simple("x")]), .integer(-5)]))
}

/// Goal: what is no reply fails the call and ends the connection; the next call has a new one.
@Test(arguments: ["hello\r\n", "$x\r\n", "$2\r\nabcd", ":1\r\n:2\r\n*9\r\n:x\r\n", "\r\n"])
func garbageEndsTheConnection(garbage: String) async throws {
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 0 { return peer.echo() }
    _ = peer.request()
    peer.send(garbage)
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  let result = await outcome { try await client.send("ECHO", "a") }
  #expect(result.failure == .protocolViolation || result.failure == nil)
  // Whichever call it was that met it: from then on there is a good connection.
  let deadline = ContinuousClock.now + .seconds(600)
  while server.connectionCount < 2, ContinuousClock.now < deadline {
    _ = await outcome { try await client.send("ECHO", "a") }
  }
  #expect(try await client.send("ECHO", "b").text == "b")
}

/// Goal: who was answered before a garbage reply has the answer; a reply that was not asked for is garbage.
@Test func aReplyTooManyEndsTheConnection() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 0 { return peer.echo() }
    _ = peer.request()
    peer.send("+1\r\n+2\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  #expect(try await client.send("ECHO", "a").text == "1")
  // The next call may be on its way before the client has seen the second one.
  let second = await outcome { try await client.send(Command("ECHO", "b").retryable()) }
  #expect(second.failure == .protocolViolation || (try? second.get().text) == "b")
}

@Test func aHugeReplyIsRefused() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    while let words = peer.request() {
      if words[0] == "BIG" {
        peer.send("$100000000\r\n" + String(repeating: "x", count: 300_000))
      } else {
        peer.send(bulk: "small")
      }
    }
  }
  let client = try MartletClient(server.url, options: options { $0.replySizeMax = 200_000 })
  let result = await outcome { try await client.send("BIG") }
  #expect(result.failure == .replyTooLarge)
  #expect(try await client.send("SMALL").text == "small")
  #expect(server.connectionCount == 2)
}

/// Goal: more bytes than may be on their way wait, and all calls are done.
@Test func bytesOnTheirWayAreBounded() async throws {
  let done = Counter()
  let server = try FakeServer {
    $0.greet(); $0.echo()
  }
  let client = try MartletClient(
    server.url,
    options: options {
      $0.bytesInFlightMax = 100_000
      $0.connectionsMax = 2
    })
  let body = String(repeating: "x", count: 40_000)
  await withTaskGroup { group in
    for number in 0..<100 {
      group.addTask {
        let reply = await outcome { try await client.send("ECHO", body + "\(number)") }
        #expect((try? reply.get().text) == body + "\(number)")
        done.add()
      }
    }
  }
  #expect(done.value == 100)
}

// MARK: Cancelling, and times

/// Goal: a cancelled call ends at once, and its reply is not taken for another's.
@Test func aCancelledCallsReplyIsThrownAway() async throws {
  let first = Signal(), second = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.request()
    first.set()
    _ = peer.request()
    second.set()
    peer.send("+first\r\n+second\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options { $0.connectionsMax = 1 })
  let call = Task { await outcome { try await client.send("A") } }
  await first.wait()
  call.cancel()
  #expect(await call.value.failure == .cancelled)
  #expect(try await client.send("B") == .simple("second"))
}

@Test func aTaskThatIsCancelledBeforeItCallsSendsNothing() async throws {
  let server = try FakeServer {
    $0.greet(); $0.echo()
  }
  let client = try MartletClient(server.url, options: options())
  let gate = Signal()
  let call = Task {
    await gate.wait()
    return await outcome { try await client.send("ECHO", "x") }
  }
  call.cancel()
  gate.set()
  #expect(await call.value.failure == .cancelled)
  #expect(server.connectionCount == 0)
}

/// Goal: a server that says nothing is given up, and its connection with it.
@Test func aSilentServerIsGivenUp() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 0 { return peer.echo() }
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options { $0.timeout = .milliseconds(60) })
  #expect(await outcome { try await client.send("A") }.failure == .timedOut)
  // On a busy machine the second one, too, may take longer than that.
  let deadline = ContinuousClock.now + .seconds(600)
  var reply: String?
  while reply == nil, ContinuousClock.now < deadline {
    reply = try? await client.send("ECHO", "b").text
  }
  #expect(reply == "b")
}

/// Goal: random calls, some cancelled, some on cut connections: none has another's reply.
@Test(arguments: [1, 2, 3] as [UInt64])
func noCallEverHasAnothersReply(seed: UInt64) async throws {
  let server = try FakeServer { peer in
    peer.greet()
    var left = 200
    while left > 0, let words = peer.request() {
      peer.send(bulk: words.last ?? "")
      left -= 1
    }
  }
  let client = try MartletClient(server.url, options: options { $0.connectionsMax = 3 })
  let answered = Counter()
  await withTaskGroup { group in
    for number in 0..<2000 {
      group.addTask {
        let call = Task { await outcome { try await client.send("ECHO", number) } }
        if (UInt64(number) &* 0x9E37_79B9_7F4A_7C15 &+ seed) % 7 == 0 { call.cancel() }
        switch await call.value {
        case .success(let reply):
          #expect(reply.integer == number, "seed \(seed)")
          answered.add()
        case .failure(let error):
          #expect(error.code == .cancelled || error.code == .connectionLost, "seed \(seed)")
        }
      }
    }
  }
  #expect(answered.value > 0, "seed \(seed)")
  await client.close()
}
