import RESP
import Testing

@testable import Broker

/// A small command table with Redis 7's categories.
struct SmallCatalog: CommandCatalog {
  private static let table: [(name: String, parent: String?, categories: CommandCategories)] = [
    ("get", nil, [.read, .string, .fast]), ("set", nil, [.write, .string, .slow]),
    ("incr", nil, [.write, .string, .fast]), ("lpush", nil, [.write, .list, .fast]),
    ("lpop", nil, [.write, .list, .fast]), ("lrange", nil, [.read, .list, .slow]),
    ("sort", nil, [.write, .set, .sortedset, .list, .slow, .dangerous]),
    ("hget", nil, [.read, .hash, .fast]), ("publish", nil, [.pubsub, .fast]),
    ("psubscribe", nil, [.pubsub, .slow]), ("select", nil, [.fast, .connection]),
    ("ping", nil, [.fast, .connection]), ("auth", nil, [.fast, .connection]),
    ("debug", nil, [.admin, .slow, .dangerous]), ("config", nil, [.slow]),
    ("config|get", "config", [.admin, .slow, .dangerous]),
    ("config|set", "config", [.admin, .slow, .dangerous]), ("client", nil, [.slow]),
    ("client|id", "client", [.slow, .connection]),
    ("client|kill", "client", [.admin, .slow, .dangerous, .connection]),
    ("getjob", nil, [.write, .queue, .slow]),
  ]

  var commandCount: Int { Self.table.count }
  func commandIndex(named name: ByteView) -> Int? {
    let name = name.text.lowercased()
    return Self.table.firstIndex { $0.name == name }
  }
  func commandName(at index: Int) -> String { Self.table[index].name }
  func commandParent(at index: Int) -> Int? {
    Self.table[index].parent.flatMap { parent in Self.table.firstIndex { $0.name == parent } }
  }
  func commandCategories(at index: Int) -> CommandCategories { Self.table[index].categories }
  func commandNeedsNoRights(at index: Int) -> Bool { Self.table[index].name == "auth" }
}

/// Access control with the handles that tests like: text in, text out.
private struct Access {
  var control = AccessControl(SmallCatalog())

  /// `OK`, or the error reply.
  mutating func set(_ name: String, _ rules: String) -> String {
    let words =
      [name] + rules.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    return withViews(words.map { Array($0.utf8) }) { views in
      do throws(AccessError) {
        lastChange = try control.setUser(views[0], Array(views[1...]))
        return "OK"
      } catch {
        return error.reply
      }
    }
  }

  var lastChange = AccessControl.Change()

  func user(_ name: String) -> User? { id(name).flatMap { control[$0] } }
  func id(_ name: String) -> UserID? {
    var name = name
    return name.withView { control.id(of: $0) }
  }
  func line(_ name: String) -> String {
    user(name).map { String(decoding: $0.line, as: UTF8.self) } ?? "none"
  }
  var lines: [String] { control.users.map { String(decoding: $0.line, as: UTF8.self) } }

  /// The reply to a command with its keys (`r:key`, `w:key`, `rw:key`) and channels (`c:`, `p:`).
  func run(_ name: String, _ command: String, _ uses: String..., argument: String? = nil) -> String
  {
    let catalog = SmallCatalog()
    let parts = uses.map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
    let names = parts.map { Array($0[1].utf8) } + [Array((argument ?? "").utf8)]
    return withViews(names) { views in
      var keys: [KeyUse] = [], channels: [ChannelUse] = []
      for (index, part) in parts.enumerated() {
        let view = views[index]
        switch part[0] {
        case "r": keys.append(KeyUse(name: view, access: .read, position: index + 1))
        case "w": keys.append(KeyUse(name: view, access: .write, position: index + 1))
        case "rw": keys.append(KeyUse(name: view, access: [.read, .write], position: index + 1))
        case "c": channels.append(ChannelUse(name: view, isPattern: false, position: index + 1))
        default: channels.append(ChannelUse(name: view, isPattern: true, position: index + 1))
        }
      }
      var commandName = command
      let index = commandName.withView { catalog.commandIndex(named: $0) }!
      let denial = control.check(
        id(name)!, command: index, firstArgument: argument == nil ? views.first : views.last,
        keys: keys, channels: channels)
      return denial?.reply(command: command) ?? "OK"
    }
  }

