import type { Instant } from '../src/platform/clock.ts'
import { place, type CommandName, type Inputs, type Results } from './commands.ts'
import { ways } from './reduce.ts'
import type { State } from './connection.ts'
import { Floor } from './floor.ts'
import { newId } from './ids.ts'
import type { Conflict, Mutation } from './mutations.ts'
import { Queue, type Settled } from './queue.ts'
import { sendMutation } from './send-mutation.ts'
import { Session, TOKENS, type Tokens } from './session.ts'
import { Confirmed } from './state.ts'
import { Saver } from './saver.ts'
import { Stream } from './stream.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError, type Snapshot } from './words.ts'

export interface Options {
  /** The server's address: `https://floor.example`. */
  readonly server: string
  /** What this device is called: `Host stand`. Others read it in conflicts. */
  readonly device?: string
}

/** A mutation on its way. */
export interface Sent<Result = unknown> {
  /** Of the mutation. */
  readonly id: string
  /** Of the table or guest that the command makes; null for other commands, and for those whose id the server makes. */
  readonly made: string | null
  /** It is on the device and can't be lost. Rejects with `ClientError` storage; then it is not shown and not sent. */
  readonly stored: Promise<void>
  /** The server has decided, after however long. Lasts as long as this process; after a restart look at `pendingCount` and `conflicts`. */
  readonly settled: Promise<Settled<Result>>
}

type Camel<Text extends string> = Text extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text

/** One method for each command: `seatGuest({guestId, tableId})`. */
export type Methods = {
  readonly [Name in CommandName as Camel<Name>]: (input: Inputs[Name]) => Sent<Results[Name]>
}

interface Account {
  readonly restaurantId: string
  readonly staffId: string
}

/** Everything that belongs to one account on this device. */
interface Parts {
  readonly account: Account | null
  readonly confirmed: Confirmed
  readonly queue: Queue
  readonly stream: Stream
  readonly floor: Floor
  readonly saver: Saver
}

/** The key of whose device this is: also while nobody is signed in. */
export const ACCOUNT = 'account'

/**
 * A device's view of one restaurant's floor: shown at once from what was stored, kept the same as every other device's while there is a network, and worked with
 * where there is none. Open one with node.ts or browser.ts.
 */
export class QTable {
  /** What people do. Each returns at once; nothing throws but `ClientError`: not-signed-in, queue-full, too-large. */
  readonly do: Methods
  readonly #at: Surroundings
  readonly #options: Options
  readonly #session: Session
  #parts: Parts
  #listeners = new Set<() => void>()
  #isNotifying = false
  #lastSyncedAt: number | null = null
  #unwatch: (() => void) | undefined
  #isClosed = false

