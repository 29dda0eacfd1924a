import pg from 'pg'

/** One statement as it went to the database. Statements with the same `trip` were sent before any of them was answered. */
export interface Sent {
  readonly text: string
  readonly values: readonly unknown[]
  readonly trip: number
}

interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
}
type Send = (this: pg.Client, query: string | Query) => Promise<unknown>

/** Everything that `work` sends to the database, written down where the driver is given it. */
export async function capture(work: () => Promise<unknown>): Promise<Sent[]> {
  const prototype = pg.Client.prototype as unknown as { query: Send }
  const original = prototype.query
  const sent: Sent[] = []
  let trip = 0
  let answered = false
  prototype.query = function (query) {
    if (answered) trip++
    answered = false
    sent.push(typeof query === 'string' ? { text: query, values: [], trip } : { values: [], ...query, trip })
    const result = original.call(this, query)
    const note = () => void (answered = true)
    result.then(note, note)
    return result
  }
  try {
    await work()
  } finally {
    prototype.query = original
  }
  return sent
}
