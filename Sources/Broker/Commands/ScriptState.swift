// ScriptState.swift: scripts and functions, as far as other commands see them.
//
// What they are and do is the business of the room Scripting, which is above this one.

import RESP

/// What belongs to scripts and functions in the context.
protocol ScriptState: AnyObject {
  var figures: ScriptFigures { get }
  /// Whether the script or function that a request would run has said that it writes nothing.
  func neverWrites(_ request: Arguments) -> Bool
}

/// What INFO and MEMORY STATS tell of scripts and functions; sizes in bytes.
struct ScriptFigures {
  /// Scripts that EVALSHA knows.
  var scriptCount = 0
  var functionCount = 0
  var libraryCount = 0
  /// The scripts' and the libraries' text.
  var scriptSize = 0
  var librarySize = 0
  /// What the interpreters of scripts and of functions hold, code and values.
  var evaluationMemory = 0
  var functionMemory = 0

  var memory: Int { evaluationMemory + functionMemory }
}

/// A script that has run for longer than `busy-reply-threshold`: it goes on, and others are answered
/// BUSY meanwhile.
struct BusyScript {
  /// The hash of the script or the name of the function.
  let name: [UInt8]
  let isFunction: Bool
  /// The command that runs it.
  let request: [[UInt8]]
  /// Monotonic ms, as `Host.now` tells it.
  let begin: Int64
  /// It has called a command that writes, so that it cannot be ended without leaving half of its work.
  var hasWritten: Bool
  /// It is to end.
  var isKilled = false
  /// The process is to end, with none of what the script has done.
  var isShuttingDown = false
  /// Where what it has done begins, in the frame of that number; nil when it goes to the log in any case.
  var effects: (mark: Effects.Mark, commit: UInt64)?

  /// What others are told.
  var error: CommandError {
    let container = isFunction ? "FUNCTION" : "SCRIPT"
    return CommandError(
      "BUSY Redis is busy running a script. You can only call \(container) KILL or SHUTDOWN NOSAVE."
    )
  }
}

extension Context {
  /// Lets the process look at its sockets in the middle of a command. What the command is about is set
  /// aside; the clock stands still.
  mutating func serveOthers() {
    let slot = slot, database = database, hold = hold, command = command
    let arguments = arguments, request = request, hasPropagated = hasPropagated
    let isInExec = isInExec, isInScript = isInScript
    let readyKeys = readyKeys, readyKeySet = readyKeySet, lostStreams = lostStreams
    var reply = Reply(), deferred = DeferredMessages()
    swap(&reply, &self.reply)
    swap(&deferred, &self.deferred)
    self.isInExec = false
    self.isInScript = false
    self.readyKeys = []
    self.readyKeySet = []
    self.lostStreams = []
    let host = host
    host.serveOthers(&self)
    swap(&reply, &self.reply)
    swap(&deferred, &self.deferred)
    (self.slot, self.database, self.hold, self.command) = (slot, database, hold, command)
    (self.arguments, self.request, self.hasPropagated) = (arguments, request, hasPropagated)
    (self.isInExec, self.isInScript) = (isInExec, isInScript)
    (self.readyKeys, self.readyKeySet) = (readyKeys, readyKeySet)
    self.lostStreams = lostStreams
  }
}
