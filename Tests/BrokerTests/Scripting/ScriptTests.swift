// ScriptTests.swift: EVAL and its kin, as a client sees them. Replies were noted from redis-server 7.0.15.

import RESP
import Testing

@testable import Broker

extension EngineHarness {
  /// Runs a script without keys.
  mutating func eval(_ client: Int, _ script: String, _ arguments: String...) -> String {
    send(client, (["EVAL", script, "0"] + arguments).map { Array($0.utf8) })
  }
}

@Test(arguments: [
  ("return 3.99", ":3\r\n"), ("return -3.99", ":-3\r\n"),
  ("return 1e300", ":-9223372036854775808\r\n"), ("return 'abc', 1", "$3\r\nabc\r\n"),
  ("return", "$-1\r\n"), ("return true", ":1\r\n"), ("return false", "$-1\r\n"),
  ("return function() end", "$-1\r\n"), ("return {}", "*0\r\n"),
  (
    "return {1, 2.9, 'x', true, false, {ok='fine'}, {err='bad'}, nil, 3}",
    "*7\r\n:1\r\n:2\r\n$1\r\nx\r\n:1\r\n$-1\r\n+fine\r\n-bad\r\n"
  ),
  ("return {double=3.5}", "$3\r\n3.5\r\n"), ("return {map={a=1}}", "*2\r\n$1\r\na\r\n:1\r\n"),
  ("return {set={a=1}}", "*1\r\n$1\r\na\r\n"), ("return {ok='a\\r\\nb'}", "+a  b\r\n"),
  ("return {big_number='1\\n2'}", "$3\r\n1 2\r\n"),
  ("return {verbatim_string={string='x', format='txt'}}", "$1\r\nx\r\n"),
  ("return {err=5}", "*0\r\n"),
  ("return redis.status_reply('fine')", "+fine\r\n"),
  ("return redis.error_reply('xx')", "-ERR xx\r\n"),
  ("return redis.error_reply('-XX yy')", "-XX yy\r\n"),
  ("return redis.error_reply()", "-ERR wrong number or type of arguments\r\n"),
  ("return redis.sha1hex('xx')", "$40\r\ndd7b7b74ea160e049dd128478e074ce47254bde8\r\n"),
  ("return redis.call('ECHO', 0.1)", "$19\r\n0.10000000000000001\r\n"),
  ("return redis.call('GET', 'none') == false", ":1\r\n"),
  ("redis.setresp(3) return redis.call('GET', 'none') == nil", ":1\r\n"),
  ("redis.setresp(3) return false", ":0\r\n"),
  (
    "redis.setresp(3) redis.call('HSET', 'h', 'a', 1) return redis.call('HGETALL', 'h').map.a",
    "$1\r\n1\r\n"
  ),
  (
    "redis.setresp(3) redis.call('ZADD', 'z', 1.5, 'a') return redis.call('ZSCORE', 'z', 'a').double * 2",
    ":3\r\n"
  ),
  (
    "redis.setresp(3) redis.call('SADD', 's', 'a') return redis.call('SMEMBERS', 's').set.a",
    ":1\r\n"
  ),
  ("return redis.acl_check_cmd('set', 'a', 'b')", ":1\r\n"),
  ("return redis.replicate_commands()", ":1\r\n"),
  (
    "local ok, text = pcall(redis.call, 'NOSUCH') return text",
    "$44\r\nERR Unknown Redis command called from script\r\n"
  ),
  ("return redis.pcall('NOSUCH')", "-ERR Unknown Redis command called from script\r\n"),
  ("return redis.foo", "$-1\r\n"),
  ("return {loadstring(string.dump(function() end))}", "*0\r\n"),
  (
    "redis.call('SADD', 's', 'b', 'a', 'aa') return redis.call('SORT', 's', 'BY', 'none')",
    "*3\r\n$1\r\na\r\n$2\r\naa\r\n$1\r\nb\r\n"
  ),
])
func whatAScriptReturnsBecomesItsReply(script: String, reply: String) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.eval(client, script) == reply)
}

