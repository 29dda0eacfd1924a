import { expect, test } from 'vitest'
import { newId } from '../../platform/ids.ts'
import { Tokens } from '../../platform/tokens.ts'
import { makeDevice, networkOf, staffOfDevice } from './known-devices.ts'
import { makeRefreshToken } from './refresh-tokens.ts'
import { sameEmail } from './sign-in.ts'

test('A14: an address counts as itself, of IPv6 its first 64 bits however they are written', () => {
  for (const [address, network] of [
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
    ['nonsense', 'nonsense'],
  ] as const)
    expect(networkOf(address), address).toBe(network)
})

test('A14: a device says whose it is, and only what this server gave out does', () => {
  const tokens = new Tokens('a secret key for tests only, long enough')
  const id = newId()
  const device = makeDevice(tokens, id)
  expect(staffOfDevice(tokens, device)).toBe(id)
  expect(makeDevice(tokens, id)).not.toBe(device)
  const others = [
    '',
    'nonsense',
    `${device}x`,
    device.slice(1),
    makeDevice(new Tokens('another secret key, long enough'), id),
    makeRefreshToken(tokens, newId(), newId()).text,
    tokens.seal(Buffer.from(id.replaceAll('-', ''), 'hex')),
  ]
  for (const other of others) expect(staffOfDevice(tokens, other), other).toBeNull()
})

test('A14: whatever the database may take for one e-mail is counted as one', () => {
  for (const email of ['IDA@CEDAR.EXAMPLE', 'Ida@cedar.example', '\u0130da@cedar.example', 'I\u0307da@cedar.example'])
    expect(sameEmail(email)).toBe('ida@cedar.example')
  expect(sameEmail('\u212aate@cedar.example')).toBe('kate@cedar.example')
  expect(sameEmail('ada@cedar.example')).not.toBe(sameEmail('ida@cedar.example'))
})
