// LogWriter.swift: commits become frames at the end of the last segment.
//
// A plain value without threads, owned by one. Commits are staged, then written together; what has
// been written becomes durable with `sync`. Bytes at and behind `end` are nobody's: zeros, or the
// remains of a write that failed, until the next write takes their place. A segment that is full is
// left for the next one, which has been made before (SegmentMaking) by somebody else or, where there
// is nobody else, is made then.
// Invariants: durable ≤ written. Bytes before `end` are whole frames. Once `failure` is set, no
// call writes or syncs again: what a failed sync lost, a later one would not report.

import RESP

struct LogWriter: ~Copyable {
  /// Zeros ahead pay off where syncs are many and small; larger batches would only write twice.
  static let zeroBatchMax = 128 << 10

  let folder: Folder
  let options: LogOptions
  private let lock: FolderLock
  private(set) var manifest: Manifest
  /// The file of the manifest's next segment.
  private var next: DiskFile?
  /// A segment that was left and is to be cut and closed.
  private var left: LeftSegment?
  /// Whether somebody makes the segments: a full one is gone on with until there is a next.
  var isSupplied = false

  // The last segment.
  private(set) var file: DiskFile
  private(set) var end: Int
  /// The file's size as far as we wrote it: zeros from `end` on.
  private var zeroedEnd: Int
  private var reservedEnd: Int
  private var canReserve = true
  /// A rotation that found no space or descriptor is tried again from here on.
  private var rotationEnd: Int

  /// The last command written, and the last of those known to be durable.
  private(set) var written: UInt64
  private(set) var durable: UInt64
  private var checksum: UInt32
  /// The last frame holds commands, and no frame behind it says that they are durable.
  private(set) var needsClosing: Bool
  /// Frames have been written, empty ones perhaps, that no sync of ours or of others covers.
  private var isUnsynced: Bool
  private(set) var failure: LogError?
  /// Space could not be set aside ahead: what grows should be refused before it gets here.
  private(set) var isFull = false
  /// Whether to write zeros ahead: for callers who sync after each write.
  var zeroesAhead = false

  private(set) var bytesWritten = 0
  private(set) var framesWritten = 0
  private(set) var syncs = 0
  /// Bytes of the segments before the last.
  private var sizesBefore: [Int]
  private(set) var checkpointSize: Int
  /// Bytes of the checkpoint and of all segments, without the zeros.
  var size: Int { checkpointSize + sizesBefore.reduce(0, +) + end }
  /// The next write is to begin a new segment, however small the last one is.
  private var rotatesNext = false

  // Commits staged for the next write, and what it writes.
  private var staged: [Staged] = []
  private var headers = ByteBuffer()
  private var pieces: [ByteView] = []
  private var zeros = ByteBuffer()
  private struct Staged {
    let body: ByteView
    let header: FrameHeader
    var checksum: UInt32
  }

  init(_ position: consuming LogPosition) {
    folder = position.lock.folder
    options = position.options
    manifest = position.manifest
    file = position.file
    next = position.next
    end = position.end
    zeroedEnd = position.size
    reservedEnd = position.size
    rotationEnd = position.options.segmentSize
    written = position.sequence - 1
    durable = position.sequence - 1
    checksum = position.checksum
    needsClosing = !position.endsWithEmptyFrame
    isUnsynced = false
    sizesBefore = position.sizesBefore
    checkpointSize = position.checkpointSize
    lock = position.lock
    reserveAhead()
  }

  // MARK: Writing

  /// Adds a commit of `count` commands to the next write. `body` must stay as it is until then.
  mutating func stage(_ body: ByteView, count: Int) {
    precondition(count > 0 && count <= UInt32.max)
    precondition(!body.isEmpty && body.count <= FrameHeader.bodySizeMax)
    stage(
      body, count: UInt32(count), first: (staged.last?.header.last ?? written) + 1)
  }

  private mutating func stage(_ body: ByteView, count: UInt32, first: UInt64) {
    // `previous` and `durable` are filled in by `write`.
    let header = FrameHeader(
      bodyChecksum: CRC32C.checksum(body), bodySize: UInt32(body.count), count: count,
      previous: 0, first: first, durable: 0)
    staged.append(Staged(body: body, header: header, checksum: 0))
  }