@Test(arguments: [
  ("return redis.call('NOSUCH')", "ERR Unknown Redis command called from script"),
  ("return redis.call('GET')", "ERR Wrong number of args calling Redis command from script"),
  ("return redis.call('EVAL', 'return 1', 0)", "ERR This Redis command is not allowed from script"),
  ("return redis.call()", "ERR Please specify at least one argument for this redis lib call"),
  ("return redis.call({})", "ERR Lua redis lib command arguments must be strings or integers"),
  (
    "redis.call('SET', 'a', 'b') return redis.call('INCR', 'a')",
    "ERR value is not an integer or out of range"
  ),
  ("error('boom')", "ERR user_script:1: boom"), ("error({err='boom'})", "boom"),
  ("error(nil)", "ERR nil"), ("error({})", "ERR unknown error"),
  ("local function f() return error('x') end return f()", "ERR user_script:1: x"),
  ("x = 1", "ERR user_script:1: Attempt to modify a readonly table"),
  ("KEYS = 1", "ERR user_script:1: Attempt to modify a readonly table"),
  ("redis.call = 1", "ERR user_script:1: Attempt to modify a readonly table"),
  ("return x", "ERR user_script:1: Script attempted to access nonexistent global variable 'x'"),
  ("return redis.sha1hex()", "ERR wrong number of arguments"),
  ("redis.log(1)", "ERR redis.log() requires two arguments or more."),
  ("redis.log('x', 'x')", "ERR First argument must be a number (log level)."),
  ("redis.log(9, 'x')", "ERR Invalid debug level."),
  ("redis.setresp(4)", "ERR RESP version must be 2 or 3."),
  ("redis.setresp()", "ERR redis.setresp() requires one argument."),
  ("redis.set_repl()", "ERR redis.set_repl() requires two arguments."),
  (
    "redis.set_repl(4)",
    "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE."
  ),
  ("return redis.acl_check_cmd('nosuch')", "ERR Invalid command passed to redis.acl_check_cmd()"),
  (
    "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$')",
    "ERR XREAD command is not allowed with BLOCK option from scripts"
  ),
])
func anErrorNamesTheScriptAndTheLine(script: String, error: String) {
  var harness = EngineHarness()
  let client = harness.client()
  let hash = String(decoding: Array(script.utf8).withView { SHA1($0) }.hex, as: UTF8.self)
  #expect(harness.eval(client, script) == "-\(error) script: \(hash), on @user_script:1.\r\n")
}

@Test func keysAndArgumentsAreTables() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(
      client, ["EVAL", "return {KEYS, ARGV}", "1", "a", "b", "c"].map { Array($0.utf8) })
      == "*2\r\n*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\n")
  let refusals = [
    ("x", "ERR value is not an integer or out of range"),
    ("2", "ERR Number of keys can't be greater than number of args"),
    ("-1", "ERR Number of keys can't be negative"),
  ]
  for (count, error) in refusals {
    #expect(
      harness.send(client, ["EVAL", "return 1", count, "a"].map { Array($0.utf8) })
        == "-\(error)\r\n")
  }
}

@Test func aScriptIsKnownByItsHashUntilTheFlush() {
  var harness = EngineHarness()
  let client = harness.client()
  let hash = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", none = String(repeating: "f", count: 40)
  let noScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n"
  #expect(harness.send(client, "EVALSHA \(hash) 0") == noScript)
  #expect(harness.send(client, "EVALSHA abc 0") == noScript)
  #expect(
    harness.send(client, ["SCRIPT", "LOAD", "return 1"].map { Array($0.utf8) })
      == "$40\r\n\(hash)\r\n")
  #expect(harness.send(client, "EVALSHA \(hash) 0") == ":1\r\n")
  #expect(harness.send(client, "EVALSHA \(hash.uppercased()) 0") == ":1\r\n")
  #expect(harness.send(client, "SCRIPT EXISTS \(hash) \(none) x") == "*3\r\n:1\r\n:0\r\n:0\r\n")
  #expect(harness.send(client, "SCRIPT FLUSH now").hasPrefix("-ERR SCRIPT FLUSH only support"))
  #expect(harness.send(client, "SCRIPT FLUSH ASYNC") == "+OK\r\n")
  #expect(harness.send(client, "EVALSHA \(hash) 0") == noScript)
  #expect(harness.eval(client, "return 1") == ":1\r\n")
  #expect(harness.send(client, "EVALSHA \(hash) 0") == ":1\r\n")
}

