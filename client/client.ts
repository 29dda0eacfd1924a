import type { Instant } from '../src/platform/clock.ts'
import { attention, type Attention } from './attention.ts'
import type { News } from './changes.ts'
import type { CommandName, Results } from './commands.ts'
import type { Connection, State } from './connection.ts'
import type { Floor } from './floor.ts'
import { Listeners } from './listeners.ts'
import { methodsOf, mutationOf, type Methods, type Sent } from './methods.ts'
import type { Conflict } from './mutations.ts'
import { makeParts, peopleOf, type Account, type Options, type Parts, type PartsDeps } from './parts.ts'
import type { Person } from './people.ts'
import type { Pending, Settled } from './queued.ts'
import type { Schema } from './read.ts'
import { Session, TOKENS, type Tokens } from './session.ts'
import type { Confirmed } from './state.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError } from './words.ts'

/** The key of whose device this is: also while nobody is signed in. */
export const ACCOUNT = 'account'

/**
 * A device's view of one restaurant's floor: shown at once from what was stored, kept the same as every other device's while there is a network, and worked with
 * where there is none. Open one with node.ts or browser.ts.
 */
export class QTable {
  /** What people do. Each returns at once; nothing throws but `ClientError`: not-signed-in, person-needed, queue-full, too-large. */
  readonly do: Methods
  readonly #at: Surroundings
  readonly #options: Options
  readonly #session: Session
  #parts: Parts
  readonly #attention: Attention
  readonly #listeners = new Listeners()
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
    this.do = methodsOf((name, input) => this.#mutate(name, input))
    this.#attention = attention(at, () => this.wake())
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
    await this.#enter({ restaurantId, staffId })
    return { staffId, restaurantId, role }
  }

  /**
   * Signs in as a shared device, by a code of `add-device`, and starts. People then switch on it with `switchPerson`. Throws `ClientError`: wrong-code,
   * too-many-attempts, unreachable, storage.
   */
  async pairDevice(code: string): Promise<{ deviceId: string; restaurantId: string }> {
    const { staffId: deviceId, restaurantId } = await this.#session.pair(code)
    await this.#enter({ restaurantId, staffId: deviceId, isDevice: true })
    return { deviceId, restaurantId }
  }