  /// Writes the staged commits, in order, each as a frame of its own.
  ///
  /// - Returns: how many were written. Fewer than were staged means that the disk is full; the
  ///   others
  ///   left no trace and may be staged again. Nothing is staged afterwards.
  /// - Throws: the failure, which is final.
  mutating func write() throws(LogError) -> Int {
    if let failure { throw failure }
    defer { staged.removeAll(keepingCapacity: true) }
    guard !staged.isEmpty else { return 0 }
    if needsRotation { try rotate() }
    isUnsynced = true
    buildFrames()
    let size = staged.reduce(0) { $0 + FrameHeader.size + $1.body.count }
    var done = 0
    do throws(DiskError) {
      while done < size {
        let step = try folder.write(file, pieces, at: end + done)
        guard step > 0 else { throw .wroteNothing(file) }
        done += step
        if done < size { dropPieces(step) }
      }
    } catch {
      try cutBack(done, error)
      return staged.count
    }
    advance(over: staged.count)
    if isFull && !canReserve { isFull = false }
    zeroAhead(after: size)
    reserveAhead()
    return staged.count
  }

  private mutating func buildFrames() {
    headers.reset(keeping: .max)
    for index in staged.indices {
      var header = staged[index].header
      header.previous = index == 0 ? checksum : staged[index - 1].checksum
      header.durable = durable
      staged[index].checksum = header.encode(into: &headers, salt: manifest.identity.salt)
    }
    pieces.removeAll(keepingCapacity: true)
    for (index, frame) in staged.enumerated() {
      pieces.append(headers.view(at: index * FrameHeader.size, size: FrameHeader.size))
      if !frame.body.isEmpty { pieces.append(frame.body) }
    }
  }

  /// Takes the first `size` bytes out of `pieces`, after a short write.
  private mutating func dropPieces(_ size: Int) {
    var whole = 0, rest = size
    while rest >= pieces[whole].count {
      rest -= pieces[whole].count
      whole += 1
    }
    pieces.removeFirst(whole)
    pieces[0] = pieces[0][rest..<pieces[0].count]
  }

  /// Takes in the first `count` staged frames, which have been written.
  private mutating func advance(over count: Int) {
    for frame in staged[..<count] {
      let size = FrameHeader.size + frame.body.count
      end += size
      bytesWritten += size
      framesWritten += 1
      written = frame.header.last
      checksum = frame.checksum
      needsClosing = frame.header.count > 0
    }
    zeroedEnd = max(zeroedEnd, end)
    reservedEnd = max(reservedEnd, end)
  }

  /// After a write that ended early: keeps the whole frames it made and cuts off the rest.
  private mutating func cutBack(_ done: Int, _ error: DiskError) throws(LogError) {
    var whole = 0, size = 0
    while whole < staged.count {
      size += FrameHeader.size + staged[whole].body.count
      guard size <= done else { break }
      whole += 1
    }
    staged.removeSubrange(whole...)
    advance(over: whole)
    do { try folder.truncate(file, to: end) } catch { throw fail(.disk(error)) }
    zeroedEnd = end
    reservedEnd = end
    guard error.isFull else { throw fail(.disk(error)) }
    isFull = true
  }

  private mutating func fail(_ error: LogError) -> LogError {
    failure = error
    return error
  }

  /// Writes an empty frame that says what is durable, unless the last frame is one already.
  ///
  /// It lets damage to the frame before it be told from a torn tail. It is not synced.
  mutating func closeGap() throws(LogError) {
    guard needsClosing, durable == written else { return }
    stage(ByteView(), count: 0, first: written + 1)
    _ = try write()
  }

  // MARK: Durability

  /// Makes all that was written durable.
  mutating func sync() throws(LogError) {
    if let failure { throw failure }
    do { try folder.sync(file) } catch { throw fail(.disk(error)) }
    syncs += 1
    durable = written
    isUnsynced = false
  }

  /// Takes in that another thread has synced the segment: commands up to `sequence` are durable.
  mutating func noteDurable(_ sequence: UInt64) {
    precondition(sequence <= written)
    durable = max(durable, sequence)
  }

  /// Makes all durable and leaves the segment without zeros or reserve: for a clean stop.
  mutating func finish() throws(LogError) {
    takeLeft()?.close(in: folder)
    if durable < written { try sync() }
    try closeGap()
    if zeroedEnd > end || reservedEnd > end {
      do { try folder.truncate(file, to: end) } catch { throw fail(.disk(error)) }
      zeroedEnd = end
      reservedEnd = end
    }
    try sync()
  }

