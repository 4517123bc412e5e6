// ServerHost.swift: what the process tells the engine of itself, and does for CONFIG.
//
// It belongs to the thread of the turn. What a change of settings needs that can fail is done here, while
// CONFIG SET runs; the server takes over the rest at the end of the turn (Requests.swift).

import RESP

/// The server as INFO, CONFIG and the waits for the log see it.
final class ServerHost: Host {
  let journal: ServerLog
  /// The file of options given at the start, from the root on.
  let optionsFile: String?
  /// 40 hexadecimal digits that no other run has.
  let runID: String
  private let replicationID: String
  private let executable = ProcessInfo.executablePath()
  private let system = ProcessInfo.systemName()
  private let begin = SystemClock.monotonic()

  var log: LogThread?
  var listeners = Listeners()
  private(set) var durableCommit: UInt64 = 0
  var keysLoaded = 0
  /// The checkpoint being written, and what became of those before.
  var checkpoint: CheckpointTask?
  var checkpointsEnded = CheckpointsEnded()
  /// How far reading the data has come; nil once it is read.
  var loading: LoadProgress?

  init(journal: ServerLog, optionsFile: String?) {
    self.journal = journal
    self.optionsFile = optionsFile.map(ProcessInfo.absolutePath)
    runID = Self.randomDigits()
    replicationID = Self.randomDigits()
  }

  /// Takes over what has become durable.
  func update() {
    if let log { durableCommit = log.synced }
  }

  func randomBytes(_ count: Int) -> [UInt8] { Self.randomBytes(count) }

