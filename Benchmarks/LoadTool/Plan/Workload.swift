// Workload.swift: what clients do, as data: roles that go through steps, and what is measured of them.
//
//   workload ──▶ roles ("producer", "worker"), each played by some connections
//   role     ──▶ steps, gone through again and again; all of them once is a cycle
//   step     ──▶ one request, sent as many times at once as the pipeline is long
// Driver.swift plays it, Catalogue.swift has the ones there are.

import RESP

struct Workload: Sendable {
  let name: String
  /// What is done, in half a sentence; its figures stand behind it in reports.
  let summary: String
  /// What one of the primary series is called: "pushes", "jobs".
  let unit: String
  /// What is measured; the first is what throughput and ratios speak of.
  let series: [String]
  let roles: [Role]
  var preparation = Preparation()
  let keys: Keys
  /// Whether requests and replies are lines, as beanstalkd has them, and not RESP.
  var isText = false
  /// Requests a second, if the workload makes no sense without a rate.
  var rateDefault: Double?
  /// In a closed loop: how many may be on their way between those who make and those who take.
  var window = 0
}

/// Keys of a workload, which are deleted before and after each round.
struct Keys: Sendable {
  var names: [String] = []
  /// Queues of jobs: what is delayed and leased lies beside the key of the same name.
  var queues: [String] = []
  /// `prefix` and a number of 12 digits below `count`.
  var numbered: (prefix: String, count: Int)?
}

/// What the server must hold before the clients begin.
struct Preparation: Sendable {
  /// Commands that are sent once. An error reply breaks the round off.
  var commands: [[String]] = []
  /// Written `fillCount` times, many at once.
  var fill: Template?
  var fillCount = 0
}

struct Role: Sendable {
  let name: String
  let clients: Int
  let steps: [Step]
  /// The series that cycles are recorded in: from the start of the first step to the last reply.
  var cycleSeries: Int?
  /// Whether the arrival rate is kept by this role, and the number of requests counted by it.
  var isOffered = false
  var handover = Handover.none

  /// How roles wait for one another.
  enum Handover: Sendable {
    case none
    /// Without a rate, a cycle begins only while fewer than `Workload.window` are on their way.
    case waitsForWorker
    /// It takes what is on its way.
    case isWorker
  }
}

struct Step: Sendable {
  let template: Template
  /// The series of its latency: from the (intended) sending to the reply.
  var series: Int?
  /// The series of deliveries: from the time stamped into the body at `bodyPath` of the reply.
  var deliverySeries: Int?
  var bodyPath: [Int] = []
  /// Nanoseconds after its stamp at which a body was to be delivered, for delayed jobs.
  var deliveryDelay: Int64 = 0
  /// Where in the reply lies what later steps write as `{value}`.
  var capturePath: [Int]?
  var onEmpty = OnEmpty.counts
  /// One at a time however long the pipeline is, since the server holds its reply back.
  var isBlocking = false

  /// What a null or an empty array means.
  enum OnEmpty: Equatable, Sendable {
    /// A reply like others.
    case counts
    /// There is no more: the connection is done.
    case ends
    /// Nothing yet: the same again after so many nanoseconds.
    case repeats(after: Int64)
  }

  /// Whether replies must be read, and not only counted.
  var looksInside: Bool { capturePath != nil || deliverySeries != nil || onEmpty != .counts }
}
