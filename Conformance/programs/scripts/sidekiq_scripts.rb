# Sidekiq: what is scheduled, and what is to be tried again, goes to its queue when it is due, by Sidekiq's script.
require "sidekiq"
require "sidekiq/scheduled"

Redis.silence_deprecations = true
url = "redis://127.0.0.1:#{ENV.fetch("MARTLET_PORT")}/0"
Sidekiq.configure_client { |config| config.redis = {url: url} }
Sidekiq.logger.level = Logger::ERROR
now = Time.now.to_f
5.times { |n| Sidekiq::Client.push("class" => "Work", "args" => [n, "ä"], "queue" => "work", "at" => now + 1000 * n + 1) }
Sidekiq.redis do |connection|
  3.times { |n| connection.zadd("retry", now - 100 * n, Sidekiq.dump_json("class" => "Work", "args" => [n], "queue" => "again", "jid" => "j#{n}", "retry" => true)) }
end
Sidekiq.redis { |connection| connection.zadd("schedule", now - 5, connection.zrange("schedule", 0, 0).first) }
enqueuer = Sidekiq::Scheduled::Enq.new
2.times { enqueuer.enqueue_jobs }
sizes = %w[work again].map { |name| Sidekiq::Queue.new(name).size } + [Sidekiq::ScheduledSet.new.size, Sidekiq::RetrySet.new.size]
abort "sizes are #{sizes}" unless sizes == [1, 3, 4, 0]
