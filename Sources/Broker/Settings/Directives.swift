// Directives.swift: the table of options. Each is named, ranged and explained here and nowhere else.

import RESP

extension Directive {
  /// All directives, in the order of `--help` and of CONFIG GET.
  static let all: [Directive] = network + storage + access + bounds + reports + compatibility

  /// The directive that goes by `name` or has it as its alias; case is ignored.
  static func named(_ name: String) -> Directive? { byName[name.lowercased()] }

  private static let byName: [String: Directive] = {
    var table: [String: Directive] = [:]
    for directive in all {
      precondition(table.updateValue(directive, forKey: directive.name) == nil)
      if let alias = directive.alias {
        precondition(table.updateValue(directive, forKey: alias) == nil)
      }
    }
    return table
  }()

  private static let intMax = Int(Int32.max)

  private static let network: [Directive] = [
    .integer("port", \.port, 0...65535, "TCP port; 0 listens on none"),
    .words(
      "bind", \.bind,
      "addresses to listen on, IPv4 and IPv6; * is all; with - in front, absent ones are passed over",
      form: "address ...", countMax: 16, check: checkAddress),
    .text("unixsocket", \.unixSocket, "Unix socket to listen on as well", form: "path")
      .change(.atStart),
    .octal("unixsocketperm", \.unixSocketMode, 0...0o777, "mode of the Unix socket; 0: the umask's")
      .change(.atStart),
    .integer("tcp-backlog", \.tcpBacklog, 0...intMax, "connections that may wait to be accepted")
      .change(.atStart),
    .integer("tcp-keepalive", \.tcpKeepalive, 0...intMax, "seconds between probes of silent peers"),
    .flag("protected-mode", \.isProtected, "without a password, serve this machine alone"),
    .words(
      "allow", \.allow, "networks that may connect, e.g. 10.0.0.0/8 fd00::/8; none: all",
      form: "network ...", countMax: 1024, check: checkNetwork
    ).addingUp(),
  ]

  private static let storage: [Directive] = [
    .text("dir", \.directory, "folder of the data, made when absent", form: "path")
      .change(.protected),
    .flag("appendonly", \.isLogged, "keep every write in the log on disk").change(.afterRestart),
    .choice("appendfsync", \.sync, "when a write is synced; always: before it is acknowledged"),
    .integer("databases", \.databaseCount, 1...intMax, "databases that SELECT knows")
      .change(.atStart),
    .integer(
      "auto-aof-rewrite-percentage", \.logRewritePercentage, 0...intMax,
      "growth of the log that starts a checkpoint; 0: never by itself"
    ),
    .memory(
      "auto-aof-rewrite-min-size", \.logRewriteSizeMin, 0...Int.max,
      "size of the log below which none is started"
    ),
    .flag(
      "stop-writes-on-bgsave-error", \.refusesWritesAfterFailedSave,
      "refuse writes after a checkpoint that failed"
    ).withoutEffect(
      "a checkpoint that fails takes nothing from the log, and a log that fails stops the server"),
  ]

  private static let access: [Directive] = [
    .text("requirepass", \.password, "password of the user default; empty: none").secret(),
    Directive("user", form: "name rule ...", help: "a user, in the rules of ACL SETUSER") { _ in
      ""
    } write: { (settings, words) throws(Refusal) in
      guard !words.isEmpty else { throw Refusal("wrong number of arguments") }
      settings.users.append(words)
    }.ofWords().unlisted().secret().change(.atStart).written { _ in nil },
    .text("aclfile", \.aclFile, "file of users, for ACL LOAD and SAVE", form: "path")
      .change(.atStart),
    .integer("acllog-max-len", \.aclLogCountMax, 0...Int.max, "entries that ACL LOG keeps"),
    .choice("acl-pubsub-default", \.channelsOfNewUsers, "channels that a new user may use"),
    .choice("enable-debug-command", \.debugCommand, "who may use DEBUG").change(.atStart),
    .choice("enable-protected-configs", \.protectedConfigs).change(.atStart)
      .withoutEffect("dir, the only one of them, never changes while it runs"),
  ]

