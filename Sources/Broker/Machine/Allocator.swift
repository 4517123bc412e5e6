// Allocator.swift: how the C library's allocator is to behave for a broker.

import CLinux
import Glibc

enum Allocator {
  /// Blocks above this many bytes are mapped alone, so that freeing one gives its memory back at
  /// once: large replies and requests come and go.
  static let mappedSizeMin = 1 << 20
  /// Free memory at the end of the heap is kept up to this many bytes. A queue that fills and
  /// drains would have its pages taken away and cleared again each time.
  static let keptSizeMax = 64 << 20

  /// Sets both; the library's own rules would raise the first by what it has seen.
  static func tune() {
    mallopt(M_MMAP_THRESHOLD, Int32(mappedSizeMin))
    mallopt(M_TRIM_THRESHOLD, Int32(keptSizeMax))
    mallopt(M_TOP_PAD, 1 << 20)
  }

  /// Has about `size` bytes of pages at hand for the calling thread's next small blocks.
  ///
  /// A page that is first touched costs a trip to the system, several times what it costs to clear
  /// it; many at once share one. What is freed at the end of the heap stays there, so that the blocks
  /// taken next lie in it.
  static func prepare(_ size: Int) {
    let pageSize: UInt = 4096, populateWrite: Int32 = 23  // MADV_POPULATE_WRITE, since Linux 5.14
    var pieces: [UInt] = []
    var left = size
    while left > 0, let start = unsafe malloc(min(left, mappedSizeMin / 2)) {
      pieces.append(UInt(bitPattern: start))
      let first = UInt(bitPattern: start) & ~(pageSize - 1)
      let end = UInt(bitPattern: start) + UInt(min(left, mappedSizeMin / 2))
      unsafe _ = madvise(
        UnsafeMutableRawPointer(bitPattern: first), Int(end - first), populateWrite)
      left -= mappedSizeMin / 2
    }
    for piece in pieces { unsafe free(UnsafeMutableRawPointer(bitPattern: piece)) }
  }
}

enum CodePages {
  /// Lets go of the pages of code that the start has touched: those needed again come back from the
  /// system's cache in microseconds, the many that only a start needs (tables, options, replay) do
  /// not. Some 4 MB of 8.
  ///
  /// Only mappings that can be executed and not written are touched, which hold nothing of ours.
  static func forgetTouched() {
    guard let maps = try? TextFile.read("/proc/self/maps", sizeMax: 1 << 20) else { return }
    for line in maps.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count >= 6, fields[1].elementsEqual("r-xp".utf8),
        fields[5].first == UInt8(ascii: "/")
      else { continue }
      let bounds = fields[0].split(separator: UInt8(ascii: "-"))
        .compactMap { UInt(String(decoding: $0, as: UTF8.self), radix: 16) }
      guard bounds.count == 2, bounds[0] < bounds[1],
        let start = unsafe UnsafeMutableRawPointer(bitPattern: bounds[0])
      else { continue }
      unsafe _ = madvise(start, Int(bounds[1] - bounds[0]), MADV_DONTNEED)
    }
  }
}
