/** One step of a write. Values are JSON. */
export type Op =
  | { readonly put: string; readonly value: unknown }
  /** Drops one key. */
  | { readonly drop: string }

/**
 * What the client keeps on the device: values by key. `write` is atomic and durable: when its promise resolves, all of its steps outlive the process and the
 * machine; when it fails, none or all of them do. Writes take effect in the order of their calls.
 */
export interface ClientStorage {
  load(): Promise<Map<string, unknown>>
  /** One value as it is stored now: another tab may have written it. */
  get(key: string): Promise<unknown>
  write(ops: readonly Op[]): Promise<void>
  /** Forgets everything, of all tabs: nothing of it is left on the device. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Does the steps to a map. */
export function perform(entries: Map<string, unknown>, ops: readonly Op[]): void {
  for (const op of ops) {
    if ('put' in op) entries.set(op.put, op.value)
    else entries.delete(op.drop)
  }
}

/** Keeps everything for as long as the object lives, as text, as the real ones do. For tests, and for devices that need not remember. */
export class MemoryStorage implements ClientStorage {
  #entries = new Map<string, string>()

  load(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map([...this.#entries].map(([key, text]) => [key, JSON.parse(text) as unknown])))
  }

  get(key: string): Promise<unknown> {
    const text = this.#entries.get(key)
    return Promise.resolve(text === undefined ? undefined : (JSON.parse(text) as unknown))
  }

  write(ops: readonly Op[]): Promise<void> {
    const texts = ops.map((op) => ('put' in op ? { put: op.put, value: JSON.stringify(op.value) } : op))
    perform(this.#entries, texts)
    return Promise.resolve()
  }

  clear(): Promise<void> {
    this.#entries.clear()
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
