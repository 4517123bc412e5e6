<?php
// What the programs in PHP beside this one share, as checks.py for those in Python: checks that wait, a record of what ran when, and worker processes.
error_reporting(E_ALL & ~E_DEPRECATED);
define('PORT', (int)getenv('MARTLET_PORT'));
$started = [];

function redis(): Redis
{
    static $redis = null;
    if ($redis === null) {
        $redis = new Redis();
        $redis->connect('127.0.0.1', PORT);
    }
    return $redis;
}

/** A check that the value comes to be the wanted one. */
function until(string $name, callable $value, $wanted = true): void
{
    $end = microtime(true) + 60;
    for ($got = $value(); $got !== $wanted && microtime(true) < $end; $got = $value()) {
        usleep(50_000);
    }
    tell($name, $got, $wanted);
}

function tell(string $name, $got, $wanted = true): void
{
    echo $got === $wanted ? "pass $name\n" : "fail $name: " . json_encode($got) . ' in the place of ' . json_encode($wanted) . "\n";
}

/** A job says that it runs; returns how often it has by now. */
function ran(string $job): int
{
    return redis()->rPush("ran:$job", (string)microtime(true));
}

function runs(string $job): array
{
    return array_map('floatval', redis()->lRange("ran:$job", 0, -1));
}

/** How often each of the jobs ran. */
function times(string ...$jobs): array
{
    return array_map(fn ($job) => count(runs($job)), $jobs);
}

/** Starts this program as a worker, which ends when this process does. */
function worker(string $program, string ...$words)
{
    $process = proc_open(['setpriv', '--pdeathsig', 'KILL', PHP_BINARY, $program, 'work', ...$words], [1 => ['file', '/dev/null', 'w']], $pipes);
    $GLOBALS['started'][] = $process;
    return $process;
}

function lives($process): bool
{
    return proc_get_status($process)['running'];
}

function kill($process): void
{
    proc_terminate($process, 9);
    while (lives($process)) {
        usleep(1000);
    }
}

/** What a worker runs for the producer. */
function work(string $name, int $number, int $attempt): void
{
    $count = ran("$name:$number");
    if ($name === 'fail' || $name === 'flaky' && $attempt < 3) {
        throw new RuntimeException('on purpose');
    }
    if ($name === 'slow' && $count === 1) {
        sleep(60);
    }
    redis()->set("result:$name:$number", (string)($number + 1));
}

function result(string $name, int $number): ?int
{
    $value = redis()->get("result:$name:$number");
    return $value === false ? null : (int)$value;
}

function finish(): void
{
    array_map('kill', $GLOBALS['started']);
    echo "end\n";
}