  func logIn(_ name: String, _ password: String) -> Bool {
    withViews([Array(name.utf8), Array(password.utf8)]) {
      control.authenticate($0[0], password: $0[1]) != nil
    }
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

private let noCommand = "NOPERM this user has no permissions to run the "
private let noKey =
  "NOPERM this user has no permissions to access one of the keys used as arguments"
private let noChannel =
  "NOPERM this user has no permissions to access one of the channels used as arguments"

// MARK: Users and rules

@Test func theDefaultUserMayEverything() {
  let access = Access()
  #expect(access.lines == ["user default on nopass ~* &* +@all"])
  #expect(access.control.scope(of: .default).isEmpty)
  #expect(access.control.defaultNeedsNoPassword)
  #expect(access.run("default", "config|set", "w:x", "c:y") == "OK")
}

/// What redis-server 7.0.15 printed for the same rules.
@Test func aUserIsPrintedAsRedisPrintsIt() throws {
  var access = Access()
  #expect(access.set("t", "reset +debug|object +debug") == "OK")
  #expect(access.line("t") == "user t off sanitize-payload resetchannels -@all +debug")
  #expect(
    access.set("alice", "on >p %R~a* ~b %W~b2 &c* +@list -lpush (+set ~x*)") == "OK")
  #expect(
    access.line("alice")
      == "user alice on #148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940 "
      + "%R~a* ~b %W~b2 resetchannels &c* -@all +@list -lpush (~x* resetchannels -@all +set)")
  let alice = try #require(access.user("alice"))
  #expect(alice.flags == ["on"])
  #expect(alice.root.commandsText == "-@all +@list -lpush")
  #expect(String(decoding: alice.root.keysText, as: UTF8.self) == "%R~a* ~b %W~b2")
  #expect(String(decoding: alice.root.channelsText, as: UTF8.self) == "&c*")
  #expect(String(decoding: alice.selectors[0].keysText, as: UTF8.self) == "~x*")
  #expect(alice.selectors[0].channelsText == [])
  #expect(access.set("new", "") == "OK")
  #expect(access.line("new") == "user new off resetchannels -@all")
}

@Test(arguments: [
  ("on +@nope", "+@nope", "Unknown command or category name in ACL"),
  ("+nope", "+nope", "Unknown command or category name in ACL"),
  ("+client|nope", "+client|nope", "Unknown command or category name in ACL"),
  ("-get|key1", "-get|key1", "Unknown command or category name in ACL"),
  ("+", "+", "Unknown command or category name in ACL"),
  (
    "on ~a ~* ~b", "~b",
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have "
      + "any effect. Try 'resetkeys' to start with an empty list of patterns"
  ),
  (
    "&a &* &b", "&b",
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not "
      + "have any effect. Try 'resetchannels' to start with an empty list of channels"
  ),
  (">x <y", "<y", "The password you are trying to remove from the user does not exist"),
  (
    "#abc", "#abc",
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
      + "characters"
  ),
  ("+config|get|x", "+config|get|x", "Allowing first-arg of a subcommand is not supported"),
  ("+select|0 +get|", "+get|", "Syntax error"), ("foo", "foo", "Syntax error"),
  ("%A~x", "%A~x", "Syntax error"), ("%~x", "%~x", "Syntax error"),
  ("%RR~x", "%RR~x", "Syntax error"), ("(~a +get) (foo)", "(foo)", "Syntax error"),
])
func aBadRuleIsRefusedInRedisWords(rules: String, rule: String, reason: String) {
  var access = Access()
  #expect(access.set("t", "+ping") == "OK")
  #expect(access.set("t", rules) == "ERR Error in ACL SETUSER modifier '\(rule)': \(reason)")
  #expect(access.line("t") == "user t off resetchannels -@all +ping")
  #expect(access.set("other", rules) != "OK")
  #expect(access.user("other") == nil)
}

