// CommonSubsequence.swift: the longest common subsequence of two byte strings.
//
// Dynamic programming over prefixes (Wagner & Fischer 1974): length(i, j) of the first i bytes of one
// and j of the other. A row at a time is kept, and of each cell one bit, which says where a walk back
// from the ends goes on: a thirty-second of the table.

import RESP

/// The table of two strings, from which the subsequence is read backwards.
struct CommonSubsequence: ~Copyable {
  /// Bytes of the longest common subsequence.
  private(set) var count = 0
  private let a: ByteView
  private let b: ByteView
  /// Bit outer * innerCount + inner: whether the walk back leaves that cell along `a`.
  private var leavesAlongA: [UInt64] = []
  /// The longer string is the outer one, so that a row is short.
  private let isOuterA: Bool
  private let innerCount: Int

  /// - Parameter walkable: whether `forEachRun` will be called.
  /// - Complexity: O(a.count * b.count) time, as many bits of memory if walkable.
  init(_ a: ByteView, _ b: ByteView, walkable: Bool) {
    self.a = a
    self.b = b
    isOuterA = a.count >= b.count
    let outer = isOuterA ? a : b, inner = isOuterA ? b : a
    innerCount = inner.count
    guard !inner.isEmpty else { return }
    if walkable {
      leavesAlongA = [UInt64](repeating: 0, count: (outer.count * inner.count + 63) / 64)
    }
    var row = [UInt32](repeating: 0, count: inner.count + 1)
    for i in 0..<outer.count {
      let byte = outer[i]
      var diagonal: UInt32 = 0  // length(i, j), which row[j] was until the step before.
      for j in 0..<inner.count {
        let withoutOuter = row[j + 1], withoutInner = row[j]
        if byte == inner[j] {
          row[j + 1] = diagonal + 1
        } else {
          row[j + 1] = max(withoutOuter, withoutInner)
          // Where both are as long, the walk goes on along b.
          let goes = isOuterA ? withoutOuter > withoutInner : withoutInner > withoutOuter
          if walkable, goes {
            let bit = i * inner.count + j
            leavesAlongA[bit >> 6] |= 1 << UInt64(bit & 63)
          }
        }
        diagonal = withoutOuter
      }
    }
    count = Int(row[inner.count])
  }

  /// Calls `body` with each run of matching bytes, the last run first: where it starts in either
  /// string, and its size.
  func forEachRun(_ body: (_ startA: Int, _ startB: Int, _ size: Int) -> Void) {
    var i = a.count, j = b.count, size = 0
    while i > 0, j > 0 {
      if a[i - 1] == b[j - 1] {
        i -= 1
        j -= 1
        size += 1
        continue
      }
      if size > 0 { body(i, j, size) }
      size = 0
      let bit = isOuterA ? (i - 1) * innerCount + j - 1 : (j - 1) * innerCount + i - 1
      if leavesAlongA[bit >> 6] >> UInt64(bit & 63) & 1 == 1 { i -= 1 } else { j -= 1 }
    }
    if size > 0 { body(i, j, size) }
  }
}
