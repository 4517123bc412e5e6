import Glibc
import RESP
import Testing

@testable import Broker

private func temporaryPath(_ name: String) -> String {
  "/tmp/martlet-\(name)-\(ProcessInfo.id)-\(SystemClock.monotonic())"
}

/// A listening socket on a free port of this machine, and the address to reach it.
private func listen(_ address: String = "127.0.0.1") throws -> (Socket, SocketAddress) {
  let bind = try #require(BindAddress(address))
  let listener = try #require(try Socket.listen(on: bind, port: 0, backlog: 16))
  return (listener, try #require(listener.ownAddress))
}

/// A connected pair: the client's end and the one that the listener took in.
private func connect(_ listener: Socket, _ address: SocketAddress) throws -> (Socket, Socket) {
  let client = try Socket.connect(to: address)
  var poller = try Poller(capacity: 4)
  try poller.add(listener.descriptor, tag: 1, for: .reading)
  #expect(poller.wait(nanoseconds: 2_000_000_000) == 1)
  guard case .socket(let server, let peer) = listener.accept() else {
    Issue.record("nobody came")
    throw SystemError(call: "accept", code: 0)
  }
  #expect(peer == client.ownAddress)
  return (client, server)
}

// MARK: Poller

@Test func thePollerTellsAgainWhatWasNotRead() throws {
  let (listener, address) = try listen()
  let (client, server) = try connect(listener, address)
  defer { for socket in [listener, client, server] { socket.close() } }
  var poller = try Poller(capacity: 4)
  try poller.add(server.descriptor, tag: UInt64.max - 1, for: .reading)
  #expect(poller.wait(nanoseconds: 0) == 0)
  #expect(client.write(ByteView("hello")) == .bytes(5))
  for _ in 0..<2 {
    #expect(poller.wait(nanoseconds: nil) == 1)
    #expect(
      poller[0]
        == .init(tag: UInt64.max - 1, canRead: true, canWrite: false, hasHungUp: false))
  }
  try poller.modify(server.descriptor, tag: 7, for: [.reading, .writing])
  #expect(poller.wait(nanoseconds: nil) == 1)
  #expect(poller[0] == .init(tag: 7, canRead: true, canWrite: true, hasHungUp: false))
  poller.remove(server.descriptor)
  #expect(poller.wait(nanoseconds: 0) == 0)
}

@Test func aWaitTakesItsTimeAndNoLess() throws {
  var poller = try Poller(capacity: 4)
  let start = SystemClock.monotonic()
  #expect(poller.wait(nanoseconds: 3_300_000) == 0)
  #expect(SystemClock.monotonic() - start >= 3_300_000)
}

@Test func watchingWhatIsNotOpenIsAnError() throws {
  let poller = try Poller(capacity: 4)
  #expect(throws: SystemError(call: "epoll_ctl", code: EBADF)) {
    try poller.add(987_654, tag: 0, for: .reading)
  }
}

@Test func manyWakeUpsAreOne() throws {
  let wakeUp = try WakeUp()
  var poller = try Poller(capacity: 4)
  try poller.add(wakeUp.descriptor, tag: 5, for: .reading)
  #expect(!wakeUp.clear())
  wakeUp.signal()
  wakeUp.signal()
  #expect(poller.wait(nanoseconds: nil) == 1)
  #expect(poller[0].tag == 5)
  #expect(wakeUp.clear())
  #expect(poller.wait(nanoseconds: 0) == 0)
}

// MARK: Sockets