@Test func whatCannotBeCompiledIsNotKept() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.eval(client, "retur 1")
      == "-ERR Error compiling script (new function): user_script:1: '=' expected near '1'\r\n")
  #expect(harness.engine.context.scripts.figures.scriptCount == 0)
}

/// Goal: clients that put values into the text of scripts do not fill the memory. Method: more
/// scripts than are kept; the one that was loaded and the one in use stay.
@Test func onlyTheLastEvaluatedScriptsAreKept() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, ["SCRIPT", "LOAD", "return 'loaded'"].map { Array($0.utf8) })
  for number in 0..<1000 {
    _ = harness.eval(client, "return \(number)")
    _ = harness.eval(client, "return 'used'")
  }
  #expect(harness.engine.context.scripts.figures.scriptCount == ScriptCache.evaluatedMax + 1)
  for script in ["return 'loaded'", "return 'used'", "return 999"] {
    let hash = String(decoding: Array(script.utf8).withView { SHA1($0) }.hex, as: UTF8.self)
    #expect(harness.send(client, "SCRIPT EXISTS \(hash)") == "*1\r\n:1\r\n", "\(script)")
  }
  let first = String(decoding: Array("return 0".utf8).withView { SHA1($0) }.hex, as: UTF8.self)
  #expect(harness.send(client, "SCRIPT EXISTS \(first)") == "*1\r\n:0\r\n")
}

/// Goal: the cache of scripts is what its invariants say. Method: random scripts, evaluated and loaded, from
/// printed seeds.
@Test(arguments: [1, 2] as [UInt64])
func theCacheOfScriptsIsWhole(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var cache = ScriptCache()
  for step in 0..<5000 {
    let number = Int.random(in: 0..<800, using: &random)
    let hash = Array("\(number)".utf8).withView { SHA1($0) }
    switch Int.random(in: 0..<4, using: &random) {
    case 0: cache.keep(hash)
    case 1 where cache.removeOldest() == nil: break
    default:
      if let script = cache.use(hash) {
        #expect(script.hash == hash, "seed \(seed), step \(step)")
      } else {
        cache.add(
          Script(hash: hash, function: .nil, flags: nil, size: number, codeSize: 2 * number),
          isLoaded: number % 50 == 0)
      }
    }
    cache.checkInvariants()
  }
}

/// Goal: few evaluated scripts of many bytes do not fill the memory, and what was loaded stays.
@Test func evaluatedScriptsAreBoundedInBytes() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, ["SCRIPT", "LOAD", "return 'loaded'"].map { Array($0.utf8) })
  let constant = String(repeating: "x", count: 10 << 20)
  for number in 0..<10 { _ = harness.eval(client, "return #'\(constant)' + \(number)") }
  let figures = harness.engine.context.scripts.figures
  #expect(figures.scriptCount == 7)
  #expect(figures.scriptSize < ScriptCache.evaluatedSizeMax)
  #expect(harness.eval(client, "return #'\(constant)' + 9") == ":10485769\r\n")
  let hash = String(
    decoding: Array("return 'loaded'".utf8).withView { SHA1($0) }.hex, as: UTF8.self)
  #expect(harness.send(client, "EVALSHA \(hash) 0") == "$6\r\nloaded\r\n")
}

/// Goal: scripts that were evaluated do not keep others from being compiled: they give their memory back.
@Test func evaluatedScriptsMakeRoomForOthers() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(client, "return 1")
  harness.engine.context.scripting.evaluation?.lua.memoryMax = 8 << 20
  let constant = String(repeating: "x", count: 1 << 20)
  for number in 0..<20 {
    #expect(
      harness.eval(client, "return #'\(constant)' + \(number)") == ":\((1 << 20) + number)\r\n")
  }
}

@Test(arguments: [
  ("#!lua", "ERR Invalid script shebang"),
  ("#!js\nreturn 1", "ERR Unexpected engine in script shebang: #!js"),
  ("#!lua x=1\nreturn 1", "ERR Unknown lua shebang option: x=1"),
  ("#!lua flags=a\nreturn 1", "ERR Unexpected flag in script shebang: a"),
  ("#!lua flags=no-writes,\nreturn 1", "ERR Unexpected flag in script shebang: "),
  (
    "#!lua\nretur 1",
    "ERR Error compiling script (new function): user_script:2: '=' expected near '1'"
  ),
])
func aBadFirstLineIsRefused(script: String, error: String) {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(harness.eval(client, script) == "-\(error)\r\n")
}

