// Run.swift: finds and starts the servers, measures what was asked for, and writes the reports.

struct Run {
  private let options: Options
  private let arguments: [String]

  init(_ options: Options, _ arguments: [String]) {
    self.options = options
    self.arguments = arguments
  }

  func execute() -> Int32 {
    var peers: [PeerProcess] = []
    defer { for peer in peers { peer.stop() } }
    do throws(SessionError) {
      try refuseWhatCannotBe()
      let bodies = try readBodies()
      let targets = try findTargets(&peers)
      return measure(targets, bodies)
    } catch {
      return Tool.fail(error.message, 1)
    }
  }

  /// In a closed loop a producer goes on when a worker has its job, which threads don't tell each other.
  private func refuseWhatCannotBe() throws(SessionError) {
    for (_, options) in points() where options.load.threads > 1 && options.load.rate == nil {
      for name in options.workloads where Catalogue.make(name, options.parameters)?.window ?? 0 > 0
      {
        throw SessionError(
          message: "\(name) takes one thread, or a --rate: producers wait for workers in it")
      }
    }
  }

  // MARK: Servers

  private func findTargets(_ peers: inout [PeerProcess]) throws(SessionError) -> [Target] {
    var addresses: [ServerAddress] = []
    if options.servers.isEmpty {
      addresses.append(try Self.local())
    } else if options.wantsSubject, let found = try? Self.local() {
      addresses.append(found)
    }
    for choice in options.servers {
      switch choice {
      case .address(let address): addresses.append(address)
      case .command(let command):
        do throws(PeerProcess.Failure) {
          let peer = try PeerProcess(command)
          peers.append(peer)
          try peer.wait()
          addresses.append(
            ServerAddress(place: .internet(host: "127.0.0.1", port: peer.port)))
        } catch { throw SessionError(message: error.message) }
      }
    }
    var targets: [Target] = []
    for address in addresses {
      let session = try Session(address)
      targets.append(Target(address: address, facts: try ServerFacts(session)))
    }
    return targets
  }

  /// The server of this machine.
  private static func local() throws(SessionError) -> ServerAddress {
    let address = ServerAddress(
      place: .internet(host: "127.0.0.1", port: ServerAddress.portDefault))
    do throws(SystemError) {
      try Socket.connect(to: address.place).close()
      return address
    } catch {
      throw SessionError(
        message: """
          no server on localhost, port \(ServerAddress.portDefault).
          Start one:   swift run -c release martlet-server
          or have one started for the run:   martlet-benchmark --start 'redis-server --port {port} --dir {dir}'
          or name one:   martlet-benchmark --server redis://host:port
          """)
    }
  }

  private func readBodies() throws(SessionError) -> Bodies? {
    guard let path = options.bodyFile else { return nil }
    guard let content = TextFile.bytes(path) else {
      throw SessionError(message: "\(path) can't be read")
    }
    guard let bodies = Bodies(linesOf: content) else {
      throw SessionError(message: "\(path) has no lines")
    }
    return bodies
  }

  // MARK: Measuring

  private func measure(_ targets: [Target], _ bodies: Bodies?) -> Int32 {
    var report = Report(
      targets: targets, machine: ProcessFacts.machine, begun: Clock.wallMilliseconds(),
      arguments: arguments, options: options)
    let table = Table(report: report, width: Screen.width)
    let isForPeople = !options.printsJSON && !options.printsCSV
    if isForPeople { Screen.print(table.head) }
    let showsProgress = Screen.isWatched && !options.isQuiet
    for (point, options) in points() {
      let bodies =
        bodies ?? Bodies(options.parameters.sizes, isCompressible: options.isCompressible)
      for name in options.workloads where !Interruption.isRequested {
        guard let workload = Catalogue.make(name, options.parameters) else { continue }
        let measurement = Measurement.make(
          workload, options, bodies: bodies, point: point, targets: targets
        ) { if showsProgress { Screen.progress($0.text) } }
        if showsProgress { Screen.endProgress() }
        report.measurements.append(measurement)
        if isForPeople, !self.options.isQuickLook { Screen.print("\n" + table.text(measurement)) }
      }
    }
    if isForPeople, options.isQuickLook { Screen.print("\n" + QuickLook.text(report)) }
    return write(report)
  }

  /// Writes what was asked for; returns the exit code.
  private func write(_ report: Report) -> Int32 {
    if options.printsJSON { Screen.print(report.json) }
    if options.printsCSV { Screen.print(report.csv) }
    if let path = options.htmlPath, !TextFile.write(Page(report).html, to: path) {
      return Tool.fail("\(path) can't be written", 1)
    }
    return report.hasFailed ? 1 : 0
  }

  /// The options at each point of the sweep; all combinations, the last axis fastest.
  private func points() -> [(point: [(name: String, value: String)], options: Options)] {
    var points: [(point: [(name: String, value: String)], options: Options)] = [
      ([], options.isQuickLook ? QuickLook.shortened(options) : options)
    ]
    for axis in options.sweep {
      points = points.flatMap { point, options in
        axis.values.map { value in
          var options = options
          // Its values were tried when the arguments were read.
          try? options.set(axis.name, value)
          return (point + [(axis.name, value)], options)
        }
      }
    }
    return points
  }
}
