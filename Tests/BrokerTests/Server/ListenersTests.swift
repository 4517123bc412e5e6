// ListenersTests.swift: where the broker listens, and how that changes while it runs.

import Testing

@testable import Broker

/// Settings of a broker on a port that nobody has just now.
private func freeSettings() throws -> Settings {
  var settings = Settings()
  settings.bind = ["127.0.0.1"]
  settings.port = try freePort()
  return settings
}

private func freePort() throws -> Int {
  let address = try #require(BindAddress("127.0.0.1"))
  let socket = try #require(try Socket.listen(on: address, port: 0, backlog: 1))
  defer { socket.close() }
  guard case .internet(_, let port) = socket.ownAddress else { return 0 }
  return port
}

private func answers(_ text: String, _ port: Int) -> Bool {
  guard let address = IPAddress(text),
    let socket = try? Socket.connect(to: .internet(address, port: port))
  else { return false }
  socket.close()
  return true
}

@Test func anotherPortTakesThePlaceOfTheFirst() throws {
  var settings = try freeSettings()
  var listeners = try Listeners(settings)
  defer { listeners.end() }
  let before = settings.port
  settings.port = try freePort()
  try listeners.change(to: settings)
  #expect(listeners.all.map(\.address.text) == ["127.0.0.1:\(settings.port)"])
  #expect(answers("127.0.0.1", settings.port))
  #expect(!answers("127.0.0.1", before))
}

@Test func aListenerThatStaysKeepsItsSocket() throws {
  var settings = try freeSettings()
  var listeners = try Listeners(settings)
  defer { listeners.end() }
  let socket = listeners.all[0].socket
  settings.bind = ["127.0.0.1", "127.0.0.2"]
  try listeners.change(to: settings)
  #expect(listeners.all.count == 2)
  #expect(listeners.all[0].socket == socket)
  #expect(answers("127.0.0.2", settings.port))
}

@Test func allAddressesCanTakeThePlaceOfOneOnTheSamePort() throws {
  var settings = try freeSettings()
  var listeners = try Listeners(settings)
  defer { listeners.end() }
  settings.bind = ["*"]
  try listeners.change(to: settings)
  #expect(answers("127.0.0.2", settings.port))
  settings.bind = ["127.0.0.1"]
  try listeners.change(to: settings)
  #expect(answers("127.0.0.1", settings.port))
  #expect(!answers("127.0.0.2", settings.port))
}

@Test func aPortInUseLeavesTheListenersAsTheyWere() throws {
  let other = try freeSettings()
  let others = try Listeners(other)
  defer { others.end() }
  var settings = try freeSettings()
  var listeners = try Listeners(settings)
  defer { listeners.end() }
  let before = settings.port
  settings.port = other.port
  #expect(throws: SystemError.self) { try listeners.change(to: settings) }
  #expect(listeners.all.map(\.address.text) == ["127.0.0.1:\(before)"])
  #expect(answers("127.0.0.1", before))
}

@Test func aStartOnAPortInUseNamesIt() throws {
  let settings = try freeSettings()
  let listeners = try Listeners(settings)
  defer { listeners.end() }
  #expect(
    throws: StartError(
      "cannot listen: bind 127.0.0.1:\(settings.port): Address already in use")
  ) { _ = try Listeners(settings) }
}

@Test func processorTimeHasSixDigitsBehindThePoint() {
  #expect(ServerHost.seconds(0) == "0.000000")
  #expect(ServerHost.seconds(12_000_345) == "12.000345")
}
