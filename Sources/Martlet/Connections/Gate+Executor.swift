// Gate+Executor.swift: tasks that live on the I/O thread.
//
// Handlers of jobs may compute for as long as they like, and as many of them as there are processors leave
// the program's tasks no thread to run on. What keeps their leases must go on nevertheless: it runs here.
// Such a task never waits but in calls of the client, and does little at a time.

extension Gate: TaskExecutor {
  /// Runs a step of a task in the thread's next turn.
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    do throws(MartletError) { try post(.step(job)) } catch { runElsewhere(job) }
  }

  /// Runs a step of a task among those of the program: the thread is not there any more, and tasks outlive
  /// it that waited for it.
  func runElsewhere(_ job: UnownedJob) { globalConcurrentExecutor.enqueue(ExecutorJob(job)) }
}
