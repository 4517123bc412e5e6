// ProcessInfo.swift: what the system knows of this process and machine, and the bounds it sets.

import CLinux
import Glibc

enum ProcessInfo {
  static var id: Int { Int(getpid()) }

  /// Bytes of memory that are in RAM now; 0 when /proc is not there.
  static func residentSize() -> Int {
    // Pages: size, resident, shared, ...
    guard let text = try? TextFile.read("/proc/self/statm", sizeMax: 4096) else { return 0 }
    let fields = text.split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else {
      return 0
    }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Processors that can run our threads.
  static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Bytes of memory that this machine has.
  static var machineMemory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Processor time in microseconds.
  struct ProcessorTimes: Equatable, Sendable {
    var user = 0, system = 0
  }

  enum Whose: Sendable { case process, children, thisThread }

  static func processorTimes(_ whose: Whose = .process) -> ProcessorTimes {
    var usage = rusage()
    let who: Int32 =
      switch whose {
      case .process: 0  // RUSAGE_SELF
      case .children: -1  // RUSAGE_CHILDREN
      case .thisThread: 1  // RUSAGE_THREAD
      }
    guard unsafe martlet_getrusage(who, &usage) == 0 else { return ProcessorTimes() }
    func microseconds(_ time: timeval) -> Int { Int(time.tv_sec) * 1_000_000 + Int(time.tv_usec) }
    return ProcessorTimes(
      user: microseconds(usage.ru_utime), system: microseconds(usage.ru_stime))
  }

  /// System, release and processor, as INFO has it: `Linux 6.1.0-18-amd64 x86_64`.
  static func systemName() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "Linux" }
    func text<T>(_ field: T) -> String {
      unsafe withUnsafeBytes(of: field) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
    }
    return "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))"
  }

  /// The path of this program, or nothing when /proc is not there.
  static func executablePath() -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let size = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe readlink("/proc/self/exe", bytes.baseAddress!, bytes.count)
    }
    return size > 0 ? String(decoding: bytes[..<size], as: UTF8.self) : ""
  }

  /// `path` from the root on, as far as that can be told without following links.
  static func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    guard let name = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(name) }
    let folder = unsafe String(cString: name)
    let tail = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
    return tail.isEmpty || tail == "." ? folder : folder == "/" ? "/\(tail)" : "\(folder)/\(tail)"
  }
}

enum DescriptorLimit {
  /// Descriptors that are not clients: listeners, log, poller and some to spare, as in Redis.
  static let reserve = 32

  /// Raises the limit of open files so that `clients` fit.
  ///
  /// - Returns: how many clients fit: `clients`, or fewer when the system allows no more.
  static func raise(forClients clients: Int) -> Int {
    let (wanted, overflow) = clients.addingReportingOverflow(reserve)
    var limit = rlimit()
    guard !overflow, unsafe martlet_getrlimit_nofile(&limit) == 0 else { return clients }
    if limit.rlim_cur >= rlim_t(wanted) { return clients }
    var raised = rlimit(
      rlim_cur: rlim_t(wanted), rlim_max: max(limit.rlim_max, rlim_t(wanted)))
    if unsafe martlet_setrlimit_nofile(&raised) == 0 { return clients }
    // Only a privileged process may go beyond the hard limit: take what there is.
    raised = rlimit(rlim_cur: min(rlim_t(wanted), limit.rlim_max), rlim_max: limit.rlim_max)
    if unsafe martlet_setrlimit_nofile(&raised) == 0 { limit = raised }
    return min(clients, max(1, Int(clamping: limit.rlim_cur) - reserve))
  }
}
