// LZF.swift: the compression of long strings in RDB files (liblzf's format), undone.
//
// A stream of two kinds of pieces, told apart by the first byte's top three bits:
//
//     000lllll                      l + 1 bytes follow as they are
//     lllooooo [extra] oooooooo     l + 2 bytes (l = 7: + extra) from o + 1 bytes back, which may
//                                   reach into what they make

import RESP

enum LZF {
  /// What is wrong with compressed bytes.
  struct Flaw: Error { let reason: String }

  /// Appends what `bytes` were made from: `size` bytes. Room is taken as they appear, so that a false
  /// `size` costs nothing.
  ///
  /// - Throws: when they are not exactly that; some may have been appended then.
  static func decompress(
    _ bytes: ByteView, size: Int, into output: inout ByteBuffer
  ) throws(Flaw) {
    let start = output.count
    var next = 0

    func byte() throws(Flaw) -> Int {
      guard next < bytes.count else { throw Flaw(reason: "compressed bytes end in a piece") }
      next += 1
      return Int(bytes[next - 1])
    }

    while next < bytes.count {
      let mark = try byte()
      if mark < 32 {
        let run = mark + 1
        guard run <= bytes.count - next else {
          throw Flaw(reason: "compressed bytes end in a piece")
        }
        output.append(bytes[next..<next + run])
        next += run
      } else {
        var run = mark >> 5
        if run == 7 { run += try byte() }
        run += 2
        let back = try (mark & 31) << 8 + byte() + 1
        guard back <= output.count - start else {
          throw Flaw(reason: "compressed bytes refer to what is before them")
        }
        repeatLast(back, run, in: &output)
      }
      guard output.count - start <= size else {
        throw Flaw(reason: "compressed bytes make more than the \(size) announced")
      }
    }
    guard output.count - start == size else {
      throw Flaw(reason: "compressed bytes make \(output.count - start), not \(size)")
    }
  }

  /// Appends `run` bytes, each a copy of the one that then lies `back` bytes before it.
  private static func repeatLast(_ back: Int, _ run: Int, in output: inout ByteBuffer) {
    output.reserve(run)  // So that nothing moves while it is copied from.
    var left = run
    while left > 0 {
      let piece = min(left, back)
      output.append(output.view(at: output.count - back, size: piece))
      left -= piece
    }
  }
}
