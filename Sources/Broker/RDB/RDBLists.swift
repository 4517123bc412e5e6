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
      for _ in 0..<(try length()) { try element(sizeMax: sizeMax, text: &text, into: &elements) }
    case .ziplist: try self.elements(in: Ziplist.self, text: &text, into: &elements)
    case .ziplists:
      for _ in 0..<(try length()) {
        try self.elements(in: Ziplist.self, text: &text, into: &elements)
      }
    case .nodes:
      for _ in 0..<(try length()) {
        let start = offset
        switch try length() {
        case 1: try element(sizeMax: sizeMax, text: &text, into: &elements)
        case 2: try self.elements(in: Listpack.self, text: &text, into: &elements)
        default: throw flaw("a list's node is of no known kind", at: start)
        }
      }
    }
  }
}
