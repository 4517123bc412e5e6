// DumpWriting.swift: the values of the keyspace in RDB format, in layouts that redis-server 7.0 reads.
//
// A hash some of whose fields have deadlines is an exception: only Redis 7.4 and later know such.

import RESP

extension RDBOutput {
  /// Elements of a list that one node has, in bytes: as Redis' default.
  private static let nodeSize = 8 << 10

  /// The type and the value of `entry`.
  mutating func value(of entry: Entry, _ hash: KeyHash) {
    switch entry.kind {
    case .string:
      byte(0)
      entry.withString { string($0) }
    case .list:
      byte(18)
      list(entry.list)
    case .set: set(entry.value())
    case .hash: self.hash(entry.value(), hash)
    case .sortedSet:
      byte(5)
      sortedSet(entry.value())
    case .stream:
      byte(19)
      stream(entry.value())
    }
  }

  private mutating func list(_ list: List) {
    var nodes: [Range<Int>] = [], start = 0, size = 0, index = 0
    list.forEach(in: 0..<list.count) { element in
      if size > 0, size + element.count > Self.nodeSize {
        nodes.append(start..<index)
        (start, size) = (index, 0)
      }
      size += element.count + 11  // The most that an entry adds to a short element.
      index += 1
    }
    nodes.append(start..<index)
    length(nodes.count)
    var node = ListpackWriter()
    for range in nodes {
      list.forEach(in: range) { node.append($0) }
      length(2)  // A listpack.
      packed(node.take())
    }
  }

  /// A string that is packed and not to be read as a number.
  mutating func packed(_ bytes: borrowing ByteBuffer) {
    length(bytes.count)
    append(bytes.view)
  }

  private mutating func set(_ set: SetValue) {
    guard set.form == .integers else {
      byte(2)
      length(set.count)
      return set.forEach { member, _ in member.withView { string($0) } }
    }
    byte(11)
    // In order: the outer ones need the most room.
    let ends = [set.number(at: 0), set.number(at: set.count - 1)]
    let size = ends.map { Int16(exactly: $0) != nil ? 2 : Int32(exactly: $0) != nil ? 4 : 8 }.max()!
    var integers = ByteBuffer()
    integers.append(littleEndian: UInt64(size), size: 4)
    integers.append(littleEndian: UInt64(set.count), size: 4)
    for index in 0..<set.count {
      integers.append(littleEndian: UInt64(bitPattern: set.number(at: index)), size: size)
    }
    packed(integers)
  }

  private mutating func hash(_ fields: HashValue, _ hash: KeyHash) {
    var least: Int64?
    if fields.itemHasDeadlines {
      fields.forEach { field, _ in
        guard let deadline = field.withView({ fields.deadline(of: $0, hash) }) else { return }
        least = min(least ?? deadline, deadline)
      }
    }
    byte(least == nil ? 4 : 24)
    if let least { append(littleEndian: UInt64(bitPattern: least), size: 8) }
    length(fields.count)
    fields.forEach { field, value in
      if let least {
        let deadline = field.withView { fields.deadline(of: $0, hash) }
        length(deadline.map { Int($0 - least + 1) } ?? 0)
      }
      field.withView { string($0) }
      value.withView { string($0) }
    }
  }

  private mutating func sortedSet(_ set: SortedSet) {
    length(set.count)
    set.forEach(in: 0..<set.count, isReversed: true) { member, score in
      string(member)
      append(littleEndian: score.bitPattern, size: 8)
    }
  }
}
