// Subscription.swift: messages of channels as an AsyncSequence.

extension MartletClient {
  /// Subscribes to channels and to patterns of channels, and returns when the server has confirmed it.
  ///
  /// ```swift
  /// let news = try await client.subscribe(to: ["news", "weather"])
  /// for try await message in news { print(message.channel, message.text) }
  /// ```
  ///
  /// It has a connection of its own. When that is lost it is made again, and what was published in between
  /// is lost: a channel keeps nothing. To miss nothing use a list or a job queue.
  /// - Parameter bufferedMessages: how many may wait to be read, of 16 MB together at most; when there are more
  ///   the oldest are dropped and counted (``Subscription/droppedCount``).
  public func subscribe(
    to channels: [String], patterns: [String] = [], bufferedMessages: Int = 1024
  ) async throws(MartletError) -> Subscription {
    guard !channels.isEmpty || !patterns.isEmpty else {
      throw MartletError(.unsupported, "a subscription is to one channel or pattern at least")
    }
    guard !Task.isCancelled else { throw .cancelled }
    let feed = SubscriptionFeed(
      channels: channels, patterns: patterns, bufferedMessages: bufferedMessages)
    let subscription = Subscription(feed, self)
    try gate.post(.subscribe(feed))
    let outcome = await withTaskCancellationHandler {
      await Result.of { () async throws(MartletError) in try await feed.start() }
    } onCancel: {
      subscription.cancel()
    }
    try outcome.get()
    return subscription
  }
}

/// Messages of the channels that were subscribed to, as they come.
///
/// It ends, and its connection is closed, when it is let go or the task that reads it is cancelled.
/// One task reads it at a time.
public final class Subscription: AsyncSequence, Sendable {
  /// One message.
  public struct Message: Sendable, Hashable {
    /// The channel to which it was published.
    public let channel: String
    /// The pattern that the channel matched; nil when the channel itself was subscribed to.
    public let pattern: String?
    /// What was published.
    public let payload: [UInt8]

    /// The payload as text; what is not UTF-8 becomes the replacement character.
    public var text: String { String(decoding: payload, as: UTF8.self) }

    var size: Int { channel.utf8.count + payload.count }
  }

  /// What a sequence of messages fails with: the server's refusal, or that the client was closed.
  public typealias Failure = MartletError
  /// What it is a sequence of.
  public typealias Element = Message

  private let feed: SubscriptionFeed
  /// Kept, for a client that is let go closes its connections.
  private let client: MartletClient

  init(_ feed: SubscriptionFeed, _ client: MartletClient) {
    self.feed = feed
    self.client = client
  }

  deinit { cancel() }

  /// Messages that were dropped because nobody read them in time.
  public var droppedCount: Int { feed.droppedCount }

  /// Ends it: who reads it gets what is there, then the end.
  public func cancel() {
    feed.end(.cancelled)
    // After the end of the thread nothing is left to end.
    try? client.gate.post(.unsubscribe(feed))
  }

  /// Reads the messages from the first that nobody has read.
  public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

  /// Reads messages one by one.
  public struct Iterator: AsyncIteratorProtocol {
    let subscription: Subscription

    /// The next message; nil when the subscription was ended by us.
    public mutating func next() async throws(MartletError) -> Message? {
      try await next(isolation: #isolation)
    }

    /// The next message; nil when the subscription was ended by us.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(MartletError) -> Message? {
      let subscription = subscription
      let outcome = await withTaskCancellationHandler {
        await Result.of { () async throws(MartletError) in try await subscription.feed.next() }
      } onCancel: {
        subscription.cancel()
      }
      do throws(MartletError) { return try outcome.get() } catch {
        if error.code == .cancelled { return nil }
        throw error
      }
    }
  }
}

extension Result where Success: Sendable, Failure == MartletError {
  /// What became of `body`, for callers that pass on no errors.
  static func of(_ body: () async throws(MartletError) -> Success) async -> Self {
    do throws(MartletError) { return .success(try await body()) } catch { return .failure(error) }
  }
}
