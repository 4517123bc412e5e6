// swift-tools-version: 6.2
// Martlet: a message-queue broker that speaks RESP. No package dependencies.

import PackageDescription

/// Every target of ours is Swift 6 with strict memory safety, and a warning is an error.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "martlet",
  products: [
    .executable(name: "martlet-server", targets: ["martlet-server"])
  ],
  targets: [
    .systemLibrary(name: "CLinux"),
    .target(name: "RESP", swiftSettings: house),
    .target(name: "Lua", swiftSettings: house),
    .target(name: "Broker", dependencies: ["CLinux", "RESP"], swiftSettings: house),
    .executableTarget(
      name: "martlet-server", dependencies: ["Broker"], swiftSettings: house,
      linkerSettings: [.unsafeFlags(["-static-stdlib"], .when(configuration: .release))]),
    .testTarget(name: "RESPTests", dependencies: ["RESP"], swiftSettings: house),
    .testTarget(name: "LuaTests", dependencies: ["Lua"], swiftSettings: house),
    .testTarget(name: "BrokerTests", dependencies: ["Broker"], swiftSettings: house),
  ]
)
