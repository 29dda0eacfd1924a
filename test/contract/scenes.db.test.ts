import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { isLaterFact } from './later-facts.ts'
import { startApp, type TestApp } from '../kit.ts'

// The replayer uses the browser's WebSocket, which Node 20 has only behind a flag; ws has the same interface.
Object.assign(globalThis, { WebSocket })

interface Scene {
  readonly name: string
  readonly steps: readonly { readonly name: string }[]
}
interface Played {
  readonly results: readonly { readonly step: { readonly name: string }; readonly out: readonly string[] }[]
}
// A file of plain JavaScript that is kept as it was recorded with.
const replay = (await import(new URL('replay.mjs', import.meta.url).href)) as {
  playScene(base: string, scene: Scene): Promise<Played>
}

const recorded = (name: string) => readFileSync(new URL(name, import.meta.url))
/** What the app does, step by step, as it was chosen by hand. */
const chosen = JSON.parse(recorded('visible.json').toString()) as Scene[]
/** Random use of two restaurants: 132 scenes of 20 to 40 steps. */
const random = JSON.parse(gunzipSync(recorded('random.json.gz')).toString()) as Scene[]

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

// A scene mostly waits for messages, some that must not come, and has restaurants of its own: several play at a time.
for (const scene of [...chosen, ...random]) {
  test.concurrent(`C1: the recorded scene ${scene.name} plays the same, ${scene.steps.length} steps`, async () => {
    const { results } = await replay.playScene(app.base, scene)
    const differing = results
      .map(({ step, out }) => ({ step, out: out.filter((line) => !isLaterFact(line)) }))
      .filter(({ out }) => out.length > 0)
      .map(({ step, out }) => `${step.name}: ${out.join(' | ')}`)
    expect(differing).toEqual([])
    expect(results).toHaveLength(scene.steps.length)
  })
}
