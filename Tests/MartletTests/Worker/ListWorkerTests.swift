// ListWorkerTests.swift: workers of plain lists: elements of any producer.

import Martlet
import MartletTesting
import Testing

@Suite struct ListWorkerTests {
  struct Order: Decodable, Equatable { var id: Int }

  @Test func elementsOfAnyProducerAreWorkedOff() async throws {
    let broker = try TestBroker(), client = try broker.client()
    let worker = broker.worker(client, queues: "raw", "orders", options: .noting())
    let bytes = Notes<[UInt8]>(), orders = Notes<Order>()
    worker.handle(elementsOf: "raw") { element, context in
      #expect(context.name == "" && context.queue == "raw")
      bytes.add(element)
    }
    worker.handle(elementsOf: "orders", as: Order.self) { order, _ in orders.add(order) }
    try await client.send("LPUSH", "raw", [0, 255, 13, 10] as [UInt8])
    try await client.send("LPUSH", "orders", #"{"id": 7}"#, "no order")
    try await working(worker) {
      #expect(await bytes.first(1) == [[0, 255, 13, 10]])
      #expect(await orders.first(1) == [Order(id: 7)])
      try await soon { try await client.send("LLEN", "orders:dead").integer == 1 }
      try await soon { try await client.count("acked", of: "raw") == 1 }
    }
  }

  /// Goal: a server that has not what a worker of lists needs, such as Redis 6, is named as such.
  @Test func aServerWithoutJobsAndBLMPOPIsTold() async throws {
    let server = try FakeServer { peer in
      peer.greet()
      while let words = peer.request() {
        peer.send("-ERR unknown command `\(words[0])`, with args beginning with: \r\n")
      }
    }
    let client = try MartletClient(server.url, options: options())
    let worker = Worker(client, queues: "list", options: .noting())
    worker.handle(elementsOf: "list") { _, _ in }
    let result = await outcome { try await worker.run() }
    #expect(result.failure == .unsupported)
    #expect(result.message.contains("BLMPOP"))
  }
}
