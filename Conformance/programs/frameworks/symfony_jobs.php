<?php
// Symfony's Messenger, on streams with consumer groups: messages that succeed, fail, are retried, come later, and outlive their worker.
require 'checks.php';
foreach (['EventDispatcher', 'Messenger', 'Messenger/Bridge/Redis'] as $room) {
    require "Symfony/Component/$room/autoload.php";
}

use Psr\Container\ContainerInterface;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\Messenger\Bridge\Redis\Transport\Connection;
use Symfony\Component\Messenger\Bridge\Redis\Transport\RedisTransport;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Event\WorkerMessageFailedEvent;
use Symfony\Component\Messenger\EventListener\SendFailedMessageForRetryListener;
use Symfony\Component\Messenger\Handler\HandlersLocator;
use Symfony\Component\Messenger\MessageBus;
use Symfony\Component\Messenger\Middleware\HandleMessageMiddleware;
use Symfony\Component\Messenger\Retry\MultiplierRetryStrategy;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Worker;

class Work
{
    public function __construct(public string $name, public int $number)
    {
    }
}

/** One thing, whatever it is asked for. */
class Only implements ContainerInterface
{
    public function __construct(private object $thing)
    {
    }

    public function get(string $id)
    {
        return $this->thing;
    }

    public function has(string $id): bool
    {
        return true;
    }
}

/** A message that its consumer has had for two seconds without a word is claimed by another, which looks each second. */
function transport(string $consumer): RedisTransport
{
    $place = sprintf('redis://127.0.0.1:%d/messages/group/%s', PORT, $consumer);
    return new RedisTransport(Connection::fromDsn($place, ['redeliver_timeout' => 2, 'claim_interval' => 1000, 'delete_after_ack' => true]), new PhpSerializer());
}

if (($argv[1] ?? '') === 'work') {
    $transport = transport($argv[2]);
    $handler = fn (Work $work) => work($work->name, $work->number, count(runs("$work->name:$work->number")) + 1);
    $events = new EventDispatcher();
    $events->addSubscriber(new SendFailedMessageForRetryListener(new Only($transport), new Only(new MultiplierRetryStrategy(2, 50))));
    $events->addListener(WorkerMessageFailedEvent::class, fn ($event) => $event->willRetry() || redis()->rPush('failed', $event->getEnvelope()->getMessage()->name), -200);
    $bus = new MessageBus([new HandleMessageMiddleware(new HandlersLocator([Work::class => [$handler]]))]);
    (new Worker(['async' => $transport], $bus, $events))->run(['sleep' => 20_000]);
    exit;
}

$transport = transport('producer');
$send = fn (string $name, int $number, int $delay = 0) => $transport->send(new Envelope(new Work($name, $number), $delay ? [new DelayStamp($delay)] : []));
for ($number = 0; $number < 20; $number += 1) {
    $send('add', $number);
}
tell('messages wait in a stream', redis()->xLen('messages'), 20);
$worker = worker(__FILE__, 'one');
until('messages are done', fn () => array_map(fn ($number) => result('add', $number), range(0, 19)), range(1, 20));
tell('each is done once', times(...array_map(fn ($number) => "add:$number", range(0, 19))), array_fill(0, 20, 1));
$send('fail', 0);
until('a message that fails is tried as often as promised, and then failed', fn () => [redis()->lLen('failed'), ...times('fail:0')], [1, 3]);
$send('flaky', 0);
until('a message is retried until it succeeds', fn () => [result('flaky', 0), ...times('flaky:0')], [1, 3]);
$due = microtime(true) + 1;
$send('add', 41, 1000);
until('a message comes when it is due', fn () => result('add', 41), 42);
tell('and not before', runs('add:41')[0] >= $due - 0.01);
$send('slow', 0);
until('a message runs when its worker is killed', fn () => times('slow:0'), [1]);
kill($worker);
$worker = worker(__FILE__, 'two');
until("a killed worker's message is done by another", fn () => [result('slow', 0), ...times('slow:0')], [1, 2]);
until('nothing waits in the end', fn () => redis()->xLen('messages'), 0);
tell('the worker lives', lives($worker));
finish();
