import { mkdir, open, readFile, rename, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from './hash.ts'
import { perform, type ClientStorage, type Op } from './storage.ts'

/** A journal below this size is never written anew while it is open, in bytes. */
const COMPACT_BYTES = 1024 * 1024

/**
 * Storage in one file of Node: a line for each write, with its checksum, synced before the write is done. A last line that was cut off by a crash is left out;
 * so is a damaged one anywhere, and `damaged` counts them. Written anew beside itself and renamed when it is opened and when most of it is outdated.
 * One process at a time may have it open. Spec: D9.
 */
export class FileStorage implements ClientStorage {
  /** Lines of the file that could not be read, the last one excepted. */
  damaged = 0
  readonly #path: string
  #entries = new Map<string, unknown>()
  #file: FileHandle | null = null
  #bytes = 0
  #compactAt = COMPACT_BYTES
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  load(): Promise<Map<string, unknown>> {
    return this.#inTurn(async () => {
      if (!this.#file) {
        await mkdir(dirname(this.#path), { recursive: true })
        this.#read(await readFile(this.#path, 'utf8').catch(orNothing))
        await this.#compact()
      }
      return new Map(this.#entries)
    })
  }

  get(key: string): Promise<unknown> {
    return this.#inTurn(() => Promise.resolve(this.#entries.get(key)))
  }

  write(ops: readonly Op[]): Promise<void> {
    const line = lineOf(ops)
    return this.#inTurn(async () => {
      if (!this.#file) throw new Error(`${this.#path} is not open`)
      try {
        await this.#file.appendFile(line)
        await this.#file.datasync()
      } catch (error) {
        // Half a line may be there now: what comes next must not stand behind it.
        await this.#compact().catch(() => undefined)
        throw error
      }
      perform(this.#entries, JSON.parse(line.slice(9)) as Op[])
      this.#bytes += line.length
      if (this.#bytes > this.#compactAt) await this.#compact()
    })
  }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#file) throw new Error(`${this.#path} is not open`)
      const entries = this.#entries
      this.#entries = new Map()
      try {
        // Written anew: lines that are outdated would still hold it.
        await this.#compact()
      } catch (error) {
        this.#entries = entries
        throw error
      }
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#file?.close()
      this.#file = null
    })
  }

  #read(text: string): void {
    this.#entries = new Map()
    const lines = text.split('\n')
    lines.forEach((line, i) => {
      const ops = opsOf(line)
      if (ops) perform(this.#entries, ops)
      else if (i < lines.length - 1) this.damaged++
    })
  }

  async #compact(): Promise<void> {
    const text = [...this.#entries].map(([key, value]) => lineOf([{ put: key, value }])).join('')
    const beside = `${this.#path}.new`
    // Tokens are in it.
    const file = await open(beside, 'w', 0o600)
    try {
      await file.appendFile(text)
      await file.sync()
      await rename(beside, this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    await syncFolder(dirname(this.#path))
    await this.#file?.close()
    this.#file = file
    this.#bytes = text.length
    this.#compactAt = Math.max(COMPACT_BYTES, text.length * 4)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

function lineOf(ops: readonly Op[]): string {
  const text = JSON.stringify(ops)
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`
}

function opsOf(line: string): Op[] | null {
  const text = line.slice(9)
  if (line.slice(0, 9) !== `${crc32(text).toString(16).padStart(8, '0')} `) return null
  try {
    return JSON.parse(text) as Op[]
  } catch {
    return null
  }
}

function orNothing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}

/** So that the rename outlives a loss of power; not every system can. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch {
    // Windows opens no folders.
  }
}
