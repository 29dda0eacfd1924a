import { standing, type Connection } from './connection.ts'
import { newsOf, type News } from './changes.ts'
import { Floor } from './floor.ts'
import type { Mutation } from './mutations.ts'
import { People } from './people.ts'
import { Queue } from './queue.ts'
import { Reader } from './read.ts'
import { Saver, type Synced } from './saver.ts'
import { sendMutation } from './send-mutation.ts'
import { ServerClock } from './server-clock.ts'
import type { Session } from './session.ts'
import { Confirmed } from './state.ts'
import { Stream } from './stream.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError, type Snapshot } from './words.ts'

export interface Options {
  /** The server's address: `https://floor.example`. */
  readonly server: string
  /** What this device is called: `Host stand`. Others read it in conflicts. A shared device has the name that it was added with. */
  readonly device?: string
}

export interface Account {
  readonly restaurantId: string
  /** The person; or the shared device. */
  readonly staffId: string
  readonly isDevice?: boolean
}

/** Everything that belongs to one account on this device. */
export interface Parts {
  readonly account: Account | null
  readonly confirmed: Confirmed
  readonly queue: Queue
  readonly stream: Stream
  readonly floor: Floor
  readonly saver: Saver
  readonly reader: Reader
  /** Who acts on a shared device; null where the account is a person's. */
  readonly people: People | null
  readonly clock: ServerClock
  /** How the device stands. */
  connection: Connection
  /** When it last knew that it had everything, by its clock; null: never. */
  lastSyncedAt: number | null
}

export interface PartsDeps {
  readonly at: Surroundings
  readonly session: Session
  readonly server: string
  readonly device: string | undefined
  /** What is shown changed. */
  readonly changed: () => void
  /** Something else changed that a listener may read. */
  readonly notify: () => void
  readonly news: (news: News) => void
  /** Whether a person looks. */
  readonly isWatched: () => boolean
  readonly instant: () => string
}

/** Connects the parts of one account, with what is stored of it; of nobody where there is none. */
export function makeParts(deps: PartsDeps, account: Account | null, stored: ReadonlyMap<string, unknown>): Parts {
  const { at, session, server, device, changed, notify } = deps
  const prefix = account ? `${account.restaurantId}/${account.staffId}/` : '-/'
  const confirmed = new Confirmed()
  const snapshot = stored.get(`${prefix}state`) as Snapshot | undefined
  if (snapshot) confirmed.take(snapshot)
  const synced = stored.get(`${prefix}synced`) as Synced | undefined
  const clock = new ServerClock(synced?.offset)
  const restaurant = `${server}/v2/restaurants/${account?.restaurantId}`
  const people = account?.isDevice ? new People(at, session, server, prefix, stored) : null
  const send = (mutation: Mutation) =>
    sendMutation(at, session, restaurant, account?.staffId, (id) => people?.grantOf(id) ?? null, mutation)
  const queue = new Queue({ at, prefix, send, epoch: () => confirmed.epoch, changed, instant: deps.instant }, stored)
  const saver = new Saver(at, prefix, confirmed, queue)
  const stream = new Stream(
    {
      at,
      session,
      confirmed,
      url: `${restaurant.replace('http', 'ws')}/stream`,
      device,
      isWatched: deps.isWatched,
      onChange(change, before) {
        const isOwn = queue.seen(change.mutationId, change)
        deps.news(newsOf(change, before, isOwn))
      },
      changed() {
        saver.touch()
        changed()
      },
      moved(state) {
        const is = standing(parts.connection.is, state)
        if (is !== parts.connection.is) parts.connection = { is, since: at.now() }
        notify()
      },
      heard: (serverAt) => clock.heard(serverAt, at.now()),
      synced() {
        parts.lastSyncedAt = at.now()
        saver.synced({ at: at.now(), offset: clock.offset })
        notify()
      },
    },
    session.tokens ? 'stopped' : 'signed-out',
  )
  const parts: Parts = {
    account,
    people,
    confirmed,
    queue,
    stream,
    saver,
    clock,
    floor: new Floor(confirmed, queue),
    reader: new Reader(at, session, server, restaurant),
    // Nobody knows yet: it is offline once an attempt has failed.
    connection: { is: session.tokens ? 'catching-up' : 'signed-out', since: at.now() },
    lastSyncedAt: synced?.at ?? null,
  }
  return parts
}

/** Who may act here. Throws `ClientError` not-a-device where the account is a person's. */
export function peopleOf({ people }: Parts): People {
  if (!people) throw new ClientError('not-a-device', 'This is no shared device: it was not paired')
  return people
}