  private constructor(at: Surroundings, options: Options, stored: ReadonlyMap<string, unknown>) {
    this.#at = at
    this.#options = options
    this.#session = new Session(at, options.server, () => {
      this.#parts.queue.pause()
      this.#parts.stream.dispatch('refresh-refused')
    })
    this.#session.restore(stored.get(TOKENS))
    this.#parts = this.#makeParts((stored.get(ACCOUNT) as Account | undefined) ?? null, stored)
    this.do = Object.fromEntries(
      (Object.keys(ways) as CommandName[]).map((name) => [camel(name), (input: object) => this.#mutate(name, input)]),
    ) as unknown as Methods
    this.#unwatch = at.watchNetwork?.((up) => {
      this.#parts.stream.dispatch(up ? 'network-up' : 'network-down')
      if (up && this.#isWanted()) this.#parts.queue.run()
    })
  }

  /** Reads what the device has stored. Connects to nothing yet. */
  static async open(at: Surroundings, options: Options): Promise<QTable> {
    return new QTable(at, options, await at.storage.load())
  }

  /** Signs a person in and starts. Throws `ClientError`: wrong-credentials, unreachable, storage. */
  async signIn(email: string, password: string): Promise<{ staffId: string; restaurantId: string; role: string }> {
    const { staffId, restaurantId, role } = await this.#session.signIn(email, password, this.#options.device)
    const { account } = this.#parts
    if (account?.restaurantId !== restaurantId || account.staffId !== staffId) {
      await this.#leaveAccount()
      await this.#at.storage.write([{ put: ACCOUNT, value: { restaurantId, staffId } }])
      this.#parts = this.#makeParts({ restaurantId, staffId }, await this.#at.storage.load())
    }
    this.#parts.stream.dispatch('signed-in')
    this.#parts.queue.run()
    this.#changed()
    return { staffId, restaurantId, role }
  }

  /** Ends the sign-in. What was not sent yet stays on the device and is sent when the same person signs in again. */
  async signOut(): Promise<void> {
    this.#parts.queue.pause()
    this.#parts.stream.dispatch('signed-out')
    await this.#parts.saver.flush().catch(() => undefined)
    await this.#session.signOut()
  }

  /** Connects, and stays connected until `stop`. Signed out, it waits for `signIn`. */
  start(): void {
    if (this.#isClosed) throw new ClientError('closed', 'This client was closed')
    this.#parts.stream.dispatch(this.#session.tokens ? 'start' : 'signed-out')
    if (this.#session.tokens) this.#parts.queue.run()
  }

  /** Lets go of the network and stores what is held. */
  async stop(): Promise<void> {
    this.#parts.queue.pause()
    this.#parts.stream.dispatch('stop')
    await this.#parts.saver.flush()
  }

  /** Stops, and closes the storage. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#unwatch?.()
    await this.stop().catch(() => undefined)
    await this.#at.storage.close()
  }

  /** Calls back after anything of what is shown changed; what it gives ends that. Several changes at once are one call. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What to show: the confirmed state with what was done here and is not decided yet. */
  get floor(): Floor {
    return this.#parts.floor
  }

  /** What the server has said, exactly as at `confirmed.seq`. */
  get confirmed(): Confirmed {
    return this.#parts.confirmed
  }

  get status(): State {
    return this.#parts.stream.state
  }

  get signedIn(): Pick<Tokens, 'staffId' | 'restaurantId' | 'role'> | null {
    return this.#session.tokens
  }

  /** How many mutations the server has not decided. */
  get pendingCount(): number {
    return this.#parts.queue.undecided.length
  }

  /** When this device last knew that it had everything, in milliseconds since 1970 by its clock; null: not since it was opened. */
  get lastSyncedAt(): number | null {
    return this.#lastSyncedAt
  }

  /** What was refused and nobody has dismissed, oldest first. */
  get conflicts(): readonly Conflict[] {
    return this.#parts.queue.conflicts
  }

  /** Forgets a conflict, by its mutation's id. */
  dismiss(mutationId: string): Promise<void> {
    return this.#parts.queue.dismiss(mutationId)
  }

  /** How often a wrong state was found by its hash and thrown away. */
  get repairs(): number {
    return this.#parts.stream.repairs
  }

  #mutate<Name extends CommandName>(command: Name, input: object): Sent<Results[Name]> {
    if (!this.#parts.account) throw new ClientError('not-signed-in', 'Sign in first')
    const way = ways[command]
    const id = newId()
    const made = way.makesId ? ((input as { id?: string }).id ?? newId()) : null
    const whole: Record<string, unknown> = { ...input, ...(made !== null && { id: made }) }
    if (way.guards && whole['version'] === undefined) {
      const [kind, field] = way.guards
      whole['version'] = this.floor.get(kind, String(whole[field]))?.version
    }
    const mutation: Mutation = {
      id,
      command,
      method: way.method,
      ...place(way.path, whole),
      version: typeof whole['version'] === 'number' ? whole['version'] : null,
      madeAt: this.#instant(),
      device: this.#options.device ?? null,
    }
    const { stored, settled } = this.#parts.queue.add(mutation)
    this.floor.add(mutation)
    this.#notify()
    return { id, made, stored, settled: settled as Promise<Settled<Results[Name]>> }
  }

  #makeParts(account: Account | null, stored: ReadonlyMap<string, unknown>): Parts {
    const at = this.#at
    const prefix = account ? `${account.restaurantId}/${account.staffId}/` : '-/'
    const confirmed = new Confirmed()
    const snapshot = stored.get(`${prefix}state`) as Snapshot | undefined
    if (snapshot) confirmed.take(snapshot)
    const changed = () => this.#changed()
    const epoch = () => confirmed.epoch
    const restaurant = `${this.#options.server}/v2/restaurants/${account?.restaurantId}`
    const send = (mutation: Mutation) => sendMutation(at, this.#session, restaurant, account?.staffId, mutation)
    const queue = new Queue({ at, prefix, send, epoch, changed, instant: () => this.#instant() }, stored)
    const saver = new Saver(at, `${prefix}state`, confirmed, queue)
    const stream = new Stream(
      {
        at,
        session: this.#session,
        confirmed,
        url: `${restaurant.replace('http', 'ws')}/stream`,
        device: this.#options.device,
        onChange: ({ mutationId, epoch, seq }) => queue.seen(mutationId, { epoch, seq }),
        changed: () => {
          saver.touch()
          this.#changed()
        },
        synced: () => {
          this.#lastSyncedAt = at.now()
        },
      },
      this.#session.tokens ? 'stopped' : 'signed-out',
    )
    return { account, confirmed, queue, stream, saver, floor: new Floor(confirmed, queue) }
  }

  async #leaveAccount(): Promise<void> {
    this.#parts.queue.pause()
    this.#parts.stream.dispatch('stop')
    await this.#parts.saver.flush()
  }

  #isWanted(): boolean {
    return !['stopped', 'signed-out'].includes(this.status)
  }

  #changed(): void {
    this.#parts.floor.refresh()
    this.#notify()
  }

  #notify(): void {
    if (this.#isNotifying) return
    this.#isNotifying = true
    queueMicrotask(() => {
      this.#isNotifying = false
      for (const listener of this.#listeners) listener()
    })
  }

  #instant(): Instant {
    return `${new Date(this.#at.now()).toISOString().slice(0, -1)}000Z` as Instant
  }
}

const camel = (name: string): string => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
