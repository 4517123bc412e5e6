// Start.swift: from the command line to the first turn.
//
// In this order: settings, the data folder and its lock, listeners, the data (Loading.swift). What is
// wrong ends the start with one line.

import Glibc
import RESP

public enum Martlet {
  public static let version = "0.1.0"

  /// Runs the process that `arguments` (without the program's name) ask for.
  ///
  /// - Returns: the exit code.
  public static func main(_ arguments: [String]) -> Int32 {
    do {
      let start = try StartArguments(arguments)
      switch start.task {
      case .help:
        print(StartArguments.help)
        return 0
      case .version:
        print("martlet-server \(version)")
        return 0
      case .serve:
        return try serve(try settings(start), optionsFile: start.file)
      case .checkLog(let directory):
        return try check(directory ?? settings(start).directory)
      case .export(let directory):
        return try export(directory ?? settings(start).directory)
      case .importData(let file, let skipsUnknown):
        return try importData(file, skipsUnknown: skipsUnknown, settings(start))
      case .repair(let directory):
        let settings = try settings(start)
        return try repair(directory ?? settings.directory, settings)
      }
    } catch {
      complain("\(error)")
      return 1
    }
  }

  /// A number that nobody can guess.
  static func randomSeed() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  static func complain(_ line: String) {
    let text = "martlet-server: \(line)\n"
    var bytes = Array(text.utf8)
    unsafe bytes.withUnsafeMutableBytes { raw in unsafe _ = write(2, raw.baseAddress, raw.count) }
  }

  static func settings(_ start: StartArguments) throws -> Settings {
    guard let file = start.file else { return try start.settings() }
    let bytes: [UInt8]
    do { bytes = try TextFile.read(file) } catch {
      throw StartError("cannot read the options file: \(error)")
    }
    return try unsafe bytes.withUnsafeBytes { try unsafe start.settings(fileText: ByteView($0)) }
  }

  private static func serve(_ settings: Settings, optionsFile: String?) throws -> Int32 {
    Allocator.tune()
    let journal = try openJournal(settings)
    let signals = try Signals()
    let host = ServerHost(journal: journal, optionsFile: optionsFile)
    var server = try assemble(settings, host: host, wakeUp: try WakeUp(), signals: signals)
    let hasPIDFile = writePIDFile(settings, journal)
    CodePages.forgetTouched()
    let code = server.run()
    if hasPIDFile { TextFile.remove(settings.pidFile) }
    journal.warning("Martlet is now ready to exit, bye bye...")
    exit(code)  // Without freeing the data key by key: the system takes it back at once.
  }

  /// The server as it is before its first turn: it listens and has its data.
  ///
  /// - Parameter clock: takes the place of the system's clocks, for tests.
  static func assemble(
    _ settings: Settings, host: ServerHost, wakeUp: WakeUp, signals: consuming Signals,
    clock: HandClock? = nil
  ) throws -> Server {
    let begin = SystemClock.monotonic(), journal = host.journal
    journal.notice("Martlet \(version) is starting, process \(ProcessInfo.id)")
    var recovery = try settings.isLogged ? openFolder(settings) : nil
    // The log's identity is as secret as a number of this run; and a checkpoint, which has its keys
    // in the order of their hashes, is then read back in the order of memory.
    var engine = Engine(
      seed: recovery?.identity.number ?? randomSeed(), databases: settings.databaseCount, host: host
    )
    try configure(&engine, settings, journal)
    engine.context.stopwatch = { SystemClock.monotonic() }
    engine.context.wall = (clock?.wallMicroseconds ?? SystemClock.wallMicroseconds()) / 1000
    engine.context.monotonic = (clock?.monotonic ?? SystemClock.monotonic()) / 1_000_000
    engine.context.lastSave = engine.context.wall / 1000
    let clients = DescriptorLimit.raise(forClients: settings.clientCountMax)
    if clients < settings.clientCountMax {
      journal.warning(
        "maxclients lowered from \(settings.clientCountMax) to \(clients): the system allows no more open files"
      )
      engine.context.settings.clientCountMax = clients
    }
    guard let networks = NetworkList(settings.allow) else {
      throw StartError("allow: not a list of networks")
    }
    host.listeners = try Listeners(settings)
    for listener in host.listeners.all {
      journal.notice("Listening on \(listener.address.text)")
    }
    warnOfStrangers(engine.context.isOpenToAll, settings, host)
    let poller = try Poller()
    try poller.add(wakeUp.descriptor, tag: Server.wakeTag, for: .reading)
    if signals.descriptor >= 0 {
      try poller.add(signals.descriptor, tag: Server.signalTag, for: .reading)
    }
    var server = Server(
      engine: engine, host: host, wakeUp: wakeUp, networks: networks, poller: poller,
      signals: signals)
    server.clock = clock
    if let recovery = recovery.take() {
      try server.load(recovery)
    } else {
      journal.warning("appendonly is no: all data is gone when the process ends")
    }
    server.engine.context.effects.isEnabled = settings.isLogged
    journal.notice("Ready after \(milliseconds(since: begin)) ms")
    return server
  }

  /// Locks the data folder and finds out what is in it.
  private static func openFolder(_ settings: Settings) throws -> Recovery {
    try Recovery(
      disk: PosixDisk(), directory: settings.directory,
      options: LogOptions(identity: randomSeed(), processID: Int32(ProcessInfo.id)))
  }

  static func openJournal(_ settings: Settings) throws(StartError) -> ServerLog {
    do throws(SystemError) {
      return try ServerLog(path: settings.logFile, level: settings.logLevel)
    } catch {
      throw StartError("cannot write to the logfile: \(error)")
    }
  }

  /// As in Redis, the server starts without the file if it has to.
  ///
  /// - Returns: whether there is a file to be removed at the end.
  private static func writePIDFile(_ settings: Settings, _ journal: ServerLog) -> Bool {
    guard !settings.pidFile.isEmpty else { return false }
    do throws(SystemError) {
      try TextFile.writeProcessID(to: settings.pidFile)
      return true
    } catch {
      journal.warning("The pidfile could not be written: \(error)")
      return false
    }
  }

  /// Says who can come in when no password keeps them out and it listens to more than this machine.
  private static func warnOfStrangers(
    _ isOpenToAll: Bool, _ settings: Settings, _ host: ServerHost
  ) {
    guard isOpenToAll, host.listeners.all.contains(where: { !$0.address.isLocal }) else { return }
    if settings.isProtected {
      host.journal.warning(
        "There is no password (requirepass), so clients of other machines are turned away (protected-mode)"
      )
    } else if settings.allow.isEmpty {
      host.journal.warning(
        "There is no password (requirepass) and protected-mode is no: whoever reaches this machine has all data"
      )
    } else {
      host.journal.warning(
        "There is no password (requirepass): whoever is in the networks of allow has all data")
    }
  }

  /// Gives the engine its settings and users.
  private static func configure(
    _ engine: inout Engine, _ settings: Settings, _ journal: ServerLog
  ) throws {
    do throws(AccessError) {
      for name in try engine.configure(settings) {
        journal.warning("The user '\(name)' is off: no rule of it says 'on'")
      }
    } catch {
      throw StartError(String(error.reply.dropFirst(4)))
    }
  }

  /// Whole milliseconds with one digit behind the point.
  static func milliseconds(since begin: Int64) -> String {
    decimal(Double(SystemClock.monotonic() - begin) / 1e6, places: 1)
  }
}

extension Settings.Sync {
  /// What `appendfsync` means for the log.
  var policy: SyncPolicy {
    switch self {
    case .always: .always
    case .everysec: .everySecond
    case .no: .never
    }
  }
}
