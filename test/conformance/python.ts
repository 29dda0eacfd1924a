import { spawnSync } from 'node:child_process'

/** Debian's Python: its package python3-websocket is not seen by others that may stand before it on the path. */
export const PYTHON = process.env['QTABLE_PYTHON'] ?? '/usr/bin/python3'

/** Whether the example can't be run here. In CI it must be. */
export function missingPython(): boolean {
  const isThere = spawnSync(PYTHON, ['-c', 'import websocket']).status === 0
  if (!isThere && process.env['CI'] === 'true') throw new Error('python3-websocket is missing: see CONTRIBUTING.md')
  return !isThere
}
