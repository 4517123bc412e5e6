// What applications do with node-redis, as one program of the `clients` suite: see suites/clients.py for what it prints.
const assert = require('assert').strict;
const readline = require('readline');
const { commandOptions, createClient, WatchError } = require('redis');

const [port, lockedPort, path] = process.argv.slice(2);
const isolated = commandOptions({ isolated: true });
const clients = [];

async function client(options = {}) {
  const made = createClient({ socket: { host: '127.0.0.1', port: Number(port) }, isolationPoolOptions: { max: 5 }, ...options });
  made.on('error', () => {});  // Told by the commands as well.
  clients.push(made);
  await made.connect();
  return made;
}

async function check(name, body) {
  try {
    await body();
    console.log(`pass ${name}`);
  } catch (error) {
    console.log(`fail ${name}: ${String(error.stack).split('\n').slice(0, 4).join(' | ')}`);
  }
}

async function until(condition) {
  for (let turn = 0; turn < 500 && !(await condition()); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function main() {
  const redis = await client();
  await redis.flushAll();

  await check('connection pool', async () => {
    await Promise.all(Array.from({ length: 200 }, () => redis.executeIsolated((one) => one.incr('pool'))));
    assert.equal(await redis.get('pool'), '200');
    assert.deepEqual(await Promise.all(Array.from({ length: 10 }, () => redis.blPop(isolated, 'slow', 0.05))), Array(10).fill(null));
  });

  await check('pipeline', async () => {
    const replies = await Promise.all(Array.from({ length: 5000 }, (_, number) => redis.rPush('many', String(number))));
    assert.deepEqual(replies, Array.from({ length: 5000 }, (_, number) => number + 1));
    assert.deepEqual(await redis.multi().set('a', '1').incr('a').lRange('many', 0, 1).exec(), ['OK', 2, ['0', '1']]);
    await assert.rejects(redis.lPush('a', '1'), /WRONGTYPE/);
  });

  await check('watch', async () => {
    await redis.set('w', '1');
    await assert.rejects(redis.executeIsolated(async (one) => {
      await one.watch('w');
      await redis.set('w', '10');
      return one.multi().incr('w').exec();
    }), WatchError);
    assert.equal(await redis.get('w'), '10');
  });

  await check('blocking pop over several queues', async () => {
    await redis.rPush('low', ['1', '2', '3']);
    assert.deepEqual({ ...await redis.blPop(isolated, ['high', 'low'], 1) }, { key: 'low', element: '1' });
    assert.deepEqual({ ...await redis.brPop(isolated, ['high', 'low'], 1) }, { key: 'low', element: '3' });
    assert.equal(await redis.blMove(isolated, 'low', 'done', 'LEFT', 'RIGHT', 1), '2');
    const waiting = redis.brPop(isolated, ['higher', 'high', 'low'], 10);
    await until(async () => /blocked_clients:1\r/.test(await redis.info('clients')));
    await redis.lPush('high', 'job');
    assert.deepEqual({ ...await waiting }, { key: 'high', element: 'job' });
    assert.equal(await redis.brPop(isolated, 'none', 0.2), null);
  });

  await check('authentication', async () => {
    const locked = { host: '127.0.0.1', port: Number(lockedPort), reconnectStrategy: () => new Error('no more') };
    await assert.rejects(client({ socket: locked }).then((one) => one.get('x')), /NOAUTH/);
    const refused = createClient({ socket: locked, password: 'wrong' });
    const told = new Promise((resolve) => refused.on('error', (error) => /WRONGPASS/.test(error) && resolve()));
    await assert.rejects(refused.connect());
    await told;
    const admin = await client({ url: `redis://:secret@127.0.0.1:${lockedPort}/2`, socket: undefined });
    assert.equal((await admin.sendCommand(['CLIENT', 'INFO'])).match(/ db=(\d+)/)[1], '2');
    await admin.sendCommand(['ACL', 'SETUSER', 'node', 'on', '>pw', '~jobs:*', '+@list', '+@connection']);
    const user = await client({ socket: locked, username: 'node', password: 'pw' });
    assert.equal(await user.lPush('jobs:a', '1'), 1);
    await assert.rejects(user.lPush('other', '1'), /NOPERM/);
  });

  await check('timeouts', async () => {
    await assert.rejects(client({ socket: { port: 1, host: '127.0.0.1', connectTimeout: 200, reconnectStrategy: () => new Error('no more') } }));
    const aborted = new AbortController();
    const one = createClient({ socket: { host: '127.0.0.1', port: Number(port) } });  // Not connected: what is asked waits.
    const waiting = one.ping(commandOptions({ signal: aborted.signal }));
    setTimeout(() => aborted.abort(), 50);
    await assert.rejects(waiting);
  });

  await check('Unix socket', async () => {
    assert.equal(await (await client({ socket: { path } })).ping(), 'PONG');
  });

  await check('bytes', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    for (const value of [Buffer.alloc(0), every, Buffer.concat(Array(20000).fill(every)), Buffer.from('\r\n$-1\r\n')]) {
      await redis.set(every, value);
      assert(value.equals(await redis.get(commandOptions({ returnBuffers: true }), every)));
    }
  });

  await check('types', async () => {
    await redis.hSet('h', { a: '1', b: '2' });
    assert.deepEqual({ ...await redis.hGetAll('h') }, { a: '1', b: '2' });
    await redis.zAdd('z', [{ score: 1, value: 'one' }, { score: 2.5, value: 'two' }]);
    assert.deepEqual(await redis.zRangeWithScores('z', 0, -1), [{ value: 'one', score: 1 }, { value: 'two', score: 2.5 }]);
    await redis.sAdd('s', ['x', 'y']);
    assert.deepEqual((await redis.sMembers('s')).sort(), ['x', 'y']);
    const id = await redis.xAdd('x', '*', { field: 'value' });
    await redis.xGroupCreate('x', 'group', '0');
    const [stream] = await redis.xReadGroup('group', 'me', { key: 'x', id: '>' });
    assert.deepEqual(stream.messages.map((entry) => [entry.id, entry.message.field]), [[id, 'value']]);
    const keys = new Set();
    for await (const key of redis.scanIterator({ MATCH: '[hzsx]' })) keys.add(key);
    assert.deepEqual([...keys].sort(), ['h', 's', 'x', 'z']);
    assert.deepEqual(await redis.eval('return {KEYS[1], ARGV[1]}', { keys: ['k'], arguments: ['v'] }), ['k', 'v']);
  });

  await check('subscriptions', async () => {
    const listener = await client();
    const heard = [];
    await listener.subscribe('news', (message, channel) => heard.push([channel, message]));
    await listener.pSubscribe('n*', (message, channel) => heard.push([channel, message]));
    assert.equal(await redis.publish('news', 'hello'), 2);
    await until(() => heard.length === 2);
    assert.deepEqual(heard, [['news', 'hello'], ['news', 'hello']]);
  });

  await check('reconnects after a restart', async () => {
    await redis.set('kept', 'yes');
    const lines = readline.createInterface({ input: process.stdin });
    const gone = new Promise((resolve) => redis.once('reconnecting', resolve));
    const goOn = new Promise((resolve) => lines.once('line', resolve));
    console.log('restart');
    await Promise.all([gone, goOn]);
    lines.close();
    assert.equal(await redis.get('kept'), 'yes');
    assert.deepEqual(await redis.lRange('many', 0, 1), ['0', '1']);
  });

  console.log('end');
  process.exit(0);
}

main();
