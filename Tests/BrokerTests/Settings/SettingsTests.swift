import RESP
import Testing

@testable import Broker

private func read(_ text: String) throws(StartError) -> Settings {
  var reader = SettingsReader()
  var text = text
  let result = text.withView { text in
    Result { () throws(StartError) in try reader.read(text, path: "martlet.conf") }
  }
  try result.get()
  return try reader.checked()
}

private func set(
  _ settings: inout Settings, _ words: String..., mayChangeProtected: Bool = false
) throws -> [String] {
  let bytes = words.map { Array($0.utf8) }
  return try withViews(bytes) { views in
    try settings.set(
      stride(from: 0, to: views.count, by: 2).map { (views[$0], views[$0 + 1]) },
      mayChangeProtected: mayChangeProtected)
  }
}

/// Views of `bytes` that last as long as `body`.
private func withViews<R>(_ bytes: [[UInt8]], _ body: ([ByteView]) throws -> R) rethrows -> R {
  var buffer = ByteBuffer()
  for part in bytes { buffer.append(part) }
  var views: [ByteView] = [], offset = 0
  for part in bytes {
    views.append(buffer.view(at: offset, size: part.count))
    offset += part.count
  }
  return try body(views)
}

/// What CONFIG SET with `words` answers to fresh settings.
private func reply(to words: [String]) -> String {
  withViews(words.map { Array($0.utf8) }) { views in
    var settings = Settings()
    do {
      let pairs = stride(from: 0, to: views.count, by: 2).map { (views[$0], views[$0 + 1]) }
      return "OK \(try settings.set(pairs))"
    } catch { return (error as? SettingsError)?.reply ?? "\(error)" }
  }
}

private func get(_ settings: Settings, _ patterns: String...) -> [String] {
  withViews(patterns.map { Array($0.utf8) }) { views in
    settings.matching(views).flatMap { [$0.name, $0.value] }
  }
}

// MARK: The table

@Test func everyDirectiveTakesBackWhatItPrints() throws {
  for directive in Directive.all where directive.isListed {
    var settings = Settings()
    let text = directive.read(settings)
    try directive.write(&settings, directive.takesWords ? SettingsReader.cut(text) : [text])
    #expect(directive.read(settings) == text, "\(directive.name)")
    let line = "\(directive.name) \(directive.line(Settings()) ?? "")"
    #expect(directive.read(try readOne(line)) == text, "\(line)")
  }
}

private func readOne(_ line: String) throws(StartError) -> Settings {
  var reader = SettingsReader()
  let words = Words.split(line)!
  try reader.apply(words[0], Array(words.dropFirst()), place: "test")
  return reader.settings
}

