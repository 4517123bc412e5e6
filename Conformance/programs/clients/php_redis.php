<?php
// What applications do with the extension php-redis, as one program of the `clients` suite: see suites/clients.py for what it prints.
[, $port, $lockedPort, $socket] = $argv;

/** Prints by way of the file, since output would keep the session below from beginning. */
function say(string $line): void
{
    fwrite(STDOUT, $line . "\n");
}

function check(string $name, callable $body): void
{
    try {
        $body();
        say("pass $name");
    } catch (Throwable $error) {
        say("fail $name: " . strtok($error->getMessage(), "\n") . " (line {$error->getTrace()[0]['line']})");
    }
}

function same($got, $wanted): void
{
    if ($got !== $wanted) {
        throw new Exception(json_encode($got) . ' in the place of ' . json_encode($wanted));
    }
}

function raises(callable $body, string $text): void
{
    try {
        $body();
    } catch (RedisException $error) {
        if (!str_contains($error->getMessage(), $text)) {
            throw new Exception('told: ' . $error->getMessage());
        }
        return;
    }
    throw new Exception("nothing told of $text");
}

function client(float $readTimeout = 0): Redis
{
    $redis = new Redis();
    $redis->connect('127.0.0.1', (int)$GLOBALS['port'], 1.0, null, 0, $readTimeout);
    return $redis;
}

client()->flushAll();

check('connection pool', function () {
    ini_set('redis.pconnect.pooling_enabled', '1');
    for ($turn = 0; $turn < 50; $turn += 1) {
        $redis = new Redis();
        $redis->pconnect('127.0.0.1', (int)$GLOBALS['port']);
        $redis->incr('pool');
        $number ??= $redis->client('id');
        same($redis->client('id'), $number);
        unset($redis);  // Goes back into the pool.
    }
    same(client()->get('pool'), '50');
});

check('pipeline', function () {
    $redis = client();
    $pipe = $redis->pipeline();
    for ($number = 0; $number < 5000; $number += 1) {
        $pipe->rPush('many', (string)$number);
    }
    same($pipe->exec(), range(1, 5000));
    same($redis->multi()->set('a', '1')->incr('a')->lRange('many', 0, 1)->exec(), [true, 2, ['0', '1']]);
    same($redis->lPush('a', '1'), false);
    same(str_starts_with($redis->getLastError(), 'WRONGTYPE'), true);
});

check('watch', function () {
    $redis = client();
    $redis->set('w', '1');
    $redis->watch('w');
    client()->set('w', '10');
    same($redis->multi()->incr('w')->exec(), false);
    same($redis->get('w'), '10');
});

check('blocking pop over several queues', function () {
    $redis = client();
    $redis->rPush('low', '1', '2', '3');
    same($redis->blPop(['high', 'low'], 1), ['low', '1']);
    same($redis->brPop(['high', 'low'], 1), ['low', '3']);
    same($redis->bRPopLPush('low', 'done', 1), '2');
    // The job is pushed by another process, once this one waits.
    $push = 'until redis-cli -p ' . $GLOBALS['port'] . ' info clients | grep -q blocked_clients:1; do sleep 0.01; done; redis-cli -p ' . $GLOBALS['port'] . ' lpush high job';
    $other = popen("($push) > /dev/null", 'r');
    same($redis->brPop(['higher', 'high', 'low'], 10), ['high', 'job']);
    pclose($other);
    $begin = microtime(true);
    same($redis->brPop(['none'], 1), []);
    same(microtime(true) - $begin >= 0.95, true);
});

check('authentication', function () {
    $locked = function ($login, int $database = 0) {
        $redis = new Redis();
        $redis->connect('127.0.0.1', (int)$GLOBALS['lockedPort']);
        if ($login !== null && !$redis->auth($login)) {
            throw new RedisException($redis->getLastError());
        }
        $redis->select($database);
        return $redis;
    };
    raises(fn () => $locked(null)->get('x'), 'NOAUTH');
    raises(fn () => $locked('wrong'), 'WRONGPASS');
    same($locked('secret', 2)->getDbNum(), 2);
    $locked('secret')->rawCommand('ACL', 'SETUSER', 'php', 'on', '>pw', '~jobs:*', '+@list', '+@connection');
    $user = $locked(['php', 'pw']);
    same($user->lPush('jobs:a', '1'), 1);
    raises(fn () => $user->lPush('other', '1'), 'NOPERM');
});

check('timeouts', function () {
    $redis = client(0.2);
    raises(fn () => $redis->brPop(['none'], 3), 'read error');
    $redis->setOption(Redis::OPT_READ_TIMEOUT, 20);
    same($redis->ping(), true);
    raises(fn () => (new Redis())->connect('127.0.0.1', 1, 0.2), 'refused');
});

check('Unix socket', function () {
    $redis = new Redis();
    $redis->connect($GLOBALS['socket']);
    same($redis->ping('hello'), 'hello');
});

check('bytes', function () {
    $redis = client();
    $every = implode('', array_map('chr', range(0, 255)));
    foreach (['', $every, str_repeat($every, 20000), "\r\n$-1\r\n"] as $value) {
        $redis->set($every, $value);
        same($redis->get($every) === $value, true);
    }
});

check('types', function () {
    $redis = client();
    $redis->hMSet('h', ['a' => '1', 'b' => '2']);
    same($redis->hGetAll('h'), ['a' => '1', 'b' => '2']);
    $redis->zAdd('z', 1, 'one', 2.5, 'two');
    same($redis->zRange('z', 0, -1, true), ['one' => 1.0, 'two' => 2.5]);
    $redis->sAdd('s', 'x', 'y');
    $members = $redis->sMembers('s');
    sort($members);
    same($members, ['x', 'y']);
    $id = $redis->xAdd('x', '*', ['field' => 'value']);
    $redis->xGroup('CREATE', 'x', 'group', '0');
    same($redis->xReadGroup('group', 'me', ['x' => '>'], 1), ['x' => [$id => ['field' => 'value']]]);
    same($redis->xAck('x', 'group', [$id]), 1);
    $redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $found = [];
    for ($cursor = null; $keys = $redis->scan($cursor, '[hzsx]');) {
        array_push($found, ...$keys);
    }
    sort($found);
    same(array_values(array_unique($found)), ['h', 's', 'x', 'z']);
    same($redis->eval('return {KEYS[1], ARGV[1]}', ['k', 'v'], 1), ['k', 'v']);
    $redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
    $redis->set('object', ['nested' => [1, 2.5, null]]);
    same($redis->get('object'), ['nested' => [1, 2.5, null]]);
});

check('sessions', function () {
    ini_set('session.save_handler', 'redis');
    ini_set('session.save_path', 'tcp://127.0.0.1:' . $GLOBALS['port']);
    ini_set('redis.session.locking_enabled', '1');
    ini_set('session.use_cookies', '0');
    session_id('visitor');
    session_start();
    $_SESSION['cart'] = [42];
    session_write_close();
    session_id('visitor');
    session_start();
    same($_SESSION['cart'], [42]);
    session_destroy();
    same(client()->exists('PHPREDIS_SESSION:visitor'), 0);
});

check('reconnects after a restart', function () {
    $redis = client();
    $redis->set('kept', 'yes');
    say('restart');
    fgets(STDIN);
    same($redis->get('kept'), 'yes');
    same($redis->lRange('many', 0, 1), ['0', '1']);
});

say('end');