  private static let bounds: [Directive] = [
    .memory(
      "maxmemory", \.memoryMax, 0...Int.max,
      "data above which commands that grow it answer OOM; 0: no bound"),
    .choice("maxmemory-policy", \.memoryPolicy, "what goes when memory is full: nothing")
      .only("noeviction", because: "what is queued is never evicted"),
    .integer("maxclients", \.clientCountMax, 1...Int(UInt32.max), "clients at one time"),
    .integer("timeout", \.idleTimeout, 0...intMax, "seconds after which idle clients go; 0: never"),
    .memory(
      "proto-max-bulk-len", \.bulkSizeMax, 1 << 20...Int.max, "longest string of a request"),
    .memory(
      "client-query-buffer-limit", \.queryBufferSizeMax, 1 << 20...Int.max,
      "bytes of a request that may wait to be complete"),
    outputLimits,
    .integer(
      "busy-reply-threshold", \.busyReplyThreshold, 0...Int.max,
      "milliseconds after which a script makes others BUSY"
    ).alias("lua-time-limit"),
    .integer(
      "coalesce-usec", \.coalesceMicroseconds, 0...1000,
      "microseconds that replies may come later, and requests together, while many clients are busy"
    ),
    .integer(
      "min-replicas-to-write", \.replicaCountMin, 0...intMax,
      "replicas without which writes answer NOREPLICAS; there are none yet, so above 0 all do"
    ).alias("min-slaves-to-write"),
  ]

