// PosixDiskTests.swift: the real disk, where it promises more than the call that it makes.

import Testing

@testable import Broker

/// Goal: nobody takes for durable what goes with the process.
@Test func aSyncOfARemovedFileIsAnError() throws {
  let folder = TemporaryFolder(), disk = PosixDisk()
  let path = "\(folder.path)/log", moved = "\(folder.path)/moved"
  let file = try disk.open(path, for: .replacing)
  defer { disk.close(file) }
  try disk.sync(file)
  try disk.rename(path, to: moved)
  try disk.sync(file)
  try disk.remove(moved)
  #expect {
    try disk.sync(file)
  } throws: { "\($0)" == "fdatasync \(path): the file has been removed" }
}
