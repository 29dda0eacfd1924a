import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'
import type { TestContext } from 'vitest'

/** A real Chromium for tests: the one that this machine has. */

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages of other machines than this one: over plain http browsers give them less.
  '--host-resolver-rules=MAP *.test 127.0.0.1',
]

/** Whether this machine has one. */
export const chromiumAvailable = (): boolean => executablePath !== undefined

/** For beforeEach: skips the test, with a reason, where there is no Chromium. In CI it fails instead. */
export function needsChromium(context: Pick<TestContext, 'skip'>): void {
  if (chromiumAvailable()) return
  const reason = 'this machine has no chromium (apt-get install chromium)'
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
  context.skip(reason)
}

/** Starts it. Whoever does closes it. */
export const launchChromium = (): Promise<Browser> => chromium.launch({ executablePath: executablePath!, args: FLAGS })
