// Catalogue.swift: the workloads there are.
//
// Each is one function that says what is sent; Workload.swift explains the parts. A workload that a
// server lacks a command for is skipped there and named, so equivalents can stand side by side.

/// What workloads are made to measure with.
struct Parameters: Equatable, Sendable {
  var clients = 50
  var pipeline = 1
  /// Of workloads with two sides; nil is as many as there are clients, or one each for `handoff`.
  var producers: Int?
  var workers: Int?
  var sizes = Bodies.Sizes.fixed(100)
  var keyspace = 100_000
  /// Elements that lie in the queue before measuring begins, for delayed jobs such as are not due
  /// meanwhile; nil is what the workload thinks fit.
  var backlog: Int?
  /// Milliseconds that delayed jobs are delayed by, and between two looks for them where a server must
  /// be asked.
  var delay = 500
  var poll = 10
  /// How many jobs may be on their way at once in a closed loop.
  var window = 1000
  /// The command of `command`.
  var command: [String] = []
}

enum Catalogue {
  static let all: [(name: String, summary: String, make: @Sendable (Parameters) -> Workload)] = [
    ("push", "LPUSH onto one list", push),
    ("pop", "RPOP from a list that was filled", pop),
    ("set", "SET of random keys", set),
    ("get", "GET of random keys, all there", get),
    ("ping", "PING: the protocol and the network alone", ping),
    ("handoff", "LPUSH to workers that wait in BRPOP: how soon one has it", handoff),
    ("queue", "a list as queue: producers LPUSH, workers BRPOP, from end to end", queue),
    ("jobs", "the job cycle: ADDJOB, GETJOB, ACKJOB", jobs),
    ("streams", "the same with a stream: XADD, XREADGROUP, XACK and XDEL", streams),
    ("streams-4", "the same, where XDEL waits for the reply to XACK", streamsInFour),
    ("reliable", "the same with lists: LPUSH, BLMOVE, LREM", reliable),
    ("beanstalk", "the same with a beanstalkd: put, reserve, delete", beanstalk),
    ("delayed", "delayed jobs: how late after their time GETJOB has them", delayed),
    ("delayed-zset", "the same with a sorted set that workers look into", delayedSet),
  ]

  static func make(_ name: String, _ parameters: Parameters) -> Workload? {
    if name == "command" { return command(parameters) }
    return all.first { $0.name == name }?.make(parameters)
  }

  /// Keys of ours, which nobody else has.
  static let prefix = "martlet-benchmark:"

  /// Elements that are pushed before a `pop` begins: a million, but no more than 256 MB.
  private static func fillCount(_ parameters: Parameters) -> Int {
    let size = Bodies(parameters.sizes).averageSize
    return parameters.backlog ?? min(1_000_000, (256 << 20) / max(1, size))
  }

  private static func backlog(_ key: String, _ parameters: Parameters) -> Preparation {
    Preparation(fill: .known(["LPUSH", key, "{body}"]), fillCount: parameters.backlog ?? 0)
  }

  // MARK: One command

  private static func single(
    _ name: String, _ summary: String, _ unit: String, _ parameters: Parameters, _ step: Step,
    _ keys: Keys, _ preparation: Preparation = Preparation()
  ) -> Workload {
    var step = step
    step.series = 0
    return Workload(
      name: name, summary: summary, unit: unit, series: ["request"],
      roles: [Role(name: "client", clients: parameters.clients, steps: [step], isOffered: true)],
      preparation: preparation, keys: keys)
  }

  @Sendable private static func push(_ p: Parameters) -> Workload {
    let key = prefix + "push"
    return single(
      "push", "LPUSH onto one list", "pushes", p, Step(template: .known(["LPUSH", key, "{body}"])),
      Keys(names: [key]), backlog(key, p))
  }

  @Sendable private static func pop(_ p: Parameters) -> Workload {
    let key = prefix + "pop"
    var preparation = backlog(key, p)
    preparation.fillCount = fillCount(p)
    return single(
      "pop", "RPOP from a list of \(preparation.fillCount)", "pops", p,
      Step(template: .known(["RPOP", key]), onEmpty: .ends), Keys(names: [key]), preparation)
  }

  @Sendable private static func set(_ p: Parameters) -> Workload {
    let key = prefix + "key:"
    return single(
      "set", "SET of \(p.keyspace) keys", "writes", p,
      Step(template: .known(["SET", key + "{key}", "{body}"])),
      Keys(numbered: (key, p.keyspace)))
  }