@Test func namesAndParenthesesAreChecked() {
  var access = Access()
  #expect(access.set("a\tb", "on") == "ERR Usernames can't contain spaces or null characters")
  #expect(
    access.set("t", "on (~a +get")
      == "ERR Unmatched parenthesis in acl selector starting at '(~a'.")
  // Redis forgets the first selector here.
  #expect(
    access.set("t", "(~a (~b +get)")
      == "ERR Unmatched parenthesis in acl selector starting at '(~a'.")
  #expect(
    access.set("t", "(~a (~b)") == "ERR Error in ACL SETUSER modifier '(~a (~b)': Syntax error")
  #expect(
    access.set("t", "(~a (~b")
      == "ERR Unmatched parenthesis in acl selector starting at '(~b'.")
  #expect(access.set("t", "(~a +get) (~b +set)") == "OK")
  #expect(access.user("t")?.selectors.count == 2)
  #expect(access.set("t", "clearselectors") == "OK")
  #expect(access.user("t")?.selectors.isEmpty == true)
}

@Test func passwordsAreAddedRemovedAndChecked() {
  var access = Access()
  #expect(access.set("t", ">one >two") == "OK")
  #expect(!access.logIn("t", "one"))  // Off.
  #expect(access.set("t", "on") == "OK")
  #expect(access.logIn("t", "one") && access.logIn("t", "two") && !access.logIn("t", "three"))
  #expect(access.set("t", "<one") == "OK")
  #expect(!access.logIn("t", "one"))
  #expect(access.set("t", "nopass") == "OK")
  #expect(access.logIn("t", "anything"))
  #expect(access.set("t", "resetpass") == "OK")
  #expect(!access.logIn("t", "two") && !access.logIn("t", ""))
  let hash = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940"
  #expect(access.set("t", "#\(hash)") == "OK")
  #expect(access.logIn("t", "p"))
  #expect(access.set("t", "!\(hash)") == "OK")
  #expect(!access.logIn("t", "p") && !access.logIn("nobody", "p"))
}

@Test func requirepassIsThePasswordOfDefault() {
  var access = Access()
  access.control.setDefaultPassword(ByteView("secret"))
  #expect(!access.control.defaultNeedsNoPassword)
  #expect(access.logIn("default", "secret") && !access.logIn("default", "other"))
  #expect(access.control.scope(of: .default).isEmpty)
  access.control.setDefaultPassword(ByteView())
  #expect(access.control.defaultNeedsNoPassword)
  #expect(access.lines == ["user default on nopass ~* &* +@all"])
}

// MARK: Commands

@Test func categoriesAndCommandsAreAllowedInTurn() {
  var access = Access()
  #expect(access.set("t", "on ~* +@all -@dangerous +config|get") == "OK")
  #expect(access.line("t").hasSuffix("resetchannels +@all -@dangerous +config|get"))
  #expect(access.run("t", "get") == "OK")
  #expect(access.run("t", "config|get") == "OK")
  #expect(access.run("t", "config|set") == noCommand + "'config|set' command")
  #expect(access.run("t", "sort") == noCommand + "'sort' command")
  #expect(access.set("t", "-@all +@queue +client -client|kill") == "OK")
  #expect(access.run("t", "getjob") == "OK")
  #expect(access.run("t", "client|id") == "OK")
  #expect(access.run("t", "client|kill") == noCommand + "'client|kill' command")
  #expect(access.run("t", "get") == noCommand + "'get' command")
  #expect(access.run("t", "auth") == "OK")
}

@Test func aLaterRuleReplacesTheEarlierOfItsName() {
  var access = Access()
  #expect(access.set("t", "+client|id +client|kill +get -get +@list -client +@list") == "OK")
  #expect(access.line("t").hasSuffix("-@all -get -client +@list"))
  #expect(access.set("t", "+@all") == "OK")
  #expect(access.line("t").hasSuffix("+@all"))
}

@Test func aCommandMayBeAllowedWithOneFirstArgument() {
  var access = Access()
  #expect(access.set("t", "on +select|0 +debug|Object") == "OK")
  #expect(access.line("t").hasSuffix("-@all +select|0 +debug|object"))
  #expect(access.run("t", "select", argument: "0") == "OK")
  #expect(access.run("t", "select", argument: "1") == noCommand + "'select' command")
  #expect(access.run("t", "debug", argument: "OBJECT") == "OK")
  #expect(access.set("t", "-debug") == "OK")
  #expect(access.run("t", "debug", argument: "object") == noCommand + "'debug' command")
}

// MARK: Keys and channels

