// Settings.swift: every option of the broker, with its type and its default.
//
// A plain value: CONFIG SET changes a copy and puts it in place when all of it was good. Names,
// ranges, help and the way each is read and printed stand in `Directive.all`; the defaults stand
// here alone. What Redis has and Martlet accepts without a use for it is in `kept`.

struct Settings: Sendable {
  // Where it listens.
  var port = 6379
  /// Addresses; a leading `-` means that the start goes on without it, `*` is every IPv4 address.
  var bind = ["127.0.0.1", "-::1"]
  var unixSocket = ""
  /// Mode bits of the Unix socket; 0 leaves what the umask gives.
  var unixSocketMode = 0
  var tcpBacklog = 511
  /// Seconds between probes of a silent peer; 0 sends none.
  var tcpKeepalive = 300
  var isProtected = true
  /// Networks that may connect, checked at accept; none means all.
  var allow: [String] = []

  // What it keeps, and how safely.
  var directory = "./martlet-data"
  var isLogged = true
  var sync = Sync.always
  var databaseCount = 16
  var logRewritePercentage = 100
  var logRewriteSizeMin = 64 << 20
  var refusesWritesAfterFailedSave = true

  // Who may do what.
  var password = ""
  /// ACL rules of the `user` lines, each as name and rules; applied in order at the start.
  var users: [[String]] = []
  var aclFile = ""
  var aclLogCountMax = 128
  var channelsOfNewUsers = NewUserChannels.resetchannels
  var debugCommand = Permission.no
  var protectedConfigs = Permission.no

  // Bounds.
  /// Bytes of data above which commands that grow it are refused; 0 is no bound.
  var memoryMax = 0
  var memoryPolicy = MemoryPolicy.noeviction
  var clientCountMax = 10_000
  /// Seconds after which an idle client is dropped; 0 never.
  var idleTimeout = 0
  /// Bytes above which a sparse HyperLogLog becomes dense.
  var sparseHyperLogLogMax = 3000
  var bulkSizeMax = 512 << 20
  var queryBufferSizeMax = 1 << 30
  var outputLimits = OutputLimits()
  /// Microseconds that a turn is put off at most while many clients are busy; 0 puts none off.
  var coalesceMicroseconds = 100
  /// Milliseconds that a script may run before other clients are answered BUSY; 0 is no bound.
  var busyReplyThreshold = 5000
  /// Up to how many fields, and of how many bytes each, a hash is packed.
  var hashPackedCountMax = 512, hashPackedSizeMax = 64
  /// Up to how many members a set of integers is kept as numbers.
  var setIntegersMax = 512
  /// Up to how many members, and of how many bytes each, a sorted set is packed.
  var sortedSetPackedCountMax = 128, sortedSetPackedSizeMax = 64
  /// Replicas that must follow before writes are taken; without replication, above 0 refuses all.
  var replicaCountMin = 0

  // What it tells.
  var logLevel = LogLevel.notice
  var logFile = ""
  var pidFile = ""
  /// Microseconds; below 0 nothing is logged, 0 logs every command.
  var slowLogThreshold = 10_000
  var slowLogCountMax = 128
  /// Milliseconds; 0 turns the monitor off.
  var latencyThreshold = 0
  /// Length of a job's lease where neither call, job nor queue says it, in ms.
  var leaseDefault = 30_000
  /// Bytes and entries of a stream that lie together; 0 means any number.
  var streamNodeSizeMax = 4096
  var streamNodeCountMax = 100
  var streamNodeSizeLimit: Int { streamNodeSizeMax == 0 ? .max : streamNodeSizeMax }
  var tracksLatency = true
  /// What INFO latencystats tells of each command.
  var latencyPercentiles = [50, 99, 99.9].map { Percentile(percent: $0) }
  var notifications = Notifications()

  /// Values of the directives that have no effect here, as printed, by name; defaults are absent.
  var kept: [String: String] = [:]

  /// When an acknowledged write is on the disk.
  enum Sync: String, CaseIterable, Sendable { case everysec, always, no }

  enum LogLevel: String, CaseIterable, Sendable, Comparable {
    case debug, verbose, notice, warning

