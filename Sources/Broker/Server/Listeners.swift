// Listeners.swift: the sockets that accept clients, as `port`, `bind` and `unixsocket` have it.

import Glibc

/// A socket that accepts clients.
struct Listener {
  let socket: Socket
  let address: SocketAddress

  /// The path of a Unix socket.
  var path: String? {
    if case .unix(let path) = address { path } else { nil }
  }

  /// The port of an internet address.
  var port: Int? {
    if case .internet(_, let port) = address { port } else { nil }
  }

  /// Stops listening; the file of a Unix socket goes.
  func end() {
    socket.close()
    if let path { TextFile.remove(path) }
  }
}

struct Listeners {
  private(set) var all: [Listener] = []

  init() {}

  /// Listens where `settings` say.
  ///
  /// - Throws: `StartError` when one of the addresses can't be had, or none is there.
  init(_ settings: Settings) throws(StartError) {
    do throws(SystemError) {
      all = try Self.open(Self.addresses(settings), settings)
      if !settings.unixSocket.isEmpty {
        let path = settings.unixSocket
        let socket = try Socket.listen(
          unix: path, mode: settings.unixSocketMode, backlog: settings.tcpBacklog)
        all.append(Listener(socket: socket, address: .unix(path: path)))
      }
    } catch {
      end()
      throw StartError("cannot listen: \(error)")
    }
    guard !all.isEmpty else {
      let words = settings.bind.joined(separator: " ")
      throw StartError("cannot listen: this machine has none of the addresses of bind: \(words)")
    }
  }

  /// Listens where `settings` say now; Unix sockets stay. Those that stay keep the clients that wait
  /// to be accepted.
  ///
  /// - Throws: when an address can't be had; all is as it was then.
  mutating func change(to settings: Settings) throws(SystemError) {
    let wanted = Self.addresses(settings)
    let kept = all.filter { listener in
      listener.path != nil
        || wanted.contains { listener.address == .internet($0.address, port: settings.port) }
    }
    let dropped = all.filter { listener in !kept.contains { $0.socket == listener.socket } }
    let added = wanted.filter { address in
      !kept.contains { $0.address == .internet(address.address, port: settings.port) }
    }
    do throws(SystemError) {
      let opened = try Self.open(added, settings)
      for listener in dropped { listener.end() }
      all = kept + opened
    } catch {
      // It may be ourselves: `*` can't have a port as long as one of its addresses has it.
      guard error.code == EADDRINUSE, dropped.contains(where: { $0.port == settings.port }) else {
        throw error
      }
      for listener in dropped { listener.end() }
      do throws(SystemError) { all = kept + (try Self.open(added, settings)) } catch {
        all = kept
        for case .internet(let address, let port) in dropped.map(\.address) {
          var before = settings
          before.port = port
          all += (try? Self.open([BindAddress(address)], before)) ?? []
        }
        throw error
      }
    }
  }

  func end() { for listener in all { listener.end() } }

  private static func addresses(_ settings: Settings) -> [BindAddress] {
    guard settings.port > 0 else { return [] }
    var addresses: [BindAddress] = []
    for address in settings.bind.compactMap({ BindAddress($0) })
    where !addresses.contains(where: { $0.address == address.address }) {
      addresses.append(address)
    }
    return addresses
  }

  /// Listens on all of `addresses` that this machine has, or throws and listens on none.
  private static func open(
    _ addresses: [BindAddress], _ settings: Settings
  ) throws(SystemError) -> [Listener] {
    var opened: [Listener] = []
    do throws(SystemError) {
      for address in addresses {
        let socket = try Socket.listen(
          on: address, port: settings.port, backlog: settings.tcpBacklog)
        guard let socket else { continue }
        opened.append(
          Listener(socket: socket, address: .internet(address.address, port: settings.port)))
      }
    } catch {
      for listener in opened { listener.end() }
      throw error
    }
    return opened
  }
}
