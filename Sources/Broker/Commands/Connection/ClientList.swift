// ClientList.swift: who is connected: CLIENT LIST, INFO and KILL.

import RESP

extension Clients {
  /// What CLIENT LIST and KILL call a type.
  enum Kind {
    case normal, replica, primary, pubsub

    init?(_ name: ByteView) {
      if name.matches("normal") {
        self = .normal
      } else if name.matches("slave") || name.matches("replica") {
        self = .replica
      } else if name.matches("master") {
        self = .primary
      } else if name.matches("pubsub") {
        self = .pubsub
      } else {
        return nil
      }
    }
  }

  private static func kind(_ word: ByteView) throws(CommandError) -> Kind {
    guard let kind = Kind(word) else {
      throw CommandError("ERR Unknown client type '", word, "'")
    }
    return kind
  }

  /// `CLIENT INFO` → one line.
  static func info(_ c: inout Context) throws(CommandError) {
    c.reply.verbatim(c.describe(c.slot) + "\n")
  }

  /// `CLIENT LIST [TYPE type | ID id [id ...]]` → one line a client, oldest first.
  static func list(_ c: inout Context) throws(CommandError) {
    let words = c.arguments
    var slots = c.clientSlots()
    if words.count == 4, words[2].matches("type") {
      let kind = try kind(words[3])
      slots = slots.filter { c.kind(of: $0) == kind }
    } else if words.count > 3, words[2].matches("id") {
      var asked: [Int] = []
      for index in 3..<words.count {
        guard let id = words[index].integer else { throw CommandError("ERR Invalid client ID") }
        if let slot = c.client(id: id) { asked.append(slot) }
      }
      slots = asked
    } else if words.count != 2 {
      throw .syntax
    }
    var text = ""
    for slot in slots { text += c.describe(slot) + "\n" }
    c.reply.verbatim(text)
  }

  /// `CLIENT KILL ip:port` → OK, or an error when there is none.
  /// `CLIENT KILL filter value [filter value ...]` → how many were killed.
  static func kill(_ c: inout Context) throws(CommandError) {
    var filter = Filter()
    let isOldForm = c.arguments.count == 3
    if isOldForm {
      filter.address = c.arguments[2].text
      filter.sparesMe = false
    } else {
      filter = try Filter(c)
    }
    var killed = 0
    for slot in c.clientSlots() where filter.fits(c, slot) {
      killed += 1
      if slot == c.slot {
        c.sessions[slot].flags.insert(.closing)  // After the reply.
      } else {
        c.kill(slot)
      }
    }
    if !isOldForm {
      c.reply.integer(killed)
    } else if killed == 0 {
      throw CommandError("ERR No such client")
    } else {
      c.reply.ok()
    }
  }

  /// Which clients to kill: those that fit all that is given.
  private struct Filter {
    var address: String?
    var localAddress: String?
    var user: UserID?
    var kind: Kind?
    var id: Int64?
    var sparesMe = true

    init() {}

    init(_ c: borrowing Context) throws(CommandError) {
      var index = 2
      while index < c.arguments.count {
        guard index + 1 < c.arguments.count else { throw .syntax }
        let option = c.arguments[index], value = c.arguments[index + 1]
        if option.matches("id") {
          guard let number = value.integer, number > 0 else {
            throw CommandError("ERR client-id should be greater than 0")
          }
          id = number
        } else if option.matches("type") {
          kind = try Clients.kind(value)
        } else if option.matches("addr") {
          address = value.text
        } else if option.matches("laddr") {
          localAddress = value.text
        } else if option.matches("user") {
          user = c.access.id(of: value)
          guard user != nil else {
            throw CommandError("ERR No such user '", value, "'")
          }
        } else if option.matches("skipme") {
          guard value.matches("yes") || value.matches("no") else { throw .syntax }
          sparesMe = value.matches("yes")
        } else {
          throw .syntax
        }
        index += 2
      }
    }

    func fits(_ c: borrowing Context, _ slot: Int) -> Bool {
      if sparesMe, slot == c.slot { return false }
      if let address, c.sessions[slot].address != address { return false }
      if let localAddress, c.sessions[slot].localAddress != localAddress { return false }
      if let user, c.sessions[slot].user != user { return false }
      if let kind, c.kind(of: slot) != kind { return false }
      if let id, c.sessions[slot].id != UInt64(id) { return false }
      return true
    }
  }
}

