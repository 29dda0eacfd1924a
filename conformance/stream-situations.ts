import { Floor, guest, table } from './floor.ts'
import { check, type Kit, type Situation } from './kit.ts'

/** What a client must do on the socket. */

/** Text, numbers and keys that writers of JSON like to write differently. */
const AWKWARD = {
  ключ: '\u2028 line, é, 🍷, "quotes", \\ and /',
  '\u{1f377}': 'sorted after \ufb01 by code points, before it by UTF-16 units',
  '\ufb01': '\u0007\b\t\n\f\r\u001f\u007f',
  numbers: [
    0,
    -0,
    1,
    -1,
    0.1,
    1.5,
    100,
    1e20,
    1e21,
    1.5e21,
    1e-6,
    1e-7,
    1.25e-9,
    123456789012345680000,
    2 ** 53,
    0.000001234,
  ],
  nested: { b: [{ z: null, a: true }, []], a: {}, A: false },
}

const resyncs = ['epoch', 'floor', 'ahead', 'diverged', 'new', 'a reason of later'] as const

export const streamSituations: readonly Situation[] = [
  {
    name: 'a first connection: signs in, says hello with nothing held, takes the snapshot',
    section: '4, 6.2, 8',
    async play(kit) {
      const { hello, line, token } = await kit.hello('it did not sign in and say hello')
      check(!('epoch' in hello) && !('since' in hello), 'a client that holds nothing must leave epoch and since out')
      check(token === kit.server.accessToken, 'neither handshake nor hello had the access token of the sign-in')
      kit.floor = new Floor(7).hold('table', table()).hold('guest', guest())
      line.resync(kit.floor, 'new')
      await kit.holds(line)
    },
  },
  {
    name: 'the hash of awkward values: RFC 8785 and CRC-32',
    section: '8',
    async play(kit) {
      const { line } = await kit.hello()
      kit.floor = new Floor()
        .hold('guest', guest({ ...AWKWARD, firstName: 'Zoë' }))
        .hold('table', table({ x: 1e-7, y: 0 }))
      line.resync(kit.floor, 'new')
      await kit.holds(
        line,
        'its hash of awkward values is another one (a heartbeat with the right hash made it send hello)',
      )
    },
  },
  {
    name: 'changes in order, alone and several in one message',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      const mine = guest({ firstName: 'Bo' })
      line.changes(kit.floor.change([kit.floor.put('guest', mine), kit.floor.put('table', table({ number: '8' }))]))
      line.changes(
        kit.floor.change([kit.floor.put('guest', { ...mine, version: 2, status: 'seated' })]),
        kit.floor.guest(),
        kit.floor.change([kit.floor.drop(mine.id)]),
        kit.floor.change([]),
      )
      await kit.holds(line)
    },
  },
  {
    name: 'a new release: what it holds takes the new shape, without a snapshot',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      const [old, newer] = [guest({ notes: 'by the window' }), guest({ notes: 'quiet', kitchenNotes: 'no nuts' })]
      line.changes(kit.floor.change([kit.floor.put('guest', old), kit.floor.put('guest', newer)]))
      line.changes(kit.floor.upgrade({ add: { kitchenNotes: null } }), kit.floor.guest())
      await kit.holds(line, 'after an `upgrade` that adds a field it holds something else')
      line.changes(kit.floor.upgrade({ rename: { notes: 'hostNotes' }, remove: ['email'], add: { tags: [] } }))
      await kit.holds(line, 'after an `upgrade` that renames and removes fields it holds something else')
    },
  },
  {
    name: 'changes that it has already are skipped',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      const mine = guest()
      const [first, second] = [
        kit.floor.change([kit.floor.put('guest', mine)]),
        kit.floor.change([kit.floor.put('guest', { ...mine, version: 2, notes: 'newer' })]),
      ]
      line.changes(first, second).changes(first).changes(first, second, kit.floor.guest())
      await kit.holds(line, 'a change that it had was applied again, or the one behind it was not')
    },
  },
  {
    name: 'a missing change: hello with what it holds',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      line.changes(kit.floor.guest())
      const held = kit.floor.seq
      kit.floor.guest()
      line.changes(kit.floor.guest(), kit.floor.guest())
      await kit.resumes(held, 'a change was missing and it sent no hello')
      kit.catchUp(line, held)
      await kit.holds(line)
    },
  },
  {
    name: 'a change of another epoch: hello with what it holds',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      line.changes({ ...new Floor(kit.floor.seq).guest() })
      await kit.resumes(kit.floor.seq, 'a change had another epoch and it sent no hello')
      kit.catchUp(line, kit.floor.seq)
      await kit.holds(line)
    },
  },
  {
    name: 'a heartbeat with another hash: hello without epoch and since',
    section: '8',
    async play(kit) {
      const line = await kit.begin()
      line.beat(kit.floor, { hash: kit.floor.hash.replace(/-.*/, '-00000000') })
      await kit.anew('the hash at its own seq was another one and it sent no hello')
      line.resync(kit.floor, 'new')
      await kit.holds(line)
    },
  },
  {
    name: 'a heartbeat ahead of it: hello with what it holds at the second one, not at the first',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      const held = kit.floor.seq
      kit.floor.guest()
      line.beat(kit.floor)
      await kit.silent('one heartbeat ahead of it is no cause for a hello: the change may be on its way')
      line.beat(kit.floor)
      await kit.resumes(held, 'it stood still at two heartbeats ahead of it and sent no hello')
      kit.catchUp(line, held)
      await kit.holds(line)
    },
  },
  {
    name: 'a heartbeat that a change has overtaken is ignored; one of another epoch is not',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      line.changes(kit.floor.guest()).beat(kit.floor, { head: kit.floor.seq - 1, hash: '1-00000000' })
      await kit.silent('a heartbeat behind it says nothing of its state')
      line.beat(kit.floor, { epoch: new Floor().epoch })
      await kit.resumes(kit.floor.seq, 'a heartbeat had another epoch and it sent no hello')
      kit.catchUp(line, kit.floor.seq)
      await kit.holds(line)
    },
  },
  {
    name: 'the horizon: what ended before it is dropped, and an earlier one counts for nothing',
    section: '8',
    async play(kit) {
      const line = await kit.begin()
      const earlier = kit.floor.horizon
      kit.floor.horizon = '2026-11-23T17:30:00.000000Z'
      await kit.holds(line, 'it did not drop what ended before the horizon before it compared the hash')
      line.changes(kit.floor.guest({ endedAt: '2026-11-23T17:29:59.999999Z' }))
      await kit.holds(line, 'it holds an entity that ended before the horizon')
      line.beat(kit.floor, { horizon: earlier, hash: '9-99999999' })
      await kit.silent('a hash with a horizon earlier than one seen before is to be ignored')
    },
  },
  {
    name: 'types, kinds, fields and events that it does not know; a binary frame',
    section: '2, 6.1',
    async play(kit) {
      const line = await kit.begin()
      line.send({ type: 'weather', forecast: 'rain' })
      line.sendBinary('{"type":"changes"')
      const course = { id: table().id, version: 1, name: 'Soup', endedAt: null, price: 7.5 }
      line.send({
        type: 'changes',
        more: true,
        changes: [kit.floor.change([kit.floor.put('course', course, 'simmering')])],
      })
      line.changes({ ...kit.floor.guest({ allergies: ['nuts'] }), more: { x: 1 } })
      await kit.holds(line, 'an entity of a kind, or a field, that it does not know belongs to the state and its hash')
      line.changes(kit.floor.change([kit.floor.drop(course.id)]))
      await kit.holds(line)
    },
  },
  {
    name: 'resync at any moment, for each reason, one that nobody knows too',
    section: '6.2',
    async play(kit) {
      const line = await kit.begin()
      for (const reason of resyncs) {
        const old = kit.floor
        kit.floor = new Floor(reason === 'ahead' ? 3 : 500).hold('guest', guest({ notes: reason }))
        line.send({ type: 'resync', reason, epoch: kit.floor.epoch, head: kit.floor.seq })
        // Of before: it may come still.
        line.changes(old.guest())
        line.send({ type: 'snapshot', ...kit.floor.snapshot }).changes(kit.floor.guest())
        line.beat(kit.floor)
      }
      await kit.holds(line)
    },
  },
  {
    name: 'a new connection resumes: epoch, since and at are those of its newest change',
    section: '6.2',
    async play(kit) {
      const line = await kit.begin()
      line.changes(kit.floor.guest(), kit.floor.guest())
      await kit.holds(line)
      const held = kit.floor.seq
      line.send({ type: 'reconnect', afterMillis: 0, reason: 'a test' }).close(1001)
      kit.floor.guest()
      const { line: next } = await kit.resumes(held, 'it did not come again')
      kit.catchUp(next, held)
      await kit.holds(next)
    },
  },
  {
    name: 'reconnect advice: it waits that long, and no longer',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      const wait = kit.server.scaled(3_000)
      const at = performance.now()
      line.send({ type: 'reconnect', afterMillis: 3_000, reason: 'a test' }).close(1001)
      const { at: back, line: next } = await kit.resumes(kit.floor.seq, 'it did not come again after a reconnect')
      check(back - at >= wait * 0.95, `it was told to wait ${wait} ms and came after ${Math.round(back - at)}`)
      check(back - at < wait + 3_000, `it was told to wait ${wait} ms and came only after ${Math.round(back - at)}`)
      kit.catchUp(next, kit.floor.seq)
      await kit.holds(next)
    },
  },
  {
    name: 'a restart: the stored state is resumed',
    section: '6.2',
    restarts: true,
    async play(kit) {
      const line = await kit.begin()
      line.changes(kit.floor.guest())
      await kit.holds(line)
      await stored(kit)
      await kit.restart!()
      const { hello, line: next } = await kit.hello('it did not come again after a restart')
      const { since } = hello
      check(
        typeof since === 'number' && since <= kit.floor.seq,
        'after a restart its hello must say epoch and since of the state that it stored',
      )
      kit.expectPlace(hello, since)
      kit.catchUp(next, since)
      await kit.holds(next, 'the state that it stored is not what it held')
    },
  },
]

/** Waits for as long as a client may take to store its state: six seconds of its clock. */
const stored = (kit: Kit): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, kit.server.scaled(6_000) + 200))
