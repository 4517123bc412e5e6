// BlockingTests.swift: calls that wait at the server, sessions and transactions: connections for one.

import Testing

@testable import Martlet

/// Goal: a call that waits holds up nobody.
@Test func aBlockingCallHasAConnectionOfItsOwn() async throws {
  let isWaiting = Signal(), mayAnswer = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    while let words = peer.request() {
      if words[0] == "BLPOP" {
        isWaiting.set()
        mayAnswer.block()
      }
      peer.send(bulk: words[1])
    }
  }
  let client = try MartletClient(server.url, options: options())
  let call = Task { try await client.sendBlocking(["BLPOP", "k", 0], within: nil).text }
  await isWaiting.wait()
  #expect(try await client.send("ECHO", "x").text == "x")
  mayAnswer.set()
  #expect(try await call.value == "k")
  // The connection rests, and the next call takes it.
  #expect(try await client.sendBlocking(["BLPOP", "j", 0], within: nil).text == "j")
  #expect(server.connectionCount == 2)
}

/// Goal: the server sees that nobody waits any more, and takes nothing.
@Test func aCancelledBlockingCallEndsItsConnection() async throws {
  let isWaiting = Signal(), hasEnded = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.request()
    isWaiting.set()
    peer.waitForEnd()
    hasEnded.set()
  }
  let client = try MartletClient(server.url, options: options())
  let call = Task {
    await outcome { try await client.sendBlocking(["BLPOP", "k", 0], within: nil) }
  }
  await isWaiting.wait()
  call.cancel()
  #expect(await call.value.failure == .cancelled)
  await hasEnded.wait()
}

/// Goal: what the server took just before it saw the end is not lost.
@Test func anAnswerThatCrossesTheCancellationIsReturned() async throws {
  let isWaiting = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.request()
    isWaiting.set()
    peer.waitForEnd()
    peer.send("*2\r\n$1\r\nk\r\n$3\r\njob\r\n")
  }
  let client = try MartletClient(server.url, options: options())
  let call = Task { try await client.sendBlocking(["BLPOP", "k", 0], within: nil) }
  await isWaiting.wait()
  call.cancel()
  #expect(try await call.value.array?[1].text == "job")
}

/// Goal: the same for a call that takes without waiting, over a connection that others use as well.
@Test(arguments: [["LPOP", "k"], ["lmpop", "1", "k", "LEFT"], ["GETJOB", "NOHANG", "FROM", "k"]])
func anElementThatCrossesTheCancellationIsReturned(words: [String]) async throws {
  let isWaiting = Signal(), mayAnswer = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 0 { return peer.echo() }
    _ = peer.request()
    isWaiting.set()
    mayAnswer.block()
    peer.send(bulk: "element")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  let call = Task { try await client.send(Command(name: words[0], Array(words.dropFirst()))) }
  await isWaiting.wait()
  call.cancel()
  // When this is answered the client has heard of the cancellation.
  #expect(try await client.sendBlocking(["ECHO", "x"], within: nil).text == "x")
  mayAnswer.set()
  #expect(try await call.value.text == "element")
}

/// Goal: what was not sent takes nothing, so its caller need not wait.
@Test func aCancelledCallThatWasNotSentTakesNothing() async throws {
  let hasBegun = Signal(), mayGreet = Signal(), requests = Counter()
  let server = try FakeServer { peer in
    hasBegun.set()
    mayGreet.block()
    peer.greet()
    while let words = peer.request() {
      if words[0] == "LPOP" { requests.add() }
      peer.send(bulk: "x")
    }
  }
  let client = try MartletClient(server.url, options: options())
  let call = Task { await outcome { try await client.send("LPOP", "k") } }
  await hasBegun.wait()
  call.cancel()
  #expect(await call.value.failure == .cancelled)
  mayGreet.set()
  #expect(try await client.send("ECHO", "x").text == "x")
  #expect(requests.value == 0)
}

@Test func aBlockingCallEndsWhenItsTimeIsOver() async throws {
  let server = try FakeServer {
    $0.greet(); $0.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  let result = await outcome {
    try await client.sendBlocking(["BLPOP", "k", 0], within: .milliseconds(30))
  }
  #expect(result.failure == .timedOut)
}

@Test func aBlockingCallFailsWhenItsConnectionIsCut() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    if peer.index > 0 { return peer.echo() }
    _ = peer.request()
  }
  let client = try MartletClient(server.url, options: options())
  let result = await outcome { try await client.sendBlocking(["BLPOP", "k", 0], within: nil) }
  #expect(result.failure == .connectionLost)
  #expect(try await client.sendBlocking(["ECHO", "x"], within: nil).text == "x")
}

