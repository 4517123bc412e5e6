// Workpiece.swift: the broker's parts as micro-benchmarks see them.
//
// The rooms are internal to this module, so what measures one of them has to be in here. This is the
// only door: names, and functions that do something so many times. The server does not mention it; it
// lies in its file, some 260 KB of it, and is never read into memory.

import RESP

/// One part of the broker, to be measured alone.
package struct Workpiece: Sendable {
  /// The room it is of, and what is done once: "structures", "list push and pop".
  package let room: String, name: String
  /// Does it `count` times. What it takes to begin does not grow with the count, so that the
  /// difference of two counts is the work alone.
  package let run: @Sendable (_ count: Int) -> Void

  init(_ room: String, _ name: String, _ run: @escaping @Sendable (Int) -> Void) {
    self.room = room
    self.name = name
    self.run = run
  }

  package static var all: [Workpiece] { structures + wire + log + engine }
}

/// Keeps the optimiser from leaving out what makes `value`.
@inline(never)
func keep<T: ~Copyable>(_ value: borrowing T) {}

extension ByteBuffer {
  /// A request as clients send it.
  init(request words: [String]) {
    self.init()
    append("*\(words.count)\r\n")
    for word in words { append("$\(word.utf8.count)\r\n\(word)\r\n") }
  }
}