@Test func aScriptThatSaysSoWritesNothing() {
  var harness = EngineHarness()
  let client = harness.client()
  let refusal = "-ERR Write commands are not allowed from read-only scripts. script: "
  for body in ["redis.call('SET', 'a', 'b')", "redis.call('PUBLISH', 'a', 'b')"] {
    #expect(harness.eval(client, "#!lua flags=no-writes\n\(body)").hasPrefix(refusal))
    #expect(
      harness.send(client, ["EVAL_RO", body, "0"].map { Array($0.utf8) }).hasPrefix(refusal))
  }
  #expect(
    harness.send(client, ["EVAL_RO", "#!lua\nreturn 1", "0"].map { Array($0.utf8) })
      == "-ERR Can not execute a script with write flag using *_ro command.\r\n")
  #expect(harness.send(client, "EXISTS a") == ":0\r\n")
}

@Test func aPauseOfWritesHoldsBackWhatMayWrite() {
  var harness = EngineHarness()
  let client = harness.client()
  let library =
    "#!lua name=l\nredis.register_function{function_name='f', callback=function() return 1 end, "
  func load(_ flags: String) -> [[UInt8]] {
    ["FUNCTION", "LOAD", "REPLACE", library + flags + "}"].map { Array($0.utf8) }
  }
  let script = "#!lua flags=no-writes\nreturn 2"
  let hash = String(decoding: Array(script.utf8).withView { SHA1($0) }.hex, as: UTF8.self)
  _ = harness.send(client, load("flags={'no-writes'}"))
  // What was queued before is held back with its EXEC.
  let other = harness.client()
  _ = harness.send(other, "MULTI")
  _ = harness.eval(other, "return 5")
  _ = harness.send(client, "CLIENT PAUSE 100000 WRITE")
  #expect(harness.eval(client, script) == ":2\r\n")
  #expect(harness.send(client, "EVALSHA \(hash) 0") == ":2\r\n")
  #expect(harness.send(client, "FCALL f 0") == ":1\r\n")
  #expect(
    harness.send(client, ["EVAL_RO", "return 3", "0"].map { Array($0.utf8) }) == ":3\r\n")
  _ = harness.send(client, "MULTI")
  _ = harness.eval(client, script)
  #expect(harness.send(client, "EXEC") == "*1\r\n:2\r\n")
  #expect(harness.eval(client, "return 4") == "")
  let isBlocked = harness.engine.context.sessions[client].flags.contains(.blocked)
  #expect(isBlocked)
  #expect(harness.send(other, "EXEC") == "")
}

@Test func blockingCommandsAnswerAtOnce() {
  var harness = EngineHarness()
  let client = harness.client()
  let commands = ["'XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>'", "'WAIT', 1, 0"]
  for command in commands {
    #expect(!harness.eval(client, "return redis.call(\(command))").isEmpty)
    #expect(!harness.engine.context.sessions[client].flags.contains(.blocked))
  }
}

@Test func whoWaitsIsServedAfterTheScript() {
  var harness = EngineHarness()
  let waiter = harness.client(), client = harness.client()
  _ = harness.send(waiter, "BLPOP list 0")
  // What is pushed and taken back was never there for others.
  _ = harness.eval(client, "redis.call('RPUSH', 'list', 'a') redis.call('DEL', 'list')")
  #expect(harness.output(waiter) == "")
  #expect(harness.eval(client, "return redis.call('RPUSH', 'list', 'a', 'b')") == ":2\r\n")
  #expect(harness.output(waiter) == "*2\r\n$4\r\nlist\r\n$1\r\na\r\n")
}

@Test func aScriptRunsInATransactionAndLeavesTheDatabaseAsItWas() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "MULTI")
  #expect(
    harness.eval(client, "redis.call('SELECT', 3) return redis.call('SET', 'a', 'b')")
      == "+QUEUED\r\n")
  _ = harness.send(client, "EXISTS a")
  #expect(harness.send(client, "EXEC") == "*2\r\n+OK\r\n:0\r\n")
  _ = harness.send(client, "SELECT 3")
  #expect(harness.send(client, "EXISTS a") == ":1\r\n")
}