  @Sendable private static func get(_ p: Parameters) -> Workload {
    let key = prefix + "key:"
    return single(
      "get", "GET of \(p.keyspace) keys", "reads", p,
      Step(template: .known(["GET", key + "{key}"])), Keys(numbered: (key, p.keyspace)),
      Preparation(fill: .known(["SET", key + "{number}", "{body}"]), fillCount: p.keyspace))
  }

  @Sendable private static func ping(_ p: Parameters) -> Workload {
    single("ping", "PING", "pings", p, Step(template: .known(["PING"])), Keys())
  }

  private static func command(_ p: Parameters) -> Workload? {
    guard let template = try? Template([p.command]) else { return nil }
    return single(
      "command", p.command.joined(separator: " "), "requests", p, Step(template: template), Keys())
  }

  // MARK: Two sides

  /// Producers that push, and workers that wait in BRPOP.
  private static func twoSides(
    _ name: String, _ summary: String, producers: Int, workers: Int, window: Int, _ p: Parameters
  ) -> Workload {
    let key = prefix + name
    return Workload(
      name: name, summary: summary, unit: "jobs", series: ["delivery", "push"],
      roles: [
        Role(
          name: "producer", clients: producers,
          steps: [Step(template: .known(["LPUSH", key, "{stamped}"]), series: 1)],
          isOffered: true, handover: .waitsForWorker),
        Role(
          name: "worker", clients: workers,
          steps: [
            Step(
              template: .known(["BRPOP", key, "0"]), deliverySeries: 0, bodyPath: [1],
              isBlocking: true)
          ], handover: .isWorker),
      ],
      preparation: Preparation(
        fill: .known(["LPUSH", key, "{stamped}"]), fillCount: p.backlog ?? 0),
      keys: Keys(names: [key]), window: window)
  }

  @Sendable private static func handoff(_ p: Parameters) -> Workload {
    let workers = p.workers ?? 1
    return twoSides(
      "handoff",
      workers == 1 ? "push to a worker that waits" : "push to one of \(workers) workers that wait",
      producers: p.producers ?? workers,
      workers: workers, window: workers, p)
  }

  @Sendable private static func queue(_ p: Parameters) -> Workload {
    let producers = p.producers ?? p.clients, workers = p.workers ?? p.clients
    return twoSides(
      "queue", "\(producers) producers, \(workers) workers", producers: producers,
      workers: workers, window: max(p.window, workers), p)
  }

  // MARK: The life of a job

  private static func cycle(
    _ name: String, _ summary: String, _ p: Parameters, add: Step, take: Step, end: [Step],
    keys: Keys, _ preparation: Preparation
  ) -> Workload {
    var steps = [add, take] + end
    for index in 0..<2 { steps[index].series = index + 1 }
    steps[steps.count - 1].series = 3
    return Workload(
      name: name, summary: summary, unit: "jobs", series: ["cycle", "add", "take", "finish"],
      roles: [
        Role(name: "client", clients: p.clients, steps: steps, cycleSeries: 0, isOffered: true)
      ],
      preparation: preparation, keys: keys)
  }

  @Sendable private static func jobs(_ p: Parameters) -> Workload {
    let queue = prefix + "jobs"
    return cycle(
      "jobs", "ADDJOB, GETJOB, ACKJOB", p,
      add: Step(template: .known(["ADDJOB", queue, "{body}", "0"])),
      take: Step(
        template: .known(["GETJOB", "NOHANG", "FROM", queue]), capturePath: [0, 1],
        onEmpty: .repeats(after: 0)),
      end: [Step(template: .known(["ACKJOB", "{value}"]))],
      keys: Keys(queues: [queue]),
      Preparation(fill: .known(["ADDJOB", queue, "{body}", "0"]), fillCount: p.backlog ?? 0))
  }

  @Sendable private static func streams(_ p: Parameters) -> Workload {
    streams(
      "streams", "XADD, XREADGROUP, XACK with XDEL", p,
      end: Step(template: .known(["XACK", stream, "workers", "{value}"], delete)))
  }

  /// With XACK and XDEL in two round trips, as clients send them that do not pipeline.
  @Sendable private static func streamsInFour(_ p: Parameters) -> Workload {
    streams(
      "streams-4", "XADD, XREADGROUP, XACK, XDEL", p,
      end: Step(template: .known(["XACK", stream, "workers", "{value}"])),
      Step(template: .known(delete)))
  }

  private static let stream = prefix + "stream"
  private static let delete = ["XDEL", stream, "{value}"]

