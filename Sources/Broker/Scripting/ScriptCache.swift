// ScriptCache.swift: the compiled scripts, by their hashes.
//
// What SCRIPT LOAD has brought stays until SCRIPT FLUSH. What EVAL alone has brought is kept only as long
// as it is among the last of its kind, bounded by count and by bytes: clients that put values into the
// text of a script would fill the memory otherwise (as in Redis from 7.4 on).
//
// Evaluated scripts are linked in the order of their last use, by their places, so that using one and
// forgetting the oldest are O(1) however many there are. Invariants (`checkInvariants`):
//   1. from `newest` by `older` come all evaluated scripts and no other; from `oldest` by `newer` as well
//   2. `evaluatedCount` and `evaluatedSize` are theirs, `textSize` is that of all

import Lua
import RESP

/// A compiled script.
struct Script {
  let hash: SHA1
  /// Its function; pinned.
  let function: Value
  /// What it says of itself; nil for one that says nothing.
  let flags: ScriptFlags?
  /// Bytes of its text, and of its code with what it names.
  let size: Int
  let codeSize: Int
}

struct ScriptCache {
  /// Scripts that are kept though nobody has loaded them, and bytes of their code.
  static let evaluatedMax = 500
  static let evaluatedSizeMax = 64 << 20

  private struct Place {
    var script: Script
    /// SCRIPT LOAD has brought it: it is not linked.
    var isLoaded: Bool
    var newer = ScriptCache.none
    var older = ScriptCache.none
  }

  private static let none = -1
  private var places: [Place?] = []
  private var free: [Int] = []
  private var placeOfHash: [SHA1: Int] = [:]
  private var newest = ScriptCache.none
  private var oldest = ScriptCache.none
  private var evaluatedCount = 0
  private var evaluatedSize = 0
  /// Bytes of all texts.
  private(set) var textSize = 0

  var count: Int { placeOfHash.count }

  /// Whether more is kept than is allowed; the script that was used last stays in any case.
  var isOverfull: Bool {
    evaluatedCount > Self.evaluatedMax
      || evaluatedSize > Self.evaluatedSizeMax && evaluatedCount > 1
  }

  /// The script called `hash`, without using it.
  func peek(_ hash: SHA1) -> Script? {
    placeOfHash[hash].flatMap { places[$0]?.script }
  }

  /// The script called `hash`, which is about to run.
  mutating func use(_ hash: SHA1) -> Script? {
    guard let index = placeOfHash[hash], let place = places[index] else { return nil }
    if !place.isLoaded, newest != index {
      unlink(index)
      link(index)
    }
    return place.script
  }

  /// Takes in a script that is new.
  mutating func add(_ script: Script, isLoaded: Bool) {
    precondition(placeOfHash[script.hash] == nil)
    let place = Place(script: script, isLoaded: isLoaded)
    let index = free.popLast() ?? places.count
    if index == places.count { places.append(place) } else { places[index] = place }
    placeOfHash[script.hash] = index
    textSize += script.size
    if !isLoaded { link(index) }
  }

  /// Keeps the script called `hash` whatever comes.
  mutating func keep(_ hash: SHA1) {
    guard let index = placeOfHash[hash], places[index]?.isLoaded == false else { return }
    unlink(index)
    places[index]?.isLoaded = true
  }

  /// Forgets the evaluated script that was used longest ago; its function is the caller's to unpin.
  mutating func removeOldest() -> Script? {
    guard oldest != Self.none, let script = places[oldest]?.script else { return nil }
    let index = oldest
    unlink(index)
    places[index] = nil
    free.append(index)
    placeOfHash[script.hash] = nil
    textSize -= script.size
    return script
  }

  // MARK: The order of use

  private mutating func link(_ index: Int) {
    places[index]?.older = newest
    places[index]?.newer = Self.none
    if newest == Self.none { oldest = index } else { places[newest]?.newer = index }
    newest = index
    evaluatedCount += 1
    evaluatedSize += places[index]?.script.codeSize ?? 0
  }

  private mutating func unlink(_ index: Int) {
    guard let place = places[index] else { return }
    if place.newer == Self.none {
      newest = place.older
    } else {
      places[place.newer]?.older = place.older
    }
    if place.older == Self.none {
      oldest = place.newer
    } else {
      places[place.older]?.newer = place.newer
    }
    evaluatedCount -= 1
    evaluatedSize -= place.script.codeSize
  }

  /// For tests.
  func checkInvariants() {
    let all = places.compactMap { $0 }
    precondition(all.count == placeOfHash.count)
    precondition(all.reduce(0) { $0 + $1.script.size } == textSize)
    var evaluated: [SHA1] = [], index = newest, size = 0
    while index != Self.none, let place = places[index] {
      precondition(!place.isLoaded)
      evaluated.append(place.script.hash)
      size += place.script.codeSize
      index = place.older
    }
    precondition(evaluated.count == evaluatedCount && size == evaluatedSize)
    precondition(all.filter { !$0.isLoaded }.count == evaluatedCount)
    var backwards: [SHA1] = []
    index = oldest
    while index != Self.none, let place = places[index] {
      backwards.append(place.script.hash)
      index = place.newer
    }
    precondition(backwards == evaluated.reversed())
  }
}
