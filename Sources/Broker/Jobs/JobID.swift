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
  private static let digits = Array("0123456789abcdef".utf8)

  static func append(_ number: UInt64, node: UInt32, to bytes: inout [UInt8]) {
    bytes.append(0x44)
    bytes.append(0x2D)
    for shift in stride(from: 28, through: 0, by: -4) {
      bytes.append(digits[Int(node >> UInt32(shift)) & 15])
    }
    bytes.append(0x2D)
    appendHex(number, to: &bytes)
  }

  private static func appendHex(_ number: UInt64, to bytes: inout [UInt8]) {
    var shift = max(0, (63 - number.leadingZeroBitCount) / 4 * 4)
    if number == 0 { shift = 0 }
    while shift >= 0 {
      bytes.append(digits[Int(truncatingIfNeeded: number >> UInt64(shift)) & 15])
      shift -= 4
    }
  }

  /// The id of a job.
  static func text(_ record: JobRecord, node: UInt32) -> [UInt8] {
    if record.flags.contains(.hasExtras), let id = record.extras.id { return id }
    return text(record.number, node: node)
  }

  /// The id of a job for which none was chosen.
  static func text(_ number: UInt64, node: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(40)
    append(number, node: node, to: &bytes)
    return bytes
  }

  /// The id of the job to which a name leads, which may be gone.
  static func text(of holder: (name: JobName, record: JobRecord?), node: UInt32) -> [UInt8] {
    if let record = holder.record { return text(record, node: node) }
    let id = holder.name.chosenID
    return id.isEmpty ? text(holder.name.number, node: node) : id.array
  }

  /// The receipt of a job's present lease.
  static func receipt(_ record: JobRecord, node: UInt32) -> [UInt8] {
    var bytes = text(record, node: node)
    if record.flags.contains(.hasExtras), record.extras.id != nil {
      bytes.append(0x2E)
      appendHex(record.number, to: &bytes)
    }
    bytes.append(0x2E)
    var digits = DecimalDigits(Int64(record.epoch))
    digits.withView { view in
      for index in 0..<view.count { bytes.append(view[index]) }
    }
    return bytes
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
