// ScriptState.swift: scripts and functions, as far as other commands see them.
//
// What they are and do is the business of the room Scripting, which is above this one.

/// What belongs to scripts and functions in the context.
protocol ScriptState: AnyObject {
  var figures: ScriptFigures { get }
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
