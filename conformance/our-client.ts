import { join } from 'node:path'
import type { QTable } from '../client/client.ts'
import { QTable as Client } from '../client/client.ts'
import { surroundings } from '../client/node.ts'
import { FileStorage } from '../client/storage-file.ts'
import type { Task } from './server.ts'

/** Our own client, for the kit: its clock runs at QTABLE_RATE, and it takes tasks as README.md says. */

const env = (name: string): string => process.env[`QTABLE_${name}`] ?? ''
const rate = Number(env('RATE'))
const server = env('URL')
const inLife = surroundings(new FileStorage(join(env('STATE'), 'client')))
const client = await Client.open(
  {
    ...inLife,
    now: () => Math.round(Date.now() * rate),
    after: (millis, callback) => inLife.after(millis / rate, callback),
  },
  { server, device: 'Ours' },
)
if (!client.signedIn) await client.signIn('host@cedar.example', 'a password')
client.start()

/** Makes the write that a task asks for. */
function write(to: QTable, { method, path, body }: Task): void {
  const guestId = path.split('/')[2]!
  const { settled } =
    method === 'DELETE' ? to.do.deleteGuest({ guestId, ...body }) : to.do.updateGuest({ guestId, ...body })
  settled.catch(() => undefined)
}

for (;;) {
  try {
    const answer = await fetch(`${server}/conformance/task`)
    if (answer.status === 200) write(client, (await answer.json()) as Task)
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
