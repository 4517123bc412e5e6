// ThreadSupply.swift: a system that has only so many threads left.

import Glibc
import Synchronization

@testable import Broker

/// Starts as many threads as it is told to, and refuses the others as the system does.
final class ThreadSupply: Sendable {
  private let left: Atomic<Int>

  init(_ count: Int) { left = Atomic(count) }

  func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> Thread {
    guard left.subtract(1, ordering: .relaxed).oldValue > 0 else {
      throw SystemError(call: "pthread_create \(name)", code: EAGAIN)
    }
    return try Thread(name: name, body)
  }
}