@Test(arguments: ["127.0.0.1", "-::1"])
func bytesGoBothWays(address: String) throws {
  let bind = try #require(BindAddress(address))
  guard let listener = try Socket.listen(on: bind, port: 0, backlog: 4) else { return }
  let own = try #require(listener.ownAddress)
  let (client, server) = try connect(listener, own)
  defer { for socket in [listener, client, server] { socket.close() } }
  server.setNoDelay()
  server.setKeepalive(seconds: 300)
  server.setKeepalive(seconds: 0)
  var buffer = ByteBuffer()
  #expect(server.read(into: &buffer, upTo: 16) == .wouldBlock)
  #expect(client.write(ByteView("ping")) == .bytes(4))
  var poller = try Poller(capacity: 4)
  try poller.add(server.descriptor, tag: 0, for: .reading)
  #expect(poller.wait(nanoseconds: 2_000_000_000) == 1)
  #expect(server.read(into: &buffer, upTo: 3) == .bytes(3))
  #expect(server.read(into: &buffer, upTo: 16) == .bytes(1))
  #expect(buffer.view == ByteView("ping"))
  #expect(server.write(ByteView("pong")) == .bytes(4))
  var answer = ByteBuffer()
  #expect(client.read(into: &answer, upTo: 16) == .bytes(4))
  client.shutdownWriting()
  #expect(poller.wait(nanoseconds: 2_000_000_000) == 1)
  #expect(server.read(into: &buffer, upTo: 16) == .ended)
  #expect(try #require(server.peerAddress).isLocal)
}

@Test func aPeerThatIsGoneIsAnErrorAndNoSignal() throws {
  let (listener, address) = try listen()
  let (client, server) = try connect(listener, address)
  defer { for socket in [listener, server] { socket.close() } }
  client.close()
  var last = Transfer.wouldBlock
  // The kernel tells of it once it has taken in that the peer is gone.
  var poller = try Poller()
  try poller.add(server.descriptor, tag: 1, for: .reading)
  for _ in 0..<100 {
    last = server.write(ByteView("x"))
    if case .failed = last { break }
    _ = poller.wait(nanoseconds: 2_000_000_000)
  }
  #expect(last == .failed(code: EPIPE) || last == .failed(code: ECONNRESET))
}

@Test func aFullSocketWouldBlock() throws {
  let (listener, address) = try listen()
  let (client, server) = try connect(listener, address)
  defer { for socket in [listener, client, server] { socket.close() } }
  var bytes = ByteBuffer()
  bytes.append([UInt8](repeating: 0, count: 1 << 20))
  var last = Transfer.bytes(1)
  for _ in 0..<1000 where last != .wouldBlock { last = server.write(bytes.view) }
  #expect(last == .wouldBlock)
}

@Test func aPortInUseIsAnErrorThatSaysSo() throws {
  let (listener, address) = try listen()
  defer { listener.close() }
  guard case .internet(_, let port) = address else { return }
  let bind = try #require(BindAddress("127.0.0.1"))
  #expect(throws: SystemError(call: "bind 127.0.0.1:\(port)", code: EADDRINUSE)) {
    try Socket.listen(on: bind, port: port, backlog: 1)
  }
}

@Test func anOptionalAddressMayBeAbsent() throws {
  let absent = try #require(BindAddress("-192.0.2.1"))
  #expect(try Socket.listen(on: absent, port: 0, backlog: 1) == nil)
  let wanted = try #require(BindAddress("192.0.2.1"))
  #expect(throws: SystemError.self) { try Socket.listen(on: wanted, port: 0, backlog: 1) }
}

@Test func aStaleSocketFileIsReplacedAndALiveOneIsNot() throws {
  let path = temporaryPath("socket")
  defer { TextFile.remove(path) }
  let first = try Socket.listen(unix: path, mode: 0o700, backlog: 4)
  #expect(first.ownAddress == .unix(path: path))
  var status = stat()
  #expect(unsafe stat(path, &status) == 0)
  #expect(status.st_mode & 0o777 == 0o700)
  #expect(throws: SystemError(call: "bind \(path)", code: EADDRINUSE)) {
    try Socket.listen(unix: path, mode: 0, backlog: 4)
  }
  first.close()  // The file stays behind, as after a crash.
  let second = try Socket.listen(unix: path, mode: 0, backlog: 4)
  let client = try Socket.connect(to: .unix(path: path))
  while true {
    guard case .socket(let server, let peer) = second.accept(path: path) else { break }
    #expect(peer.text == "\(path):0")
    server.close()
  }
  client.close()
  second.close()
}

