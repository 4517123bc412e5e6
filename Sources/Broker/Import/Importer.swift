// Importer.swift: runs what foreign files say through the engine, and writes what it did to the log.
//
// It is one client more: what it asks is checked and done by the commands, and their effects become
// frames, as the server's turn makes them. Nothing expires meanwhile, for a log may say later that a
// key stays; what is out of time at the end goes then. The order of calls for a key of an RDB file:
//
//     set ─────────────────────────────────────┐
//     beginElements ─ append ... ─ endElements ┼─ endKey
//     beginStream ─ append ... ─ endEntries ...┘

import RESP

struct Importer: RDBFields, RDBScores, ~Copyable {
  /// Bytes of effects that make a frame, and of elements that make a command.
  private static let frameSize = 256 << 10
  private static let batchSize = 32 << 10
  private static let batchCount = 512

  private var engine: Engine
  private var log: LogWriter
  private var spare = ByteBuffer()
  private let skipsUnknown: Bool
  /// The file that is being read, and where in it what is handed over begins: for errors.
  var path = ""
  var offset = 0

  private let words = StoredArguments()
  /// Words of the command that make one element: a field and its value are two.
  private var wordsPerItem = 1
  /// Fields in `words` with the times at which they go.
  private var deadlines: [(deadline: Int64, field: [UInt8])] = []
  /// The stream that is being taken: see ImporterStreams.swift.
  var stream = StreamImport()
  /// Keys that the database will have once the present one is in, and whether it must be by now.
  private var keysExpected = 0
  private var isKeyIn = false
  /// Keys taken from RDB files.
  private var keysTaken = 0
  private(set) var isInTransaction = false
  private(set) var summary = ImportSummary()

  /// - Parameter position: of a log without commands.
  init(_ position: consuming LogPosition, _ job: ImportJob) {
    log = LogWriter(position)
    engine = Engine(seed: job.seed, databases: job.databaseCount, host: NoHost())
    skipsUnknown = job.skipsUnknown
    engine.context.wall = job.wall
    engine.context.isLoading = true
    engine.beginBatch(engine.open())
  }

  private func refusal(_ reason: String) -> ImportError {
    .content(path: path, offset: offset, reason: reason)
  }

  // MARK: Keys of an RDB file

  mutating func select(_ database: UInt64) throws(ImportError) {
    guard database < engine.context.databases.count else {
      throw refusal(
        "database \(database), and there are \(engine.context.databases.count): "
          + "the option 'databases' gives more")
    }
    begin("SELECT")
    append(integer: Int64(database))
    try run()
  }

  mutating func set(_ key: ByteView, _ value: ByteView) throws(ImportError) {
    beginKey("SET", key)
    words.append(value)
    try runForKey()
  }

  /// Begins a key that `command` fills with elements, each of so many words.
  mutating func beginElements(_ command: StaticString, _ key: ByteView, perItem: Int = 1) {
    wordsPerItem = perItem
    beginKey(command, key)
  }

  /// Appends a word of an element.
  mutating func append(_ element: PackedElement) throws(ImportError) {
    element.withView { words.append($0) }
    let isLarge = words.count >= Self.batchCount || words.size >= Self.batchSize
    if isLarge, (words.count - 2) % wordsPerItem == 0 { try endElements() }
  }

  mutating func append(_ member: PackedElement, score: Double) throws(ImportError) {
    score.withScoreText { words.append($0) }
    try append(member)
  }

  /// Notes when the field that was appended last goes, in ms since 1970; its value is to follow.
  mutating func noteDeadline(_ deadline: Int64, ofField field: ByteView) {
    deadlines.append((deadline, field.array))
  }

  /// Runs the command with the elements there are.
  mutating func endElements() throws(ImportError) {
    guard words.count > 2 else { return }
    try runForKey()
    guard !deadlines.isEmpty else { return words.removeLast(words.count - 2) }
    let key = words.withArguments { $0[1].array }
    let command = words.withArguments { $0[0].array }
    for (deadline, field) in deadlines {
      begin("HPEXPIREAT")
      append(key)
      append(integer: deadline)
      append(Array("FIELDS".utf8))
      append(integer: 1)
      append(field)
      try run()
    }
    deadlines = []
    words.removeLast(words.count)
    append(command)
    append(key)
  }

