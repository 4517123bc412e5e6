<?php
// Laravel's queue: jobs that succeed, fail, are retried, come later, and outlive their worker.
require 'checks.php';
foreach (['Container', 'Events', 'Queue', 'Redis'] as $room) {
    require "Illuminate/$room/autoload.php";
}

use Illuminate\Container\Container;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Events\Dispatcher;
use Illuminate\Queue\Capsule\Manager;
use Illuminate\Queue\Events\JobFailed;
use Illuminate\Queue\Worker;
use Illuminate\Queue\WorkerOptions;
use Illuminate\Redis\RedisManager;

class Work
{
    public function fire($job, array $data): void
    {
        work($data['name'], $data['number'], $job->attempts());
        $job->delete();
    }
}

/** Errors of jobs are what this program is about. */
class Quiet implements ExceptionHandler
{
    public function report(Throwable $e)
    {
    }

    public function shouldReport(Throwable $e)
    {
        return false;
    }

    public function render($request, Throwable $e)
    {
    }

    public function renderForConsole($output, Throwable $e)
    {
    }
}

function manager(): Manager
{
    $container = new Container();
    Container::setInstance($container);
    $container->instance('redis', new RedisManager($container, 'phpredis', ['default' => ['host' => '127.0.0.1', 'port' => PORT, 'database' => 0]]));
    $container->instance('events', new Dispatcher($container));
    $container->alias('events', Illuminate\Contracts\Events\Dispatcher::class);
    $manager = new Manager($container);
    // A job that its worker has had for three seconds goes to another.
    $manager->addConnection(['driver' => 'redis', 'connection' => 'default', 'queue' => 'default', 'retry_after' => 3, 'block_for' => 1]);
    return $manager;
}

$manager = manager();
if (($argv[1] ?? '') === 'work') {
    $events = $manager->getContainer()['events'];
    $events->listen(JobFailed::class, fn (JobFailed $event) => redis()->rPush('failed', $event->job->getRawBody()));
    $worker = new Worker($manager->getQueueManager(), $events, new Quiet(), fn () => false);
    $worker->daemon('default', 'default', new WorkerOptions('default', 0, 256, 120, 0.1, 3));
    exit;
}

$queue = $manager->getConnection();
$push = fn (string $name, int $number) => $queue->push('Work', ['name' => $name, 'number' => $number]);
for ($number = 0; $number < 20; $number += 1) {
    $push('add', $number);
}
tell('waiting jobs are counted', $queue->size(), 20);
$worker = worker(__FILE__);
until('jobs are done', fn () => array_map(fn ($number) => result('add', $number), range(0, 19)), range(1, 20));
tell('each is done once', times(...array_map(fn ($number) => "add:$number", range(0, 19))), array_fill(0, 20, 1));
$push('fail', 0);
until('a job that fails is tried as often as promised, and then failed', fn () => [redis()->lLen('failed'), ...times('fail:0')], [1, 3]);
$push('flaky', 0);
until('a job is retried until it succeeds', fn () => [result('flaky', 0), ...times('flaky:0')], [1, 3]);
$due = time() + 2;
$queue->later(2, 'Work', ['name' => 'add', 'number' => 41]);
until('a job comes when it is due', fn () => result('add', 41), 42);
tell('and not before', runs('add:41')[0] >= $due);
$push('slow', 0);
until('a job runs when its worker is killed', fn () => times('slow:0'), [1]);
kill($worker);
$worker = worker(__FILE__);
until("a killed worker's job is done by another", fn () => [result('slow', 0), ...times('slow:0')], [1, 2]);
until('nothing waits in the end', fn () => $queue->size(), 0);  // A job is deleted after its result has come.
tell('the worker lives', lives($worker));
finish();
