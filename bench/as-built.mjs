import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { stop, transform } from 'esbuild'

/**
 * Runs TypeScript as `npm start` has it: types left out and nothing else (`node --import ./bench/as-built.mjs`). tsx keeps
 * the name of each function, each time that one is made, which costs a command 6 to 8 % of its time.
 */
if (isMainThread) register(import.meta.url)

// esbuild's process says every second that it is there: a bench should not have that among what it measures.
const IDLE_MILLIS = 500
let end
let underWay = 0

/** A hook of node:module: gives the JavaScript of a TypeScript file. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  // Stopped while it transforms, it would never answer.
  clearTimeout(end)
  underWay++
  const { code } = await transform(await readFile(path, 'utf8'), {
    loader: 'ts',
    target: 'es2023',
    sourcefile: path,
    sourcemap: 'inline',
  })
  if (--underWay === 0) end = setTimeout(() => void stop(), IDLE_MILLIS).unref()
  return { format: 'module', source: code, shortCircuit: true }
}