/// Goal: more blocking calls than connections wait in line; cancelled ones leave it.
@Test func blockingCallsWaitInLineForConnections() async throws {
  let server = try FakeServer {
    $0.greet(); $0.echo()
  }
  let client = try MartletClient(server.url, options: options { $0.blockingConnectionsMax = 2 })
  await withTaskGroup { group in
    for number in 0..<50 {
      group.addTask {
        let call = Task {
          await outcome { try await client.sendBlocking(["E", number], within: nil) }
        }
        if number % 5 == 0 { call.cancel() }
        switch await call.value {
        case .success(let value): #expect(value.integer == number)
        case .failure(let error): #expect(error.code == .cancelled)
        }
      }
    }
  }
}

/// Goal: a refused login frees all who wait in line, not only those with a connection.
@Test func aRefusedLoginFailsTheWholeLine() async throws {
  let mayRefuse = Signal(), begun = Counter()
  let server = try FakeServer { peer in
    _ = peer.request()
    mayRefuse.block()
    peer.send("-WRONGPASS no\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options { $0.blockingConnectionsMax = 2 })
  await withTaskGroup { group in
    for number in 0..<30 {
      group.addTask {
        begun.add()
        let result = await outcome {
          try await client.sendBlocking(["E", number], within: .seconds(600))
        }
        #expect(result.failure == .server("WRONGPASS"))
      }
    }
    while begun.value < 30 { await Task.yield() }
    for _ in 0..<1000 { await Task.yield() }
    mayRefuse.set()
  }
}

// MARK: Sessions and transactions

@Test func aSessionKeepsItsConnection() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    while peer.request() != nil { peer.send(":\(peer.index)\r\n") }
  }
  let client = try MartletClient(server.url, options: options())
  let first = try await client.withSession { session in
    let index = try await session.send("A").integer
    #expect(try await client.send("X").integer != index)
    #expect(try await session.send([["B"], ["C"]]).map(\.integer) == [index, index])
    return index
  }
  #expect(try await client.withSession { try await $0.send("D").integer } == first)
}

@Test func aSessionEndsWithItsConnection() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.request()
    peer.send("+OK\r\n")
    _ = peer.request()
  }
  let client = try MartletClient(server.url, options: options())
  let result = await outcome {
    try await client.withSession { session in
      try await session.send("WATCH", "k")
      #expect(await outcome { try await session.send("GET", "k") }.failure == .connectionLost)
      _ = try await session.send(Command("GET", "k").retryable())
    }
  }
  #expect(result.failure == .connectionLost)
}

/// Goal: when watched keys change the whole is done again, and in the end given up.
@Test func aTransactionIsTriedAgainWhenKeysHaveChanged() async throws {
  let failures = Counter(2)
  let server = try FakeServer { peer in
    peer.greet()
    while let words = peer.request() {
      switch words[0] {
      case "GET": peer.send(bulk: "7")
      case "EXEC":
        peer.send(failures.add(-1) >= 0 ? "_\r\n" : "*1\r\n:6\r\n")
      case "DECR": peer.send("+QUEUED\r\n")
      default: peer.send("+OK\r\n")
      }
    }
  }
  let client = try MartletClient(server.url, options: options())
  let runs = Counter()
  let decrement: @Sendable (Session) async throws -> [Command] = { session in
    runs.add()
    let left = try await session.send("GET", "stock").integer
    #expect(left == 7)
    return [["DECR", "stock"]]
  }
  #expect(try await client.transaction(watching: ["stock"], decrement) == [.integer(6)])
  #expect(runs.value == 3)
  failures.add(100)
  let result = await outcome {
    try await client.transaction(watching: ["stock"], attempts: 4, decrement)
  }
  #expect(result.failure == .conflict)
  #expect(runs.value == 7)
  #expect(try await client.transaction(watching: ["stock"]) { _ in [] } == [])
}

/// Goal: the error says which command was wrong, not only that one was.
@Test func aTransactionThatIsRefusedSaysWhy() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    while let words = peer.request() {
      switch words[0] {
      case "MULTI": peer.send("+OK\r\n")
      case "EXEC": peer.send("-EXECABORT Transaction discarded because of previous errors.\r\n")
      default: peer.send("-ERR wrong number of arguments for 'x' command\r\n")
      }
    }
  }
  let client = try MartletClient(server.url, options: options())
  let result = await outcome { try await client.transaction([["X"]]) }
  #expect(result.message == "ERR wrong number of arguments for 'x' command")
}
