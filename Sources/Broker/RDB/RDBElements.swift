// RDBElements.swift: who takes what is in a value, and how strings and packed strings are handed over.

import RESP

/// Takes the elements of a list, from its head on, or the members of a set.
protocol RDBElements: ~Copyable {
  associatedtype Failure: Error
  mutating func append(_ element: PackedElement) throws(Failure)
}

/// Takes the fields of a hash and their values in turns.
protocol RDBFields: RDBElements, ~Copyable {
  /// Notes when the field that was appended last goes, in ms since 1970; its value is to follow.
  mutating func noteDeadline(_ deadline: Int64, ofField field: ByteView)
}

/// Takes the members of a sorted set. No score is NaN.
protocol RDBScores: ~Copyable {
  associatedtype Failure: Error
  mutating func append(_ member: PackedElement, score: Double) throws(Failure)
}

extension RDBInput where Self: ~Copyable {
  /// Takes a string, which `text` holds afterwards.
  mutating func element<Elements: RDBElements & ~Copyable>(
    sizeMax: Int, text: inout ByteBuffer, into elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    try string(into: &text, sizeMax: sizeMax)
    try elements.append(.bytes(text.view))
  }

  /// Takes the elements in a packed string.
  mutating func elements<Packed: PackedElements, Elements: RDBElements & ~Copyable>(
    in type: Packed.Type, text: inout ByteBuffer, into elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    let start = offset
    var packed = try packed(type, text: &text)
    while let element = try next(of: &packed, from: start) { try elements.append(element) }
  }

  /// Takes a packed string, which `text` holds as long as its elements are read.
  mutating func packed<Packed: PackedElements>(
    _ type: Packed.Type, text: inout ByteBuffer
  ) throws(Failure) -> Packed {
    let start = offset
    try string(into: &text, sizeMax: packedSizeMax)
    do { return try Packed(text.view) } catch { throw flaw(error.reason, at: start) }
  }

  /// The next element of `packed`, which began at `start`.
  func next(
    of packed: inout some PackedElements, from start: Int
  ) throws(Failure) -> PackedElement? {
    do { return try packed.next() } catch { throw flaw(error.reason, at: start) }
  }
}
