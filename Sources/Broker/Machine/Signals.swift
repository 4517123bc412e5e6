// Signals.swift: the signals that end the broker, as something to read.
//
// SIGTERM and SIGINT are blocked and arrive through a signalfd that the poller watches, so no code
// ever runs inside a handler. SIGPIPE, SIGHUP and SIGXFSZ are ignored.

import CLinux
import Glibc

/// Made once, by the main thread, before any other thread: threads inherit what is blocked.
struct Signals: ~Copyable {
  enum Request: Equatable, Sendable { case terminate, interrupt }

  /// Readable when a signal has come; negative when there are none.
  let descriptor: Int32

  init() throws(SystemError) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    let code = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    guard code == 0 else {
      descriptor = -1
      throw SystemError(call: "pthread_sigmask", code: code)
    }
    descriptor = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
    guard descriptor >= 0 else { throw .last("signalfd") }
    Self.ignoreBrokenPipes()
    _ = signal(SIGHUP, SIG_IGN)
    // A file at its limit is an error of the write, in whatever thread: it is told, and nothing is lost.
    _ = signal(SIGXFSZ, SIG_IGN)
  }

  private init(descriptor: Int32) { self.descriptor = descriptor }

  /// No signals: those of the process are somebody else's.
  static var none: Signals { Signals(descriptor: -1) }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// The oldest signal that was not taken yet.
  func next() -> Request? {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    guard uninterrupted({ unsafe read(descriptor, &information, size) }) == size else { return nil }
    return information.ssi_signo == UInt32(SIGINT) ? .interrupt : .terminate
  }
}