@Test func everyDirectiveHasHelp() {
  for directive in Directive.all { #expect(!directive.help.isEmpty, "\(directive.name)") }
  let help = StartArguments.help
  #expect(help.contains("--maxmemory bytes  [0]"))
  #expect(help.contains("the layout of values does not depend on it"))
  #expect(help.contains("growth of the log that starts a checkpoint"))
  #expect(!help.contains("Optional"))
}

// MARK: Files

@Test func aFileIsReadLikeRedisConf() throws {
  let settings = try read(
    """
    # a comment
      PORT 7000\r
    bind 10.0.0.1 -::1
    maxmemory 1gb
    requirepass "two words\\x21"
    appendfsync EVERYSEC

    client-output-buffer-limit replica 1mb 1kb 5
    allow 10.0.0.0/8
    allow fd00::/8
    save 900 1
    save 300 10
    user alice on >secret ~jobs:* +@all
    """)
  #expect(settings.port == 7000)
  #expect(settings.bind == ["10.0.0.1", "-::1"])
  #expect(settings.memoryMax == 1 << 30)
  #expect(settings.password == "two words!")
  #expect(settings.sync == .everysec)
  #expect(settings.outputLimits.replica == .init(hard: 1 << 20, soft: 1024, softSeconds: 5))
  #expect(settings.outputLimits.normal == .init(hard: 32 << 20))
  #expect(settings.allow == ["10.0.0.0/8", "fd00::/8"])
  #expect(get(settings, "save") == ["save", "900 1 300 10"])
  #expect(settings.users == [["alice", "on", ">secret", "~jobs:*", "+@all"]])
}

@Test(arguments: [
  ("port 1\nmaxmemry 1gb", "martlet.conf:2: unknown option 'maxmemry', did you mean 'maxmemory'?"),
  ("zzzzzzzz 1", "martlet.conf:1: unknown option 'zzzzzzzz'"),
  ("port", "martlet.conf:1: 'port': wrong number of arguments"),
  ("port 1 2", "martlet.conf:1: 'port': wrong number of arguments"),
  ("port x", "martlet.conf:1: 'port': argument couldn't be parsed into an integer"),
  ("logfile \"x", "martlet.conf:1: unbalanced quotes"),
  (
    "include other.conf",
    "martlet.conf:1: 'include' is not supported: put all options into one file"
  ),
  (
    "rename-command KEYS \"\"",
    "martlet.conf:1: 'rename-command' is not supported: take commands away with ACL rules"
  ),
  (
    "daemonize yes",
    "martlet.conf:1: 'daemonize': only daemonize no is supported: "
      + "it runs in the foreground; use a service manager"
  ),
  (
    "maxmemory-policy allkeys-lru",
    "martlet.conf:1: 'maxmemory-policy': only maxmemory-policy noeviction is supported: "
      + "what is queued is never evicted"
  ),
  (
    "allow 10.0.0.0/33",
    "martlet.conf:1: 'allow': '10.0.0.0/33' is no network such as 10.0.0.0/8 or fd00::/8"
  ),
  ("bind nowhere", "martlet.conf:1: 'bind': 'nowhere' is no IPv4 or IPv6 address"),
  ("replicaof 10.0.0.1 6379", "martlet.conf:1: 'replicaof': there is no replication yet"),
  ("requirepass \"\\xff\"", "martlet.conf:1: 'requirepass': argument is not UTF-8 text"),
  (
    "aclfile a\nuser x on",
    "options 'user' and 'aclfile' exclude each other: move the users to the file"
  ),
  ("port 0", "port is 0 and there is no unixsocket: nothing to listen on"),
])
func aBadFileEndsTheStartWithOneLine(text: String, line: String) {
  #expect(throws: StartError(line)) { try read(text) }
}

// MARK: The command line

@Test func theCommandLineComesAfterTheFile() throws {
  let arguments = try StartArguments([
    "my.conf", "--port", "7001", "--bind", "127.0.0.1", "::1", "--appendonly=no",
    "--maxmemory 700mb", "--logfile", "--odd", "--save",
  ])
  #expect(arguments.file == "my.conf")
  #expect(arguments.task == .serve)
  var text = "port 1\nsave 900 1\ntimeout 5"
  let settings = try text.withView { text in
    Result { () throws(StartError) in try arguments.settings(fileText: text) }
  }.get()
  #expect(settings.port == 7001)
  #expect(settings.bind == ["127.0.0.1", "::1"])
  #expect(!settings.isLogged)
  #expect(settings.memoryMax == 700 << 20)
  #expect(settings.logFile == "--odd")
  #expect(settings.idleTimeout == 5)
  #expect(get(settings, "save") == ["save", ""])
}

@Test func theCommandLineNamesATask() throws {
  #expect(try StartArguments(["--help"]).task == .help)
  #expect(try StartArguments(["-v"]).task == .version)
  #expect(try StartArguments(["--check-log"]).task == .checkLog(directory: nil))
  #expect(try StartArguments(["--export", "/data"]).task == .export(directory: "/data"))
  #expect(try StartArguments(["--repair", "/data"]).task == .repair(directory: "/data"))
  let task = StartArguments.Task.importData(file: "dump.rdb", skipsUnknown: true)
  #expect(
    try StartArguments(["--import-skip-unknown", "--import", "dump.rdb", "--dir", "x"]).task == task
  )
  #expect(throws: StartError.self) { try StartArguments(["--import", "--dir", "x"]) }
  #expect(throws: StartError.self) { try StartArguments(["--import-skip-unknown"]) }
  let export = try StartArguments(["a.conf", "--export", "--dir", "x"])
  #expect(export.task == .export(directory: nil))
  #expect(try export.settings().directory == "x")
}