  /**
   * On a shared device, lets a person act from now on: what is done here is theirs. What others did stays in the queue, and theirs. Throws `ClientError`:
   * not-a-device, wrong-pin, pin-not-set, too-many-attempts, unreachable (no network, and the PIN can't be checked here), not-signed-in, storage.
   */
  async switchPerson(staffId: string, pin: string): Promise<Person> {
    const person = await peopleOf(this.#parts).switchTo(staffId, pin)
    this.#listeners.notify()
    return person
  }

  /** Nobody acts on this shared device until the next `switchPerson`. Throws `ClientError`: not-a-device, storage. */
  async leavePerson(): Promise<void> {
    await peopleOf(this.#parts).leave()
    this.#listeners.notify()
  }

  /** Who acts: the person on a shared device, or whose account it is; null where somebody has to enter a PIN, or sign in. */
  get person(): Person | null {
    return this.#parts.people ? this.#parts.people.acting : this.#session.tokens
  }

  /**
   * Ends the sign-in. What was not sent yet stays on the device and is sent when the same person signs in again; with `forget` it is gone, and so is everything
   * else of the restaurant: ask before, where `pending` is not empty. Throws `ClientError` storage.
   */
  async signOut({ forget = false }: { readonly forget?: boolean } = {}): Promise<void> {
    if (forget) return this.forget()
    this.#parts.queue.pause()
    this.#parts.stream.dispatch('signed-out')
    await this.#parts.saver.flush().catch(() => undefined)
    await this.#session.signOut()
  }

  /** Signs out, and leaves nothing on the device: no floor, no guests, no work, of whoever it was. Throws `ClientError` storage: some of it may be left. */
  async forget(): Promise<void> {
    const { queue, stream, saver } = this.#parts
    stream.dispatch('signed-out')
    queue.forget()
    saver.forget()
    // The server is told last: without a network that takes its time.
    const signedOut = this.#session.signOut().catch(() => undefined)
    this.#parts = this.#makeParts(null, new Map())
    this.#changed()
    try {
      await this.#at.storage.clear()
    } catch (error) {
      throw new ClientError('storage', 'What is stored on this device could not be removed', error)
    }
    await signedOut
  }

  /** Connects, and stays connected until `stop`. Signed out, it waits for `signIn`. */
  start(): void {
    if (this.#isClosed) throw new ClientError('closed', 'This client was closed')
    this.#parts.stream.dispatch(this.#session.tokens ? 'start' : 'signed-out')
    if (this.#session.tokens) this.#parts.queue.run()
  }

  /**
   * Looks at once whether the server is still there: for when the page is shown again, or the machine has slept. A connection that says nothing for 2 s is
   * replaced. A page does this by itself.
   */
  wake(): void {
    this.#parts.stream.dispatch('wake')
    if (this.#isWanted()) this.#parts.queue.run()
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
    this.#attention.end()
    await this.stop().catch(() => undefined)
    await this.#at.storage.close()
  }

  /** Calls back after anything of what is shown changed; what it gives ends that. Several changes at once are one call. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.subscribe(listener)
  }

  /**
   * Calls back for each change of the restaurant, also of other devices, in their order; what it gives ends that. `floor` may be further already. What a device
   * missed comes too, while `connection` is catching up; a new snapshot brings none.
   */
  onChange(listener: (news: News) => void): () => void {
    return this.#listeners.onChange(listener)
  }

  /**
   * Reads what the floor doesn't have: `/staff`, `/guests?…` below the restaurant, or `/v2/me`. Gives the whole answer, through `schema` where one is given.
   * Throws `ClientError`: not-signed-in, unreachable, or the server's code; and what the schema throws.
   */
  read<T = unknown>(path: string, { schema }: { readonly schema?: Schema<T> } = {}): Promise<T> {
    return this.#parts.reader.read(path, schema)
  }

  /** What to show: the confirmed state with what was done here and is not decided yet. */
  get floor(): Floor {
    return this.#parts.floor
  }

  /** What the server has said, exactly as at `confirmed.seq`. */
  get confirmed(): Confirmed {
    return this.#parts.confirmed
  }

  /** How the device stands, for people: it does not flap while there is no network. The same object until it changes. */
  get connection(): Connection {
    return this.#parts.connection
  }

  /** What time it is at the server, in milliseconds since 1970: the device's clock may be wrong. Its own time where it has never heard the server's. */
  serverNow(): number {
    return this.#at.now() + this.#parts.clock.offset
  }

  /** The connection's state, step by step. */
  get status(): State {
    return this.#parts.stream.state
  }

  /** The account: a person, or with `isDevice` a shared device. Who acts is `person`. */
  get signedIn(): Pick<Tokens, 'staffId' | 'restaurantId' | 'role' | 'isDevice'> | null {
    return this.#session.tokens
  }

  /** How many mutations the server has not decided. */
  get pendingCount(): number {
    return this.#parts.queue.undecided.length
  }

  /** What the server has not decided, in its order. */
  get pending(): readonly Pending[] {
    return this.#parts.queue.pending
  }

  /** Takes back what was never sent, as if it had not been done; false where the server has it or may have it. Throws `ClientError` storage. */
  withdraw(mutationId: string): Promise<boolean> {
    return this.#parts.queue.withdraw(mutationId)
  }

  /** When this device last knew that it had everything, in milliseconds since 1970 by its clock, also before it was opened; null: never. */
  get lastSyncedAt(): number | null {
    return this.#parts.lastSyncedAt
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
    const { account, people } = this.#parts
    if (!account) throw new ClientError('not-signed-in', 'Sign in first')
    const staffId = people ? people.acting?.staffId : account.staffId
    if (staffId === undefined) throw new ClientError('person-needed', 'Somebody has to enter their PIN')
    const device = this.#options.device ?? null
    const { mutation, made } = mutationOf(command, input, this.floor, this.#instant(), device, staffId)
    const { stored, settled } = this.#parts.queue.add(mutation)
    this.floor.add(mutation)
    this.#listeners.notify()
    return { id: mutation.id, made, stored, settled: settled as Promise<Settled<Results[Name]>> }
  }

  #makeParts(account: Account | null, stored: ReadonlyMap<string, unknown>): Parts {
    const deps: PartsDeps = {
      at: this.#at,
      session: this.#session,
      server: this.#options.server,
      device: this.#options.device,
      changed: () => this.#changed(),
      notify: () => this.#listeners.notify(),
      news: (news) => this.#listeners.tell(news),
      isWatched: () => this.#attention.isPaid(),
      instant: () => this.#instant(),
    }
    return makeParts(deps, account, stored)
  }

  /** Takes the parts of who has signed in. */
  async #enter(account: Account): Promise<void> {
    const before = this.#parts.account
    const isOther = before?.restaurantId !== account.restaurantId || before.staffId !== account.staffId
    if (isOther) await this.stop()
    // Also for the same one: the browser may have emptied its storage.
    await this.#at.storage.write([{ put: ACCOUNT, value: account }])
    if (isOther) this.#parts = this.#makeParts(account, await this.#at.storage.load())
    this.#parts.stream.dispatch('signed-in')
    this.#parts.queue.run()
    this.#changed()
  }

  #isWanted(): boolean {
    return !['stopped', 'signed-out'].includes(this.status)
  }

  #changed(): void {
    this.#parts.floor.refresh()
    this.#listeners.notify()
  }

  #instant(): Instant {
    return `${new Date(this.#at.now()).toISOString().slice(0, -1)}000Z` as Instant
  }
}
