// Poller.swift: which connections can be read or written: epoll, level-triggered.

import CLinux
import Glibc

/// Waits for many sockets at once. One thread owns it.
@safe
struct Poller: ~Copyable {
  private let descriptor: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private static let capacity = 512
  /// Kernels before 5.11, and some sandboxes, wait in whole milliseconds alone.
  private var waitsInNanoseconds = true

  init() {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    precondition(descriptor >= 0, "the system has no descriptor left")
    unsafe events = .allocate(capacity: Self.capacity)
    unsafe events.initialize(repeating: epoll_event(), count: Self.capacity)
  }

  deinit {
    unsafe events.deallocate()
    _ = close(descriptor)
  }

  func add(_ socket: Int32, tag: Int) { control(EPOLL_CTL_ADD, socket, tag, EPOLLIN.rawValue) }

  /// Whether writability is told as well.
  func watch(_ socket: Int32, tag: Int, forWriting: Bool) {
    let events = forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
    control(EPOLL_CTL_MOD, socket, tag, events)
  }

  func remove(_ socket: Int32) { control(EPOLL_CTL_DEL, socket, 0, 0) }

  private func control(_ operation: Int32, _ socket: Int32, _ tag: Int, _ events: UInt32) {
    var event = unsafe martlet_epoll_event(events, UInt64(tag))
    let code = unsafe epoll_ctl(descriptor, operation, socket, &event)
    precondition(code == 0, "epoll_ctl refuses a socket of ours")
  }

  /// Waits until something is ready or `nanoseconds` are over; 0 and below do not wait.
  ///
  /// - Returns: how many events there are now; 0 after the time and after a signal.
  mutating func wait(nanoseconds: Int64) -> Int {
    let count: Int32
    if waitsInNanoseconds, nanoseconds > 0 {
      var limit = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      count = unsafe epoll_pwait2(descriptor, events, Int32(Self.capacity), &limit, nil)
      if count < 0, errno == ENOSYS || errno == EPERM {
        waitsInNanoseconds = false
        return wait(nanoseconds: nanoseconds)
      }
    } else {
      let whole = nanoseconds <= 0 ? 0 : (nanoseconds - 1) / 1_000_000 + 1
      count = unsafe epoll_wait(descriptor, events, Int32(Self.capacity), Int32(clamping: whole))
    }
    return max(0, Int(count))
  }

  /// Event `index` of the last wait. A hang-up can be read: the read tells why.
  subscript(index: Int) -> (tag: Int, canRead: Bool, canWrite: Bool) {
    precondition(index >= 0 && index < Self.capacity)
    return unsafe (
      Int(martlet_epoll_tag(events + index)),
      events[index].events & ~EPOLLOUT.rawValue != 0,
      events[index].events & EPOLLOUT.rawValue != 0
    )
  }
}
