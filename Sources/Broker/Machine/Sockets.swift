// Sockets.swift: listening, accepting, reading and writing over TCP and Unix sockets.
//
// All sockets are non-blocking and closed on exec. A `Socket` is a number with calls on it: who holds
// it closes it, once.

import CLinux
import Glibc
import RESP

/// An end of a connection.
enum SocketAddress: Equatable, Sendable {
  case internet(IPAddress, port: Int)
  case unix(path: String)

  /// As CLIENT LIST prints it: `10.0.0.1:6379`, `[::1]:6379`, `/tmp/martlet.sock:0`.
  var text: String {
    switch self {
    case .internet(let address, let port):
      address.isIPv4 ? "\(address.text):\(port)" : "[\(address.text)]:\(port)"
    case .unix(let path): "\(path):0"
    }
  }

  /// Whether the other side is on this machine.
  var isLocal: Bool {
    switch self {
    case .internet(let address, _): address.isLoopback
    case .unix: true
    }
  }
}

struct Socket: Equatable, Sendable {
  let descriptor: Int32

  /// What a listening socket had to give.
  enum Accepted: Equatable, Sendable {
    case socket(Socket, peer: SocketAddress)
    case wouldBlock
    /// EMFILE, ENFILE, ENOMEM and the like: the client waits on, accepting must pause.
    case failed(code: Int32)
  }

  // MARK: Listening

  /// - Returns: nil when the machine lacks an optional address, or IPv6 as a whole.
  static func listen(
    on bind: BindAddress, port: Int, backlog: Int
  ) throws(SystemError) -> Socket? {
    do throws(SystemError) {
      return try listen(on: .internet(bind.address, port: port), backlog: backlog)
    } catch {
      switch error.code {
      case EADDRNOTAVAIL where bind.isOptional: return nil
      case EAFNOSUPPORT, EPROTONOSUPPORT, EPFNOSUPPORT, ESOCKTNOSUPPORT: return nil
      default: throw error
      }
    }
  }

  /// Listens on a Unix socket; a socket file that nobody answers on any more is removed first.
  ///
  /// - Parameter mode: permissions of the file; 0 leaves what the umask gives.
  /// - Throws: EADDRINUSE when somebody answers, EEXIST when the path is something else.
  static func listen(
    unix path: String, mode: Int, backlog: Int
  ) throws(SystemError) -> Socket {
    var status = stat()
    if unsafe lstat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFSOCK else {
        throw SystemError(call: "bind \(path)", code: EEXIST)
      }
      if let other = try? connect(to: .unix(path: path)) {
        other.close()
        throw SystemError(call: "bind \(path)", code: EADDRINUSE)
      }
      _ = unsafe unlink(path)
    }
    let socket = try listen(on: .unix(path: path), backlog: backlog)
    if mode != 0, unsafe chmod(path, mode_t(mode)) != 0 {
      let error = SystemError.last("chmod \(path)")
      socket.close()
      throw error
    }
    return socket
  }

  private static func listen(
    on address: SocketAddress, backlog: Int
  ) throws(SystemError) -> Socket {
    let socket = try make(for: address, flags: neverWaits)
    do throws(SystemError) {
      try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
      if case .internet(let ip, _) = address, !ip.isIPv4 {
        try socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
      }
      var raw = try RawAddress(address)
      guard unsafe raw.with({ unsafe bind(socket.descriptor, $0, $1) }) == 0 else {
        throw SystemError.last("bind \(address.text)")
      }
      guard Glibc.listen(socket.descriptor, Int32(clamping: backlog)) == 0 else {
        throw SystemError.last("listen \(address.text)")
      }
      return socket
    } catch {
      socket.close()
      throw error
    }
  }

  /// Connects and waits for it; the socket blocks. For tests and for finding stale socket files.
  static func connect(to address: SocketAddress) throws(SystemError) -> Socket {
    let socket = try make(for: address, flags: 0)
    do throws(SystemError) {
      var raw = try RawAddress(address)
      let code = uninterrupted {
        unsafe Int(raw.with { unsafe Glibc.connect(socket.descriptor, $0, $1) })
      }
      guard code == 0 else { throw SystemError.last("connect \(address.text)") }
      return socket
    } catch {
      socket.close()
      throw error
    }
  }

  private static func make(
    for address: SocketAddress, flags: Int32
  ) throws(SystemError) -> Socket {
    let family =
      switch address {
      case .internet(let ip, _): ip.isIPv4 ? AF_INET : AF_INET6
      case .unix: AF_UNIX
      }
    let kind = Int32(SOCK_STREAM.rawValue) | closesOnExec | flags
    let descriptor = Glibc.socket(family, kind, 0)
    guard descriptor >= 0 else { throw .last("socket \(address.text)") }
    return Socket(descriptor: descriptor)
  }

  private static let closesOnExec = Int32(SOCK_CLOEXEC.rawValue)
  private static let neverWaits = Int32(SOCK_NONBLOCK.rawValue)

  // MARK: Connections

  /// Takes one waiting client in.
  ///
  /// - Parameter path: of the listening Unix socket, for Unix clients have no address of their own.
  func accept(path: String? = nil) -> Accepted {
    var raw = RawAddress()
    while true {
      let accepted = unsafe raw.fill {
        unsafe accept4(descriptor, $0, $1, Self.closesOnExec | Self.neverWaits)
      }
      if accepted >= 0 {
        let peer = raw.address(path: path) ?? .unix(path: path ?? "")
        return .socket(Socket(descriptor: accepted), peer: peer)
      }
      switch errno {
      case EAGAIN: return .wouldBlock
      // The client is gone already, or a signal came: the next one may be fine.
      case EINTR, ECONNABORTED, EPROTO: continue
      default: return .failed(code: errno)
      }
    }
  }

  /// Sends small replies at once. Unix sockets do so anyhow.
  func setNoDelay() { try? set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

  /// Has the system probe a silent peer after `seconds`, then thrice at a third of that; 0 is never.
  func setKeepalive(seconds: Int) {
    guard seconds > 0 else {
      try? set(SOL_SOCKET, SO_KEEPALIVE, 0)
      return
    }
    let seconds = Int32(clamping: min(seconds, 32_767))  // What the kernel takes.
    try? set(SOL_SOCKET, SO_KEEPALIVE, 1)
    try? set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, seconds)
    try? set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, max(1, seconds / 3))
    try? set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
    var value = value
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe setsockopt(descriptor, level, option, &value, size) == 0 else {
      throw .last("setsockopt")
    }
  }

  /// This end. Of a Unix socket the path that it listens on.
  var ownAddress: SocketAddress? { unsafe name { unsafe getsockname(descriptor, $0, $1) } }

  var peerAddress: SocketAddress? { unsafe name { unsafe getpeername(descriptor, $0, $1) } }

  private func name(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    var raw = RawAddress()
    guard unsafe raw.fill(call) == 0 else { return nil }
    return raw.address(path: nil)
  }

  /// Reads up to `size` bytes to the end of `buffer`.
  func read(into buffer: inout ByteBuffer, upTo size: Int) -> Transfer {
    let count = unsafe buffer.fill(size) { free in
      uninterrupted { unsafe recv(descriptor, free.baseAddress, free.count, 0) }
    }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .ended }
    return Self.failure
  }

  /// Writes a front part of `bytes`, maybe all. A peer that is gone is an error, never a signal.
  func write(_ bytes: ByteView) -> Transfer {
    guard !bytes.isEmpty else { return .bytes(0) }
    let count = unsafe bytes.withUnsafeBytes { bytes in
      uninterrupted {
        unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      }
    }
    return count >= 0 ? .bytes(count) : Self.failure
  }

  private static var failure: Transfer {
    switch errno {
    case EAGAIN: .wouldBlock
    case let code: .failed(code: code)
    }
  }

  /// Ends our sending; the peer reads to the end of it.
  func shutdownWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// Not made again when interrupted: on Linux the descriptor is gone then as well.
  func close() { _ = Glibc.close(descriptor) }
}

