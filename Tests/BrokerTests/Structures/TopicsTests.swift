// TopicsTests.swift: subscriptions against a naive model.

import RESP
import Testing

@testable import Broker

/// Goal: who is subscribed to what is what was asked for. Method: random steps on the topics and on a
/// dictionary of sets, compared after each.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func topicsAgreeWithTheirModel(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  var topics = Topics(hash: KeyHash(seed: seed))
  var model: [[UInt8]: Set<Int>] = [:]
  for step in 0..<5_000 {
    let trace: Comment = "seed \(seed), step \(step)"
    let session = Int(random.next() % 12)
    let name = Array("topic\(random.next() % 40)".utf8)
    // Sometimes all leave, so that topics end and begin again.
    let leaves = random.next() % 100 < (step / 500 % 2 == 0 ? 40 : 65)
    if random.next() % 50 == 0 {
      for name in topics.names(of: session) {
        let wasThere = unsafe name.withUnsafeBytes {
          unsafe topics.unsubscribe(session, from: ByteView($0))
        }
        #expect(wasThere, trace)
        #expect(model[name]?.remove(session) == session, trace)
      }
      #expect(topics.count(of: session) == 0, trace)
    } else if leaves {
      let wasThere = unsafe name.withUnsafeBytes {
        unsafe topics.unsubscribe(session, from: ByteView($0))
      }
      #expect(wasThere == (model[name]?.remove(session) != nil), trace)
    } else {
      let isNew = unsafe name.withUnsafeBytes {
        unsafe topics.subscribe(session, to: ByteView($0))
      }
      #expect(isNew == model[name, default: []].insert(session).inserted, trace)
    }
    model = model.filter { !$0.value.isEmpty }
    topics.checkInvariants()
    #expect(topics.count == model.count, trace)
    let subscribers = unsafe name.withUnsafeBytes { unsafe topics.subscribers(of: ByteView($0)) }
    #expect(Set(subscribers) == model[name] ?? [], trace)
    let count = topics.count(of: session)
    #expect(count == model.values.count { $0.contains(session) }, trace)
  }
  var found: [[UInt8]: Set<Int>] = [:]
  for index in 0..<topics.count { found[topics[index].name.array] = Set(topics[index].subscribers) }
  #expect(found == model)
}
