# What applications do with ruby-redis and a pool of connections, as one program of the `clients` suite: see suites/clients.py for what it prints.
require "connection_pool"
require "redis"

$stdout.sync = true
PORT, LOCKED_PORT, SOCKET = ARGV[0].to_i, ARGV[1].to_i, ARGV[2]

def check(name)
  yield
  puts "pass #{name}"
rescue StandardError => error
  puts "fail #{name}: #{error.message.lines.first.chomp} (#{error.class}, line #{error.backtrace.grep(/ruby_redis/).first[/:(\d+):/, 1]})"
end

def same(got, wanted)
  raise "#{got.inspect} in the place of #{wanted.inspect}" unless got == wanted
end

def raises(kind, text = "")
  yield
rescue kind => error
  raise "told: #{error.message}" unless error.message.include?(text)
else
  raise "no #{kind}"
end

def client(**options)
  Redis.new(host: "127.0.0.1", port: PORT, **options)
end

client.flushall

check "connection pool" do
  pool = ConnectionPool.new(size: 4) { client }
  10.times.map { Thread.new { 100.times { pool.with { |redis| redis.incr("pool") } } } }.each(&:join)
  same client.get("pool"), "1000"
end

check "pipeline" do
  redis = client
  replies = redis.pipelined { |pipe| 5000.times { |number| pipe.rpush("many", number) } }
  same replies, (1..5000).to_a
  same redis.multi { |all| all.set("a", 1); all.incr("a"); all.lrange("many", 0, 1) }, ["OK", 2, %w[0 1]]
  raises(Redis::CommandError, "WRONGTYPE") { redis.pipelined { |pipe| pipe.lpush("a", 1) } }
end

check "watch" do
  redis, other = client, client
  redis.set("w", 1)
  lost = redis.watch("w") do
    other.set("w", 10)
    redis.multi { |all| all.incr("w") }
  end
  same [lost, redis.get("w")], [nil, "10"]
end

check "blocking pop over several queues" do
  redis, other = client, client
  redis.rpush("low", %w[1 2 3])
  same redis.blpop("high", "low", timeout: 1), %w[low 1]
  same redis.brpop("high", "low", timeout: 1), %w[low 3]
  same redis.blmove("low", "done", "LEFT", "RIGHT", timeout: 1), "2"
  same redis.brpoplpush("done", "again", timeout: 1), "2"
  waiter = Thread.new { client.brpop("higher", "high", "low", timeout: 10) }
  sleep 0.01 until other.info("clients")["blocked_clients"] == "1"
  other.lpush("high", "job")
  same waiter.value, %w[high job]
  # None may be too short, and one of three in time: a pause of the machine makes them longer.
  times = 3.times.map do
    begin_time = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    same redis.brpop("none", timeout: 0.3), nil
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begin_time
  end
  same [times.min >= 0.25, times.min < 2], [true, true]
end

check "authentication" do
  raises(Redis::CommandError, "NOAUTH") { client(port: LOCKED_PORT).get("x") }
  raises(Redis::CommandError, "WRONGPASS") { client(port: LOCKED_PORT, password: "wrong").get("x") }
  same client(port: LOCKED_PORT, password: "secret").ping, "PONG"
  same Redis.new(url: "redis://:secret@127.0.0.1:#{LOCKED_PORT}/2").call(%w[CLIENT INFO])[/ db=(\d+)/, 1], "2"
  admin = client(port: LOCKED_PORT, password: "secret")
  admin.call(%w[ACL SETUSER ruby on >pw ~jobs:* +@list])
  user = client(port: LOCKED_PORT, username: "ruby", password: "pw")
  same user.lpush("jobs:a", 1), 1
  raises(Redis::CommandError, "NOPERM") { user.lpush("other", 1) }
end

check "timeouts" do
  redis = client(read_timeout: 0.2, reconnect_attempts: 0)
  raises(Redis::TimeoutError) { redis.call(["BRPOP", "none", 3]) }
  answer = 50.times.lazy.filter_map { redis.ping rescue nil }.first  # Its own timeout may be too short for a busy machine.
  same answer, "PONG"
  raises(Redis::CannotConnectError) { client(port: 1, connect_timeout: 0.2, reconnect_attempts: 0).ping }
end

check "Unix socket" do
  same Redis.new(path: SOCKET).ping, "PONG"
end

check "bytes" do
  redis, every = client, (0..255).to_a.pack("C*")
  ["", every, every * 20_000, "\r\n$-1\r\n"].each do |value|
    redis.set(every, value)
    same redis.get(every).b, value.b
  end
end

check "types" do
  redis = client
  redis.mapped_hmset("h", "a" => "1", "b" => "2")
  same redis.hgetall("h"), { "a" => "1", "b" => "2" }
  redis.zadd("z", [[1, "one"], [2.5, "two"]])
  same redis.zrange("z", 0, -1, with_scores: true), [["one", 1.0], ["two", 2.5]]
  redis.sadd("s", %w[x y])
  same redis.smembers("s").sort, %w[x y]
  id = redis.xadd("x", { "field" => "value" })
  same redis.xrange("x"), [[id, { "field" => "value" }]]
  same redis.scan_each(match: "[hzsx]").to_a.uniq.sort, %w[h s x z]
  same redis.eval("return {KEYS[1], ARGV[1]}", ["k"], ["v"]), %w[k v]
end

check "subscriptions" do
  heard = Queue.new
  listener = Thread.new do
    client.subscribe("news") do |on|
      on.subscribe { heard << "listening" }
      on.message { |channel, message| heard << [channel, message]; Thread.current.exit }
    end
  end
  same heard.pop, "listening"
  same client.publish("news", "hello"), 1
  same heard.pop, %w[news hello]
  listener.join
end

check "reconnects after a restart" do
  redis = client
  redis.set("kept", "yes")
  puts "restart"
  $stdin.gets
  same redis.get("kept"), "yes"
  same redis.lrange("many", 0, 1), %w[0 1]
end

puts "end"
