// SimulatedDisk.swift: a disk in memory that loses power, tears writes and fails calls, all from a
// seed.
//
// It keeps two things of every file and folder: what is durable, and the changes since. Reads see
// all changes; `afterPowerCut` makes the disk that a machine would find when it comes back, on
// which each sector of a file is as it was at some moment since the last sync, whatever happened to
// its neighbours, and each change of a folder has happened or not. `afterKill` is the disk as the
// system goes on with it when only the process died.
//
// Not safe for threads: the log is driven by hand on it.

import RESP

@testable import Broker

final class SimulatedDisk: Disk, @unchecked Sendable {
  static let sectorSize = 512

  enum Fault {
    case error(Int32)
    /// A write takes a part of what it was given. Other calls go on as they are.
    case short
    /// From this call on nothing works; the call itself may still have had its effect.
    case powerCut(callHappens: Bool)
  }

  /// Faults by the number of the call, from 0.
  var faults: [Int: Fault] = [:]
  private(set) var calls = 0
  private(set) var isDead = false
  /// Paths for which `startReading` was called.
  private(set) var announced: [String] = []
  /// For which `forgetContents` was called, and whether all their bytes were durable then.
  private(set) var forgotten: [(path: String, isDurable: Bool)] = []
  /// Bytes that all files may take together.
  var capacity = Int.max

  private final class Node {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
    var changes: [Change] = []
    var reservedEnd = 0
    var allocated: Int { max(bytes.count, reservedEnd) }
  }

  private enum Change {
    case write(Int, [UInt8])
    case resize(Int)

    func apply(to bytes: inout [UInt8]) {
      switch self {
      case .resize(let size):
        if size < bytes.count {
          bytes.removeLast(bytes.count - size)
        } else {
          bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
        }
      case .write(let offset, let piece):
        let end = offset + piece.count
        if bytes.count < end {
          bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
        }
        bytes.replaceSubrange(offset..<end, with: piece)
      }
    }
  }

  private enum Entry {
    case file(Node)
    case folder
  }

  /// One step in a folder: entries that appear or, as nil, go.
  private struct FolderChange {
    let folder: String
    let entries: [String: Entry?]
  }

  private var entries: [String: Entry] = ["/": .folder]
  private var durableEntries: [String: Entry] = ["/": .folder]
  private var folderChanges: [FolderChange] = []
  private var open: [Int32: Node] = [:]
  private var locks: [Int32: ObjectIdentifier] = [:]
  private var numberNext: Int32 = 3

  // MARK: Crashes

  /// What the next start finds after a power cut.
  func afterPowerCut(seed: UInt64) -> SimulatedDisk {
    var random = SplitMix64(seed: seed)
    let disk = SimulatedDisk()
    var found = durableEntries
    let keepsFolders = Int.random(in: 0..<4, using: &random)
    for change in folderChanges {
      let isKept =
        switch keepsFolders {
        case 0: false
        case 1: true
        default: Bool.random(using: &random)
        }
      if isKept { for (path, entry) in change.entries { found[path] = entry } }
    }
    for path in found.keys.sorted() {
      guard disk.entries[Folder.parent(of: path)] != nil else { continue }
      switch found[path]! {
      case .folder: disk.entries[path] = .folder
      case .file(let node):
        let copy = Node()
        copy.bytes = Self.torn(node, &random)
        copy.durable = copy.bytes
        disk.entries[path] = .file(copy)
      }
    }
    disk.durableEntries = disk.entries
    return disk
  }