extension Context {
  /// The slots of all clients, oldest first.
  /// - Complexity: O(n log n).
  func clientSlots() -> [Int] {
    (1..<max(1, sessions.count)).filter {
      sessions[$0].flags.contains(.open) && !sessions[$0].flags.contains(.dropped)
    }.sorted { sessions[$0].id < sessions[$1].id }
  }

  func client(id: Int64) -> Int? {
    (1..<max(1, sessions.count)).first {
      sessions[$0].id == UInt64(bitPattern: id) && sessions[$0].flags.contains(.open)
        && !sessions[$0].flags.contains(.dropped)
    }
  }

  func kind(of slot: Int) -> Clients.Kind {
    sessions[slot].flags.contains(.pubsub) ? .pubsub : .normal
  }

  /// Ends another client's connection at once; what it waited for is somebody else's from here on.
  mutating func kill(_ slot: Int) {
    unsubscribeAll(slot)
    condemn(slot)
  }

  /// The same for a client whose subscriptions are being walked through: they end with the connection.
  mutating func condemn(_ slot: Int) {
    endWait(slot)
    unblocked.removeAll { $0 == slot }
    stopMonitoring(slot)
    sessions[slot].flags.insert(.dropped)
    requests.kill.append(slot)
    touchSession(slot)
  }

  /// The line of CLIENT LIST for `slot`.
  func describe(_ slot: Int) -> String {
    // The session being served has its database and output in the context.
    let isMe = slot == self.slot
    let flags = sessions[slot].flags
    var letters = ""
    for (flag, letter) in Self.flagLetters where flags.contains(flag) { letters += letter }
    if letters.isEmpty { letters = "N" }
    let output = isMe ? reply.count : sessions[slot].reply.count
    let queryMemory = sessions[slot].queryBufferSize + sessions[slot].queryBufferFree
    let isInTransaction = flags.contains(.inTransaction)
    let command = sessions[slot].lastCommand

    var line = "id=\(sessions[slot].id) addr=\(sessions[slot].address)"
    line += " laddr=\(sessions[slot].localAddress) fd=\(sessions[slot].fileDescriptor)"
    line += " name=\(text(sessions[slot].name))"
    line += " age=\((monotonic - sessions[slot].created) / 1000)"
    line += " idle=\((monotonic - sessions[slot].lastActive) / 1000) flags=\(letters)"
    line += " db=\(isMe ? database : sessions[slot].database)"
    line += " sub=\(subscriptions.channels.count(of: slot))"
    line += " psub=\(subscriptions.patterns.count(of: slot))"
    line += " ssub=\(subscriptions.shardChannels.count(of: slot))"
    line += " multi=\(isInTransaction ? sessions[slot].transaction.count : -1)"
    line += " qbuf=\(sessions[slot].queryBufferSize) qbuf-free=\(sessions[slot].queryBufferFree)"
    line += " argv-mem=0 multi-mem=\(sessions[slot].transactionSize) rbs=0 rbp=0 obl=0 oll=0"
    line += " omem=\(output) tot-mem=\(queryMemory + output + sessions[slot].transactionSize)"
    line += " events=\(output > 0 && !isMe ? "rw" : "r")"
    line +=
      " cmd=\(command >= 0 ? table.names[command] : "NULL") user=\(text(access[sessions[slot].user]?.name ?? []))"
    line += " redir=-1 resp=\(isMe ? reply.version : sessions[slot].reply.version)"
    line += " lib-name=\(text(sessions[slot].libraryName))"
    line += " lib-ver=\(text(sessions[slot].libraryVersion))"
    return line
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private static let flagLetters: [(Session.Flags, String)] = [
    (.monitor, "O"), (.pubsub, "P"), (.inTransaction, "x"), (.blocked, "b"), (.watchBroken, "d"),
    (.closing, "c"), (.dropped, "A"), (.unixSocket, "U"), (.noEvict, "e"), (.noTouch, "T"),
  ]
}
