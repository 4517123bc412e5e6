// FunctionTests.swift: libraries of functions. Replies were noted from redis-server 7.0.15.

import RESP
import Testing

@testable import Broker

private func utf8(_ words: String...) -> [[UInt8]] { words.map { Array($0.utf8) } }

private let library =
  "#!lua name=lib\nredis.register_function('f', function(keys, args) return {keys, args} end)"

extension EngineHarness {
  /// Loads a library called lib with this body.
  fileprivate mutating func load(_ client: Int, _ body: String) -> String {
    send(client, utf8("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib\n" + body))
  }
}

@Test func aFunctionIsGivenKeysAndArguments() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, utf8("FUNCTION", "LOAD", library)) == "$3\r\nlib\r\n")
  let reply = "*2\r\n*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n"
  #expect(harness.send(client, "FCALL f 1 a b") == reply)
  #expect(harness.send(client, "FCALL F 1 a b") == reply)
  #expect(harness.send(client, "FCALL g 0") == "-ERR Function not found\r\n")
  #expect(harness.send(client, "FCALL f x") == "-ERR Bad number of keys provided\r\n")
  #expect(
    harness.send(client, "FCALL_RO f 0")
      == "-ERR Can not execute a script with write flag using *_ro command.\r\n")
}

@Test(arguments: [
  ("return 1", "ERR Missing library metadata"), ("#!lua", "ERR Invalid library metadata"),
  ("#!lua\nreturn 1", "ERR Library name was not given"),
  ("#!lua name=a b\nreturn 1", "ERR Invalid metadata value given: b"),
  (
    "#!lua name=a name=b\nreturn 1",
    "ERR Invalid metadata value, name argument was given multiple times"
  ),
  (
    "#!lua name=a-b\nreturn 1",
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
  ),
  ("#!js name=a\nreturn 1", "ERR Engine 'js' not found"),
  ("#!lua name=a\nreturn 1", "ERR No functions registered"),
  ("#!lua name=a\nx y", "ERR Error compiling function: user_function:2: '=' expected near 'y'"),
])
func aLibraryThatIsNoneIsRefused(code: String, error: String) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.send(client, utf8("FUNCTION", "LOAD", code)) == "-\(error)\r\n")
}

@Test(arguments: [
  (
    "redis.call('GET', 'x')",
    "user_function:2: Script attempted to access nonexistent global variable 'call'"
  ),
  ("error('x')", "user_function:2: Script attempted to access nonexistent global variable 'error'"),
  ("a = 1", "user_function:2: Attempt to modify a readonly table"),
  (
    "redis.register_function('g', 5)",
    "second argument to redis.register_function must be a function"
  ),
  ("redis.register_function()", "wrong number of arguments to redis.register_function"),
  (
    "redis.register_function{function_name='g'}",
    "redis.register_function must get a callback argument"
  ),
  (
    "redis.register_function{function_name='g', callback=function() end, flags={'x'}}",
    "unknown flag given"
  ),
  (
    "redis.register_function('g', function() end) redis.register_function('G', function() end)",
    "Function already exists in the library"
  ),
  ("while true do end", "FUNCTION LOAD timeout"),
])
func aLibraryThatFailsLeavesNothingBehind(body: String, error: String) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, utf8("FUNCTION", "LOAD", library))
  #expect(harness.load(client, body) == "-ERR Error registering functions: ERR \(error)\r\n")
  #expect(harness.send(client, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
}

@Test func librariesDoNotTakeEachOthersFunctions() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, utf8("FUNCTION", "LOAD", library))
  #expect(
    harness.send(client, utf8("FUNCTION", "LOAD", library))
      == "-ERR Library 'lib' already exists\r\n")
  let other = "#!lua name=other\nredis.register_function('F', function() return 1 end)"
  #expect(
    harness.send(client, utf8("FUNCTION", "LOAD", other)) == "-ERR Function F already exists\r\n")
  #expect(harness.load(client, "redis.register_function('g', function() end)") == "$3\r\nlib\r\n")
  #expect(harness.send(client, "FCALL f 0") == "-ERR Function not found\r\n")
  #expect(harness.send(client, utf8("FUNCTION", "LOAD", other)) == "$5\r\nother\r\n")
  #expect(harness.send(client, "FUNCTION DELETE LIB") == "-ERR Library not found\r\n")
  #expect(harness.send(client, "FUNCTION DELETE lib") == "+OK\r\n")
  #expect(harness.send(client, "FCALL g 0") == "-ERR Function not found\r\n")
  #expect(harness.send(client, "FUNCTION FLUSH") == "+OK\r\n")
  #expect(harness.send(client, "FUNCTION LIST") == "*0\r\n")
}

