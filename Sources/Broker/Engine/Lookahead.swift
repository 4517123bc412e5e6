// Lookahead.swift: asks for the entries of a pipeline's next requests before these are run.
//
// With many keys, an entry that nobody has touched lately lies in no cache near the processor, and
// waiting for it takes a third of the time of a GET or more. The requests of a pipeline lie side by
// side in their connection's buffer: so their entries are asked for together, and are on their way
// while others are served. In two steps, the leaves of the table and then what these lead to: no step
// waits for what it asked for itself.

import RESP

enum Lookahead {
  /// The hashes of the keys of as many requests as are looked at in one go: with more of them entries
  /// would push each other out again.
  typealias Hashes = InlineArray<64, UInt64>

  static var depth: Int { Hashes.count }
  /// Keys a database has at the least: fewer stay in the caches anyway.
  static var keyCountMin: Int { 10_000 }
  /// Bytes a pipeline has at the least: nothing is gained for a request that is run at once.
  static var sizeMin: Int { 128 }
}

extension Engine {
  /// Asks for the entries that the first requests in `pipeline`, up to `Lookahead.depth`, will touch.
  @inline(__always)
  func lookAhead(in pipeline: ByteView) {
    if pipeline.count >= Lookahead.sizeMin,
      context.databases[context.database].count >= Lookahead.keyCountMin
    {
      askForEntries(pipeline)
    }
  }

  private func askForEntries(_ pipeline: ByteView) {
    var scan = RequestScan(pipeline)
    var hashes = Lookahead.Hashes(repeating: 0)
    var count = 0
    while count < Lookahead.depth, let key = scan.next() {
      hashes[count] = context.keyHash(key)
      context.databases[context.database].table.prefetchLeaf(hash: hashes[count])
      count += 1
    }
    for index in 0..<count {
      context.databases[context.database].table.prefetchItem(hash: hashes[index])
    }
  }
}
