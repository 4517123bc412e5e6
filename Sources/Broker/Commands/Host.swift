// Host.swift: the process around the engine, as commands see it.
//
// The engine is a function; what only the process can do (stop, rewrite a file, look at its own
// memory) is asked for here and done after the command, or read through a protocol that tests fake.

import RESP

/// What commands have asked the process to do at the end of the turn.
struct HostRequests {
  struct Shutdown {
    var save: Bool?
    var now: Bool
    var force: Bool
  }
  var shutdown: Shutdown?
  /// SHUTDOWN ABORT was asked for.
  var abortShutdown = false
  /// Settings were changed: limits, listeners and levels are to be taken over.
  var settingsChanged = false
  /// Begin a checkpoint; as fast as it goes, when somebody waits for it.
  var checkpoint = false, checkpointAtOnce = false
  /// Nanoseconds to stand still before anything more is done or sent (DEBUG SLEEP).
  var sleep: Int64 = 0
  /// Slots whose connections are to be closed.
  var kill: [Int] = []

  var isEmpty: Bool {
    shutdown == nil && !abortShutdown && !settingsChanged && !checkpoint && kill.isEmpty
      && sleep == 0
  }
}

/// What the process can tell and do. Called rarely: by INFO, CONFIG, ACL and the like.
protocol Host: AnyObject {
  /// Lines of INFO that the engine does not know, by section in lower case. Those whose place
  /// Redis' clients know (`Information`) come there, others at the end of the section.
  func information(section: StaticString) -> [(name: String, value: String)]
  /// The newest commit whose effects are on disk for certain.
  var durableCommit: UInt64 { get }
  /// Whether a shutdown is under way that SHUTDOWN ABORT could stop.
  var isShuttingDown: Bool { get }
  /// Does what the changed directives ask of the process, or throws and leaves it as it was.
  func apply(_ settings: Settings, changed: [String]) throws(SettingsError)
  /// Writes the settings back to the file they came from, with the lines of the users
  /// (`user name rule ...`) if these live in it.
  func rewriteSettings(_ settings: Settings, users: [String]?) throws(CommandError)
  /// The bytes of the file of users, or nil when it can't be read.
  func readUsers(path: String) -> [UInt8]?
  /// Puts `text` in the place of the file of users, whole or not at all.
  func writeUsers(_ text: [UInt8], path: String) -> Bool
  /// Bytes that nobody can guess.
  func randomBytes(_ count: Int) -> [UInt8]
  /// Monotonic ms now, where `Context.monotonic` is of the turn's begin.
  var now: Int64 { get }
  /// Reads and answers what other clients ask, in the middle of a command that takes long, whose context is
  /// handed over for that time. Of what the command is about nothing is changed but `Context.busy`.
  func serveOthers(_ context: inout Context)
  /// Writes a line that a script asked for to the process' own log.
  func log(_ level: Settings.LogLevel, _ text: String)
}

extension Host {
  var isShuttingDown: Bool { false }
  var now: Int64 { 0 }
  func serveOthers(_ context: inout Context) {}
  func log(_ level: Settings.LogLevel, _ text: String) {}
  func apply(_ settings: Settings, changed: [String]) throws(SettingsError) {}
}
