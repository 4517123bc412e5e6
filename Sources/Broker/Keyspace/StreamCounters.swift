// StreamCounters.swift: how far into a stream an id is, as far as that can be told.
//
// A group counts the entries it has read. Where entries in between were deleted, or the group was set
// to another id, the count is found again from the ends of the stream, if at all.

/// What a stream knows of all the entries it ever had.
struct StreamCounters {
  /// Entries there are.
  var count = 0
  /// Entries that were ever added.
  var added: Int64 = 0
  /// The id of the first entry there is; zero without any.
  var first = StreamID.zero
  /// The highest id that was ever given.
  var last = StreamID.zero
  /// The highest id that was deleted by itself, not by trimming; zero without any.
  var deleted = StreamID.zero

  /// How many entries were ever added up to `id`, if that can be told.
  func position(of id: StreamID) -> Int64? {
    guard added != 0 else { return 0 }
    if count == 0, id <= last { return added }
    guard id < last else { return id == last ? added : nil }
    guard deleted == .zero || deleted < first, id <= first else { return nil }
    // A client may have set the number, and a file may say any.
    return added &- Int64(count) &+ (id == first ? 1 : 0)
  }

  /// Whether an entry at or behind `id` was deleted by itself, among those there are.
  func hasGap(from id: StreamID) -> Bool {
    count > 0 && deleted != .zero && first <= deleted && id <= deleted
  }

  /// How many entries a group has still to read that was last given `id` and has read `read` of them.
  func lag(behind id: StreamID, read: Int64?) -> Int64? {
    guard added != 0 else { return 0 }
    if let read, !hasGap(from: id) { return added &- read }
    return position(of: id).map { added &- $0 }
  }
}

extension Int64 {
  /// One more, for a counter that clients may set: it stays at the greatest there is.
  var next: Int64 { self == .max ? self : self + 1 }
}
