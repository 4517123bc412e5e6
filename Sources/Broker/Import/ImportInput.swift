// ImportInput.swift: a foreign file, read once from front to end in pieces.
//
// It holds what is being looked at and no more: a length in the file takes no memory before the bytes
// are there. What is written behind the file's end while it is read does not count.

import RESP

struct ImportInput: RDBInput, ~Copyable {
  /// Bytes asked of the disk at once.
  private static let stepSize = 1 << 20

  private let folder: Folder
  private let file: DiskFile
  let size: Int

  /// What was read and is still needed; its first `taken` bytes have been taken.
  private var buffer = ByteBuffer()
  private var taken = 0
  /// Where in the file the buffer begins.
  private var start = 0

  private var isSumming = true
  /// The CRC-64 of all before the buffer and of the `summed` bytes at its front.
  private var sum: UInt64 = 0
  private var summed = 0

  init(_ disk: any Disk, _ path: String) throws(ImportError) {
    let folder = Folder(disk: disk, path: Folder.parent(of: path))
    let file: DiskFile, size: Int
    do throws(DiskError) {
      file = try disk.open(path, for: .reading)
      do throws(DiskError) { size = try folder.size(file) } catch {
        folder.close(file)
        throw error
      }
    } catch { throw .disk(error) }
    self.folder = folder
    self.file = file
    self.size = size
  }

  deinit { folder.close(file) }

  var path: String { file.path }
  /// Where in the file the next byte to be taken is.
  var offset: Int { start + taken }
  /// Bytes that have not been taken.
  var left: Int { size - offset }
  /// What was read and not taken.
  var ahead: ByteView { buffer.view(at: taken, size: buffer.count - taken) }

  /// An error at `offset`, or at the next byte.
  func flaw(_ reason: String, at offset: Int? = nil) -> ImportError {
    .content(path: path, offset: offset ?? self.offset, reason: reason)
  }

  // MARK: Taking

  /// Takes the next `count` bytes, which are valid until the next call.
  mutating func take(_ count: Int) throws(ImportError) -> ByteView {
    if count > buffer.count - taken { try demand(count) }
    taken += count
    return buffer.view(at: taken - count, size: count)
  }

  mutating func skip(_ count: Int) throws(ImportError) {
    guard count <= left else { throw cutShort }
    var rest = count
    while rest > 0 {
      let step = min(rest, Self.stepSize)
      _ = try take(step)
      rest -= step
    }
  }

  /// Reads until `count` bytes are ahead.
  private mutating func demand(_ count: Int) throws(ImportError) {
    guard count <= left else { throw cutShort }
    while buffer.count - taken < count {
      guard try readMore() else { throw cutShort }
    }
  }

  private var cutShort: ImportError { flaw("the file is cut short, it ends at \(size)") }

  /// Reads some bytes more.
  ///
  /// - Returns: false at the end of the file.
  mutating func readMore() throws(ImportError) -> Bool {
    sumUp()
    buffer.removeFirst(taken)
    start += taken
    taken = 0
    summed = 0
    let end = start + buffer.count
    do {
      return try folder.read(file, at: end, upTo: min(Self.stepSize, size - end), into: &buffer) > 0
    } catch { throw .disk(error) }
  }

  /// Whether the next bytes are `word`; they stay ahead.
  mutating func begins(with word: StaticString) throws(ImportError) -> Bool {
    let size = word.utf8CodeUnitCount
    while ahead.count < size { guard try readMore() else { return false } }
    return ahead[0..<size] == ByteView(word)
  }

  // MARK: The checksum

  /// The CRC-64 of all that has been taken.
  mutating func checksum() -> UInt64 {
    precondition(isSumming)
    sumUp()
    return sum
  }

  /// Saves the work from here on.
  mutating func endChecksum() { isSumming = false }

  private mutating func sumUp() {
    guard isSumming, summed < taken else { return }
    sum = CRC64.checksum(buffer.view(at: summed, size: taken - summed), after: sum)
    summed = taken
  }
}
