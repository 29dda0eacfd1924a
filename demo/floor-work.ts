import type { Copy } from './copy.ts'
import type { House } from './house.ts'

/** What hosts do with tables that has nothing to do with a party: one is broken, one more is put up, one is kept for a reservation. */

interface Job {
  readonly at: number
  /** Does it or finds that it can't be done now; false to be asked again. */
  readonly run: (copy: Copy, now: number) => boolean
}

const TABLES_AN_OUTAGE = 12
const HOLD_BEFORE = 10
const HOLD_FROM_SIZE = 4
const HOLD_SHARE = 0.4
const RELEASE_AFTER = 25

/** The evening's jobs of one house, waiting for their time. */
export class FloorWork {
  readonly #house: House
  readonly #jobs: Job[] = []

  constructor(house: House, tables: number) {
    this.#house = house
    const { from, to } = house.clock
    const sometime = (low: number, high: number) => from + (to - from) * house.random.between(low, high)
    for (let i = 0; i < Math.max(1, tables / TABLES_AN_OUTAGE); i++)
      this.#jobs.push({ at: sometime(0.02, 0.8), run: (copy, now) => this.#outOfService(copy, now) })
    this.#jobs.push({ at: sometime(0.3, 0.4), run: () => this.#extraTable(sometime(0.85, 0.95)) })
    this.#jobs.push({ at: sometime(0.5, 0.8), run: (copy) => this.#removeTaken(copy) })
    for (const party of house.parties) {
      const { reservedFor, size } = party.plan
      if (reservedFor === null || size < HOLD_FROM_SIZE || !house.random.chance(HOLD_SHARE)) continue
      this.#jobs.push({
        at: Math.max(from, reservedFor - HOLD_BEFORE),
        run: (copy, now) => this.#hold(party, reservedFor, copy, now),
      })
    }
  }

  /** Does what is due. */
  look(copy: Copy, now: number): void {
    for (const job of this.#jobs.filter((each) => each.at <= now))
      if (job.run(copy, now)) this.#jobs.splice(this.#jobs.indexOf(job), 1)
  }

  #set(id: string, number: unknown, status: string, news: string): boolean {
    const done = this.#house.act([id], (device) => device.act('PUT', `/tables/${id}`, { status }))
    if (done) this.#house.tell(`table ${String(number)} ${news}`)
    return done
  }

  #outOfService(copy: Copy, now: number): boolean {
    const house = this.#house
    const free = [...copy.tables].filter(([id, table]) => house.isFree(id, table, now))
    if (free.length === 0) return false
    const [id, { tableNumber }] = house.random.pick(free) as [string, { tableNumber?: unknown }]
    if (!this.#set(id, tableNumber, 'outOfService', 'is out of service')) return false
    const back = now + house.random.between(15, 40)
    this.#jobs.push({ at: back, run: () => this.#set(id, tableNumber, 'available', 'is back') })
    return true
  }

  #hold(party: House['parties'][number], reservedFor: number, copy: Copy, now: number): boolean {
    const house = this.#house
    // They came early, or no table became free in time.
    if (party.phase === 'waiting' || party.phase === 'seated' || party.phase === 'gone' || now > reservedFor)
      return true
    const free = [...copy.tables]
      .filter(([id, table]) => house.isFree(id, table, now) && Number(table['capacity']) >= party.size)
      .sort(([, a], [, b]) => Number(a['capacity']) - Number(b['capacity']))[0]
    if (!free || !this.#set(free[0], free[1]['tableNumber'], 'reserved', 'is kept for a reservation')) return false
    party.heldTable = free[0]
    this.#jobs.push({ at: reservedFor + RELEASE_AFTER, run: (later) => this.#release(party, later) })
    return true
  }

  /** Still reserved although its party came too late or sits elsewhere: free again. */
  #release(party: House['parties'][number], copy: Copy): boolean {
    const id = party.heldTable!
    const table = copy.tables.get(id)
    if (this.#house.isBusy(id)) return false
    party.heldTable = null
    if (table?.['status'] !== 'reserved') return true
    return this.#set(id, table['tableNumber'], 'available', 'is kept no longer')
  }

  /** One more table for two, until late in the evening. */
  #extraTable(until: number): boolean {
    const house = this.#house
    const body = { table_number: '900', capacity: 2, position: { x: 0.97, y: 0.03 }, shape: 'round', section: 'Extra' }
    return house.act(['extra'], async (device) => {
      const answer = await device.act('POST', '/tables', body)
      if (answer?.status !== 200) return answer
      const { id } = answer.body as { id: string }
      house.tell('one more table is put up: 900')
      this.#jobs.push({ at: until, run: (copy, now) => this.#takeAway(id, copy, now) })
      return answer
    })
  }

  #takeAway(id: string, copy: Copy, now: number): boolean {
    const table = copy.tables.get(id)
    if (!table || !this.#house.isFree(id, table, now)) return false
    return this.#house.act([id], (device) => device.act('DELETE', `/tables/${id}`))
  }

  /** A slip that the server must refuse: to remove a table at which people sit. */
  #removeTaken(copy: Copy): boolean {
    const [id] = [...copy.tables].find(([id, table]) => table['currentGuestId'] && !this.#house.isBusy(id)) ?? []
    return id !== undefined && this.#house.act([id], (device) => device.act('DELETE', `/tables/${id}`))
  }
}
