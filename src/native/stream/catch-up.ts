import { limits } from '../../platform/limits.ts'
import type { Floor } from '../../changes/floor/floor.ts'
import { Frame } from '../../sockets/ws-frame.ts'
import type { Place, ResyncReason, Since } from '../../changes/log/since.ts'

/** A change in the form in which it is sent. */
interface Told {
  readonly seq: number
  readonly text: string
}

/** Changes in one frame, up to `last`. */
export interface Step {
  readonly last: number
  readonly frame: Frame
}

/** What a device is sent next, or why it must start over. */
type Steps =
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  | { readonly kind: 'resync'; readonly reason: ResyncReason }

/** Reads this many changes of the log after `since`. */
type ReadLog = (since: number, limit: number) => Promise<Since>

/**
 * What returning devices of one restaurant are sent, read and serialised once for all of them. When a network or a
 * process fails, all devices return at once, at nearly the same position. It is forgotten a moment after the last of
 * them.
 */
export class CatchUp {
  readonly #read: ReadLog
  readonly #places = new Map<string, Promise<ResyncReason | null>>()
  readonly #pages = new Map<number, Promise<Steps & { readonly isWhole: boolean }>>()
  #recent: { readonly from: number; readonly to: number; readonly steps: readonly Step[] } | null = null
  #snapshot: { readonly text: string; readonly frame: Frame } | null = null

  constructor(read: ReadLog) {
    this.#read = read
  }

  /** The whole floor in its current state. */
  snapshot({ text }: Floor): Frame {
    if (this.#snapshot?.text !== text) this.#snapshot = { text, frame: new Frame(`{"type":"snapshot",${text}}`) }
    return this.#snapshot.frame
  }

  /** The changes that are in memory. */
  recent(changes: readonly Told[]): readonly Step[] {
    const [from, to] = [changes[0]!.seq, changes.at(-1)!.seq]
    if (this.#recent?.from !== from || this.#recent.to !== to) this.#recent = { from, to, steps: stepsOf(changes) }
    return this.#recent.steps
  }

  /**
   * Why a device cannot continue from a position, or null if it can: the answer of `ask`, asked once for all devices
   * at that position.
   */
  reasonAgainst({ epoch, since, at }: Place, ask: () => Promise<ResyncReason | null>): Promise<ResyncReason | null> {
    return shared(this.#places, `${epoch} ${since} ${at ?? ''}`, ask, (reason) => reason === null)
  }

  /** The next changes of the log, up to the common end of a page. Rejects when the log cannot be read. */
  page(since: number): Promise<Steps> {
    const limit = limits.changesPerRead - (since % limits.changesPerRead)
    const read = async (): Promise<Steps & { isWhole: boolean }> => {
      const found = await this.#read(since, limit)
      if (found.kind === 'resync') return { kind: 'resync', reason: found.reason, isWhole: false }
      const steps = stepsOf(found.changes.map(({ seq, frame }) => ({ seq, text: frame })))
      return { kind: 'steps', steps, isWhole: found.changes.length === limit }
    }
    // An incomplete page will be longer the next time.
    return shared(this.#pages, since, read, ({ isWhole }) => isWhole)
  }

  /** Called when no device is catching up any more, or the log started over. */
  clear(): void {
    this.#places.clear()
    this.#pages.clear()
    this.#recent = null
    this.#snapshot = null
  }
}

/**
 * The finished or running request for a key; at most `limits.sharedPages` are kept. A result that is not `kept` is
 * requested again.
 */
function shared<K, T>(
  known: Map<K, Promise<T>>,
  key: K,
  ask: () => Promise<T>,
  kept: (found: T) => boolean,
): Promise<T> {
  const found = known.get(key)
  if (found) return found
  const forget = () => {
    if (known.get(key) === asked) known.delete(key)
  }
  const asked = ask()
  known.set(key, asked)
  asked.then((told) => {
    if (!kept(told)) forget()
  }, forget)
  // Devices that are ahead are done with the page; those behind request the next ones first.
  if (known.size > limits.sharedPages) known.delete(known.keys().next().value!)
  return asked
}

/** Changes in frames of `limits.frameCharacters`. A longer change has a frame of its own. */
function stepsOf(changes: readonly Told[]): Step[] {
  const steps: Step[] = []
  let [texts, characters]: [string[], number] = [[], 0]
  const end = (last: number) => {
    steps.push({ last, frame: new Frame(`{"type":"changes","changes":[${texts.join(',')}]}`) })
    texts = []
    characters = 0
  }
  for (const { seq, text } of changes) {
    if (characters > 0 && characters + text.length > limits.frameCharacters) end(seq - 1)
    texts.push(text)
    characters += text.length
  }
  if (texts.length > 0) end(changes.at(-1)!.seq)
  return steps
}