  private static func torn(_ node: Node, _ random: inout SplitMix64) -> [UInt8] {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return node.durable
    case 1: return node.bytes
    default: break
    }
    // Every sector as it was at some moment; the size too, or one in between.
    let moments = 0...node.changes.count
    var state = node.durable, sizes = [state.count]
    for change in node.changes {
      change.apply(to: &state)
      sizes.append(state.count)
    }
    let sectors = (sizes.max()! + sectorSize - 1) / sectorSize
    let moment = (0..<sectors).map { _ in Int.random(in: moments, using: &random) }
    var result = [UInt8](repeating: 0, count: sectors * sectorSize)
    state = node.durable
    for now in moments {
      if now > 0 { node.changes[now - 1].apply(to: &state) }
      for sector in 0..<sectors where moment[sector] == now {
        let start = sector * sectorSize
        guard start < state.count else { continue }
        let end = min(start + sectorSize, state.count)
        result.replaceSubrange(start..<end, with: state[start..<end])
      }
    }
    let size =
      Bool.random(using: &random)
      ? sizes[Int.random(in: moments, using: &random)]
      : Int.random(in: sizes.min()!...sizes.max()!, using: &random)
    return Array(result[..<size])
  }

  /// What the next start finds after the process was killed: all that was written.
  func afterKill() -> SimulatedDisk {
    let disk = SimulatedDisk()
    disk.entries = entries
    disk.durableEntries = durableEntries
    disk.folderChanges = folderChanges
    return disk
  }

  /// An equal disk that shares nothing with this one; all is durable on it.
  func copy() -> SimulatedDisk {
    let disk = SimulatedDisk()
    for (path, entry) in entries {
      if case .file(let node) = entry {
        let copy = Node()
        copy.bytes = node.bytes
        copy.durable = node.bytes
        disk.entries[path] = .file(copy)
      } else {
        disk.entries[path] = entry
      }
    }
    disk.durableEntries = disk.entries
    return disk
  }

  // MARK: Hands on the files, durable at once

  var files: [String] {
    entries.compactMap { if case .file = $0.value { $0.key } else { nil } }.sorted()
  }

  subscript(path: String) -> [UInt8]? {
    get { if case .file(let node)? = entries[path] { node.bytes } else { nil } }
    set {
      guard let newValue else {
        entries[path] = nil
        durableEntries[path] = nil
        return
      }
      let node = Node()
      node.bytes = newValue
      node.durable = newValue
      entries[path] = .file(node)
      durableEntries[path] = .file(node)
    }
  }

  // MARK: Calls

  private func error(_ code: Int32, _ call: DiskError.Call, _ path: String) -> DiskError {
    DiskError(code: code, call: call, path: path, reason: "simulated error \(code)")
  }

  /// Counts a call and meets its fault. `effect` is what a call does that dies but happens.
  ///
  /// - Returns: whether a write is to be short.
  private func meet(
    _ call: DiskError.Call, _ path: String, _ effect: () throws(DiskError) -> Void = {}
  ) throws(DiskError) -> Bool {
    guard !isDead else { throw error(DiskError.inputOutput, call, path) }
    let fault = faults[calls]
    calls += 1
    switch fault {
    case nil: return false
    case .short: return true
    case .error(let code): throw error(code, call, path)
    case .powerCut(let callHappens):
      if callHappens { try effect() }
      isDead = true
      throw error(DiskError.inputOutput, call, path)
    }
  }

  private func change(_ folder: String, _ changes: [String: Entry?]) {
    for (path, entry) in changes { entries[path] = entry }
    folderChanges.append(FolderChange(folder: folder, entries: changes))
  }

  func makeFolder(_ path: String) throws(DiskError) {
    let act = { () throws(DiskError) in
      guard self.entries[path] == nil else { throw self.error(DiskError.exists, .makeFolder, path) }
      let parent = Folder.parent(of: path)
      guard self.entries[parent] != nil else {
        throw self.error(DiskError.missing, .makeFolder, path)
      }
      self.change(parent, [path: .some(.folder)])
    }
    _ = try meet(.makeFolder, path, act)
    try act()
  }

  func list(_ path: String) throws(DiskError) -> [String] {
    _ = try meet(.list, path)
    guard case .folder? = entries[path] else { throw error(DiskError.missing, .list, path) }
    return entries.keys.filter { $0 != path && Folder.parent(of: $0) == path }
      .map { String($0.dropFirst(path.utf8.count + 1)) }
  }

  func syncFolder(_ path: String) throws(DiskError) {
    let act = { () throws(DiskError) in
      guard case .folder? = self.entries[path] else {
        throw self.error(DiskError.missing, .syncFolder, path)
      }
      for change in self.folderChanges where change.folder == path {
        for (path, entry) in change.entries { self.durableEntries[path] = entry }
      }
      self.folderChanges.removeAll { $0.folder == path }
    }
    _ = try meet(.open, path)  // A real disk takes a descriptor for it.
    _ = try meet(.syncFolder, path, act)
    try act()
  }

  func rename(_ path: String, to target: String) throws(DiskError) {
    let act = { () throws(DiskError) in
      guard let entry = self.entries[path] else {
        throw self.error(DiskError.missing, .rename, path)
      }
      var changes: [String: Entry?] = [path: Entry?.none, target: entry]
      // What is in a folder goes with it.
      for (inside, entry) in self.entries where inside.hasPrefix(path + "/") {
        changes.updateValue(nil, forKey: inside)
        changes[target + inside.dropFirst(path.utf8.count)] = entry
      }
      self.change(Folder.parent(of: path), changes)
    }
    _ = try meet(.rename, path, act)
    try act()
  }

  func remove(_ path: String) throws(DiskError) {
    let act = { () throws(DiskError) in
      guard self.entries[path] != nil else { throw self.error(DiskError.missing, .remove, path) }
      guard !self.entries.keys.contains(where: { $0.hasPrefix(path + "/") }) else {
        throw self.error(DiskError.notEmpty, .remove, path)
      }
      self.change(Folder.parent(of: path), [path: nil])
    }
    _ = try meet(.remove, path, act)
    try act()
  }

  func open(_ path: String, for use: DiskUse) throws(DiskError) -> DiskFile {
    var node: Node?
    let act = { () throws(DiskError) in
      if case .file(let found)? = self.entries[path] {
        node = found
        if case .replacing = use, !found.bytes.isEmpty { self.apply(.resize(0), to: found) }
        return
      }
      switch use {
      case .reading, .writing: throw self.error(DiskError.missing, .open, path)
      case .replacing, .locking:
        let made = Node(), parent = Folder.parent(of: path)
        guard self.entries[parent] != nil else { throw self.error(DiskError.missing, .open, path) }
        self.change(parent, [path: .some(.file(made))])
        node = made
      }
    }
    _ = try meet(.open, path, act)
    try act()
    numberNext += 1
    open[numberNext] = node!
    return DiskFile(number: numberNext, path: path)
  }

  func close(_ file: DiskFile) {
    precondition(open.removeValue(forKey: file.number) != nil, "\(file.path) is closed twice")
    locks[file.number] = nil
  }

  /// How many files are open: none should be once their owners are gone.
  var openCount: Int { open.count }

  func size(_ file: DiskFile) throws(DiskError) -> Int {
    _ = try meet(.size, file.path)
    return open[file.number]!.bytes.count
  }

  func read(
    _ file: DiskFile, at offset: Int, upTo size: Int, into buffer: inout ByteBuffer
  ) throws(DiskError) -> Int {
    let isShort = try meet(.read, file.path)
    let bytes = open[file.number]!.bytes
    let end = min(bytes.count, offset + (isShort ? (size + 1) / 2 : size))
    guard offset < end else { return 0 }
    buffer.append(Array(bytes[offset..<end]))
    return end - offset
  }

  func write(_ file: DiskFile, _ pieces: [ByteView], at offset: Int) throws(DiskError) -> Int {
    let node = open[file.number]!, bytes = pieces.flatMap(\.array)
    let isShort = try meet(.write, file.path) { () throws(DiskError) in
      apply(.write(offset, bytes), to: node)
    }
    let grows = max(0, offset + bytes.count - node.allocated)
    let fits = min(grows, max(0, capacity - used))
    var size = bytes.count - grows + fits
    if isShort { size = (size + 1) / 2 }
    guard size > 0 else { throw error(DiskError.noSpace, .write, file.path) }
    apply(.write(offset, Array(bytes[..<size])), to: node)
    return size
  }

  private var used: Int {
    entries.values.reduce(0) { if case .file(let node) = $1 { $0 + node.allocated } else { $0 } }
  }

  private func apply(_ change: Change, to node: Node) {
    change.apply(to: &node.bytes)
    node.changes.append(change)
  }

  func sync(_ file: DiskFile) throws(DiskError) {
    let node = open[file.number]!
    let act = { () throws(DiskError) in
      node.durable = node.bytes
      node.changes = []
    }
    _ = try meet(.sync, file.path, act)
    try act()
  }

  func truncate(_ file: DiskFile, to size: Int) throws(DiskError) {
    let node = open[file.number]!
    let act = { () throws(DiskError) in
      self.apply(.resize(size), to: node)
      node.reservedEnd = 0
    }
    _ = try meet(.truncate, file.path, act)
    try act()
  }

  func reserve(_ file: DiskFile, from offset: Int, size: Int) throws(DiskError) {
    _ = try meet(.reserve, file.path)
    let node = open[file.number]!
    guard offset + size - node.allocated <= capacity - used else {
      throw error(DiskError.noSpace, .reserve, file.path)
    }
    node.reservedEnd = max(node.reservedEnd, offset + size)
  }

  func startWriteback(_ file: DiskFile, from offset: Int) {}
  func startReading(_ file: DiskFile) { announced.append(file.path) }

  func forgetContents(_ file: DiskFile) {
    let node = open[file.number]!
    forgotten.append((file.path, isDurable: node.durable.starts(with: node.bytes)))
  }

  func lock(_ file: DiskFile) throws(DiskError) -> Bool {
    _ = try meet(.lock, file.path)
    let node = ObjectIdentifier(open[file.number]!)
    guard !locks.values.contains(node) else { return false }
    locks[file.number] = node
    return true
  }
}
