import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { asRefusal } from './database-errors.ts'

const comeBack = { code: 'busy', status: 503 }

test('P18: a connection that ends while it is written to is told to come back, however Node says so', async () => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false })
  const error = new Promise((resolve) => socket.once('error', resolve))
  // Heard before the socket ends its own side: what is written now finds that the other has ended.
  socket.resume().prependListener('end', () => queueMicrotask(() => socket.write('select 1')))
  expect(await error).toMatchObject({ message: 'This socket has been ended by the other party' })
  expect(asRefusal(await error)).toMatchObject(comeBack)

  const gone = connect({ port: 1, host: '127.0.0.1' })
  const [refused] = (await once(gone, 'error')) as unknown[]
  expect(asRefusal(refused)).toMatchObject(comeBack)
  socket.destroy()
  const [written] = (await new Promise((resolve) => socket.write('x', (...said) => resolve(said)))) as unknown[]
  expect(asRefusal(written)).toMatchObject(comeBack)
  server.close()
})

test('P18: a fault of the code is no refusal', () => {
  const fault = new TypeError('undefined is not a function')
  expect(asRefusal(fault)).toBe(fault)
})