@Test func aRestrictedUserIsRestrictedInScripts() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "ACL SETUSER worker on nopass ~mine +eval +get +set")
  _ = harness.send(client, "AUTH worker x")
  #expect(harness.eval(client, "return redis.call('SET', 'mine', 1)") == "+OK\r\n")
  #expect(
    harness.eval(client, "return redis.call('DEL', 'mine')")
      .hasPrefix("-ERR The user executing the script can't run this command or subcommand script:"))
  #expect(
    harness.eval(client, "return redis.call('GET', 'other')").hasPrefix(
      "-ERR The user executing the script can't access at least one of the keys mentioned in the "
        + "command arguments script:"))
  #expect(harness.engine.context.accessLog.entries.allSatisfy { $0.context == .lua })
  #expect(harness.eval(client, "return redis.acl_check_cmd('get', 'other')") == "$-1\r\n")
}

@Test func aMonitorSeesTheScriptAndThenItsCommands() {
  var harness = EngineHarness()
  let monitor = harness.client(), client = harness.client()
  _ = harness.send(monitor, "MONITOR")
  _ = harness.eval(client, "redis.call('set', 'a', 1)")
  let lines = harness.output(monitor).split(separator: "\r\n")
  #expect(lines.count == 2)
  #expect(lines.first?.contains("\"EVAL\" \"redis.call(") == true)
  #expect(lines.last?.hasSuffix(" [0 lua] \"set\" \"a\" \"1\"") == true)
}

@Test func aMonitorRunsNoScripts() {
  var harness = EngineHarness()
  let monitor = harness.client()
  _ = harness.send(monitor, "MONITOR")
  for command in ["EVAL x 0", "EVALSHA_RO x 0", "FCALL f 0", "PUBLISH a b"] {
    #expect(
      harness.send(monitor, command) == "-ERR Replica can't interact with the keyspace\r\n")
  }
}

@Test func nestedRepliesHaveABound() {
  var harness = EngineHarness()
  let client = harness.client()
  let reply = harness.eval(client, "local a = {} a[1] = a return a")
  #expect(reply.hasSuffix("*1\r\n-ERR reached lua stack limit\r\n"))
  let wide = harness.eval(client, "local a = {} a[1] = a a[2] = a return a")
  #expect(wide == "-ERR reached lua stack limit\r\n")
}

@Test func codesOfErrorsAreBounded() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(
    client, "for i = 1, 300 do redis.pcall('x') end return redis.error_reply(('E'):rep(5000))")
  for index in 0..<200 { _ = harness.eval(client, "return redis.error_reply('E\(index) x')") }
  let errors = harness.engine.context.statistics.errors
  #expect(errors.count == 128)
  #expect(errors.keys.allSatisfy { $0.utf8.count <= 64 })
}

@Test func manyFunctionsAreRegisteredInTimeThatGrowsWithThem() {
  var harness = EngineHarness()
  let client = harness.client()
  let code =
    "#!lua name=l\nfor i = 1, 50000 do redis.register_function('f' .. i, function() end) end"
  #expect(harness.send(client, ["FUNCTION", "LOAD", code].map { Array($0.utf8) }) == "$1\r\nl\r\n")
}

@Test func errorsAreCountedOnce() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(client, "return redis.call('LPOP')")
  _ = harness.eval(client, "redis.call('SET', 'a', 'b') return redis.call('INCR', 'a')")
  #expect(harness.engine.context.statistics.errors["ERR"] == 2)
  let table = harness.engine.context.table
  let counts = ["LPOP", "INCR", "EVAL"].map { name in
    let index = Array(name.utf8).withView { table.index(of: $0) } ?? 0
    let one = harness.engine.context.statistics.perCommand[index]
    return [one.calls, one.rejected, one.failed]
  }
  #expect(counts == [[0, 1, 0], [1, 0, 1], [2, 0, 2]])
  // What is returned, and what another error than that is thrown, counts as well.
  for script in ["return redis.pcall('INCR', 'a')", "return {err='A b'}", "error('x')"] {
    _ = harness.eval(client, script)
  }
  _ = harness.eval(client, "redis.pcall('INCR', 'a') return 1")
  let index = Array("EVAL".utf8).withView { table.index(of: $0) } ?? 0
  #expect(harness.engine.context.statistics.perCommand[index].failed == 5)
  #expect(harness.engine.context.statistics.errors == ["ERR": 5, "A": 1])
}

