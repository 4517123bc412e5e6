// Poller.swift: which sockets can be read or written: epoll, level-triggered; and the wake-up for it.

import CLinux

#if canImport(Glibc)
  import Glibc
#endif

/// Waits for many sockets at once.
///
/// Thread safety: made by whoever starts the I/O thread, and used by that thread alone.
@safe final class Poller: @unchecked Sendable {
  struct Event {
    /// What `watch` was given; `wakeTag` is the wake-up.
    let tag: UInt64
    let canRead: Bool
    let canWrite: Bool
  }

  /// Above the tags of all connections.
  static let wakeTag = UInt64.max

  private let descriptor: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private static let capacity = 256
  /// Kernels before 5.11, and some sandboxes, wait in whole milliseconds alone.
  private var waitsInNanoseconds = true

  /// - Throws: `.connectionFailed` when the system has no descriptor left.
  init(_ wakeUp: WakeUp) throws(MartletError) {
    unsafe events = .allocate(capacity: Self.capacity)
    unsafe events.initialize(repeating: epoll_event(), count: Self.capacity)
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw .system("epoll_create1") }
    // Edge-triggered: each signal is told once and need not be read.
    try control(
      EPOLL_CTL_ADD, wakeUp.descriptor, Self.wakeTag, EPOLLIN.rawValue | EPOLLET.rawValue)
  }

  deinit {
    unsafe events.deallocate()
    if descriptor >= 0 { _ = close(descriptor) }
  }

  /// Begins to watch a socket: for reading, and for writing too where that is asked.
  ///
  /// - Throws: `.connectionFailed` when the system has no memory left for it, or no watches.
  func add(_ socket: Socket, tag: UInt64, forWriting: Bool) throws(MartletError) {
    try control(EPOLL_CTL_ADD, socket.descriptor, tag, Self.events(forWriting))
  }

  /// - Throws: as `add` does; the socket is watched as before then.
  func change(_ socket: Socket, tag: UInt64, forWriting: Bool) throws(MartletError) {
    try control(EPOLL_CTL_MOD, socket.descriptor, tag, Self.events(forWriting))
  }

  private static func events(_ forWriting: Bool) -> UInt32 {
    forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
  }

  private func control(
    _ operation: Int32, _ descriptor: Int32, _ tag: UInt64, _ events: UInt32
  ) throws(MartletError) {
    var event = unsafe martlet_epoll_event(events, tag)
    guard unsafe epoll_ctl(self.descriptor, operation, descriptor, &event) == 0 else {
      throw .system("epoll_ctl")
    }
  }

  /// Waits until something is ready or the time is over; nil waits for ever, 0 and below not at all.
  ///
  /// - Returns: how many events there are; 0 after the time and after a signal.
  func wait(nanoseconds: Int64?) -> Int {
    let count: Int32
    if waitsInNanoseconds, let nanoseconds, nanoseconds > 0 {
      var limit = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      count = unsafe epoll_pwait2(descriptor, events, Int32(Self.capacity), &limit, nil)
      if count < 0, errno == ENOSYS || errno == EPERM {
        waitsInNanoseconds = false
        return wait(nanoseconds: nanoseconds)
      }
    } else {
      var milliseconds: Int32 = -1
      if let nanoseconds {
        milliseconds = nanoseconds <= 0 ? 0 : Int32(clamping: (nanoseconds - 1) / 1_000_000 + 1)
      }
      count = unsafe epoll_wait(descriptor, events, Int32(Self.capacity), milliseconds)
    }
    return max(0, Int(count))
  }

  /// Event `index` of the last `wait`. A hang-up can be read: the read tells why.
  subscript(index: Int) -> Event {
    precondition(index >= 0 && index < Self.capacity)
    let event = unsafe events + index
    let flags = unsafe event.pointee.events
    return unsafe Event(
      tag: martlet_epoll_tag(event), canRead: flags & ~EPOLLOUT.rawValue != 0,
      canWrite: flags & EPOLLOUT.rawValue != 0)
  }
}

/// Ends the I/O thread's wait: an eventfd that its poller watches.
///
/// Thread safety: `signal` by any thread at any time.
final class WakeUp: Sendable {
  let descriptor: Int32

  /// - Throws: `.connectionFailed` when the system has no descriptor left.
  init() throws(MartletError) {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard descriptor >= 0 else { throw .system("eventfd") }
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  func signal() {
    var one: UInt64 = 1
    // It can fail only when the count is at its top, some 10^19 signals from here.
    _ = unsafe write(descriptor, &one, 8)
  }
}

extension MartletError {
  /// The call of the system that has just failed.
  static func system(_ call: String) -> MartletError {
    MartletError(.connectionFailed, "\(call): \(systemText(errno))")
  }
}
