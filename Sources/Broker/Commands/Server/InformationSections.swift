// InformationSections.swift: the lines of INFO, section by section.
//
// Names and order are those of Redis 7.2, because clients and exporters read them; a line whose
// feature there is not says 0, as it does in a Redis that does not use it.

import RESP

extension Context {
  func write(_ section: InformationSection, to w: inout InformationWriter) {
    switch section {
    case .server: writeServer(&w)
    case .clients: writeClients(&w)
    case .memory: writeMemory(&w)
    case .persistence: writePersistence(&w)
    case .stats: writeStatistics(&w)
    case .replication: writeReplication(&w)
    case .cpu: writeProcessor(&w)
    case .modules: break
    case .commandstats: writeCommands(&w)
    case .errorstats: writeErrors(&w)
    case .latencystats: writeLatencies(&w)
    case .cluster: w.line("cluster_enabled", 0)
    case .keyspace: writeKeyspace(&w)
    }
  }

  private func writeServer(_ w: inout InformationWriter) {
    w.line("redis_version", Version.redis)
    w.line("martlet_version", Version.martlet)
    w.line("redis_git_sha1", "00000000")
    w.line("redis_git_dirty", 0)
    w.line("redis_build_id", "0")
    w.line("redis_mode", "standalone")
    w.hosted("os", "Linux")
    w.line("arch_bits", 64)
    w.line("monotonic_clock", "POSIX clock_gettime")
    w.line("multiplexing_api", "epoll")
    w.line("atomicvar_api", "c11-builtin")
    w.line("gcc_version", "0.0.0")
    w.hosted("process_id")
    w.line("process_supervised", "no")
    w.hosted("run_id", String(repeating: "0", count: 40))
    w.hosted("tcp_port", "\(settings.port)")
    w.line("server_time_usec", wall * 1000 + wallMicroseconds)
    let uptime = w.take("uptime_in_seconds").flatMap { Int($0) } ?? 0
    w.line("uptime_in_seconds", uptime)
    w.line("uptime_in_days", uptime / 86_400)
    w.line("hz", 10)
    w.line("configured_hz", 10)
    w.line("lru_clock", wall / 1000 & 0xFF_FFFF)
    w.hosted("executable", "")
    w.hosted("config_file", "")
    w.line("io_threads_active", 0)
  }

  private func writeClients(_ w: inout InformationWriter) {
    let slots = clientSlots()
    var input = 0, output = 0, blocked = 0, inTable = 0
    for slot in slots {
      input = max(input, sessions[slot].queryBufferSize)
      output = max(output, sessions[slot].outputSize)
      if sessions[slot].flags.contains(.blocked) { blocked += 1 }
      if (sessions[slot].wait?.deadline ?? 0) > 0 { inTable += 1 }
    }
    w.line("connected_clients", slots.count)
    w.line("cluster_connections", 0)
    w.line("maxclients", settings.clientCountMax)
    w.line("client_recent_max_input_buffer", input)
    w.line("client_recent_max_output_buffer", output)
    w.line("blocked_clients", blocked)
    w.line("tracking_clients", 0)
    w.line("clients_in_timeout_table", inTable)
    w.line("total_blocking_keys", waiters.keyCount)
    w.line("total_blocking_keys_on_nokey", 0)
  }

