// AccessCommandsTests.swift: logging in, rights, and the commands that change them.

import RESP
import Testing

@testable import Broker

@Test func aPasswordLocksOutWhoDoesNotKnowIt() {
  var harness = EngineHarness()
  let admin = harness.client()
  #expect(
    harness.send(admin, "AUTH secret")
      == "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n"
  )
  #expect(harness.send(admin, "CONFIG SET requirepass secret") == "+OK\r\n")
  #expect(harness.send(admin, "PING") == "+PONG\r\n")
  let client = harness.client()
  #expect(harness.send(client, "PING") == "-NOAUTH Authentication required.\r\n")
  #expect(harness.send(client, "HELLO 3").hasPrefix("-NOAUTH HELLO must be called"))
  #expect(
    harness.send(client, "AUTH wrong")
      == "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
  #expect(harness.send(client, "AUTH secret") == "+OK\r\n")
  #expect(harness.send(client, "PING") == "+PONG\r\n")
  #expect(harness.send(client, "RESET") == "+RESET\r\n")
  #expect(harness.send(client, "PING") == "-NOAUTH Authentication required.\r\n")
  #expect(harness.send(client, "HELLO 2 AUTH default secret").hasPrefix("*14\r\n"))
  let empty: [[UInt8]] = [Array("CONFIG".utf8), Array("SET".utf8), Array("requirepass".utf8), []]
  #expect(harness.send(client, empty) == "+OK\r\n")
  let newcomer = harness.client()
  #expect(harness.send(newcomer, "PING") == "+PONG\r\n")
}

@Test func usersMayWhatTheirRulesSay() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  #expect(
    harness.send(admin, "ACL SETUSER bob on >pw ~jobs:* %R~seen:* +@list +client|id -lmpop")
      == "+OK\r\n")
  #expect(harness.send(client, "AUTH bob pw") == "+OK\r\n")
  #expect(
    harness.send(client, "ACL WHOAMI")
      == "-NOPERM this user has no permissions to run the 'acl|whoami' command\r\n")
  #expect(harness.send(client, "RPUSH jobs:1 a") == ":1\r\n")
  #expect(
    harness.send(client, "RPUSH other a")
      == "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n")
  #expect(harness.send(client, "RPUSH seen:1 a").hasPrefix("-NOPERM"))
  #expect(harness.send(client, "RPOPLPUSH seen:1 jobs:1").hasPrefix("-NOPERM"))
  #expect(harness.send(client, "CLIENT ID") == ":2\r\n")
  #expect(
    harness.send(client, "CLIENT LIST")
      == "-NOPERM this user has no permissions to run the 'client|list' command\r\n")
  #expect(harness.send(client, "BLMPOP 0 2 jobs:1 other LEFT").hasPrefix("-NOPERM"))
  #expect(harness.send(admin, "CLIENT LIST").contains("user=bob"))
}

@Test func rightsChangeForWhoIsLoggedInAlready() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass +@all ~* &*")
  _ = harness.send(client, "AUTH bob x")
  #expect(!harness.engine.context.sessions[client].flags.contains(.restricted))
  _ = harness.send(admin, "ACL SETUSER bob -ping")
  #expect(harness.send(client, "PING").hasPrefix("-NOPERM"))
  _ = harness.send(admin, "ACL SETUSER bob +ping")
  #expect(harness.send(client, "PING") == "+PONG\r\n")
}

@Test func deletingAUserClosesItsConnections() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass +@all ~* &*")
  _ = harness.send(client, "AUTH bob x")
  #expect(
    harness.send(admin, "ACL DELUSER bob default")
      == "-ERR The 'default' user cannot be removed\r\n")
  #expect(harness.send(admin, "ACL DELUSER bob nobody") == ":1\r\n")
  #expect(harness.engine.context.requests.kill == [client])
  #expect(harness.send(client, "PING") == "")
}

