// OptionsTests.swift: what the command line says is what is meant, and mistakes are told.

import Testing

@testable import LoadTool

@Test func optionsAreRead() throws {
  let options = try Options([
    "push", "--clients=7", "-P", "16", "-d", "16-1000", "--rate", "2500.5", "queue",
    "--sweep", "pipeline=1,64", "--server", "redis://:secret@h:7000/3", "--start", "x {port}",
    "--html", "a.html", "--", "INCR", "n:{key}",
  ])
  #expect(options.workloads == ["push", "queue", "command"])
  #expect(options.parameters.clients == 7)
  #expect(options.parameters.pipeline == 16)
  #expect(options.parameters.sizes == .range(16...1000))
  #expect(options.load.rate == 2500.5)
  #expect(options.sweep == [SweepAxis(name: "pipeline", values: ["1", "64"])])
  #expect(options.servers.count == 2)
  #expect(options.servers[1] == .command("x {port}"))
  #expect(!options.wantsSubject)
  #expect(options.parameters.command == ["INCR", "n:{key}"])
}

@Test func aPeerAloneIsComparedWithTheServerOfThisMachine() throws {
  #expect(try Options(["--versus", "redis://h"]).wantsSubject)
  #expect(try Options(["--start", "x"]).wantsSubject)
  #expect(try !Options(["--server", "redis://a", "--versus", "redis://b"]).wantsSubject)
  #expect(try !Options(["--start", "x", "--start", "y"]).wantsSubject)
}

@Test(arguments: [
  ["nosuch"], ["--nosuch"], ["--clients"], ["--clients", "0"], ["--clients", "x"],
  ["--size", "5-3"],
  ["--size", "-1"], ["--rate", "0"], ["--sweep", "pipeline"], ["--sweep", "color=1"],
  ["--sweep", "clients=1,x"], ["--duration", "0"], ["--server", "http://x"], ["--"],
  ["--server", "redis://h:99999"], ["--", "SET", "k", "a{body}"],
])
func mistakesAreTold(arguments: [String]) {
  #expect(throws: Options.Mistake.self) { try Options(arguments) }
}

@Test func addressesAreRead() throws {
  let full = try #require(ServerAddress("redis://me:p%40ss:w@example.org:7001/2"))
  #expect(full.place == .internet(host: "example.org", port: 7001))
  #expect(full.user == "me")
  #expect(full.password == "p@ss:w")
  #expect(full.database == 2)
  let login = try #require(ServerAddress("redis://:secret@h"))
  #expect((login.user, login.password) == (nil, "secret"))
  #expect(ServerAddress("h:1")?.place == .internet(host: "h", port: 1))
  #expect(ServerAddress("redis://[::1]:7002")?.place == .internet(host: "::1", port: 7002))
  #expect(ServerAddress("[::1]")?.place == .internet(host: "::1", port: 6379))
  #expect(ServerAddress("unix:///tmp/s.sock")?.place == .unix(path: "/tmp/s.sock"))
  for wrong in ["", "redis://", "ftp://h", "h:0", "h:x", "redis://h/x", "unix://relative", "[::1"] {
    #expect(ServerAddress(wrong) == nil, "\(wrong)")
  }
}

@Test func figuresAreWrittenAsPeopleReadThem() {
  #expect(Format.time(Int64(850)) == "850 ns")
  #expect(Format.time(Int64(85_300)) == "85.3 us")
  #expect(Format.time(Int64(999_600)) == "1.00 ms")
  #expect(Format.time(Int64(1_240_000)) == "1.24 ms")
  #expect(Format.time(Int64(2_100_000_000)) == "2.10 s")
  #expect(Format.grouped(1_234_567) == "1,234,567")
  #expect(Format.grouped(123) == "123")
  #expect(Format.fixed(-0.125, 2) == "-0.13")
  #expect(Format.fixed(1.005, 1) == "1.0")
  #expect(Format.size(12_340_000) == "12.3 MB")
}