@Test(arguments: [
  (["--port"], "--port: 'port': wrong number of arguments"),
  (["--port", "--bla"], "--port: 'port': argument couldn't be parsed into an integer"),
  (["--port", "1", "2"], "--port: 'port': wrong number of arguments"),
  (["--prot", "1"], "--prot: unknown option 'prot', did you mean 'port'?"),
  (["a.conf", "b.conf"], "unexpected argument 'b.conf': options are --name value"),
  (["-x"], "unexpected argument '-x': options are --name value"),
])
func aBadCommandLineEndsTheStartWithOneLine(arguments: [String], line: String) {
  #expect(throws: StartError(line)) { try StartArguments(arguments).settings() }
}

// MARK: CONFIG GET

@Test func configGetAnswersNamesPatternsAndAliases() {
  let settings = Settings()
  #expect(get(settings, "port") == ["port", "6379"])
  #expect(get(settings, "PORT", "port") == ["PORT", "6379", "port", "6379"])
  #expect(get(settings, "*AXMEMORY", "maxmemory") == ["maxmemory", "0"])
  #expect(get(settings, "lua-time-limit") == ["lua-time-limit", "5000"])
  #expect(get(settings, "*of") == ["replicaof", "", "slaveof", ""])
  #expect(get(settings, "nope", "user") == [])
  #expect(
    get(settings, "client-output-buffer-limit")[1]
      == "normal 33554432 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60")
}

// MARK: CONFIG SET

@Test func configSetTakesAllOrNothing() throws {
  var settings = Settings()
  #expect(try set(&settings, "maxmemory", "1mb", "TIMEOUT", "5") == ["maxmemory", "timeout"])
  #expect(settings.memoryMax == 1 << 20)
  #expect(try set(&settings, "maxmemory", "1048576") == [])
  #expect(throws: SettingsError.self) {
    try set(&settings, "maxmemory", "2mb", "timeout", "-1")
  }
  #expect(settings.memoryMax == 1 << 20)
  #expect(
    try set(&settings, "save", "900 1", "notify-keyspace-events", "KEA") == [
      "save", "notify-keyspace-events",
    ])
  #expect(settings.notifications.text == "AKE")
  #expect(try set(&settings, "bind", "") == ["bind"])
  #expect(settings.bind == [])
  #expect(try set(&settings, "appendonly", "yes") == [])
  #expect(try set(&settings, "dir", "/x", mayChangeProtected: true) == ["dir"])
}

private let failed = "ERR CONFIG SET failed (possibly related to argument '"