  deinit {
    folder.close(file)
    if let next { folder.close(next) }
    if let left { folder.close(left.file) }
  }

  // MARK: Space

  /// Sets space aside where less than half a step of it is left.
  mutating func reserveAhead() {
    let step = options.reserveStep
    guard step > 0, canReserve, failure == nil else { return }
    guard reservedEnd - end < step / 2 else {
      isFull = false
      return
    }
    do {
      try folder.reserve(file, from: reservedEnd, size: step)
      reservedEnd += step
      isFull = false
    } catch {
      // Some file systems cannot; a full disk is then found by the write.
      if error.isFull { isFull = true } else { canReserve = false }
    }
  }

  /// Writes zeros behind `end` once there are none left, so that the next syncs find the file's
  /// size and blocks as they are.
  private mutating func zeroAhead(after size: Int) {
    let step = options.zeroStep
    guard zeroesAhead, step > 0, size <= Self.zeroBatchMax, zeroedEnd == end, !isFull else {
      return
    }
    let target = (end / step + 1) * step
    if zeros.isEmpty {
      let size = min(step, 64 << 10)
      zeros = ByteBuffer(capacity: size)
      for _ in 0..<size / 8 { zeros.append(littleEndian: UInt64(0)) }
    }
    while zeroedEnd < target {
      pieces.removeAll(keepingCapacity: true)
      var rest = target - zeroedEnd
      while rest > 0 {
        let piece = min(rest, zeros.count)
        pieces.append(zeros.view(at: 0, size: piece))
        rest -= piece
      }
      // Only a help: what stands in its way stands in the way of the next write too, which reports
      // it.
      guard let size = try? folder.write(file, pieces, at: zeroedEnd), size > 0 else { return }
      zeroedEnd += size
      reservedEnd = max(reservedEnd, zeroedEnd)
    }
  }

  // MARK: Segments

  /// A segment that is not written any more, with what was set aside behind its last frame.
  struct LeftSegment: Sendable {
    let file: DiskFile
    let end: Int
    let isCut: Bool

    /// Gives the space back and closes the file.
    func close(in folder: Folder) {
      // Should this not happen: readers take zeros behind the last frame for its end.
      if !isCut { try? folder.truncate(file, to: end) }
      // Only a start reads it again. The memory is taken for the next segment: where other memory has
      // to be found for each page, writing may take three times the processor's time.
      folder.forgetContents(file)
      folder.close(file)
    }
  }

  /// Whether the last segment is to be left for a new one.
  private var wantsRotation: Bool {
    (end >= rotationEnd || rotatesNext) && written >= manifest.segments.last!.first
  }

  /// Whether the next write begins a new segment, and perhaps syncs the last one for it.
  var needsRotation: Bool { wantsRotation && (next != nil || !isSupplied) }

  /// Whether a commit of `size` bytes can be written without a change of segments, without setting
  /// space aside, and, if asked for, into zeros that are there already.
  func isReady(for size: Int, withZeros: Bool) -> Bool {
    guard failure == nil, !isFull, !needsRotation else { return false }
    let end = end + FrameHeader.size + size, step = options.reserveStep
    if withZeros, options.zeroStep > 0, zeroedEnd <= end { return false }
    return step == 0 || !canReserve || reservedEnd - end >= step / 2
  }

  /// Whether a segment that is full has none to be followed by.
  var lacksNext: Bool { next == nil }

  /// Begins a new segment unless the last one has no commands yet, so that a checkpoint made now
  /// stands for whole segments. What would not do it, like a full disk, is no failure.
  mutating func beginSegment() throws(LogError) {
    if let failure { throw failure }
    rotatesNext = true
    if needsRotation { try rotate() }
    rotatesNext = false
  }

  /// Goes on in a new segment, or for a while in this one where space or descriptors are short.
  private mutating func rotate() throws(LogError) {
    rotatesNext = false
    guard try prepareSegment(), let next else {
      rotationEnd = end + max(options.segmentSize / 16, 1)
      return
    }
    // Also when all commands are durable: the new segment goes on from the last frame, empty or not.
    if isUnsynced || durable < written { try sync() }
    left = LeftSegment(file: file, end: end, isCut: zeroedEnd == end && reservedEnd == end)
    file = next
    self.next = nil
    var segment = manifest.next!
    segment.first = written + 1
    manifest.segments.append(segment)
    manifest.next = nil
    sizesBefore.append(end)
    end = SegmentHeader.size
    zeroedEnd = end
    reservedEnd = end
    rotationEnd = options.segmentSize
    if !isSupplied { takeLeft()?.close(in: folder) }
  }

