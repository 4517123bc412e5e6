// ConnectionTests.swift: how connections are made, lost and made again.

import Glibc
import Testing

@testable import Martlet

/// Goal: nobody knows whether a command that was sent was done, so its caller is told.
@Test func aSentCommandFailsWhenItsConnectionIsCut() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 0 { return peer.echo() }
    _ = peer.request()
  }
  let client = try MartletClient(server.url, options: options())
  #expect(await outcome { try await client.send("INCR", "k") }.failure == .connectionLost)
  #expect(try await client.send("ECHO", "b").text == "b")
}

/// Goal: what does no harm twice is sent again.
@Test func aRetryableCommandIsSentAgain() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 1 { return peer.echo() }
    _ = peer.request()
  }
  let client = try MartletClient(server.url, options: options())
  #expect(try await client.send(Command("ECHO", "k").retryable()).text == "k")
  #expect(server.connectionCount == 3)
}

/// Goal: a call that was not sent waits until there is a connection.
@Test func aCallWaitsForAServerThatDoesNotGreetYet() async throws {
  let server = try FakeServer { peer in
    if peer.index < 3 { return }
    peer.greet()
    peer.echo()
  }
  let client = try MartletClient(server.url, options: options())
  #expect(try await client.send("ECHO", "k").text == "k")
  #expect(server.connectionCount == 4)
}

@Test func whoCannotConnectIsToldWhy() async throws {
  let client = try MartletClient(
    "unix:///tmp/martlet-nobody-\(UInt64.random(in: 0 ... .max))",
    options: options { $0.timeout = .milliseconds(30) })
  let result = await outcome { try await client.send("PING") }
  #expect(result.failure == .timedOut)
  #expect(result.message.contains("No such file or directory"))
}

@Test func namesAreLookedUp() async throws {
  let client = try MartletClient(
    "redis://no-such-host.invalid", options: options { $0.timeout = .milliseconds(300) })
  #expect(await outcome { try await client.send("PING") }.failure == .timedOut)
}

/// Goal: all who wait are told that the login was refused; and those who come later without a wait, however
/// long the pause until the next attempt is by then.
@Test func aRefusedLoginFailsAllWhoWait() async throws {
  let server = try FakeServer { peer in
    _ = peer.request()
    peer.send("-WRONGPASS invalid username-password pair or user is disabled.\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(
    server.url, options: options { $0.reconnectDelayMax = .seconds(1000) })
  for _ in 0..<100 {
    #expect(await outcome { try await client.send("PING") }.failure == .server("WRONGPASS"))
    #expect(
      await outcome { try await client.sendBlocking(["BLPOP", "k", 0], within: nil) }.failure
        == .server("WRONGPASS"))
    #expect(
      await outcome { try await client.subscribe(to: ["c"]) }.failure == .server("WRONGPASS"))
  }
}

/// Goal: connections that stand go on when new ones are refused, as after a change of the password.
@Test func aRefusedLoginLeavesStandingConnectionsAlone() async throws {
  let server = try FakeServer { peer in
    if peer.index == 0 {
      peer.greet()
      return peer.echo()
    }
    _ = peer.request()
    peer.send("-WRONGPASS invalid username-password pair or user is disabled.\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(
    server.url, options: options { $0.reconnectDelayMax = .seconds(1000) })
  for _ in 0..<10 {
    #expect(try await client.send("ECHO", "x").text == "x")
    #expect(
      await outcome { try await client.sendBlocking(["BLPOP", "k", 0], within: nil) }.failure
        == .server("WRONGPASS"))
  }
}

/// Goal: the greeting says who we are, in the words of the version that the server speaks.
@Test func theGreetingHasLoginNameAndDatabase() async throws {
  let server = try FakeServer { peer in
    let hello = peer.request()
    guard hello == ["HELLO", "3", "AUTH", "me", "secret", "SETNAME", "app"] else { return }
    peer.send("%0\r\n")
    guard peer.request() == ["SELECT", "5"] else { return }
    peer.send("+OK\r\n")
    peer.echo()
  }
  let url = server.url.replacing("unix://", with: "unix://me:secret@") + "?db=5"
  let client = try MartletClient(
    url,
    options: options {
      $0.name = "app"
      $0.timeout = .seconds(600)
    })
  #expect(try await client.send("ECHO", "x").text == "x")
}

@Test func anOldServerIsGreetedInRESP2() async throws {
  let server = try FakeServer { peer in
    _ = peer.request()
    peer.send("-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n")
    guard peer.request() == ["AUTH", "secret"] else { return }
    peer.send("+OK\r\n")
    guard peer.request() == ["CLIENT", "SETNAME", "app"] else { return }
    peer.send("+OK\r\n")
    guard peer.request() == ["SELECT", "5"] else { return }
    peer.send("+OK\r\n")
    peer.echo()
  }
  let url = server.url.replacing("unix://", with: "unix://:secret@") + "?db=5"
  let client = try MartletClient(
    url,
    options: options {
      $0.name = "app"
      $0.timeout = .seconds(600)
    })
  #expect(try await client.send("ECHO", "x").text == "x")
}

/// Goal: what the system refuses fails an attempt and not the program.
@Test func whatCannotBeWatchedIsRefused() throws {
  let poller = try Poller(try WakeUp())
  let file = Socket(descriptor: unsafe open("/proc/self/status", O_RDONLY))
  defer { file.close() }
  #expect(throws: MartletError.self) { try poller.add(file, tag: 1, forWriting: false) }
  #expect(throws: MartletError.self) { try poller.change(file, tag: 1, forWriting: true) }
}

// MARK: The end

@Test func closingLetsSentCallsEndAndRefusesOthers() async throws {
  let isSent = Signal(), mayAnswer = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.request()
    isSent.set()
    mayAnswer.block()
    peer.send("+late\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  let call = Task { await outcome { try await client.send("A") } }
  await isSent.wait()
  let closing = Task { await client.close() }
  // The client closes as soon as a call is refused; what was sent before goes on.
  while await outcome({ try await client.sendBlocking(["B"], within: nil) }).failure != .closed {}
  mayAnswer.set()
  #expect(try await call.value.get() == .simple("late"))
  await closing.value
  #expect(await outcome { try await client.send("C") }.failure == .closed)
  await client.close()
}

@Test func aClientThatNeverCalledClosesToo() async throws {
  let client = try MartletClient("redis://127.0.0.1:1")
  await client.close()
  #expect(await outcome { try await client.send("A") }.failure == .closed)
}

@Test func runEndsWithItsTaskAndClosesTheClient() async throws {
  let server = try FakeServer {
    $0.greet(); $0.echo()
  }
  let client = try MartletClient(server.url, options: options())
  let run = Task { try await client.run() }
  #expect(try await client.send("ECHO", "x").text == "x")
  run.cancel()
  try await run.value
  #expect(await outcome { try await client.send("A") }.failure == .closed)
}

@Test func runEndsWhenTheClientIsClosed() async throws {
  let client = try MartletClient("redis://127.0.0.1:1")
  let run = Task { try await client.run() }
  await client.close()
  try await run.value
}

/// Goal: a client that is let go leaves nothing behind.
@Test func aClientThatIsLetGoClosesItsConnections() async throws {
  let hasEnded = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    peer.echo()
    hasEnded.set()
  }
  do {
    let client = try MartletClient(server.url, options: options())
    #expect(try await client.send("ECHO", "x").text == "x")
  }
  await hasEnded.wait()
}