    private var rank: Int {
      switch self {
      case .debug: 0
      case .verbose: 1
      case .notice: 2
      case .warning: 3
      }
    }
    static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }
  }

  /// Who may use what is dangerous: nobody, everybody, or those on this machine.
  enum Permission: String, CaseIterable, Sendable { case no, yes, local }

  enum NewUserChannels: String, CaseIterable, Sendable { case allchannels, resetchannels }

  enum MemoryPolicy: String, CaseIterable, Sendable {
    case volatileLRU = "volatile-lru", volatileLFU = "volatile-lfu"
    case volatileRandom = "volatile-random", volatileTTL = "volatile-ttl"
    case allkeysLRU = "allkeys-lru", allkeysLFU = "allkeys-lfu"
    case allkeysRandom = "allkeys-random", noeviction
  }

  /// A duration that so many percent of the calls of a command stay below.
  struct Percentile: Equatable, Sendable {
    /// 0 ... 100
    let percent: Double
    /// As `50` and `99.9`: six places at most.
    var name: String {
      let (whole, rest) = Int((percent * 1_000_000).rounded())
        .quotientAndRemainder(dividingBy: 1_000_000)
      guard rest > 0 else { return "\(whole)" }
      var places = String(1_000_000 + rest).dropFirst()
      while places.last == "0" { places.removeLast() }
      return "\(whole).\(places)"
    }
  }

  /// How much of its replies a client may leave unread before it is dropped.
  struct OutputLimit: Equatable, Sendable {
    /// Bytes; 0 is no bound.
    var hard = 0
    /// Bytes that may stand for `softSeconds`; 0 is no bound.
    var soft = 0
    var softSeconds = 0
  }

  struct OutputLimits: Equatable, Sendable {
    var normal = OutputLimit(hard: 32 << 20)
    var replica = OutputLimit(hard: 256 << 20, soft: 64 << 20, softSeconds: 60)
    var pubsub = OutputLimit(hard: 32 << 20, soft: 8 << 20, softSeconds: 60)
  }

  /// The classes of keyspace events that are published.
  struct Notifications: OptionSet, Sendable {
    let rawValue: UInt16

    static let generic = Notifications(rawValue: 1 << 0)
    static let string = Notifications(rawValue: 1 << 1)
    static let list = Notifications(rawValue: 1 << 2)
    static let set = Notifications(rawValue: 1 << 3)
    static let hash = Notifications(rawValue: 1 << 4)
    static let sortedSet = Notifications(rawValue: 1 << 5)
    static let expired = Notifications(rawValue: 1 << 6)
    static let evicted = Notifications(rawValue: 1 << 7)
    static let stream = Notifications(rawValue: 1 << 8)
    static let module = Notifications(rawValue: 1 << 9)
    static let new = Notifications(rawValue: 1 << 10)
    static let keyspace = Notifications(rawValue: 1 << 11)
    static let keyevent = Notifications(rawValue: 1 << 12)
    static let keyMiss = Notifications(rawValue: 1 << 13)

    /// What `A` stands for: all classes of events but key misses and new keys.
    static let all = Notifications(rawValue: (1 << 10) - 1)

    /// Letters in the order in which Redis prints them.
    private static let letters: [(letter: UInt8, flag: Notifications)] = [
      (UInt8(ascii: "g"), .generic), (UInt8(ascii: "$"), .string), (UInt8(ascii: "l"), .list),
      (UInt8(ascii: "s"), .set), (UInt8(ascii: "h"), .hash), (UInt8(ascii: "z"), .sortedSet),
      (UInt8(ascii: "x"), .expired), (UInt8(ascii: "e"), .evicted), (UInt8(ascii: "t"), .stream),
      (UInt8(ascii: "d"), .module), (UInt8(ascii: "n"), .new),
      (UInt8(ascii: "K"), .keyspace), (UInt8(ascii: "E"), .keyevent), (UInt8(ascii: "m"), .keyMiss),
    ]

    /// - Returns: nil when a letter names no class.
    init?(letters: String) {
      var flags = Notifications()
      for letter in letters.utf8 {
        if letter == UInt8(ascii: "A") {
          flags.formUnion(.all)
        } else if let known = Self.letters.first(where: { $0.letter == letter }) {
          flags.formUnion(known.flag)
        } else {
          return nil
        }
      }
      self = flags
    }

    init(rawValue: UInt16) { self.rawValue = rawValue }

    var text: String {
      var text = "", rest = self
      if isSuperset(of: .all) {
        text = "A"
        rest.subtract(.all)
      }
      for (letter, flag) in Self.letters where rest.contains(flag) {
        text.unicodeScalars.append(Unicode.Scalar(letter))
      }
      return text
    }
  }
}

extension Settings {
  subscript(keptFlag name: String, default value: Bool) -> Bool {
    get { kept[name].map { $0 == "yes" } ?? value }
    set { kept[name] = newValue ? "yes" : "no" }
  }

  subscript(keptInteger name: String, default value: Int) -> Int {
    get { kept[name].flatMap { Int($0) } ?? value }
    set { kept[name] = "\(newValue)" }
  }

  subscript(keptText name: String, default value: String) -> String {
    get { kept[name] ?? value }
    set { kept[name] = newValue }
  }
}