@Test func refusalsAreLogged() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass ~a +@list")
  _ = harness.send(client, "AUTH bob x")
  _ = harness.send(client, "RPUSH b x")
  _ = harness.send(client, "RPUSH b x")
  _ = harness.send(client, "PING")
  _ = harness.send(client, "AUTH nobody x")
  let log = harness.send(admin, "ACL LOG")
  #expect(log.hasPrefix("*3\r\n*20\r\n$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n"))
  #expect(log.contains("$5\r\ncount\r\n:2\r\n$6\r\nreason\r\n$3\r\nkey\r\n"))
  #expect(log.contains("$6\r\nobject\r\n$4\r\nping\r\n$8\r\nusername\r\n$3\r\nbob\r\n"))
  #expect(harness.send(admin, "ACL LOG 1").hasPrefix("*1\r\n"))
  #expect(harness.send(admin, "ACL LOG RESET") == "+OK\r\n")
  #expect(harness.send(admin, "ACL LOG") == "*0\r\n")
  #expect(harness.send(admin, "INFO stats").contains("acl_access_denied_key:2\r\n"))
}

@Test func getuserShowsTheRules() {
  var harness = EngineHarness()
  let admin = harness.client()
  #expect(harness.send(admin, "ACL GETUSER bob") == "$-1\r\n")
  _ = harness.send(admin, "ACL SETUSER bob on >pw ~a %R~b +@list -lmpop (+ping ~c)")
  let user = harness.send(admin, "ACL GETUSER bob")
  #expect(
    user.hasPrefix("*12\r\n$5\r\nflags\r\n*1\r\n$2\r\non\r\n$9\r\npasswords\r\n*1\r\n$64\r\n"))
  #expect(user.contains("$8\r\ncommands\r\n$19\r\n-@all +@list -lmpop\r\n"))
  #expect(user.contains("$4\r\nkeys\r\n$7\r\n~a %R~b\r\n"))
  #expect(harness.send(admin, "ACL USERS") == "*2\r\n$3\r\nbob\r\n$7\r\ndefault\r\n")
  #expect(
    harness.send(admin, "ACL LIST").hasSuffix("user default on nopass ~* &* +@all\r\n"))
}

@Test func dryRunSaysWhatWouldHappen() {
  var harness = EngineHarness()
  let admin = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass ~a +@list")
  let cases = [
    "ACL DRYRUN bob lpush a x": "+OK\r\n",
    "ACL DRYRUN bob lpush b x": "$50\r\nThis user has no permissions to access the 'b' key\r\n",
    "ACL DRYRUN bob ping": "$54\r\nThis user has no permissions to run the 'ping' command\r\n",
    "ACL DRYRUN joe ping": "-ERR User 'joe' not found\r\n",
    "ACL DRYRUN bob nothing": "-ERR Command 'nothing' not found\r\n",
    "ACL DRYRUN bob lpush": "-ERR wrong number of arguments for 'lpush' command\r\n",
  ]
  for (line, reply) in cases { #expect(harness.send(admin, line) == reply, "\(line)") }
}

@Test func usersAreSavedToAndLoadedFromTheirFile() {
  var harness = EngineHarness()
  let admin = harness.client()
  #expect(harness.send(admin, "ACL SAVE").hasPrefix("-ERR This Redis instance is not configured"))
  harness.engine.context.settings.aclFile = "users.acl"
  #expect(
    harness.send(admin, "ACL LOAD") == "-ERR Error loading ACLs, opening file 'users.acl'\r\n")
  _ = harness.send(admin, "ACL SETUSER bob on nopass ~a +@list")
  #expect(harness.send(admin, "ACL SAVE") == "+OK\r\n")
  _ = harness.send(admin, "ACL SETUSER joe on nopass ~a +@list")
  #expect(harness.send(admin, "ACL LOAD") == "+OK\r\n")
  #expect(harness.send(admin, "ACL USERS") == "*2\r\n$3\r\nbob\r\n$7\r\ndefault\r\n")
  harness.host.files["users.acl"] = Array("user bob +nothing\n".utf8)
  #expect(harness.send(admin, "ACL LOAD").hasPrefix("-ERR users.acl:1: Error in applying"))
}

