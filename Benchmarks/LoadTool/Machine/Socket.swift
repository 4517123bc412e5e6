// Socket.swift: connecting to a server, and moving bytes.

import CLinux
import Glibc
import RESP

/// Where a server listens.
enum Place: Equatable, Sendable {
  case internet(host: String, port: Int)
  case unix(path: String)

  var text: String {
    switch self {
    case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  /// Whether the server shares this machine, as far as the address tells.
  var isLocal: Bool {
    switch self {
    case .internet(let host, _): host == "localhost" || host == "::1" || host.hasPrefix("127.")
    case .unix: true
    }
  }
}

/// A call of the system that failed.
struct SystemError: Error, Equatable {
  let call: String
  let code: Int32

  static func last(_ call: String) -> SystemError { SystemError(call: call, code: errno) }

  /// As strerror has it: "Connection refused".
  var reason: String { unsafe String(cString: strerror(code)) }
}

/// What one read or write did.
enum Transfer: Equatable {
  case bytes(Int)
  case wouldBlock
  /// The other side has ended the connection.
  case ended
  case failed(code: Int32)
}

/// A connected socket: a number with calls on it. Who holds it closes it, once.
struct Socket: Equatable, Sendable {
  let descriptor: Int32

  /// Connects, waiting for at most `seconds`.
  static func connect(to place: Place, seconds: Int = 5) throws(SystemError) -> Socket {
    switch place {
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      guard bytes.count < 108 else { throw SystemError(call: "connect", code: ENAMETOOLONG) }
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
      return try unsafe withUnsafeBytes(of: address) { bytes throws(SystemError) in
        try unsafe connect(AF_UNIX, bytes, seconds: seconds)
      }
    case .internet(let host, let port):
      var hints = unsafe addrinfo()
      unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
      unsafe hints.ai_family = AF_UNSPEC
      var list: UnsafeMutablePointer<addrinfo>?
      guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else {
        throw SystemError(call: "resolve", code: EADDRNOTAVAIL)
      }
      defer { unsafe freeaddrinfo(list) }
      var failure = SystemError(call: "connect", code: EADDRNOTAVAIL)
      var next = unsafe list
      while let info = unsafe next {
        do throws(SystemError) {
          let info = unsafe info.pointee
          let address = unsafe UnsafeRawBufferPointer(
            start: info.ai_addr, count: Int(info.ai_addrlen))
          return try unsafe connect(info.ai_family, address, seconds: seconds)
        } catch { failure = error }
        unsafe next = info.pointee.ai_next
      }
      throw failure
    }
  }

  private static func connect(
    _ family: Int32, _ address: UnsafeRawBufferPointer, seconds: Int
  ) throws(SystemError) -> Socket {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Socket(descriptor: Glibc.socket(family, kind, 0))
    guard socket.descriptor >= 0 else { throw .last("socket") }
    socket.setTimeout(seconds: seconds)  // Of connect as well, on Linux.
    let code = unsafe Glibc.connect(
      socket.descriptor, address.baseAddress!.assumingMemoryBound(to: sockaddr.self),
      socklen_t(address.count))
    guard code == 0 else {
      let error = SystemError.last("connect")
      socket.close()
      throw error.code == EINPROGRESS ? SystemError(call: "connect", code: ETIMEDOUT) : error
    }
    if family != AF_UNIX {
      var one: Int32 = 1
      _ = unsafe setsockopt(
        socket.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
    }
    return socket
  }

  /// After so long a blocking read or write fails with EAGAIN; 0 waits for ever.
  func setTimeout(seconds: Int) {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
  }

  /// From now on reads and writes that would wait say so in place of it.
  func setNonBlocking() { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }

  /// Reads up to `size` bytes to the end of `buffer`.
  @inline(__always)
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
  @inline(__always)
  func write(_ bytes: ByteView) -> Transfer {
    while true {
      let count = unsafe send(descriptor, bytes.start, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      if errno != EINTR { return Self.failure }
    }
  }

  private static var failure: Transfer {
    errno == EAGAIN ? .wouldBlock : .failed(code: errno)
  }

  func close() { _ = Glibc.close(descriptor) }
}
