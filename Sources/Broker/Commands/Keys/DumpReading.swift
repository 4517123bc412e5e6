// DumpReading.swift: what RESTORE reads, and the values that it makes of it.
//
// A value must be there whole, and nothing behind it. An element that is there twice, or none at all,
// is no value either: what a key has then would not be what was dumped.

import RESP

/// What DUMP gave is not what it should be: RESTORE says no more than that.
struct DumpFlaw: Error {}

/// The bytes of a dump between its front and its version.
struct DumpInput: RDBInput, ~Copyable {
  /// Versions that are read: those of Redis 5 to 7.4 and Valkey 8.
  private static let versionMax: UInt16 = 12
  private static let footerSize = 10

  private let bytes: ByteView
  private(set) var offset = 0

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// What stands before the version and the checksum of `payload`; nil if these are wrong.
  static func body(of payload: ByteView) -> ByteView? {
    guard payload.count >= footerSize else { return nil }
    let end = payload.count - footerSize
    guard payload.littleEndian(at: end, as: UInt16.self) <= versionMax,
      CRC64.checksum(payload[0..<end + 2])
        == payload.littleEndian(at: end + 2, as: UInt64.self)
    else { return nil }
    return payload[0..<end]
  }

  var packedSizeMax: Int { max(64 << 20, bytes.count) }
  var left: Int { bytes.count - offset }

  mutating func take(_ count: Int) throws(DumpFlaw) -> ByteView {
    guard count <= left else { throw DumpFlaw() }
    offset += count
    return bytes[offset - count..<offset]
  }

  mutating func skip(_ count: Int) throws(DumpFlaw) { _ = try take(count) }

  func flaw(_ reason: String, at offset: Int?) -> DumpFlaw { DumpFlaw() }
}

/// Reads one value of any type.
struct DumpReader: ~Copyable {
  private var input: DumpInput
  private let settings: Settings
  private let hash: KeyHash
  private let isReplay: Bool
  private var text = ByteBuffer()

  /// - Parameter body: a dump but for its version and its checksum.
  init(_ body: ByteView, _ c: borrowing Context) {
    input = DumpInput(body)
    settings = c.settings
    hash = c.keyHash
    isReplay = c.isLoading
  }

  /// An entry of `key` with the value that is there; nil if there is none.
  mutating func entry(_ key: ByteView, _ deadline: Int64?) -> Entry? {
    do throws(DumpFlaw) {
      guard let type = RDBType(try input.byte()) else { return nil }
      // What the log has was taken once, whatever the limit was then.
      let sizeMax = isReplay ? Int.max : settings.bulkSizeMax
      switch type {
      case .string:
        try input.string(into: &text, sizeMax: sizeMax)
        return input.left == 0 ? .string(key, text.view, deadline: deadline) : nil
      case .list(let layout):
        var list = ListElements()
        try input.list(layout, sizeMax: sizeMax, text: &text, into: &list)
        return entry(key, deadline, &list.draft)
      case .set(let layout):
        var set = SetMembers(hash, settings)
        try input.set(layout, sizeMax: sizeMax, text: &text, into: &set)
        return entry(key, deadline, &set.draft)
      case .hash(let layout):
        var fields = HashFields(hash, settings)
        try input.hash(layout, sizeMax: sizeMax, text: &text, into: &fields)
        return fields.isWhole ? entry(key, deadline, &fields.draft) : nil
      case .sortedSet(let layout):
        var members = ScoredMembers(hash, settings)
        try input.sortedSet(layout, sizeMax: sizeMax, text: &text, into: &members)
        return entry(key, deadline, &members.draft)
      case .stream(let version):
        var stream = StreamInMaking(
          hash, settings, sizeMax: max(64 << 20, 100 * input.left))
        try input.stream(version: version, text: &text, into: &stream)
        // Without any entries it is still a stream.
        return input.left == 0 ? .value(key, stream.draft.take(), deadline: deadline) : nil
      case .foreign: return nil
      }
    } catch { return nil }
  }

  private func entry<Value: StoredValue>(
    _ key: ByteView, _ deadline: Int64?, _ draft: inout Draft<Value>
  ) -> Entry? {
    guard input.left == 0, !draft.value.isEmpty else { return nil }
    return .value(key, draft.take(), deadline: deadline)
  }
}

// MARK: Values in the making

/// A value in the making, which is freed if it comes to nothing.
struct Draft<Value: StoredValue>: ~Copyable {
  var value = Value.make()

  deinit { value.release() }

  /// Hands the value over, and begins another.
  mutating func take() -> Value {
    defer { value = Value.make() }
    return value
  }
}

private struct ListElements: RDBElements, ~Copyable {
  var draft = Draft<List>()

  mutating func append(_ element: PackedElement) throws(DumpFlaw) {
    element.withView { draft.value.push($0, at: .tail) }
  }
}

private struct SetMembers: RDBElements, ~Copyable {
  var draft = Draft<SetValue>()
  private let hash: KeyHash
  private let integersMax: Int

  init(_ hash: KeyHash, _ settings: Settings) {
    self.hash = hash
    integersMax = settings.setIntegersMax
  }

  mutating func append(_ element: PackedElement) throws(DumpFlaw) {
    let isNew = element.withView { draft.value.add($0, hash, integersMax: integersMax) }
    guard isNew else { throw DumpFlaw() }
  }
}

private struct HashFields: RDBFields, ~Copyable {
  var draft = Draft<HashValue>()
  private let hash: KeyHash
  private let limits: PackedLimits
  /// The field whose value is to come, if one is.
  private var field = ByteBuffer()
  private(set) var isWhole = true
  private var deadline: Int64?

  init(_ hash: KeyHash, _ settings: Settings) {
    self.hash = hash
    limits = settings.hashLimits
  }

  mutating func append(_ element: PackedElement) throws(DumpFlaw) {
    isWhole.toggle()
    guard isWhole else {
      field.reset(keeping: 64 << 10)
      return element.withView { field.append($0) }
    }
    let isNew = element.withView { draft.value.put(field.view, $0, hash, limits) }
    guard isNew else { throw DumpFlaw() }
    guard let deadline else { return }
    guard deadline > 0, deadline <= ItemDeadline.deadlineMax else { throw DumpFlaw() }
    draft.value.setDeadline(deadline, of: field.view, hash)
    self.deadline = nil
  }

  mutating func noteDeadline(_ deadline: Int64, ofField field: ByteView) {
    self.deadline = deadline
  }
}

private struct ScoredMembers: RDBScores, ~Copyable {
  var draft = Draft<SortedSet>()
  private let hash: KeyHash
  private let limits: SortedSet.Limits

  init(_ hash: KeyHash, _ settings: Settings) {
    self.hash = hash
    limits = settings.sortedSetLimits
  }

  mutating func append(_ member: PackedElement, score: Double) throws(DumpFlaw) {
    let before = draft.value.count
    member.withView { draft.value.put($0, hash, limits) { _ in score } }
    guard draft.value.count > before else { throw DumpFlaw() }
  }
}
