import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The page's files: HTML and CSS as they are written, scripts as `npm run build` made them. */
export interface Asset {
  readonly bytes: Buffer
  readonly type: string
  readonly etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

// The relative path is the same from src/ops and from dist/ops.
const FOLDERS = ['../../web/ops/', '../../dist/pages/web/ops/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

/** Reads the files, by name. Without a build there are no scripts. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const found = new Map<string, Asset>()
  for (const folder of FOLDERS)
    for (const name of filesOf(folder)) {
      const type = TYPES[extname(name)]
      if (type === undefined) continue
      const bytes = readFileSync(folder + name)
      found.set(name, { bytes, type, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` })
    }
  return found
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