  /// How the next segment is to be made; nil while there is one.
  func makingOfNext() -> SegmentMaking? {
    guard manifest.next == nil, failure == nil else { return nil }
    let number = max(written, manifest.segments.last!.number) + 1
    var listed = manifest
    listed.next = Segment(first: number)
    // Space is set aside once it is written to: it may never be.
    return SegmentMaking(segment: listed.next!, manifest: listed, reserve: 0)
  }

  /// Takes in that the next segment has been made: its open file.
  mutating func take(_ file: DiskFile, of making: SegmentMaking) {
    precondition(manifest.next == nil)
    manifest.next = making.segment
    next = file
  }

  /// The segment that was left last, for the caller to close; nil when there is none.
  mutating func takeLeft() -> LeftSegment? {
    defer { left = nil }
    return left
  }

  /// Makes the next segment, unless there is one.
  ///
  /// - Returns: false when space or descriptors are short.
  /// - Throws: the failure, which is final.
  @discardableResult
  mutating func prepareSegment() throws(LogError) -> Bool {
    guard let making = makingOfNext() else { return failure == nil }
    do { take(try making.carryOut(in: folder), of: making) } catch {
      guard error.isPassing else { throw fail(.disk(error)) }
      if error.isFull { isFull = true }
      return false
    }
    return true
  }

  /// Takes in that what somebody else did for the log has failed for good.
  mutating func noteFailure(_ error: DiskError) -> LogError { fail(.disk(error)) }

  // MARK: Checkpoints

  /// Lets a checkpoint that is finished stand for the commands up to its last, which have all been
  /// written.
  ///
  /// - Returns: the files that are not needed any more; or why the checkpoint cannot be taken now,
  ///   and nothing has changed then.
  /// - Throws: the failure, which is final.
  mutating func adopt(
    _ checkpoint: Manifest.Checkpoint, size: Int
  ) throws(LogError) -> Result<[String], DiskError> {
    if let failure { throw failure }
    // Recovery takes a log that ends before its checkpoint for damaged.
    if durable < written { try sync() }
    let adoption = adoption(of: checkpoint, size: size)
    do { try adoption.manifest.save(in: folder) } catch {
      guard error.isPassing else { throw fail(.disk(error)) }
      return .failure(error)
    }
    return .success(adopted(adoption))
  }

  /// A checkpoint that is to be listed: the manifest to save and the files that it lists no more.
  struct Adoption: Sendable {
    let manifest: Manifest
    let checkpoint: Manifest.Checkpoint
    let size: Int
    let passed: [String]
    fileprivate let passedSegments: Int
  }

  /// What is to be saved for `checkpoint` to stand for the commands up to its last, all durable.
  func adoption(of checkpoint: Manifest.Checkpoint, size: Int) -> Adoption {
    precondition(checkpoint.sequence <= durable)
    // It would bear the name of the one before, whose file is still the log's.
    precondition(manifest.checkpoint.map { $0.sequence < checkpoint.sequence } ?? true)
    var listed = manifest, passed: [String] = []
    if let old = manifest.checkpoint { passed.append(old.name) }
    listed.checkpoint = checkpoint
    while listed.segments.count > 1, listed.segments[1].first <= checkpoint.sequence + 1 {
      passed.append(listed.segments.removeFirst().name)
    }
    return Adoption(
      manifest: listed, checkpoint: checkpoint, size: size, passed: passed,
      passedSegments: manifest.segments.count - listed.segments.count)
  }

  /// Takes in that the manifest of `adoption` has been saved; a new segment may have been begun
  /// meanwhile.
  ///
  /// - Returns: the files that are not needed any more.
  mutating func adopted(_ adoption: Adoption) -> [String] {
    sizesBefore.removeFirst(adoption.passedSegments)
    manifest.segments.removeFirst(adoption.passedSegments)
    manifest.checkpoint = adoption.checkpoint
    checkpointSize = adoption.size
    return adoption.passed
  }
}