  private func writeMemory(_ w: inout InformationWriter) {
    let memory = MemoryFigures(self)
    _ = w.take("used_memory_rss")
    let used = max(1, memory.used)
    let ratio = decimal(Double(memory.resident) / Double(used), places: 2)

    w.line("used_memory", memory.used)
    w.line("used_memory_human", MemorySize.rounded(memory.used))
    w.line("used_memory_rss", memory.resident)
    w.line("used_memory_rss_human", MemorySize.rounded(memory.resident))
    w.line("used_memory_peak", memory.peak)
    w.line("used_memory_peak_human", MemorySize.rounded(memory.peak))
    w.line("used_memory_peak_perc", percent(memory.used, of: memory.peak))
    w.line("used_memory_overhead", memory.overhead)
    w.line("used_memory_startup", MemoryAccount.base)
    w.line("used_memory_dataset", memory.dataset)
    w.line("used_memory_dataset_perc", percent(memory.dataset, of: memory.used))
    w.line("allocator_allocated", memory.used)
    w.line("allocator_active", memory.used)
    w.line("allocator_resident", memory.resident)
    let system = w.take("total_system_memory").flatMap { Int($0) } ?? 0
    w.line("total_system_memory", system)
    w.line("total_system_memory_human", MemorySize.rounded(system))
    let scripts = scripts.figures
    w.line("used_memory_lua", scripts.evaluationMemory)
    w.line("used_memory_vm_eval", scripts.evaluationMemory)
    w.line("used_memory_lua_human", MemorySize.rounded(scripts.evaluationMemory))
    w.line("used_memory_scripts_eval", scripts.scriptSize)
    w.line("number_of_cached_scripts", scripts.scriptCount)
    w.line("number_of_functions", scripts.functionCount)
    w.line("number_of_libraries", scripts.libraryCount)
    w.line("used_memory_vm_functions", scripts.functionMemory)
    w.line("used_memory_vm_total", scripts.memory)
    w.line("used_memory_vm_total_human", MemorySize.rounded(scripts.memory))
    w.line("used_memory_functions", scripts.librarySize)
    w.line("used_memory_scripts", scripts.scriptSize + scripts.librarySize)
    w.line(
      "used_memory_scripts_human", MemorySize.rounded(scripts.scriptSize + scripts.librarySize))
    w.line("maxmemory", settings.memoryMax)
    w.line("maxmemory_human", MemorySize.rounded(settings.memoryMax))
    w.line("maxmemory_policy", settings.memoryPolicy.rawValue)
    w.line("allocator_frag_ratio", "1.00")
    w.line("allocator_frag_bytes", 0)
    w.line("allocator_rss_ratio", ratio)
    w.line("allocator_rss_bytes", memory.resident - memory.used)
    w.line("rss_overhead_ratio", "1.00")
    w.line("rss_overhead_bytes", 0)
    w.line("mem_fragmentation_ratio", ratio)
    w.line("mem_fragmentation_bytes", memory.resident - memory.used)
    w.line("mem_not_counted_for_evict", 0)
    w.line("mem_replication_backlog", 0)
    w.line("mem_total_replication_buffers", 0)
    w.line("mem_clients_slaves", 0)
    w.line("mem_clients_normal", memory.clients)
    w.line("mem_cluster_links", 0)
    w.line("mem_aof_buffer", memory.logBuffer)
    w.line("mem_allocator", "libc")
    w.line("active_defrag_running", 0)
    w.line("lazyfree_pending_objects", graveyard.count)
    w.line("lazyfreed_objects", graveyard.valueCount)
  }

  private func percent(_ part: Int, of whole: Int) -> String {
    (whole > 0 ? decimal(100 * Double(part) / Double(whole), places: 2) : "0.00") + "%"
  }

  private func writePersistence(_ w: inout InformationWriter) {
    w.line("loading", isStarting)
    w.line("async_loading", 0)
    w.line("current_cow_peak", 0)
    w.line("current_cow_size", 0)
    w.line("current_cow_size_age", 0)
    w.line("current_fork_perc", "0.00")
    w.hosted("current_save_keys_processed")
    w.hosted("current_save_keys_total")
    w.line("rdb_changes_since_last_save", changes)
    w.line("rdb_bgsave_in_progress", isSaving)
    w.line("rdb_last_save_time", lastSave)
    w.hosted("rdb_last_bgsave_status", "ok")
    w.hosted("rdb_last_bgsave_time_sec", "-1")
    w.hosted("rdb_current_bgsave_time_sec", "-1")
    w.hosted("rdb_saves")
    w.line("rdb_last_cow_size", 0)
    w.hosted("rdb_last_load_keys_expired")
    w.hosted("rdb_last_load_keys_loaded")
    w.line("aof_enabled", settings.isLogged)
    w.line("aof_rewrite_in_progress", isSaving)
    w.line("aof_rewrite_scheduled", requests.checkpoint)
    w.hosted("aof_last_rewrite_time_sec", "-1")
    w.hosted("aof_current_rewrite_time_sec", "-1")
    w.hosted("aof_last_bgrewrite_status", "ok")
    w.hosted("aof_rewrites")
    w.hosted("aof_rewrites_consecutive_failures")
    w.hosted("aof_last_write_status", "ok")
    w.line("aof_last_cow_size", 0)
    w.line("module_fork_in_progress", 0)
    w.line("module_fork_last_cow_size", 0)
    guard settings.isLogged else { return }
    w.hosted("aof_current_size")
    w.hosted("aof_base_size")
    w.line("aof_pending_rewrite", requests.checkpoint)
    w.line("aof_buffer_length", effects.bytes.count)
    w.hosted("aof_pending_bio_fsync")
    w.hosted("aof_delayed_fsync")
  }

