// PeerProcess.swift: a server that is started for the run, on a free port and in a temporary directory.

import CLinux
import Glibc
import RESP
import Synchronization

/// A process of ours. It is ended and its directory removed by `stop`, also when we are interrupted.
///
/// Thread safety: `stop` by any thread, several times.
final class PeerProcess: Sendable {
  let command: String
  let port: Int
  let directory: String
  private let id: pid_t
  private let isRunning = Mutex(true)

  struct Failure: Error { let message: String }

  /// Starts `command` through the shell, with `{port}` and `{dir}` filled in. It runs in a temporary
  /// folder; a program named by a relative path is looked for where we are.
  init(_ command: String) throws(Failure) {
    port = try Self.freePort()
    var template = Array("/tmp/martlet-benchmark-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw Failure(message: "no temporary directory could be made")
    }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.command = command.filled("{port}", "\(port)").filled("{dir}", directory)
    let program = self.command.prefix { $0 != " " }
    let isRelative = program.contains("/") && !program.hasPrefix("/")
    let call = (isRelative ? "\"$OLDPWD\"/" : "") + self.command
    id = try Self.spawn("cd '\(directory)' && exec \(call)", log: directory + "/output.log")
  }

  /// A port on which nobody listens now.
  private static func freePort() throws(Failure) -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(socket, address, size) == 0 ? getsockname(socket, address, &size) : -1
      }
    }
    guard code == 0 else { throw Failure(message: "no free port was found") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func spawn(_ command: String, log: String) throws(Failure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // A group of its own: an interrupt from the terminal reaches us alone, and we end it.
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    let words = ["sh", "-c", command]
    var arguments = unsafe words.map { (word: String) in unsafe strdup(word) } + [nil]
    defer { for index in words.indices { unsafe free(arguments[index]) } }
    var id = pid_t()
    let code = unsafe posix_spawn(&id, "/bin/sh", &actions, &attributes, &arguments, environ)
    guard code == 0 else { throw Failure(message: "/bin/sh can't be started") }
    return id
  }

  /// Whether the process has ended by itself; then its last words.
  var lastWords: String? {
    var status: Int32 = 0
    guard unsafe waitpid(id, &status, WNOHANG) == id else { return nil }
    isRunning.withLock { $0 = false }
    let text = TextFile.read(directory + "/output.log") ?? ""
    return text.split(separator: "\n").suffix(3).joined(separator: "\n")
  }

  /// Waits until it answers.
  func wait() throws(Failure) {
    let address = ServerAddress(place: .internet(host: "127.0.0.1", port: port))
    let deadline = Clock.now() + 30_000_000_000
    while Clock.now() < deadline {
      if let words = lastWords {
        stop()
        throw Failure(message: "'\(command)' ended at once: \(words)")
      }
      if (try? Session(address)) != nil { return }
      Clock.sleep(seconds: 0.01)
    }
    stop()
    throw Failure(message: "'\(command)' does not answer on port \(port) within 30 seconds")
  }

  /// Ends it and removes its directory.
  func stop() {
    isRunning.withLock { isRunning in
      if isRunning {
        kill(id, SIGKILL)  // Its data goes as well: there is nothing to save.
        var status: Int32 = 0
        _ = unsafe waitpid(id, &status, 0)
        isRunning = false
      }
    }
    Self.remove(directory)
  }

  private static func remove(_ folder: String) {
    if let stream = unsafe opendir(folder) {
      while let entry = unsafe readdir(stream) {
        let name = unsafe String(cString: martlet_entry_name(entry))
        if name == "." || name == ".." { continue }
        let path = folder + "/" + name
        if unsafe unlink(path) != 0 { remove(path) }
      }
      _ = unsafe closedir(stream)
    }
    _ = unsafe rmdir(folder)
  }
}

extension String {
  /// With `value` in place of each `place`.
  func filled(_ place: String, _ value: String) -> String {
    var result = "", rest = self[...]
    while let character = rest.first {
      if rest.hasPrefix(place) {
        result += value
        rest = rest.dropFirst(place.count)
      } else {
        result.append(character)
        rest = rest.dropFirst()
      }
    }
    return result
  }
}
