// CommandListTests.swift: what COMMAND tells of commands, from the table.

import Testing

@testable import Broker

@Test func commandInfoHasTenParts() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, "COMMAND INFO rpop nothing")
      == "*2\r\n*10\r\n$4\r\nrpop\r\n:-2\r\n*2\r\n+write\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
      + "*3\r\n+@write\r\n+@list\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n"
      + "*3\r\n+RW\r\n+access\r\n+delete\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
      + "$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n"
      + "$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n"
      + "*0\r\n$-1\r\n")
}

@Test func getkeysFindsTheKeysOfARequest() {
  var harness = EngineHarness()
  let client = harness.client()
  let cases = [
    "COMMAND GETKEYS lmpop 2 a b left": "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "COMMAND GETKEYS blpop a b 0": "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "COMMAND GETKEYS memory usage k": "*1\r\n$1\r\nk\r\n",
    "COMMAND GETKEYS lmpop 9 a b left": "-ERR Invalid arguments specified for command\r\n",
    "COMMAND GETKEYS lpush a": "-ERR Invalid number of arguments specified for command\r\n",
    "COMMAND GETKEYS georadius k 0 0 1 km store a": "*2\r\n$1\r\nk\r\n$1\r\na\r\n",
    "COMMAND GETKEYS georadius k 0 0 1 km store a storedist b":
      "*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\nb\r\n",
    "COMMAND GETKEYS georadius k 0 0 1 km store": "*1\r\n$1\r\nk\r\n",
    "COMMAND GETKEYSANDFLAGS georadiusbymember k m 1 km storedist b":
      "*2\r\n*2\r\n$1\r\nk\r\n*2\r\n+RO\r\n+access\r\n*2\r\n$1\r\nb\r\n*2\r\n+OW\r\n+update\r\n",
    // What is written is behind the last one.
    "COMMAND GETKEYS georadius k 0 0 1 km store a store b": "*2\r\n$1\r\nk\r\n$1\r\nb\r\n",
    "COMMAND GETKEYS echo a": "-ERR The command has no key arguments\r\n",
    "COMMAND GETKEYS nothing a": "-ERR Invalid command specified\r\n",
    "COMMAND GETKEYSANDFLAGS rpoplpush a b":
      "*2\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n*2\r\n$1\r\nb\r\n*2\r\n+RW\r\n+insert\r\n",
  ]
  for (line, reply) in cases { #expect(harness.send(client, line) == reply, "\(line)") }
}

@Test func commandListFilters() {
  var harness = EngineHarness()
  let client = harness.client()
  #expect(
    harness.send(client, "COMMAND LIST FILTERBY PATTERN slowlog|L*")
      == "*1\r\n$11\r\nslowlog|len\r\n")
  #expect(harness.send(client, "COMMAND LIST FILTERBY MODULE x") == "*0\r\n")
  #expect(harness.send(client, "COMMAND LIST FILTERBY ACLCAT x") == "*0\r\n")
  #expect(harness.send(client, "COMMAND LIST FILTERBY NAME x") == "-ERR syntax error\r\n")
  let blocking = harness.send(client, "COMMAND LIST FILTERBY ACLCAT blocking")
  #expect(blocking.contains("blpop") && !blocking.contains("$4\r\nlpop"))
  let count = harness.engine.context.table.topLevel.count
  #expect(harness.send(client, "COMMAND COUNT") == ":\(count)\r\n")
}

@Test func commandDocsLeaveOutWhatIsNoCommand() {
  var harness = EngineHarness()
  let client = harness.client()
  let docs = harness.send(client, "COMMAND DOCS lpush nothing")
  #expect(docs.hasPrefix("*2\r\n$5\r\nlpush\r\n*8\r\n$7\r\nsummary\r\n"))
}

/// A keyword in capitals would never be found, and the keys behind it would belong to everybody.
@Test func theKeywordsOfKeySpecificationsAreInLowerCase() {
  var seen = 0
  for command in EngineHarness().engine.context.table.commands {
    for spec in command.keys {
      let words: [StaticString]
      switch spec.place {
      case .range, .counted: words = []
      case .half(let keyword, _, let others): words = [keyword] + others.map(\.name)
      case .rest(let keyword, let others): words = [keyword] + others.map(\.name)
      case .option(let keyword, _, let others): words = [keyword] + others.map(\.name)
      case .word(let keyword, _, let others): words = [keyword] + others.map(\.name)
      }
      for word in words { #expect(word.lowercased == "\(word)", "\(command.name)") }
      seen += words.count
    }
  }
  #expect(seen > 20)
}
