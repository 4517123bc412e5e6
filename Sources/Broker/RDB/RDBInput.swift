// RDBInput.swift: where bytes in Redis' RDB format come from: a file, or what DUMP gave.
//
// What is read is said here and in the files beside this one; who reads, and what becomes of it, is
// the business of the rooms above: the import of files, and RESTORE.

import RESP

/// Bytes in RDB format, taken from front to end. Lengths in them are never believed before the bytes
/// are there.
protocol RDBInput: ~Copyable {
  associatedtype Failure: Error
  /// Where the next byte to be taken is.
  var offset: Int { get }
  /// Longest packed string that is believed: compressed bytes may stand for 88 times as many.
  var packedSizeMax: Int { get }
  /// Bytes that have not been taken.
  var left: Int { get }
  /// Takes the next `count` bytes, which are valid until the next call.
  mutating func take(_ count: Int) throws(Failure) -> ByteView
  mutating func skip(_ count: Int) throws(Failure)
  /// An error at `offset`, or at the next byte.
  func flaw(_ reason: String, at offset: Int?) -> Failure
}

extension RDBInput where Self: ~Copyable {
  var packedSizeMax: Int { Int(UInt32.max) }

  @inline(__always)
  mutating func byte() throws(Failure) -> UInt8 { try take(1)[0] }
}