@Test func passwordsAreMadeOfTheHostsRandom() {
  var harness = EngineHarness()
  let admin = harness.client()
  #expect(harness.send(admin, "ACL GENPASS").hasPrefix("$64\r\n"))
  #expect(harness.send(admin, "ACL GENPASS 5").hasPrefix("$2\r\n"))
  #expect(
    harness.send(admin, "ACL GENPASS 0")
      == "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096\r\n"
  )
}

@Test func categoriesFollowFromFlagsAndGroup() {
  var harness = EngineHarness()
  let admin = harness.client()
  let table = harness.engine.context.table
  func categories(_ name: StaticString) -> [String] {
    table.index(fullName: ByteView(name)).map {
      table.commandCategories(at: $0).memberNames
    } ?? []
  }
  #expect(categories("blpop") == ["write", "list", "slow", "blocking"])
  #expect(categories("client") == ["slow"])
  #expect(categories("client|list") == ["admin", "slow", "dangerous", "connection"])
  #expect(categories("command") == ["slow", "connection"])
  #expect(categories("wait") == ["slow", "connection"])
  #expect(categories("lastsave") == ["admin", "fast", "dangerous"])
  #expect(categories("memory|usage") == ["read", "slow"])
  #expect(harness.send(admin, "ACL CAT nothing") == "-ERR Unknown category 'nothing'\r\n")
  #expect(harness.send(admin, "ACL CAT").contains("$4\r\nlist\r\n"))
}

@Test func theStartTakesUsersFromTheOptions() throws {
  var harness = EngineHarness()
  var settings = Settings()
  settings.password = "secret"
  settings.users = [["bob", "on", "nopass", "~*", "+@all"], ["joe", "off"]]
  let off = try harness.engine.configure(settings)
  #expect(off == ["joe"])
  let client = harness.client()
  #expect(harness.send(client, "PING").hasPrefix("-NOAUTH"))
  #expect(harness.send(client, "AUTH bob x") == "+OK\r\n")
}

@Test func rightsLostBeforeExecStopTheirCommandsAlone() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass ~* +@all")
  _ = harness.send(client, "AUTH bob x")
  _ = harness.send(client, "MULTI")
  _ = harness.send(client, "RPUSH list a")
  _ = harness.send(client, "LLEN list")
  _ = harness.send(admin, "ACL SETUSER bob -rpush")
  #expect(
    harness.send(client, "EXEC")
      == "*2\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to execute the command or subcommand\r\n:0\r\n"
  )
}

@Test func aRefusalAbortsTheTransaction() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass ~a +@all")
  _ = harness.send(client, "AUTH bob x")
  _ = harness.send(client, "MULTI")
  #expect(harness.send(client, "SET b 1").hasPrefix("-NOPERM"))
  #expect(
    harness.send(client, "SHUTDOWN") == "-ERR Command not allowed inside a transaction\r\n")
  #expect(harness.send(client, "EXEC").hasPrefix("-EXECABORT"))
  #expect(harness.send(admin, "ACL LOG").contains("$5\r\nmulti\r\n"))
}

@Test func keysBehindPatternsNeedTheRightToReadAll() {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass ~a +@all")
  _ = harness.send(client, "AUTH bob x")
  #expect(
    harness.send(client, "SORT a BY w_*")
      == "-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n")
  #expect(
    harness.send(client, "SORT a GET #")
      == "-ERR GET option of SORT denied due to insufficient ACL permissions.\r\n")
  #expect(harness.send(client, "SORT a BY nosort") == "*0\r\n")
  #expect(harness.send(client, "SORT a STORE b BY store ASC").hasPrefix("-NOPERM"))
  #expect(harness.send(client, "SORT a STORE a STORE b").hasPrefix("-NOPERM"))
}

