// Socket.swift: connecting, reading and writing without ever waiting; and the addresses for it.

import CLinux
import RESP

#if canImport(Glibc)
  import Glibc
#endif

/// What one read or write did.
enum Transfer: Equatable {
  case bytes(Int)
  case wouldBlock
  /// The other side has ended the connection.
  case ended
  case failed(code: Int32)
}

/// A non-blocking socket: a number with calls on it. Who holds it closes it, once.
struct Socket: Equatable {
  let descriptor: Int32

  enum Attempt {
    /// Connected, or about to be: writable then, and `connectFailure` tells how it went.
    case begun(Socket)
    case failed(code: Int32)
  }

  static func connect(to address: SocketAddress) -> Attempt {
    let kind =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let socket = Socket(descriptor: Glibc.socket(address.family, kind, 0))
    guard socket.descriptor >= 0 else { return .failed(code: errno) }
    if address.family != AF_UNIX { socket.prepareForNetwork() }
    let code = unsafe address.bytes.withUnsafeBytes { bytes in
      unsafe Glibc.connect(
        socket.descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    // An interrupted attempt goes on by itself.
    guard code == 0 || errno == EINPROGRESS || errno == EINTR else {
      let code = errno
      socket.close()
      return .failed(code: code)
    }
    return .begun(socket)
  }

  /// Small requests go at once, and a silent peer is found out: after 30 s, then thrice every 10 s.
  private func prepareForNetwork() {
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
    set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  /// What is asked for helps; nothing breaks without it.
  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(4))
  }

  /// Why an attempt to connect failed; 0 when it did not.
  var connectFailure: Int32 {
    var code: Int32 = 0, size = socklen_t(4)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
      return errno
    }
    return code
  }

  /// Reads up to `size` bytes to the end of `buffer`.
  func read(into buffer: inout ByteBuffer, upTo size: Int) -> Transfer {
    let count = unsafe buffer.fill(size) { free in
      while true {
        let count = unsafe recv(descriptor, free.baseAddress, free.count, 0)
        if count >= 0 || errno != EINTR { return count }
      }
    }
    if count > 0 { return .bytes(count) }
    return count == 0 ? .ended : Self.failure
  }

  /// Writes a front part of `bytes`, maybe all. A peer that is gone is an error, never a signal.
  func write(_ bytes: ByteView) -> Transfer {
    while true {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 { return .bytes(count) }
      if errno != EINTR { return Self.failure }
    }
  }

  private static var failure: Transfer {
    errno == EAGAIN ? .wouldBlock : .failed(code: errno)
  }

  /// Ends our sending; the peer reads to the end of it and closes.
  func shutdownWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// Not made again when interrupted: on Linux the descriptor is gone then as well.
  func close() { _ = Glibc.close(descriptor) }
}

/// A sockaddr of some family.
struct SocketAddress: Equatable, Sendable {
  let family: Int32
  let bytes: [UInt8]

  /// The address of a Unix socket, whose path has at most 107 bytes.
  static func unix(path: String) -> SocketAddress {
    let family = unsafe withUnsafeBytes(of: sa_family_t(AF_UNIX)) { unsafe Array($0) }
    return SocketAddress(family: AF_UNIX, bytes: family + Array(path.utf8) + [0])
  }

  /// The addresses of a host, in the order in which they are to be tried. May wait for the network
  /// unless `isNumeric`, which takes numbers alone.
  ///
  /// - Throws: `.connectionFailed` when there are none.
  static func lookUp(
    _ host: String, port: Int, isNumeric: Bool
  ) throws(MartletError) -> [SocketAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_flags = isNumeric ? AI_NUMERICHOST | AI_NUMERICSERV : AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      let reason = unsafe String(cString: gai_strerror(code))
      throw MartletError(.connectionFailed, "the host '\(host)' was not found: \(reason)")
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = [], next = unsafe list
    while let info = unsafe next?.pointee {
      let bytes = unsafe UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen))
      unsafe found.append(SocketAddress(family: info.ai_family, bytes: Array(bytes)))
      unsafe next = info.ai_next
    }
    return found
  }
}