// MARK: Addresses as the system has them

/// A sockaddr of any family. Invariant: the first `size` bytes of `storage` are meant.
private struct RawAddress {
  var storage = sockaddr_storage()
  var size = socklen_t(MemoryLayout<sockaddr_storage>.size)

  init() {}

  /// - Throws: ENAMETOOLONG for a path of a Unix socket that has more than 107 bytes.
  init(_ address: SocketAddress) throws(SystemError) {
    var bytes: [UInt8]
    switch address {
    case .internet(let ip, let port):
      let portBytes = [UInt8(port >> 8 & 0xFF), UInt8(port & 0xFF)]
      if ip.isIPv4 {
        bytes = Self.family(AF_INET) + portBytes + ip.bytes + Array(repeating: 0, count: 8)
      } else {
        let none: [UInt8] = [0, 0, 0, 0]  // Flow before the address, scope behind it.
        bytes = Self.family(AF_INET6) + portBytes + none + ip.bytes + none
      }
    case .unix(let path):
      guard path.utf8.count <= 107 else {
        throw SystemError(call: "bind \(path)", code: ENAMETOOLONG)
      }
      bytes = Self.family(AF_UNIX) + Array(path.utf8) + [0]
    }
    size = socklen_t(bytes.count)
    unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyBytes(from: bytes) }
  }

  private static func family(_ family: Int32) -> [UInt8] {
    unsafe withUnsafeBytes(of: sa_family_t(family)) { unsafe Array($0) }
  }

  /// Hands the address to a call that reads it.
  mutating func with(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    let size = size
    return unsafe withUnsafePointer(to: &storage) { storage in
      unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, size) }
    }
  }

  /// Has a call fill the address in.
  mutating func fill(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> Int32 {
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = unsafe withUnsafeMutablePointer(to: &storage) { storage in
      unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe call($0, &size)
      }
    }
    self.size = min(size, socklen_t(MemoryLayout<sockaddr_storage>.size))
    return result
  }

  /// - Parameter path: of a Unix socket whose address has none.
  func address(path: String?) -> SocketAddress? {
    let bytes = unsafe withUnsafeBytes(of: storage) { unsafe Array($0.prefix(Int(size))) }
    guard bytes.count >= 2 else { return nil }
    let port = bytes.count >= 4 ? Int(bytes[2]) << 8 | Int(bytes[3]) : 0
    switch Int32(storage.ss_family) {
    case AF_INET where bytes.count >= 8:
      return .internet(IPAddress(bytes: Array(bytes[4..<8])), port: port)
    case AF_INET6 where bytes.count >= 24:
      return .internet(IPAddress(bytes: Array(bytes[8..<24])), port: port)
    case AF_UNIX:
      let own = String(decoding: bytes[2...].prefix { $0 != 0 }, as: UTF8.self)
      return .unix(path: own.isEmpty ? path ?? "" : own)
    default: return nil
    }
  }
}