@Test func theListShowsWhatWasRegistered() {
  var harness = EngineHarness()
  let client = harness.client()
  let body =
    "redis.register_function{function_name='g', callback=function() end, flags={'no-writes'}, "
    + "description='text'}"
  _ = harness.load(client, body)
  let code = "#!lua name=lib\n" + body
  #expect(
    harness.send(client, "FUNCTION LIST LIBRARYNAME l* WITHCODE")
      == "*1\r\n*8\r\n$12\r\nlibrary_name\r\n$3\r\nlib\r\n$6\r\nengine\r\n$3\r\nLUA\r\n"
      + "$9\r\nfunctions\r\n*1\r\n*6\r\n$4\r\nname\r\n$1\r\ng\r\n$11\r\ndescription\r\n$4\r\ntext\r\n"
      + "$5\r\nflags\r\n*1\r\n+no-writes\r\n$12\r\nlibrary_code\r\n$\(code.utf8.count)\r\n\(code)\r\n"
  )
  #expect(harness.send(client, "FUNCTION LIST LIBRARYNAME x*") == "*0\r\n")
}

@Test func libraryStateIsSharedAndGlobalsAreNot() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.load(
    client,
    """
    local n = 0
    redis.register_function('count', function() n = n + 1 return n end)
    redis.register_function('set', function() x = 1 end)
    redis.register_function('keys', function() return KEYS end)
    """)
  #expect(harness.send(client, "FCALL count 0") == ":1\r\n")
  #expect(harness.send(client, "FCALL count 0") == ":2\r\n")
  #expect(
    harness.send(client, "FCALL set 0")
      == "-ERR user_function:4: Attempt to modify a readonly table script: set, on @user_function:4.\r\n"
  )
  #expect(harness.send(client, "FCALL keys 0").contains("nonexistent global variable 'KEYS'"))
}

@Test func functionsAreRegisteredByLoadsAlone() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.load(
    client,
    """
    local register = redis.register_function
    register('f', function() register('g', function() end) end)
    """)
  #expect(
    harness.send(client, "FCALL f 0").hasPrefix(
      "-ERR redis.register_function can only be called on FUNCTION LOAD command script: f"))
}

// MARK: Keeping them

@Test func whatDumpGivesRestoreTakesWholeOrNotAtAll() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, utf8("FUNCTION", "LOAD", library))
  let dump = harness.engine.context.scripting.libraries.sorted.map(\.code)
  let reply = harness.sendForBytes(client, utf8("FUNCTION", "DUMP"))
  #expect(dump.count == 1)
  // The bulk string without its length and its end.
  let start = (reply.firstIndex(of: 0x0A) ?? 0) + 1
  let payload = Array(reply[start..<reply.count - 2])
  func restore(_ policy: String) -> [[UInt8]] {
    utf8("FUNCTION", "RESTORE") + [payload] + utf8(policy)
  }
  #expect(harness.send(client, restore("APPEND")) == "-ERR Library lib already exists\r\n")
  #expect(harness.send(client, restore("REPLACE")) == "+OK\r\n")
  #expect(harness.send(client, restore("FLUSH")) == "+OK\r\n")
  #expect(harness.send(client, restore("NOW")).hasPrefix("-ERR Wrong restore policy given"))
  #expect(
    harness.send(client, "FUNCTION RESTORE x")
      == "-ERR DUMP payload version or checksum are wrong\r\n")
  #expect(harness.send(client, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
}

@Test func librariesAreInTheLog() throws {
  var source = EngineHarness(logging: true), copy = EngineHarness()
  let client = source.client(), reader = copy.client()
  _ = source.send(client, utf8("FUNCTION", "LOAD", library))
  _ = source.send(client, "FUNCTION DELETE none")
  let (body, count) = source.frame()
  #expect(count == 1)
  try copy.replay(body, count: count)
  #expect(copy.send(reader, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
  _ = source.send(client, "FUNCTION FLUSH")
  let (flush, flushCount) = source.frame()
  try copy.replay(flush, count: flushCount)
  #expect(copy.send(reader, "FUNCTION LIST") == "*0\r\n")
}

@Test func librariesAreInACheckpoint() throws {
  var source = EngineHarness(), copy = EngineHarness()
  let client = source.client(), reader = copy.client()
  _ = source.send(client, utf8("FUNCTION", "LOAD", library))
  _ = source.send(client, "SET a b")
  var snapshot = source.engine.snapshot()
  var block = SnapshotBlock()
  snapshot.fill(&block)
  let hash = copy.engine.context.keyHash
  var load = SnapshotLoad()
  try load.add(try SnapshotParts(block.bytes.view, hash: hash), to: &copy.engine)
  try load.finish(&copy.engine)
  #expect(copy.send(reader, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
  #expect(copy.send(reader, "GET a") == "$1\r\nb\r\n")
  // As commands, for those who take the data elsewhere.
  var commands = SnapshotCommands(), body = ByteBuffer()
  commands.begin(block.bytes.view)
  let count = try commands.next(into: &body)
  var third = EngineHarness()
  let other = third.client()
  try third.replay(body.view.array, count: count)
  #expect(third.send(other, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
}

