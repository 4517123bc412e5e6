// JobName.swift: names that lead to a job: ids that producers chose, and unique keys.
//
// A unique key may be held for a time instead of by a job: such a name outlives it, and knows the id that
// was chosen for the job, up to 256 bytes. Names are few; each is one block.

import RESP

///     offset  size  field
///          0     4  owners
///          4     4  size    bytes of the name
///          8     8  number  of the job
///         16     8  until   on the jobs' clock, for a name that is held so long; else 0
///         24     4  size    bytes of the id
///         28     …  the name: its kind, then its bytes
///          …     …  the id, of a name that outlives a job with a chosen one
@safe
struct JobName: HashItem {
  let address: UnsafeMutableRawPointer
  init(address: UnsafeMutableRawPointer) { unsafe self.address = address }

  private static var headerSize: Int { 28 }

  static func make(
    _ name: ByteView, _ number: UInt64, until: Int64, chosenID id: ByteView
  ) -> JobName {
    let item = JobName.allocate(size: headerSize + name.count + id.count)
    item.store(UInt32(name.count), at: 4)
    item.store(number, at: 8)
    item.store(until, at: 16)
    item.store(UInt32(id.count), at: 24)
    item.write(name, at: headerSize)
    item.write(id, at: headerSize + name.count)
    return item
  }

  var key: ByteView { view(at: Self.headerSize, size: Int(load(4, as: UInt32.self))) }
  var number: UInt64 { load(8) }
  var until: Int64 { load(16) }
  /// The id that was chosen for the job; empty if none was, and for a name that ends with its job.
  var chosenID: ByteView {
    view(at: Self.headerSize + key.count, size: Int(load(24, as: UInt32.self)))
  }

  func releaseChildren() {}

  /// The name of a chosen id.
  static func id(_ id: ByteView) -> [UInt8] { [0x69] + id.array }
  /// The name of a unique key of a queue.
  static func unique(_ key: ByteView, of queue: ByteView) -> [UInt8] {
    var bytes = ByteBuffer()
    bytes.append(byte: 0x75)
    bytes.append(littleEndian: UInt32(queue.count))
    bytes.append(queue)
    bytes.append(key)
    return bytes.view.array
  }
}