@Test func keysNeedAPatternThatGivesTheAccess() {
  var access = Access()
  #expect(access.set("t", "on +@all ~both:* %R~read:* %W~write:*") == "OK")
  #expect(access.control.scope(of: access.id("t")!) == [.keys, .channels])
  #expect(access.run("t", "get", "r:both:1") == "OK")
  #expect(access.run("t", "set", "rw:both:1") == "OK")
  #expect(access.run("t", "get", "r:read:1") == "OK")
  #expect(access.run("t", "set", "w:read:1") == noKey)
  #expect(access.run("t", "set", "w:write:1") == "OK")
  #expect(access.run("t", "incr", "rw:write:1") == noKey)
  #expect(access.run("t", "get", "r:both:1", "r:other") == noKey)
  #expect(access.set("t", "%W~read:*") == "OK")
  #expect(access.run("t", "incr", "rw:read:1") == "OK")
  #expect(access.line("t").contains(" ~both:* ~read:* %W~write:* "))
}

@Test func channelsMatchAndPatternsMustBeTheSame() {
  var access = Access()
  #expect(access.set("t", "on +@pubsub &news:*") == "OK")
  #expect(access.run("t", "publish", "c:news:1") == "OK")
  #expect(access.run("t", "publish", "c:other") == noChannel)
  #expect(access.run("t", "psubscribe", "p:news:*") == "OK")
  #expect(access.run("t", "psubscribe", "p:news:a*") == noChannel)
  var name = "news:x"
  #expect(name.withView { access.control.allows(access.id("t")!, channel: $0, isPattern: false) })
}

@Test func oneSelectorMustAllowTheWhole() {
  var access = Access()
  #expect(access.set("t", "on +get ~a* (+set ~b*) (+@pubsub &c)") == "OK")
  #expect(access.run("t", "get", "r:a1") == "OK")
  #expect(access.run("t", "set", "w:b1") == "OK")
  #expect(access.run("t", "get", "r:b1") == noKey)
  #expect(access.run("t", "set", "w:a1") == noKey)
  #expect(access.run("t", "publish", "c:c") == "OK")
  #expect(access.run("t", "publish", "c:d") == noChannel)
  #expect(access.run("t", "incr", "w:b1") == noCommand + "'incr' command")
}

@Test func denialsReadAsInRedis() {
  #expect(
    Denial.key(position: 1).dryRunText(command: "get", argument: ByteView("foo"))
      == "This user has no permissions to access the 'foo' key")
  #expect(
    Denial.command.dryRunText(command: "config|get", argument: ByteView())
      == "This user has no permissions to run the 'config|get' command")
  #expect(
    Denial.command.textInScript
      == "The user executing the script can't run this command or subcommand")
  #expect(Denial.key(position: 1).replyInTransaction.hasSuffix("touch the specified keys"))
}

// MARK: Users that come and go

@Test func aDeletedUserMayNothingAndItsNameMayComeAgain() throws {
  var access = Access()
  #expect(access.set("t", "on nopass +@all ~* &*") == "OK")
  let old = try #require(access.id("t"))
  #expect(access.control.scope(of: old).isEmpty)
  let change = try access.control.deleteUsers([ByteView("t"), ByteView("nobody")])
  #expect(change.gone == [old])
  #expect(access.set("t", "on nopass +@all ~* &*") == "OK")
  #expect(access.id("t") != old)
  #expect(!access.control.scope(of: old).isEmpty)
  #expect(access.control.check(old, command: 0, firstArgument: nil) == .command)
  #expect(throws: AccessError("The 'default' user cannot be removed")) {
    try access.control.deleteUsers([ByteView("t"), ByteView("default")])
  }
  #expect(access.user("t") != nil)
}

@Test func lostChannelsAreTold() {
  var access = Access()
  _ = access.set("t", "on &a &b")
  _ = access.set("t", "&c")
  #expect(access.lastChange.lostChannels.isEmpty)
  _ = access.set("t", "resetchannels &a &c")
  #expect(access.lastChange.lostChannels == [access.id("t")!])
  _ = access.set("t", "allchannels")
  #expect(access.lastChange.lostChannels.isEmpty)
}

// MARK: Files

