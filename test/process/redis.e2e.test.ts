import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive, until } from './processes.ts'
import { needsRedis, redisAvailable, startRedis, startRedisCluster } from './redis.ts'
import { cleanUpAll } from './server.ts'

beforeEach(needsRedis)
afterEach(cleanUpAll)

test('a Redis is stopped, killed and brought back at the same port, empty; and ends with the test', async () => {
  const redis = await startRedis()
  const { port } = redis
  for (const end of [() => redis.stop(), () => redis.kill()]) {
    const client = redis.connect()
    expect(await client.command('set', 'name', 'Ångström')).toBe('OK')
    expect(await client.command('get', 'name')).toBe('Ångström')
    const closed = once(client.socket, 'close')
    const pid = redis.pid!
    await end()
    await closed
    expect(redis.pid).toBeUndefined()
    expect(await isAlive(pid)).toBe(false)
    await expect(redis.command('ping')).rejects.toThrow('closed')
    await redis.start()
    expect(redis.port).toBe(port)
    expect(await redis.command('get', 'name')).toBeNull()
  }
  await redis.command('set', 'name', 'x')
  await redis.flushAll()
  expect(await redis.command('get', 'name')).toBeNull()
  await expect(redis.command('get')).rejects.toThrow('wrong number of arguments')
  const pid = redis.pid!
  await cleanUpAll()
  expect(await isAlive(pid)).toBe(false)
})

test('a paused Redis keeps its connections and answers when it goes on; it can be killed while paused', async () => {
  const redis = await startRedis()
  const client = redis.connect()
  await client.command('ping')
  redis.pause()
  let answered = false
  const answer = client.command('ping').then((reply) => {
    answered = true
    return reply
  })
  await new Promise((next) => setTimeout(next, 200))
  expect(answered).toBe(false)
  redis.resume()
  expect(await answer).toBe('PONG')
  redis.pause()
  await redis.stop()
  await redis.start()
  redis.pause()
  await redis.kill()
  expect(redis.pid).toBeUndefined()
})

test('pub/sub arrives over either protocol', async () => {
  const redis = await startRedis()
  for (const protocol of [2, 3]) {
    const client = redis.connect()
    await client.command('hello', protocol)
    expect(await client.command('subscribe', 'floor')).toEqual(['subscribe', 'floor', 1])
    expect(await redis.command('publish', 'floor', `by ${protocol}`)).toBe(protocol - 1)
    await until(() => client.messages.length > 0)
    expect(client.messages).toEqual([['message', 'floor', `by ${protocol}`]])
  }
})

test('a cluster of three serves all slots; a killed node is missed, comes back, and is whole again', async () => {
  const cluster = await startRedisCluster(1_000)
  const [first, second, third] = cluster.nodes
  const ask = (node = first!) => Promise.all(['a', 'b', 'c', 'd'].map((key) => node.command('get', key).catch(String)))
  // Every key is somewhere, and each node knows where.
  for (const node of cluster.nodes) {
    const answers = await ask(node)
    expect(answers.filter((answer) => answer !== null && !/MOVED \d+ 127\.0\.0\.1:\d+/.test(String(answer)))).toEqual(
      [],
    )
  }
  const port = third!.port
  await third!.kill()
  await cluster.settled()
  expect(String(await first!.command('cluster', 'nodes'))).toMatch(/fail/)
  expect(await second!.command('cluster', 'info')).toContain('cluster_state:ok')
  await third!.start()
  await cluster.settled()
  expect(third!.port).toBe(port)
  expect(String(await first!.command('cluster', 'nodes'))).not.toMatch(/fail/)
  await cluster.flushAll()
})

test('without redis-server a test is skipped with a reason, and fails in CI', () => {
  expect(redisAvailable()).toBe(true)
  const [path, ci] = [process.env['PATH'], process.env['CI']]
  const reasons: string[] = []
  const context = { skip: (reason: string) => void reasons.push(reason) } as unknown as Parameters<typeof needsRedis>[0]
  try {
    process.env['PATH'] = '/nowhere'
    process.env['CI'] = 'true'
    expect(() => needsRedis(context)).toThrow('no redis-server')
    process.env['CI'] = ''
    needsRedis(context)
    expect(reasons).toEqual([expect.stringContaining('no redis-server')])
  } finally {
    process.env['PATH'] = path
    if (ci === undefined) delete process.env['CI']
    else process.env['CI'] = ci
  }
})
