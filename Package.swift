// swift-tools-version: 6.2
// Martlet: a message-queue broker that speaks RESP. No package dependencies.

import PackageDescription

/// Every target of ours is Swift 6 with strict memory safety, and a warning is an error.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// What is installed needs no Swift on the machine it runs on.
let standalone: [LinkerSetting] = [
  .unsafeFlags(["-static-stdlib"], .when(configuration: .release))
]

let package = Package(
  name: "martlet",
  products: [
    .library(name: "Martlet", targets: ["Martlet"]),
    .library(name: "MartletTesting", targets: ["MartletTesting"]),
    .executable(name: "martlet-server", targets: ["martlet-server"]),
    .executable(name: "martlet-benchmark", targets: ["martlet-benchmark"]),
  ],
  targets: [
    .systemLibrary(name: "CLinux"),
    .target(name: "RESP", swiftSettings: house),
    .target(name: "Martlet", dependencies: ["CLinux", "RESP"], swiftSettings: house),
    .target(name: "MartletTesting", dependencies: ["Martlet", "Broker"], swiftSettings: house),
    .target(name: "Lua", swiftSettings: house),
    .target(name: "Broker", dependencies: ["CLinux", "RESP", "Lua"], swiftSettings: house),
    .executableTarget(
      name: "martlet-server", dependencies: ["Broker"], swiftSettings: house,
      linkerSettings: standalone),
    .target(
      name: "LoadTool", dependencies: ["CLinux", "RESP"], path: "Benchmarks/LoadTool",
      swiftSettings: house),
    .target(
      name: "MicroBenchmarks", dependencies: ["Broker"], path: "Benchmarks/MicroBenchmarks",
      swiftSettings: house),
    .executableTarget(
      name: "martlet-benchmark", dependencies: ["LoadTool", "MicroBenchmarks"],
      path: "Benchmarks/martlet-benchmark",
      swiftSettings: house, linkerSettings: standalone),
    .executableTarget(
      name: "lua-runner", dependencies: ["Lua"], path: "Benchmarks/lua-runner",
      swiftSettings: house, linkerSettings: standalone),
    .executableTarget(
      name: "sdk-benchmark", dependencies: ["CLinux", "Martlet"], path: "Benchmarks/sdk",
      exclude: ["run"], swiftSettings: house),
    .testTarget(name: "RESPTests", dependencies: ["RESP"], swiftSettings: house),
    .testTarget(
      name: "MartletTests", dependencies: ["Martlet", "MartletTesting", "Broker"],
      swiftSettings: house),
    .testTarget(name: "LoadToolTests", dependencies: ["LoadTool"], swiftSettings: house),
    .testTarget(name: "LuaTests", dependencies: ["Lua"], swiftSettings: house),
    .testTarget(name: "BrokerTests", dependencies: ["Broker"], swiftSettings: house),
  ]
)

/// With `MARTLET_SIMULATION` in the environment: the broker and its long simulations alone, so that
/// they can be run optimised. To compile all tests so would take much longer than they do.
if Context.environment["MARTLET_SIMULATION"] != nil {
  let otherCommands = [
    "AccessCommandsTests.swift", "Bits", "CommandListTests.swift", "CommandTableTests.swift",
    "ConnectionTests.swift", "Geo", "Hashes", "HyperLogLog", "Keys", "ListEndsTests.swift",
    "ListInsideTests.swift", "PubSub", "RefusalTests.swift", "ReplyBoundTests.swift",
    "ServerCommandsTests.swift", "SetTests.swift", "SortedSets", "Streams", "StringTests.swift",
  ]
  let others = [
    "AccessControl", "ArchitectureTests.swift", "Engine", "Import", "Keyspace", "Log", "Machine",
    "Scripting", "Server", "Settings", "Structures",
  ]
  package.products = []
  package.targets.removeAll { !["CLinux", "RESP", "Lua", "Broker"].contains($0.name) }
  package.targets.append(
    .testTarget(
      name: "SimulationTests", dependencies: ["Broker"], path: "Tests/BrokerTests",
      exclude: others + otherCommands.map { "Commands/" + $0 },
      sources: ["Commands/Jobs", "Simulation", "Support"], swiftSettings: house))
}
