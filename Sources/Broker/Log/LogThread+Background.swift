// LogThread+Background.swift: the keeper and the syncer, for whom no write waits.

extension LogThread {
  func runKeeper() {
    lock.lock()
    defer { lock.unlock() }
    while true {
      guard let errand = state.errand else {
        guard !state.isStopped else { return }
        keepWork.wait()
        continue
      }
      lock.unlock()
      let returned = carryOut(errand)
      lock.lock()
      state.errand = nil
      state.returned = returned
      wakeWriter()
    }
  }

  private func carryOut(_ errand: Errand) -> Return {
    switch errand {
    case .make(let making, let left):
      left?.close(in: folder)
      do throws(DiskError) { return .made(.success(try making.carryOut(in: folder)), making) } catch
      {
        return .made(.failure(error), making)
      }
    case .list(let adoption):
      do throws(DiskError) { try adoption.manifest.save(in: folder) } catch {
        return .listed(.failure(error), adoption)
      }
      return .listed(.success(()), adoption)
    }
  }
}

extension LogThread {
  func runSyncer() {
    lock.lock()
    defer { lock.unlock() }
    while !state.isStopped {
      guard state.policy == .everySecond, state.failure == nil, let since = state.unsyncedSince
      else {
        syncWork.wait()
        continue
      }
      let now = timing.now(), due = since + timing.syncAge
      guard now >= due else {
        _ = syncWork.wait(nanoseconds: due - now)
        continue
      }
      // Whoever had it may have synced just what was due.
      guard state.syncing == nil else {
        progress.wait()
        continue
      }
      guard beginSync(.syncer) else { continue }
      let file = state.file, ordinal = state.written, sequence = state.writtenSequence
      lock.unlock()
      var failure: DiskError?
      do { try folder.sync(file) } catch { failure = error }
      lock.lock()
      endSync()
      guard state.failure == nil else { continue }
      if let failure {
        noteFailure(.disk(failure))
      } else {
        noteSynced(ordinal, sequence: sequence, since: now)
        // Once all is durable, the writer closes the gap.
        if state.writerSleeps, sequence == state.writtenSequence { wakeWriter() }
        _ = release()
      }
      // Also when nothing was released: somebody may wait for what is on disk (WAITAOF).
      lock.unlock()
      wake()
      lock.lock()
    }
  }
}
