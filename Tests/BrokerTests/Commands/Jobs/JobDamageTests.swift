// JobDamageTests.swift: records of checkpoints and commands of the log that no broker has written.
//
// Their sums are right, so that somebody has made them: they are refused, or do no harm.

import RESP
import Testing

@testable import Broker

/// A whole record of a job, to be damaged.
private func jobBytes(_ state: JobState, _ number: UInt64, extras: JobExtras) -> [UInt8] {
  var encoded = ByteBuffer(), bytes = ByteBuffer()
  extras.encode(into: &encoded)
  let record = JobRecord.make(
    number, state, place: UInt32(number % 3), body: ByteView(), extras: encoded.view)
  defer { record.release() }
  record.created = 1_700_000_000_000
  record.epoch = 3
  record.priority = UInt8(number % 10)
  if state != .ready { record.due = 1_700_000_000_000 + Int64(number) }
  JobSpaceSnapshot.append(record, to: &bytes)
  return bytes.view.array
}

private func someExtras(_ random: inout SplitMix64) -> JobExtras {
  var extras = JobExtras()
  if random.next() % 2 == 0 { extras.expires = 1_700_000_000_500 }
  if random.next() % 2 == 0 { extras.backoff = Backoff(.exponential, base: 10) }
  if random.next() % 2 == 0 { extras.attemptsMax = 3 }
  if random.next() % 3 == 0 { extras.id = Array("mine".utf8) }
  return extras
}

/// Writes what breaks things over a random place, or nothing.
private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
  guard !bytes.isEmpty, random.next() % 4 > 0 else { return }
  let width = [1, 2, 4, 8][Int(random.next() % 4)]
  let offset = Int(random.next() % UInt64(bytes.count)) / width * width
  let values = [0, .max, 1 << 63, (1 << 63) - 1, 1 << 28, random.next(), random.next() % 16]
  let value = values[Int(random.next() % UInt64(values.count))]
  for index in offset..<min(bytes.count, offset + width) {
    bytes[index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (index - offset)))
  }
  if random.next() % 20 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
}

/// Goal: no record makes the broker trap, spin or grow, whoever wrote it. Method: many damaged records,
/// and commands on what was made of those that were taken.
@Test(arguments: 1...200 as ClosedRange<UInt64>)
func damagedRecordsOfJobsDoNoHarm(seed: UInt64) {
  var random = SplitMix64(seed: seed), rig = JobRig()
  for number in 1...12 as ClosedRange<UInt64> {
    switch random.next() % 4 {
    case 0:
      var settings = QueueSettings(), rest: [UInt8] = [UInt8(random.next() % 4)]
      settings.lease = 5
      settings.ttl = 5_000
      settings.backoff = Backoff(.linear, base: 7)
      rest += [UInt8](repeating: 1, count: 40) + settings.encoded.view.array
      damage(&rest, &random)
      let id =
        random.next() % 2 == 0 ? UInt32(number % 3) : UInt32(truncatingIfNeeded: random.next())
      rest.withView { rest in
        let name = Array("q\(number % 3)".utf8)
        _ = name.withView {
          rig.harness.engine.context.jobs.load(queue: id, name: $0, rest: rest, in: 0)
        }
      }
    case 1:
      let hasID = random.next() % 2 == 0
      var note: [UInt8] = [hasID ? 3 : 2]
      note += (0..<16).map { $0 == 0 || $0 == 8 ? UInt8(number) : 0 }
      if hasID { note += [3, 0] + Array("own".utf8) }
      note += JobName.unique(ByteView("k"), of: ByteView("q1"))
      damage(&note, &random)
      note.withView { _ = rig.harness.engine.context.jobs.load(note: $0, in: 0) }
    default:
      let state = JobState(rawValue: UInt8(random.next() % 4))!
      var bytes = jobBytes(state, number, extras: someExtras(&random))
      damage(&bytes, &random)
      bytes.withView { rest in
        _ = rig.harness.engine.context.jobs.load(job: ByteView("body"), rest: rest, in: 0)
      }
    }
  }
  rig.harness.engine.context.jobs.spaces[0].endLoad()
  for number in 0..<3 {
    for line in [
      "QSTAT q\(number)", "LPUSH q\(number) raw", "ADDJOB q\(number) new 0 UNIQUE k DELAY 0.01",
      "GETJOB NOHANG COUNT 5 LEASE 3 FROM q\(number)", "QREDRIVE q\(number)", "QGET q\(number)",
    ] { _ = rig.send(line) }
  }
  for number in 1...12 {
    for line in [
      "SHOW \(JobRig.id(number))", "NACK \(JobRig.id(number)).3", "ENQUEUE \(JobRig.id(number))",
      "DEQUEUE \(JobRig.id(number))", "RESULT \(JobRig.id(number))", "EXTEND 9 mine.\(number).3",
    ] { _ = rig.send(line) }
  }
  for _ in 0..<20 {
    rig.harness.advance(milliseconds: 100, runningTimers: false)
    var turns = 0
    while rig.harness.engine.runTimers(), turns < 100 { turns += 1 }
    #expect(turns < 100, "seed \(seed)")
    _ = rig.send("GETJOB NOHANG COUNT 5 LEASE 3 FROM q0 q1 q2")
  }
  _ = rig.harness.engine.nextDeadline
  rig.harness.checkInvariants()
}

