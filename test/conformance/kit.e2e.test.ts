import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startable } from '../../conformance/client-process.ts'
import type { Situation } from '../../conformance/kit.ts'
import { allSituations, play } from '../../conformance/play.ts'
import { missingPython, PYTHON } from './python.ts'

/** The conformance kit passes our clients, and none with a mistake. */

const noPython = missingPython()
/** How many times slower this machine is than an idle one: the client's clock then runs as much slower. */
const slowness = Number(process.env['TEST_SLOWNESS'] ?? 1)
const RATE = Math.max(1, 20 / slowness)
// So many clients at once, each in a part of the situations: nearly all of the time is waiting.
const PARTS = 4

const root = fileURLToPath(new URL('../../', import.meta.url))
const ours = [process.execPath, '--import', 'tsx', join(root, 'conformance/our-client.ts')]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qtable-kit-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Plays situations with a client; what the kit says of those that it fails. */
async function failures(command: readonly string[], situations: readonly Situation[]): Promise<string[]> {
  const client = startable(command, await mkdtemp(join(folder, 'client-')), RATE)
  const lines: string[] = []
  try {
    const failed = await play({
      port: 0,
      rate: RATE,
      situations,
      client,
      patience: slowness,
      say: (line) => void lines.push(line),
    })
    const wrong = lines.filter((line) => !line.startsWith('pass'))
    expect(lines.filter((line) => line.startsWith('pass'))).toHaveLength(situations.length - failed)
    return failed === 0 ? [] : wrong.slice(1)
  } finally {
    await client.kill()
  }
}

/** All situations, in parts that are played at once. */
const inParts = (command: readonly string[]): Promise<string[]> =>
  Promise.all(
    Array.from({ length: PARTS }, (_, part) =>
      failures(
        command,
        allSituations.filter((_, i) => i % PARTS === part),
      ),
    ),
  ).then((all) => all.flat())

test('D13: our own client passes the conformance kit', async () => {
  expect(await inParts(ours)).toEqual([])
})

test.skipIf(noPython)('D13: the example in Python passes the conformance kit', async () => {
  expect(await inParts([PYTHON, join(root, 'examples/python/under_test.py')])).toEqual([])
})

// ---------------------------------------------------------------- mistakes

interface Mistake {
  readonly name: string
  readonly from: string
  readonly to: string
  /** A part of the name of the situation that finds it, and of what is said. */
  readonly in: string
  readonly says: RegExp
}

const mistakes: readonly Mistake[] = [
  {
    name: 'the hash is ignored',
    from: 'if beat["hash"] == floor.hash():',
    to: 'if True:',
    in: 'a heartbeat with another hash',
    says: /sent no hello .*section 8/,
  },
  {
    name: 'a gap is not noticed',
    from: 'if change["seq"] != self.seq + 1:',
    to: 'if False:',
    in: 'a missing change',
    says: /sent no hello .*section 6.3|hello said/,
  },
  {
    name: 'a change that is there already is applied again',
    from: 'if change["seq"] <= self.seq:',
    to: 'if False:',
    in: 'changes that it has already',
    says: /section 6.3/,
  },
  {
    name: 'a new shape is ignored',
    from: 'change.get("upgrade", [])',
    to: '[]',
    in: 'a new release',
    says: /section 6.3|holds something else/,
  },
  {
    name: 'a repeat has a new key',
    from: '"Idempotency-Key": write["key"]',
    to: '"Idempotency-Key": str(uuid.uuid4())',
    in: 'the answer lost',
    says: /another Idempotency-Key/,
  },
  {
    name: 'a write is not stored before it is sent',
    from: 'self.file.save(self.queue + [write])',
    to: 'pass',
    in: 'a restart while a write is undecided',
    says: /not sent again/,
  },
  {
    name: 'a 5xx is taken for a decision',
    from: 'if 400 <= status < 500 and',
    to: 'if 400 <= status < 600 and',
    in: 'answers that decide nothing',
    says: /after a 503 .*not sent again/,
  },
  {
    name: 'any 401 signs out',
    from: 'if status == 401 and body.get("code") == "refresh-refused":',
    to: 'if status == 401:',
    in: 'the answer to a refresh is lost',
    says: /refresh was not sent again|another/,
  },
  {
    name: 'the time of a heartbeat is sent in hello',
    from: 'self.behind_at = None\n        if beat["head"] < floor.seq',
    to: 'self.behind_at = None\n        floor.at = beat["at"]\n        if beat["head"] < floor.seq',
    in: 'a new connection resumes',
    says: /hello said at/,
  },
  {
    name: 'what ended before the horizon stays',
    from: 'for key in [key for key, (_, _, value) in self.entities.items() if self.is_over(value)]:',
    to: 'for key in []:',
    in: 'the horizon',
    says: /horizon/,
  },
  {
    name: 'numbers are written as Python writes them',
    from: 'return number(float(value))',
    to: 'return json.dumps(value)',
    in: 'awkward',
    says: /awkward/,
  },
  {
    name: 'no back-off',
    from: 'self.failures += 1\n',
    to: 'self.failures = 0\n',
    in: 'closing codes',
    says: /it must wait/,
  },
  {
    name: 'silence is not noticed',
    from: 'url, timeout=SILENCE_SECONDS / RATE,',
    to: 'url, timeout=3600,',
    in: 'silence of 12 seconds',
    says: /kept the connection/,
  },
]

// Each third in CI, as test/planted does it; PLANTED_SHARES=1 plants all.
const shares = Number(process.env['PLANTED_SHARES'] ?? 3)
const chosen = mistakes.filter((_, index) => index % shares === 0)

test.skipIf(noPython)('D13: the kit finds each mistake that is planted in the example', async () => {
  const found = await Promise.all(
    chosen.map(async ({ name, from, to, in: where, says }) => {
      const copy = await mkdtemp(join(folder, 'mistake-'))
      await cp(join(root, 'examples/python'), copy, { recursive: true })
      const text = await readFile(join(copy, 'qtable.py'), 'utf8')
      expect(text.split(from), name).toHaveLength(2)
      await writeFile(join(copy, 'qtable.py'), text.replace(from, to))
      const situations = allSituations.filter((each) => each.name.includes(where))
      expect(situations, name).toHaveLength(1)
      const said = (await failures([PYTHON, join(copy, 'under_test.py')], situations)).join('\n')
      return says.test(said) ? 'found' : `${name}: ${said || 'the kit passes it'}`
    }),
  )
  expect(found).toEqual(chosen.map(() => 'found'))
})
