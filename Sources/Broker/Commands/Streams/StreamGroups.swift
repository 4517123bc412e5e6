// StreamGroups.swift: groups and their consumers come and go: XGROUP.

import RESP

extension Streams {
  static let groups: [Command] = [
    Command(
      "XGROUP", arity: .atLeast(2), flags: [], group: .stream, since: "5.0.0",
      summary: "Manages the groups of a stream.", complexity: "Depends on the subcommand",
      subcommands: [
        Command(
          "CREATE", arity: .atLeast(5), flags: [.write, .denyOOM], keys: [.one(2, [.insert])],
          group: .stream, since: "5.0.0", summary: "Makes a group.", complexity: "O(1)",
          syntax: "<key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]", body: create),
        Command(
          "CREATECONSUMER", arity: .exactly(5), flags: [.write, .denyOOM],
          keys: [.one(2, [.insert])], group: .stream, since: "6.2.0",
          summary: "Makes a consumer of a group.", complexity: "O(1)",
          syntax: "<key> <group> <consumer>", body: createConsumer),
        Command(
          "DELCONSUMER", arity: .exactly(5), flags: [.write], keys: [.one(2, [.delete])],
          group: .stream, since: "5.0.0",
          summary: "Removes a consumer of a group, with what is pending for it.",
          complexity: "O(N log N), N entries pending for it",
          syntax: "<key> <group> <consumer>", body: deleteConsumer),
        Command(
          "DESTROY", arity: .exactly(4), flags: [.write], keys: [.one(2, [.delete])],
          group: .stream, since: "5.0.0", summary: "Removes a group.", complexity: "O(1)",
          syntax: "<key> <group>", body: destroy),
        Help.command(group: .stream, since: "5.0.0"),
        Command(
          "SETID", arity: .atLeast(5), flags: [.write], keys: [.one(2, [.update])],
          group: .stream, since: "5.0.0", summary: "Sets the last id a group was given.",
          complexity: "O(1)", syntax: "<key> <group> <id|$> [ENTRIESREAD <count>]", body: setID),
      ], body: Help.container)
  ]

  private struct GroupOptions {
    var makesStream = false
    var read: Int64?
  }

  private static func groupOptions(
    _ c: borrowing Context, isCreating: Bool
  ) throws(CommandError) -> GroupOptions {
    var options = GroupOptions(), index = 5
    while index < c.arguments.count {
      let word = c.arguments[index]
      if isCreating, word.matches("mkstream") {
        options.makesStream = true
      } else if word.matches("entriesread"), index + 1 < c.arguments.count {
        guard let read = c.arguments[index + 1].integer else { throw .notAnInteger }
        guard read >= -1 else {
          throw CommandError("ERR value for ENTRIESREAD must be positive or -1")
        }
        options.read = read < 0 ? nil : read
        index += 1
      } else {
        throw .wrongSubcommand(c)
      }
      index += 1
    }
    return options
  }

  private static let noStream = CommandError(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
      + "the MKSTREAM option to create an empty stream automatically.")

  /// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD count]` → OK.
  static func create(_ c: inout Context) throws(CommandError) {
    let options = try groupOptions(c, isCreating: true)
    let key = c.key(2), name = c.arguments[3]
    let found = try c.valueForWriting(key, Stream.self)
    guard found != nil || options.makesStream else { throw noStream }
    guard c.arguments.count <= 8 else { throw .wrongSubcommand(c) }
    let word = c.arguments[4]
    let id = word.isExactly("$") ? found?.last ?? .zero : try StreamID(strict: word)
    guard found?.group(name, c.keyHash) == nil else {
      throw CommandError("BUSYGROUP Consumer Group name already exists")
    }
    let stream = found ?? c.makeValue(key)
    stream.insert(StreamGroup.make(name, delivered: id, read: options.read), c.keyHash)
    if found == nil {
      c.modified(key)
      c.signalReady(key)
    } else {
      c.changed(key)
    }
    c.notify(.stream, "xgroup-create", key)
    c.reply.ok()
  }

  /// `XGROUP SETID key group id|$ [ENTRIESREAD count]` → OK.
  static func setID(_ c: inout Context) throws(CommandError) {
    let options = try groupOptions(c, isCreating: false)
    let (stream, group) = try groupOfRequest(&c)
    guard c.arguments.count <= 7 else { throw .wrongSubcommand(c) }
    let word = c.arguments[4]
    group.delivered = word.isExactly("$") ? stream.last : try StreamID(word)
    group.read = options.read
    c.changed(c.key(2))
    c.notify(.stream, "xgroup-setid", c.key(2))
    c.reply.ok()
  }

  /// `XGROUP DESTROY key group` → integer: 1 if there was such a group.
  static func destroy(_ c: inout Context) throws(CommandError) {
    let key = c.key(2)
    guard let stream = try c.valueForWriting(key, Stream.self) else { throw noStream }
    guard stream.removeGroup(c.arguments[3], c.keyHash, &c.graveyard) else {
      return c.reply.integer(0)
    }
    c.changed(key)
    c.notify(.stream, "xgroup-destroy", key)
    c.signalReady(key)  // Who waits as one of its consumers is told.
    c.reply.integer(1)
  }

  /// `XGROUP CREATECONSUMER key group consumer` → integer: 1 if it was not there.
  static func createConsumer(_ c: inout Context) throws(CommandError) {
    let (_, group) = try groupOfRequest(&c)
    let name = c.arguments[4]
    guard group.consumer(name, c.keyHash) == nil else { return c.reply.integer(0) }
    _ = group.makeConsumer(name, c.keyHash, seen: c.wall)
    c.changed(c.key(2))
    c.notify(.stream, "xgroup-createconsumer", c.key(2))
    c.reply.integer(1)
  }

  /// `XGROUP DELCONSUMER key group consumer` → integer: entries that were pending for it.
  static func deleteConsumer(_ c: inout Context) throws(CommandError) {
    let (_, group) = try groupOfRequest(&c)
    guard let count = group.removeConsumer(c.arguments[4], c.keyHash, &c.graveyard) else {
      return c.reply.integer(0)
    }
    c.changed(c.key(2))
    c.notify(.stream, "xgroup-delconsumer", c.key(2))
    c.reply.integer(count)
  }

  /// Stream and group of words 2 and 3, for writing.
  private static func groupOfRequest(
    _ c: inout Context
  ) throws(CommandError) -> (Stream, StreamGroup) {
    let key = c.key(2), name = c.arguments[3]
    guard let stream = try c.valueForWriting(key, Stream.self) else { throw noStream }
    guard let group = stream.groupForWriting(name, c.keyHash) else {
      throw .noGroup(name, ofKey: key.bytes)
    }
    return (stream, group)
  }
}
