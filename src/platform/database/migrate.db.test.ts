import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { asLogin, databaseIn } from '../../../test/postgres.ts'
import { limits } from '../limits.ts'
import { migrate, readMigrations, type Migration } from './migrate.ts'

let url: string
const name = `qtable_${randomBytes(6).toString('hex')}`
beforeAll(async () => {
  await asLogin(inject('postgresUrl'), `create database ${name}`)
  url = databaseIn(inject('postgresUrl'), name)
})
afterAll(async () => {
  await asLogin(inject('postgresUrl'), `drop database ${name} with (force)`)
})

const one: Migration = { version: 1, name: 'one', sql: 'create table one (a int)', checksum: 'c1' }
const two: Migration = { version: 2, name: 'two', sql: 'create table two (a int)', checksum: 'c2' }
const broken: Migration = { version: 3, name: 'three', sql: 'create table three (a int); select 1/0', checksum: 'c3' }

test('P5: eight servers that start at once apply each migration once', async () => {
  const applied = await Promise.all(Array.from({ length: 8 }, () => migrate(url, [one, two])))
  expect(applied.reduce((sum, n) => sum + n, 0)).toBe(2)
  expect(await asLogin(url, 'select version, name, checksum from qtable.migrations order by 1')).toEqual([
    { version: 1, name: 'one', checksum: 'c1' },
    { version: 2, name: 'two', checksum: 'c2' },
  ])
})

test('P5: a changed migration and a newer database are refused', async () => {
  await expect(migrate(url, [{ ...one, checksum: 'other' }, two])).rejects.toThrow('was changed after')
  await expect(migrate(url, [one])).rejects.toThrow('start the newer QTable')
})

test('P5: a migration that fails leaves nothing, and the next start tries it again', async () => {
  await expect(migrate(url, [one, two, broken])).rejects.toThrow('division by zero')
  expect(await asLogin(url, `select to_regclass('qtable.three') as made`)).toEqual([{ made: null }])
  expect(await migrate(url, [one, two, { ...broken, sql: 'create table three (a int)' }])).toBe(1)
})

test('P5: a migration waits for those at work on its tables, and those who come after it do not wait for it', async () => {
  const alters = { version: 4, name: 'four', sql: 'alter table one add column b int', checksum: 'c4' }
  const before = [one, two, { ...broken, sql: 'create table three (a int)' }]
  const atWork = new pg.Client({ connectionString: url })
  await atWork.connect()
  try {
    await atWork.query('begin; lock table qtable.one in row exclusive mode')
    const migrating = migrate(url, [...before, alters])
    let isDone = false
    void migrating.finally(() => (isDone = true))
    // Longer than one try may wait for the lock.
    for (const end = Date.now() + 5 * limits.ownerLockMillis; Date.now() < end;)
      await asLogin(url, `set lock_timeout = '${20 * limits.ownerLockMillis}'; select count(*) from qtable.one`)
    expect(isDone).toBe(false)
    await atWork.query('commit')
    expect(await migrating).toBe(1)
  } finally {
    await atWork.end()
  }
})

test('P5: a login that is no superuser is enough, and is told what it lacks', async () => {
  const role = `plain_${randomBytes(4).toString('hex')}`
  const database = `${name}_plain`
  await asLogin(inject('postgresUrl'), `create role ${role} login createrole password 'p'`)
  await asLogin(inject('postgresUrl'), `create database ${database} owner ${role}`)
  const plain = databaseIn(inject('postgresUrl'), database).replace(/\/\/[^@]*@/, `//${role}:p@`)
  const real = await readMigrations(new URL('../../../migrations/', import.meta.url))
  try {
    await asLogin(inject('postgresUrl'), `grant qtable_app to ${role}`)
    expect(await migrate(plain, real)).toBe(real.length)
    await asLogin(inject('postgresUrl'), `revoke qtable_app from ${role}`)
    await asLogin(inject('postgresUrl'), `alter role ${role} nocreaterole`)
    await expect(migrate(plain, real)).rejects.toThrow('grant qtable_app')
  } finally {
    await asLogin(inject('postgresUrl'), `drop database ${database} with (force)`)
    await asLogin(inject('postgresUrl'), `drop role ${role}`)
  }
})

test('P5: the migrations of this folder are numbered without gaps', async () => {
  const real = await readMigrations(new URL('../../../migrations/', import.meta.url))
  expect(real.map(({ version }) => version)).toEqual(real.map((_, i) => i + 1))
})