// MARK: Memory

@Test func aScriptFailsWhenItsMemoryIsUsedUp() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(client, "return 1")
  harness.engine.context.scripting.evaluation?.lua.memoryMax = 4 << 20
  let script = "local t = {} while true do t[#t + 1] = string.rep('x', 100000) .. #t end"
  let hash = String(decoding: Array(script.utf8).withView { SHA1($0) }.hex, as: UTF8.self)
  #expect(
    harness.eval(client, script) == "-ERR Error running script \(hash), not enough memory\r\n")
  #expect(harness.eval(client, "return 1") == ":1\r\n")
}

/// Goal: a reply too big for a script is refused before it fills the memory.
@Test func aReplyTooBigForTheScriptFails() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(client, "redis.call('SET', 's', string.rep('x', 5000000))")
  harness.engine.context.scripting.evaluation?.lua.memoryMax = 4 << 20
  #expect(harness.eval(client, "return #redis.call('GET', 's')").contains("not enough memory"))
  #expect(harness.eval(client, "return redis.call('STRLEN', 's')") == ":5000000\r\n")
}

/// Goal: a reply of few bytes that is many values is refused before it fills the memory. Method: replies of
/// each kind, whose values take many times their bytes, in less memory than they need.
@Test(arguments: [
  "redis.setresp(3) return redis.call('ZRANGE', 'z', 0, -1, 'WITHSCORES')",
  "redis.setresp(3) return redis.call('HGETALL', 'h')",
  "redis.setresp(3) return redis.call('SMEMBERS', 's')",
  "redis.setresp(3) return redis.call('ZMSCORE', 'z', unpack(ARGV))",
  "return redis.call('XRANGE', 'x', '-', '+')", "return redis.call('LRANGE', 'l', 0, -1)",
])
func aReplyOfManyValuesFails(script: String) {
  var harness = EngineHarness()
  let client = harness.client()
  let fill = """
    for i = 1, 5000 do
      redis.call('ZADD', 'z', i, i) redis.call('HSET', 'h', i, i) redis.call('SADD', 's', i)
      redis.call('XADD', 'x', i, 'a', 'b') redis.call('RPUSH', 'l', i)
    end
    """
  #expect(harness.eval(client, fill) == "$-1\r\n")
  let lua = harness.engine.context.scripting.evaluation!.lua
  lua.collectGarbage()
  let memoryMax = lua.memoryUsed + 150_000
  lua.memoryMax = memoryMax
  let words = ["EVAL", script, "0"] + (1...1000).map { "\($0)" }
  let reply = harness.send(client, words.map { Array($0.utf8) })
  #expect(reply.contains("not enough memory"))
  // The table of all strings may grow beside them.
  #expect(lua.memoryUsed <= memoryMax + 40_000)
  #expect(harness.eval(client, "return 1") == ":1\r\n")
}

// MARK: The budget

/// Goal: what scripts have of Redis counts by its bytes, so that the server looks at a script that does
/// it again and again. Method: some calls with a megabyte, and how often the budget was looked at.
@Test(arguments: [
  "redis.sha1hex(s)", "redis.log(redis.LOG_DEBUG, s)", "redis.error_reply(s)",
  "redis.status_reply(s .. i)", "redis.call('ECHO', s)", "redis.pcall('NOSUCH', s)",
  "redis.acl_check_cmd('SET', 'a', s)", "redis.call('GET', 'big')",
])
func bytesAreWork(call: String) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(client, "redis.call('SET', 'big', ('x'):rep(1e6))")
  var looks = 0
  harness.engine.context.scripting.evaluation?.lua.hook = {
    looks += 1
    return true
  }
  _ = harness.eval(client, "local s = ('x'):rep(1e6) for i = 1, 40 do \(call) end")
  #expect(looks >= 5, "\(looks) looks")
}