  /// Ends what was said of a key.
  ///
  /// - Parameter deadline: when it goes, in ms since 1970.
  mutating func endKey(_ key: ByteView, _ deadline: Int64?) throws(ImportError) {
    guard isKeyIn else { return }  // A value without elements, which old bugs of Redis left behind.
    guard engine.context.databases[engine.context.database].count == keysExpected else {
      throw refusal("the key '\(key.printable)' is there twice")
    }
    keysTaken += 1
    guard let deadline else { return }
    begin("PEXPIREAT")
    words.append(key)
    append(integer: deadline)
    try run()
  }

  private mutating func beginKey(_ name: StaticString, _ key: ByteView) {
    expectKey()
    deadlines = []
    begin(name)
    words.append(key)
  }

  /// Notes that a key is to come, which must be a new one.
  mutating func expectKey() {
    keysExpected = engine.context.databases[engine.context.database].count + 1
    isKeyIn = false
  }

  /// Runs a command that makes the key.
  mutating func runForKey() throws(ImportError) {
    isKeyIn = true
    try run()
  }

  /// Begins a command; `word` adds to it, `run` runs it.
  func begin(_ name: StaticString) {
    words.removeLast(words.count)
    words.append(ByteView(name))
  }

  func word(_ word: ByteView) { words.append(word) }
  func word(_ word: [UInt8]) { unsafe word.withUnsafeBytes { unsafe words.append(ByteView($0)) } }
  func word(_ number: Int64) { append(integer: number) }
  func word(_ id: StreamID) { id.withText { words.append($0) } }
  func word(_ element: PackedElement) {
    switch element {
    case .bytes(let bytes): words.append(bytes)
    case .integer(let number): append(integer: number)
    }
  }

  private func append(_ word: [UInt8]) {
    unsafe word.withUnsafeBytes { unsafe words.append(ByteView($0)) }
  }

  private func append(integer: Int64) {
    var digits = DecimalDigits(integer)
    digits.withView { words.append($0) }
  }

  mutating func run() throws(ImportError) {
    if let error = words.withArguments({ execute($0, nil) }) {
      throw refusal("\(words.withArguments { $0[0].text }) is refused: \(error)")
    }
    try commitIfLarge()
  }

  /// Takes a library of functions.
  mutating func library(_ code: ByteView) throws(ImportError) {
    begin("FUNCTION")
    word(ByteView("LOAD"))
    word(code)
    try run()
  }

  // MARK: What we do not have

  /// Notes that a key, or something else, of the kind `name` is left out.
  ///
  /// - Throws: if nothing may be left out.
  mutating func skip(_ name: StaticString, key: ByteView? = nil) throws(ImportError) {
    guard skipsUnknown else {
      let what = key.map { "the key '\($0.printable)' is a \(name)" } ?? "a \(name)"
      throw refusal(
        "\(what), which Martlet does not have (\(keysTaken) keys were read before it); "
          + "--import-skip-unknown leaves out what it does not have")
    }
    summary.skipped["\(name)", default: 0] += 1
  }

  // MARK: Commands of a log

  /// Runs a command of an append-only file, `request` in RESP.
  mutating func run(_ arguments: Arguments, _ request: ByteView) throws(ImportError) {
    let name = arguments[0]
    guard isKnown(name) else {
      guard skipsUnknown else {
        throw refusal(
          "the command '\(name.printable)', which Martlet does not have "
            + "(\(summary.commands) commands were run before it); "
            + "--import-skip-unknown leaves out what it does not have")
      }
      summary.skipped["command \(name.printable.uppercased())", default: 0] += 1
      return
    }
    if let error = execute(arguments, request) {
      guard skipsUnknown else {
        throw refusal("the command '\(name.printable)' is refused: \(error)")
      }
      // Most likely it is about a key that was left out.
      summary.refused["command \(name.printable.uppercased())", default: 0] += 1
    }
    summary.commands += 1
    let flags = engine.context.sessions[engine.context.slot].flags
    isInTransaction = flags.contains(.inTransaction)
    try commitIfLarge()
  }

