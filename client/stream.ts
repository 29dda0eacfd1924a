import { backoff } from './backoff.ts'
import { next, type Action, type Event, type State } from './connection.ts'
import { limits } from './limits.ts'
import type { Session } from './session.ts'
import type { Confirmed } from './state.ts'
import type { Socket, Surroundings } from './surroundings.ts'
import { ClientError, readMessage, type Change, type Entity, type Heartbeat, type ServerMessage } from './words.ts'

export interface StreamDeps {
  readonly at: Surroundings
  readonly session: Session
  readonly confirmed: Confirmed
  /** The socket's address. */
  readonly url: string
  readonly device: string | undefined
  /** A change was applied, in order. `before` has what each of its entries was. */
  readonly onChange: (change: Change, before: readonly (Entity | undefined)[]) => void
  /** The confirmed state is another one. */
  readonly changed: () => void
  /** The connection's state is another one. */
  readonly moved: (state: State) => void
  /** A heartbeat said what time it is at the server. */
  readonly heard: (at: string) => void
  /** Whether a person looks: then a server that is silent is noticed sooner. */
  readonly isWatched: () => boolean
  /** Called when the state held is the newest there is. */
  readonly synced: () => void
}

type Timer = 'retry' | 'silence' | 'hello' | 'applied'

/** Keeps the confirmed state up to date over a socket: does what the table of connection.ts says. Spec: D2, D3, D14. */
export class Stream {
  readonly #deps: StreamDeps
  #state: State
  #socket: Socket | null = null
  /** Which attempt this is: what an earlier one still has to say does not count. */
  #turn = 0
  #token = ''
  #failures = 0
  #openedAt: number | null = null
  #advisedMillis = 0
  #head = 0
  #awaitsSnapshot = false
  /** Where this device stood at a heartbeat that was ahead of it. */
  #behindAt: number | null = null
  #repairMillis: number = limits.repairMillis
  #repairAt = 0
  /** How often a wrong state was found and thrown away. */
  repairs = 0
  #helloAt = Number.NEGATIVE_INFINITY
  #appliedAt = Number.NEGATIVE_INFINITY
  #toldAt = Number.NEGATIVE_INFINITY
  #timers: Partial<Record<Timer, (() => void) | null>> = {}

  constructor(deps: StreamDeps, state: State) {
    this.#deps = deps
    this.#state = state
  }

  get state(): State {
    return this.#state
  }

  dispatch(event: Event): void {
    // What is impossible leads nowhere and does nothing.
    const { to, actions } = next(this.#state, event)
    const before = this.#state
    this.#state = to
    for (const action of actions) this.#do(action)
    if (before !== this.#state) this.#deps.moved(to)
  }

  #do(action: Action): void {
    const { at } = this.#deps
    if (action === 'open') this.#open()
    if (action === 'close') this.#close()
    if (action === 'greet') this.#greet(false)
    if (action === 'greet-anew') this.#greet(true)
    if (action === 'probe') this.#probe()
    if (action === 'expire') this.#deps.session.expire(this.#token)
    if (action === 'wait') this.#retryAfter(backoff(this.#failures++, at.random))
    if (action === 'wait-advised') this.#retryAfter(this.#advisedMillis)
    if (action === 'wait-barred') this.#retryAfter(limits.barredMillis)
  }

  #retryAfter(millis: number): void {
    this.#set('retry', millis, () => this.dispatch('retry'))
  }

