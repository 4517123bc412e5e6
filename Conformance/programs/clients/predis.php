<?php
// What applications do with Predis, the client in plain PHP, as one program of the `clients` suite: see suites/clients.py for what it prints.
error_reporting(E_ALL & ~E_DEPRECATED);
require 'Predis/autoload.php';

[, $port, $lockedPort, $socket] = $argv;

function check(string $name, callable $body): void
{
    try {
        $body();
        echo "pass $name\n";
    } catch (Throwable $error) {
        echo "fail $name: " . strtok($error->getMessage(), "\n") . ' (' . get_class($error) . ")\n";
    }
}

function same($got, $wanted): void
{
    if ($got !== $wanted) {
        throw new Exception(json_encode($got) . ' in the place of ' . json_encode($wanted));
    }
}

function raises(callable $body, string $kind, string $text): void
{
    try {
        $body();
    } catch (Throwable $error) {
        same([$error instanceof $kind, str_contains($error->getMessage(), $text) ? $text : $error->getMessage()], [true, $text]);
        return;
    }
    throw new Exception("nothing told of $text");
}

function client(array $parameters = []): Predis\Client
{
    return new Predis\Client($parameters + ['host' => '127.0.0.1', 'port' => (int)$GLOBALS['port'], 'read_write_timeout' => 15]);
}

client()->flushall();

check('pipeline', function () {
    $redis = client();
    $replies = $redis->pipeline(function ($pipe) {
        for ($number = 0; $number < 5000; $number += 1) {
            $pipe->rpush('many', [(string)$number]);
        }
    });
    same($replies, range(1, 5000));
    $replies = $redis->transaction(function ($all) {
        $all->set('a', '1');
        $all->incr('a');
        $all->lrange('many', 0, 1);
    });
    same([(string)$replies[0], $replies[1], $replies[2]], ['OK', 2, ['0', '1']]);
    raises(fn () => $redis->lpush('a', ['1']), Predis\Response\ServerException::class, 'WRONGTYPE');
});

check('watch', function () {
    $redis = client();
    $redis->set('w', '1');
    $turns = 0;
    $redis->transaction(['watch' => 'w', 'cas' => true, 'retry' => 1], function ($all) use (&$turns) {
        $turns += 1;
        $all->get('w');  // It watches from its first command on.
        if ($turns === 1) {
            client()->set('w', '10');
        }
        $all->multi();
        $all->incr('w');
    });
    same([$turns, $redis->get('w')], [2, '11']);
});

check('blocking pop over several queues', function () {
    $redis = client();
    $redis->rpush('low', ['1', '2', '3']);
    same($redis->blpop(['high', 'low'], 1), ['low', '1']);
    same($redis->brpop(['high', 'low'], 1), ['low', '3']);
    same($redis->brpoplpush('low', 'done', 1), '2');
    same($redis->brpop(['none'], 1), null);
});

check('authentication', function () {
    $place = ['port' => (int)$GLOBALS['lockedPort']];
    raises(fn () => client($place)->get('x'), Predis\Response\ServerException::class, 'NOAUTH');
    raises(fn () => client($place + ['password' => 'wrong'])->get('x'), Predis\Connection\ConnectionException::class, 'WRONGPASS');
    same(client($place + ['password' => 'secret', 'database' => 2])->dbsize(), 0);
});

check('timeouts', function () {
    raises(fn () => client(['read_write_timeout' => 0.2])->brpop(['none'], 3), Predis\Connection\ConnectionException::class, '');
    raises(fn () => client(['port' => 1, 'timeout' => 0.2])->ping(), Predis\Connection\ConnectionException::class, 'refused');
});

check('Unix socket', function () {
    same((string)client(['scheme' => 'unix', 'path' => $GLOBALS['socket']])->ping(), 'PONG');
});

check('bytes', function () {
    $redis = client();
    $every = implode('', array_map('chr', range(0, 255)));
    foreach (['', $every, str_repeat($every, 20000), "\r\n$-1\r\n"] as $value) {
        $redis->set($every, $value);
        same($redis->get($every) === $value, true);
    }
});

check('subscriptions', function () {
    $loop = client()->pubSubLoop();
    $loop->subscribe('news');
    $heard = [];
    foreach ($loop as $message) {
        $heard[] = [$message->kind, $message->channel, (string)$message->payload];
        if ($message->kind === 'subscribe') {
            same(client()->publish('news', 'hello'), 1);
        } elseif ($message->kind === 'message') {
            $loop->unsubscribe('news');
        }
    }
    same(array_slice($heard, 0, 2), [['subscribe', 'news', '1'], ['message', 'news', 'hello']]);
});

check('keys one after the other', function () {
    $found = iterator_to_array(new Predis\Collection\Iterator\Keyspace(client(), '[wa]'));
    sort($found);
    same($found, ['a', 'w']);
});

check('reconnects after a restart', function () {
    $redis = client();
    $redis->set('kept', 'yes');
    echo "restart\n";
    fgets(STDIN);
    raises(fn () => $redis->get('kept'), Predis\Connection\ConnectionException::class, '');  // It tells, and the next use connects.
    same($redis->get('kept'), 'yes');
    same($redis->lrange('many', 0, 1), ['0', '1']);
});

echo "end\n";
