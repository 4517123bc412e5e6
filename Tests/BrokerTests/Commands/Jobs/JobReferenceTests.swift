// JobReferenceTests.swift: the reference of the job commands in README.md is what the table says.

import Foundation
import Testing

@testable import Broker

/// Goal: the reference has each command with each option, and no other. Method: the lines of its block,
/// joined where they are indented, against the table's syntax.
@Test func theReferenceOfTheJobCommandsIsTheTables() throws {
  let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../..")
  let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
  let start = try #require(text.range(of: "```text\nADDJOB"))
  let block = text[start.lowerBound...].dropFirst("```text\n".count)
  let end = try #require(block.range(of: "```"))
  var shown: [String] = []
  for line in block[..<end.lowerBound].split(separator: "\n") {
    let words = line.split(separator: " ").joined(separator: " ")
    if line.first == " " { shown[shown.count - 1] += " " + words } else { shown.append(words) }
  }
  let logged = Set(JobCommands.logged.map { "\($0.name)" })
  let table = EngineHarness().engine.context.table.commands.filter {
    $0.group == .queue && !logged.contains("\($0.name)")
  }
  #expect(shown.sorted() == table.map { "\($0.name) \($0.syntax)" }.sorted())
}
