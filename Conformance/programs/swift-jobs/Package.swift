// swift-tools-version: 6.2
// A package as a user of the library has it: jobs that two programs share, one that adds and one that works.

import PackageDescription

let package = Package(
  name: "swift-jobs",
  dependencies: [
    .package(name: "martlet", path: "../../..")
  ],
  targets: [
    .target(
      name: "ExampleJobs", dependencies: [.product(name: "Martlet", package: "martlet")]),
    .executableTarget(name: "api", dependencies: ["ExampleJobs"]),
    .executableTarget(name: "worker", dependencies: ["ExampleJobs"]),
    .executableTarget(
      name: "chaos", dependencies: [.product(name: "Martlet", package: "martlet")]),
  ]
)