  private static func streams(
    _ name: String, _ summary: String, _ p: Parameters, end: Step...
  ) -> Workload {
    cycle(
      name, summary, p,
      add: Step(template: .known(["XADD", stream, "*", "body", "{body}"])),
      take: Step(
        template: .known([
          "XREADGROUP", "GROUP", "workers", "worker:{client}", "COUNT", "1", "STREAMS", stream, ">",
        ]), capturePath: [0, 1, 0, 0], onEmpty: .repeats(after: 0)),
      end: end, keys: Keys(names: [stream]),
      Preparation(
        commands: [["XGROUP", "CREATE", stream, "workers", "0", "MKSTREAM"]],
        fill: .known(["XADD", stream, "*", "body", "{body}"]), fillCount: p.backlog ?? 0))
  }

  @Sendable private static func reliable(_ p: Parameters) -> Workload {
    let queue = prefix + "reliable", taken = prefix + "taken:"
    return cycle(
      "reliable", "LPUSH, BLMOVE, LREM", p,
      add: Step(template: .known(["LPUSH", queue, "{body}"])),
      take: Step(
        template: .known(["BLMOVE", queue, taken + "{client}", "RIGHT", "LEFT", "1"]),
        capturePath: [], onEmpty: .repeats(after: 0)),
      end: [Step(template: .known(["LREM", taken + "{client}", "1", "{value}"]))],
      keys: Keys(names: [queue], numbered: (taken, p.clients)), backlog(queue, p))
  }

  /// Its jobs are in the tube `default`, for each connection would have to be told of another.
  @Sendable private static func beanstalk(_ p: Parameters) -> Workload {
    var workload = cycle(
      "beanstalk", "put, reserve, delete", p, add: Step(template: .line("put 1024 0 120 {body}")),
      take: Step(
        template: .line("reserve-with-timeout 0"), capturePath: [], onEmpty: .repeats(after: 0)),
      end: [Step(template: .line("delete {value}"))], keys: Keys(), Preparation())
    workload.isText = true
    return workload
  }

  // MARK: Delays

  private static func delays(
    _ name: String, _ summary: String, _ p: Parameters, add: Template, workers steps: [Step],
    _ keys: Keys, backlog: Template
  ) -> Workload {
    Workload(
      name: name, summary: summary + ", due after \(p.delay) ms", unit: "jobs",
      series: ["lateness", "add"],
      roles: [
        Role(
          name: "producer", clients: p.producers ?? 1, steps: [Step(template: add, series: 1)],
          isOffered: true),
        Role(name: "worker", clients: p.workers ?? 1, steps: steps, handover: .isWorker),
      ],
      preparation: Preparation(fill: backlog, fillCount: p.backlog ?? 0), keys: keys,
      rateDefault: 1000)
  }

  @Sendable private static func delayed(_ p: Parameters) -> Workload {
    let queue = prefix + "delayed", milliseconds = String(p.delay % 1000 + 1000).dropFirst()
    return delays(
      "delayed", "ADDJOB DELAY, GETJOB", p,
      add: .known([
        "ADDJOB", queue, "{stamped}", "0", "DELAY", "\(p.delay / 1000).\(milliseconds)",
      ]),
      workers: [
        Step(
          template: .known(["GETJOB", "FROM", queue]), deliverySeries: 0, bodyPath: [0, 2],
          deliveryDelay: Int64(p.delay) * 1_000_000, capturePath: [0, 1], isBlocking: true),
        Step(template: .known(["ACKJOB", "{value}"])),
      ], Keys(queues: [queue]),
      backlog: .known(["ADDJOB", queue, "{stamped}", "0", "DELAY", "86400"]))
  }

  /// Takes the first member that is due.
  private static let takeDue = """
    local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1) \
    if due[1] then redis.call('ZREM', KEYS[1], due[1]) end \
    return due
    """

  @Sendable private static func delayedSet(_ p: Parameters) -> Workload {
    let key = prefix + "delayed-zset"
    return delays(
      "delayed-zset", "ZADD, and a script every \(p.poll) ms", p,
      add: .known(["ZADD", key, "{due}", "{stamped}"]),
      workers: [
        Step(
          template: .known(["EVAL", takeDue, "1", key, "{now}"]), deliverySeries: 0, bodyPath: [0],
          deliveryDelay: Int64(p.delay) * 1_000_000,
          onEmpty: .repeats(after: Int64(p.poll) * 1_000_000))
      ], Keys(names: [key]), backlog: .known(["ZADD", key, "9999999999999", "{stamped}"]))
  }
}