/// The texts are those of redis-server 7.0.15, seen side by side, unless told otherwise.
@Test func configSetRefusesInRedisWords() {
  #expect(
    reply(to: ["nope", "1", "daemonize", "yes"])
      == "ERR Unknown option or number of arguments for CONFIG SET - 'nope'")
  #expect(
    reply(to: ["user", "x"])
      == "ERR Unknown option or number of arguments for CONFIG SET - 'user'")
  let cases: [([String], String)] = [
    (["daemonize", "yes", "nope", "1"], "daemonize') - can't set immutable config"),
    (["dir", "/nope"], "dir') - can't set protected config"),
    (["maxmemory", "1", "MAXMEMORY", "2"], "MAXMEMORY') - duplicate parameter"),
    (["PORT", "abc"], "port') - argument couldn't be parsed into an integer"),
    (["port", "99999"], "port') - argument must be between 0 and 65535 inclusive"),
    (["maxmemory", "1x"], "maxmemory') - argument must be a memory value"),
    (
      ["appendfsync", "foo"],
      "appendfsync') - argument(s) must be one of the following: everysec, always, no"
    ),
    (["protected-mode", "maybe"], "protected-mode') - argument must be 'yes' or 'no'"),
    (["save", "a"], "save') - Invalid save parameters"),
    (["save", "0 1"], "save') - Invalid save parameters"),
    (
      ["client-output-buffer-limit", "normal"],
      "client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration."
    ),
    (
      ["client-output-buffer-limit", "foo 1 2 3"],
      "client-output-buffer-limit') - Invalid client class specified in buffer limit configuration."
    ),
    (
      ["client-output-buffer-limit", "normal 1 2 x"],
      "client-output-buffer-limit') - "
        + "Error in hard, soft or soft_seconds setting in buffer limit configuration."
    ),
    (
      ["notify-keyspace-events", "q"],
      "notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
    ),
    (["lua-time-limit", "x"], "lua-time-limit') - argument couldn't be parsed into an integer"),
    (
      ["timeout", "2147483648"],
      "timeout') - argument must be between 0 and 2147483647 inclusive"
    ),
    (
      ["client-query-buffer-limit", "1"],
      "client-query-buffer-limit') - "
        + "argument must be between 1048576 and 9223372036854775807 inclusive"
    ),
    (["maxclients", "0"], "maxclients') - argument must be between 1 and 4294967295 inclusive"),
    (
      ["hash-max-ziplist-value", "-1"],
      "hash-max-ziplist-value') - argument must be a memory value"
    ),
    (
      ["maxmemory-clients", "200%"],
      "maxmemory-clients') - percentage argument must be less or equal to 100"
    ),
    (
      ["maxmemory-policy", "foo"],
      "maxmemory-policy') - argument(s) must be one of the following: volatile-lru, volatile-lfu, "
        + "volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction"
    ),
    // Ours: Redis would take these.
    (
      ["maxmemory-policy", "allkeys-lru"],
      "maxmemory-policy') - only maxmemory-policy noeviction is supported: "
        + "what is queued is never evicted"
    ),
    (
      ["appendonly", "no"],
      "appendonly') - can't change while running, restart with the new value"
    ),
  ]
  for (words, text) in cases {
    #expect(reply(to: words) == failed + text)
  }
}

// MARK: CONFIG REWRITE

private func rewrite(_ settings: Settings, _ old: String, users: [String]? = nil) -> String {
  var old = old
  return old.withView { settings.rewritten($0, users: users) }
}

@Test func aRewriteKeepsWhatStillHolds() throws {
  let old = "# mine\nport 6379\n\n\nmaxmemory 1024kb\nsave 900 1\nsave 300 10\nbogus 1\n"
  var settings = Settings()
  _ = try set(&settings, "maxmemory", "1mb", "save", "900 1 300 10", "timeout", "7")
  #expect(
    rewrite(settings, old)
      == "# mine\nport 6379\n\nmaxmemory 1024kb\nsave 900 1\nsave 300 10\n# ??? bogus 1\n\n"
      + "# Generated by CONFIG REWRITE\ntimeout 7\n")
}

@Test func aRewriteChangesValuesInPlaceAndIsReadBack() throws {
  var settings = Settings()
  _ = try set(
    &settings, "maxmemory", "2gb", "save", "60 1", "requirepass", "a \"b\"", "slave-read-only",
    "no",
    "client-output-buffer-limit", "normal 1mb 0 0", "bind", "10.0.0.1 *")
  let old = "MAXMEMORY 1gb\nsave 900 1\nsave 300 10\nslave-read-only yes\nuser a on\nuser b on\n"
  let new = rewrite(settings, old, users: ["user default on nopass"])
  #expect(
    new.hasPrefix(
      "maxmemory 2gb\nsave 60 1\nreplica-read-only no\nuser default on nopass\n\n"
        + "# Generated by CONFIG REWRITE\nbind 10.0.0.1 *\nrequirepass \"a \\\"b\\\"\"\n"))
  let back = try read(new)
  for directive in Directive.all {
    #expect(directive.read(back) == directive.read(settings), "\(directive.name)")
  }
  #expect(rewrite(settings, new, users: ["user default on nopass"]) == new)
  #expect(rewrite(Settings(), "") == "")
}

@Test func eventClassesArePrintedAsRedisPrintsThem() {
  #expect(Settings.Notifications(letters: "KEl")?.text == "lKE")
  #expect(Settings.Notifications(letters: "g$lshzxetdmKE")?.text == "AKEm")
  #expect(Settings.Notifications(letters: "")?.text == "")
  #expect(Settings.Notifications(letters: "q") == nil)
}
