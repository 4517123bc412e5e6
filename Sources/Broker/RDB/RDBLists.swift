// RDBLists.swift: lists in RDB format, in all the layouts that Redis has had.

import RESP

extension RDBInput where Self: ~Copyable {
  /// Takes a list and hands its elements on.
  ///
  /// - Parameter text: room for one string.
  mutating func list<Elements: RDBElements & ~Copyable>(
    _ layout: RDBList, sizeMax: Int, text: inout ByteBuffer, into elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    switch layout {
    case .strings:
      for _ in 0..<(try length()) { try element(sizeMax, &text, &elements) }
    case .ziplist: try ziplist(&text, &elements)
    case .ziplists:
      for _ in 0..<(try length()) { try ziplist(&text, &elements) }
    case .nodes:
      for _ in 0..<(try length()) {
        let start = offset
        switch try length() {
        case 1: try element(sizeMax, &text, &elements)
        case 2: try listpack(&text, &elements)
        default: throw flaw("a list's node is of no known kind", at: start)
        }
      }
    }
  }

  private mutating func element<Elements: RDBElements & ~Copyable>(
    _ sizeMax: Int, _ text: inout ByteBuffer, _ elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    try string(into: &text, sizeMax: sizeMax)
    try elements.append(.bytes(text.view))
  }

  private mutating func ziplist<Elements: RDBElements & ~Copyable>(
    _ text: inout ByteBuffer, _ elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    let start = offset
    try string(into: &text, sizeMax: .max)
    let packed: Ziplist
    do { packed = try Ziplist(text.view) } catch { throw flaw(error.reason, at: start) }
    try append(packed, at: start, &elements)
  }

  private mutating func listpack<Elements: RDBElements & ~Copyable>(
    _ text: inout ByteBuffer, _ elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    let start = offset
    try string(into: &text, sizeMax: .max)
    let packed: Listpack
    do { packed = try Listpack(text.view) } catch { throw flaw(error.reason, at: start) }
    try append(packed, at: start, &elements)
  }

  private func append<Elements: RDBElements & ~Copyable>(
    _ packed: some PackedElements, at start: Int, _ elements: inout Elements
  ) throws(Failure) where Elements.Failure == Failure {
    var packed = packed
    while true {
      let element: PackedElement?
      do { element = try packed.next() } catch { throw flaw(error.reason, at: start) }
      guard let element else { return }
      try elements.append(element)
    }
  }
}
