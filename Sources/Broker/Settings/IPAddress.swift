// IPAddress.swift: addresses and networks of IPv4 and IPv6, as text and as bytes.
//
// An IPv4 address that came in over an IPv6 socket (::ffff:a.b.c.d) is the IPv4 address it stands
// for, so that one rule covers both ways in.

import Glibc

/// An address in network byte order: 4 bytes or 16.
struct IPAddress: Equatable, Sendable {
  let bytes: [UInt8]

  var isIPv4: Bool { bytes.count == 4 }

  /// Of `bytes`, 4 or 16; mapped IPv4 becomes IPv4.
  init(bytes: [UInt8]) {
    precondition(bytes.count == 4 || bytes.count == 16)
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    self.bytes = bytes.count == 16 && bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
  }

  /// - Returns: nil when `text` is no numeric address; names are not looked up.
  init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET, text, &bytes) == 1 {
      self.init(bytes: Array(bytes[..<4]))
    } else if unsafe inet_pton(AF_INET6, text, &bytes) == 1 {
      self.init(bytes: bytes)
    } else {
      return nil
    }
  }

  var text: String {
    var characters = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = isIPv4 ? AF_INET : AF_INET6
    guard unsafe inet_ntop(family, bytes, &characters, socklen_t(characters.count)) != nil else {
      return "?"
    }
    return String(
      decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether this machine alone can have it: 127.0.0.0/8 or ::1.
  var isLoopback: Bool {
    isIPv4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
  }
}

/// Networks that may connect.
struct NetworkList: Equatable, Sendable {
  struct Network: Equatable, Sendable {
    let address: IPAddress
    /// Bits of the address that count.
    let size: Int

    /// `10.0.0.0/8`, `fd00::/8`, or an address alone. Bits behind the size are not looked at.
    init?(_ text: String) {
      let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      guard let address = IPAddress(String(parts[0])) else { return nil }
      let bits = address.bytes.count * 8
      self.address = address
      guard parts.count == 2 else {
        size = bits
        return
      }
      guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        var size = Int(parts[1])
      else { return nil }
      if parts[0].contains(":"), address.isIPv4 { size -= 96 }  // Written as ::ffff:a.b.c.d/n.
      guard (0...bits).contains(size) else { return nil }
      self.size = size
    }

    func contains(_ other: IPAddress) -> Bool {
      guard other.bytes.count == address.bytes.count else { return false }
      let whole = size / 8, rest = size % 8
      guard other.bytes[..<whole] == address.bytes[..<whole] else { return false }
      guard rest > 0 else { return true }
      let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
      return (other.bytes[whole] ^ address.bytes[whole]) & mask == 0
    }
  }

  private(set) var networks: [Network] = []

  init() {}

  /// - Returns: nil when one of `texts` is no network.
  init?(_ texts: [String]) {
    for text in texts {
      guard let network = Network(text) else { return nil }
      networks.append(network)
    }
  }

  var isEmpty: Bool { networks.isEmpty }

  /// Whether a client from `address` may come in: any may when the list is empty.
  ///
  /// - Complexity: O(networks).
  func admits(_ address: IPAddress) -> Bool {
    networks.isEmpty || networks.contains { $0.contains(address) }
  }
}

/// One word of the option `bind`.
struct BindAddress: Equatable, Sendable {
  let address: IPAddress
  /// Written with a `-`: the start goes on when the machine does not have it.
  let isOptional: Bool

  init(_ address: IPAddress) {
    self.address = address
    isOptional = false
  }

  init?(_ text: String) {
    isOptional = text.hasPrefix("-")
    let name = isOptional ? String(text.dropFirst()) : text
    switch name {
    case "*": address = IPAddress(bytes: [0, 0, 0, 0])
    case "::*": address = IPAddress(bytes: Array(repeating: 0, count: 16))
    case "localhost": address = IPAddress(bytes: [127, 0, 0, 1])
    default:
      guard let parsed = IPAddress(name) else { return nil }
      address = parsed
    }
  }
}
