import Testing

@testable import Broker

@Test(arguments: [
  ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.0.0.1", false),
  ("10.128.0.0/9", "10.127.0.1", false), ("10.128.0.0/9", "10.129.0.1", true),
  ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.8", false),
  ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false),
  ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe80::1", false), ("::/0", "1.2.3.4", false),
  ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::ffff:10.0.0.0/104", "10.9.9.9", true),
])
func aNetworkHasTheAddressesOfItsPrefix(network: String, address: String, expected: Bool) throws {
  let network = try #require(NetworkList.Network(network))
  #expect(network.contains(try #require(IPAddress(address))) == expected)
}

@Test(arguments: [
  "", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0", "fd00::/129", "host",
  "::ffff:1.2.3.4/90",
])
func whatIsNoNetworkIsRefused(text: String) {
  #expect(NetworkList.Network(text) == nil)
  #expect(NetworkList([text]) == nil)
}

@Test func anEmptyListAdmitsAll() throws {
  #expect(NetworkList().admits(try #require(IPAddress("1.2.3.4"))))
  let list = try #require(NetworkList(["127.0.0.1", "fd00::/8"]))
  #expect(list.admits(try #require(IPAddress("fd00::5"))))
  #expect(!list.admits(try #require(IPAddress("1.2.3.4"))))
}

@Test func addressesArePrintedInShortForm() throws {
  #expect(try #require(IPAddress("0:0:0:0:0:0:0:1")).text == "::1")
  #expect(try #require(IPAddress("::ffff:10.0.0.1")).text == "10.0.0.1")
  #expect(try #require(IPAddress("127.8.8.8")).isLoopback)
  #expect(try #require(IPAddress("::1")).isLoopback)
  #expect(!(try #require(IPAddress("::2")).isLoopback))
}
