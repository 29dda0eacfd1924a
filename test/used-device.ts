import { ACCOUNT, QTable } from '../client/client.ts'
import { TOKENS } from '../client/session.ts'
import { MemoryStorage } from '../client/storage.ts'
import { guest } from './floors.ts'
import { EPOCH, machine, snapshot, TOKENS_OF_S, type Reply } from './lines.ts'

/** The whole client on a device that was used before, with the server's side and the clock in the test's hand. */

const OWN = { restaurantId: 'r', staffId: 's' }

interface Used {
  readonly isUsed?: boolean
  readonly isSignedIn?: boolean
  readonly server?: string
  readonly name?: string
  /** Whether a person looks at its page; undefined: it has none. */
  readonly isShown?: boolean
}

/** A device that was used before: by whom, what it holds, and whether that person is still signed in. */
export async function device({
  isUsed = true,
  isSignedIn = true,
  server = 'https://q',
  name = 'Bar',
  isShown,
}: Used = {}) {
  const storage = new MemoryStorage()
  const held = snapshot(4, { kind: 'guest', id: 'a', version: 7, value: { ...guest('a', { version: 7 }) } })
  if (isUsed)
    await storage.write([
      { put: ACCOUNT, value: OWN },
      { put: 'r/s/state', value: held },
    ])
  if (isSignedIn) await storage.write([{ put: TOKENS, value: TOKENS_OF_S }])
  const asked: { url: string; body: Record<string, unknown>; token: string | undefined }[] = []
  const of = machine(storage, isShown)
  const replies: { answer: (url: string) => Reply | Promise<Reply> } = { answer: () => null }
  of.state.answer = (url, { body, headers }) => {
    asked.push({ url, body: JSON.parse(body ?? '{}') as Record<string, unknown>, token: headers['authorization'] })
    return replies.answer(url)
  }
  let closed = 0
  storage.close = () => Promise.resolve(void closed++)
  const open = () => QTable.open(of.at, { server, ...(name !== '' && { device: name }) })
  const qtable = await open()
  const stored = async <T = unknown>(prefix: string) =>
    [...(await storage.load())].flatMap(([key, value]) => (key.startsWith(prefix) ? [value as T] : []))
  const live = async () => {
    qtable.start()
    await of.settle()
    of.last().handlers.onOpen()
    of.say({ type: 'resumed', epoch: EPOCH, head: qtable.confirmed.seq })
  }
  return { ...of, qtable, open, storage, asked, replies, stored, live, closed: () => closed }
}

/** The server's answer to a sign-in. */
export const signedInAs = (staffId: string, restaurantId = 'r') =>
  [
    200,
    { accessToken: `of ${staffId}`, refreshToken: 'x', expiresInSeconds: 600, staffId, restaurantId, role: 'host' },
  ] as const
