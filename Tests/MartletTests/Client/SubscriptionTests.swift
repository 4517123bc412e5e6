// SubscriptionTests.swift: messages of channels: in order, after lost connections, and bounded.

import Testing

@testable import Martlet

extension Peer {
  /// Confirms the subscriptions to channels and patterns of one request each.
  fileprivate func confirm(_ requests: Int = 1) -> [[String]] {
    var seen: [[String]] = []
    for _ in 0..<requests {
      guard let words = request() else { break }
      seen.append(words)
      for (index, topic) in words.dropFirst().enumerated() {
        send(
          ">3\r\n+\(words[0].lowercased())\r\n$\(topic.utf8.count)\r\n\(topic)\r\n:\(index + 1)\r\n"
        )
      }
    }
    return seen
  }

  fileprivate func publish(_ channel: String, _ text: String) {
    send(">3\r\n+message\r\n")
    send(bulk: channel)
    send(bulk: text)
  }
}

@Test func messagesComeInOrderAfterTheConfirmation() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    guard peer.confirm(2) == [["SUBSCRIBE", "a", "b"], ["PSUBSCRIBE", "c*"]] else { return }
    peer.publish("a", "1")
    peer.send(">4\r\n+pmessage\r\n+c*\r\n+cd\r\n+2\r\n")
    peer.publish("b", "3")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  let subscription = try await client.subscribe(to: ["a", "b"], patterns: ["c*"])
  var seen: [String] = []
  for try await message in subscription {
    seen.append("\(message.pattern ?? "")|\(message.channel)|\(message.text)")
    if seen.count == 3 { break }
  }
  #expect(seen == ["|a|1", "c*|cd|2", "|b|3"])
}

/// Goal: a lost connection is made again with all that was subscribed to.
@Test func aSubscriptionOutlivesItsConnection() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    guard peer.confirm() == [["SUBSCRIBE", "a"]] else { return }
    peer.publish("a", "\(peer.index)")
    if peer.index >= 3 { peer.waitForEnd() }
  }
  let client = try MartletClient(server.url, options: options())
  var seen: [String] = []
  for try await message in try await client.subscribe(to: ["a"]) {
    seen.append(message.text)
    if seen.count == 4 { break }
  }
  #expect(seen == ["0", "1", "2", "3"])
}

/// Goal: who does not read costs bounded memory, sees the newest and knows what is missing.
@Test func theOldestMessagesAreDroppedWhenTheBufferIsFull() async throws {
  let mayEnd = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.confirm()
    for number in 1...100 { peer.publish("a", "\(number)") }
    mayEnd.block()
  }
  let client = try MartletClient(server.url, options: options())
  let subscription = try await client.subscribe(to: ["a"], bufferedMessages: 10)
  let deadline = ContinuousClock.now + .seconds(600)
  while subscription.droppedCount < 90, ContinuousClock.now < deadline { await Task.yield() }
  #expect(subscription.droppedCount == 90)
  var messages = subscription.makeAsyncIterator()
  for number in 91...100 { #expect(try await messages.next()?.text == "\(number)") }
  mayEnd.set()
}

@Test func aCancelledReaderEndsTheSubscription() async throws {
  let hasEnded = Signal(), isSubscribed = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.confirm()
    peer.waitForEnd()
    hasEnded.set()
  }
  let client = try MartletClient(server.url, options: options())
  let reader = Task {
    let subscription = try await client.subscribe(to: ["a"])
    isSubscribed.set()
    for try await _ in subscription {}
  }
  await isSubscribed.wait()
  reader.cancel()
  try await reader.value
  await hasEnded.wait()
}

/// Goal: a subscription keeps its client.
@Test func aSubscriptionOutlivesTheLastUseOfItsClient() async throws {
  let mayPublish = Signal()
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.confirm()
    mayPublish.block()
    peer.publish("a", "1")
    peer.waitForEnd()
  }
  func subscribe() async throws -> Subscription {
    try await MartletClient(server.url, options: options()).subscribe(to: ["a"])
  }
  let subscription = try await subscribe()
  mayPublish.set()
  var messages = subscription.makeAsyncIterator()
  #expect(try await messages.next()?.text == "1")
}

@Test func aRefusedSubscriptionFails() async throws {
  let server = try FakeServer { peer in
    peer.greet()
    _ = peer.request()
    peer.send("-NOPERM No permissions to access a channel\r\n")
    peer.waitForEnd()
  }
  let client = try MartletClient(server.url, options: options())
  #expect(await outcome { try await client.subscribe(to: ["a"]) }.failure == .server("NOPERM"))
}
