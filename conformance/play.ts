import type { StartableClient } from './client-process.ts'
import { Wrong } from './inbox.ts'
import { Kit, type Situation } from './kit.ts'
import { lastSituations, requestSituations } from './request-situations.ts'
import { ScriptedServer } from './server.ts'
import { streamSituations } from './stream-situations.ts'

/** Every situation, in the order in which they are played. */
export const allSituations: readonly Situation[] = [...streamSituations, ...requestSituations, ...lastSituations]

export interface Options {
  readonly port: number
  readonly rate: number
  readonly situations: readonly Situation[]
  /** How the client is started and ended; null: a person does it. */
  readonly client: StartableClient | null
  /** How many times longer than on an idle machine anything may take. */
  readonly patience: number
  readonly say: (line: string) => void
}

/** Plays the situations with a client and says what it did. Gives how many it failed. */
export async function play({ port, rate, situations, client, patience, say }: Options): Promise<number> {
  const server = new ScriptedServer(rate)
  const base = await server.listen(port)
  say(`The kit listens on ${base}; the client's clock runs ${rate} times as fast as in life.`)
  if (!client) say(`Start your client now. Server: ${base}. E-mail and password: any.`)
  const kit = new Kit(server, client, base, patience)
  const { restart } = kit
  let failed = 0
  for (const situation of situations) {
    if (situation.restarts && !restart) {
      say(`skip   ${situation.name}: the kit can't restart your client; give it the command`)
      continue
    }
    const began = performance.now()
    const problem = await outcomeOf(kit, situation)
    const took = `${((performance.now() - began) / 1000).toFixed(1)} s`
    say(problem === null ? `pass   ${situation.name} (${took})` : `WRONG  ${situation.name}\n       ${problem}`)
    if (problem === null) continue
    failed++
    // What it did wrong may have left it anywhere.
    await restart?.()
  }
  say(failed === 0 ? 'The client passes.' : `The client fails ${failed}.`)
  await server.close()
  return failed
}

async function outcomeOf(kit: Kit, situation: Situation): Promise<string | null> {
  const told = (error: unknown) => {
    if (!(error instanceof Wrong)) throw error
    return `${error.message} (docs/protocol.md, section ${situation.section})`
  }
  const problem = await situation.play(kit).then(() => null, told)
  const fault = await kit.end().then(() => null, told)
  return problem ?? fault
}
