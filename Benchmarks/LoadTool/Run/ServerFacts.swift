// ServerFacts.swift: which server it is that is measured, and what it uses.

/// What a report says of a server. All of it is the server's own word but for what /proc tells.
struct ServerFacts: Sendable {
  let place: String
  /// "Martlet 0.1.0", "Redis 7.0.15", "Valkey 8.0.1".
  let name: String
  /// "always", "everysec", "no", or that there is no log.
  let fsync: String
  let processID: Int?
  /// Whether its process is one of this machine, so that /proc can be asked.
  let isLocal: Bool

  init(_ session: Session) throws(SessionError) {
    place = session.address.place.text
    guard !session.address.isBeanstalk else {
      // It tells neither what it does with its log nor, to this tool, which it is.
      (name, fsync, processID, isLocal) = ("beanstalkd", "unknown", nil, false)
      return
    }
    let info = try session.information()
    name = Self.name(info)
    let id = info["process_id"].flatMap { Int($0) }
    processID = id
    isLocal =
      session.address.place.isLocal && id.map { ProcessFacts.processorSeconds($0) != nil } ?? false
    fsync = try Self.fsync(session, info)
  }

  /// The product, so far as it says which it is; all of them have a redis_version for their clients.
  private static func name(_ info: [String: String]) -> String {
    for (field, name) in [
      ("martlet_version", "Martlet"), ("valkey_version", "Valkey"),
      ("dragonfly_version", "Dragonfly"), ("keydb_version", "KeyDB"), ("garnet_version", "Garnet"),
      ("redis_version", "Redis"),
    ] {
      if let version = info[field] { return "\(name) \(version)" }
    }
    return "a server that does not say which it is"
  }

  private static func fsync(
    _ session: Session, _ info: [String: String]
  ) throws(SessionError) -> String {
    var settings: [String: String] = [:]
    for name in ["appendonly", "appendfsync"] {
      if case .array(let pair) = try session.call(["CONFIG", "GET", name]), pair.count == 2 {
        settings[name] = pair[1].text
      }
    }
    switch settings["appendonly"] ?? (info["aof_enabled"] == "1" ? "yes" : "no") {
    case "yes": return settings["appendfsync"] ?? "unknown"
    default: return "no log"
    }
  }

  var sentence: String {
    let process = processID.map { isLocal ? ", process \($0)" : "" } ?? ""
    return "\(name) at \(place), \(fsync == "no log" ? fsync : "appendfsync \(fsync)")\(process)"
  }
}

/// What a server has used at some moment.
struct ServerUse: Sendable {
  /// Seconds of user and system time since its start; nil when nobody says.
  var processorSeconds: Double?
  /// Bytes in RAM.
  var resident: Int?

  init(_ facts: ServerFacts, _ session: Session) throws(SessionError) {
    if facts.isLocal, let id = facts.processID {
      processorSeconds = ProcessFacts.processorSeconds(id)
      resident = ProcessFacts.residentSize(id)
      return
    }
    let info = try session.information()
    if let user = info["used_cpu_user"].flatMap({ Double($0) }),
      let system = info["used_cpu_sys"].flatMap({ Double($0) })
    {
      processorSeconds = user + system
    }
    resident = info["used_memory_rss"].flatMap { Int($0) }
  }
}

extension Session {
  /// The fields of INFO; none where there is no such command.
  func information() throws(SessionError) -> [String: String] {
    guard !address.isBeanstalk else { return [:] }
    guard let text = try call(["INFO"]).text else { return [:] }
    var fields: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
    }
    return fields
  }
}