  private func writeStatistics(_ w: inout InformationWriter) {
    let s = statistics
    w.line("total_connections_received", s.connections)
    w.line("total_commands_processed", s.commands)
    w.line("instantaneous_ops_per_sec", s.rates.operations)
    w.line("total_net_input_bytes", s.bytesRead)
    w.line("total_net_output_bytes", s.bytesWritten)
    w.line("total_net_repl_input_bytes", 0)
    w.line("total_net_repl_output_bytes", 0)
    w.line("instantaneous_input_kbps", decimal(s.rates.inputKilobytes, places: 2))
    w.line("instantaneous_output_kbps", decimal(s.rates.outputKilobytes, places: 2))
    w.line("instantaneous_input_repl_kbps", "0.00")
    w.line("instantaneous_output_repl_kbps", "0.00")
    w.line("rejected_connections", s.rejectedConnections)
    for name in ["sync_full", "sync_partial_ok", "sync_partial_err"] { w.line(name, 0) }
    w.line("expired_keys", s.expired)
    w.line("expired_stale_perc", "0.00")
    w.line("expired_time_cap_reached_count", 0)
    w.line("expire_cycle_cpu_milliseconds", 0)
    for name in [
      "evicted_keys", "evicted_clients", "total_eviction_exceeded_time",
      "current_eviction_exceeded_time",
    ] { w.line(name, 0) }
    w.line("keyspace_hits", s.hits)
    w.line("keyspace_misses", s.misses)
    w.line("pubsub_channels", subscriptions.channels.count)
    w.line("pubsub_patterns", subscriptions.patterns.count)
    w.line("pubsubshard_channels", subscriptions.shardChannels.count)
    for name in [
      "latest_fork_usec",
      "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys", "active_defrag_hits",
      "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
      "total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys",
      "tracking_total_items", "tracking_total_prefixes", "unexpected_error_replies",
    ] { w.line(name, 0) }
    w.line("total_error_replies", s.errorReplies)
    w.line("dump_payload_sanitizations", 0)
    w.line("total_reads_processed", s.reads)
    w.line("total_writes_processed", s.writes)
    for name in [
      "io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks",
      "reply_buffer_expands",
    ] { w.hosted(name) }
    w.line("eventloop_cycles", s.turns.count)
    w.line("eventloop_duration_sum", s.turns.nanoseconds / 1000)
    w.line("martlet_coalesced_turns", s.turns.coalesced)
    w.line("martlet_longest_turn_usec", s.turns.longest / 1000)
    w.line("martlet_longest_turn_cpu_usec", s.turns.longestProcessorTime / 1000)
    w.line("acl_access_denied_auth", s.accessDenials.login)
    w.line("acl_access_denied_cmd", s.accessDenials.command)
    w.line("acl_access_denied_key", s.accessDenials.key)
    w.line("acl_access_denied_channel", s.accessDenials.channel)
  }

  private func writeReplication(_ w: inout InformationWriter) {
    w.line("role", "master")
    w.line("connected_slaves", 0)
    w.line("master_failover_state", "no-failover")
    w.hosted("master_replid", String(repeating: "0", count: 40))
    w.line("master_replid2", String(repeating: "0", count: 40))
    w.line("master_repl_offset", 0)
    w.line("second_repl_offset", -1)
    w.line("repl_backlog_active", 0)
    w.line("repl_backlog_size", 0)
    w.line("repl_backlog_first_byte_offset", 0)
    w.line("repl_backlog_histlen", 0)
  }

  private func writeProcessor(_ w: inout InformationWriter) {
    for name in [
      "used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children",
      "used_cpu_sys_main_thread", "used_cpu_user_main_thread",
    ] { w.hosted(name, "0.000000") }
  }

  private func writeCommands(_ w: inout InformationWriter) {
    for index in table.commands.indices {
      let one = statistics.perCommand[index]
      guard one.calls + one.rejected + one.failed > 0 else { continue }
      let microseconds = one.nanoseconds / 1000
      let mean = one.calls == 0 ? 0 : Double(microseconds) / Double(one.calls)
      w.line(
        "cmdstat_\(table.names[index])",
        "calls=\(one.calls),usec=\(microseconds),usec_per_call=\(decimal(mean, places: 2))"
          + ",rejected_calls=\(one.rejected),failed_calls=\(one.failed)")
    }
  }

  private func writeErrors(_ w: inout InformationWriter) {
    for (code, count) in statistics.errors.sorted(by: { $0.key < $1.key }) {
      w.line("errorstat_\(code)", "count=\(count)")
    }
  }

  private func writeLatencies(_ w: inout InformationWriter) {
    for index in table.commands.indices {
      guard let durations = statistics.durations[index] else { continue }
      let values = settings.latencyPercentiles.map {
        "p\($0.name)=\(decimal(durations.percentile($0.percent), places: 3))"
      }
      w.line(
        "latency_percentiles_usec_\(table.names[index])", values.joined(separator: ","))
    }
  }

  private func writeKeyspace(_ w: inout InformationWriter) {
    for index in 0..<databases.count where databases[index].count > 0 {
      let expires = databases[index].deadlines.count
      let left = databases[index].deadlines.averageLeft(now: wall)
      w.line("db\(index)", "keys=\(databases[index].count),expires=\(expires),avg_ttl=\(left)")
    }
  }
}