@Test(arguments: [
  ("(+sort ~list)", false), ("(+sort ~list ~v*)", false), ("(+sort ~list %W~*)", false),
  ("(+sort ~list) (+get ~*)", false), ("(+sort ~list %R~*)", true), ("(+sort ~*)", true),
  ("+sort %R~*", true),
])
func oneSelectorMustAllowTheCommandAndAllKeysBehindItsPattern(rules: String, isAllowed: Bool) {
  var harness = EngineHarness()
  let admin = harness.client(), client = harness.client()
  _ = harness.send(admin, "RPUSH list 1")
  _ = harness.send(admin, "SET v1 5")
  let words = rules.replacing(") (", with: ")\n(").split(separator: "\n").flatMap {
    $0.hasPrefix("(") ? [$0] : $0.split(separator: " ")
  }
  let request = ["ACL", "SETUSER", "s", "on", "nopass"] + words.map { String($0) }
  #expect(harness.send(admin, request.map { Array($0.utf8) }) == "+OK\r\n")
  #expect(harness.send(client, "AUTH s x") == "+OK\r\n")
  for option in ["BY", "GET"] {
    let reply = harness.send(client, "SORT list \(option) v*")
    let text = "-ERR \(option) option of SORT denied due to insufficient ACL permissions.\r\n"
    #expect((reply == text) != isAllowed, "\(rules), \(option): \(reply)")
    #expect(reply.hasPrefix("*1") == isAllowed)
  }
}

@Test func whatSetNeedsDependsOnItsOptions() {
  var harness = EngineHarness()
  let admin = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass %W~a +@all")
  #expect(harness.send(admin, "ACL DRYRUN bob SET a 1 EX 5") == "+OK\r\n")
  #expect(harness.send(admin, "ACL DRYRUN bob SET a 1 GET").hasPrefix("$"))
  #expect(harness.send(admin, "ACL DRYRUN bob STRLEN a") == "+OK\r\n")
}

@Test func whatBitfieldNeedsDependsOnItsOperations() {
  var harness = EngineHarness()
  let admin = harness.client()
  _ = harness.send(admin, "ACL SETUSER bob on nopass %R~a +@all")
  for (words, isAllowed) in [
    ("a", true), ("a GET u8 0 get u8 1", true), ("a OVERFLOW WRAP GET u8 0", true),
    ("a GET u8 0 SET u8 0 1", false), ("a INCRBY u8 0 1", false), ("a GET u8", false),
    ("a GET u8 0 what", false),
  ] {
    let reply = harness.send(admin, "ACL DRYRUN bob BITFIELD \(words)")
    #expect((reply == "+OK\r\n") == isAllowed, "\(words): \(reply)")
    let flags = isAllowed ? "*2\r\n+RO\r\n+access\r\n" : "*3\r\n+RW\r\n+access\r\n+update\r\n"
    #expect(
      harness.send(admin, "COMMAND GETKEYSANDFLAGS BITFIELD \(words)").hasSuffix(flags), "\(words)")
  }
  #expect(harness.send(admin, "COMMAND INFO BITFIELD").contains("+variable_flags\r\n"))
}

@Test func aSelectorsKeysBoundItEvenWhereTheUserMayUseAllKeys() {
  var harness = EngineHarness()
  let admin = harness.client(), worker = harness.client()
  let rules: [[UInt8]] = ["ACL", "SETUSER", "w", "on", "nopass", "~*", "+del", "(+@list ~l1)"].map {
    Array($0.utf8)
  }
  #expect(harness.send(admin, rules) == "+OK\r\n")
  #expect(harness.send(worker, "AUTH w any") == "+OK\r\n")
  #expect(harness.send(worker, "LPUSH l1 a") == ":1\r\n")
  #expect(harness.send(worker, "LPUSH s1 a").hasPrefix("-NOPERM"))
  #expect(harness.send(worker, "LMPOP 2 l1 s1 LEFT").hasPrefix("-NOPERM"))
  #expect(harness.send(worker, "DEL s1") == ":0\r\n")
}
