import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import pg from 'pg'
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

test('P18: of what PostgreSQL refuses, come back where it is its own state, and not where it is what was asked', () => {
  const told = (code: string) => asRefusal(Object.assign(new pg.DatabaseError('said', 4, 'error'), { code }))
  // Timeouts; the connection; full; going, gone or another database; its disk. Appendix A of its manual.
  for (const code of ['57014', '55P03', '25P03', '08006', '53300', '53100', '57P01', '57P03', '57P05', '58030'])
    expect(told(code), code).toMatchObject(comeBack)
  for (const code of ['23505', '22P02', '42P01', '55000', 'XX000', '25P02'])
    expect(told(code), code).toBeInstanceOf(pg.DatabaseError)
})

test('P18: a fault of the code is no refusal', () => {
  const fault = new TypeError('undefined is not a function')
  expect(asRefusal(fault)).toBe(fault)
})
