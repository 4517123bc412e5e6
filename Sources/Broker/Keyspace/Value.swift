// Value.swift: what the keyspace asks of a value that lies in a block of its own.
//
// Entries, snapshots, digests and OBJECT know values by these protocols; only the commands of a
// family know its type. A long string is a Blob, whose entry has its count: it needs none of this.

import RESP

/// The types of values, as TYPE names them. Checkpoints have the numbers: they stay.
enum ValueKind: UInt8, CaseIterable {
  case string = 0
  case list = 1
  case set = 2
  case sortedSet = 3
  case hash = 4
  case stream = 5

  var name: StaticString {
    switch self {
    case .string: "string"
    case .list: "list"
    case .set: "set"
    case .sortedSet: "zset"
    case .hash: "hash"
    case .stream: "stream"
    }
  }

  /// For people.
  var plural: String { self == .hash ? "hashes" : self == .sortedSet ? "sorted sets" : "\(name)s" }
}

/// A value of many parts. A handle as every block is: copying it copies no value.
protocol StoredValue: Block {
  static var kind: ValueKind { get }
  /// An empty one, with one owner.
  static func make() -> Self
  /// Elements, members, fields or entries.
  var count: Int { get }
  /// What Redis 7 calls the form in which it keeps such a value.
  var encodingName: StaticString { get }
  /// Bytes of all its memory; of a big value some parts may stand for the rest.
  var memoryUsage: Int { get }
  /// The same value for another owner, sharing all parts: only its root is copied.
  func copied() -> Self
  /// Whether it is to be freed in slices.
  var isLong: Bool { get }
  /// Gives up one ownership of a long value, which is freed in slices if that was the last.
  func bury(in graveyard: inout Graveyard)
  /// Hands over a few words that say all of the value, however it is laid out in memory.
  func digest(_ hash: KeyHash, _ add: (UInt64) -> Void)
}

extension StoredValue {
  var isEmpty: Bool { count == 0 }
}

/// A value that checkpoints have in pieces, whose bytes are its own business.
protocol PiecedValue: StoredValue {
  /// Elements that its pieces have together, at least 1: a reader counts them.
  var snapshotCount: Int { get }
  /// Appends all of it as one piece; only for a value that is not long.
  func appendPiece(to bytes: inout ByteBuffer)
  /// The pieces of a long value, one after the other; one ownership is taken over and let go part by
  /// part. They may be read on another thread than the keyspace's.
  func pieces() -> any ValuePieces
  /// Adds what the bytes of a piece say, on a value that is not shared. Pieces come in their order.
  /// The value may have moved to another block afterwards.
  ///
  /// - Parameter elements: how many the piece is said to have.
  /// - Returns: false when the bytes are no such piece; the value is only to be released then.
  mutating func takePiece(elements: Int, _ piece: ByteView, _ hash: KeyHash) -> Bool
  /// Appends commands, known to any server of the protocol, that add what is in a piece to `key`.
  ///
  /// - Returns: false when the bytes are no such piece.
  static func appendCommands(
    _ key: ByteView, elements: Int, _ piece: ByteView, _ batch: inout CommandBatch
  ) -> Bool
}

/// A long value on its way into a checkpoint.
protocol ValuePieces: AnyObject {
  /// Appends the next piece, of about 64 KiB or of one large element.
  ///
  /// - Returns: how many elements it has; 0 at the end, and nothing has been appended then.
  func next(into bytes: inout ByteBuffer) -> Int
}

extension List: StoredValue {
  static var kind: ValueKind { .list }
  var encodingName: StaticString { "quicklist" }
  func bury(in graveyard: inout Graveyard) { graveyard.bury(self) }
  func digest(_ hash: KeyHash, _ add: (UInt64) -> Void) {
    forEach(in: 0..<count) { add(hash($0)) }
  }
}
