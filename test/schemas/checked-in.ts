import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { answersOf, messagesOf, openApiNow, asyncApiNow } from '../../scripts/documents.ts'

/** The schemas of docs/schemas, as a Swift client would be made from them: what stands in the files, found by route and status or by socket and message. */

const ajv = new Ajv2020({ strict: false, validateFormats: true, allErrors: true })
formats.default(ajv)

const compiled = new Map<string, ValidateFunction>()
function fileOf(path: string): ValidateFunction {
  const known = compiled.get(path)
  if (known) return known
  const schema = JSON.parse(readFileSync(new URL(`../../docs/schemas/${path}`, import.meta.url), 'utf8')) as object
  const made = ajv.compile(schema)
  compiled.set(path, made)
  return made
}

const answers = answersOf(openApiNow())
const routes = [...new Set(answers.map(({ route }) => route))]
  .map((route) => ({ route, pattern: new RegExp(`^${route.replace(/\{\w+\}/g, '[^/]+')}$`) }))
  // Of two that fit, the one that says more.
  .sort((a, b) => a.route.split('{').length - b.route.split('{').length)
export const answerFiles: readonly string[] = [...new Set(answers.map(({ path }) => path))]
export const messageFiles: readonly string[] = messagesOf(asyncApiNow()).map(({ path }) => path)

/** What is wrong with a value: `place message`, without what stands at `loose` places or below. */
function problems(validate: ValidateFunction, value: unknown, loose: readonly RegExp[]): string[] {
  if (validate(value)) return []
  const all = (validate.errors ?? []).map(({ instancePath, schemaPath, message, params }) => {
    const { missingProperty, additionalProperty } = params as Record<string, string | undefined>
    const key = missingProperty ?? additionalProperty
    const place = placeOf(key === undefined ? instancePath : `${instancePath}/${key}`)
    return { place, schemaPath, said: `${place}: ${message}` }
  })
  const left = all.filter(({ place }) => !loose.some((each) => each.test(place)))
  // Of several forms one is enough: where nothing is left of what one of them lacks, the others don't count.
  const enough = all
    .filter(({ schemaPath }) => schemaPath.endsWith('/anyOf'))
    .filter(({ schemaPath: of }) => {
      const forms = new Set(all.flatMap(({ schemaPath }) => formIn(schemaPath, of) ?? []))
      return [...forms].some((form) => left.every(({ schemaPath }) => formIn(schemaPath, of) !== form))
    })
    .map(({ schemaPath }) => schemaPath)
  return left
    .filter(({ schemaPath }) => !enough.some((of) => schemaPath === of || schemaPath.startsWith(`${of}/`)))
    .map(({ said }) => said)
}

/** Which form of an `anyOf` a place in a schema belongs to. */
const formIn = (schemaPath: string, of: string): string | undefined =>
  schemaPath.startsWith(`${of}/`) ? schemaPath.slice(of.length + 1).split('/')[0] : undefined

/** `/guests/0/name` as recorded scenes have it: `$.guests[0].name`. */
const placeOf = (pointer: string): string => `$${pointer.replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.')}`

/** How an answer fares: `file` is null where no schema is written down for it. */
export interface Checked {
  readonly file: string | null
  readonly problems: readonly string[]
}

/** Holds an answer against the file of its route and status. */
export function checkAnswer(
  method: string,
  address: string,
  status: number,
  body: unknown,
  loose: readonly RegExp[] = [],
): Checked {
  const path = address.split('?')[0]!
  const part = routes
    .filter(({ pattern }) => pattern.test(path))
    .map(({ route }) => answers.find((a) => a.route === route && a.method === method && a.status === String(status)))
    .find((found) => found !== undefined)
  const file = part?.path ?? elsewhere(status)
  return { file, problems: file === null ? [] : problems(fileOf(file), body, loose) }
}

/** Where no route is, and where another method is. */
const elsewhere = (status: number): string | null =>
  status === 404 ? 'refusals/NotFound.json' : status === 405 ? 'refusals/Detail.json' : null

/** Holds a message of a socket against the file of its type. */
export function checkMessage(socket: string, message: unknown, loose: readonly RegExp[] = []): Checked {
  const { type } = message as { type?: unknown }
  const file = `messages/${socket}.${String(type)}.json`
  if (!messageFiles.includes(file)) return { file, problems: [`${file}: there is no such message`] }
  return { file, problems: problems(fileOf(file), message, loose) }
}

export interface Step {
  readonly name: string
  readonly request: { readonly method: string; readonly path: string }
  readonly expect?: { readonly status: number; readonly shape?: unknown }
  readonly realtime?: readonly object[]
  readonly sync?: readonly object[]
  readonly loose?: readonly { readonly path: string; readonly how?: string }[]
}
export interface Scene {
  readonly name: string
  readonly steps: readonly Step[]
}

/** The recorded scenes. */
export const scenes = JSON.parse(
  readFileSync(new URL('../contract/visible.json', import.meta.url), 'utf8'),
) as readonly Scene[]
