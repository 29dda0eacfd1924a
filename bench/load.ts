import { Connection } from './connection.ts'
import { drive, figuresOf, type Figures } from './figures.ts'
import type { Where } from './pairs.ts'
import { writer, type Asked } from './requests.ts'

/** The load on the HTTP door, in a process of its own that `ours.ts` starts, over connections that are kept open. */

export interface Job {
  readonly port: number
  readonly what: Asked
  readonly where: Where
  readonly count: number
  readonly connections: number
  /** How many are begun in a second; as many as can be where it is left out. */
  readonly perSecond?: number | undefined
}

export interface Done {
  readonly figures: Figures
  /** How many were not answered 200. */
  readonly failed: number
}

async function run({ port, what, where, count, connections, perSecond }: Job): Promise<Done> {
  const write = writer()
  const free = Array.from({ length: connections }, () => new Connection(port))
  const all = [...free]
  let failed = 0
  const one = async (index: number) => {
    const connection = free.pop()!
    if ((await connection.ask(write(what, where, index))) !== 200) failed++
    free.push(connection)
  }
  const timed = await drive(count, connections, one, perSecond)
  for (const connection of all) connection.close()
  return { figures: figuresOf(timed), failed }
}

const answer = async (job: Job): Promise<void> => void process.send!(await run(job))
process.on('message', (job: Job) => void answer(job))
process.on('disconnect', () => process.exit(0))