// MARK: What cannot be loaded again

/// A library of some megabytes, with a function of this name.
private func large(_ name: String, function: String) -> [[UInt8]] {
  let code =
    "#!lua name=\(name)\nlocal t = {} for i = 1, 30000 do t[i] = {} end "
    + "redis.register_function('\(function)', function() return #t end)"
  return utf8("FUNCTION", "LOAD", code)
}

extension EngineHarness {
  /// Gives libraries so much memory.
  fileprivate func limitLibraries(to bytes: Int) {
    engine.context.scripting.functionMachine(engine.context).machine.lua.memoryMax = bytes
  }
}

/// Goal: what was taken once never hinders the start. Method: a library that needs more memory than there is
/// at the replay; it is there as text, goes into the next checkpoint, and is loaded where there is room.
@Test func aLibraryThatDoesNotFitAtTheStartIsKeptAsText() throws {
  var source = EngineHarness(logging: true), copy = EngineHarness()
  let client = source.client(), reader = copy.client()
  _ = source.send(client, large("a", function: "g"))
  _ = source.send(client, utf8("FUNCTION", "LOAD", library))
  let (body, count) = source.frame()
  copy.limitLibraries(to: 1 << 20)
  try copy.replay(body, count: count)
  #expect(copy.send(reader, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
  #expect(copy.host.lines.count == 1)
  #expect(copy.host.lines.first?.contains("'a' is kept") == true)
  let list = copy.send(reader, "FUNCTION LIST LIBRARYNAME a WITHCODE")
  #expect(list.contains("$9\r\nfunctions\r\n*0\r\n") && list.contains("30000"))
  #expect(copy.send(reader, large("a", function: "g")) == "-ERR Library 'a' already exists\r\n")

  var snapshot = copy.engine.snapshot()
  var block = SnapshotBlock()
  snapshot.fill(&block)
  for (limit, reply) in [(1 << 20, "-ERR Function not found\r\n"), (1 << 30, ":30000\r\n")] {
    var next = EngineHarness()
    let other = next.client()
    next.limitLibraries(to: limit)
    let hash = next.engine.context.keyHash
    var load = SnapshotLoad()
    try load.add(try SnapshotParts(block.bytes.view, hash: hash), to: &next.engine)
    try load.finish(&next.engine)
    #expect(next.send(other, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
    #expect(next.send(other, "FCALL g 0") == reply)
    #expect(next.engine.context.scripting.libraries.byName.count == 2)
    #expect(next.send(other, "FUNCTION DELETE a") == "+OK\r\n")
  }
}

/// The function of a library that could not be loaded may have become another one's: it stays that one's.
@Test func theLaterOfTwoLibrariesHasTheFunctionAtTheStart() throws {
  var source = EngineHarness(logging: true), small = EngineHarness(logging: true)
  let client = source.client(), other = small.client()
  _ = source.send(client, large("a", function: "f"))
  let (body, count) = source.frame()
  small.limitLibraries(to: 1 << 20)
  try small.replay(body, count: count)
  #expect(small.send(other, utf8("FUNCTION", "LOAD", library)) == "$3\r\nlib\r\n")
  let (later, laterCount) = small.frame()
  var copy = EngineHarness()
  let reader = copy.client()
  try copy.replay(body, count: count)
  #expect(copy.send(reader, "FCALL f 0") == ":30000\r\n")
  try copy.replay(later, count: laterCount)
  #expect(copy.send(reader, "FCALL f 0") == "*2\r\n*0\r\n*0\r\n")
  // A load in the place of one that is there leaves nothing of it, even if it fails.
  let replaced = utf8("FUNCTION", "LOAD", "REPLACE") + [large("lib", function: "g")[2]]
  var third = EngineHarness(logging: true)
  let writer = third.client()
  _ = third.send(writer, utf8("FUNCTION", "LOAD", library))
  _ = third.send(writer, replaced)
  let (both, bothCount) = third.frame()
  copy = EngineHarness()
  let last = copy.client()
  copy.limitLibraries(to: 1 << 20)
  try copy.replay(both, count: bothCount)
  #expect(copy.send(last, "FCALL f 0") == "-ERR Function not found\r\n")
  #expect(copy.send(last, "FUNCTION LIST WITHCODE").contains("30000"))
}