  private static func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  private static func randomDigits() -> String {
    let digits = Array("0123456789abcdef")
    return String(randomBytes(20).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  var now: Int64 { SystemClock.monotonic() / 1_000_000 }

  /// Leads to the server while a request runs (BusyServing.swift).
  let door = ServerDoor()

  func serveOthers() { door.serveOthers() }

  func log(_ level: Settings.LogLevel, _ text: String) { journal.log(level, text) }

  // MARK: Settings

  func apply(_ settings: Settings, changed: [String]) throws(SettingsError) {
    if changed.contains("dir") {
      throw .failed(name: "dir", reason: "can't change while running, restart with the new value")
    }
    if changed.contains("maxclients") { try makeRoom(for: settings.clientCountMax) }
    // Last of what may fail, for it is the hardest to undo.
    if let name = changed.first(where: { $0 == "port" || $0 == "bind" }) {
      try listen(settings, because: name)
    }
    for name in changed { take(name, settings) }
  }

  private func makeRoom(for clients: Int) throws(SettingsError) {
    let possible = DescriptorLimit.raise(forClients: clients)
    guard possible < clients else { return }
    throw .failed(
      name: "maxclients",
      reason: "The operating system is not able to handle the specified number of clients, "
        + "try with \(possible)")
  }

  private func listen(_ settings: Settings, because name: String) throws(SettingsError) {
    do throws(SystemError) { try listeners.change(to: settings) } catch {
      journal.warning("Cannot listen as CONFIG SET asked: \(error)")
      throw .failed(
        name: name,
        reason: name == "port"
          ? "Unable to listen on this port. Check server logs."
          : "Failed to bind to specified addresses.")
    }
    for listener in listeners.all { journal.notice("Listening on \(listener.address.text)") }
  }

  /// What can't fail.
  private func take(_ name: String, _ settings: Settings) {
    switch name {
    case "appendfsync": log?.setPolicy(settings.sync.policy)
    case "loglevel": journal.level = settings.logLevel
    case "maxmemory" where settings.memoryMax > 0 && MemoryAccount.used > settings.memoryMax:
      journal.warning(
        "maxmemory is now \(settings.memoryMax) with \(MemoryAccount.used) bytes in use: "
          + "commands that grow the data are refused")
    default: break
    }
  }

  func rewriteSettings(_ settings: Settings, users: [String]?) throws(CommandError) {
    guard let optionsFile else {
      throw CommandError("ERR The server is running without a config file")
    }
    do throws(SystemError) {
      let old = TextFile.exists(optionsFile) ? try TextFile.read(optionsFile) : []
      let new = unsafe old.withUnsafeBytes { bytes in
        unsafe settings.rewritten(ByteView(bytes), users: users)
      }
      try TextFile.replace(optionsFile, with: Array(new.utf8))
    } catch {
      journal.warning("CONFIG REWRITE failed: \(error)")
      throw CommandError("ERR Rewriting config file: \(error.reason)")
    }
    journal.notice("CONFIG REWRITE executed with success")
  }

  // MARK: Users

  func readUsers(path: String) -> [UInt8]? { try? TextFile.read(path) }

  func writeUsers(_ text: [UInt8], path: String) -> Bool {
    do throws(SystemError) {
      try TextFile.replace(path, with: text)
      return true
    } catch {
      journal.warning("The file of users could not be written: \(error)")
      return false
    }
  }

  // MARK: INFO

  func information(section: StaticString) -> [(name: String, value: String)] {
    switch section.description {
    case "server":
      return [
        ("os", system), ("process_id", "\(ProcessInfo.id)"), ("run_id", runID),
        ("uptime_in_seconds", "\((SystemClock.monotonic() - begin) / 1_000_000_000)"),
        ("executable", executable), ("config_file", optionsFile ?? ""),
      ]
    case "memory":
      return [
        ("used_memory_rss", "\(ProcessInfo.residentSize())"),
        ("total_system_memory", "\(ProcessInfo.machineMemory)"),
      ]
    case "persistence": return persistence()
    case "replication": return [("master_replid", replicationID)]
    case "cpu": return processorTimes()
    default: return []
    }
  }

  private func persistence() -> [(name: String, value: String)] {
    var lines = checkpointsEnded.lines + [("rdb_last_load_keys_loaded", "\(keysLoaded)")]
    lines += loading?.lines ?? []
    guard let log else { return lines }
    let now = SystemClock.monotonic()
    if let checkpoint {
      let seconds = "\((now - checkpoint.begin) / 1_000_000_000)"
      lines += [
        ("current_save_keys_processed", "\(checkpoint.progress.keys)"),
        ("current_save_keys_total", "\(checkpoint.keyCount)"),
        ("rdb_current_bgsave_time_sec", seconds), ("aof_current_rewrite_time_sec", seconds),
        ("martlet_checkpoint_bytes", "\(checkpoint.progress.bytes)"),
      ]
    }
    let statistics = log.statistics
    let status = log.failure == nil && !log.isDiskFull ? "ok" : "err"
    lines += [
      ("aof_last_write_status", status), ("aof_current_size", "\(statistics.size)"),
      ("aof_base_size", "\(statistics.checkpointSize)"),
      ("aof_pending_bio_fsync", statistics.isSyncRunning ? "1" : "0"),
      ("aof_delayed_fsync", "\(statistics.delayedSyncs)"),
      ("martlet_log_frames", "\(statistics.framesWritten)"),
      ("martlet_log_frames_at_once", "\(statistics.framesWrittenAtOnce)"),
      ("martlet_log_bytes", "\(statistics.bytesWritten)"),
      ("martlet_log_syncs", "\(statistics.syncs)"),
      ("martlet_log_last_sync_usec", "\(statistics.lastSyncNanoseconds / 1000)"),
      ("martlet_log_pending_frames", "\(statistics.pendingCommits)"),
      ("martlet_log_pending_bytes", "\(statistics.pendingBytes)"),
      ("martlet_log_durable_sequence", "\(statistics.durableSequence)"),
    ]
    return lines
  }

  private func processorTimes() -> [(name: String, value: String)] {
    let kinds: [(suffix: String, whose: ProcessInfo.Whose)] = [
      ("", .process), ("_children", .children), ("_main_thread", .thisThread),
    ]
    return kinds.flatMap { suffix, whose in
      let times = ProcessInfo.processorTimes(whose)
      return [
        ("used_cpu_sys\(suffix)", Self.seconds(times.system)),
        ("used_cpu_user\(suffix)", Self.seconds(times.user)),
      ]
    }
  }

  /// Microseconds as seconds, with six digits behind the point.
  static func seconds(_ microseconds: Int) -> String {
    let rest = "\(microseconds % 1_000_000)"
    let zeros = String(repeating: "0", count: 6 - rest.utf8.count)
    return "\(microseconds / 1_000_000).\(zeros)\(rest)"
  }
}
