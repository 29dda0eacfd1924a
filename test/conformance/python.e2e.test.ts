import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, watch } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, TEST_PASSWORD, type Restaurant, type TestApp } from '../kit.ts'
import { missingPython, PYTHON } from './python.ts'

/** The example in Python against a real server: resume, resync, a wrong state, and restarts of both. */

const PROGRAM = fileURLToPath(new URL('../../examples/python/under_test.py', import.meta.url))
const noPython = missingPython()
const WAIT_MILLIS = 30_000 * Number(process.env['TEST_SLOWNESS'] ?? 1)

interface Stand {
  readonly epoch: string
  readonly seq: number
  readonly hash: string
}

/** Waits until something holds; `woken` is called with what looks again. */
class Watched {
  #look: (() => void)[] = []

  changed(): void {
    for (const look of this.#look) look()
  }

  until(holds: () => boolean, what: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain: ${what()}`)), WAIT_MILLIS)
      const look = () => {
        if (!holds()) return
        clearTimeout(timer)
        this.#look = this.#look.filter((each) => each !== look)
        resolve()
      }
      this.#look.push(look)
      look()
    })
  }
}

/** A wire to the server that can be cut and laid to another one. It keeps what the server said. */
async function layWire() {
  const sockets = new Set<Socket>()
  let port: number | null = null
  const watched = new Watched()
  const wire = { said: '', watched, base: '', to, close }
  const server = createServer((near) => {
    if (port === null) return near.destroy()
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    far.on('data', (data) => {
      wire.said += data.toString('latin1')
      watched.changed()
    })
    near.pipe(far)
    far.pipe(near)
    return undefined
  })
  /** Cuts all connections; new ones go to that server, or nowhere. */
  function to(base: string | null): void {
    port = base === null ? null : Number(new URL(base).port)
    for (const socket of sockets) socket.destroy()
  }
  async function close(): Promise<void> {
    to(null)
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  wire.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return wire
}

let app: TestApp
let folder: string
beforeAll(async () => {
  app = await startApp()
  folder = await mkdtemp(join(tmpdir(), 'qtable-python-'))
})
afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

/** The example as a process. */
function startClient(base: string, email: string) {
  const watched = new Watched()
  const client = { stand: null as Stand | null, refused: [] as string[], watched, write, kill }
  const child: ChildProcess = spawn(PYTHON, [PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      QTABLE_URL: base,
      QTABLE_EMAIL: email,
      QTABLE_PASSWORD: TEST_PASSWORD,
      QTABLE_STATE: folder,
      QTABLE_TASKS: 'stdin',
    },
  })
  let rest = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const told = JSON.parse(line) as Stand & { code?: string }
      if (told.code === undefined) client.stand = told
      else client.refused.push(told.code)
    }
    watched.changed()
  })
  function write(method: string, path: string, body: object): void {
    child.stdin!.write(`${JSON.stringify({ method, path, body })}\n`)
  }
  async function kill(): Promise<void> {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
  return client
}

type Client = ReturnType<typeof startClient>

/** The client holds what the server has. */
async function same(client: Client, restaurant: Restaurant, server = app): Promise<void> {
  const authorization = `Bearer ${restaurant.token}`
  const { epoch, seq, hash } = (
    await server.call('GET', `/v2/restaurants/${restaurant.id}/snapshot`, undefined, { authorization })
  ).body as Stand
  const wanted = { epoch, seq, hash }
  const isSame = () => JSON.stringify(client.stand) === JSON.stringify(wanted)
  await client.watched.until(isSame, () => `${JSON.stringify(client.stand)} is not ${JSON.stringify(wanted)}`)
}

/** What the client holds is on the disk. */
async function isStored(client: Client): Promise<void> {
  const watched = new Watched()
  const watcher = watch(folder, () => watched.changed())
  const holds = () => {
    const { epoch, seq } = JSON.parse(readFileSync(join(folder, 'floor.json'), 'utf8')) as Stand
    return epoch === client.stand?.epoch && seq === client.stand.seq
  }
  await watched.until(holds, () => 'the state to be stored').finally(() => watcher.close())
}

test.skipIf(noPython)(
  'D13: the example in Python resumes, begins anew, mends a wrong state and outlives restarts, its own and the server’s',
  async () => {
    const restaurant = await app.restaurant()
    const wire = await layWire()
    wire.to(app.base)
    const heard = (text: string) =>
      wire.watched.until(
        () => wire.said.includes(text),
        () => `the server to say ${text}`,
      )
    let client = startClient(wire.base, restaurant.email)
    let second: TestApp | undefined
    try {
      const table = await restaurant.table('1')
      await same(client, restaurant)

      // Away while three changes are made and a write is stored.
      wire.to(null)
      const ada = await restaurant.walkIn('Zoë')
      await restaurant.v2('POST', `/guests/${ada}/seat`, { tableId: table })
      await restaurant.walkIn('Bo')
      client.write('POST', '/guests', { firstName: 'Offline', partySize: 3 })
      wire.said = ''
      wire.to(app.base)
      await heard('"type":"resumed"')
      const { seq } = (await restaurant.v2('GET', '/snapshot')).body
      await client.watched.until(
        () => (client.stand?.seq ?? 0) >= Math.max(seq, 5),
        () => `${client.stand?.seq} is below 5`,
      )
      await same(client, restaurant)
      expect(wire.said).not.toContain('"type":"resync"')

      // A refusal, and the guard of a DELETE in the query.
      client.write('DELETE', `/guests/${ada}`, { version: 99 })
      await client.watched.until(
        () => client.refused.includes('version-conflict'),
        () => 'a version-conflict',
      )

      // Another epoch.
      await app.database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [
        restaurant.id,
      ])
      await heard('"reason":"epoch"')
      await restaurant.walkIn('Cy')
      await same(client, restaurant)
      await isStored(client)

      // Its process dies, and what it stored is spoiled.
      await client.kill()
      const path = join(folder, 'floor.json')
      const stored = JSON.parse(await readFile(path, 'utf8')) as { entities: { value: Record<string, unknown> }[] }
      stored.entities[0]!.value['notes'] = 'spoiled'
      await writeFile(path, JSON.stringify(stored))
      wire.said = ''
      client = startClient(wire.base, restaurant.email)
      await heard('"type":"resumed"')
      await heard('"reason":"new"')
      await same(client, restaurant)

      // The server goes, another one comes; what was written meanwhile is done once.
      wire.to(null)
      client.write('POST', '/guests', { firstName: 'Between', partySize: 2 })
      second = await startApp({}, { database: app.database })
      wire.said = ''
      wire.to(second.base)
      await heard('"type":"resumed"')
      const between = async () =>
        (await restaurant.v2('GET', '/guests')).body.result.filter(
          ({ firstName }: { firstName: string }) => firstName === 'Between',
        ).length
      const before = client.stand!.seq
      await client.watched.until(
        () => client.stand!.seq > before || wire.said.includes('"Between"'),
        () => 'the write of between',
      )
      await same(client, restaurant, second)
      expect(await between()).toBe(1)
    } finally {
      await client.kill()
      await wire.close()
      await second?.close()
    }
  },
)