@Test func aSocketIsNotPutInThePlaceOfAFile() throws {
  let path = temporaryPath("file")
  defer { TextFile.remove(path) }
  try TextFile.replace(path, with: [1])
  #expect(throws: SystemError(call: "bind \(path)", code: EEXIST)) {
    try Socket.listen(unix: path, mode: 0, backlog: 4)
  }
  let long = "/tmp/" + String(repeating: "x", count: 200)
  #expect(throws: SystemError(call: "bind \(long)", code: ENAMETOOLONG)) {
    try Socket.listen(unix: long, mode: 0, backlog: 4)
  }
}

@Test func addressesReadAsInClientList() throws {
  let v6 = try #require(IPAddress("::1")), v4 = try #require(IPAddress("10.0.0.1"))
  #expect(SocketAddress.internet(v6, port: 6379).text == "[::1]:6379")
  #expect(SocketAddress.internet(v4, port: 1).text == "10.0.0.1:1")
  #expect(!SocketAddress.internet(v4, port: 1).isLocal)
  #expect(BindAddress("nowhere") == nil)
  #expect(BindAddress("*")?.address.text == "0.0.0.0")
  #expect(BindAddress("-::*")?.isOptional == true)
}

// MARK: The rest

@Test func clocksGoOn() {
  let start = SystemClock.monotonic()
  #expect(SystemClock.monotonic() >= start)
  #expect(SystemClock.wall() > 1_700_000_000_000)
  #expect(abs(SystemClock.wallMicroseconds() / 1000 - SystemClock.wall()) < 1000)
}

/// Goal: a signal can be read. Method: `raise` gives it to this thread, which has it blocked.
@Test func signalsAreRead() throws {
  var before = sigset_t()
  unsafe pthread_sigmask(SIG_BLOCK, nil, &before)
  defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
  let signals = try Signals()
  #expect(signals.next() == nil)
  raise(SIGINT)
  #expect(signals.next() == .interrupt)
  raise(SIGTERM)
  #expect(signals.next() == .terminate)
  #expect(signals.next() == nil)
}

@Test func theProcessKnowsItself() {
  #expect(ProcessInfo.residentSize() > 1 << 20)
  #expect(ProcessInfo.machineMemory > 1 << 24)
  let times = ProcessInfo.processorTimes()
  #expect(times.user + times.system > 0)
  #expect(ProcessInfo.systemName().hasPrefix("Linux "))
  #expect(ProcessInfo.executablePath().hasPrefix("/"))
  #expect(ProcessInfo.absolutePath("./x").hasSuffix("/x"))
  #expect(ProcessInfo.absolutePath("/x") == "/x")
}

@Test func descriptorsAreFoundForClientsOrCounted() {
  #expect(DescriptorLimit.raise(forClients: 10) == 10)
  let fit = DescriptorLimit.raise(forClients: Int(UInt32.max))
  #expect(fit >= 10 && fit <= Int(UInt32.max))
}

@Test func aFileIsReplacedWholeAndKeepsItsMode() throws {
  let path = temporaryPath("text")
  defer { TextFile.remove(path) }
  #expect(throws: SystemError(call: path, code: ENOENT)) { try TextFile.read(path) }
  try TextFile.replace(path, with: Array("one".utf8))
  var status = stat()
  #expect(unsafe stat(path, &status) == 0)
  #expect(status.st_mode & 0o777 == 0o600)
  #expect(unsafe chmod(path, 0o640) == 0)
  try TextFile.replace(path, with: Array("two".utf8))
  #expect(unsafe stat(path, &status) == 0)
  #expect(status.st_mode & 0o777 == 0o640)
  #expect(try TextFile.read(path) == Array("two".utf8))
  #expect(throws: SystemError(call: path, code: EFBIG)) { try TextFile.read(path, sizeMax: 2) }
  try TextFile.writeProcessID(to: path)
  #expect(try TextFile.read(path) == Array("\(ProcessInfo.id)\n".utf8))
}
