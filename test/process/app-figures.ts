import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PoolFigures } from '../../src/platform/database/db.ts'
import { TEST_SECRET } from '../kit.ts'
import { cleanUp } from './server.ts'

/** The application in a process of its own, which tells what it holds. */

export interface AppFigures {
  readonly stream: { readonly sockets: number; readonly restaurants: number }
  readonly sockets: { readonly sockets: number; readonly restaurants: number }
  readonly floors: { readonly floors: number; readonly idle: number; readonly characters: number }
  readonly hub: { readonly rooms: number; readonly early: number }
  /** Topics of Redis that it hears. */
  readonly topics: number
  readonly db: PoolFigures
  /** What keeps its event loop going, by kind: sockets, servers, timers that are not unref'ed. */
  readonly handles: Readonly<Record<string, number>>
  readonly rssBytes: number
  /** JavaScript's heap and what it holds outside of it. */
  readonly heldBytes: number
}

/** What it is asked. */
export type Question = 'figures' | 'collected' | 'at rest'

export interface AppProcess {
  readonly base: string
  readonly pid: number
  figures(): Promise<AppFigures>
  /** The same, after the garbage was collected. */
  collected(): Promise<AppFigures>
  /** The same, after connections were closed that clients keep for their next request: nobody may be about to ask anything. */
  atRest(): Promise<AppFigures>
}

/** Starts it on a free port of loopback. `env`: its settings, DATABASE_URL among them. It ends with the test. */
export async function startAppProcess(env: Record<string, string>): Promise<AppProcess> {
  const child = fork(fileURLToPath(new URL('app-process.ts', import.meta.url)), {
    execArgv: ['--expose-gc', '--import', 'tsx'],
    env: { PATH: '/usr/bin:/bin', SECRET_KEY: TEST_SECRET, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const gone = once(child, 'exit')
  cleanUp(async () => {
    child.kill('SIGKILL')
    await gone
  })
  const heard = async (): Promise<unknown> => {
    const ended = gone.then(([code, signal]) => {
      throw new Error(`the application ended with ${String(code ?? signal)}`)
    })
    const [message] = (await Promise.race([once(child, 'message'), ended])) as unknown[]
    return message
  }
  const base = (await heard()) as string
  // One question at a time: answers carry no name.
  let last: Promise<unknown> = Promise.resolve()
  const ask = (what: Question): Promise<AppFigures> => {
    const answer = last.then(async () => {
      const answered = heard()
      child.send(what)
      return (await answered) as AppFigures
    })
    last = answer.catch(() => undefined)
    return answer
  }
  return {
    base,
    pid: child.pid!,
    figures: () => ask('figures'),
    collected: () => ask('collected'),
    atRest: () => ask('at rest'),
  }
}
