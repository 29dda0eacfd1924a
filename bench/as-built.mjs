import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { stop, transform } from 'esbuild'

/**
 * Runs TypeScript as `npm start` has it, with types left out and nothing else (`node --import ./bench/as-built.mjs`): tsx has every function keep its name, at run time and each
 * time that one is made, which costs a command 6 to 8 % of its time and a socket some hundred bytes a listener.
 */
if (isMainThread) register(import.meta.url)

// Its process says every second that it is there: a bench should not have that among what it measures.
const IDLE_MILLIS = 500
let end

/** A hook of node:module: gives the JavaScript of a TypeScript file. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const { code } = await transform(await readFile(path, 'utf8'), {
    loader: 'ts',
    target: 'es2023',
    sourcefile: path,
    sourcemap: 'inline',
  })
  clearTimeout(end)
  end = setTimeout(() => void stop(), IDLE_MILLIS).unref()
  return { format: 'module', source: code, shortCircuit: true }
}
