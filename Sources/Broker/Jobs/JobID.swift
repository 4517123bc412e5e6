// JobID.swift: how jobs and leases are called outside.
//
//     id       D-<8 hex digits: the node>-<the job's number in hex>, or what the producer chose
//     receipt  <id>.<epoch>, of a chosen id <id>.<number in hex>.<epoch>
//
// Clients take both as they are. A chosen id may be used again once its job is gone; the number, which
// never comes back, keeps the receipts of both apart.

import RESP

/// One lease: a job and which delivery of it.
struct Receipt: Equatable {
  let number: UInt64
  let epoch: UInt32
}

/// Names of jobs; each data folder has its node.
enum JobID {
  /// Longest id that a producer may choose, in bytes.
  static let sizeMax = 256
  /// "D-", a node, "-", a number, ".", another number and an epoch, each as long as it can be.
  private static let plainSizeMax = 2 + 8 + 1 + 16 + 1 + 10

  /// The id of a job for which none was chosen, with an epoch its receipt.
  private static func plain(_ number: UInt64, node: UInt32, epoch: UInt32? = nil) -> [UInt8] {
    unsafe Array(unsafeUninitializedCapacity: plainSizeMax) { bytes, count in
      unsafe bytes[0] = 0x44
      unsafe bytes[1] = 0x2D
      let memory = UnsafeMutableRawBufferPointer(bytes)
      unsafe memory.storeBytes(of: hexDigits(node), toByteOffset: 2, as: UInt64.self)
      unsafe bytes[10] = 0x2D
      // All sixteen digits are written, from the first that is not a zero on.
      let size = hexSize(number), aligned = number << UInt64(64 - 4 * size)
      let (high, low) = (UInt32(aligned >> 32), UInt32(truncatingIfNeeded: aligned))
      unsafe memory.storeBytes(of: hexDigits(high), toByteOffset: 11, as: UInt64.self)
      unsafe memory.storeBytes(of: hexDigits(low), toByteOffset: 19, as: UInt64.self)
      count = 11 + size
      guard let epoch else { return }
      unsafe bytes[count] = 0x2E
      count += 1
      var digits = DecimalDigits(Int64(epoch))
      digits.withView { view in
        for index in 0..<view.count { unsafe bytes[count + index] = view[index] }
        count += view.count
      }
    }
  }

  private static func hexSize(_ number: UInt64) -> Int {
    max(1, (67 - number.leadingZeroBitCount) / 4)
  }

  /// The eight digits of `number` as they stand in memory, all made at once: a digit in each byte, and
  /// what lies between '9' and 'a' added to those above nine.
  private static func hexDigits(_ number: UInt32) -> UInt64 {
    var digits = UInt64(number)
    digits = (digits << 16 | digits) & 0x0000_FFFF_0000_FFFF
    digits = (digits << 8 | digits) & 0x00FF_00FF_00FF_00FF
    digits = (digits << 4 | digits) & 0x0F0F_0F0F_0F0F_0F0F
    let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return (digits &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).byteSwapped
  }

  /// The id of a job.
  static func text(_ record: JobRecord, node: UInt32) -> [UInt8] {
    if record.flags.contains(.hasExtras), let id = record.extras.id { return id }
    return text(record.number, node: node)
  }

  /// The id of a job for which none was chosen.
  static func text(_ number: UInt64, node: UInt32) -> [UInt8] {
    plain(number, node: node)
  }

  /// The id of the job to which a name leads, which may be gone.
  static func text(of holder: (name: JobName, record: JobRecord?), node: UInt32) -> [UInt8] {
    if let record = holder.record { return text(record, node: node) }
    let id = holder.name.chosenID
    return id.isEmpty ? text(holder.name.number, node: node) : id.array
  }

  /// The receipt of a job's present lease.
  static func receipt(_ record: JobRecord, node: UInt32) -> [UInt8] {
    guard record.flags.contains(.hasExtras), let id = record.extras.id else {
      return plain(record.number, node: node, epoch: record.epoch)
    }
    return id + Array(".\(String(record.number, radix: 16)).\(record.epoch)".utf8)
  }

  /// The number in an id that was not chosen, if it is one of `node`.
  static func number(_ id: ByteView, node: UInt32) -> UInt64? {
    guard isOurs(id), id.count > 11, id[10] == 0x2D else { return nil }
    guard hex(id[2..<10]) == UInt64(node) else { return nil }
    return hex(id[11..<id.count])
  }

  /// Whether an id looks like those that are not chosen.
  static func isOurs(_ id: ByteView) -> Bool { id.count >= 2 && id[0] == 0x44 && id[1] == 0x2D }

  /// The lease that `text` names; nil when it names none of `node`.
  static func receipt(_ text: ByteView, node: UInt32) -> Receipt? {
    guard let dot = lastDot(text), let epoch = text[dot + 1..<text.count].integer,
      let epoch = UInt32(exactly: epoch)
    else { return nil }
    let name = text[0..<dot]
    if isOurs(name) {
      return number(name, node: node).map { Receipt(number: $0, epoch: epoch) }
    }
    guard let dot = lastDot(name), let number = hex(name[dot + 1..<name.count]) else { return nil }
    return Receipt(number: number, epoch: epoch)
  }

  private static func lastDot(_ text: ByteView) -> Int? {
    var index = text.count - 1
    while index >= 0, text[index] != 0x2E { index -= 1 }
    return index < 0 ? nil : index
  }

  private static func hex(_ text: ByteView) -> UInt64? {
    guard text.count > 0, text.count <= 16 else { return nil }
    var value: UInt64 = 0
    for index in 0..<text.count {
      let byte = text[index]
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
      case 0x61...0x66: value = value << 4 | UInt64(byte - 0x57)
      default: return nil
      }
    }
    return value
  }
}
