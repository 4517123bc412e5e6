// Help.swift: HELP of every container, made from the table.

import RESP

enum Help {
  /// The HELP subcommand of the container called `container`.
  static func command(
    group: CommandGroup, since: StaticString, categories: [StaticString] = []
  ) -> Command {
    Command(
      "HELP", arity: .exactly(2), flags: [.loading, .stale], group: group, since: since,
      summary: "Prints this help.", complexity: "O(1)", categories: categories, body: help)
  }

  /// `<container> HELP` → lines: each subcommand with its arguments, and what it does.
  static func help(_ c: inout Context) throws(CommandError) {
    guard let parent = c.table.parents[c.command] else { throw .syntax }
    let name = c.table.names[parent].uppercased()
    let lines = c.table.children[parent].map { index in
      let sub = c.table.commands[index]
      let syntax = ByteView(sub.syntax).text
      return (
        syntax: ByteView(sub.name).text + (syntax.isEmpty ? "" : " " + syntax),
        text: ByteView(sub.summary).text
      )
    }
    c.reply.help(name, lines)
  }

  /// The body of a container, which never runs alone: its arity asks for a subcommand.
  static func container(_ c: inout Context) throws(CommandError) { throw .syntax }
}
