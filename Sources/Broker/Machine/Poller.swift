// Poller.swift: which descriptors can be read or written, and the wake-up from other threads.
//
// epoll, level-triggered: what was not read in one turn is told again in the next, so that a turn may
// leave a busy connection for later without forgetting it.

import CLinux
import Glibc

/// Waits for many descriptors at once. One thread owns it.
///
/// Invariant: events 0 ..< readyCount are those of the last `wait`.
@safe
struct Poller: ~Copyable {
  struct Interest: OptionSet, Sendable {
    let rawValue: UInt32
    static let reading = Interest(rawValue: EPOLLIN.rawValue)
    static let writing = Interest(rawValue: EPOLLOUT.rawValue)
  }

  struct Event: Equatable, Sendable {
    /// What `add` was given.
    let tag: UInt64
    let canRead: Bool
    let canWrite: Bool
    /// The connection is gone both ways; a read tells why.
    let hasHungUp: Bool
  }

  private let descriptor: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private let capacity: Int
  private(set) var readyCount = 0
  /// Kernels before 5.11, and some sandboxes, wait in whole milliseconds alone.
  private var waitsInNanoseconds = true

  /// - Parameter capacity: events that one `wait` tells at most; the rest come with the next.
  init(capacity: Int = 1024) throws(SystemError) {
    precondition(capacity > 0)
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else {
      let error = SystemError.last("epoll_create1")
      unsafe events = .allocate(capacity: 1)
      self.capacity = 0
      throw error
    }
    unsafe events = .allocate(capacity: capacity)
    unsafe events.initialize(repeating: epoll_event(), count: capacity)
    self.capacity = capacity
  }

  deinit {
    unsafe events.deallocate()
    if descriptor >= 0 { _ = close(descriptor) }
  }

  /// Begins to watch `descriptor`; its events carry `tag`. Hang-ups are told even without interest.
  func add(_ descriptor: Int32, tag: UInt64, for interest: Interest) throws(SystemError) {
    try control(EPOLL_CTL_ADD, descriptor, tag, interest)
  }

  func modify(_ descriptor: Int32, tag: UInt64, for interest: Interest) throws(SystemError) {
    try control(EPOLL_CTL_MOD, descriptor, tag, interest)
  }

  /// Stops watching `descriptor`, before it is closed. Events of it already told stay.
  func remove(_ descriptor: Int32) {
    var event = unsafe epoll_event()
    _ = unsafe epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor, &event)
  }

  private func control(
    _ operation: Int32, _ descriptor: Int32, _ tag: UInt64, _ interest: Interest
  ) throws(SystemError) {
    var event = unsafe martlet_epoll_event(interest.rawValue, tag)
    guard unsafe epoll_ctl(self.descriptor, operation, descriptor, &event) == 0 else {
      throw .last("epoll_ctl")
    }
  }

  /// Waits until something is ready or the time is over.
  ///
  /// - Parameter nanoseconds: at most so long; nil is without end, 0 and below do not wait. Where the
  ///   kernel counts milliseconds, it is rounded up: never too early.
  /// - Returns: how many events `self[0...]` has now; 0 after the time and after a signal.
  mutating func wait(nanoseconds: Int64?) -> Int {
    readyCount = 0
    let count: Int32
    if waitsInNanoseconds, let nanoseconds, nanoseconds > 0 {
      var limit = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      count = unsafe epoll_pwait2(descriptor, events, Int32(capacity), &limit, nil)
      if count < 0, errno == ENOSYS || errno == EPERM {
        waitsInNanoseconds = false
        return wait(nanoseconds: nanoseconds)
      }
    } else {
      var milliseconds: Int32 = -1
      if let nanoseconds {
        let whole = nanoseconds <= 0 ? 0 : (nanoseconds - 1) / 1_000_000 + 1
        milliseconds = Int32(clamping: whole)
      }
      count = unsafe epoll_wait(descriptor, events, Int32(capacity), milliseconds)
    }
    // An interrupted wait is a short one; nothing else can fail but by our own mistake.
    precondition(count >= 0 || errno == EINTR, "epoll_wait failed")
    readyCount = max(0, Int(count))
    return readyCount
  }

  /// Event `index` of the last `wait`.
  subscript(index: Int) -> Event {
    precondition(index >= 0 && index < readyCount)
    let event = unsafe events + index
    let flags = unsafe event.pointee.events
    let hasHungUp = flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    return unsafe Event(
      tag: martlet_epoll_tag(event),
      canRead: flags & EPOLLIN.rawValue != 0 || hasHungUp,
      canWrite: flags & EPOLLOUT.rawValue != 0, hasHungUp: hasHungUp)
  }
}

/// Ends another thread's wait: an eventfd that its poller watches.
///
/// Thread safety: `signal` by any thread at any time; `clear` by the thread that waits.
final class WakeUp: Sendable {
  let descriptor: Int32

  init() throws(SystemError) {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard descriptor >= 0 else { throw .last("eventfd") }
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  /// Makes the descriptor readable until `clear`. Many signals are as good as one.
  func signal() {
    var one: UInt64 = 1
    // It can fail only when the count is at its top, and then it is readable already.
    _ = uninterrupted { unsafe write(descriptor, &one, 8) }
  }

  /// - Returns: whether there was a signal since the last time.
  @discardableResult
  func clear() -> Bool {
    var count: UInt64 = 0
    return uninterrupted { unsafe read(descriptor, &count, 8) } == 8
  }
}