  #set(name: Timer, millis: number, callback: () => void): void {
    this.#timers[name]?.()
    this.#timers[name] = this.#deps.at.after(millis, () => {
      this.#timers[name] = null
      callback()
    })
  }

  #open(): void {
    this.#close()
    const turn = this.#turn
    this.#watch()
    const ifMine = (then: () => void) => () => {
      if (turn === this.#turn) then()
    }
    const opened = async () => {
      const token = await this.#deps.session.token()
      if (turn !== this.#turn) return
      this.#token = token
      this.#socket = this.#deps.at.openSocket(this.#deps.url, token, {
        onOpen: ifMine(() => {
          this.#openedAt = this.#deps.at.now()
          this.dispatch('opened')
        }),
        onText: (text) => ifMine(() => this.#hear(text))(),
        onClose: (code) => ifMine(() => this.dispatch(closing(code)))(),
      })
    }
    opened().catch((error: unknown) => {
      const isSignedOut = error instanceof ClientError && error.code === 'not-signed-in'
      ifMine(() => this.dispatch(isSignedOut ? 'signed-out' : 'unreachable'))()
    })
  }

  #close(): void {
    this.#turn++
    for (const name of Object.keys(this.#timers) as Timer[]) {
      this.#timers[name]?.()
      this.#timers[name] = null
    }
    if (this.#openedAt !== null && this.#deps.at.now() - this.#openedAt >= limits.settledMillis) this.#failures = 0
    this.#openedAt = null
    this.#awaitsSnapshot = false
    this.#behindAt = null
    this.#socket?.close()
    this.#socket = null
  }

  #watch(): void {
    // Only a live device is asked so soon: the answer would stand behind whatever else is on its way.
    if (this.#state === 'live' && this.#deps.isWatched()) this.#set('silence', limits.quietMillis, () => this.#probe())
    else this.#set('silence', limits.silenceMillis, () => this.dispatch('silence'))
  }

  #probe(): void {
    this.#send({ type: 'ping' })
    // Where connections are lost one after the other the network may just be slow.
    const millis = Math.min(limits.silenceMillis, limits.pongMillis * 2 ** Math.min(this.#failures, 10))
    this.#set('silence', millis, () => this.dispatch('silence'))
  }

  #greet(anew: boolean): void {
    const wait = this.#helloAt + limits.helloMillis - this.#deps.at.now()
    if (wait > 0 && wait <= limits.helloMillis) return this.#set('hello', wait, () => this.#hello(anew))
    this.#hello(anew)
  }

  #hello(anew: boolean): void {
    const { epoch, seq, at } = this.#deps.confirmed
    this.#helloAt = this.#deps.at.now()
    this.#behindAt = null
    this.#send({
      type: 'hello',
      token: this.#token,
      ...(!anew && epoch !== null && { epoch, since: seq, ...(at !== null && { at }) }),
      device: this.#deps.device,
    })
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message))
  }

  #hear(text: string): void {
    const message = readMessage(text)
    // Whoever answers anything but the greeting for too long is not to be waited for.
    if (this.#state !== 'greeting') this.#watch()
    try {
      if (message) this.#take(message)
    } catch {
      // A message that isn't what it says it is may have been taken by half: nothing of the state is trusted.
      this.dispatch('diverged')
    }
    if (this.#state === 'catching-up') this.#lookWhetherCaughtUp()
  }

  #take(message: ServerMessage): void {
    switch (message.type) {
      case 'resumed':
        this.#head = message.head
        this.#watch()
        return this.dispatch(message.epoch === this.#deps.confirmed.epoch ? 'resumed' : 'diverged')
      case 'resync':
        this.#head = message.head
        this.#awaitsSnapshot = true
        this.#watch()
        return this.dispatch('resync')
      case 'snapshot':
        this.#deps.confirmed.take(message)
        this.#head = Math.max(this.#head, message.seq)
        this.#awaitsSnapshot = false
        if (this.#deps.confirmed.hash() === message.hash) this.#mayRepair()
        return this.#deps.changed()
      case 'changes':
        return this.#apply(message.changes)
      case 'heartbeat':
        return this.#beat(message)
      case 'reconnect':
        this.#advisedMillis = Math.min(Math.max(0, message.afterMillis), limits.barredMillis)
        return this.dispatch('advised')
      case 'pong':
    }
  }

  #apply(changes: readonly Change[]): void {
    if (this.#awaitsSnapshot) return
    for (const change of changes) {
      const before = change.entries.map(({ kind, id }) => this.#deps.confirmed.get(kind, id))
      const became = this.#deps.confirmed.apply(change)
      if (became === 'gap' || became === 'epoch') return this.dispatch('gap')
      this.#head = Math.max(this.#head, change.seq)
      if (became === 'applied') this.#deps.onChange(change, before)
    }
    // What comes in a hundred frames is not to be shown a hundred times. The last is told with the state: it is live then.
    const { at, confirmed } = this.#deps
    const isBehind = this.#state === 'catching-up' && confirmed.seq < this.#head
    if (!isBehind || at.now() - this.#toldAt >= limits.catchUpMillis) {
      this.#toldAt = at.now()
      this.#deps.changed()
    }
    if (this.#state === 'live') this.#deps.synced()
    this.#tellApplied()
  }

  /** Once a second at most, the newest. */
  #tellApplied(): void {
    if (this.#timers.applied) return
    const wait = Math.min(limits.appliedMillis, this.#appliedAt + limits.appliedMillis - this.#deps.at.now())
    this.#set('applied', Math.max(0, wait), () => {
      this.#appliedAt = this.#deps.at.now()
      this.#send({ type: 'applied', seq: this.#deps.confirmed.seq })
    })
  }

  #lookWhetherCaughtUp(): void {
    if (this.#awaitsSnapshot || this.#deps.confirmed.seq < this.#head) return
    this.dispatch('caught-up')
    this.#watch()
    this.#deps.synced()
  }

  #beat({ epoch, head, at, horizon, hash }: Heartbeat): void {
    const { confirmed } = this.#deps
    this.#deps.heard(at)
    if (this.#awaitsSnapshot || this.#state === 'greeting') return
    if (epoch !== confirmed.epoch) return this.dispatch('gap')
    this.#head = head
    if (head > confirmed.seq) {
      if (this.#behindAt === confirmed.seq) return this.dispatch('gap')
      this.#behindAt = confirmed.seq
      return
    }
    this.#behindAt = null
    // A beat that was overtaken by a change says nothing of the state held now.
    if (head < confirmed.seq) return
    const size = confirmed.size
    const counts = confirmed.prune(horizon)
    if (confirmed.size !== size) this.#deps.changed()
    if (counts) this.#compare(hash)
    if (this.#state === 'live') this.#deps.synced()
  }

  /** Fetching the state anew helps, or there was no need to. */
  #mayRepair(): void {
    this.#repairMillis = limits.repairMillis
    this.#repairAt = 0
  }

  #compare(hash: string): void {
    const { confirmed, at } = this.#deps
    confirmed.recheck()
    if (confirmed.hash() === hash) return this.#mayRepair()
    // Where fetching anew does not help the fault lies elsewhere, and fetching on would only be a burden.
    if (at.now() < this.#repairAt) return
    this.#repairAt = at.now() + this.#repairMillis
    this.#repairMillis = Math.min(this.#repairMillis * 2, limits.repairMostMillis)
    this.repairs++
    this.dispatch('diverged')
  }
}

function closing(code: number): Event {
  if (code === 4401) return 'unauthorized'
  return code === 4403 ? 'forbidden' : 'closed'
}
