// Options.swift: what a client may be told, with its defaults.

extension MartletClient {
  /// How a client behaves. The defaults are good for most programs.
  public struct Options: Sendable {
    /// The name under which the server lists our connections (`CLIENT LIST`); no blanks.
    public var name: String?

    /// How long a call waits for its reply, the time to connect included. Blocking calls have times of
    /// their own.
    public var timeout = Duration.seconds(10)

    /// How long one attempt to connect may take, the login included.
    public var connectTimeout = Duration.seconds(5)

    /// The longest pause between attempts to connect. Pauses begin at some milliseconds, double each
    /// time, and differ between clients, so that a restarted server is not run over.
    public var reconnectDelayMax = Duration.seconds(5)

    /// Connections that ordinary calls share, at most. Calls go out together over the first one, and the
    /// others are opened as that one has much to do.
    public var connectionsMax = 4

    /// Connections for calls that wait at the server, for transactions and sessions, at most: each such
    /// call has one alone. More calls wait in line. Workers have connections of their own beside these.
    public var blockingConnectionsMax = 256

    /// Bytes of ordinary calls that are handed to the network at one time, at most; further calls
    /// wait, within their timeout.
    public var bytesInFlightMax = 16 << 20

    /// Bytes of one reply, at most. A larger one fails its call with `.replyTooLarge` and ends the
    /// connection.
    public var replySizeMax = 64 << 20

    /// The defaults.
    public init() {}
  }
}
