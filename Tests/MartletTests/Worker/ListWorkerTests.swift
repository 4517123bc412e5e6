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
}
