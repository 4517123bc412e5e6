# The application that sidekiq_jobs.py drives. `sidekiq -r` loads it into the worker; run by itself it pushes the jobs that it is told: KIND NUMBER [SECONDS].
require "sidekiq"

Redis.silence_deprecations = true
url = {url: "redis://127.0.0.1:#{ENV.fetch("MARTLET_PORT")}/0"}
Sidekiq.configure_client { |config| config.redis = url }
Sidekiq.configure_server do |config|
  config.redis = url
  config.average_scheduled_poll_interval = 1
end

class Work
  include Sidekiq::Worker
  sidekiq_options queue: "work", retry: 2
  sidekiq_retry_in { 1 }

  # Each attempt is counted; `flaky` succeeds at the second one, `hopeless` never, `slow` takes longer than any check waits for.
  def perform(kind, number)
    attempts = Sidekiq.redis { |connection| connection.hincrby("attempts", "#{kind}#{number}", 1) }
    raise "on purpose" if kind == "hopeless" || kind == "flaky" && attempts == 1
    sleep(300) if kind == "slow" && attempts == 1
    Sidekiq.redis { |connection| connection.sadd("done", "#{kind}#{number}") }
  end
end

if $PROGRAM_NAME == __FILE__
  ARGV.each do |line|
    kind, number, seconds = line.split
    seconds ? Work.perform_in(Integer(seconds), kind, Integer(number)) : Work.perform_async(kind, Integer(number))
  end
end