  /// Whether an append-only file may have the command: what changes nothing is there for clients.
  private func isKnown(_ name: ByteView) -> Bool {
    guard let index = engine.context.table.index(of: name) else { return false }
    let table = engine.context.table
    return table.entries[index].flags.contains(.write)
      || table.children[index].contains { table.entries[$0].flags.contains(.write) }
      || name.matches("select") || name.matches("multi") || name.matches("exec")
  }

  /// Begins the next file, in database 0.
  mutating func beginFile(_ path: String) throws(ImportError) {
    self.path = path
    try select(0)
  }

  // MARK: Engine and log

  /// Runs a request.
  ///
  /// - Returns: the error it was answered with, if so.
  private mutating func execute(_ arguments: Arguments, _ request: ByteView?) -> String? {
    let errors = engine.context.statistics.errorReplies
    engine.context.isInExec = true  // Nothing may wait. EXEC sets it back.
    engine.run(arguments, request: request)
    defer { engine.context.reply.bytes.reset(keeping: 64 << 10) }
    guard engine.context.statistics.errorReplies != errors else { return nil }
    let reply = engine.context.reply.bytes.view
    guard reply.count > 3, reply[0] == UInt8(ascii: "-") else {
      return "a command of the transaction failed"
    }
    return reply[1..<reply.count - 2].text
  }

  private mutating func commitIfLarge() throws(ImportError) {
    if engine.context.effects.bytes.count >= Self.frameSize { try commit() }
  }

  /// Writes the effects so far as a frame.
  private mutating func commit() throws(ImportError) {
    let count = engine.context.effects.count
    guard count > 0 else { return }
    guard engine.context.effects.bytes.count <= FrameHeader.bodySizeMax else {
      throw refusal("the effects of a transaction do not fit a frame of the log")
    }
    var next = ByteBuffer()
    swap(&next, &spare)
    spare = engine.context.effects.take(spare: next)
    engine.context.commit += 1
    engine.context.graveyard.freeSome()
    log.stage(spare.view, count: count)
    do throws(LogError) {
      guard try log.write() == 1 else { throw LogError.full(path: log.file.path) }
    } catch { throw .log(error) }
    spare.reset(keeping: 4 * Self.frameSize)
  }

  /// Removes what is out of time, makes all durable and counts what there is.
  mutating func finish() throws(ImportError) -> ImportSummary {
    engine.context.isLoading = false
    var isMore = true
    while isMore {
      isMore = engine.context.expireSome(256)
      try commitIfLarge()
    }
    try commit()
    do { try log.finish() } catch { throw .log(error) }
    summary.expired = engine.context.statistics.expired
    for index in 0..<engine.context.databases.count {
      if engine.context.databases[index].count > 0 { summary.databases += 1 }
      var keys = summary.keys
      engine.context.databases[index].table.forEach { entry in
        keys[entry.kind, default: 0] += 1
      }
      summary.keys = keys
    }
    return summary
  }
}

/// The process around an engine that no client can reach.
private final class NoHost: Host {
  let durableCommit = UInt64.max

  func information(section: StaticString) -> [(name: String, value: String)] { [] }
  func rewriteSettings(_ settings: Settings, users: [String]?) throws(CommandError) {
    throw CommandError("ERR an import has no settings to write")
  }
  func readUsers(path: String) -> [UInt8]? { nil }
  func writeUsers(_ text: [UInt8], path: String) -> Bool { false }
  func randomBytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}

extension ByteView {
  /// The bytes for people: shortened, what is not printable ASCII as `\xHH`.
  var printable: String {
    var text = ""
    for index in 0..<min(count, 80) {
      let byte = self[index]
      if byte >= 0x20, byte < 0x7F, byte != 0x5C {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16)
        text += digits.utf8.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
      }
    }
    return count > 80 ? text + "..." : text
  }
}