@Test func aFileOfUsersIsReadBackAsItWasWritten() throws {
  var access = Access()
  _ = access.set("alice", "on >p ~a* &c +@all -@dangerous (+get %R~x) (~y)")
  _ = access.set("default", "off")
  let text = access.control.fileText
  var other = Access()
  _ = other.set("bob", "on")
  let bob = try #require(other.id("bob"))
  let change = try withViews([text]) { try other.control.load($0[0], path: "users.acl") }
  #expect(other.lines == access.lines)
  #expect(change.gone == [bob])
  #expect(other.control.fileText == text)
}

@Test func aBadFileOfUsersChangesNothing() {
  let cases: [(String, String)] = [
    ("alice on\n", "u:1 should start with user keyword followed by the username. "),
    ("\nuser a on\nuser a off", "WARNING: Duplicate user 'a' found on line 3. "),
    (
      "user a +nope ~x\n",
      "u:1: Error in applying operation '+nope': Unknown command or category name in ACL. "
    ),
    (
      "user a ~* ~x foo\n",
      "u:1: \(RuleError.patternAfterAllKeys.text). "
    ),
    ("user a (~x\n", "u:1: Unmatched parenthesis in selector definition."),
    ("user a\tb on\n", "'u:1: username 'a\tb' contains invalid characters. "),
  ]
  for (text, errors) in cases {
    var access = Access()
    _ = access.set("keep", "on")
    let expected = AccessError(
      errors
        + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
    )
    #expect(throws: expected) {
      try withViews([Array(text.utf8)]) { try access.control.load($0[0], path: "u") }
    }
    #expect(access.user("keep") != nil && access.user("a") == nil)
  }
}

@Test func aFileWithoutDefaultMakesItAnew() throws {
  var access = Access()
  _ = access.set("default", "-@all")
  _ = try access.control.load(ByteView("user a on\n"), path: "u")
  #expect(access.line("default") == "user default on nopass ~* &* +@all")
}

@Test func usersOfTheOptionsBeginFromNothing() throws {
  var access = Access()
  let off = try access.control.define([
    ["default", "on", ">x", "+ping"], ["bob", "(~a", "+get)"],
  ])
  #expect(off == ["bob"])
  #expect(access.line("default").hasSuffix(" resetchannels -@all +ping"))
  #expect(access.user("bob")?.selectors.count == 1)
  #expect(
    throws: AccessError(
      "Error in user declaration 'a': Duplicate user found. A user can only be defined once in "
        + "config files")
  ) { try access.control.define([["a"], ["a"]]) }
  #expect(
    throws: AccessError(
      "Error loading ACL rule '+nope' for the user named 'a': Unknown command or category name in "
        + "ACL")
  ) { try access.control.define([["a", "+nope"]]) }
  #expect(access.user("a") == nil)
}

// MARK: The log

@Test func likeRefusalsAreOneEntry() {
  var log = AccessLog()
  func add(_ object: String, at now: Int64, countMax: Int = 3) {
    log.add(
      .key, .toplevel, object: Array(object.utf8), user: Array("t".utf8), client: [], at: now,
      countMax: countMax)
  }
  add("a", at: 0)
  add("b", at: 1000)
  add("a", at: 60_000)
  #expect(log.entries.map(\.count) == [2, 1])
  #expect(log.entries[0].object == Array("a".utf8))
  #expect(log.entries[0].age(at: 61_500) == 1.5)
  add("a", at: 200_000)
  #expect(log.entries.map(\.count) == [1, 2, 1])
  add("c", at: 200_000)
  #expect(log.entries.count == 3)
  add("d", at: 200_000, countMax: 1)
  #expect(log.entries.map(\.object) == [Array("d".utf8)])
  log.reset()
  #expect(log.entries.isEmpty)
}

@Test func categoriesAreListedAndNamed() {
  #expect(CommandCategories(name: ByteView("LIST")) == .list)
  #expect(CommandCategories(name: ByteView("queue")) == .queue)
  #expect(CommandCategories(name: ByteView("nope")) == nil)
  #expect(CommandCategories([.read, .fast]).memberNames == ["read", "fast"])
  #expect(
    SmallCatalog().commandNames(in: .dangerous) == [
      "sort", "debug", "config|get", "config|set", "client|kill",
    ])
  var random = SplitMix64(seed: 1)
  #expect(AccessControl.password(bits: 256, &random)?.count == 64)
  #expect(AccessControl.password(bits: 5, &random)?.count == 2)
  #expect(AccessControl.password(bits: 0, &random) == nil)
}