  private static let outputLimits = Directive(
    "client-output-buffer-limit", form: "class hard soft seconds ...",
    help: "unread replies at which a client goes; classes normal, replica, pubsub"
  ) { settings in
    let limits = settings.outputLimits
    return [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub)]
      .map { "\($0) \($1.hard) \($1.soft) \($1.softSeconds)" }.joined(separator: " ")
  } write: { (settings, words) throws(Refusal) in
    guard words.count % 4 == 0 else {
      throw Refusal("Wrong number of arguments in buffer limit configuration.")
    }
    var limits = settings.outputLimits
    for start in stride(from: 0, to: words.count, by: 4) {
      var hard = words[start + 1], soft = words[start + 2]
      let path: WritableKeyPath<Settings.OutputLimits, Settings.OutputLimit>
      switch words[start].lowercased() {
      case "normal": path = \.normal
      case "slave", "replica": path = \.replica
      case "pubsub": path = \.pubsub
      default: throw Refusal("Invalid client class specified in buffer limit configuration.")
      }
      guard let hard = hard.withView({ MemorySize.parse($0) }),
        let soft = soft.withView({ MemorySize.parse($0) }),
        let seconds = Int32(words[start + 3]), seconds >= 0
      else {
        throw Refusal("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
      }
      limits[keyPath: path] = .init(hard: hard, soft: soft, softSeconds: Int(seconds))
    }
    settings.outputLimits = limits
  }.ofWords().written { settings in
    let limits = settings.outputLimits
    return [("normal", limits.normal), ("replica", limits.replica), ("pubsub", limits.pubsub)]
      .map { name, limit in
        let hard = MemorySize.exact(limit.hard), soft = MemorySize.exact(limit.soft)
        return "\(name) \(hard) \(soft) \(limit.softSeconds)"
      }.joined(separator: " ")
  }

  private static let reports: [Directive] = [
    .choice("loglevel", \.logLevel, "least level that is logged"),
    .text("logfile", \.logFile, "file to log to; empty: standard error", form: "path")
      .change(.atStart),
    .text("pidfile", \.pidFile, "file that has the process number while it runs", form: "path")
      .change(.atStart),
    .integer(
      "slowlog-log-slower-than", \.slowLogThreshold, -1...Int.max,
      "microseconds from which SLOWLOG has a command; -1: none"),
    .integer("slowlog-max-len", \.slowLogCountMax, 0...Int.max, "entries that SLOWLOG keeps"),
    .integer(
      "lease-default", \.leaseDefault, 1...Int(Int32.max),
      "ms that a worker has a job for, if neither call, job nor queue says"),
    .integer(
      "latency-monitor-threshold", \.latencyThreshold, 0...Int.max,
      "milliseconds from which LATENCY has an event; 0: none"),
    .flag("latency-tracking", \.tracksLatency, "keep latency histograms of commands"),
    latencyPercentiles,
    Directive(
      "notify-keyspace-events", form: "letters of Ag$lshzxeKEtmdn",
      help: "classes of key events that are published"
    ) {
      $0.notifications.text
    } write: { (settings, words) throws(Refusal) in
      guard let flags = Settings.Notifications(letters: try one(words)) else {
        throw Refusal("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
      }
      settings.notifications = flags
    },
  ]

  private static let latencyPercentiles = Directive(
    "latency-tracking-info-percentiles", form: "percent ...",
    help: "percentiles of the histograms that INFO latencystats shows"
  ) {
    $0.latencyPercentiles.map(\.name).joined(separator: " ")
  } write: { (settings, words) throws(Refusal) in
    let name = "latency-tracking-info-percentiles"
    var percentiles: [Settings.Percentile] = []
    for var word in words where !(words.count == 1 && word.isEmpty) {
      guard let percent = word.withView({ $0.double }) else {
        throw Refusal("Invalid \(name) parameters")
      }
      guard percent >= 0, percent <= 100 else {
        throw Refusal("\(name) parameters should sit between [0.0,100.0]")
      }
      percentiles.append(Settings.Percentile(percent: percent))
    }
    settings.latencyPercentiles = percentiles
  }.ofWords()

  private static let compatibility: [Directive] = [
    saveSchedule,
    .kept("aof-use-rdb-preamble", true).only("yes", because: "checkpoints have one format"),
    .kept("daemonize", false).change(.atStart)
      .only("no", because: "it runs in the foreground; use a service manager"),
    .kept("supervised", "no", of: ["upstart", "systemd", "auto", "no"]).change(.atStart)
      .only("no", because: "it runs in the foreground; use a service manager"),
    .kept("oom-score-adj", "no", of: ["no", "yes", "relative", "absolute"])
      .only("no", because: "set it in the service manager"),
    .memoryOrPercent(
      "maxmemory-clients", \.[keptInteger: "maxmemory-clients", default: 0]
    ).withoutEffect().only("0", because: "client-output-buffer-limit bounds each client"),
    .kept("cluster-enabled", false).change(.atStart)
      .only("no", because: "there is no cluster mode"),
    .kept("hz", 10, 0...intMax).withoutEffect("timers run when they are due"),
    .kept("dynamic-hz", true),
    .kept("activerehashing", true),
    .kept("activedefrag", false).only("no", because: "there is no defragmentation"),
    .kept("active-expire-effort", 1, 1...10),
    .kept("io-threads", 1, 1...128).change(.atStart).only(
      "1", because: "one thread serves clients"),
    .kept("lazyfree-lazy-eviction", false),
    .kept("lazyfree-lazy-expire", false),
    .kept("lazyfree-lazy-server-del", false),
    .kept("lazyfree-lazy-user-del", false),
    .kept("lazyfree-lazy-user-flush", false),
    .kept("sanitize-dump-payload", "no", of: ["no", "yes", "clients"]),
    .kept("maxmemory-samples", 5, 1...intMax),
    .kept("no-appendfsync-on-rewrite", false)
      .only("no", because: "it would acknowledge what is not on disk"),
    .kept("aof-load-truncated", true)
      .only("yes", because: "a torn tail was never acknowledged and is always cut"),

    .kept("list-max-listpack-size", -2, Int(Int32.min)...intMax).alias("list-max-ziplist-size")
      .ofLayout(),
    .kept("list-compress-depth", 0, 0...intMax).ofLayout(),
    .integer(
      "hash-max-listpack-entries", \.hashPackedCountMax, 0...Int.max,
      "fields up to which a hash is packed"
    ).alias("hash-max-ziplist-entries"),
    .memory(
      "hash-max-listpack-value", \.hashPackedSizeMax, 0...Int.max,
      "bytes of a field or value up to which a hash is packed"
    ).alias("hash-max-ziplist-value"),
    .integer(
      "set-max-intset-entries", \.setIntegersMax, 0...Int.max,
      "integers up to which a set is kept as numbers"),
    .integer(
      "zset-max-listpack-entries", \.sortedSetPackedCountMax, 0...Int.max,
      "members up to which a sorted set is packed"
    ).alias("zset-max-ziplist-entries"),
    .memory(
      "zset-max-listpack-value", \.sortedSetPackedSizeMax, 0...Int.max,
      "bytes of a member up to which a sorted set is packed"
    ).alias("zset-max-ziplist-value"),
    .memory(
      "stream-node-max-bytes", \.streamNodeSizeMax, 0...Int.max,
      "bytes of a stream's entries that MAXLEN ~ and MINID ~ trim together; 0: no limit"),
    .integer(
      "stream-node-max-entries", \.streamNodeCountMax, 0...Int.max,
      "entries of a stream that MAXLEN ~ and MINID ~ trim together; 0: no limit"),
    .memory(
      "hll-sparse-max-bytes", \.sparseHyperLogLogMax, 0...Int.max,
      "bytes above which a sparse HyperLogLog becomes dense"),

    replicaOf,
    .kept("replica-read-only", true).alias("slave-read-only").ofReplicas(),
    .kept("replica-serve-stale-data", true).alias("slave-serve-stale-data").ofReplicas(),
    .kept("repl-ping-replica-period", 10, 1...intMax).alias("repl-ping-slave-period").ofReplicas(),
    .kept("repl-timeout", 60, 1...intMax).ofReplicas(),
    .kept(memory: "repl-backlog-size", 1 << 20, 1...Int.max).ofReplicas(),
    .kept("repl-diskless-sync", true).ofReplicas(),
    .kept("repl-diskless-sync-delay", 5, 0...intMax).ofReplicas(),
    .kept("repl-diskless-sync-max-replicas", 0, 0...intMax).ofReplicas(),
    .kept("repl-diskless-load", "disabled", of: ["disabled", "on-empty-db", "swapdb"]).ofReplicas(),
    .kept("repl-disable-tcp-nodelay", false).ofReplicas(),
    .kept("replica-priority", 100, 0...intMax).alias("slave-priority").ofReplicas(),
    .kept("replica-lazy-flush", false).alias("slave-lazy-flush").ofReplicas(),
    .kept("min-replicas-max-lag", 10, 0...intMax).alias("min-slaves-max-lag").ofReplicas(),
    .kept("shutdown-timeout", 10, 0...intMax).ofReplicas(),

    // What redis.conf as it is shipped has besides, so that such a file is taken.
    .kept("always-show-logo", false).change(.atStart),
    .kept("set-proc-title", true).change(.atStart),
    .kept(text: "proc-title-template", "{title} {listen-addr} {server-mode}"),
    .kept(text: "oom-score-adj-values", "0 200 800").ofWords(),
    .kept("disable-thp", true).change(.atStart),
    .kept("jemalloc-bg-thread", true),
    .kept("rdbcompression", true),
    .kept("rdbchecksum", true).change(.atStart),
    .kept("rdb-del-sync-files", false),
    .kept("rdb-save-incremental-fsync", true),
    .kept(text: "dbfilename", "dump.rdb").change(.protected),
    .kept(text: "appendfilename", "appendonly.aof").change(.atStart),
    .kept(text: "appenddirname", "appendonlydir").change(.atStart),
    .kept("aof-rewrite-incremental-fsync", true),
    .kept("aof-timestamp-enabled", false),
  ]

  /// Points of time at which Redis would save. Every write is in the log, so none is needed.
  private static let saveSchedule = Directive(
    "save", form: "seconds changes ...", help: ""
  ) {
    $0[keptText: "save", default: ""]
  } write: { (settings, words) throws(Refusal) in
    let words = words == [""] ? [] : words
    guard words.count % 2 == 0 else { throw Refusal("Invalid save parameters") }
    for (index, word) in words.enumerated() {
      guard let number = Int(word), number >= (index % 2 == 0 ? 1 : 0) else {
        throw Refusal("Invalid save parameters")
      }
    }
    settings[keptText: "save", default: ""] = words.joined(separator: " ")
  }.ofWords().addingUp().withoutEffect("every write is in the log").written {
    let text = $0[keptText: "save", default: ""]
    return text.isEmpty ? "\"\"" : text
  }

  private static let replicaOf = Directive("replicaof", form: "\"\"", help: "") { _ in
    ""
  } write: { (_, words) throws(Refusal) in
    guard words == [""] || words.map({ $0.lowercased() }) == ["no", "one"] else {
      throw Refusal("there is no replication yet")
    }
  }.alias("slaveof").ofWords().change(.atStart).withoutEffect("there is no replication yet")

  private func ofLayout() -> Directive {
    withoutEffect("the layout of values does not depend on it")
  }
  private func ofReplicas() -> Directive { withoutEffect("there are no replicas yet") }

  @Sendable private static func checkAddress(_ word: String) throws(Refusal) {
    guard BindAddress(word) != nil else {
      throw Refusal("'\(word)' is no IPv4 or IPv6 address")
    }
  }

  @Sendable private static func checkNetwork(_ word: String) throws(Refusal) {
    guard NetworkList.Network(word) != nil else {
      throw Refusal("'\(word)' is no network such as 10.0.0.0/8 or fd00::/8")
    }
  }
}
