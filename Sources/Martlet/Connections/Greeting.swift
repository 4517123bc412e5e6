// Greeting.swift: the first words on a connection: the version of the protocol, the login, our name and
// the database.
//
//   HELLO 3 [AUTH] [SETNAME] ──▶ [SELECT]              servers since Redis 6
//      └─ unknown ─▶ [AUTH] ──▶ [CLIENT SETNAME] ──▶ [SELECT]          older ones, in RESP2

struct Greeting {
  enum Step { case hello, auth, name, database, done }

  private(set) var step = Step.hello

  /// What came of a reply.
  enum Outcome {
    case next(Command)
    case done
    /// - Parameter isFinal: another attempt would fail as well.
    case refused(MartletError, isFinal: Bool)
  }

  /// The first command.
  mutating func begin(_ server: ServerURL, name: String?) -> Command {
    step = .hello
    var command = Command(name: "HELLO")
    command.append(3)
    if let password = server.password {
      command.word("AUTH")
      command.append(server.user ?? "default")
      command.append(password)
    }
    if let name {
      command.word("SETNAME")
      command.append(name)
    }
    return command
  }

  /// Takes the reply to the last command.
  mutating func advance(_ reply: Value, _ server: ServerURL, name: String?) -> Outcome {
    if case .error(let error) = reply {
      guard step == .hello, error.isUnknownCommand || error.code == .server("NOPROTO") else {
        return .refused(error, isFinal: !error.isPassing)
      }
      step = .auth
      if let password = server.password {
        return .next(
          server.user.map { ["AUTH", $0, password] } ?? ["AUTH", password])
      }
    } else if step == .hello {
      step = .name
      return database(server)
    }
    if step == .auth {
      step = .name
      if let name { return .next(["CLIENT", "SETNAME", name]) }
    }
    return step == .name ? database(server) : finish()
  }

  private mutating func database(_ server: ServerURL) -> Outcome {
    step = .database
    return server.database == 0 ? finish() : .next(["SELECT", server.database])
  }

  private mutating func finish() -> Outcome {
    step = .done
    return .done
  }
}

extension MartletError {
  /// Whether the server lacks the command.
  var isUnknownCommand: Bool { message.hasPrefix("ERR unknown command") }

  /// Whether a server that refuses to greet may do so a little later.
  fileprivate var isPassing: Bool {
    switch code {
    case .server("LOADING"), .server("BUSY"), .server("TRYAGAIN"), .server("MASTERDOWN"): true
    default: message.hasPrefix("ERR max number of clients")
    }
  }
}
