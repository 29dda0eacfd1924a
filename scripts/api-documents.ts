import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nouns } from '../src/floor/nouns.ts'
import { documents } from './documents.ts'

/**
 * Writes the documents of the API: `npm run api-documents`. With `--release` what is now becomes the contract that changes are held against, and the
 * breaking changes accepted until now are forgotten.
 */

const docs = fileURLToPath(new URL('../docs/', import.meta.url))
const files = documents()

await rm(join(docs, 'schemas'), { recursive: true, force: true })
for (const [path, text] of files) {
  await mkdir(dirname(join(docs, path)), { recursive: true })
  await writeFile(join(docs, path), text)
}
process.stdout.write(`docs/: ${files.size} files written\n`)

if (process.argv.includes('--release')) {
  await mkdir(join(docs, 'baseline'), { recursive: true })
  for (const name of ['openapi.json', 'asyncapi.yaml'])
    await writeFile(join(docs, 'baseline', name), await readFile(join(docs, name)))
  await writeFile(join(docs, 'baseline/accepted.json'), '{}\n')
  // Kinds that are there already keep what they had at first: the log's upgrades begin there.
  const path = join(docs, 'baseline/first-fields.json')
  const known = JSON.parse(await readFile(path, 'utf8')) as Record<string, string[]>
  const now = Object.fromEntries(nouns.map(({ kind, schema }) => [kind, Object.keys(schema.shape)]))
  await writeFile(path, `${JSON.stringify({ ...now, ...known }, null, 2)}\n`)
  process.stdout.write('docs/baseline/: renewed\n')
}
