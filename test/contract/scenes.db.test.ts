import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
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

const scenes = JSON.parse(readFileSync(new URL('visible.json', import.meta.url), 'utf8')) as Scene[]

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

for (const scene of scenes) {
  test(`C1: the recorded scene ${scene.name} plays the same, ${scene.steps.length} steps`, async () => {
    const { results } = await replay.playScene(app.base, scene)
    const differing = results
      .filter(({ out }) => out.length > 0)
      .map(({ step, out }) => `${step.name}: ${out.join(' | ')}`)
    expect(differing).toEqual([])
    expect(results).toHaveLength(scene.steps.length)
  })
}
