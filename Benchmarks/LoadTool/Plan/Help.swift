// Help.swift: what --help prints.

enum Help {
  static let version = "0.1.0"

  static var text: String {
    """
    martlet-benchmark \(version): load for any server that speaks RESP, and figures to trust

    martlet-benchmark                                a short look at the server on localhost
    martlet-benchmark push pop -P 16                 workloads by name (--list)
    martlet-benchmark handoff --start 'redis-server --port {port} --dir {dir}'
    martlet-benchmark --rate 20000 -- INCR hits:{key}
    martlet-benchmark micro                          parts of the broker alone, in instructions

    Servers, in the order they are named; the first is compared with the others in alternating rounds
      -s, --server URL     redis://[user:password@]host[:port][/database] or unix:///path
      --versus URL         another one; compares the server on localhost if it stands alone
      --start COMMAND      starts one for the run, with {port} and {dir} filled in, and stops it

    What clients do
      -c, --clients N      connections (50)          -P, --pipeline N   requests sent at once (1)
      --workers N          of handoff (1), queue, delayed     --producers N   of the same
      -d, --size N         bytes of a body (100), or a range: 16-1000
      --body-file FILE     each line is a body       --compressible     bodies of one letter, not random
      -r, --keyspace N     keys of set, get and {key} (100000)
      --backlog N          elements in the queue before it begins, where there is a queue
      --delay MS           of delayed jobs (500)     --poll MS          of delayed-zset (10)
      --window N           jobs on their way at once in queue without a rate (1000)
      -- WORD ...          a command of your own, with {key} {number} {client} {now} {body}

    How much and how fast
      --duration S         seconds of a round (3)    -n, --requests N   a count in place of it
      --rate R             requests a second at fixed times; latency counts from when each was due
      --rounds N           (3)                       --warm-up S        seconds before the first (0.5)
      --threads N          of this tool (1)          --seed N           of keys, bodies and sizes (1)
      --sweep NAME=A,B,C   over \(SweepAxis.names.joined(separator: ", "));
                           several sweeps are combined

    Reports
      --json, --csv        to standard output, in place of the table
      --html FILE          one page with plots       -q, --quiet        no progress line
      --list               the workloads             --help, --version
    """
  }

  static var list: String {
    Catalogue.all.map { name, summary, _ in
      name + String(repeating: " ", count: max(1, 14 - name.count)) + summary
    }.joined(separator: "\n")
  }
}
