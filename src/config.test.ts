import { expect, test } from 'vitest'
import { readConfig, settings } from './config.ts'

test('P1: nothing given is a good configuration, and every setting has its default', () => {
  const read = readConfig({})
  expect(read).toHaveProperty('config')
  if (!('config' in read)) return
  for (const [name, { otherwise }] of Object.entries(settings)) expect(read.config).toHaveProperty(name, otherwise)
})

test('P1: all problems are told at once', () => {
  const read = readConfig({
    DATABASE_URL: 'mysql://x',
    PORT: '99999',
    ALGORITHM: 'RS256',
    POOL_SIZE: 'many',
    LOG_LEVEL: 'loud',
    ADMIN_EMAIL: 'a@b.example',
    TOKENLESS_SOCKETS: 'yes',
    MESSAGE_NETS: '10.0.0.0/99',
    SMTP_URL: 'smtp://mail.example',
    PUSH_KEYS: 'x:y',
    PUSH_CONTACT: 'mailto:ops@qtable.example',
  })
  expect(read).toHaveProperty('problems')
  const problems = 'problems' in read ? read.problems : []
  for (const name of [
    'DATABASE_URL',
    'PORT',
    'ALGORITHM',
    'POOL_SIZE',
    'LOG_LEVEL',
    'ADMIN_EMAIL',
    'TOKENLESS_SOCKETS',
    'MESSAGE_NETS',
    'SMTP_URL',
    'PUSH_KEYS',
  ])
    expect(problems.filter((problem) => problem.startsWith(name))).toHaveLength(1)
})

test('P2: SECRET_KEY must be given with DATABASE_URL and in production', () => {
  const url = 'postgresql://localhost/qtable'
  expect(readConfig({ DATABASE_URL: url })).toHaveProperty('problems')
  expect(readConfig({ ENVIRONMENT: 'production' })).toHaveProperty('problems')
  expect(readConfig({ DATABASE_URL: url, SECRET_KEY: 'sixteen letters or more' })).toHaveProperty('config')
})

test('P1: settings of the old backend are understood', () => {
  const read = readConfig({
    LOG_LEVEL: 'WARNING',
    ALGORITHM: 'HS256',
    ACCESS_TOKEN_EXPIRE_MINUTES: '60',
    WS_HEARTBEAT_INTERVAL: '30',
    WS_CONNECTION_TIMEOUT: '60',
    REDIS_URL: 'redis://localhost:6379/0',
    WEB_CONCURRENCY: '1',
  })
  expect(read).toMatchObject({
    config: { LOG_LEVEL: 'warn', ACCESS_TOKEN_EXPIRE_MINUTES: 60, WS_HEARTBEAT_INTERVAL: 30 },
  })
})
