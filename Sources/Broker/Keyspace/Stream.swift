// Stream.swift: the value of a key of type stream.

import RESP

@safe
struct Stream: PiecedValue {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  static var kind: ValueKind { .stream }

  static func make() -> Stream {
    let value = Stream.allocate(size: 16)
    value.store(0, at: 8)
    return value
  }

  /// How many entries.
  var count: Int { load(8) }
  var encodingName: StaticString { "stream" }
  var memoryUsage: Int { usableSize }
  var isLong: Bool { false }
  func copied() -> Stream { .make() }
  func releaseChildren() {}
  func bury(in graveyard: inout Graveyard) { release() }
  func digest(_ hash: KeyHash, _ add: (UInt64) -> Void) { add(UInt64(count)) }

  // MARK: Pieces of a checkpoint

  var snapshotCount: Int { count }
  func appendPiece(to bytes: inout ByteBuffer) {}
  func pieces() -> any ValuePieces { Pieces() }
  func takePiece(elements: Int, _ piece: ByteView, _ hash: KeyHash) -> Bool { false }

  static func appendCommands(
    _ key: ByteView, elements: Int, _ piece: ByteView, _ batch: inout CommandBatch
  ) -> Bool { false }

  private final class Pieces: ValuePieces {
    func next(into bytes: inout ByteBuffer) -> Int { 0 }
  }
}
