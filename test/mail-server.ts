import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { hasProgram } from '../scripts/install-test-tools.ts'
import { steadyPort } from './process/ports.ts'

/** Mail servers on loopback: Debian's aiosmtpd, which takes everything, and one that answers what a test says. */

/** Skips the test, with a reason, where there is no aiosmtpd. In CI it fails instead. */
export function needsMailServer(context: Pick<TestContext, 'skip'>): void {
  if (hasProgram('aiosmtpd')) return
  const reason = 'this machine has no aiosmtpd (apt-get install python3-aiosmtpd)'
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
  context.skip(reason)
}

export interface MailServer {
  readonly url: string
  /** The mails that it has taken, oldest first, as they came. */
  mails(): Promise<string[]>
  close(): Promise<void>
}

/** aiosmtpd over a mailbox of its own. */
export async function openMailServer(): Promise<MailServer> {
  const port = await steadyPort()
  const root = await mkdtemp(join(tmpdir(), 'qtable-mail-'))
  const box = join(root, 'box')
  const args = ['-n', '-l', `127.0.0.1:${port}`, '-c', 'aiosmtpd.handlers.Mailbox', box]
  const child = spawn('aiosmtpd', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const ended = once(child, 'exit')
  await once(child, 'spawn')
  return {
    url: `smtp://127.0.0.1:${port}`,
    async mails() {
      if (child.exitCode !== null) throw new Error(`aiosmtpd ended: ${said}`)
      const folder = join(box, 'new')
      const names = (await readdir(folder)).toSorted((a, b) => sequenceOf(a) - sequenceOf(b))
      return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
    },
    async close() {
      child.kill()
      await ended
      await rm(root, { recursive: true, force: true })
    },
  }
}

// 1764542000.M123456P99Q1.host: the number behind Q counts the deliveries of the process.
const sequenceOf = (name: string): number => Number(/Q(\d+)\./.exec(name)?.[1])

/** A mail server that answers a command as it is told: `{ RCPT: '550 no' }`. Everything else is well. */
export async function openStubbornMailServer(
  answers: Readonly<Record<string, string>>,
): Promise<Omit<MailServer, 'mails'>> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.write(`${answers['GREETING'] ?? '220 stubborn'}\r\n`)
    socket.on('data', (data) => {
      const word = data.toString().slice(0, 4).trim().toUpperCase()
      socket.write(`${answers[word] ?? (word === 'DATA' ? '354 go on' : '250 well')}\r\n`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as { port: number }).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