/// Goal: commands that take long are work, however few they are. Method: a clock on which each look takes
/// 20 ms, and a loop of a command that may be long, and of one that is short.
@Test(arguments: [("redis.call('LRANGE', 'l', 0, -1)", 90), ("redis.call('LLEN', 'l')", 4)])
func timeOfCommandsIsWork(call: String, least: Int) {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.eval(client, "redis.call('RPUSH', 'l', 1)")
  var looks = 0
  harness.engine.context.scripting.evaluation?.lua.hook = {
    looks += 1
    return true
  }
  harness.host.clockStep = 20
  _ = harness.eval(client, "for i = 1, 100 do \(call) end")
  #expect(looks >= least, "\(looks) looks")
}

/// Goal: what a script changes fits one frame of the log, which all of it goes to.
@Test func theEffectsOfAScriptAreBounded() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.eval(client, "return 1")
  harness.engine.context.scripting.evaluation?.effectsMax = 10_000
  let reply = harness.eval(
    client, "for i = 1, 1000 do redis.call('RPUSH', 'l', ('x'):rep(100)) end")
  #expect(
    reply.hasPrefix("-ERR the changes of the script are more than one frame of the log can have"))
  let (body, _) = harness.frame()
  #expect(body.count > 9_000 && body.count < 11_000)
  #expect(harness.send(client, "LLEN l") != ":1000\r\n")
  #expect(harness.eval(client, "return redis.call('DEL', 'l')") == ":1\r\n")
}

// MARK: SHUTDOWN NOSAVE

/// Goal: what SHUTDOWN NOSAVE has ended is in the log if the process goes on after all, and nowhere else
/// if it does not. Method: a script that others end; the process then says what became of it.
@Test(arguments: [true, false])
func aShutdownThatIsRefusedLosesNothing(isRefused: Bool) {
  var harness = EngineHarness(logging: true)
  let waiter = harness.client(), client = harness.client(), other = harness.client()
  _ = harness.send(other, "SET before 1")
  _ = harness.send(waiter, "BLPOP l 0")
  harness.host.clockStep = 100_000
  harness.host.others = { context in
    context.busy?.isShuttingDown = true
    context.busy?.isKilled = true
  }
  let script = "redis.call('RPUSH', 'l', 'a') for i = 1, 1e9 do end"
  #expect(harness.eval(client, script).hasPrefix("-ERR Script killed by user"))
  #expect(harness.output(waiter) == "")
  #expect(harness.send(other, "GET before").hasPrefix("-BUSY"))
  if isRefused {
    harness.engine.context.shutdownFailed()
    #expect(harness.output(waiter) == "*2\r\n$1\r\nl\r\n$1\r\na\r\n")
    let effects = harness.effects()
    #expect(effects.contains("before") && effects.contains("RPUSH") && effects.contains("LPOP"))
    #expect(harness.send(other, "GET before") == "$1\r\n1\r\n")
  } else {
    harness.engine.context.forgetEndedScript()
    let effects = harness.effects()
    #expect(effects.contains("before") && !effects.contains("RPUSH"))
  }
}

// MARK: The log

@Test func theLogHasTheEffects() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.eval(client, "redis.call('SET', 'a', ARGV[1]) redis.call('GET', 'a')", "1")
  #expect(harness.effects() == "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n")
  _ = harness.eval(client, "redis.call('PEXPIRE', 'a', 1000)")
  #expect(harness.effects().contains("PEXPIREAT"))
  _ = harness.eval(client, "redis.call('SADD', 's', 'x') redis.call('SPOP', 's')")
  let effects = harness.effects()
  #expect(effects.contains("SREM") && !effects.contains("SPOP"))
}

@Test func aScriptThatFailsKeepsWhatItWrote() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  #expect(harness.eval(client, "redis.call('SET', 'a', 1) error('x')").hasPrefix("-ERR"))
  #expect(harness.send(client, "GET a") == "$1\r\n1\r\n")
  #expect(harness.effects() == "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n")
}

@Test func aScriptThatWritesNothingLogsNothing() {
  var harness = EngineHarness(logging: true)
  let client = harness.client()
  _ = harness.eval(client, "return redis.call('GET', 'a')")
  #expect(harness.effects() == "")
}