/// Goal: the log's own commands are refused or do no harm when they were made up. Method: random numbers
/// at the bounds of their types in each of their words.
@Test(arguments: 1...100 as ClosedRange<UInt64>)
func damagedCommandsOfTheLogDoNoHarm(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  let bounds = [
    "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "4294967295", "4294967296",
    "268435456", "1700000000000", "x", "",
  ]
  var rig = JobRig()
  _ = rig.send("ADDJOB q a 0 TTL 5")
  _ = rig.send("ADDJOB q b 0 DELAY 5")
  _ = rig.send("GETJOB FROM q")
  for _ in 0..<30 {
    func some() -> String { bounds[Int(random.next() % UInt64(bounds.count))] }
    let words: [String] =
      switch random.next() % 5 {
      case 0: ["JOBSTAMP", some(), some(), some(), some(), some()]
      case 1: ["JOBDUE", some()]
      case 2: ["JOBLOAD", "QUEUE", some(), some(), String(repeating: "a", count: 41)]
      case 3: ["JOBLOAD", "CHUNK", some(), some(), some(), some(), some()]
      default: ["JOBLOAD", "JOB", some(), String(repeating: some(), count: 30)]
      }
    var body = ByteBuffer()
    body.append("*\(words.count)\r\n")
    for word in words {
      body.append("$\(word.utf8.count)\r\n")
      body.append(word)
      body.append("\r\n")
    }
    _ = try? rig.harness.replay(body.view.array, count: 1)
  }
  rig.advance(10_000)
  _ = rig.send("ADDJOB q c 0 DELAY 1 TTL 9")
  _ = rig.send("QSTAT q")
  rig.advance(10_000)
  rig.harness.checkInvariants()
}

/// A ready job whose list has no such element is seen by nobody, and its time ends it.
@Test func aReadyJobWithoutAnElementEndsAtItsTime() throws {
  var rig = JobRig()
  _ = rig.send("ADDJOB q other 0")
  var extras = JobExtras(), bytes = jobBytes(.ready, 7, extras: JobExtras())
  extras.expires = 1
  bytes = jobBytes(.ready, 7, extras: extras)
  let isTaken = bytes.withView {
    rig.harness.engine.context.jobs.load(job: ByteView("a"), rest: $0, in: 0)
  }
  #expect(isTaken)
  // The list of that line has other elements.
  let isThere = rig.harness.engine.context.jobs.spaces[0].load(line: 1, of: ByteView("p")) != nil
  #expect(isThere)
  _ = rig.send("RPUSH p raw")
  rig.advance(1)
  let isMoreLeft = rig.harness.engine.runTimers()
  #expect(!isMoreLeft)
  let state = rig.show(JobRig.id(7), "state")
  #expect(state == nil)
  let records = rig.harness.engine.context.jobs.spaces[0].records.count
  #expect(records == 1)
}
