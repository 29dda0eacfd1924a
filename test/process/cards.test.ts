import { expect, test } from 'vitest'
import { commands } from '../../src/app.ts'
import { randomFrom } from '../random.ts'
import { cards } from './cards.ts'
import { Deck, playCard, type Picked } from './deck.ts'

const id = '00000000-0000-4000-8000-000000000001'
const picked: Picked = {
  table: id,
  spare: id,
  guest: id,
  reservation: id,
  made: () => id,
  staff: id,
  toRename: () => id,
  toSignOut: () => id,
  note: `note ${id}`,
  random: () => 0.4,
}
/** It rewrites what the log and kept answers said: what the writers remember would no longer be so. It has its own test. */
const UNPLAYED = ['erase-person']
const onV2 = cards.filter(({ api }) => api === 'v2')

test('P13, L5: the load of kill, failover and rolling tests has a card for each command of app.ts, as it is declared', () => {
  const declared = commands
    .filter(({ name }) => !UNPLAYED.includes(name))
    .map(({ name, method, path }) => `${name} ${method} ${path}`)
  const sent = onV2.map(({ command, method, path }) => `${command} ${method} ${path}`)
  expect(sent.toSorted(), 'cards of test/process/cards.ts').toEqual(declared.toSorted())
})

test('P13, L5: each card sends what its command takes', () => {
  for (const card of onV2) {
    const { input } = playCard(card, picked)!
    const read = commands.find(({ name }) => name === card.command)!.input.safeParse(input)
    expect(read.error?.issues ?? [], card.command).toEqual([])
  }
})

test('P13, L5: a deck begins with one card of each', () => {
  const all = { tables: [id], spares: [id], guests: [id], reservations: [id], staff: [id] }
  const made = Object.fromEntries(
    ['/areas', '/servers', '/sections', '/plans', '/devices', '/messages', '/people'].map((path) => [path, [id]]),
  )
  const known = { ...all, made, turns: { renamed: 0, signedOut: 0 } }
  for (let seed = 0; seed < 20; seed++) {
    const [deck, random] = [new Deck(cards), randomFrom(seed)]
    const first = cards.map(() => deck.next({ ...known, turns: { ...known.turns } }, random).card)
    expect(new Set(first).size, `seed ${seed}`).toBe(cards.length)
  }
})
