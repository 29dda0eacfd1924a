import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { cleanUp, cleanUpAll, startServer } from './server.ts'

/** Many that connect in the same moment, while the server has no time for any of them. */

const COMERS = 1_000

afterEach(cleanUpAll)

test(`F7: ${COMERS} that connect while the server is busy are all in line, and are answered when it has time`, async () => {
  const server = await startServer({})
  const { hostname, port } = new URL(server.base)
  process.kill(server.pid, 'SIGSTOP')
  const go = () => process.kill(server.pid, 'SIGCONT')
  const sockets = Array.from({ length: COMERS }, () => connect(Number(port), hostname))
  cleanUp(async () => {
    go()
    for (const socket of sockets) socket.destroy()
  })
  // Linux answers for the server as long as there is room in the line; else each tries again after a second, and after three.
  const connected = sockets.map((socket) => once(socket, 'connect', { signal: AbortSignal.timeout(20_000) }))
  const ended = await Promise.allSettled(connected)
  expect(ended.filter(({ status }) => status === 'rejected')).toEqual([])
  const answers = sockets.map(async (socket) => {
    socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return answer.toString('latin1').slice(0, 12)
  })
  go()
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 200']))
})
